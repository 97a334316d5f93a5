"""How far the clocks of guests are from ours, from their heartbeats.

A heartbeat tells the guest's wall clock when it left; it arrived later.  Transit makes a guest's clock look late and
never early, so of many heartbeats the one in which it looks earliest is the nearest to the truth.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from harness.probes.heartbeat_order import Beats, Ints, before, group_starts

WINDOW_NS: Final = 10_000_000_000
"""One record for each guest in so much time, and one more where its clock is set."""
STEP_NS: Final = 50_000_000
"""[INF] A guest's wall clock that moves so far against its monotonic one was set; slewing is 500 ppm ([D] adjtimex)."""
TRANSIT_NS: Final = 1_000_000
"""[INF] What even the quickest heartbeat of a window may have been under way."""


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """The wall clock of a guest was ahead of ours by `offset_ns`, give or take `error_ns`, in the window from `at_ns`
    (monotonic) on: by its quickest heartbeat, and how much slower they were on average."""

    vm: str
    offset_ns: int
    error_ns: int
    at_ns: int


class GuestClocks:
    """Collects heartbeats and gives records."""

    def __init__(self, names: Sequence[str]) -> None:
        count = len(names)
        self._names = names
        self._count = np.zeros(count, np.int64)
        self._most_ns = np.zeros(count, np.int64)
        self._sum_ns = np.zeros(count, np.int64)
        self._begun_ns = np.zeros(count, np.int64)
        self._wall_ahead_ns = np.zeros(count, np.int64)
        """Wall less monotonic clock of the guest at its newest heartbeat."""
        self._boot = np.zeros(count, np.int64)
        self._records: list[ClockOffset] = []

    def take(self, beats: Beats, wall_offset_ns: int) -> None:
        """Fresh heartbeats ordered by guest and time; `wall_offset_ns` is our wall time less our monotonic time."""
        if not len(beats):
            return
        first = group_starts(beats.guest)
        ahead = beats.wall_ns - beats.monotonic_ns
        cut = np.abs(ahead - before(ahead, first, self._wall_ahead_ns[beats.guest])) > STEP_NS
        cut |= beats.boot != before(beats.boot, first, self._boot[beats.guest])
        starts = np.flatnonzero(first | cut)
        offsets = beats.wall_ns - beats.at_ns - wall_offset_ns
        parts = _Parts(
            beats.guest[starts],
            cut[starts],
            beats.at_ns[starts],
            np.diff(np.append(starts, len(beats))),
            np.maximum.reduceat(offsets, starts),
            np.add.reduceat(offsets, starts),
        )
        # Those of one guest in turn; all guests that have a first, a second … part at once.
        place = np.arange(len(starts))
        opens = group_starts(parts.guest)
        turn = place - np.maximum.accumulate(np.where(opens, place, 0))
        for number in range(int(turn.max()) + 1):
            self._merge(parts, np.flatnonzero(turn == number))
        last = np.flatnonzero(np.append(first[1:], True))
        self._wall_ahead_ns[beats.guest[last]] = ahead[last]
        self._boot[beats.guest[last]] = beats.boot[last]

    def _merge(self, parts: _Parts, chosen: Ints) -> None:
        """At most one part of each guest."""
        guest, begun = parts.guest[chosen], parts.begun_ns[chosen]
        over = parts.cut[chosen] | (begun - self._begun_ns[guest] >= WINDOW_NS)
        self._close(guest[over].tolist())
        new = self._count[guest] == 0
        self._begun_ns[guest] = np.where(new, begun, self._begun_ns[guest])
        most = np.where(new, parts.most_ns[chosen], np.maximum(self._most_ns[guest], parts.most_ns[chosen]))
        self._most_ns[guest] = most
        self._sum_ns[guest] += parts.sum_ns[chosen]
        self._count[guest] += parts.count[chosen]

    def _close(self, guests: Iterable[int]) -> None:
        for guest in guests:
            count = int(self._count[guest])
            if count:
                most = int(self._most_ns[guest])
                slower_ns = max(0, most - int(self._sum_ns[guest]) // count)
                begun = int(self._begun_ns[guest])
                self._records.append(ClockOffset(self._names[guest], most, TRANSIT_NS + slower_ns, begun))
            self._count[guest] = self._sum_ns[guest] = 0

    def records(self, *, close: bool = False) -> list[ClockOffset]:
        """The records that were not given yet, with `close` those of windows that are not over too."""
        if close:
            self._close(range(len(self._names)))
        found, self._records = self._records, []
        return sorted(found, key=lambda record: record.at_ns)


@dataclass(frozen=True, slots=True)
class _Parts:
    """Heartbeats of one guest between two of its clock's steps, one an element."""

    guest: Ints
    cut: npt.NDArray[np.bool_]
    """A step, or a boot, came before it."""
    begun_ns: Ints
    count: Ints
    most_ns: Ints
    sum_ns: Ints
