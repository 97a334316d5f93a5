"""Equal samples in a row, kept as numbers until their answer changes.

For each column there is one open stretch.  Samples are folded into all stretches of a slot, or of many slots, by a
few array operations; Python works only where something changed.  A stretch leaves as up to three runs: its first and
its last sample with their exact instants, and what lies between.  Cutting a window does not end a stretch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from harness.clock import NS_PER_MS
from harness.probes.schedule import Ints, Schedule
from harness.values import NO_BOOT, NO_HEARTBEAT, Answer, SampleRun, Signal

CODES: Final = (Answer.OK, Answer.SLOW, Answer.REFUSED, Answer.LOST)
"""Answers by their number in arrays."""
OK, SLOW, REFUSED, LOST = range(4)
NO_CODE: Final = -1
OFF_SCHEDULE_NS: Final = NS_PER_MS
"""A run keeps the interval of the schedule as long as its last instant is right within this. [INF]"""

Where = slice | Ints
"""Columns, each at most once."""


@dataclass(slots=True)
class _Pieces:
    """The part of each column's stretch that has not left yet."""

    answer: npt.NDArray[np.int8]
    nominal: Ints
    """Time between samples as planned."""
    count: Ints
    edge: npt.NDArray[np.bool_]
    """The piece's first sample is the stretch's first."""
    first: Ints
    second: Ints
    previous: Ints
    """Instant of the last sample but one."""
    last: Ints
    first_error: Ints
    most_error: Ints
    """Greatest error of all samples but the last."""
    last_error: Ints

    @classmethod
    def empty(cls, size: int) -> _Pieces:
        def zeros() -> Ints:
            return np.zeros(size, np.int64)

        return cls(
            np.full(size, NO_CODE, np.int8),
            zeros(),
            zeros(),
            np.zeros(size, np.bool_),
            *(zeros() for _ in range(7)),
        )

    def copy(self) -> _Pieces:
        return _Pieces(*(getattr(self, name).copy() for name in self.__slots__))


class Stretches:
    """Open stretches of all columns, and the runs of closed ones."""

    def __init__(self, schedule: Schedule, interval_ns: int, prober: str = "") -> None:
        self._names = [(schedule.targets[c.target].vm, c.signal) for c in schedule.columns]
        self._interval_ns = interval_ns
        self._prober = prober
        self._open = _Pieces.empty(schedule.size)
        self._closed: list[SampleRun] = []
        self.latest_ns = 0
        """Instant of the latest sample folded."""

    def fold(
        self,
        where: Where,
        times: Ints,
        answers: npt.NDArray[np.int8],
        errors: Ints,
        nominal: int | Ints,
        *,
        out_of_turn: bool = False,
    ) -> None:
        """One sample each of the columns `where`, later than all that were folded for them before.

        `nominal` is the planned time to the next sample.  Regular samples among those `out_of_turn` go into the
        denser stretch while they follow closely.
        """
        if not times.size:
            return
        pieces = self._open
        same = answers == pieces.answer[where]
        same &= times - pieces.last[where] <= pieces.nominal[where] + self._interval_ns // 2
        if out_of_turn:
            same &= pieces.nominal[where] == nominal
        if not same.all():
            self._change(where, times, answers, nominal, np.flatnonzero(~same))
        count = pieces.count[where]
        if count.min() < 2:
            young = count == 0
            pieces.first[where] = np.where(young, times, pieces.first[where])
            pieces.first_error[where] = np.where(young, errors, pieces.first_error[where])
            pieces.second[where] = np.where(count == 1, times, pieces.second[where])
        pieces.most_error[where] = np.maximum(pieces.most_error[where], pieces.last_error[where])
        pieces.last_error[where] = errors
        pieces.previous[where] = pieces.last[where]
        pieces.last[where] = times
        pieces.count[where] += 1
        self.latest_ns = max(self.latest_ns, int(times.max()))

    def _change(
        self, where: Where, times: Ints, answers: npt.NDArray[np.int8], nominal: int | Ints, places: Ints
    ) -> None:
        """Close the stretches of the columns at `places` and open new ones."""
        pieces = self._open
        columns = places + where.start if isinstance(where, slice) else where[places]
        for column, t_ns in zip(columns.tolist(), times[places].tolist(), strict=True):
            if pieces.count[column]:
                self._closed += self._runs(pieces, column, ends_ns=t_ns)
        pieces.answer[columns] = answers[places]
        pieces.nominal[columns] = nominal if isinstance(nominal, int) else nominal[places]
        pieces.count[columns] = 0
        pieces.edge[columns] = True
        pieces.most_error[columns] = 0
        pieces.last_error[columns] = 0

    def cut(self) -> Cut:
        """Take out all that was folded; stretches go on behind the cut."""
        pieces, closed = self._open.copy(), self._closed
        self._closed = []
        self._open.count[:] = 0
        self._open.edge[:] = False
        self._open.most_error[:] = 0
        self._open.last_error[:] = 0
        return Cut(self, pieces, closed)

    def _runs(self, pieces: _Pieces, column: int, *, ends_ns: int | None = None) -> list[SampleRun]:
        """The piece of `column`; `ends_ns` is the instant of the next sample when the stretch ends with the piece."""
        make = _Maker(*self._names[column], CODES[pieces.answer[column]], self._prober)
        count, nominal = int(pieces.count[column]), int(pieces.nominal[column])
        first, last = int(pieces.first[column]), int(pieces.last[column])
        last_error = int(pieces.last_error[column])
        first_error = int(pieces.first_error[column])
        if count == 1:
            return [make(first, self._stands(nominal, first, ends_ns), 1, last_error)]
        runs: list[SampleRun] = []
        start, end, between = first, last, count
        if pieces.edge[column]:
            start, between = int(pieces.second[column]), between - 1
            runs.append(make(first, self._stands(nominal, first, start), 1, first_error))
        apart = ends_ns is not None or (
            nominal == self._interval_ns and abs(start + (between - 1) * nominal - last) > OFF_SCHEDULE_NS
        )
        if apart:
            end, between = int(pieces.previous[column]), between - 1
        if between > 0:
            error = int(pieces.most_error[column]) if apart else max(int(pieces.most_error[column]), last_error)
            runs.append(make(start, self._spacing(nominal, start, end, between), between, error))
        if apart:
            runs.append(make(last, self._stands(nominal, last, ends_ns), 1, last_error))
        return runs

    def _stands(self, nominal: int, t_ns: int, next_ns: int | None) -> int:
        """For how long a single sample stands: until the next one, at most an interval."""
        if next_ns is None or abs(next_ns - t_ns - nominal) <= OFF_SCHEDULE_NS:
            return nominal
        return max(1, min(next_ns - t_ns, self._interval_ns))

    def _spacing(self, nominal: int, start: int, end: int, count: int) -> int:
        """The interval with which `count` samples from `start` on end at `end`, or the planned one when it nearly
        does."""
        if count == 1:
            return nominal
        if nominal == self._interval_ns and abs(start + (count - 1) * nominal - end) <= OFF_SCHEDULE_NS:
            return nominal
        return max(1, (end - start) // (count - 1))


@dataclass(frozen=True, slots=True)
class _Maker:
    vm: str
    signal: Signal
    answer: Answer
    prober: str

    def __call__(self, first_ns: int, interval_ns: int, count: int, error_ns: int) -> SampleRun:
        return SampleRun(
            self.vm,
            first_ns,
            interval_ns,
            count,
            self.answer,
            NO_BOOT,
            NO_HEARTBEAT,
            NO_HEARTBEAT,
            self.signal,
            error_ns,
            self.prober,
        )


class Cut:
    """What was folded up to a cut; turned into runs a part at a time, so that no slot has to wait for it."""

    def __init__(self, stretches: Stretches, pieces: _Pieces, closed: list[SampleRun]) -> None:
        self._stretches = stretches
        self._pieces = pieces
        self._runs = closed
        self._columns: Sequence[int] = np.flatnonzero(pieces.count).tolist()
        self._at = 0

    def work(self, columns: int) -> bool:
        """Turn up to `columns` further columns into runs; True when all are done."""
        for column in self._columns[self._at : self._at + columns]:
            self._runs += self._stretches._runs(self._pieces, column)
        self._at += columns
        return self._at >= len(self._columns)

    def runs(self) -> list[SampleRun]:
        """All runs; `work` must be done."""
        return self._runs
