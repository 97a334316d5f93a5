"""Stored runs as observations: of what kind each was, what it measured, and why one does not count.

A run folder is read as it stands: the first line of the journal says what was run, `results.json` what the judge made
of it.  Nothing is judged anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from harness.errors import HarnessError
from harness.journal.writer import FILE_NAME
from harness.judge.case import COVERAGE_FLOOR
from harness.judge.document import RESULTS_SCHEMA
from harness.judge.judgement import JUDGE_VERSION
from harness.judge.measurements import NO_BUDGET
from harness.judge.results import read_results
from harness.measure.catalog import CATALOG
from harness.measure.units import comparable, convert
from harness.paths import RESULTS_NAME
from harness.plan.plain import canonical_json
from harness.values import Subject, Verdict, evidence_label

NO_FAULTS: Final = "none"
_HASH_LENGTH: Final = 8

COUNTED: Final = frozenset({Verdict.PASS, Verdict.FAIL, Verdict.STUCK, Verdict.GUIDE_GAP})
"""Verdicts that say something about the product; the others say that a run proves nothing."""


@dataclass(frozen=True, slots=True, order=True)
class HistoryKey:
    """What runs must have in common to be compared.

    `update` is the type of the update with its part (`solution`, `solution, prepare only`, `solution, leg 1 of 3`),
    `versions` from and to, `storage` the layout where the lab names it, `faults` a hash of the fault schedule and of
    what was planted, or `none`.  `subject` and `machines` keep rehearsal and evidence apart; no fall-back drops them.
    """

    subject: str
    machines: str
    update: str
    versions: str
    nodes: int
    storage: str
    faults: str

    @property
    def evidence(self) -> bool:
        """Is this evidence about the product?"""
        return self.subject == Subject.PRODUCT.value

    @property
    def label(self) -> str:
        """What runs of this kind are evidence of."""
        return evidence_label(Subject.PRODUCT if self.evidence else Subject.SIMULATED)

    def __str__(self) -> str:
        faults = "no faults" if self.faults == NO_FAULTS else f"faults {self.faults}"
        nodes = "1 node" if self.nodes == 1 else f"{self.nodes} nodes"
        storage = [f"storage {self.storage}"] if self.storage else []
        machines = "" if self.machines in ("none", "") else f" on {self.machines} machines"
        return ", ".join([f"{self.update} {self.versions}".strip(), nodes, *storage, faults, self.subject + machines])


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the fall-back ladder: its name, and what runs must still have in common."""

    name: str
    fields: tuple[str, ...]

    def same(self, one: HistoryKey, other: HistoryKey) -> bool:
        """Are runs of both kinds alike on this step?  Runs with faults are never like runs without."""
        alike = all(getattr(one, name) == getattr(other, name) for name in self.fields)
        return alike and (one.faults == NO_FAULTS) == (other.faults == NO_FAULTS)


LADDER: Final = (
    Rung("the same kind of run", ("subject", "machines", "update", "versions", "nodes", "storage", "faults")),
    Rung("any fault schedule", ("subject", "machines", "update", "versions", "nodes", "storage")),
    Rung("any versions", ("subject", "machines", "update", "nodes", "storage")),
    Rung("any storage layout", ("subject", "machines", "update", "nodes")),
    Rung("any number of nodes", ("subject", "machines", "update")),
)
"""From the same kind of run to the same type of update, on the same kind of machines."""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run that counts.  `measurements` are values with their units (None: unset); `virtual` says that its lab time
    was simulated, so that the same seed gives the same run; `complete` that it saw its change through, so that an
    outage which did not come could have come."""

    run_id: str
    folder: Path
    scenario: str
    key: HistoryKey
    verdict: Verdict
    started: str
    lab: str
    plan_sha256: str
    seed: str
    virtual: bool
    guests: int
    measurements: Mapping[str, tuple[float | None, str]] = field(default_factory=dict)
    harness: str = ""
    complete: bool = True

    def value(self, measurement: str, unit: str) -> float | None:
        """A measurement in `unit`; None when it was not taken."""
        value, own = self.measurements.get(measurement, (None, ""))
        return convert(value, own, unit) if value is not None and comparable(own, unit) else None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A run that does not count, and why."""

    run_id: str
    scenario: str
    why: str


@dataclass(frozen=True, slots=True)
class History:
    """Stored runs, oldest first."""

    runs: tuple[StoredRun, ...]
    left_out: tuple[LeftOut, ...]

    def of_scenario(self, scenario: str) -> History:
        """Runs of one scenario; one with variants also by the id that they share."""

        def wanted(name: str) -> bool:
            return name == scenario or name.startswith(f"{scenario}.")

        return History(
            tuple(run for run in self.runs if wanted(run.scenario)),
            tuple(run for run in self.left_out if wanted(run.scenario)),
        )

    @property
    def scenarios(self) -> tuple[str, ...]:
        """Ids of all scenarios."""
        return tuple(sorted({*(run.scenario for run in self.runs), *(run.scenario for run in self.left_out)} - {""}))

    def by_key(self) -> dict[HistoryKey, tuple[StoredRun, ...]]:
        """Runs by kind: evidence first, then those with most runs."""
        groups: dict[HistoryKey, list[StoredRun]] = {}
        for run in self.runs:
            groups.setdefault(run.key, []).append(run)
        keys = sorted(groups, key=lambda key: (not key.evidence, -len(groups[key]), key))
        return {key: tuple(groups[key]) for key in keys}


def run_folders(folder: Path) -> tuple[Path, ...]:
    """The run folders in `folder` that have a journal."""
    return tuple(sorted(path.parent for path in folder.glob(f"*/{FILE_NAME}")))


def read_history(folders: Iterable[Path]) -> History:
    """All runs of `folders`.  A folder that cannot be read is left out with the reason; nothing is raised."""
    read = [read_run(folder) for folder in folders]
    runs = sorted((run for run in read if isinstance(run, StoredRun)), key=lambda run: (run.started, run.run_id))
    left_out = [run for run in read if isinstance(run, LeftOut)]
    kept, repeated = _without_repetitions(runs)
    return History(kept, tuple(sorted((*left_out, *repeated), key=lambda run: run.run_id)))


def _without_repetitions(runs: Sequence[StoredRun]) -> tuple[tuple[StoredRun, ...], tuple[LeftOut, ...]]:
    """A run on a virtual clock is a function of plan, lab, seed and version of the harness: once more is no other
    observation."""
    kept: dict[object, StoredRun] = {}
    repeated: list[LeftOut] = []
    for run in runs:
        same = (run.plan_sha256, run.lab, run.seed, run.harness) if run.virtual else run.run_id
        before = kept.pop(same, None)
        if before is not None:
            why = f"simulated with the same seed {run.seed} as {run.run_id}: the same run, not another one"
            repeated.append(LeftOut(before.run_id, before.scenario, why))
        kept[same] = run
    return tuple(kept.values()), tuple(repeated)


def read_run(folder: Path) -> StoredRun | LeftOut:
    """One run folder, or why it does not count."""
    try:
        header = _header(folder)
        results = read_results(folder)
        if results is None:
            return _left_out(folder, header, f"it was not judged yet: hil report build {folder.name}")
        why = _why_not(folder, header, results)
        if why:
            return _left_out(folder, header, why)
        return _stored(folder, header, results)
    except (OSError, HarnessError, ValueError, KeyError, TypeError, AttributeError) as error:
        return LeftOut(folder.name, "", f"it cannot be read: {error}")


def _header(folder: Path) -> Mapping[str, Any]:
    with (folder / FILE_NAME).open("rb") as journal:
        data = json.loads(journal.readline())["data"]
    if data.get("what") != "header":
        raise ValueError("its journal does not begin with a header")
    return dict(data)


def _left_out(folder: Path, header: Mapping[str, Any], why: str) -> LeftOut:
    return LeftOut(folder.name, str((header.get("scenario") or {}).get("id") or ""), why)


def _why_not(folder: Path, header: Mapping[str, Any], results: Mapping[str, Any]) -> str:
    """Why a judged run is no observation; empty when it is one."""
    again = f"hil report build {folder.name}"
    version = (results.get("judge") or {}).get("version")
    if results.get("schema") != RESULTS_SCHEMA or version != JUDGE_VERSION:
        return f"version {version} of the judge made its {RESULTS_NAME}, this is {JUDGE_VERSION}: {again}"
    journal = results.get("journal") or {}
    if not journal.get("torn") and journal.get("bytes") != (folder / FILE_NAME).stat().st_size:
        return f"its journal changed after it was judged: {again}"
    verdict = Verdict(results["verdict"])
    if verdict not in COUNTED and not _only_lacks_budget(results):
        cause = (results.get("cause") or {}).get("summary")
        return f"verdict {verdict}{f': {cause}' if cause else ''}"
    planted = [str(one["defect"]) for one in header["scenario"].get("provoke") or () if one.get("defect")]
    if planted:
        return f"the defect '{planted[0]}' was planted on purpose"
    coverage = _measurements(results).get("sampler.coverage", (None, ""))[0]
    if coverage is None:
        return "no virtual machine was sampled"
    if coverage < COVERAGE_FLOOR:
        return f"low coverage: {coverage * 100:.6g} %, at least {COVERAGE_FLOOR * 100:.6g} % is needed"
    return ""


def _only_lacks_budget(results: Mapping[str, Any]) -> bool:
    """Is a run inconclusive for no other reason than that history was too short for a limit?  It measured as well as
    any other; without such runs no history could ever begin."""
    lacking = [str(finding["id"]) for finding in results["because"] if finding["outcome"] != Verdict.PASS.value]
    inconclusive = results["verdict"] == Verdict.INCONCLUSIVE.value
    return inconclusive and bool(lacking) and all(name.startswith(NO_BUDGET) for name in lacking)


def _stored(folder: Path, header: Mapping[str, Any], results: Mapping[str, Any]) -> StoredRun:
    lab = header["lab"]
    return StoredRun(
        run_id=str(results["run_id"]),
        folder=folder,
        scenario=str(results["scenario"]),
        key=key_of(header["scenario"], lab),
        verdict=Verdict(results["verdict"]),
        started=str(results["started"]),
        lab=str(lab.get("name") or ""),
        plan_sha256=str(results.get("plan_sha256") or ""),
        seed=str(header.get("seed")),
        virtual=lab.get("clock") == "virtual",
        guests=len(lab.get("guests") or ()),
        measurements=_measurements(results),
        harness=str(header.get("harness") or ""),
        complete=_complete(header["scenario"], results),
    )


def _complete(scenario: Mapping[str, Any], results: Mapping[str, Any]) -> bool:
    """Was the change seen through?  A whole update of the cluster was, where it got Installed; anything else, where the
    product did not fail."""
    whole = _update_of(scenario) in ("solution", "sbe")
    if whole:
        return _measurements(results).get("update.duration", (None, ""))[0] is not None
    return results["verdict"] not in (Verdict.FAIL.value, Verdict.STUCK.value)


def _measurements(results: Mapping[str, Any]) -> dict[str, tuple[float | None, str]]:
    return {row["name"]: (row["value"], row["unit"]) for row in results["measurements"]}


def key_of(scenario: Mapping[str, Any], lab: Mapping[str, Any]) -> HistoryKey:
    """The kind of a run, from the resolved scenario and what its journal's header says about the lab."""
    return HistoryKey(
        subject=str(lab.get("subject") or Subject.SIMULATED.value),
        machines=str(lab.get("machines") or ""),
        update=_update_of(scenario),
        versions=_versions_of(scenario),
        nodes=len(lab.get("nodes") or ()),
        storage=str(lab.get("storage") or ""),
        faults=_faults_of(scenario),
    )


def _update_of(scenario: Mapping[str, Any]) -> str:
    workflow = scenario.get("workflow") or {}
    parts = [str(workflow.get("kind") or "unknown")]
    if (workflow.get("options") or {}).get("prepare_only"):
        parts.append("prepare only")
    leg = scenario.get("leg")
    if leg:
        parts.append(f"leg {leg['number']} of {leg['of']}")
    return ", ".join(parts)


def _versions_of(scenario: Mapping[str, Any]) -> str:
    workflow = scenario.get("workflow") or {}
    month = (workflow.get("guest_updates") or {}).get("month")
    if month:
        return str(month)
    target, start = workflow.get("target") or {}, scenario.get("from") or {}
    part = "sbe" if target.get("sbe") else "solution"
    wanted, before = target.get(part), start.get(part)
    return f"{before or '?'} → {wanted}" if wanted else str(before or "")


def _faults_of(scenario: Mapping[str, Any]) -> str:
    schedule = {name: scenario.get(name) for name in ("faults", "provoke") if scenario.get(name)}
    if not schedule:
        return NO_FAULTS
    return hashlib.sha256(canonical_json(schedule).encode()).hexdigest()[:_HASH_LENGTH]


@dataclass(frozen=True, slots=True)
class Sample:
    """Values of one measurement from runs that are alike on one step of the ladder.

    `tried` are the steps that had too few, by name, each with the number of runs it had.
    """

    key: HistoryKey
    rung: Rung
    values: tuple[tuple[str, float], ...]
    tried: tuple[tuple[str, int], ...] = ()


def look_up(
    runs: Sequence[StoredRun], key: HistoryKey, measurement: str, needed: int, unit: str | None = None
) -> Sample:
    """Values of `measurement` from complete runs like `key`: from the first step of the ladder with at least `needed`.

    When no step has so many, the last one, whose `values` are then too few.
    """
    unit = unit or CATALOG[measurement].unit
    tried: list[tuple[str, int]] = []
    sample = Sample(key, LADDER[0], ())
    for rung in LADDER:
        alike = ((run.run_id, run.value(measurement, unit)) for run in runs if run.complete and rung.same(key, run.key))
        values = tuple((run_id, value) for run_id, value in alike if value is not None)
        sample = replace(sample, rung=rung, values=values)
        if len(values) >= needed:
            break
        tried.append((rung.name, len(values)))
    return replace(sample, tried=tuple(tried))
