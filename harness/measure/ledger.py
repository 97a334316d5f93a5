"""The availability ledger: for every guest, when it was away, how surely, and why; and how well it was watched.

One function makes it, from samples that a lab computed as well as from those that a prober took.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from harness.measure.blind import Blind, joined, own_blindness, path_blindness
from harness.measure.conditions import Condition, ConditionKind, conditions
from harness.measure.correlation import Edge, NodeEdge, node_edges
from harness.measure.gaps import Cause, Gap, State, gaps_of
from harness.measure.ownership import Ownership
from harness.measure.samples import Span
from harness.measure.silences import machine_sources, silences
from harness.measure.stretches import Source, stretches
from harness.values import SampleRun, SampleWindow, Signal

__all__ = ["ALL_GUESTS", "Cause", "ClassLedger", "Gap", "Ledger", "State", "VmLedger", "build_ledger"]

ALL_GUESTS: Final = "all"
"""Class of a guest of which no other is named."""

SERVICE_TROUBLE: Final = frozenset(ConditionKind) - {ConditionKind.BROWN, ConditionKind.FILTERED}
"""Conditions that a user of the guest feels as an outage."""


@dataclass(frozen=True, slots=True)
class VmLedger:
    """All gaps of one guest; `coverage` is the share of the sampled time for which it has samples (0 to 1).

    `conditions` are troubles that were no absence of the machine.
    """

    vm: str
    coverage: float
    samples: int
    gaps: tuple[Gap, ...]
    conditions: tuple[Condition, ...] = ()
    vm_class: str = ALL_GUESTS

    @property
    def longest_ns(self) -> int:
        """Length of the longest gap; 0 when there is none."""
        return max((gap.duration_ns for gap in self.gaps), default=0)

    @property
    def total_ns(self) -> int:
        """Sum of all gaps."""
        return sum(gap.duration_ns for gap in self.gaps)

    @property
    def visible_ns(self) -> int:
        """Time in which a user had reason to complain: away, or its service or the way to it broken."""
        spans = [(gap.start_ns, gap.end_ns) for gap in self.gaps]
        spans += [(each.start_ns, each.end_ns) for each in self.conditions if each.kind in SERVICE_TROUBLE]
        return sum(end - start for start, end in _union(spans))


@dataclass(frozen=True, slots=True)
class ClassLedger:
    """All guests of a class: gaps in number, the longest, the sum of the worst guest, and the least coverage."""

    vm_class: str
    vms: int
    count: int
    longest_ns: int
    total_ns: int
    coverage: float


@dataclass(frozen=True, slots=True)
class Ledger:
    """The gaps of all guests in the sampled time, and the times in which the measuring side was blind.

    `node_edges` are instants at which the guests of a node went or came back together.
    """

    from_ns: int
    to_ns: int
    interval_ns: int
    due: int
    missed: int
    unobserved: tuple[Blind, ...]
    vms: tuple[VmLedger, ...]
    node_edges: tuple[NodeEdge, ...] = ()

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """All gaps, by guest and time."""
        return tuple(gap for vm in self.vms for gap in vm.gaps)

    @property
    def classes(self) -> tuple[ClassLedger, ...]:
        """The guests by class, in the order of their names."""
        found: dict[str, list[VmLedger]] = {}
        for vm in self.vms:
            found.setdefault(vm.vm_class, []).append(vm)
        return tuple(_class_ledger(name, vms) for name, vms in sorted(found.items()))

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

    def replaced(self, gaps: Mapping[Gap, Gap]) -> Ledger:
        """The same ledger with other gaps in the place of those that `gaps` names."""
        vms = tuple(replace(vm, gaps=tuple(gaps.get(gap, gap) for gap in vm.gaps)) for vm in self.vms)
        return replace(self, vms=vms)

    def explained(self, explanations: Mapping[Gap, str]) -> Ledger:
        """The same ledger with `explained_by` filled in."""
        return self.replaced({gap: replace(gap, explained_by=text) for gap, text in explanations.items()})


def _class_ledger(name: str, vms: Sequence[VmLedger]) -> ClassLedger:
    return ClassLedger(
        name,
        len(vms),
        sum(len(vm.gaps) for vm in vms),
        max(vm.longest_ns for vm in vms),
        max(vm.total_ns for vm in vms),
        min(vm.coverage for vm in vms),
    )


@dataclass(slots=True)
class _Watched:
    """Samples of one guest by signal and prober."""

    runs: dict[tuple[Signal, str], list[SampleRun]] = field(default_factory=dict)

    def sources(self, excluded: Sequence[Span]) -> tuple[Source, ...]:
        found = [
            Source(signal, prober, stretches(rows, excluded))
            for (signal, prober), rows in sorted(self.runs.items(), key=lambda item: item[0])
        ]
        return tuple(source for source in found if source.parts)


def build_ledger(
    windows: Iterable[SampleWindow],
    ownership: Ownership | None = None,
    *,
    expected: Sequence[str] = (),
    classes: Mapping[str, str] | None = None,
) -> Ledger:
    """The ledger of `windows`; guests in `expected` that were never sampled appear with coverage 0.

    `classes` gives the class of guests.
    """
    ordered = sorted(windows, key=lambda window: (window.from_ns, window.to_ns))
    owners = ownership or Ownership()
    watched = {vm: _Watched() for vm in expected}
    for window in ordered:
        for run in window.runs:
            watched.setdefault(run.vm, _Watched()).runs.setdefault((run.signal, run.prober), []).append(run)
    blind, sources = _seen(ordered, watched)
    span = (ordered[0].from_ns if ordered else 0, max((window.to_ns for window in ordered), default=0))
    class_of = classes or {}
    vms = tuple(_vm_ledger(vm, sources[vm], owners, span, class_of.get(vm, ALL_GUESTS)) for vm in sorted(watched))
    return Ledger(
        from_ns=span[0],
        to_ns=span[1],
        interval_ns=_interval_ns(sources.values()),
        due=sum(window.control.due for window in ordered),
        missed=sum(window.control.missed for window in ordered),
        unobserved=blind,
        vms=vms,
        node_edges=_node_edges([gap for vm in vms for gap in vm.gaps], owners),
    )


def _seen(
    windows: Sequence[SampleWindow], watched: Mapping[str, _Watched]
) -> tuple[tuple[Blind, ...], dict[str, tuple[Source, ...]]]:
    """When the measuring side was blind, and what it saw of each guest otherwise."""
    own = own_blindness(windows)
    sources = {vm: each.sources([blind.span for blind in own]) for vm, each in watched.items()}
    path = path_blindness(windows, sources.values())
    if not path:
        return own, sources
    blind = joined([*own, *path])
    return blind, {vm: each.sources([blind.span for blind in blind]) for vm, each in watched.items()}


def _interval_ns(guests: Iterable[Sequence[Source]]) -> int:
    """The longest time between two samples of a machine."""
    return max(
        (part.interval_ns for sources in guests for source in machine_sources(sources) for part in source.parts),
        default=0,
    )


def _vm_ledger(vm: str, sources: Sequence[Source], owners: Ownership, span: Span, vm_class: str) -> VmLedger:
    silent = silences(sources)
    samples = sum(part.count for source in sources for part in source.parts)
    return VmLedger(
        vm,
        round(max((_coverage(source, span) for source in machine_sources(sources)), default=0.0), 9),
        samples,
        gaps_of(vm, sources, silent, owners, span[1]),
        conditions(sources, silent),
        vm_class,
    )


def _coverage(source: Source, span: Span) -> float:
    covered_ns = sum(part.covered_ns for part in source.parts)
    interval_ns = max(part.interval_ns for part in source.parts)
    wanted_ns = span[1] - span[0]
    # Sampling instants need not meet the ends of the sampled time, so one interval less is still complete.
    if wanted_ns - covered_ns < interval_ns:
        return 1.0
    return covered_ns / wanted_ns


def _node_edges(gaps: Sequence[Gap], owners: Ownership) -> tuple[NodeEdge, ...]:
    """A live migration moves one guest at a time; guests that restart come back one by one."""
    stayed = [gap for gap in gaps if gap.cause is not Cause.LIVE_MIGRATION]
    went = [
        Edge(gap.vm, gap.owner_before, gap.start_ns - gap.start_err_ns, gap.start_ns + gap.start_err_ns)
        for gap in stayed
        if gap.owner_before and not gap.leading
    ]
    came = [
        Edge(gap.vm, gap.owner_after, gap.end_ns - gap.end_err_ns, gap.end_ns + gap.end_err_ns)
        for gap in stayed
        if gap.owner_after and gap.cause in (Cause.FROZEN, Cause.ISOLATED)
    ]
    return tuple(
        sorted(
            (*node_edges(went, "down", owners.population), *node_edges(came, "up", owners.population)),
            key=lambda each: (each.at_ns, each.node, each.kind),
        )
    )


def _union(spans: Iterable[Span]) -> list[Span]:
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found
