"""Windows of samples on another origin of time, cut, and put together."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

from harness.values import ControlHealth, SampleRun, SampleWindow


def shifted(window: SampleWindow, by_ns: int) -> SampleWindow:
    """The same window on another origin of time."""

    def moved(run: SampleRun) -> SampleRun:
        return replace(run, first_ns=run.first_ns + by_ns)

    control = window.control
    return SampleWindow(
        window.from_ns + by_ns,
        window.to_ns + by_ns,
        tuple(map(moved, window.runs)),
        replace(
            control,
            stalls=tuple((start + by_ns, end + by_ns) for start, end in control.stalls),
            targets=tuple(map(moved, control.targets)),
            blind=tuple((start + by_ns, end + by_ns, reason) for start, end, reason in control.blind),
        ),
    )


def begun_at(window: SampleWindow, from_ns: int) -> SampleWindow:
    """The part of a window after `from_ns` (exclusive), of runs that carry no heartbeats.

    What the prober owed and missed is told for the whole window: it is not known by time.
    """
    if from_ns <= window.from_ns:
        return window

    def later(runs: Sequence[SampleRun]) -> tuple[SampleRun, ...]:
        return tuple(cut for run in runs if (cut := _after(run, from_ns)) is not None)

    control = window.control
    return SampleWindow(
        from_ns,
        max(from_ns, window.to_ns),
        later(window.runs),
        replace(
            control,
            stalls=tuple((max(start, from_ns), end) for start, end in control.stalls if end > from_ns),
            targets=later(control.targets),
            blind=tuple((max(start, from_ns), end, reason) for start, end, reason in control.blind if end > from_ns),
        ),
    )


def _after(run: SampleRun, from_ns: int) -> SampleRun | None:
    gone = max(0, (from_ns - run.first_ns) // run.interval_ns + 1)
    if gone >= run.count:
        return None
    return replace(run, first_ns=run.first_ns + gone * run.interval_ns, count=run.count - gone)


def unseen(from_ns: int, to_ns: int, reason: str) -> list[SampleWindow]:
    """The window of a time in which nothing was seen for `reason`; none where there is no such time."""
    if from_ns >= to_ns:
        return []
    return [SampleWindow(from_ns, to_ns, (), ControlHealth(0, 0, blind=((from_ns, to_ns, reason),)))]


def joined(windows: Sequence[SampleWindow], since_ns: int) -> SampleWindow:
    """Windows that follow each other as one; an empty one at `since_ns` when there are none.

    Raises ValueError where one is missing between them.
    """
    if not windows:
        return SampleWindow(since_ns, since_ns, (), ControlHealth(0, 0))
    if any(one.to_ns != next_one.from_ns for one, next_one in itertools.pairwise(windows)):
        raise ValueError("windows that do not follow each other")
    controls = [window.control for window in windows]
    return SampleWindow(
        windows[0].from_ns,
        windows[-1].to_ns,
        tuple(run for window in windows for run in window.runs),
        ControlHealth(
            sum(control.due for control in controls),
            sum(control.missed for control in controls),
            tuple(span for control in controls for span in control.stalls),
            tuple(run for control in controls for run in control.targets),
            tuple(span for control in controls for span in control.blind),
        ),
    )
