"""Campaigns: scenarios that are legs of one update.  Counts the legs of a plan, and says what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from harness.plan.models import Scenario
from harness.plan.text import Objection

Placed = tuple[int, Objection]
"""Position of a scenario in the plan, and what is wrong with it."""


def count_legs(scenarios: Sequence[Scenario]) -> tuple[Scenario, ...]:
    """The scenarios in their order; each leg knows its number, how many there are, and whom it follows."""
    by_campaign: dict[str, list[Scenario]] = {}
    for scenario in scenarios:
        if scenario.leg is not None:
            by_campaign.setdefault(scenario.leg.campaign, []).append(scenario)
    return tuple(
        scenario if scenario.leg is None else _counted(scenario, by_campaign[scenario.leg.campaign])
        for scenario in scenarios
    )


def _counted(scenario: Scenario, legs: Sequence[Scenario]) -> Scenario:
    number = legs.index(scenario) + 1
    after = legs[number - 2].id if number > 1 else None
    leg = scenario.leg and scenario.leg.model_copy(update={"number": number, "of": len(legs), "after": after})
    return scenario.model_copy(update={"leg": leg})


def campaign_objections(scenarios: Sequence[Scenario]) -> Iterator[Placed]:
    """Everything that is wrong with the campaigns of a plan whose legs are counted."""
    seen: set[str] = set()
    placed = enumerate(scenarios)
    for campaign, group in groupby(placed, key=lambda pair: pair[1].leg and pair[1].leg.campaign):
        if campaign is None:
            continue
        legs = list(group)
        if campaign in seen:
            yield legs[0][0], Objection(("leg",), f"the legs of campaign '{campaign}' must follow each other")
        elif len(legs) == 1:
            alone = f"campaign '{campaign}' has no other leg; add one, or leave 'leg' out"
            yield legs[0][0], Objection(("leg",), alone)
        else:
            yield from _ends(legs)
            yield from _shared(legs)
        seen.add(campaign)


def _ends(legs: Sequence[tuple[int, Scenario]]) -> Iterator[Placed]:
    """All but the last leg say when they end."""
    for position, scenario in legs[:-1]:
        if scenario.leg is not None and scenario.leg.until is None:
            example = "for example 'until: phase.enter update/install'"
            yield position, Objection(("leg",), f"a later leg follows: say when this one ends, {example}")
    position, last = legs[-1]
    if last.leg is not None and last.leg.until is not None:
        yield position, Objection(("leg", "until"), "no leg follows: the last one ends with the update", at_key=True)


def _shared(legs: Sequence[tuple[int, Scenario]]) -> Iterator[Placed]:
    """There is one update, on one lab, from one baseline."""
    first = legs[0][1]
    for position, scenario in legs:
        if scenario.workflow.kind == "observe":
            yield position, Objection(("workflow", "kind"), "'observe' starts no update that legs could share")
    for position, scenario in legs[1:]:
        mine, wanted = scenario.workflow, first.workflow
        for path, same in (
            (("lab",), scenario.lab == first.lab),
            (("from",), scenario.start == first.start),
            (("workflow",), (mine.kind, mine.target, mine.options) == (wanted.kind, wanted.target, wanted.options)),
        ):
            if not same:
                yield position, Objection(path, f"differs from '{first.id}': the legs of a campaign share one update")
        if scenario.provoke:
            why = f"only the first leg, '{first.id}', begins at a baseline at which something can be planted"
            yield position, Objection(("provoke",), why, at_key=True)
