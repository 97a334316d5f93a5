"""Stretches: equal samples of one guest and source without an excluded one among them; and looking up moments."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from harness.measure.samples import Span
from harness.values import Answer, SampleRun, Signal


@dataclass(frozen=True, slots=True)
class Stretch:
    """`first_ns` and `last_ns` are sampling instants, `error_ns` as in `SampleRun`."""

    first_ns: int
    last_ns: int
    interval_ns: int
    count: int
    answer: Answer
    boot_id: int
    heartbeat_first: int
    heartbeat_last: int
    error_ns: int = 0

    @property
    def alive(self) -> bool:
        """Did the machine answer, in whatever way?"""
        return self.answer is not Answer.LOST

    @property
    def covered_ns(self) -> int:
        """Lab time for which these samples stand."""
        return self.count * self.interval_ns


@dataclass(frozen=True, slots=True)
class Mark:
    """An instant at which a guest was asked and answered, `error_ns` later at most."""

    t_ns: int
    error_ns: int


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """All stretches of one guest by one signal of one prober, in order of time."""

    signal: Signal
    prober: str
    parts: tuple[Stretch, ...]
    _prompt: tuple[Stretch, ...] = field(init=False, repr=False)
    _late: tuple[Stretch, ...] = field(init=False, repr=False)
    """By when the first answer came."""
    _late_until: tuple[int, ...] = field(init=False, repr=False)
    """When the last answer came of this late stretch and all before it."""

    def __post_init__(self) -> None:
        prompt = tuple(part for part in self.parts if part.answer in (Answer.OK, Answer.REFUSED))
        late = sorted((part for part in self.parts if part.answer is Answer.SLOW), key=_came_first)
        object.__setattr__(self, "_prompt", prompt)
        object.__setattr__(self, "_late", tuple(late))
        until = tuple(accumulate((part.last_ns + part.error_ns for part in late), max))
        object.__setattr__(self, "_late_until", until)

    @property
    def name(self) -> str:
        """`icmp`, or `icmp@b` for a second prober `b`."""
        return f"{self.signal}@{self.prober}" if self.prober else self.signal.value

    def alive_after(self, t_ns: int) -> Mark | None:
        """The first sign of life after `t_ns`.  A late answer counts when it came, not when it was asked for."""
        found: Mark | None = None
        index = bisect_right(self._prompt, t_ns, key=lambda part: part.last_ns)
        if index < len(self._prompt):
            part = self._prompt[index]
            found = Mark(_instant_after(part.first_ns, part.interval_ns, t_ns), part.error_ns)
        for part in self._late[bisect_right(self._late_until, t_ns) :]:
            if found is not None and _came_first(part) >= found.t_ns:
                break
            if part.last_ns + part.error_ns > t_ns:
                came_ns = _instant_after(_came_first(part), part.interval_ns, t_ns)
                found = Mark(came_ns, 0) if found is None or came_ns < found.t_ns else found
        return found

    def alive_before(self, t_ns: int) -> Mark | None:
        """The last sign of life at or before `t_ns`."""
        found: Mark | None = None
        index = bisect_right(self._prompt, t_ns, key=lambda part: part.first_ns)
        if index:
            part = self._prompt[index - 1]
            found = Mark(_instant_before(part, part.first_ns, t_ns), part.error_ns)
        for index in range(bisect_right(self._late, t_ns, key=_came_first) - 1, -1, -1):
            if found is not None and self._late_until[index] <= found.t_ns:
                break
            last_ns = _instant_before(self._late[index], _came_first(self._late[index]), t_ns)
            found = Mark(last_ns, 0) if found is None or last_ns > found.t_ns else found
        return found

    def lost(self, after_ns: int | None, before_ns: int | None) -> tuple[Stretch, ...]:
        """Lost samples strictly between two instants (None: without end)."""
        found = []
        start = 0 if after_ns is None else bisect_right(self.parts, after_ns, key=lambda part: part.last_ns)
        for part in self.parts[start:]:
            if before_ns is not None and part.first_ns >= before_ns:
                break
            if not part.alive:
                cut = between(part, after_ns, before_ns)
                found.extend([cut] if cut else [])
        return tuple(found)

    def at_or_after(self, t_ns: int) -> Stretch | None:
        """The answered stretch from its first sample at or after `t_ns` on."""
        index = bisect_left(self._prompt, t_ns, key=lambda part: part.last_ns)
        return between(self._prompt[index], t_ns - 1, None) if index < len(self._prompt) else None

    def at_or_before(self, t_ns: int) -> Stretch | None:
        """The answered stretch up to its last sample at or before `t_ns`."""
        index = bisect_right(self._prompt, t_ns, key=lambda part: part.first_ns)
        return between(self._prompt[index - 1], None, t_ns + 1) if index else None


def _came_first(part: Stretch) -> int:
    """When the answer to the first of late samples came."""
    return part.first_ns + part.error_ns


def _instant_after(first_ns: int, interval_ns: int, t_ns: int) -> int:
    return first_ns if first_ns > t_ns else first_ns + ((t_ns - first_ns) // interval_ns + 1) * interval_ns


def _instant_before(part: Stretch, first_ns: int, t_ns: int) -> int:
    return first_ns + min(part.count - 1, (t_ns - first_ns) // part.interval_ns) * part.interval_ns


def between(part: Stretch, after_ns: int | None, before_ns: int | None) -> Stretch | None:
    """The samples of `part` strictly between two instants; None when there are none."""
    start, end = 0, part.count - 1
    if after_ns is not None and after_ns >= part.first_ns:
        start = (after_ns - part.first_ns) // part.interval_ns + 1
    if before_ns is not None:
        end = min(end, (before_ns - 1 - part.first_ns) // part.interval_ns)
    if start > end:
        return None
    if (start, end) == (0, part.count - 1):
        return part
    beats = part.heartbeat_first, part.heartbeat_last
    return Stretch(
        part.first_ns + start * part.interval_ns,
        part.first_ns + end * part.interval_ns,
        part.interval_ns,
        end - start + 1,
        part.answer,
        part.boot_id,
        heartbeat_at(*beats, part.count, start),
        heartbeat_at(*beats, part.count, end),
        part.error_ns,
    )


def stretches(runs: Sequence[SampleRun], excluded: Sequence[Span]) -> tuple[Stretch, ...]:
    """The samples of one source in order of time: repeated instants once, those inside `excluded` spans left out.

    The spans are sorted and do not overlap.
    """
    found: list[Stretch] = []
    ends = [end for _, end in excluded]
    cursor: int | None = None
    for run in sorted(runs, key=lambda run: run.first_ns):
        if run.count <= 0:
            continue
        first = 0 if cursor is None else max(0, (cursor - run.first_ns) // run.interval_ns + 1)
        found.extend(_slice(run, start, end) for start, end in _kept(run, first, excluded, ends))
        cursor = run.last_ns if cursor is None else max(cursor, run.last_ns)
    return tuple(found)


def _kept(run: SampleRun, first: int, excluded: Sequence[Span], ends: Sequence[int]) -> Iterable[Span]:
    """Index ranges of `run` from `first` on that lie in no excluded span; `ends` are the ends of the spans."""
    start, last = first, run.count - 1
    for index in range(bisect_left(ends, run.first_ns), len(excluded)):
        span_start, span_end = excluded[index]
        if start > last or span_start > run.last_ns:
            break
        cut_first = max(start, -((run.first_ns - span_start) // run.interval_ns))
        cut_last = min(last, (span_end - run.first_ns) // run.interval_ns)
        if cut_first > cut_last:
            continue
        if cut_first > start:
            yield start, cut_first - 1
        start = cut_last + 1
    if start <= last:
        yield start, last


def _slice(run: SampleRun, start: int, end: int) -> Stretch:
    beats = run.heartbeat_first, run.heartbeat_last
    return Stretch(
        first_ns=run.first_ns + start * run.interval_ns,
        last_ns=run.first_ns + end * run.interval_ns,
        interval_ns=run.interval_ns,
        count=end - start + 1,
        answer=run.answer,
        boot_id=run.boot_id,
        heartbeat_first=heartbeat_at(*beats, run.count, start),
        heartbeat_last=heartbeat_at(*beats, run.count, end),
        error_ns=run.error_ns,
    )


def heartbeat_at(first: int, last: int, count: int, index: int) -> int:
    """Heartbeat number at sample `index` of `count`: the guest counts evenly between the two numbers that are known."""
    if count == 1:
        return last if index else first
    return first + (last - first) * index // (count - 1)
