"""Equal samples in a row, kept as numbers until their answer changes.

For each column there is one open stretch.  Samples are folded into all stretches of a slot, or of many slots, by a
few array operations; when thousands change at once that is no slower.  A stretch leaves as up to three runs: its
first and its last sample with their exact instants, and what lies between.  Cutting a window does not end a stretch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from harness.clock import NS_PER_MS
from harness.probes.schedule import Ints, Schedule
from harness.values import NO_BOOT, NO_HEARTBEAT, Answer, SampleRun, Signal

CODES: Final = (Answer.OK, Answer.SLOW, Answer.REFUSED, Answer.LOST)
"""Answers by their number in arrays."""
OK, SLOW, REFUSED, LOST = range(4)
NO_CODE: Final = -1
OPEN: Final = -1
OFF_SCHEDULE_NS: Final = NS_PER_MS
"""A run keeps the interval of the schedule as long as its last instant is right within this. [INF]"""

FIRST_ROOM: Final = 1024
"""Closed pieces for which there is room at first."""

Where = slice | Ints
"""Columns, each at most once."""


@dataclass(slots=True)
class _Pieces:
    """Parts of stretches that have not left yet, one element each."""

    column: Ints
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
    ends: Ints
    """Instant of the next sample when the stretch ends with the piece, else OPEN."""

    @classmethod
    def empty(cls, size: int) -> _Pieces:
        fields: dict[str, npt.NDArray[Any]] = {name: np.zeros(size, np.int64) for name in cls.__slots__}
        fields["column"] = np.arange(size)
        fields["answer"] = np.full(size, NO_CODE, np.int8)
        fields["edge"] = np.zeros(size, np.bool_)
        fields["ends"] = np.full(size, OPEN, np.int64)
        return cls(**fields)

    def at(self, places: Where) -> _Pieces:
        """Those at `places`, a copy unless that is a slice."""
        return _Pieces(*(getattr(self, name)[places] for name in self.__slots__))

    def then(self, other: _Pieces) -> _Pieces:
        """A copy of these, and behind them the others."""
        both = (np.concatenate([getattr(self, name), getattr(other, name)]) for name in self.__slots__)
        return _Pieces(*both)

    def restart(self, places: Ints | slice) -> None:
        """Nothing is in the pieces at `places` any more."""
        self.count[places] = 0
        self.most_error[places] = 0
        self.last_error[places] = 0


class _Closed:
    """Pieces of closed stretches, in room that grows: thousands come one by one before a window is cut."""

    def __init__(self) -> None:
        self._room = _Pieces.empty(FIRST_ROOM)
        self.size = 0

    def append(self, pieces: _Pieces) -> None:
        end = self.size + pieces.column.size
        if end > self._room.column.size:
            self._room = self._room.then(_Pieces.empty(end))
        for name in _Pieces.__slots__:
            getattr(self._room, name)[self.size : end] = getattr(pieces, name)
        self.size = end

    def then(self, pieces: _Pieces) -> _Pieces:
        """All of them, and behind them others."""
        return self._room.at(slice(self.size)).then(pieces)


class Stretches:
    """Open stretches of all columns, and the pieces of closed ones."""

    def __init__(self, schedule: Schedule, interval_ns: int, prober: str = "") -> None:
        self._names = [(schedule.targets[c.target].vm, c.signal) for c in schedule.columns]
        self._interval_ns = interval_ns
        self._prober = prober
        self._open = _Pieces.empty(schedule.size)
        self._closed = _Closed()
        self.latest_ns = 0
        """Instant of the latest sample folded."""

    @property
    def closed(self) -> int:
        """Number of closed pieces that wait for a cut."""
        return self._closed.size

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
        ended = pieces.count[columns] > 0
        if ended.any():
            closed = pieces.at(columns[ended])
            closed.ends = times[places[ended]]
            self._closed.append(closed)
        pieces.answer[columns] = answers[places]
        pieces.nominal[columns] = nominal if isinstance(nominal, int) else nominal[places]
        pieces.edge[columns] = True
        pieces.restart(columns)

    def cut(self) -> Cut:
        """Take out all that was folded; stretches go on behind the cut."""
        closed, opened = self._closed, self._open.at(np.flatnonzero(self._open.count))
        self._closed = _Closed()
        self._open.restart(slice(None))
        self._open.edge[:] = False
        return Cut(lambda: self._rows(closed.then(opened)), self._names, self._prober)

    def _rows(self, pieces: _Pieces) -> Rows:
        """Pieces as runs: first sample, those between, last sample; a single sample; sorted by column and time."""
        single = pieces.count == 1
        ended = pieces.ends != OPEN
        edge = pieces.edge & ~single
        start = np.where(edge, pieces.second, pieces.first)
        between = pieces.count - edge
        astray = np.abs(start + (between - 1) * pieces.nominal - pieces.last) > OFF_SCHEDULE_NS
        apart = (ended | (astray & (pieces.nominal == self._interval_ns))) & ~single
        between = between - apart
        end = np.where(apart, pieces.previous, pieces.last)
        inner_error = np.where(apart, pieces.most_error, np.maximum(pieces.most_error, pieces.last_error))
        to_next = np.where(ended, pieces.ends - pieces.last, pieces.nominal)
        which = (edge, (between > 0) & ~single, apart | single)

        def runs(*values: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return np.concatenate([kind[chosen] for kind, chosen in zip(values, which, strict=True)])

        ones = np.ones_like(between)
        column, answer = runs(*[pieces.column] * 3), runs(*[pieces.answer] * 3)
        first = runs(pieces.first, start, pieces.last)
        interval = runs(
            self._stands(pieces.nominal, start - pieces.first),
            self._spacing(pieces.nominal, start, end, between),
            self._stands(pieces.nominal, to_next),
        )
        count = runs(ones, between, ones)
        error = runs(pieces.first_error, inner_error, pieces.last_error)
        order = np.lexsort((first, column))
        return Rows(*(values[order] for values in (column, answer, first, interval, count, error)))

    def _stands(self, nominal: Ints, to_next: Ints) -> Ints:
        """For how long single samples stand: until the next one, at most an interval."""
        close = np.abs(to_next - nominal) <= OFF_SCHEDULE_NS
        stands: Ints = np.where(close, nominal, np.clip(to_next, 1, self._interval_ns))
        return stands

    def _spacing(self, nominal: Ints, start: Ints, end: Ints, count: Ints) -> Ints:
        """The interval with which `count` samples from `start` on end at `end`, or the planned one when it nearly
        does."""
        near = np.abs(start + (count - 1) * nominal - end) <= OFF_SCHEDULE_NS
        planned = (count <= 1) | ((nominal == self._interval_ns) & near)
        spacing: Ints = np.where(planned, nominal, np.maximum((end - start) // np.maximum(count - 1, 1), 1))
        return spacing


@dataclass(frozen=True, slots=True)
class Rows:
    """Runs as columns of numbers."""

    column: Ints
    answer: npt.NDArray[np.int8]
    first_ns: Ints
    interval_ns: Ints
    count: Ints
    error_ns: Ints

    def part(self, start: int, stop: int) -> list[list[int]]:
        """Some runs as lists of numbers, column by column."""
        return [getattr(self, name)[start:stop].tolist() for name in self.__slots__]


class Cut:
    """What was folded up to a cut; turned into runs a part at a time, so that no slot has to wait for it."""

    def __init__(self, arrange: Callable[[], Rows], names: Sequence[tuple[str, Signal]], prober: str) -> None:
        self._arrange = arrange
        self._rows: Rows | None = None
        self._names = names
        self._prober = prober
        self._runs: list[SampleRun] = []

    def work(self, parts: int) -> bool:
        """Do a share of the work, the first time to arrange the runs, then to make one of `parts` of them; True when
        all are made."""
        if self._rows is None:
            self._rows = self._arrange()
            return False
        start, size = len(self._runs), self._rows.column.size
        for column, answer, first_ns, interval_ns, count, error_ns in zip(
            *self._rows.part(start, start + size // parts + 1), strict=True
        ):
            vm, signal = self._names[column]
            self._runs.append(
                SampleRun(
                    vm,
                    first_ns,
                    interval_ns,
                    count,
                    CODES[answer],
                    NO_BOOT,
                    NO_HEARTBEAT,
                    NO_HEARTBEAT,
                    signal,
                    error_ns,
                    self._prober,
                )
            )
        return len(self._runs) >= size

    def runs(self) -> list[SampleRun]:
        """All runs, those of a column in order of time; `work` must be done."""
        return self._runs
