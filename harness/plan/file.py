"""What a person writes in a plan file.  Keys are optional here and nowhere else; `resolve.py` fills them in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictInt, WithJsonSchema, model_validator

from harness.measure.catalog import CATALOG
from harness.plan.condition import Guard
from harness.plan.guest_updates import GuestNames, Month, Window, window_objections
from harness.plan.models import (
    Capability,
    Consumes,
    ContentFolder,
    Defect,
    FaultName,
    GuideName,
    Limit,
    Line,
    Name,
    Parameters,
    Resync,
    ScenarioId,
    Severity,
    Target,
    Until,
    Value,
    Versions,
    Waiver,
    Within,
    limit_map,
)
from harness.plan.quantity import Ceiling, Count, CountRange, Duration
from harness.plan.target import NodeTarget, Role
from harness.plan.text import Objection, Objections
from harness.plan.trigger import AfterFault, Event
from harness.plan.vocabulary import FAULTS

_UPDATES = {"solution": ("a solution update", "12.2510.1002.94"), "sbe": ("an SBE update", "4.1.2510.2")}
_LIMIT_TYPES = ["string", "number", "object", "null"]
LimitMap = Annotated[
    dict[str, Limit | None],
    BeforeValidator(limit_map),
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                name: {"description": f"{quantity.meaning}, in {quantity.unit}", "type": _LIMIT_TYPES}
                for name, quantity in CATALOG.items()
            },
        }
    ),
]


class NeedsEntry(Value):
    """What the lab must offer, apart from what faults, `hold`, `provoke` and limits on guests imply.

    A bare count is a minimum.
    """

    capabilities: tuple[Capability, ...] = ()
    nodes: Count = CountRange(1)
    guests: Count = CountRange(0)


class OptionsEntry(Value):
    """Options of an update; `content` is for an SBE whose files the operator has put into a folder on a node."""

    prepare_only: StrictBool = False
    ignore_warnings: StrictBool = False
    content: ContentFolder | None = None


class ResumeEntry(Value):
    """How often a failed update is started again."""

    on_failure: Annotated[StrictInt, Field(ge=0, le=6)] = 0


_KEYS: Final = {
    "solution": {"target", "options", "resume"},
    "sbe": {"target", "options", "resume"},
    "hotpatch": {"month", "guests", "window"},
    "observe": set[str](),
}
_FOREIGN: Final = {
    "solution": "'solution' updates the cluster, not its guests,",
    "sbe": "'sbe' updates the cluster, not its guests,",
    "hotpatch": "'hotpatch' updates guests, not the cluster,",
    "observe": "'observe' changes nothing",
}


class WorkflowEntry(Value):
    """What changes the system."""

    kind: Literal["solution", "sbe", "hotpatch", "observe"]
    target: Target | None = None
    options: OptionsEntry = OptionsEntry()
    resume: ResumeEntry = ResumeEntry()
    month: Month | None = None
    guests: GuestNames = ()
    window: Window | None = None

    @model_validator(mode="after")
    def _check_kind(self) -> WorkflowEntry:
        objections = [*self._target_objections()]
        if self.kind == "solution" and self.options.content is not None:
            message = "only an SBE is imported from a folder; leave 'content' out, or say 'kind: sbe'"
            objections.append(Objection(("options", "content"), message, at_key=True))
        objections += [
            Objection((key,), f"{_FOREIGN[self.kind]} and takes no '{key}'", at_key=True)
            for key in sorted(self.model_fields_set - _KEYS[self.kind] - {"kind"})
        ]
        if self.kind == "hotpatch" and self.month is None:
            objections.append(Objection((), "a hotpatch workflow needs a 'month', for example month: 2025-12"))
        elif self.kind == "hotpatch" and self.month is not None:
            objections += window_objections(self.month, self.window)
        if objections:
            raise Objections(objections)
        return self

    def _target_objections(self) -> Iterator[Objection]:
        """An update has a target of its own kind, and no other."""
        if self.kind not in _UPDATES:
            return
        what, example = _UPDATES[self.kind]
        given = {} if self.target is None else self.target.model_dump()
        others = sorted(given.keys() - {self.kind})
        if not others and self.kind not in given:
            at = () if self.target is None else ("target",)
            yield Objection(at, f"{what} needs a 'target', for example {{{self.kind}: {example}}}")
        for part in others:
            message = f"{what} has no target '{part}'; write {{{self.kind}: {example}}}, or 'kind: {part}'"
            yield Objection(("target", part), message, at_key=True)


class FaultEntry(Value):
    """One fault: what, when (`on` or `after`), whom, how long (`for` or `until`)."""

    id: Name
    fault: FaultName
    on: Event | None = None
    after: AfterFault | None = None
    while_: Guard | None = Field(default=None, alias="while")
    unless: Guard | None = None
    target: NodeTarget
    parameters: Parameters = Field(default=(), alias="with")
    lasts: Duration | None = Field(default=None, alias="for")
    until: Until | None = None
    hold: StrictBool = False
    precision: Ceiling | None = None
    confirm: Within = Within(within=timedelta(minutes=2))
    recover: Within = Within(within=timedelta(minutes=30))
    rearm: Annotated[StrictInt, Field(ge=0, le=64)] = 0

    @model_validator(mode="after")
    def _check_rules(self) -> FaultEntry:
        objections = [*self._moment_objections(), *self._lifetime_objections(), *self._target_objections()]
        if objections:
            raise Objections(objections)
        return self

    def _moment_objections(self) -> list[Objection]:
        if self.on is None and self.after is None:
            return [Objection((), f"the fault '{self.id}' needs 'on' or 'after': when does it happen?")]
        if self.on is not None and self.after is not None:
            return [Objection(("after",), "a fault has either 'on' or 'after', not both", at_key=True)]
        if self.hold and self.on is None:
            return [
                Objection(("hold",), "'hold' keeps an event until the fault is in place; it needs 'on'", at_key=True)
            ]
        if self.rearm and self.on is None:
            return [Objection(("rearm",), "'rearm' waits for the next such event; it needs 'on'", at_key=True)]
        if self.rearm and self.on is not None and self.on.which != "nth":
            why = "has no moment to miss" if self.on.which == "every" else "has no later event to wait for"
            return [Objection(("rearm",), f"a fault on '{self.on.which}' {why}; leave 'rearm' out", at_key=True)]
        return []

    def _lifetime_objections(self) -> list[Objection]:
        given = [key for key, value in (("for", self.lasts), ("until", self.until)) if value is not None]
        if len(given) == 2:
            return [Objection(("until",), "a fault has either 'for' or 'until', not both", at_key=True)]
        if FAULTS[self.fault].lifetime == "state" and not given:
            return [Objection(("fault",), f"'{self.fault}' lasts until it is reverted; say 'for: 10m' or 'until'")]
        if FAULTS[self.fault].lifetime == "pulse" and given:
            return [Objection((given[0],), f"'{self.fault}' is over at once; leave '{given[0]}' out", at_key=True)]
        return []

    def _target_objections(self) -> list[Objection]:
        event_has_node = self.on is not None and (
            self.on.kind.startswith("node.")
            or (self.on.path is not None and any(segment.name == "node" for segment in self.on.path.segments))
        )
        if not event_has_node and Role("self") in self.target.roles():
            return [
                Objection(
                    ("target",), "'self' is the node of the event, but the trigger names no node event or node[*]"
                )
            ]
        return []


class ToleratesEntry(Value):
    """The worst state that the scenario may bring about."""

    nodes_down: Annotated[StrictInt, Field(ge=0, le=16)] | None = None
    resync: Resync | None = None


class BudgetsEntry(Value):
    """Waiting times that differ from the defaults."""

    poll: Duration | None = None
    stuck_after: Duration | None = None
    settle: Duration | None = None
    deadline: Duration | None = None


class GuidePolicyEntry(Value):
    """Published guides that are to lead out of trouble, in the order in which they are expected."""

    expect: Annotated[tuple[GuideName, ...], Field(min_length=1, max_length=8)]
    approve: tuple[Literal["destructive"], ...] = ()
    within: Duration = timedelta(hours=2)


class ProvocationEntry(Value):
    """A product defect, or the cause of a known condition, planted at the baseline."""

    defect: Defect | None = None
    cause: Name | None = None
    target: NodeTarget | None = None
    parameters: Parameters = Field(default=(), alias="with")

    @model_validator(mode="after")
    def _check_one(self) -> ProvocationEntry:
        if (self.defect is None) == (self.cause is None):
            raise Objections([Objection((), "provoke either a 'defect' or a 'cause'")])
        return self


class LegEntry(Value):
    """The scenario shares one update with the others of its campaign; `until` says when the next one takes over."""

    campaign: Name
    until: Event | None = None


class Matrix(Value):
    """Variants of a scenario.  `axes`: path of a key in the scenario (a fault by its id) → its values; the variants are
    all combinations, less those that match an entry of `exclude`, plus those of `include`."""

    axes: Annotated[dict[str, Annotated[tuple[Any, ...], Field(min_length=1)]], Field(min_length=1)]
    include: tuple[dict[str, Any], ...] = ()
    exclude: tuple[dict[str, Any], ...] = ()

    @model_validator(mode="after")
    def _check_axes(self) -> Matrix:
        objections = []
        for section, entries in (("include", self.include), ("exclude", self.exclude)):
            for position, entry in enumerate(entries):
                unknown = sorted(set(entry) - set(self.axes))
                objections += [
                    Objection((section, position, axis), f"'{axis}' is no axis of this matrix", at_key=True)
                    for axis in unknown
                ]
                missing = sorted(set(self.axes) - set(entry)) if section == "include" else []
                objections += [
                    Objection((section, position), f"a value for the axis '{axis}' is missing") for axis in missing
                ]
        if objections:
            raise Objections(objections)
        return self


def _check_faults(faults: tuple[FaultEntry, ...]) -> tuple[FaultEntry, ...]:
    """Ids are unique, `after` names another fault, and no chain of `after` closes."""
    ids = [fault.id for fault in faults]
    objections: list[Objection] = []
    for position, fault in enumerate(faults):
        if fault.id in ids[:position]:
            objections.append(Objection((position, "id"), f"the fault id '{fault.id}' is there twice"))
        if fault.after is not None and fault.after.fault not in ids:
            objections.append(Objection((position, "after"), f"no fault '{fault.after.fault}' in this scenario"))
    following = {fault.id: fault.after.fault for fault in faults if fault.after is not None}
    for position, fault in enumerate(faults):
        chain, current = [fault.id], following.get(fault.id)
        while current is not None and current not in chain:
            chain.append(current)
            current = following.get(current)
        if current == fault.id:
            circle = " → ".join([*chain, fault.id])
            objections.append(Objection((position, "after"), f"the faults wait for each other: {circle}"))
    if objections:
        raise Objections(objections)
    return faults


class Defaults(Value):
    """Values for all scenarios of the file; mappings are merged key by key, and a limit of null takes one back."""

    severity: Severity = "normal"
    lab: Name | None = None
    start: Versions | None = Field(default=None, alias="from")
    needs: NeedsEntry = NeedsEntry()
    tolerates: ToleratesEntry = ToleratesEntry()
    limits: LimitMap = Field(default_factory=dict)
    budgets: BudgetsEntry = BudgetsEntry()


class ScenarioEntry(Value):
    """One scenario as written."""

    id: ScenarioId
    title: Line
    severity: Severity | None = None
    lab: Name | None = None
    needs: NeedsEntry | None = None
    start: Versions | None = Field(default=None, alias="from")
    consumes: Consumes | None = None
    leg: LegEntry | None = None
    workflow: WorkflowEntry
    faults: Annotated[tuple[FaultEntry, ...], AfterValidator(_check_faults)] = ()
    tolerates: ToleratesEntry = ToleratesEntry()
    limits: LimitMap = Field(default_factory=dict)
    budgets: BudgetsEntry = BudgetsEntry()
    guides: GuidePolicyEntry | None = None
    provoke: tuple[ProvocationEntry, ...] = ()
    matrix: Matrix | None = None
    waivers: tuple[Waiver, ...] = ()


class PlanHeader(Value):
    """A plan file before its scenarios are looked at: each is checked on its own, so that all mistakes are seen."""

    schema_: Literal[1] = Field(alias="schema")
    plan: Name
    title: Line
    defaults: Defaults = Defaults()
    scenarios: Annotated[tuple[Any, ...], Field(min_length=1)]


class PlanFile(PlanHeader):
    """A plan file; the source of its JSON Schema."""

    scenarios: Annotated[tuple[ScenarioEntry, ...], Field(min_length=1)]
