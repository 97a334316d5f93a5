"""How many tests ran and why others were skipped: written by pytest, read by the command that started it.

pytest loads this module by name (`-p harness.cli.tally`).  Its own exit code does not tell a run in which everything
was skipped from one in which everything passed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

NOT_RUN: Final = "not-run"
INCOMPLETE: Final = "incomplete"

_OPTION: Final = "--hil-tally"
_RAN: Final = ("passed", "failed", "error", "xfailed", "xpassed")


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the tests that were selected."""

    ran: int
    skipped: Mapping[str, int] = field(default_factory=dict)
    """Reason → number of tests."""

    @property
    def reasons(self) -> str:
        """Why tests were skipped, with their number, in one line."""
        return "; ".join(f"{reason} ({count})" for reason, count in sorted(self.skipped.items()))


def arguments(file: Path) -> list[str]:
    """What pytest is to be called with so that it writes the tally to `file`."""
    return ["-p", __name__, f"{_OPTION}={file}"]


def read(file: Path) -> Tally | None:
    """What pytest wrote; None when it did not come that far."""
    try:
        return Tally(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


# --- inside pytest ---------------------------------------------------------------------------------------------------


def pytest_addoption(parser: Any) -> None:
    """The file that is written at the end."""
    parser.addoption(_OPTION, metavar="FILE", default="", help="where to write what ran and why others were skipped")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Called at the end, in the process that has the results of all workers."""
    if file := terminalreporter.config.getoption(_OPTION):
        stats = terminalreporter.stats
        skipped = Counter(_reason(report) for report in stats.get("skipped", ()))
        tally = Tally(sum(len(stats.get(kind, ())) for kind in _RAN), dict(skipped))
        Path(file).write_text(json.dumps(asdict(tally)), encoding="utf-8")


def _reason(report: Any) -> str:
    """The reason of a skipped test, which pytest keeps behind file and line."""
    kept = report.longrepr
    return str(kept[2] if isinstance(kept, tuple) else kept).removeprefix("Skipped: ")
