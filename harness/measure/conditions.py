"""Conditions: troubles of a guest that were no absence of its machine, and what the signals together make of them.

The rules are those of docs/explanation/availability.md.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from harness.measure.samples import Span
from harness.measure.silences import CONFIRMED, Silence, count_of, edge, ends_of
from harness.measure.stretches import Source, Stretch, between
from harness.values import Answer, Signal

_SERVICE: Final = (Signal.TCP, Signal.HTTP, Signal.HTTP_REUSED)


class ConditionKind(StrEnum):
    """What was wrong while the machine was there.

    `brown`: answers came, but late.  `service-down`: the machine answered, this service did not.  `connections-broken`:
    new connections worked, kept ones did not.  `filtered`: one kind of probe got no answer, others did.  `unreachable`:
    the guest made itself heard, no probe reached it.  `path`: only one of the probers lost it.
    """

    BROWN = "brown"
    SERVICE_DOWN = "service-down"
    CONNECTIONS_BROKEN = "connections-broken"
    FILTERED = "filtered"
    UNREACHABLE = "unreachable"
    PATH = "path"


@dataclass(frozen=True, slots=True)
class Condition:
    """A time of trouble that was no absence; times as in a gap, `signals` those that showed it."""

    kind: ConditionKind
    start_ns: int
    start_err_ns: int
    end_ns: int
    end_err_ns: int
    signals: tuple[str, ...]
    reason: str

    @property
    def duration_ns(self) -> int:
        """Best estimate of the length."""
        return self.end_ns - self.start_ns


def conditions(sources: Sequence[Source], silent: Sequence[Silence]) -> tuple[Condition, ...]:
    """Trouble outside of silences, in order of time; the same kind of several signals at one time is one."""
    away = [ends_of(each) for each in silent]
    troubles = [
        trouble for source in sources for part in _rows(source) for trouble in _trouble(source, part, away, sources)
    ]
    return _merged(troubles)


def _rows(source: Source) -> Iterator[tuple[Stretch, ...]]:
    """Neighbouring stretches of the same trouble."""
    row: list[Stretch] = []
    for part in source.parts:
        if row and row[-1].answer is not part.answer:
            yield tuple(row)
            row = []
        if _troubled(source, part):
            row.append(part)
    if row:
        yield tuple(row)


def _troubled(source: Source, part: Stretch) -> bool:
    if part.answer is Answer.REFUSED:
        return source.signal in _SERVICE
    return part.answer in (Answer.LOST, Answer.SLOW)


def _trouble(
    source: Source, row: Sequence[Stretch], away: Sequence[tuple[int | None, int | None]], sources: Sequence[Source]
) -> Iterator[Condition]:
    answer = row[0].answer
    for piece in _pieces(row, away):
        if answer is Answer.LOST and count_of(piece) < CONFIRMED:
            continue
        start, end = _edges(source, piece)
        if answer is Answer.SLOW:
            late_ms = max(part.error_ns for part in piece) / 1e6
            kind, reason = ConditionKind.BROWN, f"answers came up to {late_ms:.0f} ms late"
        else:
            kind, reason = _kind(source, answer, _stood_for(piece), sources)
        yield Condition(kind, *start, *end, (source.name,), reason)


def _pieces(row: Sequence[Stretch], away: Sequence[tuple[int | None, int | None]]) -> Iterator[list[Stretch]]:
    """`row` without what lies in silences, cut at them."""
    rest = list(row)
    for last_ok, first_ok in away:
        before = [cut for part in rest if last_ok is not None and (cut := between(part, None, last_ok + 1))]
        rest = [cut for part in rest if first_ok is not None and (cut := between(part, first_ok - 1, None))]
        if before:
            yield before
    if rest:
        yield rest


def _stood_for(piece: Sequence[Stretch]) -> Span:
    """The time for which troubled samples stand: half an interval to either side of them."""
    return piece[0].first_ns - piece[0].interval_ns // 2, piece[-1].last_ns + piece[-1].interval_ns // 2


def _edges(source: Source, piece: Sequence[Stretch]) -> tuple[Span, Span]:
    """Midpoints between the troubled samples and their neighbours of the same source, with their error bars."""
    first, last = piece[0], piece[-1]
    left = bisect_left(source.parts, first.first_ns, key=lambda part: part.last_ns)
    right = bisect_right(source.parts, last.last_ns, key=lambda part: part.first_ns)
    before = source.parts[left - 1].last_ns if left else None
    after = source.parts[right].first_ns if right < len(source.parts) else None
    return (
        edge(before, first.first_ns + first.error_ns),
        edge(last.last_ns, None if after is None else after + last.error_ns),
    )


def _kind(source: Source, answer: Answer, span: Span, sources: Sequence[Source]) -> tuple[ConditionKind, str]:
    others = [each for each in sources if each is not source and _answered(each, span)]
    names = ", ".join(sorted(each.name for each in others)) or "nothing else"
    if any(each.signal is source.signal and each.prober != source.prober for each in others):
        return ConditionKind.PATH, f"lost by one prober; answered: {names}"
    if source.signal is Signal.HTTP_REUSED and any(each.signal is Signal.HTTP for each in others):
        return ConditionKind.CONNECTIONS_BROKEN, "new connections worked, the kept one did not"
    if source.signal is Signal.HEARTBEAT:
        return ConditionKind.SERVICE_DOWN, f"its heartbeats stayed away; answered: {names}"
    if answer is Answer.REFUSED or source.signal in (Signal.HTTP, Signal.HTTP_REUSED):
        return ConditionKind.SERVICE_DOWN, f"the service did not answer as it should; answered: {names}"
    if others and all(each.signal is Signal.HEARTBEAT for each in others):
        return ConditionKind.UNREACHABLE, "its heartbeats came, no probe reached it"
    if source.signal is Signal.TCP:
        return ConditionKind.SERVICE_DOWN, f"the port did not answer; answered: {names}"
    return ConditionKind.FILTERED, f"this kind of probe got no answer; answered: {names}"


def _answered(source: Source, span: Span) -> bool:
    """Did `source` answer for at least half of that time?"""
    from_ns, to_ns = span
    answered_ns = 0
    # One stretch may end before the span and still stand for its beginning.
    for part in source.parts[max(0, bisect_left(source.parts, from_ns, key=_last) - 1) :]:
        if part.first_ns > to_ns:
            break
        if part.answer is Answer.OK:
            answered_ns += max(0, min(part.last_ns + part.interval_ns, to_ns) - max(part.first_ns, from_ns))
    return 2 * answered_ns >= max(1, to_ns - from_ns)


def _last(part: Stretch) -> int:
    return part.last_ns


def _merged(troubles: Iterable[Condition]) -> tuple[Condition, ...]:
    found: list[Condition] = []
    for trouble in sorted(troubles, key=lambda each: (each.start_ns, each.end_ns, each.kind, each.signals)):
        same = next((i for i, each in enumerate(found) if each.kind is trouble.kind and _touch(each, trouble)), None)
        if same is None:
            found.append(trouble)
            continue
        known = found[same]
        late = trouble if trouble.end_ns > known.end_ns else known
        reason = known.reason if trouble.reason in known.reason.split("; ") else f"{known.reason}; {trouble.reason}"
        found[same] = replace(
            known,
            end_ns=late.end_ns,
            end_err_ns=late.end_err_ns,
            signals=tuple(sorted({*known.signals, *trouble.signals})),
            reason=reason,
        )
    return tuple(found)


def _touch(one: Condition, other: Condition) -> bool:
    return other.start_ns - other.start_err_ns <= one.end_ns + one.end_err_ns
