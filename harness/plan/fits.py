"""Can this lab run this scenario?  Answered from declarations alone, before anything is leased."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from harness.plan.guard import plan_refusals
from harness.plan.models import Scenario, Versions
from harness.plan.quantity import format_duration
from harness.plan.releases import SOLUTIONS, table_of
from harness.plan.vocabulary import CAPABILITIES


class _PollBudget(Protocol):
    @property
    def budget(self) -> timedelta: ...


class LabOffer(Protocol):
    """What a lab declares about itself; a lab file is one."""

    @property
    def lab(self) -> str: ...
    @property
    def nodes(self) -> Sequence[str]: ...
    @property
    def guests(self) -> Sequence[str]: ...
    @property
    def managed_guests(self) -> Sequence[str]: ...
    @property
    def capabilities(self) -> Sequence[str]: ...
    @property
    def versions(self) -> Versions: ...
    @property
    def releases(self) -> Collection[str] | None: ...
    @property
    def sbe_releases(self) -> Collection[str] | None: ...
    @property
    def poll(self) -> _PollBudget: ...


@dataclass(frozen=True, slots=True)
class Misfit:
    """One reason why a lab cannot run a scenario; `part` is the part of the scenario that asks for it."""

    scenario: str
    lab: str
    part: str
    message: str

    def __str__(self) -> str:
        return f"scenario '{self.scenario}' does not fit lab '{self.lab}': {self.part}: {self.message}"


def fits(scenario: Scenario, lab: LabOffer) -> list[Misfit]:
    """Every reason why the lab cannot run the scenario; empty when it can."""
    reasons = [
        *_counts(scenario, lab),
        *_capabilities(scenario, lab),
        *_versions(scenario, lab),
        *_releases(scenario, lab),
        *_timing(scenario, lab),
        *_faults(scenario, lab),
        *_guests(scenario, lab),
    ]
    return [Misfit(scenario.id, lab.lab, part, message) for part, message in reasons]


def _counts(scenario: Scenario, lab: LabOffer) -> Iterator[tuple[str, str]]:
    for part, wanted, offered in (
        ("needs.nodes", scenario.needs.nodes, len(lab.nodes)),
        ("needs.guests", scenario.needs.guests, len(lab.guests)),
    ):
        if offered not in wanted:
            yield part, f"needs {wanted}, the lab has {offered}"


def _capabilities(scenario: Scenario, lab: LabOffer) -> Iterator[tuple[str, str]]:
    for name in scenario.needs.capabilities:
        if name not in lab.capabilities:
            yield "needs.capabilities", f"the lab does not declare '{name}' ({CAPABILITIES[name]})"


def _versions(scenario: Scenario, lab: LabOffer) -> Iterator[tuple[str, str]]:
    start = scenario.start
    if start is None:
        return
    fixed = "reset" not in lab.capabilities
    if fixed and start.solution != lab.versions.solution:
        yield "from", f"starts from {start.solution}; the lab has {lab.versions.solution} and does not declare 'reset'"
    if start.sbe is not None and lab.versions.sbe is None:
        yield "from.sbe", f"starts from SBE {start.sbe}; the lab names none: 'versions.sbe' is missing in its file"
    elif start.sbe is not None and fixed and start.sbe != lab.versions.sbe:
        yield "from.sbe", f"starts from SBE {start.sbe}; the lab has {lab.versions.sbe} and does not declare 'reset'"


def versions_named(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Each version that the scenario names, with the part that names it; one of an SBE ends in `sbe`."""
    start, target = scenario.start, scenario.workflow.target
    if start is not None:
        yield "from", start.solution
        if start.sbe is not None:
            yield "from.sbe", start.sbe
    if target is not None and target.solution is not None:
        yield "workflow.target", target.solution
    if target is not None and target.sbe is not None:
        yield "workflow.target.sbe", target.sbe


def _releases(scenario: Scenario, lab: LabOffer) -> Iterator[tuple[str, str]]:
    for part, version in versions_named(scenario):
        table = table_of(part)
        offered = lab.releases if table is SOLUTIONS else lab.sbe_releases
        if offered is not None and version not in offered:
            near = table.nearest(version)
            meant = f" (did you mean '{near}'?)" if near else ""
            yield part, f"{table.unknown(version) or f'the lab has no release {version}'}{meant}"


def _timing(scenario: Scenario, lab: LabOffer) -> Iterator[tuple[str, str]]:
    poll = scenario.budgets.poll
    if poll < lab.poll.budget:
        yield (
            "budgets.poll",
            f"{format_duration(poll)} is below the lab's poll budget of {format_duration(lab.poll.budget)}",
        )
    if "events" in lab.capabilities:
        return
    for fault in scenario.faults:
        if (
            fault.precision is not None
            and not fault.hold
            and fault.on is not None
            and fault.precision < lab.poll.budget
        ):
            lag = format_duration(lab.poll.budget)
            yield (
                f"faults.{fault.id}.precision",
                f"without 'events' or 'hold' a trigger can lag by the poll budget, {lag}",
            )


def _guests(scenario: Scenario, lab: LabOffer) -> Iterator[tuple[str, str]]:
    wanted = scenario.workflow.guest_updates
    if wanted is None:
        return
    if not lab.managed_guests:
        yield "workflow.guests", "none of the lab's guests can be managed"
    else:
        for name in wanted.guests:
            if name not in lab.managed_guests:
                known = ", ".join(lab.managed_guests)
                yield "workflow.guests", f"'{name}' is none of the guests that can be managed there: {known}"


def _faults(scenario: Scenario, lab: LabOffer) -> Iterator[tuple[str, str]]:
    numbers = {str(number) for number in range(1, len(lab.nodes) + 1)}
    for fault in scenario.faults:
        for role in sorted(fault.target.roles(), key=str):
            if role.name == "node" and role.argument not in numbers | set(lab.nodes):
                yield f"faults.{fault.id}.target", f"the lab has no node '{role.argument}'"
    for position, refusal in plan_refusals(scenario, len(lab.nodes)).items():
        yield f"faults.{scenario.faults[position].id}", str(refusal)
