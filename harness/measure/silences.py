"""Silences: times without a sign of life of a guest, from all its signals together.

A *silence* is a time between two signs of life in which probes were lost.  One lost probe proves little, so a silence
counts when a signal lost `CONFIRMED` probes in a row or two signals lost some each.  Its edges still come from the
first and the last lost probe.  A signal that failed before or went on to fail while another one answered is
*contradicted*: it is no witness of a silence, and the machine was not away (`harness.measure.conditions`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from harness.measure.samples import Span
from harness.measure.stretches import Mark, Source, Stretch
from harness.values import Signal

CONFIRMED: Final = 3
"""Losses in a row that confirm a silence: where one probe in 10,000 is lost by chance, 1,000 guests at 10 Hz have
such a row once in a thousand days."""

COUNTING: Final = (Signal.GUEST, Signal.HEARTBEAT)
"""Signals that carry the guest's own boot id and count."""

_MACHINE: Final = (Signal.GUEST, Signal.ICMP, Signal.UDP, Signal.TCP, Signal.HEARTBEAT)


@dataclass(frozen=True, slots=True)
class Silence:
    """No sign of life between `last_ok` and `first_ok` (None: before the first, after the last sample).

    `first_bad_ns` is the first lost sample; the guest was away at `begun_ns` at the latest, and still so at `last_ns`.
    `lost` is how many the best witness lost, `signals` are the witnesses.
    """

    last_ok: Mark | None
    first_bad_ns: int
    begun_ns: int
    last_ns: int
    first_ok: Mark | None
    lost: int
    signals: tuple[str, ...]


def machine_sources(sources: Sequence[Source]) -> tuple[Source, ...]:
    """Those that ask for the machine rather than for a service on it; all of them where there is no such one."""
    return tuple(source for source in sources if source.signal in _MACHINE) or tuple(sources)


def silences(sources: Sequence[Source]) -> tuple[Silence, ...]:
    """Confirmed silences of one guest, in order of time."""
    asked = machine_sources(sources)
    found: dict[tuple[int | None, int | None], Silence] = {}
    for source in asked:
        cursor: int | None = None
        for part in source.parts:
            if part.alive or (cursor is not None and part.first_ns < cursor):
                continue
            silence, cursor = _silence_at(asked, part.first_ns), _answers_again(source, part.first_ns)
            if silence is not None:
                found[ends_of(silence)] = silence
            if cursor is None:
                break
    return tuple(sorted(found.values(), key=lambda each: each.first_bad_ns))


def ends_of(silence: Silence) -> tuple[int | None, int | None]:
    """Signs of life around a silence."""
    return (
        silence.last_ok.t_ns if silence.last_ok else None,
        silence.first_ok.t_ns if silence.first_ok else None,
    )


def _answers_again(source: Source, t_ns: int) -> int | None:
    after = source.alive_after(t_ns)
    return after.t_ns if after else None


def _silence_at(sources: Sequence[Source], t_ns: int) -> Silence | None:
    """The silence around a lost sample at `t_ns`, None when it is not confirmed."""
    last_ok = max((mark for each in sources if (mark := each.alive_before(t_ns))), key=_time, default=None)
    first_ok = min((mark for each in sources if (mark := each.alive_after(t_ns))), key=_time, default=None)
    after, before = last_ok.t_ns if last_ok else None, first_ok.t_ns if first_ok else None
    lost = {source: parts for source in sources if (parts := source.lost(after, before))}
    witnesses = {
        source: parts
        for source, parts in lost.items()
        if not _failing_before(source, after) and not _failing_after(source, before)
    }
    if last_ok is None and len(lost) < sum(each.alive_after(t_ns) is not None for each in sources):
        return None  # a signal that answered from its first sample on: the guest was there
    most = max((count_of(parts) for parts in witnesses.values()), default=0)
    certain = any(source.signal is Signal.GUEST for source in witnesses)
    if not certain and most < CONFIRMED and len(witnesses) < 2:
        return None
    return Silence(
        last_ok,
        min(parts[0].first_ns for parts in witnesses.values()),
        min(_lost_by(source, parts[0]) for source, parts in witnesses.items()),
        max(_lost_from(source, parts[-1]) for source, parts in witnesses.items()),
        first_ok,
        most,
        tuple(sorted(source.name for source in witnesses)),
    )


def _lost_by(source: Source, part: Stretch) -> int:
    """When the guest was away at the latest, by the first of lost samples.

    When a heartbeat was due is reckoned from the last one: it may have been about to come a period later.
    """
    return part.first_ns + part.error_ns + (part.interval_ns if source.signal is Signal.HEARTBEAT else 0)


def _lost_from(source: Source, part: Stretch) -> int:
    """Until when the guest was away at the earliest, by the last of lost samples."""
    return part.last_ns - (part.interval_ns if source.signal is Signal.HEARTBEAT else 0)


def _time(mark: Mark) -> int:
    return mark.t_ns


def _failing_before(source: Source, t_ns: int | None) -> bool:
    """Had `source` lost samples up to `t_ns`, although another signal answered then?"""
    if t_ns is None:
        return False
    before = source.alive_before(t_ns)
    # When a heartbeat would have come is reckoned, not known: one that seems to be missing early proves nothing.
    least = CONFIRMED if source.signal is Signal.HEARTBEAT else 1
    return count_of(source.lost(before.t_ns if before else None, t_ns + 1)) >= least


def _failing_after(source: Source, t_ns: int | None) -> bool:
    """Did `source` go on losing samples after `t_ns`, although another signal answered by then?"""
    if t_ns is None:
        return False
    after = source.alive_after(t_ns - 1)
    return count_of(source.lost(t_ns, after.t_ns if after else None)) >= CONFIRMED


def count_of(parts: Iterable[Stretch]) -> int:
    """Samples in `parts`."""
    return sum(part.count for part in parts)


def edge(left: int | None, right: int | None) -> Span:
    """Midpoint between two neighbouring samples and its error bar; an edge with one side only is that side."""
    if left is None or right is None:
        return (right if left is None else left) or 0, 0
    return (left + right) // 2, (right - left + 1) // 2
