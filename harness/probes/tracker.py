"""Every probe of the last seconds: sent, answered, or still awaited.

A ring of rounds holds one number for each column: the round trip, or that none is known yet.  A probe is awaited
until the late limit and only then judged, once.  Its instant is not stored: it follows from when its segment was
handed to the kernel and from its place therein.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from harness.probes.baseline import Baseline
from harness.probes.burst import BurstTable
from harness.probes.schedule import Flags, Ints, Schedule, Segment
from harness.probes.settings import SamplerSettings
from harness.probes.stretches import LOST, OK, REFUSED, SLOW, Stretches, Where
from harness.probes.wire import Unsent

UNSENT: Final = -2
WAITING: Final = -1
REFUSED_BASE: Final = 1 << 50
"""Added to the round trip of a refusal."""

NO_COLUMNS: Final = np.zeros(0, np.int64)

FAIR_NS_EACH: Final = 30_000
FAIR_NS: Final = 200_000
"""A call that sends takes no longer than this and so much for each packet, unless the prober was stopped meanwhile;
then nobody knows which packets left before. [INF: ten times what was measured]"""


Handed = tuple[int, Segment, int, int]
"""A segment that was handed to the kernel: absolute slot, segment, when the call began and when it ended."""


class Tracker:
    """Rounds of probes and what became of them."""

    def __init__(self, schedule: Schedule, settings: SamplerSettings, stretches: Stretches, burst: BurstTable) -> None:
        self._schedule = schedule
        self._settings = settings
        self._stretches = stretches
        self._burst = burst
        self.baseline = Baseline(schedule.size, settings)
        rounds = 1 << (settings.late_limit_ns // settings.interval_ns + 4).bit_length()
        self._mask = rounds - 1
        self._segments = len(schedule.segments)
        self._value = np.full((rounds, schedule.size), UNSENT, np.int64)
        self._flat = self._value.reshape(-1)
        self._round = np.full(rounds, -1, np.int64)
        self._start = np.zeros(rounds * self._segments, np.int64)
        self._step = np.zeros(rounds * self._segments, np.int64)
        self._slack = np.zeros(rounds * self._segments, np.int64)
        self._slack_round = -1
        """Latest round in which a call that sends took suspiciously long."""
        self._asked_slots: list[int] = []
        self._asked_ns: list[int] = []
        """Slots whose probes were not yet looked at for suspects, and when those had left."""
        self._patient: list[tuple[int, int, Ints]] = []
        """Probes that get more patience, since their round trip is usually long: until when, round, columns."""
        self._slot_start = schedule.slot_start.tolist()
        self.final_slot = 0
        """Slots before this one are judged."""
        self.due = 0
        self.missed = 0
        self.duplicates = 0

    def begin(self, number: int) -> None:
        """Round `number` begins: all its probes count as sent unless told otherwise."""
        row = number & self._mask
        self._value[row] = WAITING
        self._round[row] = number
        if self._slack_round >= 0:
            self._slack[row * self._segments : (row + 1) * self._segments] = 0

    def skip(self, first: int, stop: int) -> None:
        """The slots from `first` up to `stop` (exclusive) were not used; the round of `stop` may have begun."""
        slots = self._settings.slots
        for number in {first // slots, stop // slots}:
            row, base = number & self._mask, number * slots
            if self._round[row] == number:
                start, end = max(first - base, 0), min(stop - base, slots)
                self._value[row, self._slot_start[start] : self._slot_start[end]] = UNSENT

    def sent(self, handed: Sequence[Handed]) -> None:
        """These segments were handed to the kernel, in this order."""
        slots = self._settings.slots
        for slot, segment, start_ns, end_ns in handed:
            number = slot // slots
            count, took = segment.stop - segment.start, end_ns - start_ns
            index = (number & self._mask) * self._segments + segment.index
            self._start[index] = start_ns
            self._step[index] = took // count
            if took > FAIR_NS + count * FAIR_NS_EACH:
                self._step[index], self._slack[index] = 0, took
                self._slack_round = max(self._slack_round, number)
            self._asked_slots.append(slot)
            self._asked_ns.append(end_ns)

    def not_sent(self, number: int, segment: Segment, unsent: Unsent) -> None:
        """Of `segment` the kernel did not take these in round `number`."""
        for place, _ in unsent:
            self._value[number & self._mask, segment.start + place] = UNSENT

    def _left(self, row: int | Ints, columns: Where) -> tuple[Ints, Ints | int]:
        """When the probes of `columns` left, at the earliest, and how much later it may have been."""
        index = self._schedule.segment_of[columns]
        index = index + row * self._segments
        left = self._schedule.place_in[columns] * self._step[index]
        left += self._start[index]
        return left, (self._slack[index] if self._slack_round >= 0 else 0)

    def take(self, columns: Ints, numbers: Ints, times: Ints, refused: Flags | None) -> tuple[Ints, Ints]:
        """Replies received at `times` to probes of rounds `numbers`; gives the columns that answered and when their
        probes had left."""
        rows = numbers & self._mask
        places = rows * self._schedule.size + columns
        awaited = (self._round[rows] == numbers) & (self._flat[places] == WAITING)
        if not awaited.all():
            self.duplicates += int(awaited.size - awaited.sum())
            rows, columns, times, places = rows[awaited], columns[awaited], times[awaited], places[awaited]
            refused = None if refused is None else refused[awaited]
        left, slack = self._left(rows, columns)
        round_trips = np.maximum(times - left - slack, 0)
        self.baseline.begin(columns, round_trips)
        self._flat[places] = round_trips if refused is None else round_trips + refused * REFUSED_BASE
        return columns, left

    def overdue(self, read_ns: int) -> Ints:
        """Columns with a probe that is unanswered though all replies until `read_ns` were read and its time is over.

        Each probe is looked at once; those of far guests again when their usual round trip is over too.
        """
        before = read_ns - self._settings.patience_ns
        slots = self._settings.slots
        found: list[Ints] = []
        if self._patient:
            found += [
                columns[self._value[number & self._mask, columns] == WAITING]
                for until, number, columns in self._patient
                if until <= read_ns
            ]
            self._patient = [entry for entry in self._patient if entry[0] > read_ns]
        count = bisect_right(self._asked_ns, before)
        asked = self._asked_slots[:count]
        del self._asked_slots[:count], self._asked_ns[:count]
        while asked:
            number, first = divmod(asked[0], slots)
            inside = bisect_left(asked, (number + 1) * slots)
            start, stop = self._slot_start[first], self._slot_start[asked[inside - 1] - number * slots + 1]
            asked = asked[inside:]
            waiting = np.flatnonzero(self._value[number & self._mask, start:stop] == WAITING)
            if waiting.size:
                found.append(self._impatient(waiting + start, number, read_ns))
        return np.concatenate(found) if found else NO_COLUMNS

    def _impatient(self, columns: Ints, number: int, read_ns: int) -> Ints:
        """Those of `columns` that are usually back by now; the others are looked at again."""
        usual = self.baseline.usual[columns]
        known = usual > 0
        left, _ = self._left(number & self._mask, columns)
        until = left + usual + self._settings.patience_ns
        later = known & (until > read_ns)
        if later.any():
            self._patient.append((int(until[later].max()), number, columns[later]))
        return columns[known & ~later]

    def waiting(self) -> bool:
        """True while any probe is neither answered nor judged; slots that were not used must have been skipped."""
        slots = self._settings.slots
        numbers = self._round[self._round >= self.final_slot // slots]
        return bool((self._value[numbers & self._mask] == WAITING).any()) or self._burst.waiting(self.final_slot)

    def finalise(self, until_slot: int, *, all_of_them: bool = False) -> None:
        """Judge the probes of slots before `until_slot`, in order of time, half a round at a time at least unless
        `all_of_them` are wanted.  Replies must have been read before."""
        slots = self._settings.slots
        if (
            until_slot - self.final_slot < slots // 2
            and not all_of_them
            and not self._burst.any_in(self.final_slot, until_slot)
        ):
            return
        while self.final_slot < until_slot:
            number, first = divmod(self.final_slot, slots)
            stop = min(until_slot - number * slots, slots)
            if self._burst.any_in(self.final_slot, number * slots + stop):
                for slot in range(first, stop):
                    self._judge(number, slot, slot + 1)
                    self._judge_burst(number * slots + slot)
            else:
                self._judge(number, first, stop)
            self.final_slot = number * slots + stop

    def _judge(self, number: int, first: int, stop: int) -> None:
        """Regular probes of round `number` in its slots from `first` up to `stop` (exclusive)."""
        start, end = self._slot_start[first], self._slot_start[stop]
        count = end - start
        if not count:
            return
        self.due += count
        row = number & self._mask
        if self._round[row] != number:
            self.missed += count
            return
        where: Where = slice(start, end)
        values = self._value[row, where]
        if values.min() == UNSENT:
            taken = np.flatnonzero(values != UNSENT)
            self.missed += count - taken.size
            where, values = taken + start, values[taken]
        left, slack = self._left(row, where)
        answers, errors = self._told(where, values, slack)
        self._stretches.fold(where, left, answers, errors, self._settings.interval_ns)

    def _told(self, where: Where, values: Ints, slack: Ints | int) -> tuple[npt.NDArray[np.int8], Ints]:
        """Answers and errors of judged probes."""
        if not values.size:
            return np.zeros(0, np.int8), values
        if values.max() >= REFUSED_BASE:
            refused = values >= REFUSED_BASE
            values = np.where(refused, values - REFUSED_BASE, values)
        else:
            refused = None
        answers = (values > self.baseline.slow_above[where]).astype(np.int8)
        if refused is not None:
            answers[refused] = REFUSED
        answered = values >= 0
        self.baseline.count(where, np.maximum(values, 0), answered)
        if not answered.all():
            answers[~answered] = LOST
            values = np.where(answered, values, self.baseline.usual[where])
        return answers, values + slack

    def _judge_burst(self, slot: int) -> None:
        """Probes out of turn in absolute `slot`."""
        samples = self._burst.samples(slot)
        if samples is None:
            return
        columns = samples.columns
        answers = np.where(samples.round_trips > self.baseline.slow_above[columns], SLOW, OK).astype(np.int8)
        answers[samples.refused] = REFUSED
        lost = samples.round_trips < 0
        answers[lost] = LOST
        errors = np.where(lost, self.baseline.usual[columns], samples.round_trips) + samples.slack_ns
        self._stretches.fold(columns, samples.times, answers, errors, samples.nominal, out_of_turn=True)
