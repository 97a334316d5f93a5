"""Times in which the measuring side itself could not see, from its own records.

What happened to a guest in such a time is unknown: its samples count neither as answers nor as losses.

- *Stall*: the prober did not run, or ran late.
- What it says itself: its interface was down, its kernel had no room for what came.
- *Prober*: its canary, an address of its own, did not answer.
- *Path*: a control target beside the guests did not answer, and no guest did either; so it was the way to them.  A
  control target that is silent while a guest answers says nothing about guests.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from harness.measure.samples import Span
from harness.measure.stretches import Source, stretches
from harness.values import SampleRun, SampleWindow, Signal

CANARY: Final = "canary"
"""Name of the control target that is the prober's own address."""

PATH_LOSSES: Final = 3
"""Samples in a row that a control target must lose to count as away [INF]: one may be lost by chance."""


@dataclass(frozen=True, slots=True)
class Blind:
    """A time in which nothing was seen, both ends included, and why."""

    start_ns: int
    end_ns: int
    reason: str

    @property
    def span(self) -> Span:
        """Start and end."""
        return self.start_ns, self.end_ns


def own_blindness(windows: Sequence[SampleWindow]) -> tuple[Blind, ...]:
    """Stalls of the prober, what else it says of itself, and losses of its canary, sorted, overlapping ones joined."""
    stalls = [Blind(start, end, "stall") for window in windows for start, end in window.control.stalls]
    stalls += [Blind(*each) for window in windows for each in window.control.blind]
    lost = [
        Blind(first, last, "prober: its canary did not answer")
        for source in control_sources(windows)
        if source[0] == CANARY
        for first, last in _away(source[1], losses=1)
    ]
    return joined([*stalls, *lost])


def path_blindness(windows: Sequence[SampleWindow], guests: Iterable[Sequence[Source]]) -> tuple[Blind, ...]:
    """Times in which a control target and all guests did not answer."""
    watched = [sources for sources in guests if sources]
    found = []
    for name, source in control_sources(windows):
        if name == CANARY or not watched:
            continue
        found += [
            Blind(first, last, f"path: control target '{name}' and all guests did not answer")
            for first, last in _away(source, losses=PATH_LOSSES)
            if all(_silent(sources, first, last) for sources in watched)
        ]
    return joined(found)


def control_sources(windows: Sequence[SampleWindow]) -> list[tuple[str, Source]]:
    """Control targets by name, each once for each signal and prober."""
    runs: dict[tuple[str, Signal, str], list[SampleRun]] = {}
    for window in windows:
        for run in window.control.targets:
            runs.setdefault((run.vm, run.signal, run.prober), []).append(run)
    stalls = [stall for window in windows for stall in window.control.stalls]
    excluded = [blind.span for blind in joined(Blind(start, end, "") for start, end in stalls)]
    return [
        (name, Source(signal, prober, stretches(rows, excluded)))
        for (name, signal, prober), rows in sorted(runs.items())
    ]


def joined(blind: Iterable[Blind]) -> tuple[Blind, ...]:
    """Sorted, overlapping ones as one with all their reasons."""
    found: list[Blind] = []
    for each in sorted(blind, key=lambda each: (each.start_ns, each.end_ns, each.reason)):
        if not found or each.start_ns > found[-1].end_ns:
            found.append(each)
            continue
        last = found[-1]
        reason = last.reason if each.reason in last.reason.split("; ") else f"{last.reason}; {each.reason}"
        found[-1] = Blind(last.start_ns, max(last.end_ns, each.end_ns), reason)
    return tuple(found)


def _away(source: Source, *, losses: int) -> Iterable[Span]:
    """From the last answer before to the first one after: instants at which it answered are not in it."""
    cursor: int | None = None
    for part in source.parts:
        if part.alive or (cursor is not None and part.first_ns <= cursor):
            continue
        before, after = source.alive_before(part.first_ns), source.alive_after(part.first_ns)
        lost = source.lost(before.t_ns if before else None, after.t_ns if after else None)
        cursor = lost[-1].last_ns
        if sum(each.count for each in lost) >= losses:
            first_ns = before.t_ns + 1 if before else lost[0].first_ns
            yield first_ns, after.t_ns - 1 if after else lost[-1].last_ns


def _silent(sources: Sequence[Source], first_ns: int, last_ns: int) -> bool:
    """Did a guest lose samples in that time, without a sign of life in the middle of it?"""
    lost = [part for source in sources for part in source.lost(first_ns - 1, last_ns + 1)]
    if not lost:
        return False
    from_ns, to_ns = min(part.first_ns for part in lost), max(part.last_ns for part in lost)
    alive = [mark for source in sources if (mark := source.alive_after(from_ns)) and mark.t_ns <= to_ns]
    return not alive
