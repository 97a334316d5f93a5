"""Every probe of the last seconds: sent, answered, or still awaited.

A ring of rounds holds two numbers for each column: when the probe left, and its round trip, or that none is known
yet.  A probe is awaited until the late limit and only then judged, once.
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

JUDGED_AT_ONCE: Final = 3
"""Slots with probes out of turn that are judged in one go, lest a slot be late. [INF]"""

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
        self._counts = np.array([segment.stop - segment.start for segment in schedule.segments], np.int64)
        self._value = np.full((rounds, schedule.size), UNSENT, np.int64)
        self._flat = self._value.reshape(-1)
        self._round = np.full(rounds, -1, np.int64)
        self._left = np.zeros((rounds, schedule.size), np.int64)
        """When each probe left, at the earliest."""
        self._flat_left = self._left.reshape(-1)
        self._slack = np.zeros((rounds, schedule.size), np.int64)
        """How much later it may have been."""
        self._flat_slack = self._slack.reshape(-1)
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
            self._slack[row] = 0

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
        first = 0
        for at in range(1, len(handed) + 1):
            # Neighbours of one round are recorded together; a new round begins with column 0.
            if at == len(handed) or handed[at][1].start != handed[at - 1][1].stop:
                self._record(handed[first:at])
                first = at

    def _record(self, handed: Sequence[Handed]) -> None:
        """Note when the probes of neighbouring segments left: evenly between the beginning and the end of the call."""
        slots, segments, starts, ends = zip(*handed, strict=True)
        row = (slots[0] // self._settings.slots) & self._mask
        counts = self._counts[segments[0].index : segments[-1].index + 1]
        start_ns = np.array(starts, np.int64)
        took_ns = np.array(ends, np.int64) - start_ns
        step_ns = took_ns // counts
        if int(step_ns.max()) > FAIR_NS_EACH:
            step_ns = self._mark_slow(slots[0] // self._settings.slots, segments, took_ns, step_ns)
        columns = slice(segments[0].start, segments[-1].stop)
        left = self._schedule.place_in[columns] * np.repeat(step_ns, counts)
        left += np.repeat(start_ns, counts)
        self._left[row, columns] = left
        self._asked_slots += slots
        self._asked_ns += ends

    def _mark_slow(self, number: int, segments: Sequence[Segment], took_ns: Ints, step_ns: Ints) -> Ints:
        """Of calls that took suspiciously long nobody knows which packets left before the stop: all count as having
        left at the beginning, and as uncertain by the time that the call took."""
        for place, segment in enumerate(segments):
            if took_ns[place] > FAIR_NS + (segment.stop - segment.start) * FAIR_NS_EACH:
                step_ns[place] = 0
                self._slack[number & self._mask, segment.start : segment.stop] = took_ns[place]
                self._slack_round = number
        return step_ns

    def not_sent(self, number: int, segment: Segment, unsent: Unsent) -> None:
        """Of `segment` the kernel did not take these in round `number`."""
        for place, _ in unsent:
            self._value[number & self._mask, segment.start + place] = UNSENT

    def take(self, columns: Ints, numbers: Ints, times: Ints, refused: Flags | None) -> tuple[Ints, Ints]:
        """Replies received at `times` to probes of rounds `numbers`; gives the columns that answered and when their
        probes had left."""
        number = int(numbers[0]) if numbers.size else 0
        if (numbers == number).all():
            places = columns + (number & self._mask) * self._schedule.size
            awaited = self._flat[places] == WAITING
            if self._round[number & self._mask] != number:
                awaited[:] = False
        else:
            rows = numbers & self._mask
            places = rows * self._schedule.size + columns
            awaited = (self._round[rows] == numbers) & (self._flat[places] == WAITING)
        if not awaited.all():
            self.duplicates += int(awaited.size - awaited.sum())
            columns, times, places = columns[awaited], times[awaited], places[awaited]
            refused = None if refused is None else refused[awaited]
        left = self._flat_left[places]
        round_trips = times - left
        if self._slack_round >= 0:
            round_trips -= self._flat_slack[places]
        np.maximum(round_trips, 0, out=round_trips)
        self.baseline.begin(columns, round_trips)
        told = round_trips if refused is None else round_trips + refused * REFUSED_BASE
        # Backwards, so that of two replies to one probe the earlier one stays.
        self._flat[places[::-1]] = told[::-1]
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
        until = self._left[number & self._mask, columns] + usual + self._settings.patience_ns
        later = known & (until > read_ns)
        if later.any():
            self._patient.append((int(until[later].max()), number, columns[later]))
        found: Ints = columns[known & ~later]
        return found

    def waiting(self) -> bool:
        """True while any probe is neither answered nor judged; slots that were not used must have been skipped."""
        slots = self._settings.slots
        numbers = self._round[self._round >= self.final_slot // slots]
        return bool((self._value[numbers & self._mask] == WAITING).any()) or self._burst.waiting(self.final_slot)

    def finalise(self, until_slot: int, *, all_of_them: bool = False) -> None:
        """Judge the probes of slots before `until_slot`, in order of time.  Replies must have been read before.

        Unless `all_of_them` are wanted: half a round at a time at least; where there were probes out of turn, which
        are judged slot by slot, only some, as long as no whole round waits.
        """
        slots = self._settings.slots
        waiting = until_slot - self.final_slot
        if not all_of_them and waiting < 2 * slots:
            if self._burst.any_in(self.final_slot, until_slot):
                until_slot = min(until_slot, self.final_slot + JUDGED_AT_ONCE)
            elif waiting < slots // 2:
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
        left, slack = self._left[row, where], self._slack[row, where] if self._slack_round >= 0 else 0
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
        # Slow answers do not make a slow guest the usual thing, or the next slowness would go unseen.
        self.baseline.count(where, np.maximum(values, 0), answered & (answers != SLOW))
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
