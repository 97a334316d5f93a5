"""The session folder's three files: `summary.json`, `junit.xml`, `index.html`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from harness.clock import NS_PER_S, utc_text
from harness.errors import JournalError
from harness.judge.results import LEDGER_NAME
from harness.paths import LOG_NAME, RESULTS_NAME
from harness.report.commands import session_commands
from harness.report.junit import TestCase, junit_xml
from harness.report.paper import write_page
from harness.report.record import read_json
from harness.report.session_page import session_page
from harness.run.job import JOB_NAME

SUMMARY_NAME: Final = "summary.json"
JUNIT_NAME: Final = "junit.xml"
PAGE_NAME: Final = "index.html"


@dataclass(slots=True)
class ScenarioRow:
    """One scenario of a session.

    `verdict` is the one that counts beside the waivers, empty while there is none; `waived` is what the findings said
    where waivers made a difference, else empty; `detail` says why in one line; `label` says what it is evidence of.
    `lab_time_s` is the lab time from the first to the last journal line, `wall_s` the wall time between them,
    `longest_gap_s` the longest gap of any guest (0 without gap, None when nothing was probed).
    """

    id: str
    title: str
    run_id: str
    lab: str
    verdict: str = ""
    detail: str = ""
    subject: str = ""
    machines: str = ""
    label: str = ""
    waived: str = ""
    lab_time_s: float | None = None
    wall_s: float | None = None
    longest_gap_s: float | None = None
    results: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)

    def read_results(self, run_folder: Path) -> None:
        """Fill in what `results.json` and `ledger.json` say; without the former nothing changes."""
        results = read_json(run_folder / RESULTS_NAME)
        if results is None:
            return
        self.results = results
        self.verdict = str(results["effective"])
        self.waived = str(results["verdict"]) if results["waived"] else ""
        self.subject, self.machines = str(results["subject"]), str(results["machines"])
        self.label = str(results["label"])
        cause = results["cause"]
        self.detail = str(cause["summary"]) if cause else ""
        self.lab_time_s = float(results["lab_duration_s"])
        wall = datetime.fromisoformat(results["ended"]) - datetime.fromisoformat(results["started"])
        self.wall_s = round(wall.total_seconds(), 3)
        self.longest_gap_s = _longest_gap_s(results, read_json(run_folder / LEDGER_NAME))

    def plain(self) -> dict[str, Any]:
        """The row of `summary.json`."""
        return {
            "id": self.id,
            "title": self.title,
            "verdict": self.verdict,
            "waived": self.waived,
            "run_id": self.run_id,
            "lab": self.lab,
            "subject": self.subject,
            "machines": self.machines,
            "label": self.label,
            "lab_time_s": self.lab_time_s,
            "wall_s": self.wall_s,
            "longest_gap_s": self.longest_gap_s,
            "detail": self.detail,
        }

    @property
    def verdict_text(self) -> str:
        """The verdict with what was waived: `pass (fail waived)`."""
        return f"{self.verdict} ({self.waived} waived)" if self.waived else self.verdict


def _longest_gap_s(results: Mapping[str, Any], ledger: Mapping[str, Any] | None) -> float | None:
    """Longest gap of the ledger; of the five worst guests when there is no ledger."""
    if ledger is not None:
        probed = [vm["longest_ns"] for vm in ledger["vms"] if vm["samples"]]
        return max(probed) / NS_PER_S if probed else None
    return max((float(guest["longest_s"]) for guest in results["worst_guests"]), default=None)


def write_session(
    folder: Path, started: datetime, ended: datetime, wall_s: float, exit_code: int, rows: Sequence[ScenarioRow]
) -> None:
    """Write `summary.json`, `junit.xml` and `index.html`, each replaced atomically.

    The page links to `../../runs/<run id>/index.html`, of a run without results to its log.  Raises HarnessError when a
    file cannot be written.
    """
    summary = {
        "started": utc_text(started),
        "ended": utc_text(ended),
        "wall_s": round(wall_s, 3),
        "exit_code": exit_code,
        "scenarios": [row.plain() for row in rows],
    }
    cases = [TestCase(row.plain(), row.results) for row in rows]
    write_page(folder / SUMMARY_NAME, json.dumps(summary, indent=1, ensure_ascii=False) + "\n")
    write_page(folder / JUNIT_NAME, junit_xml(folder.name, started, wall_s, cases))
    runs = folder.parent.parent / "runs"
    labelled = [{**row.plain(), "log": (runs / row.run_id / LOG_NAME).is_file()} for row in rows]
    again = session_commands(
        (row.results, read_json(runs / row.run_id / JOB_NAME) or {}) for row in rows if row.results
    )
    write_page(folder / PAGE_NAME, session_page(folder.name, summary, labelled, again))


def rebuild_session(folder: Path, runs: Path) -> None:
    """Write the three files of a session again, from its summary and from the results of its runs in `runs`.

    Raises JournalError when there is no summary that can be read.
    """
    summary = read_json(folder / SUMMARY_NAME)
    if summary is None:
        raise JournalError(f"'{folder}' has no {SUMMARY_NAME} that can be read", hint="see: hil report list")
    rows = []
    for plain in summary["scenarios"]:
        row = ScenarioRow(**plain)
        row.read_results(runs / row.run_id)
        rows.append(row)
    moments = [datetime.fromisoformat(summary[key]) for key in ("started", "ended")]
    write_session(folder, moments[0], moments[1], float(summary["wall_s"]), int(summary["exit_code"]), rows)
