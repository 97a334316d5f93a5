"""The session folder's three files: `summary.json`, `junit.xml`, `index.html`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from harness.clock import utc_text
from harness.errors import JournalError
from harness.paths import LOG_NAME, PAGE_NAME
from harness.report.commands import session_commands
from harness.report.junit import TestCase, junit_xml
from harness.report.paper import write_page
from harness.report.reading import read_json
from harness.report.scenario_row import SUMMARY_NAME, ScenarioRow
from harness.report.session_page import session_page
from harness.run.job import JOB_NAME

JUNIT_NAME: Final = "junit.xml"


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
