"""Which datagrams say that a guest lives: not those that come twice, late, or from a boot that is over.

Within a boot a guest's monotonic clock orders its datagrams.  A number that is not new, with a later clock, is that of
a new agent process; with an earlier clock, of a datagram that was overtaken.  Steady guests cost no work for each
datagram, only array operations on all; a guest that is not steady is looked at one datagram after another.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

BOOTS_KEPT: Final = 8
"""Earlier boots of a guest whose stragglers are known."""
BACK_AFTER: Final = 3
"""[INF] So many datagrams of an earlier boot, each newer than any before, are no stragglers."""
HOLES_KEPT: Final = 64
"""Stretches of missing numbers of a guest into which an overtaken datagram may still fall."""
ROLLBACK_AFTER_NS: Final = 2_000_000_000
"""[INF] No network holds a datagram back for so long.  A guest that keeps sending numbers of the past for longer was
set back to a checkpoint."""


@dataclass(slots=True)
class Counts:
    """What became of the datagrams of known guests.  `missing`: numbers that never came."""

    fresh: int = 0
    missing: int = 0
    duplicates: int = 0
    overtaken: int = 0
    stragglers: int = 0
    reboots: int = 0
    agent_restarts: int = 0
    rollbacks: int = 0


@dataclass(frozen=True, slots=True)
class Beats:
    """Heartbeats, one an element: index of the guest, arrival (ns), number, boot, and the guest's clocks (ns)."""

    guest: Ints
    at_ns: Ints
    number: Ints
    boot: Ints
    monotonic_ns: Ints
    wall_ns: Ints

    def __len__(self) -> int:
        return len(self.guest)

    def pick(self, which: npt.NDArray[np.bool_] | Ints) -> Self:
        """Some of them, by mask or by position."""
        return type(self)(
            self.guest[which],
            self.at_ns[which],
            self.number[which],
            self.boot[which],
            self.monotonic_ns[which],
            self.wall_ns[which],
        )

    def by_guest(self) -> Self:
        """In order of guest, those of one guest in order of arrival."""
        return self.pick(np.lexsort((self.at_ns, self.guest)))


def nothing() -> Beats:
    """No heartbeats."""
    empty = np.zeros(0, np.int64)
    return Beats(empty, empty, empty, empty, empty, empty)


def joined(parts: list[Beats]) -> Beats:
    """One after another."""
    if len(parts) == 1:
        return parts[0]
    return Beats(
        np.concatenate([part.guest for part in parts]),
        np.concatenate([part.at_ns for part in parts]),
        np.concatenate([part.number for part in parts]),
        np.concatenate([part.boot for part in parts]),
        np.concatenate([part.monotonic_ns for part in parts]),
        np.concatenate([part.wall_ns for part in parts]),
    )


def before(values: Ints, first: npt.NDArray[np.bool_], at_first: Ints) -> Ints:
    """For each element the one before it; where `first` is set, that of `at_first`."""
    shifted = np.empty_like(values)
    shifted[1:] = values[:-1]
    return np.where(first, at_first, shifted)


def group_starts(guest: Ints) -> npt.NDArray[np.bool_]:
    """Where another guest begins, in an array ordered by guest."""
    first = np.ones(len(guest), np.bool_)
    first[1:] = guest[1:] != guest[:-1]
    return first


class Order:
    """Remembers for each guest the newest datagram."""

    def __init__(self, periods_ns: Ints) -> None:
        count = len(periods_ns)
        self.counts = Counts()
        self._periods_ns = periods_ns
        self._boot = np.full(count, -1, np.int64)
        self._number = np.zeros(count, np.int64)
        """As the agent counted."""
        self._offset = np.zeros(count, np.int64)
        """To be added to it: one count for each boot, over all agent processes."""
        self._monotonic_ns = np.zeros(count, np.int64)
        self._at_ns = np.zeros(count, np.int64)
        self._earlier: dict[int, dict[int, tuple[int, int, int]]] = defaultdict(dict)
        """Earlier boots of a guest: newest number and clock, and how many stragglers in a row were newer than that."""
        self._holes: dict[int, deque[tuple[int, int]]] = defaultdict(lambda: deque(maxlen=HOLES_KEPT))
        self._set_back: dict[int, tuple[int, int]] = {}
        """Number and clock of an old datagram that came long after the newest: perhaps a guest set back."""

    @property
    def heard(self) -> npt.NDArray[np.bool_]:
        """From which guests anything was heard."""
        return self._boot > 0

    def take(self, came: Beats, not_before_ns: Ints) -> Beats:
        """The fresh ones of `came`, ordered by guest and time, with numbers that go on in a boot.

        A guest's instants strictly increase, and lie after its instant in `not_before_ns`, up to which it was told of.
        """
        beats = came.by_guest()
        if not len(beats):
            return beats
        guest, first = beats.guest, group_starts(beats.guest)
        steady = beats.boot == before(beats.boot, first, self._boot[guest])
        steady &= beats.number == before(beats.number, first, self._number[guest]) + 1
        steady &= beats.monotonic_ns > before(beats.monotonic_ns, first, self._monotonic_ns[guest])
        earliest = np.maximum(self._at_ns, not_before_ns)
        steady &= beats.at_ns > before(beats.at_ns, first, earliest[guest])
        steady |= first & (self._boot[guest] < 0) & (beats.at_ns > earliest[guest])
        number = beats.number + self._offset[guest]
        kept = Beats(guest, beats.at_ns, number, beats.boot, beats.monotonic_ns, beats.wall_ns)
        if steady.all():
            self._note_last(beats)
            self.counts.fresh += len(kept)
            return kept
        unsteady = np.zeros(len(self._boot), np.bool_)
        unsteady[guest[~steady]] = True
        one_by_one = unsteady[guest]
        self._note_last(beats.pick(~one_by_one))
        fresh = self._sift(kept, beats.number, one_by_one, not_before_ns)
        self.counts.fresh += int(fresh.sum())
        return kept.pick(fresh)

    def _note_last(self, beats: Beats) -> None:
        """Steady ones: the last of each guest is its newest."""
        if not len(beats):
            return
        last = np.flatnonzero(np.append(group_starts(beats.guest)[1:], True))
        guest = beats.guest[last]
        self._boot[guest], self._number[guest] = beats.boot[last], beats.number[last]
        self._monotonic_ns[guest] = beats.monotonic_ns[last]
        self._at_ns[guest] = beats.at_ns[last]

    def _sift(
        self, kept: Beats, agent_number: Ints, one_by_one: npt.NDArray[np.bool_], not_before_ns: Ints
    ) -> npt.NDArray[np.bool_]:
        """Look at the chosen ones in turn; sets their numbers and instants in place, and tells which are fresh."""
        fresh = np.ones(len(kept), np.bool_)
        for index in np.flatnonzero(one_by_one).tolist():
            guest = int(kept.guest[index])
            at_ns = max(int(kept.at_ns[index]), int(self._at_ns[guest]) + 1, int(not_before_ns[guest]) + 1)
            boot, clock = int(kept.boot[index]), int(kept.monotonic_ns[index])
            number = self._one(guest, at_ns, boot, int(agent_number[index]), clock)
            if number is None:
                fresh[index] = False
            else:
                kept.number[index], kept.at_ns[index] = number, at_ns
                self._at_ns[guest] = at_ns
        return fresh

    def _one(self, guest: int, at_ns: int, boot: int, number: int, clock: int) -> int | None:
        """The number of a datagram in the count of its boot; None for one that is not fresh."""
        known = int(self._boot[guest])
        if boot != known:
            if boot in self._earlier[guest] and not self._is_back(guest, boot, number, clock):
                self.counts.stragglers += 1
                return None
            if known > 0:
                self._leave_boot(guest, known)
                self.counts.reboots += 1
            return self._newest(guest, boot, number, clock, offset=0)
        newest, newest_clock, offset = (
            int(self._number[guest]),
            int(self._monotonic_ns[guest]),
            int(self._offset[guest]),
        )
        if number > newest and clock > newest_clock:
            if number > newest + 1:
                self._holes[guest].append((newest + 1, number - 1))
                self.counts.missing += number - newest - 1
            self._number[guest], self._monotonic_ns[guest] = number, clock
            self._set_back.pop(guest, None)
            return number + offset
        if clock > newest_clock:
            self.counts.agent_restarts += 1
            period = int(self._periods_ns[guest])
            passed = max(1, (2 * (clock - newest_clock) + period) // (2 * period))
            return self._newest(guest, boot, number, clock, offset=newest + offset + passed - number)
        return self._old(guest, at_ns, boot, number, clock)

    def _leave_boot(self, guest: int, boot: int) -> None:
        """From now on datagrams of this boot are stragglers."""
        earlier = self._earlier[guest]
        earlier[boot] = int(self._number[guest]), int(self._monotonic_ns[guest]), 0
        if len(earlier) > BOOTS_KEPT:
            del earlier[next(iter(earlier))]

    def _is_back(self, guest: int, boot: int, number: int, clock: int) -> bool:
        """Does an earlier boot go on?  Its last datagrams may be overtaken by the first of the next boot; several that
        are newer and newer come from a guest that runs: it was set back, or the order of boots was a mistake."""
        earlier = self._earlier[guest]
        newest, newest_clock, in_a_row = earlier[boot]
        if number <= newest or clock <= newest_clock:
            return False
        earlier[boot] = number, clock, in_a_row + 1
        if in_a_row + 1 < BACK_AFTER:
            return False
        del earlier[boot]
        return True

    def _newest(self, guest: int, boot: int, number: int, clock: int, *, offset: int) -> int:
        """Begin a new count of the agent's."""
        self._boot[guest], self._number[guest], self._monotonic_ns[guest] = boot, number, clock
        self._offset[guest] = offset
        self._holes.pop(guest, None)
        self._set_back.pop(guest, None)
        return number + offset

    def _old(self, guest: int, at_ns: int, boot: int, number: int, clock: int) -> int | None:
        """A datagram older than the newest: overtaken, there twice, or of a guest that was set back."""
        newest, offset = int(self._number[guest]), int(self._offset[guest])
        if at_ns - int(self._at_ns[guest]) > ROLLBACK_AFTER_NS:
            seen = self._set_back.get(guest)
            if seen is not None and number > seen[0] and clock > seen[1]:
                self.counts.rollbacks += 1
                return self._newest(guest, boot, number, clock, offset=newest + offset + 1 - number)
            self._set_back[guest] = number, clock
        holes = self._holes[guest]
        for position, (start, end) in enumerate(holes):
            if start <= number <= end:
                parts = [part for part in ((start, number - 1), (number + 1, end)) if part[0] <= part[1]]
                kept = [*list(holes)[:position], *parts, *list(holes)[position + 1 :]]
                self._holes[guest] = deque(kept, maxlen=HOLES_KEPT)
                self.counts.overtaken += 1
                self.counts.missing -= 1
                return None
        self.counts.duplicates += 1
        return None
