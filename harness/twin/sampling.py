"""Samples of guests' reachability, computed from timelines instead of taken one by one.

A sampler would ask guest *i* of *N* at the instants ``t = i·interval/N + k·interval`` (staggered phases).  Between two
transitions all answers are alike, so a window is a handful of runs:

* ``ok`` is True only while the guest answers;
* an answering guest's heartbeat number is its own running time divided by the heartbeat interval.  Guest time stands
  still while it is frozen, so afterwards no numbers are missing; it goes on while the guest is isolated, so afterwards
  the numbers have jumped; after a restart the boot id differs and numbers begin at 0.  These are the three gap
  signatures by which an outside sink tells them apart.

Everything is exact integer arithmetic on nanoseconds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.twin.model.reachability import Reachability, Transition
from harness.twin.model.states import Signal

DEFAULT_INTERVAL_NS = 100_000_000


@dataclass(frozen=True, slots=True)
class SampleRun:
    """``count`` equal answers at ``first_ns``, ``first_ns + interval_ns``, …

    ``heartbeat_first`` and ``heartbeat_last`` are the newest heartbeat numbers heard from the guest at the first and
    the last instant; None while it does not answer.  Within one run guest time advances as lab time does.
    """

    vm: str
    first_ns: int
    interval_ns: int
    count: int
    ok: bool
    boot_id: int
    heartbeat_first: int | None
    heartbeat_last: int | None

    @property
    def last_ns(self) -> int:
        """Instant of the last sample."""
        return self.first_ns + (self.count - 1) * self.interval_ns


def phase_ns(index: int, count: int, interval_ns: int) -> int:
    """Offset of guest *index* of *count* within the interval: evenly staggered."""
    return index * interval_ns // count


def sample(
    timelines: Mapping[str, Reachability],
    t0_ns: int,
    t1_ns: int,
    *,
    interval_ns: int = DEFAULT_INTERVAL_NS,
    heartbeat_ns: int = DEFAULT_INTERVAL_NS,
) -> list[SampleRun]:
    """All runs with samples in the window (t0, t1], guest by guest in the mapping's order.

    Phases follow that order, so give all guests each time.  Raises ValueError for an interval below 1 ns.
    """
    if interval_ns < 1 or heartbeat_ns < 1:
        raise ValueError(f"intervals must be at least 1 ns, got {interval_ns} and {heartbeat_ns}")
    runs: list[SampleRun] = []
    for index, (vm, timeline) in enumerate(timelines.items()):
        phase = phase_ns(index, len(timelines), interval_ns)
        runs.extend(_sample_one(vm, timeline.transitions, t0_ns, t1_ns, phase, interval_ns, heartbeat_ns))
    return runs


def _sample_one(
    vm: str, transitions: list[Transition], t0: int, t1: int, phase: int, interval: int, heartbeat: int
) -> Iterator[SampleRun]:
    """Runs of one guest; neighbouring segments which a sampler could not tell apart are one run."""
    pending: SampleRun | None = None
    pending_key: tuple[bool, int, int] | None = None
    at = max(0, bisect_right(transitions, t0, key=lambda item: item.t_ns) - 1)
    while at < len(transitions) and transitions[at].t_ns <= t1:
        segment = transitions[at]
        at += 1
        begin = max(segment.t_ns, t0 + 1)
        end = min(t1, transitions[at].t_ns - 1) if at < len(transitions) else t1
        first = phase + -(-(begin - phase) // interval) * interval
        if first > end:
            continue
        count = (end - first) // interval + 1
        ok = segment.signal is Signal.Answering
        key = (ok, segment.boot_id, segment.running_ns - segment.t_ns if ok else 0)
        if pending is not None and key == pending_key:
            first, count = pending.first_ns, pending.count + count
        elif pending is not None:
            yield pending
        last = first + (count - 1) * interval
        pending_key = key
        pending = SampleRun(
            vm=vm,
            first_ns=first,
            interval_ns=interval,
            count=count,
            ok=ok,
            boot_id=segment.boot_id,
            heartbeat_first=(first + key[2]) // heartbeat if ok else None,
            heartbeat_last=(last + key[2]) // heartbeat if ok else None,
        )
    if pending is not None:
        yield pending
