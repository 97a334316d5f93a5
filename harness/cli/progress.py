"""Showing runs while they go on: a live table on a terminal, a line for each change elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, Protocol, TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table

from harness.cli.runview import News, RunView
from harness.clock import utc_now
from harness.report.wording import hours_text

WIDTH: Final = 100
PHASE_WIDTH: Final = 12


class Progress(Protocol):
    """A place where progress is shown."""

    def tell(self, view: RunView, news: News) -> None:
        """Something happened in a run."""

    def say(self, text: str) -> None:
        """A line of the command itself."""

    def refresh(self, views: Sequence[RunView]) -> None:
        """Called at every turn of the follower."""

    def close(self) -> None:
        """Leave the screen to what comes next; harmless when called twice."""


class LineProgress:
    """One line for each change of phase, fault, finding and verdict."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def tell(self, view: RunView, news: News) -> None:
        """Scenario, lab time, and what happened."""
        self.say(f"{view.scenario:<12} {hours_text(view.lab_s):>9}  {news.text}")

    def say(self, text: str) -> None:
        """Write at once, so that a log can be followed.

        When the reader left, as in `hil run start … | head`, the session goes on unseen and its exit code stays honest.
        """
        stream = self._stream or sys.stdout
        try:
            stream.write(text + "\n")
            stream.flush()
        except BrokenPipeError:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for the rest of the process
            if stream is sys.stdout:
                sys.stdout = nowhere
            self._stream = nowhere

    def refresh(self, views: Sequence[RunView]) -> None:
        """Lines need no refreshing."""

    def close(self) -> None:
        """Nothing to leave."""


class LiveProgress:
    """A table with one row for each scenario, and above it the marks that stay."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._live.start()

    def tell(self, view: RunView, news: News) -> None:
        """Only marks; phases are in the table."""
        if news.mark:
            self.say(f"{view.scenario}  {hours_text(view.lab_s)}  {news.text}")

    def say(self, text: str) -> None:
        """A line above the table."""
        self._console.print(text, markup=False)

    def refresh(self, views: Sequence[RunView]) -> None:
        """Draw the table anew."""
        self._live.update(live_table(views, self._console.width), refresh=True)

    def close(self) -> None:
        """Take the table away; the closing table takes its place."""
        self._live.update("")
        self._live.stop()


COLUMNS: Final = {
    "scenario": 24,
    "phase": 24,
    "step": 26,
    "node": 15,
    "%": 3,
    "VMs": 4,
    "lab time": 9,
    "wall": 9,
}
"""Columns of the live table, and how wide each gets at most."""
LEAST_IMPORTANT: Final = ("%", "VMs", "node", "step", "lab time")
"""What a narrow terminal does without, the first one first; scenario, phase or verdict, and wall time stay."""
STEP_LEAST: Final = 12
"""A step is cut down to so many characters before a column goes."""
NUMBERS: Final = ("%", "VMs", "lab time", "wall")
_GAP: Final = 2


def live_table(views: Sequence[RunView], width: int = WIDTH) -> Table:
    """The table of the live display, at most `width` columns wide as long as the important ones fit."""
    now = utc_now()
    rows = [dict(zip(COLUMNS, _cells(view, now), strict=True)) for view in views]
    widths = {name: min(most, max([len(name), *(len(row[name]) for row in rows)])) for name, most in COLUMNS.items()}
    widths["phase"] = max(widths["phase"], PHASE_WIDTH)  # verdicts and phases come and go; the table should not jump
    for name in LEAST_IMPORTANT:
        beyond = sum(widths.values()) + _GAP * (len(widths) - 1) - width
        if beyond <= widths.get("step", 0) - STEP_LEAST:
            widths["step"] -= max(0, beyond)
            break
        if beyond <= 0:
            break
        del widths[name]
    table = Table(box=None, pad_edge=False, width=None)
    for name, column in widths.items():
        justify: Literal["right", "left"] = "right" if name in NUMBERS else "left"
        table.add_column(name, justify=justify, no_wrap=True, min_width=column, max_width=column, overflow="ellipsis")
    for row in rows:
        table.add_row(*(row[name] for name in widths))
    return table


def _cells(view: RunView, now: datetime) -> tuple[str, ...]:
    percent = "" if view.percent is None or view.verdict else f"{view.percent:.0f}"
    place = (view.verdict, "", "") if view.verdict else (view.phase, _step(view), view.node)
    times = (hours_text(view.lab_s), hours_text(view.wall_s(now)))
    return (view.scenario, *place, percent, str(len(view.affected)), *times)


def _step(view: RunView) -> str:
    faults = ", ".join(f"{name} {state}" for name, state in view.faults.items())
    return f"{view.step} ! {faults}" if faults else view.step


def choose_progress(*, as_json: bool, environ: Mapping[str, str] | None = None) -> Progress:
    """Live on a terminal; lines where nobody can see a table move (no terminal, `NO_COLOR`, `CI`).

    Beside JSON the lines go to stderr.
    """
    environ = os.environ if environ is None else environ
    if as_json:
        return LineProgress(sys.stderr)
    plain = environ.get("NO_COLOR") or environ.get("CI") or environ.get("TERM") == "dumb"
    return LineProgress() if plain or not sys.stdout.isatty() else LiveProgress()
