"""The guard refuses faults beyond what the scenario tolerates, at plan time and with live facts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.plan.guard import check_budget
from harness.plan.load import Plan
from harness.plan.models import Tolerates

STRICT = Tolerates(nodes_down=1, resync="exclusive")
LOOSE = Tolerates(nodes_down=2, resync="busy")

LOSS = "{{id: {id}, fault: node.power_loss, {moment}, target: {target}, for: 10m}}"
REBOOT = "'phase.enter update/install/cau/node[*]/reboot nth=1'"


@pytest.mark.parametrize(
    ("tolerates", "down", "resyncing", "adds", "allowed"),
    [
        (STRICT, 0, False, 1, True),
        (STRICT, 1, False, 1, False),
        (STRICT, 0, True, 1, False),
        (STRICT, 1, True, 0, True),
        (STRICT, 3, False, 0, True),
        (LOOSE, 1, True, 1, True),
        (LOOSE, 2, False, 1, False),
        (LOOSE, 0, False, 3, False),
        (Tolerates(nodes_down=2, resync="exclusive"), 1, True, 1, False),
        (Tolerates(nodes_down=0, resync="busy"), 0, False, 1, False),
    ],
)
def test_budget(tolerates: Tolerates, down: int, resyncing: bool, adds: int, allowed: bool) -> None:
    assert (check_budget(tolerates, down, resyncing, adds) is None) is allowed


def test_storage_fault_wants_redundancy() -> None:
    assert check_budget(STRICT, 0, True, 0, touches_storage=True) is not None
    assert check_budget(STRICT, 0, False, 0, touches_storage=True) is None


def test_refusal_says_what_to_declare() -> None:
    refusal = check_budget(STRICT, 1, True, 1)
    assert str(refusal) == (
        "it would leave 2 nodes down, tolerated: 1; declare 'tolerates: {nodes_down: 2}' if that is meant"
    )


def faults(*entries: tuple[str, str, str]) -> str:
    rows = (LOSS.format(id=name, moment=moment, target=target) for name, moment, target in entries)
    return "    faults:\n" + "".join(f"      - {row}\n" for row in rows)


def tolerating(nodes_down: int, resync: str) -> str:
    return f"    tolerates: {{nodes_down: {nodes_down}, resync: {resync}}}\n"


@pytest.mark.parametrize(
    ("entries", "tolerates", "refused"),
    [
        pytest.param([("a", "on: phase.enter update/download", "one")], (1, "exclusive"), [], id="alone"),
        pytest.param([("a", f"on: {REBOOT}", "one & not self")], (1, "exclusive"), [0], id="second node in a turn"),
        pytest.param([("a", f"on: {REBOOT}", "one & not self")], (2, "exclusive"), [0], id="stale data"),
        pytest.param([("a", f"on: {REBOOT}", "one & not self")], (2, "busy"), [], id="declared"),
        pytest.param([("a", f"on: {REBOOT}", "self")], (1, "exclusive"), [], id="the node that is away"),
        pytest.param([("a", "on: phase.enter update/**", "one")], (1, "exclusive"), [0], id="wildcard over a turn"),
        pytest.param([("a", "on: phase.enter update/download", "not node(1)")], (1, "busy"), [0], id="any target"),
        pytest.param(
            [("a", "on: phase.enter update/download", "one"), ("b", "after: a.active", "one")],
            (1, "busy"), [1], id="on top of the first",
        ),
        pytest.param(
            [("a", "on: phase.enter update/download", "one"), ("b", "after: a.clean", "one")],
            (1, "exclusive"), [], id="behind the first",
        ),
        pytest.param(
            [("a", "on: phase.enter update/download", "one"), ("b", "on: phase.enter update/prepare", "one")],
            (1, "busy"), [0, 1], id="may coincide",
        ),
        pytest.param(
            [("a", "on: phase.enter update/download", "one"), ("b", "after: a.active", "one"),
             ("c", "after: b.clean", "one")],
            (2, "busy"), [], id="two at most",
        ),
    ],
)  # fmt: skip
def test_plan_time(
    mistakes: Callable[[str], list[str]],
    sample: Any,
    entries: list[tuple[str, str, str]],
    tolerates: tuple[int, str],
    refused: list[int],
) -> None:
    found = mistakes(sample.header + sample.scenario + faults(*entries) + tolerating(*tolerates))
    assert [int(line.split("faults.")[1].split(":")[0]) for line in found] == refused
    assert all("the guard refuses" in line for line in found)


def test_message_names_fault_target_and_remedy(mistakes: Callable[[str], list[str]], sample: Any) -> None:
    text = sample.header + sample.scenario + faults(("dies", f"on: {REBOOT}", "one & not self"))
    assert mistakes(text) == [
        "sample.yaml:10:9: scenarios.0.faults.0: the guard refuses 'dies' (node.power_loss on one & not self): "
        "it would leave 2 nodes down, tolerated: 1; declare 'tolerates: {nodes_down: 2}' if that is meant"
    ]


def test_load_allows_the_demo_shape(load: Callable[[str], Plan], sample: Any) -> None:
    text = sample.header + sample.scenario + faults(("dies", f"on: {REBOOT}", "one & not self")) + tolerating(2, "busy")
    assert load(text).scenarios[0].tolerates == LOOSE
