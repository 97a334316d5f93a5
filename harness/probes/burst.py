"""Suspects, and the probes they get out of turn.

A guest that leaves a probe unanswered beyond the patience is asked every few milliseconds until it answers: so the end
of an outage is known to these instead of an interval.  A suspected column has a *lane*, its place in the tables here,
until all its probes are judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.probes.schedule import Flags, Ints, Schedule
from harness.probes.settings import SamplerSettings
from harness.probes.wire import Unsent
from harness.values import Signal

UNSENT: Final = -2
WAITING: Final = -1
REFUSED_BASE: Final = 1 << 30
"""Added to the round trip, in µs, of a refusal."""
FREE: Final = -1
MOST_OFFSET_NS: Final = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class BurstSamples:
    """Judged probes of one slot: columns, when they left, round trips (negative: lost), who refused, the time to the
    next as planned, and how much later than `times` they may have left."""

    columns: Ints
    times: Ints
    round_trips: Ints
    refused: Flags
    nominal: Ints
    slack_ns: int


@dataclass(slots=True)
class _Chosen:
    """Suspects of one signal: their lanes, those of one stage side by side, and each stage's stride and places."""

    lanes: Ints
    parts: list[tuple[int, int, int]]


class BurstTable:
    """Suspected columns and the ring of their probes, one row a slot."""

    def __init__(self, schedule: Schedule, settings: SamplerSettings) -> None:
        self._schedule = schedule
        self._settings = settings
        self._stages = settings.burst_slots
        per_guest = max((sum(1 for _ in columns) for columns in _columns_of(schedule).values()), default=1)
        self._columns_of = _columns_of(schedule)
        self.room = min(2 * settings.burst_cap * per_guest, max(schedule.size, 1))
        """Lanes."""
        rows = 1 << (settings.late_limit_ns // settings.slot_ns + 4 * settings.slots).bit_length()
        self._mask = rows - 1
        self._value = np.full((rows, self.room), UNSENT, np.int32)
        self._offset = np.zeros((rows, self.room), np.int32)
        self._stride = np.zeros((rows, self.room), np.uint16)
        self._base = np.zeros(rows, np.int64)
        self._slack = np.zeros(rows, np.int64)
        self._slot = np.full(rows, -1, np.int64)
        self._last_slot = -1
        """Latest slot with a probe out of turn."""
        self._lane_of = np.full(schedule.size, FREE, np.int64)
        self._column_of = np.full(self.room, FREE, np.int64)
        self._since = np.zeros(self.room, np.int64)
        self._free = list(range(self.room - 1, -1, -1))
        self._active = np.zeros(schedule.size, np.bool_)
        self._muted = np.zeros(schedule.size, np.bool_)
        """In the last stage, or not: given up as a suspect until it answers."""
        self._any_muted = False
        self._leaving: list[tuple[int, int]] = []
        """Lanes of columns that are no suspects any more, and the slot after which they are free."""
        self._chosen: dict[Signal, _Chosen] = {}
        self._stage_change_ns = 0
        self.suspects = 0
        """Columns that are suspects now."""

    def suspect(self, columns: Ints, usual: Ints, now_ns: int) -> bool:
        """Guests of these columns become suspects, with all their signals that ever answered; True when any did."""
        fresh = columns[~(self._active[columns] | self._muted[columns])]
        if not fresh.size:
            return False
        added, guests = False, set(self._schedule.target_of[self._active].tolist())
        for target in sorted(set(self._schedule.target_of[fresh].tolist())):
            if len(guests) >= self._settings.burst_cap:
                break
            guests.add(target)
            for column in self._columns_of[target]:
                if usual[column] and not self._active[column] and not self._muted[column]:
                    added |= self._add(column, now_ns)
        if added:
            self._choose(now_ns)
        return added

    def _add(self, column: int, now_ns: int) -> bool:
        lane = int(self._lane_of[column])
        if lane == FREE:
            if not self._free:
                return False
            lane = self._free.pop()
            self._lane_of[column], self._column_of[lane] = lane, column
        else:
            self._leaving = [entry for entry in self._leaving if entry[0] != lane]
        self._since[lane] = now_ns
        self._active[column] = True
        self.suspects += 1
        return True

    def answered(self, columns: Ints, left: Ints, slot: int, now_ns: int) -> bool:
        """These columns answered probes that left at `left`: no suspects any more, when those left after the suspicion
        arose; True when any was one."""
        if self._any_muted:
            self._muted[columns] = False
            self._any_muted = bool(self._muted.any())
        if not self.suspects:
            return False
        places = np.flatnonzero(self._active[columns])
        places = places[left[places] >= self._since[self._lane_of[columns[places]]] - self._settings.interval_ns]
        gone = set(columns[places].tolist())
        for column in gone:
            self._remove(column, slot)
        if gone:
            self._choose(now_ns)
        return bool(gone)

    def _remove(self, column: int, slot: int) -> None:
        self._active[column] = False
        self.suspects -= 1
        self._leaving.append((int(self._lane_of[column]), slot))

    def stage(self, slot: int, now_ns: int) -> bool:
        """Back off from those that are away for long; True when the chosen ones changed."""
        if not self.suspects or now_ns < self._stage_change_ns:
            return False
        ended = self._stages[-1]
        if ended.stride == 0:
            for column in np.flatnonzero(self._active).tolist():
                if now_ns - self._since[self._lane_of[column]] >= ended.after_ns:
                    self._remove(column, slot)
                    self._muted[column] = self._any_muted = True
        self._choose(now_ns)
        return True

    def release(self, final_slot: int) -> None:
        """Slots before `final_slot` are judged: lanes without any later probe are free."""
        if not self._leaving or self._leaving[0][1] >= final_slot:
            return
        for lane, slot in self._leaving:
            if slot < final_slot:
                self._lane_of[self._column_of[lane]] = FREE
                self._column_of[lane] = FREE
                self._free.append(lane)
        self._leaving = [entry for entry in self._leaving if entry[1] >= final_slot]

    def _choose(self, now_ns: int) -> None:
        """Arrange the suspects by signal and stage."""
        columns = np.flatnonzero(self._active)
        lanes = self._lane_of[columns]
        age = now_ns - self._since[lanes]
        starts = [stage.after_ns for stage in self._stages]
        stage = np.searchsorted(starts, age, side="right") - 1
        later = [after - aged for aged in age.tolist() for after in starts if after > aged]
        self._stage_change_ns = now_ns + min(later, default=1 << 62)
        self._chosen = {}
        signals = [self._schedule.columns[column].signal for column in columns.tolist()]
        for signal in dict.fromkeys(signals):
            mine = np.flatnonzero([other is signal for other in signals])
            mine = mine[np.argsort(stage[mine], kind="stable")]
            parts = []
            for number, entry in enumerate(self._stages):
                start, stop = np.searchsorted(stage[mine], [number, number + 1]).tolist()
                if entry.stride and stop > start:
                    parts.append((entry.stride, start, stop))
            self._chosen[signal] = _Chosen(lanes[mine], parts)

    def chosen(self, signal: Signal) -> Ints:
        """The suspected columns of `signal`, in the order in which `due` counts them."""
        chosen = self._chosen.get(signal)
        return self._column_of[chosen.lanes] if chosen else np.zeros(0, np.int64)

    def due(self, signal: Signal, slot: int) -> Iterator[tuple[int, int, int]]:
        """What is asked in `slot`: places from and to (exclusive), and their stride.  Suspects with a stride above one
        are spread over its slots."""
        chosen = self._chosen.get(signal)
        if chosen is None:
            return
        for stride, start, stop in chosen.parts:
            turn, count = slot % stride, stop - start
            first, last = start + count * turn // stride, start + count * (turn + 1) // stride
            if last > first:
                yield first, last, stride

    def sent(
        self,
        signal: Signal,
        slot: int,
        part: tuple[int, int, int],
        start_ns: int,
        end_ns: int,
        unsent: Unsent,
        slack_ns: int,
    ) -> None:
        """A part that `due` gave was handed to the kernel between `start_ns` and `end_ns`."""
        first, last, stride = part
        lanes = self._chosen[signal].lanes[first:last]
        row = slot & self._mask
        if self._slot[row] != slot:
            self._value[row] = UNSENT
            self._slot[row], self._base[row], self._slack[row] = slot, start_ns, 0
        self._last_slot = slot
        step = 0 if slack_ns else (end_ns - start_ns) // (last - first)
        offsets = start_ns - int(self._base[row]) + np.arange(last - first) * step
        self._offset[row, lanes] = np.minimum(offsets, MOST_OFFSET_NS)
        self._stride[row, lanes] = stride
        self._value[row, lanes] = WAITING
        for place, _ in unsent:
            self._value[row, lanes[place]] = UNSENT
        self._slack[row] = max(int(self._slack[row]), slack_ns)

    def take(self, columns: Ints, slots: Ints, times: Ints, refused: Flags | None) -> tuple[Ints, Ints]:
        """Replies to probes out of turn; gives the columns that answered and when their probes had left."""
        lanes, rows = self._lane_of[columns], slots & self._mask
        awaited = (lanes != FREE) & (self._slot[rows] == slots)
        awaited &= self._value[rows, lanes] == WAITING
        columns, lanes, rows, times = columns[awaited], lanes[awaited], rows[awaited], times[awaited]
        left = self._base[rows] + self._offset[rows, lanes]
        trips = (np.maximum(times - left - self._slack[rows], 0) + 999) // 1000
        if refused is not None:
            trips = trips + refused[awaited] * REFUSED_BASE
        self._value[rows, lanes] = trips
        return columns, left

    def any_in(self, first: int, stop: int) -> bool:
        """True when a probe out of turn was sent in one of the slots from `first` up to `stop` (exclusive)."""
        if self._last_slot < first:
            return False
        slots = np.arange(first, stop)
        return bool((self._slot[slots & self._mask] == slots).any())

    def waiting(self, final_slot: int) -> bool:
        """True while a probe out of turn of a slot from `final_slot` on is unanswered."""
        rows = np.flatnonzero(self._slot >= final_slot)
        return bool((self._value[rows] == WAITING).any())

    def samples(self, slot: int) -> BurstSamples | None:
        """The probes of `slot`, for good; None when there were none."""
        row = slot & self._mask
        if self._slot[row] != slot:
            return None
        lanes = np.flatnonzero(self._value[row] != UNSENT)
        values = self._value[row, lanes].astype(np.int64)
        refused = values >= REFUSED_BASE
        trips = np.where(refused, values - REFUSED_BASE, values)
        return BurstSamples(
            columns=self._column_of[lanes],
            times=self._base[row] + self._offset[row, lanes],
            round_trips=np.where(trips < 0, trips, trips * 1000),
            refused=refused,
            nominal=self._stride[row, lanes].astype(np.int64) * self._settings.slot_ns,
            slack_ns=int(self._slack[row]),
        )


def _columns_of(schedule: Schedule) -> dict[int, list[int]]:
    """The columns of each target."""
    found: dict[int, list[int]] = {}
    for number, column in enumerate(schedule.columns):
        found.setdefault(column.target, []).append(number)
    return found
