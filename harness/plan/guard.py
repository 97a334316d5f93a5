"""The guard: no fault beyond what the scenario says it tolerates.

`check_budget` is a pure function of a few facts.  It is asked twice: at plan time with the worst case that the plan's
own text allows (`plan_refusals`), and again at the instant of the injection with live facts.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.plan.models import Fault, Scenario, Tolerates
from harness.plan.path_pattern import PathPattern
from harness.plan.vocabulary import FAULTS, NODE_STEPS

LARGEST_CLUSTER = 16


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a fault must not happen, and what the plan must declare to allow it."""

    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.reason}; {self.remedy}"


def check_budget(
    tolerates: Tolerates, nodes_down: int, resyncing: bool, adds_node_down: int, *, touches_storage: bool = False
) -> Refusal | None:
    """Whether a fault may happen now.

    `nodes_down`: nodes that are not up now, whatever the reason; `resyncing`: repair jobs run, or data of an absent
    node waits for repair; `adds_node_down`: nodes that the fault would take down beyond those; `touches_storage`: the
    fault removes copies of data without taking a node down.
    """
    after = nodes_down + adds_node_down
    if adds_node_down and after > tolerates.nodes_down:
        return Refusal(
            f"it would leave {after} {'nodes' if after > 1 else 'node'} down, tolerated: {tolerates.nodes_down}",
            f"declare 'tolerates: {{nodes_down: {after}}}' if that is meant",
        )
    if resyncing and tolerates.resync == "exclusive" and (adds_node_down or touches_storage):
        return Refusal(
            "it would remove copies of data while others are missing or resynchronise",
            "declare 'tolerates: {resync: busy}' if that is meant",
        )
    return None


def plan_refusals(scenario: Scenario, node_count: int = LARGEST_CLUSTER) -> dict[int, Refusal]:
    """Position of each fault that the plan's own text does not allow → why.

    The worst case: every fault that is not chained behind the end of another may coincide with it, and a trigger inside
    a node's turn of the rolling update means that this node is away and its data is stale.
    """
    refusals: dict[int, Refusal] = {}
    for position, fault in enumerate(scenario.faults):
        others = sum(
            nodes_taken_down(other, node_count)
            for other in scenario.faults
            if other is not fault and _may_coincide(fault, other, scenario)
        )
        in_turn = fault.on is not None and _inside_node_turn(fault.on.path)
        refusal = check_budget(
            scenario.tolerates,
            nodes_down=int(in_turn) + others,
            resyncing=in_turn or others > 0,
            adds_node_down=0 if in_turn and fault.target.only_self else nodes_taken_down(fault, node_count),
            touches_storage=FAULTS[fault.fault].touches_storage,
        )
        if refusal is not None:
            refusals[position] = refusal
    return refusals


def nodes_taken_down(fault: Fault, node_count: int) -> int:
    """The largest number of nodes that the fault can take down in a cluster of `node_count` nodes."""
    return fault.target.most(node_count) if FAULTS[fault.fault].takes_node_down else 0


def _may_coincide(fault: Fault, other: Fault, scenario: Scenario) -> bool:
    """Whether `other` may be active when `fault` begins: not when one waits for the other to be clean."""
    return not _waits_for_clean(fault, other.id, scenario) and not _waits_for(other, fault.id, scenario)


def _waits_for_clean(fault: Fault, other_id: str, scenario: Scenario) -> bool:
    by_id = {one.id: one for one in scenario.faults}
    current: Fault | None = fault
    while current is not None and current.after is not None:
        if current.after.fault == other_id:
            return current.after.state == "clean"
        current = by_id.get(current.after.fault)
    return False


def _waits_for(fault: Fault, other_id: str, scenario: Scenario) -> bool:
    """Whether `fault` begins after `other_id` in any case, so that it is not yet there when `other_id` begins."""
    by_id = {one.id: one for one in scenario.faults}
    current: Fault | None = fault
    while current is not None and current.after is not None:
        if current.after.fault == other_id:
            return True
        current = by_id.get(current.after.fault)
    return False


def _inside_node_turn(path: PathPattern | None) -> bool:
    """Whether the pattern can match a step of one node's turn (drain … resume) of the rolling update."""
    if path is None:
        return False
    turns = [
        "update/install/cau/node[1]",
        *(f"update/install/cau/node[1]/{step}" for step in NODE_STEPS if step != "wait-storage"),
    ]
    generic = PathPattern(
        tuple(type(part)(part.name, "*" if part.name == "node" else part.index) for part in path.segments)
    )
    return any(generic.matches(turn) for turn in turns)
