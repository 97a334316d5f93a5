"""Workflows of kind hotpatch: what a person may write, what it means, and every mistake in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from harness.labs.models import find_lab
from harness.plan.fits import fits
from harness.plan.load import load_plan
from harness.plan.models import Scenario
from harness.plan.plain import from_plain, to_plain
from harness.plan.render import render

HEADER = """\
schema: 1
plan: sample
title: A sample
defaults: {lab: twin-4node}
scenarios:
  - id: HP-001
    title: Something
    workflow: """
FAULT = """
    faults:
      - {id: dies, fault: node.power_loss, on: phase.enter update/install, target: one, for: 10m}"""
WINDOW = "window: {from: 30m, for: 3h}"


@pytest.fixture
def scenario(tmp_path: Path) -> Callable[[str], Scenario]:
    def load(workflow: str) -> Scenario:
        path = tmp_path / "sample.yaml"
        path.write_text(f"{HEADER}{workflow}\n", encoding="utf-8")
        return load_plan(path, labs={"twin-4node", "twin-2node-guests"}).scenarios[0]

    return load


def test_what_is_left_out_is_filled_in(scenario: Callable[[str], Scenario]) -> None:
    found = scenario("{kind: hotpatch, month: 2025-12}")
    assert to_plain(found)["workflow"]["guest_updates"] == {"month": "2025-12", "guests": "all", "window": None}
    assert (found.consumes, found.start) == ("version", None)
    assert found.needs.capabilities == ("guest_probes",)
    assert "update Windows in all managed guests to the hotpatch of 2025-12" in render(found)


def test_baseline_month(scenario: Callable[[str], Scenario]) -> None:
    found = scenario(f"{{kind: hotpatch, month: 2026-01, guests: [vm002, vm001], {WINDOW}}}")
    wanted = found.workflow.guest_updates
    assert wanted is not None
    assert wanted.window is not None
    assert (wanted.guests, wanted.window.opens_after) == (("vm002", "vm001"), timedelta(minutes=30))
    assert from_plain(json.loads(json.dumps(to_plain(found)))) == found
    assert "restart one guest at a time, between 30m after the start and 3h later" in render(found)


@pytest.mark.parametrize(
    ("workflow", "expected"),
    [
        (
            "{kind: hotpatch}",
            "8:15: @.workflow: a hotpatch workflow needs a 'month', for example month: 2025-12",
        ),
        (
            "{kind: hotpatch, month: 2025-13}",
            "8:39: @.workflow.month: '2025-13' is no month; write year and month, for example 2025-12",
        ),
        (
            "{kind: hotpatch, month: 2026-06}",
            "8:39: @.workflow.month: there is no hotpatch or baseline of 2026-06 in guest_updates.yaml; it has "
            "2025-07 to 2026-05 (did you mean '2026-05'?)",
        ),
        (
            "{kind: hotpatch, month: 2026-01}",
            "8:15: @.workflow: 2026-01 brings a baseline, which needs a restart: say when, for example window: "
            "{from: 30m, for: 3h}",
        ),
        (
            f"{{kind: hotpatch, month: 2025-12, {WINDOW}}}",
            "8:48: @.workflow.window: 2025-12 brings hotpatches, which need no restart; leave 'window' out",
        ),
        (
            "{kind: hotpatch, month: 2026-01, window: {from: 1m, for: 5m}}",
            "8:72: @.workflow.window.for: shorter than 20m, no restart fits into it",
        ),
        (
            "{kind: hotpatch, month: 2026-01, window: {from: 12h, for: 3h}}",
            "8:56: @.workflow.window: the window closes after 'budgets.deadline' (13h)",
        ),
        (
            "{kind: hotpatch, month: 2026-01, window: {form: 1m, for: 1h}}",
            "8:57: @.workflow.window.form: unknown key 'form' (did you mean 'for'?)",
        ),
        (
            "{kind: hotpatch, month: 2025-12, guests: vm001}",
            "8:56: @.workflow.guests: expected 'all' or a list of guests, found the text 'vm001'",
        ),
        (
            "{kind: hotpatch, month: 2025-12, guests: [vm001, vm001]}",
            "8:56: @.workflow.guests: a guest is there twice",
        ),
        (
            "{kind: hotpatch, month: 2025-12, target: {solution: 12.2510.1002.94}}",
            "8:48: @.workflow.target: 'hotpatch' updates guests, not the cluster, and takes no 'target'",
        ),
        (
            "{kind: solution, target: {solution: 12.2510.1002.94}, month: 2025-12}",
            "8:69: @.workflow.month: 'solution' updates the cluster, not its guests, and takes no 'month'",
        ),
        (
            "{kind: hotpatch, mont: 2025-12}",
            "8:32: @.workflow.mont: unknown key 'mont' (did you mean 'month'?)",
        ),
        (
            "{kind: hotpatch, month: 2025-12}\n    guides: {expect: [upd-arb-offline]}",
            "9:5: @.guides: 'hotpatch' starts no update of the cluster, so there is none to lead out of trouble",
        ),
        (
            f"{{kind: hotpatch, month: 2025-12}}{FAULT}",
            "10:48: @.faults.0.on: 'hotpatch' starts no update of the cluster, so this phase is never entered",
        ),
    ],
)
def test_mistakes(mistakes: Callable[[str], list[str]], workflow: str, expected: str) -> None:
    assert f"sample.yaml:{expected}".replace("@", "scenarios.0") in mistakes(f"{HEADER}{workflow}\n")


def test_guests_that_the_lab_does_not_manage_do_not_fit(scenario: Callable[[str], Scenario]) -> None:
    everywhere = scenario("{kind: hotpatch, month: 2025-12}")
    named = scenario("{kind: hotpatch, month: 2025-12, guests: [vm001, vm008]}")
    lab, without = find_lab("twin-2node-guests"), find_lab("twin-4node")
    assert fits(everywhere, lab) == []
    assert [(each.part, each.message) for each in fits(everywhere, without)] == [
        ("workflow.guests", "none of the lab's guests can be managed")
    ]
    (misfit,) = fits(named, lab)
    assert misfit.message.startswith("'vm008' is none of the guests that can be managed there: vm001")
