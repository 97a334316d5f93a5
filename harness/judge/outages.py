"""When the guests of a stored run did not answer, as values: per guest, per drain of a node, per run."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.errors import JournalError
from harness.journal import read_journal
from harness.journal.writer import FILE_NAME
from harness.judge.drains import SAME_DRAIN_NS, Drain, drains_of
from harness.judge.explain import ORDERED, ownership_of
from harness.judge.history import StoredRun
from harness.judge.phases import phases_of
from harness.judge.timeline import timeline_of
from harness.measure.ledger import ALL_GUESTS, Cause
from harness.measure.units import seconds
from harness.paths import LEDGER_NAME

_AWAY_FOR_GOOD: Final = frozenset({Cause.RESTART.value, Cause.DOWN.value})


@dataclass(frozen=True, slots=True)
class GuestGap:
    """One time without answer.  It began between `begin_ns` and `begin_late_ns`, and was over by `end_ns`."""

    begin_ns: int
    begin_late_ns: int
    end_ns: int
    duration_s: float
    cause: str
    open: bool
    leading: bool
    explained_by: str


@dataclass(frozen=True, slots=True)
class GuestRecord:
    """All gaps of one guest."""

    vm: str
    vm_class: str
    gaps: tuple[GuestGap, ...]


@dataclass(frozen=True, slots=True)
class DrainRecord:
    """One drain of a node, and the guests that were on it when it began, or may have been."""

    node: str
    begin_ns: int
    end_ns: int
    guests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that is taken of the gaps of a guest.

    `words` go into "had a virtual machine … for more than 2 s"; `counts` says which gaps count, `of` what is made of
    their lengths in seconds.  A guest that never came back was away for longer than any limit.
    """

    name: str
    unit: str
    words: str
    counts: Callable[[GuestGap], bool]
    of: Callable[[Sequence[float]], float]

    def value(self, gaps: Iterable[GuestGap]) -> float:
        """Of one guest; 0 without such a gap."""
        return self.of([math.inf if gap.open else gap.duration_s for gap in gaps if self.counts(gap)])


def _longest(lengths: Sequence[float]) -> float:
    return max(lengths, default=0.0)


def _number(lengths: Sequence[float]) -> float:
    return float(len(lengths))


def _away(gap: GuestGap) -> bool:
    """For whatever reason, if nobody ordered it."""
    return not gap.leading and gap.explained_by != ORDERED


def _ran(gap: GuestGap) -> bool:
    return not gap.leading and gap.cause not in _AWAY_FOR_GOOD


def _migrated(gap: GuestGap) -> bool:
    return gap.cause == Cause.LIVE_MIGRATION.value


def _restarted(gap: GuestGap) -> bool:
    return gap.cause in _AWAY_FOR_GOOD


def _unexplained(gap: GuestGap) -> bool:
    return not gap.leading and not gap.explained_by


AWAY: Final = "vm.away.longest"
"""The measure of claims: restarts, and guests that never came back, are times away as well."""

METRICS: Final[Mapping[str, Metric]] = {
    metric.name: metric
    for metric in (
        Metric(AWAY, "s", "away", _away, _longest),
        Metric("vm.outage.longest", "s", "away without a restart", _ran, _longest),
        Metric("vm.outage.total", "s", "away without a restart, all times together,", _ran, math.fsum),
        Metric("vm.outage.count", "count", "away without a restart", _ran, _number),
        Metric("vm.migration_gap.longest", "s", "away in a live migration", _migrated, _longest),
        Metric("vm.gap.unexplained.longest", "s", "away without a fault to explain it", _unexplained, _longest),
        Metric("vm.restart.longest", "s", "away until it had restarted", _restarted, _longest),
    )
}
"""What can be said of single guests and drains, by name; all but the first are measurements that a plan may limit."""


def guests_of(run: StoredRun) -> tuple[GuestRecord, ...]:
    """The guests of a run, from its `ledger.json`.  Raises JournalError when that cannot be read."""
    path = run.folder / LEDGER_NAME
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return tuple(_guest(vm) for vm in document["vms"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise JournalError(
            f"cannot read '{path}': {error!r}", hint=f"make it again: hil report build {run.folder.name}"
        ) from error


def _guest(vm: Mapping[str, Any]) -> GuestRecord:
    return GuestRecord(str(vm["vm"]), str(vm.get("class") or ALL_GUESTS), tuple(_gap(gap) for gap in vm["gaps"]))


def _gap(gap: Mapping[str, Any]) -> GuestGap:
    begin_ns, end_ns = int(gap["start_ns"]), int(gap["end_ns"])
    error_ns = int(gap.get("start_err_ns") or 0)
    return GuestGap(
        begin_ns=begin_ns - error_ns,
        begin_late_ns=begin_ns + error_ns,
        end_ns=end_ns + int(gap.get("end_err_ns") or 0),
        duration_s=seconds(end_ns - begin_ns),
        cause=str(gap.get("cause") or Cause.UNKNOWN.value),
        open=gap.get("first_ok_ns") is None,
        leading=gap.get("last_ok_ns") is None,
        explained_by=str(gap.get("explained_by") or ""),
    )


def drains_in(run: StoredRun) -> tuple[DrainRecord, ...]:
    """The drains of a run, from its verified journal.  Only nodes that had guests, or may have had, are in it: the
    drain of an empty node shows nothing.

    Raises JournalError when there is no journal or its chain does not hold.
    """
    timeline = timeline_of(read_journal(run.folder / FILE_NAME))
    owners, drains = ownership_of(timeline), drains_of(timeline)
    ends = [
        (span.node, span.start_ns, span.end_ns)
        for span in phases_of(timeline)
        if span.path.endswith("/drain") and span.node and span.end_ns is not None
    ]
    guests, found = timeline.names("guests"), []
    for place, drain in enumerate(drains):
        later = drains[place + 1].earliest_ns if place + 1 < len(drains) else timeline.end_ns
        mine = tuple(vm for vm in guests if owners.before(vm, drain.earliest_ns) in ("", drain.node))
        if mine:
            found.append(DrainRecord(drain.node, drain.earliest_ns, _end_of(drain, ends, later), mine))
    return tuple(found)


def _end_of(drain: Drain, ends: Sequence[tuple[str, int, int]], later_ns: int) -> int:
    """When a drain was over: as the phases say, else at the latest when the next one began."""
    for node, begin_ns, end_ns in ends:
        if node == drain.node and abs(begin_ns - drain.earliest_ns) <= SAME_DRAIN_NS:
            return end_ns
    return later_ns


def worst_in_drain(drain: DrainRecord, guests: Sequence[GuestRecord], metric: Metric) -> float:
    """The value of the worst guest of the drained node, over gaps that may have begun during the drain."""
    return max(
        (
            metric.value(
                gap for gap in guest.gaps if gap.begin_ns <= drain.end_ns and gap.begin_late_ns >= drain.begin_ns
            )
            for guest in guests
            if guest.vm in drain.guests
        ),
        default=0.0,
    )


def worst_in_run(guests: Sequence[GuestRecord], metric: Metric) -> float:
    """The value of the worst guest."""
    return max((metric.value(guest.gaps) for guest in guests), default=0.0)
