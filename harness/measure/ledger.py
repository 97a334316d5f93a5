"""The availability ledger: for every guest, when it did not answer, how surely, and why.

A gap lies between the last sample that was answered and the first that was answered again.  Where in between it began
and ended is not known; the midpoint rule puts each edge half way between the two samples around it, which halves the
worst error of "first failed probe to first good probe" and has no bias.  With samples every I the error bar of an
edge is ± I/2 and that of the duration ± I; an edge inside a time that the measuring side itself lost gets a wider bar
by the same rule.

The cause comes from what the guest itself counted.  A new boot id is a restart.  Heartbeat numbers that went on while
nobody heard them mean that the guest ran and its network was lost (*isolated*); numbers that stood still mean that
the guest did not run (*frozen*), and if its owner changed meanwhile the pause was a *live migration*.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Final

from harness.measure.ownership import Ownership
from harness.measure.samples import Span, Stretch, stretches, unobserved
from harness.values import SampleRun, SampleWindow

LEDGER_SCHEMA: Final = 1


class Cause(StrEnum):
    """Why a guest did not answer."""

    LIVE_MIGRATION = "live-migration"
    FROZEN = "frozen"
    ISOLATED = "isolated"
    RESTART = "restart"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Gap:
    """One time in which a guest did not answer; all times in nanoseconds of lab time.

    `start_ns` and `end_ns` are midpoints with error bars `start_err_ns` and `end_err_ns`.  `last_ok_ns` is None when
    the guest had not answered before (`leading`), `first_ok_ns` when it did not answer again before sampling ended
    (`open`). `first_bad_ns` is None for a restart that was so quick that only its new boot id was seen.
    `explained_by` is the fault that explains the gap, set by the judge.
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


@dataclass(frozen=True, slots=True)
class VmLedger:
    """All gaps of one guest; `coverage` is the share of the sampled time for which it has samples (0 to 1)."""

    vm: str
    coverage: float
    samples: int
    gaps: tuple[Gap, ...]

    @property
    def longest_ns(self) -> int:
        """Length of the longest gap; 0 when there is none."""
        return max((gap.duration_ns for gap in self.gaps), default=0)

    @property
    def total_ns(self) -> int:
        """Sum of all gaps."""
        return sum(gap.duration_ns for gap in self.gaps)


@dataclass(frozen=True, slots=True)
class Ledger:
    """The gaps of all guests in the sampled time, and the times in which the measuring side was blind."""

    from_ns: int
    to_ns: int
    interval_ns: int
    due: int
    missed: int
    unobserved: tuple[Span, ...]
    vms: tuple[VmLedger, ...]

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """All gaps, by guest and time."""
        return tuple(gap for vm in self.vms for gap in vm.gaps)

    @property
    def sampled(self) -> bool:
        """Was any guest sampled at all?"""
        return any(vm.samples for vm in self.vms)

    @property
    def coverage(self) -> float | None:
        """Coverage of the worst guest and of the measuring side's own ticks; None when nothing was sampled."""
        if not self.sampled or self.to_ns <= self.from_ns:
            return None
        ticks = 1.0 - self.missed / self.due if self.due else 1.0
        return min(ticks, *(vm.coverage for vm in self.vms))

    def explained(self, explanations: dict[Gap, str]) -> Ledger:
        """The same ledger with `explained_by` filled in."""
        if not explanations:
            return self
        vms = tuple(
            replace(vm, gaps=tuple(replace(gap, explained_by=explanations.get(gap, "")) for gap in vm.gaps))
            for vm in self.vms
        )
        return replace(self, vms=vms)


def build_ledger(
    windows: Iterable[SampleWindow], ownership: Ownership | None = None, *, expected: Sequence[str] = ()
) -> Ledger:
    """The ledger of `windows`; guests in `expected` that were never sampled appear with coverage 0."""
    ordered = sorted(windows, key=lambda window: (window.from_ns, window.to_ns))
    owners = ownership or Ownership()
    blind = unobserved(ordered)
    runs: dict[str, list[SampleRun]] = {vm: [] for vm in expected}
    for window in ordered:
        for run in window.runs:
            runs.setdefault(run.vm, []).append(run)
    from_ns = ordered[0].from_ns if ordered else 0
    to_ns = max((window.to_ns for window in ordered), default=0)
    intervals = sorted({run.interval_ns for rows in runs.values() for run in rows})
    return Ledger(
        from_ns=from_ns,
        to_ns=to_ns,
        interval_ns=intervals[-1] if intervals else 0,
        due=sum(window.control.due for window in ordered),
        missed=sum(window.control.missed for window in ordered),
        unobserved=blind,
        vms=tuple(_vm_ledger(vm, stretches(runs[vm], blind), owners, (from_ns, to_ns)) for vm in sorted(runs)),
    )


def _vm_ledger(vm: str, parts: Sequence[Stretch], owners: Ownership, span: Span) -> VmLedger:
    covered_ns = sum(part.covered_ns for part in parts)
    interval_ns = max((part.interval_ns for part in parts), default=0)
    wanted_ns = span[1] - span[0]
    # Sampling instants need not meet the ends of the sampled time, so one interval less is still complete.
    complete = bool(parts) and wanted_ns - covered_ns < interval_ns
    coverage = 1.0 if complete else covered_ns / wanted_ns if wanted_ns > 0 else 0.0
    gaps = tuple(_with_owner(gap, owners) for gap in _gaps(vm, parts, span[1]))
    return VmLedger(vm, round(coverage, 9), sum(part.count for part in parts), gaps)


def _gaps(vm: str, parts: Sequence[Stretch], to_ns: int) -> Iterable[Gap]:
    rate = _heartbeat_rate(parts)
    before: Stretch | None = None
    bad: list[Stretch] = []
    for part in parts:
        if not part.ok:
            bad.append(part)
            continue
        if bad or (before is not None and before.boot_id != part.boot_id):
            yield _gap(vm, before, bad, part, to_ns, rate)
        before, bad = part, []
    if bad:
        yield _gap(vm, before, bad, None, to_ns, rate)


def _gap(
    vm: str, before: Stretch | None, bad: Sequence[Stretch], after: Stretch | None, to_ns: int, rate: tuple[int, int]
) -> Gap:
    last_ok = before.last_ns if before else None
    first_ok = after.first_ns if after else None
    start = _edge(last_ok, bad[0].first_ns if bad else first_ok)
    end = _edge(bad[-1].last_ns if bad else last_ok, first_ok) if first_ok is not None else (to_ns, 0)
    if before is None:
        cause = Cause.UNKNOWN
    elif after is None:
        cause = Cause.DOWN
    else:
        cause = _cause(before, after, end[0] - start[0], rate)
    return Gap(
        vm=vm,
        start_ns=start[0],
        start_err_ns=start[1],
        end_ns=end[0],
        end_err_ns=end[1],
        last_ok_ns=last_ok,
        first_bad_ns=bad[0].first_ns if bad else None,
        first_ok_ns=first_ok,
        cause=cause,
        boot_before=before.boot_id if before else None,
        boot_after=after.boot_id if after else None,
    )


def _edge(left: int | None, right: int | None) -> Span:
    """Midpoint between two neighbouring samples and its error bar; an edge with one side only is that side."""
    if left is None or right is None:
        return (right if left is None else left) or 0, 0
    return (left + right) // 2, (right - left + 1) // 2


def _heartbeat_rate(parts: Sequence[Stretch]) -> tuple[int, int]:
    """Heartbeats counted and the answered time in which they were, over the whole run of a guest."""
    answered = [part for part in parts if part.ok and part.count > 1]
    return (
        sum(part.heartbeat_last - part.heartbeat_first for part in answered),
        sum(part.last_ns - part.first_ns for part in answered),
    )


def _cause(before: Stretch, after: Stretch, duration_ns: int, rate: tuple[int, int]) -> Cause:
    """Compare how far the guest's own count went with what it would be had it run, or stood still, during the gap.

    Running throughout it would have counted `rate * (t1 - t0)`, frozen `rate * (t1 - t0 - duration)`; the nearer one
    wins.  A gap of at most two heartbeats is too short to tell: the count is known to one beat only.
    """
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
    cause = (
        Cause.LIVE_MIGRATION if gap.cause in (Cause.FROZEN, Cause.UNKNOWN) and not gap.leading and moved else gap.cause
    )
    return replace(gap, cause=cause, owner_before=before, owner_after=after)


def ledger_document(ledger: Ledger) -> dict[str, Any]:
    """Plain data of `ledger.json`; schema in reports/schemas/ledger.schema.json."""
    return {
        "schema": LEDGER_SCHEMA,
        "from_ns": ledger.from_ns,
        "to_ns": ledger.to_ns,
        "interval_ns": ledger.interval_ns,
        "coverage": ledger.coverage,
        "control": {"due": ledger.due, "missed": ledger.missed},
        "unobserved": [list(span) for span in ledger.unobserved],
        "vms": [_vm_document(vm) for vm in ledger.vms],
    }


def _vm_document(vm: VmLedger) -> dict[str, Any]:
    return {
        "vm": vm.vm,
        "coverage": vm.coverage,
        "samples": vm.samples,
        "count": len(vm.gaps),
        "longest_ns": vm.longest_ns,
        "total_ns": vm.total_ns,
        "gaps": [_gap_document(gap) for gap in vm.gaps],
    }


def _gap_document(gap: Gap) -> dict[str, Any]:
    document = {key: value for key, value in asdict(gap).items() if key != "vm"}
    return document | {
        "cause": gap.cause.value,
        "duration_ns": gap.duration_ns,
        "error_ns": gap.error_ns,
        "open": gap.open,
    }


def ledger_text(ledger: Ledger) -> str:
    """The text of `ledger.json`; the same ledger always gives the same bytes."""
    return json.dumps(ledger_document(ledger), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
