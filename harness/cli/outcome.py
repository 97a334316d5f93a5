"""What came of a run: the row of a closing table, from the files that run and judge left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.cli.table import text_table
from harness.paths import LOG_NAME
from harness.report.scenario_row import ScenarioRow
from harness.report.wording import hours_text

HEAD: Final = ("scenario", "verdict", "longest VM gap", "lab time", "wall time")
_LOG_LINES: Final = 8


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run's folder and its row, the same as in the session's `summary.json`."""

    folder: Path
    row: ScenarioRow

    @property
    def cells(self) -> tuple[str, ...]:
        """As a row of the closing table."""
        row = self.row
        gap = "-" if row.longest_gap_s is None else gap_text(row.longest_gap_s)
        return row.id, row.verdict_text or "none", gap, _time(row.lab_time_s), _time(row.wall_s)

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {**self.row.plain(), "folder": str(self.folder)}


def gap_text(seconds: float) -> str:
    """A gap as a person reads it: `0.21 s`, `96.8 s`, from ten minutes on `5:40:00`."""
    return f"{seconds:.3g} s" if seconds < 600 else hours_text(seconds)


def _time(seconds: float | None) -> str:
    return "-" if seconds is None else hours_text(seconds)


def read_outcome(folder: Path, known: Mapping[str, Any]) -> Outcome:
    """The outcome of the run in `folder`; `known` (id, title, lab, verdict, detail) fills what the run did not leave.

    A run without results says why in its log.
    """
    row = ScenarioRow(
        id=str(known.get("id") or folder.name),
        title=str(known.get("title") or ""),
        run_id=folder.name,
        lab=str(known.get("lab") or ""),
        verdict=str(known.get("verdict") or ""),
        detail=str(known.get("detail") or ""),
    )
    row.read_results(folder)
    if row.results is None:
        said = [line for line in log_tail(folder) if not line.lstrip().startswith("next:")]
        row.detail = said[-1] if said else row.detail
    return Outcome(folder, row)


def log_tail(folder: Path) -> list[str]:
    """The last lines that the run process wrote, none when it wrote nothing."""
    log = folder / LOG_NAME
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else []
    return lines[-_LOG_LINES:]


def closing_table(outcomes: Sequence[Outcome], lab: str | None = None) -> str:
    """The table of all outcomes, a reason for each that did not simply pass, and what the results are evidence of.

    `lab` is how the operator named the lab, where one was named: a file may be out of reach by its lab's name.
    """
    lines = [text_table(HEAD, [outcome.cells for outcome in outcomes], right=HEAD[2:])]
    for outcome in outcomes:
        row = outcome.row
        if row.verdict != "pass" or row.waived:
            lines.append(f"{row.id}: {row.detail or 'no reason was written down'}")
            more = f"hil run show {row.run_id}" if outcome.folder.is_dir() else f"hil plan fits {lab or row.lab}"
            lines.append(f"  more: {more}")
    lines += sorted({outcome.row.label for outcome in outcomes if outcome.row.label})
    return "\n".join(lines)
