"""Rules that connect several parts of a scenario; the rules inside one part are validated with that part."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from harness.plan.guard import plan_refusals
from harness.plan.models import Scenario
from harness.plan.quantity import format_duration
from harness.plan.resolve import consumed_by
from harness.plan.text import Objection

# [T] Get-SolutionUpdate-GatewayTimeout: frequent polling is the cause; no faster than once per 30-60 s [INF].
SHORTEST_POLL: Final = timedelta(seconds=30)


def objections(scenario: Scenario) -> list[Objection]:
    """Everything that is wrong with a scenario as a whole."""
    return [*_versions(scenario), *_consumes(scenario), *_budgets(scenario), *_guard(scenario), *_observe(scenario)]


def version_key(version: str) -> tuple[int, ...]:
    """A version for ordering: `12.2510.1002.94` → (12, 2510, 1002, 94)."""
    return tuple(int(part) for part in version.split("."))


def _versions(scenario: Scenario) -> Iterator[Objection]:
    target, start = scenario.workflow.target, scenario.start
    if target is None or start is None:
        return
    for part in ("solution", "sbe"):
        wanted, before = getattr(target, part), getattr(start, part)
        if wanted is not None and before is not None and version_key(wanted) <= version_key(before):
            message = f"the target {wanted} is not newer than 'from' {before}; the product does not go back"
            yield Objection(("workflow", "target", part), message)


def _consumes(scenario: Scenario) -> Iterator[Objection]:
    used = consumed_by(scenario.workflow)
    if scenario.consumes != used:
        yield Objection(("consumes",), f"this workflow consumes '{used}', not '{scenario.consumes}'")


def _budgets(scenario: Scenario) -> Iterator[Objection]:
    budgets = scenario.budgets
    if budgets.poll < SHORTEST_POLL:
        yield Objection(
            ("budgets", "poll"),
            f"polling every {format_duration(budgets.poll)} can break the Update Service; use 30s or more",
        )
    if budgets.stuck_after <= budgets.poll:
        yield Objection(("budgets", "stuck_after"), "must be longer than 'poll', or every look finds no progress")
    if budgets.deadline <= budgets.stuck_after:
        yield Objection(("budgets", "deadline"), "must be longer than 'stuck_after', or nothing is ever found stuck")


def _guard(scenario: Scenario) -> Iterator[Objection]:
    for position, refusal in plan_refusals(scenario).items():
        fault = scenario.faults[position]
        yield Objection(
            ("faults", position), f"the guard refuses '{fault.id}' ({fault.fault} on {fault.target}): {refusal}"
        )


def _observe(scenario: Scenario) -> Iterator[Objection]:
    if scenario.workflow.kind != "observe":
        return
    if scenario.guides is not None:
        yield Objection(("guides",), "'observe' starts no update, so there is none to lead out of trouble", at_key=True)
    for position, fault in enumerate(scenario.faults):
        if fault.on is not None and fault.on.path is not None:
            yield Objection(("faults", position, "on"), "'observe' starts no update, so this phase is never entered")
