"""Runs that go on from one window to the next, made one again.

A night of windows has a run for every guest in each of them.  What is all the same needs no memory of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from harness.values import SampleRun, Signal

EVENNESS: Final = 20
"""No instant of a joined run is further from where it was than this part of an interval, and a nanosecond a sample."""

Slopes = tuple[float, float]
"""Between which the interval of a joined run must lie, so that all its instants stay near where they were."""
_ANY: Final[Slopes] = (0.0, float("inf"))


class RunJoiner:
    """Takes the runs of all guests, those of each guest, signal and prober in order of time."""

    def __init__(self) -> None:
        self._runs: list[SampleRun] = []
        self._last: dict[tuple[str, Signal, str], int] = {}
        self._slopes: dict[tuple[str, Signal, str], Slopes] = {}

    def add(self, run: SampleRun) -> None:
        """One more run; it lengthens the last one of its source where it goes on evenly."""
        source = (run.vm, run.signal, run.prober)
        place = self._last.get(source)
        if place is not None and _goes_on(self._runs[place], run):
            last = self._runs[place]
            joined, slopes = _joined(last, run), _narrowed(self._slopes[source], last, run)
            if slopes[0] <= joined.interval_ns <= slopes[1]:
                self._runs[place], self._slopes[source] = joined, slopes
                return
        self._last[source] = len(self._runs)
        self._slopes[source] = _narrowed(_ANY, replace(run, count=0), run)
        self._runs.append(run)

    def runs(self) -> tuple[SampleRun, ...]:
        """All of them, joined."""
        return tuple(self._runs)


def _goes_on(last: SampleRun, run: SampleRun) -> bool:
    if (last.answer, last.boot_id) != (run.answer, run.boot_id) or min(last.count, run.count) < 1:
        return False
    tolerance_ns = last.interval_ns // EVENNESS
    foreseen_ns = last.first_ns + last.count * last.interval_ns
    return abs(run.first_ns - foreseen_ns) <= tolerance_ns and abs(run.interval_ns - last.interval_ns) <= tolerance_ns


def _narrowed(slopes: Slopes, last: SampleRun, run: SampleRun) -> Slopes:
    """The slopes that also keep both ends of `run`, behind `last`, near where they are: all between them is then."""
    low, high = slopes
    tolerance_ns = run.interval_ns // EVENNESS
    for place, at_ns in ((last.count, run.first_ns), (last.count + run.count - 1, run.last_ns)):
        if place:
            low = max(low, (at_ns - tolerance_ns - last.first_ns) / place)
            high = min(high, (at_ns + tolerance_ns - last.first_ns) / place)
    return low, high


def _joined(last: SampleRun, run: SampleRun) -> SampleRun:
    """Both ends stay where they were, to a nanosecond a sample."""
    count = last.count + run.count
    return replace(
        last,
        count=count,
        interval_ns=(run.last_ns - last.first_ns) // (count - 1),
        heartbeat_last=run.heartbeat_last,
        error_ns=max(last.error_ns, run.error_ns),
    )
