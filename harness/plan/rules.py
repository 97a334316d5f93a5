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

# [D] AUM troubleshoot: ten minutes of a maintenance window are kept for the restart; twice that lets one begin [INF].
SHORTEST_WINDOW: Final = timedelta(minutes=20)


def objections(scenario: Scenario) -> list[Objection]:
    """Everything that is wrong with a scenario as a whole."""
    return [
        *_versions(scenario),
        *_consumes(scenario),
        *_budgets(scenario),
        *_guard(scenario),
        *_no_update(scenario),
        *_window(scenario),
    ]


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


def _no_update(scenario: Scenario) -> Iterator[Objection]:
    """Workflows that start no update of the system."""
    kind = scenario.workflow.kind
    if kind in ("solution", "sbe"):
        return
    what = "starts no update" if kind == "observe" else "starts no update of the cluster"
    if scenario.leg is not None:
        yield Objection(("leg",), f"'{kind}' {what}, so there is nothing to hand over", at_key=True)
    if scenario.guides is not None:
        yield Objection(("guides",), f"'{kind}' {what}, so there is none to lead out of trouble", at_key=True)
    for position, fault in enumerate(scenario.faults):
        if fault.on is not None and fault.on.path is not None:
            yield Objection(("faults", position, "on"), f"'{kind}' {what}, so this phase is never entered")


def _window(scenario: Scenario) -> Iterator[Objection]:
    """Guests must have the time to restart, and the run the time to wait for them."""
    window = scenario.workflow.guest_updates.window if scenario.workflow.guest_updates else None
    if window is None:
        return
    at = ("workflow", "window")
    if window.lasts < SHORTEST_WINDOW:
        yield Objection((*at, "for"), f"shorter than {format_duration(SHORTEST_WINDOW)}, no restart fits into it")
    if window.opens_after + window.lasts > scenario.budgets.deadline:
        text = f"the window closes after 'budgets.deadline' ({format_duration(scenario.budgets.deadline)})"
        yield Objection(at, text)
