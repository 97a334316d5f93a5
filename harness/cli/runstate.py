"""In which state a run is, from its folder: what stands in the journal, and whether its process lives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness.cli.following import Tail
from harness.exits import OF_VERDICT, Exit
from harness.journal import Entry
from harness.journal.writer import FILE_NAME
from harness.labs.holder import Holder
from harness.paths import LOG_NAME, PAGE_NAME, RESULTS_NAME, runs_dir
from harness.report.reading import read_json
from harness.run.job import JOB_NAME
from harness.run.launch import living

_ATTEMPT: Final = b'"what":"attempt.'


@dataclass(frozen=True, slots=True)
class RunState:
    """A run as found on disk.

    `state`: `running` (a process conducts it), `ended`, `resumable` (its process is gone, its lab may still be there),
    or `not-begun` (no journal).  `reason` is how the last attempt ended, empty when it did not.
    """

    run_id: str
    scenario: str
    title: str
    plan: str
    lab: str
    instance: str
    state: str
    reason: str
    verdict: str
    attempts: int
    started: str
    folder: Path
    conductor: Holder | None = None
    results: Mapping[str, Any] = field(default_factory=dict)

    @property
    def verdict_text(self) -> str:
        """The verdict that counts, and the one that was waived: `pass (fail waived)`."""
        return f"{self.verdict} ({self.results['verdict']} waived)" if self.results.get("waived") else self.verdict

    @property
    def subject(self) -> str:
        """First half of the evidence class, empty without results."""
        return str(self.results.get("subject") or "")

    @property
    def label(self) -> str:
        """What the result is evidence of, empty without results."""
        return str(self.results.get("label") or "")

    @property
    def exit(self) -> Exit:
        """The exit code that an ended run stands for."""
        return Exit.INTERRUPTED if self.reason == "aborted" else OF_VERDICT.get(self.verdict, Exit.HARNESS)

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "run_id": self.run_id,
            "scenario": self.scenario,
            "title": self.title,
            "plan": self.plan,
            "lab": self.lab,
            "instance": self.instance,
            "state": self.state,
            "reason": self.reason,
            "verdict": self.verdict,
            "waived": bool(self.results.get("waived")),
            "subject": self.subject,
            "machines": str(self.results.get("machines") or ""),
            "label": self.label,
            "attempts": self.attempts,
            "started": self.started,
            "pid": self.conductor.pid if self.conductor else None,
            "folder": str(self.folder),
        }


def inspect_run(folder: Path) -> RunState:
    """The state of the run in `folder`.  Reads only what it must: of the journal, first line and attempts."""
    job, results = read_json(folder / JOB_NAME) or {}, read_json(folder / RESULTS_NAME) or {}
    lines = Tail(folder / FILE_NAME).read()
    head = _entry(lines[0]) if lines else None
    attempts = [entry for line in lines if _ATTEMPT in line and (entry := _entry(line)) is not None]
    begun = [entry for entry in attempts if entry.what == "attempt.begin"]
    conductor = living(begun[-1].data.get("host")) if begun else None
    reason = str(attempts[-1].data.get("reason", "")) if attempts and attempts[-1].what == "attempt.end" else ""
    instance = str((head.data.get("host") or {}).get("instance") or "") if head else ""
    scenario, plan = job.get("scenario") or {}, job.get("plan") or {}
    return RunState(
        run_id=folder.name,
        scenario=str(scenario.get("id") or results.get("scenario") or ""),
        title=str(scenario.get("title") or results.get("title") or ""),
        plan=str(plan.get("name") or results.get("plan") or ""),
        lab=str((job.get("lab") or {}).get("lab") or (results.get("lab") or {}).get("name") or ""),
        instance=instance,
        state=_state(bool(begun), conductor is not None, reason),
        reason=reason,
        verdict=str(results.get("effective") or ""),
        attempts=len(begun),
        started=head.t_wall if head else "",
        folder=folder,
        conductor=conductor,
        results=results,
    )


def _entry(line: bytes) -> Entry | None:
    try:
        return Entry.from_line(line)
    except (ValueError, KeyError, TypeError):
        return None


def _state(begun: bool, lives: bool, reason: str) -> str:
    """An attempt that wrote its last line gave the lab back, unless it let go on purpose; one that died did not."""
    if lives:
        return "running"
    if not begun:
        return "not-begun"
    return "resumable" if reason in ("", "detached") else "ended"


def all_runs() -> list[RunState]:
    """Every run of this checkout, the oldest session first."""
    folder = runs_dir()
    found = [entry for entry in sorted(folder.glob("*")) if entry.is_dir()] if folder.is_dir() else []
    return [inspect_run(entry) for entry in found]


def files_of(folder: Path) -> dict[str, str]:
    """Where the parts of a run are, those that exist."""
    parts = {
        "journal": FILE_NAME,
        "results": RESULTS_NAME,
        "report": PAGE_NAME,
        "log": LOG_NAME,
        "evidence": "evidence",
    }
    return {name: str(folder / file) for name, file in parts.items() if (folder / file).exists()}
