"""What a run left behind, read once: journal, results, ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from harness.clock import lab_utc, utc_text
from harness.journal import Entry, Journal, Kind, read_journal
from harness.journal.writer import FILE_NAME
from harness.judge.case import elapsed, epoch_of
from harness.judge.document import RESULTS_SCHEMA
from harness.judge.judgement import JUDGE_VERSION, Judgement, judge
from harness.judge.phases import PhaseSpan, phases_of
from harness.judge.results import results_of
from harness.judge.timeline import Seen, Timeline, timeline_of
from harness.measure.ledger_document import LEDGER_SCHEMA, ledger_document
from harness.paths import LEDGER_NAME, RESULTS_NAME
from harness.report.reading import read_json
from harness.values import SampleWindow

Plain = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run: the verified journal, its facts in order, and the plain data of `results.json` and `ledger.json`.

    `begin_ns` and `end_ns` are the first and the last lab time that the journal names.
    """

    journal: Journal
    timeline: Timeline
    results: Plain
    ledger: Plain
    begin_ns: int
    end_ns: int
    phases: tuple[PhaseSpan, ...]

    @property
    def epoch(self) -> datetime:
        """UTC of lab time zero."""
        return epoch_of(self.timeline.lab)

    @property
    def watch(self) -> bool:
        """Is there no journal: did a prober watch, and nothing was run?"""
        return not self.journal.entries

    @property
    def heading(self) -> str:
        """What the picture is called."""
        title = f"Timeline of {self.results['scenario']}"
        said = " · ".join(str(self.results[key]) for key in ("verdict", "label") if self.results[key])
        return f"{title}: {said}" if said else title

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the nodes, as the header lists them; those that a look at the cluster showed when it lists none."""
        named = self.timeline.names("nodes")
        seen = {node.name for row in self.timeline.clusters[:1] for node in row.value.nodes}
        return named or tuple(sorted(seen))

    @property
    def gaps(self) -> tuple[tuple[str, Plain], ...]:
        """Guest and gap of the whole ledger, by guest and time."""
        return tuple((vm["vm"], gap) for vm in self.ledger["vms"] for gap in vm["gaps"])

    def utc(self, t_ns: int) -> str:
        """Lab time as UTC of the lab."""
        return utc_text(lab_utc(self.epoch, t_ns))

    def moment(self, t_ns: int | None) -> str:
        """Lab time in both spellings: `01:23:45.678 (2025-11-12T23:23:45.678Z)`; empty for None."""
        return "" if t_ns is None else f"{elapsed(t_ns)} ({self.utc(t_ns)})"


def load_record(run_folder: Path) -> RunRecord:
    """Read a run folder.  Results that are missing, or are not of this very journal, are made anew from the journal.

    Raises JournalError when there is no journal, BrokenJournalError when its chain does not hold, HarnessError when the
    judge cannot read the header.
    """
    journal = read_journal(run_folder / FILE_NAME)
    stored = _stored(run_folder, journal)
    if stored is None:
        judgement = judge(journal)
        return judged_record(judgement, results_of(judgement).model_dump(mode="json", by_alias=True))
    return record_of(journal, timeline_of(journal), *stored)


def judged_record(judgement: Judgement, results: Plain) -> RunRecord:
    """The record of a run that has just been judged: nothing is read again."""
    return record_of(judgement.journal, judgement.case.timeline, results, ledger_document(judgement.ledger))


def record_of(journal: Journal, timeline: Timeline, results: Plain, ledger: Plain) -> RunRecord:
    """A record of parts that are at hand already."""
    begin_ns = next((entry.t_lab_ns for entry in journal if entry.t_lab_ns is not None), 0)
    end_ns = max(timeline.end_ns, begin_ns + 1)
    return RunRecord(journal, timeline, results, ledger, begin_ns, end_ns, phases_of(timeline))


def watch_record(
    ledger: Plain, windows: Iterable[SampleWindow] = (), *, name: str = "watch", lab: Plain | None = None
) -> RunRecord:
    """A record of a prober that watched guests while nothing was run: its ledger document and its sample windows.

    `lab` may name `nodes`, `guests` with their `node`, and the `epoch` of lab time (ISO 8601), as in a journal's
    header; there are no phases or faults, and no verdict.
    """
    header = {"what": "header", "lab": dict(lab or {}), "scenario": {}}
    nobody = Entry(-1, 0, None, 0, "", "", Kind.NOTE, "", header, "")
    rows = [Seen(-1, window.to_ns, window) for window in windows]
    begin_ns, end_ns = ledger["from_ns"], max(ledger["to_ns"], ledger["from_ns"] + 1)
    timeline = Timeline(header, nobody, nobody, end_ns, windows=rows)
    results = {"scenario": name, "verdict": "", "label": "", "cause": None, "worst_guests": worst_guests(ledger)}
    journal = Journal(Path(), (), b"", 0, "")
    return RunRecord(journal, timeline, results, ledger, begin_ns, end_ns, ())


def worst_guests(ledger: Plain, most: int = 5) -> list[dict[str, str]]:
    """Names of the guests with the longest gaps, in the form of `results.json`."""
    longest = sorted((vm for vm in ledger["vms"] if vm["gaps"]), key=lambda vm: (-vm["longest_ns"], vm["vm"]))
    return [{"vm": str(vm["vm"])} for vm in longest[:most]]


def _stored(folder: Path, journal: Journal) -> tuple[Plain, Plain] | None:
    """Results and ledger in the folder, None unless both are of this journal and of this judge."""
    results, ledger = read_json(folder / RESULTS_NAME), read_json(folder / LEDGER_NAME)
    if results is None or ledger is None:
        return None
    same = (
        results.get("schema") == RESULTS_SCHEMA
        and ledger.get("schema") == LEDGER_SCHEMA
        and (results.get("journal") or {}).get("sha256") == journal.last_sha256
        and (results.get("judge") or {}).get("version") == JUDGE_VERSION
    )
    return (results, ledger) if same else None


def seqs_text(evidence: Sequence[int], most: int = 8) -> str:
    """Journal sequence numbers for a table: `12, 15, 80 …`."""
    shown = ", ".join(str(seq) for seq in evidence[:most])
    return f"{shown} …" if len(evidence) > most else shown
