"""Scenarios that are legs of one update: how they are counted, and what is wrong with a campaign."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from harness.plan.load import Plan
from harness.plan.models import Leg
from harness.plan.render import render

if TYPE_CHECKING:
    from tests.unit.plan.conftest import Sample

Find = Callable[[str], list[str]]

LEGS = """\
  - id: CMP-001
    title: First
    leg: {campaign: night, until: phase.enter update/install}
    workflow: {kind: solution, target: {solution: 12.2510.1002.94}}
  - id: CMP-002
    title: Second
    leg: {campaign: night, until: "phase.enter update/install/cau/node[*]/reboot last"}
    workflow: {kind: solution, target: {solution: 12.2510.1002.94}, resume: {on_failure: 1}}
  - id: CMP-003
    title: Third
    leg: {campaign: night}
    workflow: {kind: solution, target: {solution: 12.2510.1002.94}}
"""
OTHER = """\
  - id: UPD-001
    title: Between
    workflow: {kind: solution, target: {solution: 12.2510.1002.94}}
"""


def leg(plan: Plan, scenario_id: str) -> Leg:
    found = plan.scenario(scenario_id).leg
    assert found is not None
    return found


def test_legs_are_counted_in_the_order_of_the_file(load: Callable[[str], Plan], sample: Sample) -> None:
    plan = load(sample.header + OTHER + LEGS)
    assert [(leg(plan, f"CMP-00{n}").number, leg(plan, f"CMP-00{n}").of) for n in (1, 2, 3)] == [(1, 3), (2, 3), (3, 3)]
    assert [leg(plan, f"CMP-00{n}").after for n in (1, 2, 3)] == [None, "CMP-001", "CMP-002"]
    assert plan.scenario("UPD-001").leg is None


def test_limits_of_the_whole_update_are_inherited_by_the_last_leg_alone(
    load: Callable[[str], Plan], sample: Sample
) -> None:
    header = sample.header.replace(
        "from: {solution: 12.2509.1001.22}}",
        "from: {solution: 12.2509.1001.22}, limits: {update.duration: <= 9h, vm.restart.count: <= 0}}",
    )
    plan = load(header + LEGS)
    names = {scenario.id: [limit.measurement for limit in scenario.limits] for scenario in plan.scenarios}
    assert names == {
        "CMP-001": ["vm.restart.count"],
        "CMP-002": ["vm.restart.count"],
        "CMP-003": ["update.duration", "vm.restart.count"],
    }


def test_rendering_says_who_takes_over_and_when(load: Callable[[str], Plan], sample: Sample) -> None:
    first, second, third = (render(scenario) for scenario in load(sample.header + LEGS).scenarios)
    assert "leg 2 of 3 of campaign 'night'" in second
    assert "take over from CMP-001" in second
    assert "hand the running update over" in first
    assert "hand the running update over" not in third
    assert "check that the cluster is healthy" in first
    assert "check that the cluster is healthy" not in second


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            "    leg: {campaign: night, until: phase.enter update/install}\n",
            "    leg: {campaign: night}\n",
            ["8:10: scenarios.0.leg: a later leg follows: say when this one ends, for example"],
            id="no end",
        ),
        pytest.param(
            "    leg: {campaign: night}\n",
            "    leg: {campaign: night, until: phase.enter update/install}\n",
            ["16:28: scenarios.2.leg.until: no leg follows: the last one ends with the update"],
            id="end of the last",
        ),
        pytest.param(
            "    title: Third\n",
            "    title: Third\n    lab: twin-1node\n    provoke: [{defect: no_ha_restart}]\n",
            [
                "16:10: scenarios.2.lab: differs from 'CMP-001': the legs of a campaign share one update",
                "17:5: scenarios.2.provoke: only the first leg, 'CMP-001', begins at a baseline",
            ],
            id="other lab, late provocation",
        ),
        pytest.param(
            "    title: Third\n    leg: {campaign: night}\n    workflow: {kind: solution,",
            "    title: Third\n    leg: {campaign: night}\n"
            "    workflow: {kind: solution, options: {ignore_warnings: true},",
            ["17:15: scenarios.2.workflow: differs from 'CMP-001'"],
            id="other options",
        ),
        pytest.param(
            "  - id: CMP-003\n", OTHER + "  - id: CMP-003\n", ["must follow each other"], id="something between"
        ),
        pytest.param(
            "    title: First\n",
            "    title: First\n    limits: {update.duration: <= 9h}\n",
            ["8:14: scenarios.0.limits.update.duration: this leg hands the update over"],
            id="limit on the whole",
        ),
        pytest.param(
            "    title: First\n",
            "    title: First\n    matrix: {axes: {lab: [twin-4node, twin-16node]}}\n",
            ["a leg has no variants: its campaign is one update"],
            id="matrix",
        ),
        pytest.param(
            "update/install}",
            "update/instal}",
            ["8:54: scenarios.0.leg.until: unknown path part 'instal'"],
            id="misspelt end",
        ),
    ],
)
def test_mistake(mistakes: Find, sample: Sample, old: str, new: str, expected: list[str]) -> None:
    assert old in LEGS
    found = mistakes(sample.header + LEGS.replace(old, new, 1))
    assert found, "a mistake must be found"
    for wanted in expected:
        assert any(wanted in line for line in found), found


def test_legs_share_an_update_of_the_cluster(mistakes: Find, sample: Sample) -> None:
    plain = LEGS.replace(", resume: {on_failure: 1}", "")
    guests = plain.replace("{kind: solution, target: {solution: 12.2510.1002.94}}", "{kind: hotpatch, month: 2025-12}")
    found = mistakes(sample.header + guests)
    assert any("'hotpatch' starts no update of the cluster" in line for line in found), found


def test_campaign_of_one_leg(mistakes: Find, sample: Sample) -> None:
    alone = LEGS[: LEGS.index("  - id: CMP-002")]
    (found,) = mistakes(sample.header + alone)
    assert "campaign 'night' has no other leg" in found
