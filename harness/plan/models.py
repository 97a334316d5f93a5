"""The plan as a value: `Scenario` and its parts, frozen and fully resolved.

No field has a default here: what a person may leave out is filled in by `resolve.py`, so that a saved scenario means
the same years later, whatever the defaults have become.  `plain.py` turns a scenario into plain data and back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    SerializerFunctionWrapHandler,
    StrictBool,
    StrictInt,
    WithJsonSchema,
    model_serializer,
)

from harness.measure.catalog import CATALOG
from harness.paths import fixtures_dir
from harness.plan.budget import BUDGET_KEYS, QuantileBudget, budget_of
from harness.plan.condition import Guard
from harness.plan.guest_updates import GuestUpdates
from harness.plan.quantity import (
    PLAIN_UNITS,
    TIME_UNITS,
    Ceiling,
    Count,
    Duration,
    format_value,
    parse_bound,
    parse_value,
)
from harness.plan.target import NodeTarget
from harness.plan.text import Objection, Objections, TextError, closest, describe, require_text
from harness.plan.trigger import AfterFault, Event
from harness.plan.vocabulary import CAPABILITIES, DEFECTS, FAULTS

Scalar = str | int | float | bool

_VERSION = re.compile(r"[0-9]+\.[0-9]{4}\.[0-9]+\.[0-9]+")
_SBE_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]{4}\.[0-9]+")
_FOLDER = re.compile(r"[A-Za-z]:\\|\\\\[^\\]+\\[^\\]+")
_SCENARIO_ID = re.compile(r"[A-Z][A-Z0-9]*-[0-9]{3}(\.[a-z0-9][a-z0-9.-]*)?")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


class Value(BaseModel):
    """A frozen value; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False, defer_build=True)


class Sparse(Value):
    """A value whose words without a meaning for most scenarios are left out of plain data when they are not given."""

    @model_serializer(mode="wrap")
    def _without_gaps(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        plain: dict[str, Any] = serialize(self)
        return {name: value for name, value in plain.items() if value is not None}


def of_form(form: re.Pattern[str], example: str, objection: str) -> BeforeValidator:
    """Text of a form; the message about another one is its text, "is" and `objection`."""

    def check(value: object) -> str:
        if isinstance(value, float):
            raise TextError(f'{value} was read as a number, which loses zeros; quote it: "{value}"')
        text = require_text(value, example)
        if not form.fullmatch(text):
            raise TextError(f"'{text}' is {objection}")
        return text

    return BeforeValidator(check)


def _content_folder(text: str) -> str:
    if not _FOLDER.match(text):
        raise TextError(
            f"'{text}' is no folder of a node; write an absolute path such as C:\\SBE, or a share \\\\server\\share"
        )
    return text


def _scenario_id(text: str) -> str:
    if not _SCENARIO_ID.fullmatch(text):
        raise TextError(
            f"'{text}' is no scenario id; write capital letters, a hyphen and three digits, for example UPD-001"
        )
    return text


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise TextError(f"'{text}' is no name; write small letters, digits and hyphens, for example 'owner-dies'")
    return text


def _known(what: str, words: Mapping[str, object]) -> AfterValidator:
    def check(word: str) -> str:
        if word not in words:
            raise TextError(f"unknown {what} '{word}'", suggestion=closest(word, words))
        return word

    return AfterValidator(check)


def _guide(name: str) -> str:
    known = [path.stem for path in (fixtures_dir() / "guides").glob("*.yaml")]
    if name not in known:
        raise TextError(f"unknown guide '{name}'; see: hil guides list", suggestion=closest(name, known))
    return name


def _nonempty(text: str) -> str:
    if not text.strip():
        raise TextError("must not be empty")
    return text


def _day(value: object) -> date:
    if type(value) is date:
        return value
    text = require_text(value, "2026-06-30")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise TextError(f"'{text}' is no day of the calendar such as 2026-06-30") from None


Day = Annotated[date, PlainValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Line = Annotated[str, AfterValidator(_nonempty)]
Name = Annotated[str, AfterValidator(_name), Field(examples=["owner-dies"])]
ScenarioId = Annotated[str, AfterValidator(_scenario_id), Field(examples=["UPD-001"])]
SolutionVersion = Annotated[
    str,
    of_form(_VERSION, "12.2510.1002.94", "no solution version; it has four parts, for example 12.2510.1002.94"),
    WithJsonSchema({"type": "string", "pattern": f"^{_VERSION.pattern}$"}),
]
SbeVersion = Annotated[
    str,
    of_form(_SBE_VERSION, "4.1.2510.2", "no SBE version; it has four parts, for example 4.1.2510.2"),
    WithJsonSchema({"type": "string", "pattern": f"^{_SBE_VERSION.pattern}$"}),
]
ContentFolder = Annotated[str, AfterValidator(_content_folder), Field(examples=["C:\\SBE"])]
FaultName = Annotated[str, _known("fault", FAULTS), Field(json_schema_extra={"enum": sorted(FAULTS)})]
Capability = Annotated[str, _known("capability", CAPABILITIES), Field(json_schema_extra={"enum": sorted(CAPABILITIES)})]
Defect = Annotated[str, _known("product defect", DEFECTS), Field(json_schema_extra={"enum": sorted(DEFECTS)})]
GuideName = Annotated[Name, AfterValidator(_guide), Field(examples=["upd-arb-offline"])]
Severity = Literal["blocker", "critical", "normal", "minor", "trivial"]
Consumes = Literal["nothing", "preparation", "version"]
Resync = Literal["exclusive", "busy"]


def _parameters(value: object) -> tuple[tuple[str, Scalar], ...]:
    if isinstance(value, tuple):
        return value
    if not isinstance(value, Mapping):
        raise TextError(f"expected a mapping of parameters, found {describe(value)}")
    for key, item in value.items():
        if not isinstance(item, str | int | float | bool):
            raise TextError(f"the parameter '{key}' must be text, a number or true/false, found {describe(item)}")
    return tuple(sorted(value.items()))


Parameters = Annotated[
    tuple[tuple[str, Any], ...],
    BeforeValidator(_parameters),
    PlainSerializer(dict, return_type=dict[str, Any]),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}}),
]


class Versions(Sparse):
    """Versions of the product's parts; `solution` as shown by the Update Service, e.g. `12.2510.1002.94`, `sbe` that of
    the Solution Builder Extension, e.g. `4.1.2510.2` (None: whatever the lab has)."""

    solution: SolutionVersion
    sbe: SbeVersion | None = None


class Target(Sparse):
    """What is to be installed: exactly one of the product's parts."""

    solution: SolutionVersion | None = None
    sbe: SbeVersion | None = None

    def __str__(self) -> str:
        return f"solution {self.solution}" if self.solution is not None else f"SBE {self.sbe}"


class Needs(Value):
    """What the lab must offer: declared capabilities and counts of nodes and guests."""

    capabilities: tuple[Capability, ...]
    nodes: Count
    guests: Count


class Options(Sparse):
    """Options of an update: stop after preparation; start in spite of health warnings; the folder on a node from which
    the content of an SBE is imported when the product asks for it (None: it is never imported)."""

    prepare_only: StrictBool
    ignore_warnings: StrictBool
    content: ContentFolder | None = None


class Resume(Value):
    """How often a failed update is started again.  Each resume grants the product one more CAU attempt; its overall cap
    is 6 ([T] Solution-builder-extension-update-scenarios)."""

    on_failure: Annotated[StrictInt, Field(ge=0, le=6)]


class Workflow(Value):
    """What changes the system.  `observe` changes nothing; only a `solution` update has a target, only a `hotpatch`
    workflow updates guests."""

    kind: Literal["solution", "sbe", "hotpatch", "observe"]
    target: Target | None
    options: Options
    resume: Resume
    guest_updates: GuestUpdates | None


class Until(Value):
    """A state fault is reverted at this event, or after `or_after` at the latest."""

    event: Event
    or_after: Duration


class Within(Value):
    """A deadline."""

    within: Duration


class Fault(Value):
    """One fault of a scenario: what, when, whom, how long.

    Exactly one of `on` and `after` is set.  A state fault has `lasts` (`for` in YAML) or `until`; a pulse has neither.
    `precision` is the largest trigger lag with which the run is still valid (None: any).  `rearm` is how often a fault
    that missed its moment may wait for the next one.
    """

    id: Name
    fault: FaultName
    on: Event | None
    after: AfterFault | None
    while_: Guard | None = Field(alias="while")
    unless: Guard | None
    target: NodeTarget
    parameters: Parameters = Field(alias="with")
    lasts: Duration | None = Field(alias="for")
    until: Until | None
    hold: StrictBool
    precision: Ceiling | None
    confirm: Within
    recover: Within
    rearm: Annotated[StrictInt, Field(ge=0, le=64)]


class Tolerates(Value):
    """The worst state that the scenario may bring about: nodes that are not up at one time, and whether a fault may hit
    while storage resynchronises (`busy`) or not (`exclusive`)."""

    nodes_down: Annotated[StrictInt, Field(ge=0, le=16)]
    resync: Resync


class Limit(Value):
    """A measurement with its limits, in the unit of the measurement: at most `le`, at least `ge`, at most what earlier
    runs show by `budget` (None: no such limit)."""

    measurement: str
    unit: str
    ge: float | None
    le: float | None
    budget: QuantileBudget | None

    def __str__(self) -> str:
        bounds = [("≥", self.ge), ("≤", self.le)]
        texts = [f"{sign} {format_value(value, self.unit)}" for sign, value in bounds if value is not None]
        texts += [f"≤ {self.budget}"] if self.budget else []
        return f"{self.measurement} {' and '.join(texts)}"


def limit_unit(measurement: str) -> str:
    """The unit in which plans keep the limits of a measurement: times in `s`, whatever unit pages show them in."""
    unit = CATALOG[measurement].unit
    return "s" if unit in TIME_UNITS else unit


_LIMIT_KEYS: Final = ("ge", "le", "unit", *BUDGET_KEYS)


def limit_of(measurement: str, value: object) -> Limit:
    """One limit from its short (`<= 2s`) or long spelling (`{le: 2s}`, or `{ge: null, le: 2.0, unit: s}` as saved;
    `{budget: p95, confidence: 95%}` for one from earlier runs, alone or beside fixed bounds).

    Raises TextError.
    """
    if isinstance(value, Limit):
        return value
    unit = limit_unit(measurement)
    if not isinstance(value, Mapping):
        sign, bound = parse_bound(value, unit, default_sign=CATALOG[measurement].comparison)
        low, high = (bound if sign != "<=" else None), (bound if sign != ">=" else None)
        return Limit(measurement=measurement, unit=unit, ge=low, le=high, budget=None)
    unknown = sorted(set(value) - set(_LIMIT_KEYS))
    if unknown:
        raise TextError(f"unknown key '{unknown[0]}' of a limit", suggestion=closest(unknown[0], _LIMIT_KEYS))
    if value.get("unit", unit) != unit:
        raise TextError(f"'{measurement}' is measured in '{unit}', not in '{value['unit']}'")
    bounds = {sign: _bound(value.get(sign), unit, saved="unit" in value) for sign in ("ge", "le")}
    low, high = bounds["ge"], bounds["le"]
    budget = budget_of(measurement, value)
    if low is None and high is None and budget is None:
        raise TextError("a limit needs 'le' (at most), 'ge' (at least) or both, or a 'budget' from earlier runs")
    if low is not None and high is not None and low > high:
        raise TextError("no value can satisfy the limit: 'ge' is larger than 'le'")
    return Limit(measurement=measurement, unit=unit, ge=low, le=high, budget=budget)


def _bound(value: object, unit: str, *, saved: bool) -> float | None:
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        if saved or unit in PLAIN_UNITS:
            return float(value)
        raise TextError(f"the bound {value} needs a unit, or a key 'unit: \"{unit}\"' beside it")
    return parse_value(require_text(value, "2s"), unit)


def limit_map(value: object) -> dict[str, Limit | None]:
    """Measurement → limit, sorted by name; null takes back the limit of the plan's defaults.

    Raises TextError for something that is no mapping, and Objections with everything that is wrong in the mapping.
    """
    if not isinstance(value, Mapping):
        raise TextError(f"expected a mapping of measurements to limits, found {describe(value)}")
    found: dict[str, Limit | None] = {}
    objections: list[Objection] = []
    for name, bound in sorted(value.items()):
        if name not in CATALOG:
            near = closest(name, CATALOG)
            objections.append(Objection((name,), f"unknown measurement '{name}'", near, at_key=True))
            continue
        try:
            found[name] = None if bound is None else limit_of(name, bound)
        except TextError as error:
            objections.append(Objection((name,), error.message, error.suggestion, error.offset))
    if objections:
        raise Objections(objections)
    return found


def _limits(value: object) -> tuple[Limit, ...]:
    if isinstance(value, tuple):
        return value
    return tuple(limit for limit in limit_map(value).values() if limit is not None)


def _limits_plain(limits: tuple[Limit, ...]) -> dict[str, Any]:
    return {limit.measurement: _limit_plain(limit) for limit in limits}


def _limit_plain(limit: Limit) -> dict[str, Any]:
    """Without a word about a budget where there is none: plans that have none keep their hash."""
    fixed = {"ge": limit.ge, "le": limit.le, "unit": limit.unit}
    return fixed if limit.budget is None else {**fixed, **limit.budget.plain()}


Limits = Annotated[
    tuple[Limit, ...], BeforeValidator(_limits), PlainSerializer(_limits_plain, return_type=dict[str, Any])
]


class Budgets(Value):
    """How long the harness waits, and how often it asks.

    `poll`: shortest time between two questions to the Update Service.  `stuck_after`: no progress for this long, while
    transport and control probes are healthy, is `stuck`.  `settle`: for the invariants to hold again at the end.
    `deadline`: for the whole scenario, from start of the workflow.
    """

    poll: Duration
    stuck_after: Duration
    settle: Duration
    deadline: Duration


class GuidePolicy(Value):
    """Published guides that are to lead out of trouble: a standstill, or a failed or blocked update.

    At the first trouble the first of `expect` must rank first, at the second the second, and so on.  Steps that the
    guide calls destructive are taken only if `approve` opens that gate.  `within`: from the trouble to the moment at
    which the update is at work again.
    """

    expect: Annotated[tuple[GuideName, ...], Field(min_length=1, max_length=8)]
    approve: tuple[Literal["destructive"], ...]
    within: Duration


class Provocation(Value):
    """Something planted at the baseline: a product defect, or the cause of a known condition.  Needs `provoke`."""

    defect: Defect | None
    cause: Name | None
    target: NodeTarget | None
    parameters: Parameters = Field(alias="with")


class Leg(Value):
    """A part of one update that several scenarios share: leg `number` of `of` of the campaign.

    The first leg starts the update, each later one takes it over from the scenario `after` (None: it is the first).
    Once its faults are over, a leg ends at the first event that `until` matches; the last one has none and sees the
    update through.
    """

    campaign: Name
    number: Annotated[StrictInt, Field(ge=1)]
    of: Annotated[StrictInt, Field(ge=1)]
    after: ScenarioId | None
    until: Event | None


class Waiver(Value):
    """A finding that is accepted for a while: which one, why, by whom, until when (last valid day, UTC)."""

    finding: Line
    reason: Line
    owner: Line
    expires: Day


class Scenario(Value):
    """One thing to prove, ready to run.

    `id` carries the matrix suffix (`UPD-010.twin-4node`), `base_id` does not; `axes` are the matrix coordinates.
    `needs.capabilities` includes those that faults, `hold`, `provoke` and limits on guests imply.
    """

    schema_: Literal[1] = Field(alias="schema")
    plan: Name
    id: ScenarioId
    base_id: ScenarioId
    title: Line
    severity: Severity
    lab: Name
    axes: Parameters
    needs: Needs
    start: Versions | None = Field(alias="from")
    consumes: Consumes
    leg: Leg | None
    workflow: Workflow
    faults: tuple[Fault, ...]
    tolerates: Tolerates
    limits: Limits
    budgets: Budgets
    guides: GuidePolicy | None
    provoke: tuple[Provocation, ...]
    waivers: tuple[Waiver, ...]
