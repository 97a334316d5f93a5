"""Gaps beside what the hosts logged about the same live migrations.

A host counts how long the guest stood still; a prober sees how long it did not answer, which is that and whatever the
network needed to find the guest again.  So a measured gap may well be longer, and that is worth knowing.  One that is
shorter than what the host logged, beyond the error of both, means that the measuring is not to be trusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from harness.clock import NS_PER_S
from harness.measure.ledger import Cause, Gap, Ledger
from harness.values import LoggedMigration

WITHIN_NS: Final = 30 * NS_PER_S
"""How far from the gap the event may lie [INF]: it is written when the migration is complete, after the blackout, and
by the host's clock."""

NEAR_NS: Final = 2 * NS_PER_S
"""A gap of unknown cause is the migration's when the event lies no further from it [INF]: where the network learns late
that the guest has moved, the silence begins after the host logged the end."""

RESOLUTION_NS: Final = 50_000_000
"""Half of the last digit that the host logs: 63.1 seconds in the only sample ([P])."""


@dataclass(frozen=True, slots=True)
class HostWord:
    """A blackout that a host logged: lab time of the event, and the journal line that holds it."""

    vm: str
    at_ns: int
    blackout_ns: int
    seq: int


def host_words(records: Iterable[tuple[int, Mapping[str, Any]]], epoch: datetime) -> tuple[HostWord, ...]:
    """What `migrations` records tell, in order of time; an event that both hosts logged stands there once."""
    found: dict[tuple[str, int, int], HostWord] = {}
    for seq, record in records:
        for row in record["events"]:
            event = LoggedMigration(**row)
            at_ns = round((datetime.fromisoformat(event.at) - epoch).total_seconds() * 1e9)
            word = HostWord(event.vm, at_ns, round(event.blackout_s * 1e9), seq)
            found.setdefault((word.vm, word.at_ns // NS_PER_S, word.blackout_ns), word)
    return tuple(sorted(found.values(), key=lambda word: (word.at_ns, word.vm)))


def with_host_words(ledger: Ledger, words: Sequence[HostWord]) -> Ledger:
    """The ledger with the host's own length at each gap that a logged migration belongs to, and its cause where nothing
    else tells it.

    Of all pairs the nearest belong together first: a gap that happens to lie near takes no migration from its own gap.
    """
    matched: dict[Gap, Gap] = {}
    for vm in ledger.vms:
        mine = [word for word in words if word.vm.casefold() == vm.vm.casefold()]
        taken: set[HostWord] = set()
        for _, _, gap, word in sorted(_pairs(vm.gaps, mine), key=lambda pair: pair[:2]):
            if gap not in matched and word not in taken:
                matched[gap] = replace(gap, host_blackout_ns=word.blackout_ns, cause=_cause(gap, word))
                taken.add(word)
    return ledger.replaced(matched) if matched else ledger


def _pairs(gaps: Sequence[Gap], words: Sequence[HostWord]) -> Iterator[tuple[int, int, Gap, HostWord]]:
    """Gaps and events that may belong together, with their distance in time and when the event was."""
    for gap in gaps:
        if gap.leading or gap.open or gap.cause is Cause.RESTART:
            continue
        for word in words:
            if gap.start_ns - WITHIN_NS <= word.at_ns <= gap.end_ns + WITHIN_NS:
                yield abs(word.at_ns - gap.end_ns), word.at_ns, gap, word


def _cause(gap: Gap, word: HostWord) -> Cause:
    near = gap.start_ns - NEAR_NS <= word.at_ns <= gap.end_ns + NEAR_NS
    return Cause.LIVE_MIGRATION if near and gap.cause is Cause.UNKNOWN else gap.cause


def beyond_error_ns(gap: Gap) -> int:
    """By how much measured and logged length differ beyond both errors: positive where the measured one is longer."""
    difference = gap.host_difference_ns
    if difference is None:
        return 0
    error_ns = gap.error_ns + RESOLUTION_NS
    return max(0, difference - error_ns) if difference > 0 else min(0, difference + error_ns)
