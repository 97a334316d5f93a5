"""The shape of `results.json` and `ledger.json`, and their JSON Schemas.

The files in reports/schemas/ are generated from these models (a test compares them); readers in other languages use
those.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

RESULTS_SCHEMA: Final = 1


class Part(BaseModel):
    """A part of a document: frozen, complete, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


VerdictName = Literal["pass", "fail", "stuck", "guide-gap", "lab", "harness", "inconclusive", "not-run"]
StateName = Literal["up", "brown", "frozen", "isolated", "down", "restarted", "unobserved"]
EVIDENCE = Field(description="journal sequence numbers")


class LabPart(Part):
    """The lab as the header names it."""

    name: str
    kind: str


class VersionsPart(Part):
    """Versions of the part that the scenario installs (`of`): at the baseline, wanted, and reached."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    of: Literal["solution", "sbe"]

    start: str | None = Field(alias="from")
    to: str | None
    reached: str | None


class LegPart(Part):
    """Place in a campaign: leg `number` of `of`.  `taken_over` names the run that left the update to this one,
    `handed_over` says whether it was left to the next."""

    campaign: str
    number: int
    of: int
    taken_over: str | None
    handed_over: bool


class JudgePart(Part):
    """Who judged: version of the judge; `harness` is the version that wrote the journal."""

    version: str
    harness: str


class JournalPart(Part):
    """The journal that was judged: hash of its last line, lines, bytes, and whether a torn last line was left out."""

    sha256: str
    lines: int
    bytes: int
    torn: bool


class FindingPart(Part):
    """One reason for the verdict; `at` is UTC of the lab, `lab_time` the time since the lab's epoch."""

    id: str
    about: str
    outcome: VerdictName
    summary: str
    at_ns: int | None
    at: str | None
    lab_time: str | None
    phase: str
    step: str
    node: str
    value: str
    limit: str
    faults_active: list[str]
    waived_by: str
    evidence: list[int] = EVIDENCE
    attrs: dict[str, Any]


class PhasePart(Part):
    """One phase or step of the update in lab time."""

    path: str
    node: str
    start_ns: int
    end_ns: int | None
    start: str
    end: str | None
    status: str
    source: Literal["event", "observation"]
    evidence: list[int] = EVIDENCE


class FaultPart(Part):
    """One injection: times in UTC of the lab."""

    id: str
    kind: str
    target: list[str]
    injected_at: str
    trigger_lag_s: float | None
    confirmed: bool
    reverted: bool
    confirmed_at: str | None
    reverted_at: str | None
    explains: list[str] = Field(description="virtual machines whose one gap this fault explains")
    evidence: list[int] = EVIDENCE


class MeasurementPart(Part):
    """A number with its limit; `none` means that the plan does not limit it, `unset` that it could not be
    taken, or that history was too short for its limit (which is null then)."""

    name: str
    unit: str
    value: float | None
    limit: float | None
    comparison: str
    outcome: Literal["pass", "fail", "unset", "none"]
    evidence: list[int] = EVIDENCE
    detail: str


class GuidePart(Part):
    """A troubleshooting guide that was expected to lead out of a trouble.

    `rank` is its place in the diagnosis (None: its symptom was not seen), `first` the guide that ranked first and
    applies, `excluded` the look-alikes with the confirmation that ruled each out.
    """

    id: str
    rank: int | None
    symptom: str
    remedy: str
    recovered_s: float | None
    outcome: Literal[
        "verified", "not-verified", "step-failed", "not-first", "not-approved", "no-diagnosis", "unfinished"
    ]
    first: str
    excluded: list[str]
    evidence: list[int] = EVIDENCE


class AttemptPart(Part):
    """One process that wrote to the journal; wall times in UTC."""

    number: int
    resumed: bool
    started: str
    ended: str | None
    reason: str
    detail: str


class GuestPart(Part):
    """One of the worst guests."""

    vm: str
    longest_s: float
    error_s: float
    cause: str
    explained_by: str
    down: bool


class GuestUpdatePart(Part):
    """One guest of a workflow that updates Windows in guests.

    `update` is the KB of the month's update for its build, `kind` whether that is a baseline or a hotpatch; `proven`
    that KB and build of the last look are that update's.  `restarts` are those that no fault explains.
    """

    guest: str
    standing: Literal["eligible", "current", "cumulative", "unmanageable"] | None
    reasons: list[str]
    kind: Literal["baseline", "hotpatch"] | None
    update: str | None
    outcome: str
    detail: str
    proven: bool
    build_before: str | None
    build_after: str | None
    kbs_before: list[str]
    kbs_after: list[str]
    restarts: int | None
    install_s: float | None
    restart_s: float | None
    refused: str = Field(description="what Windows Update said to the network log-on that wanted to install")
    evidence: list[int] = EVIDENCE


class ResultsDocument(Part):
    """`results.json` of one run."""

    schema_: Literal[1] = Field(alias="schema")
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)

    run_id: str
    folder: str = Field(description="name of the run folder, below reports/runs")
    scenario: str
    title: str
    plan: str
    plan_sha256: str
    seed: int | str | None
    subject: str
    machines: str
    label: str = Field(description="what the result is evidence of")
    lab: LabPart
    versions: VersionsPart
    leg: LegPart | None = Field(description="null for a scenario that is no leg of a campaign")
    started: str = Field(description="wall time of the first line, UTC")
    ended: str = Field(description="wall time of the last line, UTC")
    lab_started: str
    lab_ended: str
    lab_duration_s: float
    verdict: VerdictName
    effective: VerdictName = Field(description="the verdict beside the waivers; gates follow this one")
    waived: bool
    cause: FindingPart | None = Field(description="the finding that decided; null for pass")
    because: list[FindingPart] = Field(description="all findings, by first cause")
    phases: list[PhasePart]
    faults: list[FaultPart]
    measurements: list[MeasurementPart]
    guides: list[GuidePart]
    attempts: list[AttemptPart]
    worst_guests: list[GuestPart]
    guest_updates: list[GuestUpdatePart] = Field(
        default_factory=list, description="guests of a workflow that updates Windows in them"
    )
    judge: JudgePart
    journal: JournalPart


class GapPart(Part):
    """One gap; see docs/reference/measurements.md."""

    start_ns: int
    start_err_ns: int
    end_ns: int
    end_err_ns: int
    last_ok_ns: int | None
    first_bad_ns: int | None
    first_ok_ns: int | None
    cause: Literal["live-migration", "frozen", "isolated", "restart", "down", "unknown"]
    boot_before: int | None
    boot_after: int | None
    owner_before: str
    owner_after: str
    explained_by: str
    state: StateName
    reason: str
    signals: list[str] = Field(description="signals whose lost probes confirm it")
    lost: int = Field(description="probes that the best of these signals lost")
    phase: str = Field(description="what the update was doing when it began")
    duration_ns: int
    error_ns: int
    open: bool
    host_blackout_ns: int | None = Field(description="length that the host logged for the migration; null without one")
    host_difference_ns: int | None = Field(description="measured length less the logged one")


class ConditionPart(Part):
    """A time of trouble that was no absence of the machine; see docs/explanation/availability.md."""

    kind: Literal["brown", "service-down", "connections-broken", "filtered", "unreachable", "path"]
    start_ns: int
    start_err_ns: int
    end_ns: int
    end_err_ns: int
    duration_ns: int
    signals: list[str]
    reason: str


class VmPart(Part):
    """The gaps of one guest."""

    vm: str
    vm_class: str = Field(alias="class")
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    coverage: float
    samples: int
    count: int
    longest_ns: int
    total_ns: int
    visible_ns: int = Field(description="time away, or with its service or the way to it broken")
    gaps: list[GapPart]
    conditions: list[ConditionPart]


class ClassPart(Part):
    """All guests of a class; `total_ns` is that of the worst guest, `coverage` the least."""

    vm_class: str = Field(alias="class")
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    vms: int
    count: int
    longest_ns: int
    total_ns: int
    coverage: float


class BlindPart(Part):
    """A time in which the measuring side could not see."""

    start_ns: int
    end_ns: int
    reason: str


class NodeEdgePart(Part):
    """An instant at which the guests of a node went or came back together, ± `err_ns`."""

    node: str
    kind: Literal["down", "up"]
    at_ns: int
    err_ns: int
    vms: list[str]


class ControlPart(Part):
    """Ticks that the sampler owed and missed."""

    due: int
    missed: int


class LedgerDocument(Part):
    """`ledger.json` of one run; all times in nanoseconds of lab time."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal[2] = Field(alias="schema")
    from_ns: int
    to_ns: int
    interval_ns: int
    coverage: float | None
    control: ControlPart
    unobserved: list[BlindPart]
    classes: list[ClassPart]
    node_edges: list[NodeEdgePart]
    vms: list[VmPart]


def document_schemas() -> dict[str, dict[str, Any]]:
    """File name → JSON Schema of the documents in a run folder."""
    names: dict[str, type[Part]] = {"results.schema.json": ResultsDocument, "ledger.schema.json": LedgerDocument}
    return {name: schema_of(document, name) for name, document in names.items()}


def schema_of(document: type[Part], name: str) -> dict[str, Any]:
    """JSON Schema (2020-12) of a document."""
    schema = document.model_json_schema(by_alias=True, mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": name, **schema}
