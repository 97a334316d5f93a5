"""Every probe of the last seconds: sent, answered, or still awaited.

A ring of rounds holds one number for each column: the round trip, or that none is known yet.  A probe is awaited until
the late limit and only then judged, once.  Its instant is not stored: it follows from when its segment was handed to the
kernel and from its place therein.
"""

from __future__ import annotations

from collections import deque
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
"""A call that sends takes no longer than this and so much for each packet, unless the prober was stopped meanwhile; then
nobody knows which packets left before. [INF: ten times what was measured]"""


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
        self._slack_rounds: dict[int, bool] = {}
        self._asked: deque[tuple[int, int]] = deque()
        """Slots whose probes were not yet looked at for suspects, and when those had left."""
        self._patient: list[tuple[int, int, Ints]] = []
        """Probes that get more patience, since their round trip is usually long: until when, round, columns."""
        self._slot_start = schedule.slot_start.tolist()
        self.final_slot = 0
        """Slots before this one are judged."""
        self.due = 0
        self.missed = 0
        self.duplicates = 0

    def begin_at(self, slot: int) -> None:
        """Nothing is owed before `slot`."""
        self.final_slot = slot

    def sent(self, number: int, segment: Segment, start_ns: int, end_ns: int, unsent: Unsent) -> None:
        """Round `number` of `segment` was handed to the kernel between `start_ns` and `end_ns`."""
        row = number & self._mask
        if self._round[row] != number:
            self._value[row] = UNSENT
            self._round[row] = number
            self._slack_rounds.pop(row, None)
        self._value[row, segment.start : segment.stop] = WAITING
        for place, _ in unsent:
            self._value[row, segment.start + place] = UNSENT
        count, took = segment.stop - segment.start, end_ns - start_ns
        index = row * self._segments + segment.index
        self._start[index] = start_ns
        if took > FAIR_NS + count * FAIR_NS_EACH:
            self._step[index], self._slack[index] = 0, took
            self._slack_rounds[row] = True
        else:
            self._step[index], self._slack[index] = took // count, 0

    def asked(self, slot: int, end_ns: int) -> None:
        """All probes of absolute `slot` had left at `end_ns`."""
        self._asked.append((slot, end_ns))

    def _left(self, row: int | Ints, columns: Where) -> tuple[Ints, Ints]:
        """When the probes of `columns` left, at the earliest, and how much later it may have been."""
        index = self._schedule.segment_of[columns] + row * self._segments
        return self._start[index] + self._schedule.place_in[columns] * self._step[index], self._slack[index]

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
        self.baseline.follow(columns, round_trips)
        self._flat[places] = round_trips if refused is None else round_trips + refused * REFUSED_BASE
        return columns, left

    def overdue(self, read_ns: int) -> Ints:
        """Columns with a probe that is unanswered though all replies until `read_ns` were read and its time is over.

        Each probe is looked at once; those of far guests again when their usual round trip is over too.
        """
        before = read_ns - self._settings.patience_ns
        slots = self._settings.slots
        found: list[Ints] = [
            columns[self._value[number & self._mask, columns] == WAITING]
            for until, number, columns in self._patient
            if until <= read_ns
        ]
        self._patient = [entry for entry in self._patient if entry[0] > read_ns]
        while self._asked and self._asked[0][1] <= before:
            first, _ = self._asked.popleft()
            last = first
            while self._asked and self._asked[0][1] <= before and self._asked[0][0] // slots == first // slots:
                last, _ = self._asked.popleft()
            number = first // slots
            start, stop = self._slot_start[first % slots], self._slot_start[last % slots + 1]
            waiting = np.flatnonzero(self._value[number & self._mask, start:stop] == WAITING)
            if waiting.size:
                found.append(self._impatient(waiting + start, number, read_ns))
        if not found:
            return NO_COLUMNS
        return np.concatenate(found)

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
        """True while any probe is neither answered nor judged."""
        slots = self._settings.slots
        numbers = self._round[self._round >= self.final_slot // slots]
        return bool((self._value[numbers & self._mask] == WAITING).any()) or self._burst.waiting(self.final_slot)

    def finalise(self, until_slot: int) -> None:
        """Judge all probes of slots before `until_slot`, in order of time.  Replies must have been read before."""
        slots = self._settings.slots
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
        answers, errors = self._told(where, values, slack if row in self._slack_rounds else None)
        self._stretches.fold(where, left, answers, errors, self._settings.interval_ns)

    def _told(self, where: Where, values: Ints, slack: Ints | None) -> tuple[npt.NDArray[np.int8], Ints]:
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
        return answers, values if slack is None else values + slack

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
