"""Variants of a scenario, defaults, and what a resolved scenario holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from harness.plan.load import Plan
from harness.plan.plain import from_plain, to_plain

Load = Callable[[str], Plan]
Find = Callable[[str], list[str]]

MATRIX = """\
    matrix:
      axes:
        lab: [twin-4node, twin-16node]
        faults.dies.for: [10m, 1h30m]
        workflow.options.prepare_only: [false, true]
      exclude:
        - {lab: twin-16node, faults.dies.for: 10m}
      include:
        - {lab: twin-1node, faults.dies.for: 30s, workflow.options.prepare_only: false}
"""


def test_cross_product_with_exclude_and_include(load: Load, sample: Any) -> None:
    scenarios = load(sample.sound + MATRIX).scenarios
    assert [scenario.id for scenario in scenarios] == [
        "UPD-001.twin-4node-10m-false",
        "UPD-001.twin-4node-10m-true",
        "UPD-001.twin-4node-1h30m-false",
        "UPD-001.twin-4node-1h30m-true",
        "UPD-001.twin-16node-1h30m-false",
        "UPD-001.twin-16node-1h30m-true",
        "UPD-001.twin-1node-30s-false",
    ]
    prepared = scenarios[3]
    assert prepared.base_id == "UPD-001"
    assert prepared.faults[0].lasts == timedelta(minutes=90)
    assert prepared.workflow.options.prepare_only
    assert prepared.consumes == "preparation"
    assert dict(prepared.axes) == {
        "faults.dies.for": "1h30m", "lab": "twin-4node", "workflow.options.prepare_only": True,
    }  # fmt: skip
    assert all(from_plain(to_plain(scenario)) == scenario for scenario in scenarios)


def test_axis_over_a_limit(load: Load, sample: Any) -> None:
    matrix = "    matrix: {axes: {limits.vm.outage.longest: [<= 1s, <= 2s]}}\n"
    limits = [scenario.limits[0].le for scenario in load(sample.sound + matrix).scenarios]
    assert limits == [1.0, 2.0]


def test_bad_axis_value_is_reported_where_it_stands(mistakes: Find, sample: Any) -> None:
    matrix = "    matrix: {axes: {faults.dies.for: [10m, 5], lab: [twin-4nod]}}\n"
    assert sorted(mistakes(sample.sound + matrix)) == [
        "sample.yaml:15:44: scenarios.0.faults.0.for: a duration needs a unit: '5s', '5m' or '5h'?",
        "sample.yaml:15:54: scenarios.0.matrix.axes.lab.0: unknown lab 'twin-4nod' (did you mean 'twin-4node'?)",
    ]


def test_axis_must_name_something(mistakes: Find, sample: Any) -> None:
    matrix = "    matrix: {axes: {faults.lives.for: [10m], id: [X-001]}}\n"
    assert mistakes(sample.sound + matrix) == [
        "sample.yaml:15:21: scenarios.0.matrix.axes.faults.lives.for: the axis 'faults.lives.for' names 'lives', "
        "but nothing in 'faults' has this id"
    ]


def test_unknown_key_below_an_axis(mistakes: Find, sample: Any) -> None:
    matrix = "    matrix: {axes: {workflow.optoins.prepare_only: [true]}}\n"
    found = mistakes(sample.sound + matrix)
    assert len(found) == 1
    assert "unknown key 'optoins' (did you mean 'options'?)" in found[0]


def test_exclude_must_leave_something(mistakes: Find, sample: Any) -> None:
    matrix = "    matrix: {axes: {lab: [twin-4node]}, exclude: [{lab: twin-4node}]}\n"
    assert mistakes(sample.sound + matrix) == [
        "sample.yaml:15:50: scenarios.0.matrix.exclude: no variant is left after 'exclude'"
    ]


def test_include_needs_every_axis(mistakes: Find, sample: Any) -> None:
    matrix = "    matrix: {axes: {lab: [twin-4node], severity: [minor]}, include: [{lab: twin-1node, size: 3}]}\n"
    assert sorted(line.split(": ", 2)[2] for line in mistakes(sample.sound + matrix)) == [
        "'size' is no axis of this matrix",
        "a value for the axis 'severity' is missing",
    ]


def test_equal_suffixes_are_refused(mistakes: Find, sample: Any) -> None:
    matrix = "    matrix: {axes: {severity: [minor, Minor]}}\n"
    assert any("two variants have the same id suffix 'minor'" in line for line in mistakes(sample.sound + matrix))


def test_defaults_are_merged_key_by_key(load: Load) -> None:
    scenario = load(
        """\
schema: 1
plan: sample
title: t
defaults:
  lab: twin-4node
  severity: minor
  from: {solution: 12.2509.1001.22}
  needs: {nodes: ">= 4", capabilities: [arm]}
  tolerates: {nodes_down: 2}
  limits: {vm.outage.longest: <= 2s, update.duration: <= 10h}
  budgets: {settle: 1h}
scenarios:
  - id: UPD-001
    title: t
    workflow: {kind: solution, target: {solution: 12.2510.1002.94}}
    needs: {guests: 8}
    tolerates: {resync: busy}
    limits: {update.duration: null, vm.restart.count: 0}
    budgets: {poll: 2m}
"""
    ).scenarios[0]
    assert scenario.severity == "minor"
    assert (str(scenario.needs.nodes), str(scenario.needs.guests)) == (">= 4", ">= 8")
    assert scenario.needs.capabilities == ("arm", "guest_probes")
    assert (scenario.tolerates.nodes_down, scenario.tolerates.resync) == (2, "busy")
    assert [limit.measurement for limit in scenario.limits] == ["vm.outage.longest", "vm.restart.count"]
    assert (scenario.budgets.settle, scenario.budgets.poll) == (timedelta(hours=1), timedelta(minutes=2))


def test_capabilities_follow_from_faults_and_hold(load: Load, sample: Any) -> None:
    scenario = load(sample.sound.replace("target: one", "target: one\n        hold: true")).scenarios[0]
    assert scenario.needs.capabilities == ("hold", "power")


def test_observe_changes_nothing(load: Load, mistakes: Find, sample: Any) -> None:
    observe = "  - {id: OBS-001, title: Look, workflow: {kind: observe}}\n"
    assert load(sample.header + observe).scenarios[0].consumes == "nothing"
    wrong = observe.replace("observe}", "observe, resume: {on_failure: 1}}")
    assert [line.split(": ", 2)[2] for line in mistakes(sample.header + wrong)] == [
        "'observe' changes nothing and takes no 'resume'"
    ]
