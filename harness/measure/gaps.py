"""Gaps: times in which a guest was away, with error bars and the cause.

A gap lies between the last sign of life and the next one.  Where in between it began and ended is not known; the
midpoint rule puts each edge half way between the two samples around it, which halves the worst error of "first failed
probe to first good probe" and has no bias.  With samples every I the error bar of an edge is ± I/2 and that of the
duration ± I; where the prober asked faster it is smaller, and an edge inside a time that the measuring side itself lost
gets a wider bar by the same rule.

The cause comes from what the guest itself counted.  A new boot id is a restart.  Heartbeat numbers that went on while
nobody heard them mean that the guest ran and its network was lost (*isolated*); numbers that stood still mean that
the guest did not run (*frozen*), and if its owner changed meanwhile the pause was a *live migration*.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from harness.measure.ownership import Ownership
from harness.measure.silences import COUNTING, Silence, edge
from harness.measure.stretches import Mark, Source, Stretch


class Cause(StrEnum):
    """Why a guest did not answer."""

    LIVE_MIGRATION = "live-migration"
    FROZEN = "frozen"
    ISOLATED = "isolated"
    RESTART = "restart"
    DOWN = "down"
    UNKNOWN = "unknown"


class State(StrEnum):
    """State of a guest at an instant, as all signals together show it."""

    UP = "up"
    BROWN = "brown"
    FROZEN = "frozen"
    ISOLATED = "isolated"
    DOWN = "down"
    RESTARTED = "restarted"
    UNOBSERVED = "unobserved"


STATE_OF: Final[Mapping[Cause, State]] = MappingProxyType(
    {
        Cause.LIVE_MIGRATION: State.FROZEN,
        Cause.FROZEN: State.FROZEN,
        Cause.ISOLATED: State.ISOLATED,
        Cause.RESTART: State.RESTARTED,
        Cause.DOWN: State.DOWN,
        Cause.UNKNOWN: State.DOWN,
    }
)

REASONS: Final[Mapping[Cause, str]] = MappingProxyType(
    {
        Cause.LIVE_MIGRATION: "it moved to another node then, and its count did not show that it ran",
        Cause.FROZEN: "its heartbeat numbers stood still: it did not run",
        Cause.ISOLATED: "its heartbeat numbers went on: it ran, and nothing of it was heard",
        Cause.RESTART: "its boot id is another one",
        Cause.DOWN: "it did not answer again before sampling ended",
        Cause.UNKNOWN: "no heartbeats tell what it did meanwhile",
    }
)


@dataclass(frozen=True, slots=True)
class Gap:
    """One time in which a guest did not answer; all times in nanoseconds of lab time.

    `start_ns` and `end_ns` are midpoints with error bars `start_err_ns` and `end_err_ns`.  `last_ok_ns` is None when
    the guest had not answered before (`leading`), `first_ok_ns` when it did not answer again before sampling ended
    (`open`). `first_bad_ns` is None for a restart that was so quick that only its new boot id was seen.  `signals` are
    those whose lost probes confirm it, `lost` how many the best of them lost.

    Set by the judge: `explained_by`, the fault that explains the gap; `phase`, what the update was doing when it began;
    `host_blackout_ns`, the length that the host logged for the migration, and by it the `cause` where it was unknown.
    """

    vm: str
    start_ns: int
    start_err_ns: int
    end_ns: int
    end_err_ns: int
    last_ok_ns: int | None
    first_bad_ns: int | None
    first_ok_ns: int | None
    cause: Cause
    boot_before: int | None = None
    boot_after: int | None = None
    owner_before: str = ""
    owner_after: str = ""
    explained_by: str = ""
    signals: tuple[str, ...] = ()
    lost: int = 0
    phase: str = ""
    host_blackout_ns: int | None = None

    @property
    def state(self) -> State:
        """State of the guest during the gap."""
        return STATE_OF[self.cause]

    @property
    def reason(self) -> str:
        """Why it is held for that."""
        return REASONS[self.cause]

    @property
    def duration_ns(self) -> int:
        """Best estimate of the length."""
        return self.end_ns - self.start_ns

    @property
    def error_ns(self) -> int:
        """Error bar of the length, to either side."""
        return self.start_err_ns + self.end_err_ns

    @property
    def open(self) -> bool:
        """Still down when sampling ended."""
        return self.first_ok_ns is None

    @property
    def leading(self) -> bool:
        """Not answering from the first sample on."""
        return self.last_ok_ns is None

    @property
    def host_difference_ns(self) -> int | None:
        """Measured length less the one that the host logged."""
        return None if self.host_blackout_ns is None else self.duration_ns - self.host_blackout_ns


def gaps_of(
    vm: str, sources: Sequence[Source], silent: Sequence[Silence], owners: Ownership, to_ns: int
) -> tuple[Gap, ...]:
    """All gaps of one guest: its silences, and restarts that nothing but the boot id showed."""
    counting = next((source for signal in COUNTING for source in sources if source.signal is signal), None)
    rate = _heartbeat_rate(counting)
    gaps = [_gap(vm, each, counting, rate, to_ns) for each in silent]
    gaps += [_quick_restart(vm, *pair, counting) for pair in _new_boots(counting, silent)] if counting else []
    return tuple(_with_owner(gap, owners) for gap in sorted(gaps, key=lambda gap: (gap.start_ns, gap.end_ns)))


def _gap(vm: str, silence: Silence, counting: Source | None, rate: tuple[int, int], to_ns: int) -> Gap:
    last_ok, first_ok = silence.last_ok, silence.first_ok
    start = edge(last_ok.t_ns if last_ok else None, silence.begun_ns)
    end = edge(silence.last_ns, _latest(first_ok)) if first_ok is not None else (to_ns, 0)
    before, after = _around(counting, silence)
    if last_ok is None:
        cause = Cause.UNKNOWN
    elif first_ok is None:
        cause = Cause.DOWN
    else:
        cause = _cause(before, after, end[0] - start[0], rate)
    return Gap(
        vm=vm,
        start_ns=start[0],
        start_err_ns=start[1],
        end_ns=end[0],
        end_err_ns=end[1],
        last_ok_ns=last_ok.t_ns if last_ok else None,
        first_bad_ns=silence.first_bad_ns,
        first_ok_ns=first_ok.t_ns if first_ok else None,
        cause=cause,
        boot_before=before.boot_id if before else None,
        boot_after=after.boot_id if after else None,
        signals=silence.signals,
        lost=silence.lost,
    )


def _latest(mark: Mark) -> int:
    return mark.t_ns + mark.error_ns


def _around(counting: Source | None, silence: Silence) -> tuple[Stretch | None, Stretch | None]:
    """What the guest itself counted last before, and first after."""
    if counting is None:
        return None, None
    before = counting.at_or_before(silence.first_bad_ns) if silence.last_ok else None
    after = counting.at_or_after(silence.first_bad_ns) if silence.first_ok else None
    return before, after


def _new_boots(counting: Source, silent: Sequence[Silence]) -> Iterator[tuple[Stretch, Stretch]]:
    """Neighbouring answers of different boots with no silence between them."""
    for before, after in pairwise(part for part in counting.parts if part.alive):
        if before.boot_id != after.boot_id and not any(_within(each, before, after) for each in silent):
            yield before, after


def _within(silence: Silence, before: Stretch, after: Stretch) -> bool:
    begins = silence.last_ok.t_ns if silence.last_ok else silence.first_bad_ns
    ends = silence.first_ok.t_ns if silence.first_ok else silence.last_ns
    return begins < after.first_ns and ends > before.last_ns


def _quick_restart(vm: str, before: Stretch, after: Stretch, counting: Source) -> Gap:
    start = edge(before.last_ns, after.first_ns + after.error_ns)
    return Gap(
        vm=vm,
        start_ns=start[0],
        start_err_ns=start[1],
        end_ns=start[0],
        end_err_ns=start[1],
        last_ok_ns=before.last_ns,
        first_bad_ns=None,
        first_ok_ns=after.first_ns,
        cause=Cause.RESTART,
        boot_before=before.boot_id,
        boot_after=after.boot_id,
        signals=(counting.name,),
    )


def _heartbeat_rate(counting: Source | None) -> tuple[int, int]:
    """Heartbeats counted and the answered time in which they were, over the whole run of a guest."""
    answered = [part for part in counting.parts if part.alive and part.count > 1] if counting else []
    return (
        sum(part.heartbeat_last - part.heartbeat_first for part in answered),
        sum(part.last_ns - part.first_ns for part in answered),
    )


def _cause(before: Stretch | None, after: Stretch | None, duration_ns: int, rate: tuple[int, int]) -> Cause:
    """Compare how far the guest's own count went with what it would be had it run, or stood still, during the gap.

    Running throughout it would have counted `rate * (t1 - t0)`, frozen `rate * (t1 - t0 - duration)`; the nearer one
    wins.  A gap of at most two heartbeats is too short to tell: the count is known to one beat only.
    """
    if before is None or after is None:
        return Cause.UNKNOWN
    if before.boot_id != after.boot_id:
        return Cause.RESTART
    beats, answered_ns = rate
    if beats <= 0 or duration_ns * beats <= 2 * answered_ns:
        return Cause.UNKNOWN
    advanced = after.heartbeat_first - before.heartbeat_last
    between_ns = after.first_ns - before.last_ns
    ran = 2 * advanced * answered_ns > beats * (2 * between_ns - duration_ns)
    return Cause.ISOLATED if ran else Cause.FROZEN


def _with_owner(gap: Gap, owners: Ownership) -> Gap:
    first = gap.last_ok_ns if gap.last_ok_ns is not None else gap.start_ns
    last = gap.first_ok_ns if gap.first_ok_ns is not None else gap.end_ns
    before, after = owners.before(gap.vm, first), owners.after(gap.vm, last)
    moved = owners.migrated(gap.vm, first, last) or bool(before and after and before != after)
    stood = gap.cause in (Cause.FROZEN, Cause.UNKNOWN) and not gap.leading
    cause = Cause.LIVE_MIGRATION if stood and moved else gap.cause
    return replace(gap, cause=cause, owner_before=before, owner_after=after)
