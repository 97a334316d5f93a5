"""One case before the judge: the facts of a run with everything that is derived from them once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from harness.clock import lab_utc, utc_text
from harness.errors import HarnessError
from harness.judge.explain import (
    Explanation,
    explain,
    gaps_explained,
    nodes_explained,
    ownership_of,
    restarts_explained,
)
from harness.judge.guest_updates import GuestUpdates, guest_updates_of, ordered_restarts
from harness.judge.migrations import host_words, with_host_words
from harness.judge.timeline import Timeline
from harness.measure.catalog import CATALOG
from harness.measure.ledger import Gap, Ledger, build_ledger
from harness.measure.ownership import Ownership
from harness.measure.units import comparable, convert
from harness.plan.quantity import parse_duration
from harness.plan.text import TextError
from harness.values import Finding, Verdict

RESTART_BUDGET_S: Final = 600.0
"""For a guest of a lost node to answer again, where the plan sets no limit: 10 s to notice, at most 240 s compute
resiliency ([D] Get-Cluster ResiliencyDefaultPeriod), the rest for the start of the guest [INF]."""

COVERAGE_FLOOR: Final = 0.999
"""Smallest sampler coverage on which a verdict may rest, where the plan sets none [INF]."""

STUCK_AFTER_S: Final = 3600.0
"""Time without progress, where the scenario sets no budget [INF]."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One row of the header's resolved limits; `value` None when history had too few runs for one."""

    measurement: str
    op: str
    value: float | None
    unit: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """Facts and what follows from them."""

    timeline: Timeline
    ownership: Ownership
    ledger: Ledger
    explanations: tuple[Explanation, ...]
    limits: tuple[Limit, ...]
    epoch: datetime
    guest_updates: GuestUpdates | None = None

    def at(self, t_ns: int) -> str:
        """Lab time as UTC and as time since the lab's epoch."""
        return f"{utc_text(lab_utc(self.epoch, t_ns))} (lab time {elapsed(t_ns)})"

    def bound(self, names: Sequence[str], unit: str) -> float | None:
        """The tightest limit on any of `names`, in `unit`; None without one."""
        return min(
            (
                convert(limit.value, limit.unit, unit)
                for limit in self.limits
                if limit.value is not None and limit.measurement in names and comparable(limit.unit, unit)
            ),
            default=None,
        )

    @property
    def restart_budget_s(self) -> float:
        """Seconds for a guest of a lost node to answer again."""
        limit = self.bound(("vm.restart_gap.longest", "vm.restart.longest"), "s")
        return RESTART_BUDGET_S if limit is None else limit

    @property
    def stuck_after_ns(self) -> int:
        """The scenario's budget for no progress."""
        text = (self.timeline.scenario.get("budgets") or {}).get("stuck_after")
        return int((duration_s(text) or STUCK_AFTER_S) * 1e9)

    def nodes_explained(self, t_ns: int) -> frozenset[str]:
        """Nodes that a journalled fault explains at `t_ns`."""
        return nodes_explained(self.explanations, t_ns)

    @property
    def unexplained(self) -> tuple[Gap, ...]:
        """Gaps after the first answer of a guest that no journalled fault and no ordered restart explains."""
        return tuple(gap for gap in self.ledger.gaps if not gap.explained_by and not gap.leading)

    def began_ns(self, gap: Gap) -> int:
        """When a gap began; one that a fault explains, not before the fault: the midpoint may lie a little earlier."""
        faults = [each.start_ns for each in self.explanations if each.episode.id == gap.explained_by]
        return max(gap.start_ns, min(faults)) if faults else gap.start_ns

    def fail(
        self,
        name: str,
        summary: str,
        at_ns: int,
        evidence: Sequence[int],
        *,
        node: str = "",
        value: str = "",
        limit: str = "",
        outcome: Verdict = Verdict.FAIL,
        about: str = "product",
        attrs: Mapping[str, Any] | None = None,
    ) -> Finding:
        """A finding (about the product, unless said otherwise), with the phase and step that were shown at `at_ns`.

        What rests on the absence of lines names the header, which asked for them.
        """
        phase, step = self.timeline.doing(at_ns)
        return Finding(
            id=name,
            about=about,
            outcome=outcome,
            summary=summary,
            at_ns=at_ns,
            evidence=tuple(sorted(set(evidence))) or (self.timeline.first.seq,),
            phase=phase,
            step=step,
            node=node,
            value=value,
            limit=limit,
            attrs=dict(attrs or {}),
        )


def case_of(timeline: Timeline) -> Case:
    """Build ledger, ownership and explanations of one run."""
    ownership = ownership_of(timeline)
    ledger = _ledger_of(timeline, ownership)
    explanations = explain(timeline, ownership, [vm.vm for vm in ledger.vms])
    guest_updates = guest_updates_of(timeline)
    explained = gaps_explained(ledger, explanations)
    explained |= restarts_explained(ledger, explained, ordered_restarts(guest_updates))
    return Case(
        timeline=timeline,
        ownership=ownership,
        ledger=ledger.explained(explained),
        explanations=explanations,
        limits=limits_of(timeline.header),
        epoch=epoch_of(timeline.lab),
        guest_updates=guest_updates,
    )


def _ledger_of(timeline: Timeline, ownership: Ownership) -> Ledger:
    """The ledger of the run's samples, with what the update was doing and what the hosts logged at each gap."""
    guests = timeline.lab.get("guests") or ()
    classes = {str(row["name"]): str(row["class"]) for row in guests if isinstance(row, Mapping) and "class" in row}
    windows = (row.value for row in timeline.windows)
    ledger = build_ledger(windows, ownership, expected=timeline.names("guests"), classes=classes)
    told = host_words(((row.seq, row.value) for row in timeline.migrations), epoch_of(timeline.lab))
    ledger = with_host_words(ledger, told)
    return ledger.replaced({gap: replace(gap, phase=_doing(timeline, gap.start_ns)) for gap in ledger.gaps})


def _doing(timeline: Timeline, t_ns: int) -> str:
    return " / ".join(part for part in timeline.doing(t_ns) if part)


def limits_of(header: Mapping[str, Any]) -> tuple[Limit, ...]:
    """The resolved limits of a header, in their order there.  Raises HarnessError when one cannot be read."""
    try:
        return tuple(
            Limit(
                measurement=str(row["measurement"]),
                op=_OPERATORS[str(row.get("op", "<="))],
                value=None if row["value"] is None else float(row["value"]),
                unit=str(row.get("unit") or _unit(str(row["measurement"]))),
                origin=str(row.get("origin") or ""),
            )
            for row in header.get("limits") or ()
        )
    except (KeyError, TypeError, ValueError) as error:
        raise HarnessError(
            f"the journal's header holds a limit that cannot be read: {error!r}",
            hint="docs/reference/journal.md says what a limit looks like",
        ) from error


def _unit(measurement: str) -> str:
    return CATALOG[measurement].unit if measurement in CATALOG else ""


_OPERATORS: Final = {
    "<=": "<=",
    "le": "<=",
    "<": "<",
    "lt": "<",
    ">=": ">=",
    "ge": ">=",
    ">": ">",
    "gt": ">",
    "==": "==",
}


def epoch_of(lab: Mapping[str, Any]) -> datetime:
    """UTC of lab time zero; 1970 when the header does not say."""
    text = str(lab.get("epoch") or "1970-01-01T00:00:00Z")
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def duration_s(value: object) -> float | None:
    """Seconds of a duration of the scenario: text such as `10m`, or a number of seconds; None when it is neither."""
    if isinstance(value, int | float):
        return float(value)
    if not isinstance(value, str):
        return None
    try:
        return parse_duration(value) / timedelta(seconds=1)
    except TextError:
        return None


def elapsed(t_ns: int) -> str:
    """Lab time since the epoch: `01:23:45.678`."""
    milliseconds = t_ns // 1_000_000
    rest, millis = divmod(abs(milliseconds), 1000)
    minutes, second = divmod(rest, 60)
    hour, minute = divmod(minutes, 60)
    return f"{'-' if milliseconds < 0 else ''}{hour:02d}:{minute:02d}:{second:02d}.{millis:03d}"


def listed(names: Sequence[str], most: int = 5) -> str:
    """`a, b, c and 4 more`."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
