"""What a journalled fault explains, and what it does not.

The invariants of an update hold for the product; a fault that the harness injected breaks some of them on purpose.  A
fault explains, from its intent until it was proven clean plus a tolerance,

- that the nodes it takes away are not Up;
- one gap of each virtual machine that such a node owned: the restart elsewhere, which has a budget of its own.

It explains nothing else: no drain during a repair, no second restart, no gap of a guest on another node.

A restart of a guest that the harness ordered explains one gap of that guest: the one in which it restarted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness.judge.faults import FaultEpisode
from harness.judge.guest_updates import OrderedRestart
from harness.judge.timeline import Timeline
from harness.measure.ledger import Cause, Gap, Ledger
from harness.measure.ownership import Ownership
from harness.measure.samples import Span

TOLERANCE_NS: Final = 120_000_000_000
"""After `fault.clean`, how long the last look at the cluster may still show the node as it was: two polls of 60 s
[INF]."""

ORDERED: Final = "ordered restart"
"""Explains the gap of a guest whose restart the harness ordered."""

NODE_LOSS: Final = frozenset({"node.power_loss", "node.power_cycle", "node.crash", "node.hang", "network.isolate"})
"""Faults that take their target out of the cluster (`takes_node_down` in harness/plan/vocabulary.py)."""

_MOVES: Final = ("vm.migrat", "vm.restart", "vm.failover")


@dataclass(frozen=True, slots=True)
class Explanation:
    """What one injection explains; `end_ns` None means: until the end of the run."""

    episode: FaultEpisode
    nodes: frozenset[str]
    vms: frozenset[str]
    start_ns: int
    end_ns: int | None

    def covers(self, t_ns: int) -> bool:
        """Is `t_ns` in the time that this fault explains?"""
        return self.start_ns <= t_ns and (self.end_ns is None or t_ns <= self.end_ns)

    def touches(self, gap: Gap) -> bool:
        """Does the gap, with its error bars, overlap that time?"""
        ends_after = gap.end_ns + gap.end_err_ns >= self.start_ns
        return ends_after and (self.end_ns is None or gap.start_ns - gap.start_err_ns <= self.end_ns)


def nodes_explained(explanations: Sequence[Explanation], t_ns: int) -> frozenset[str]:
    """Nodes that may be away at `t_ns`."""
    return frozenset(node for each in explanations if each.covers(t_ns) for node in each.nodes)


def active_faults(explanations: Sequence[Explanation], t_ns: int) -> tuple[str, ...]:
    """Faults of any kind that were injected and not yet clean at `t_ns`."""
    found = []
    for each in explanations:
        clean_ns = each.episode.clean_ns
        if each.start_ns <= t_ns and (clean_ns is None or t_ns < clean_ns):
            found.append(each.episode.id)
    return tuple(found)


def ownership_of(timeline: Timeline) -> Ownership:
    """Owners of guests as cluster looks and events of the lab told them.

    The `node` of a guest's event is its owner from then on, `attrs.source` the owner until then.
    """
    sightings = [
        (vm, row.t_ns, owner) for row in timeline.clusters for vm, owner in row.value.owners().items() if owner
    ]
    migrations: list[tuple[str, Span]] = []
    begun: dict[str, int] = {}
    for row in timeline.events:
        event = row.value
        if not event.vm or not event.kind.startswith(_MOVES):
            continue
        source = str(event.attrs.get("source") or "")
        starts = event.kind.endswith((".begin", ".start"))
        if source:
            sightings.append((event.vm, event.t_ns - 1, source))
        if event.node:
            sightings.append((event.vm, event.t_ns, event.node))
        if event.kind.startswith("vm.migrat"):
            if starts:
                begun[event.vm] = event.t_ns
            first = begun.get(event.vm, event.t_ns) if starts else begun.pop(event.vm, event.t_ns)
            migrations.append((event.vm, (first - event.t_err_ns, event.t_ns + event.t_err_ns)))
    return Ownership.of(sightings, migrations)


def explain(timeline: Timeline, ownership: Ownership, guests: Sequence[str]) -> tuple[Explanation, ...]:
    """What each injection of the run explains."""
    return tuple(_explain(episode, ownership, guests) for episode in timeline.faults)


def _explain(episode: FaultEpisode, ownership: Ownership, guests: Sequence[str]) -> Explanation:
    lost = frozenset(episode.targets) if episode.kind in NODE_LOSS else frozenset[str]()
    start_ns = episode.intent_ns
    # The owner seen last may have been outlived by a move; the one seen next may still be the dead node.
    hit = {
        vm
        for vm in guests
        if lost and (ownership.before(vm, start_ns) in lost or ownership.after(vm, start_ns) in lost)
    }
    end_ns = None if episode.clean_ns is None else episode.clean_ns + TOLERANCE_NS
    return Explanation(episode, lost, frozenset(hit), start_ns, end_ns)


def gaps_explained(ledger: Ledger, explanations: Sequence[Explanation]) -> dict[Gap, str]:
    """For each explained gap the fault: of every guest hit, the first gap that is no live migration."""
    found: dict[Gap, str] = {}
    for each in explanations:
        for vm in ledger.vms:
            if vm.vm not in each.vms:
                continue
            mine = [
                gap
                for gap in vm.gaps
                if gap not in found and each.touches(gap) and not gap.leading and gap.cause is not Cause.LIVE_MIGRATION
            ]
            if mine:
                found[min(mine, key=lambda gap: gap.start_ns)] = each.episode.id
    return found


def restarts_explained(ledger: Ledger, taken: Mapping[Gap, str], restarts: Iterable[OrderedRestart]) -> dict[Gap, str]:
    """For each ordered restart of a guest the first gap at whose end it had restarted, or from which it has not yet
    come back."""
    found: dict[Gap, str] = {}
    for one in restarts:
        mine = [
            gap
            for gap in ledger.gaps
            if gap.vm == one.vm
            and gap not in taken
            and gap not in found
            and gap.cause in (Cause.RESTART, Cause.DOWN)
            and one.covers(gap.start_ns, gap.end_ns)
        ]
        if mine:
            found[min(mine, key=lambda gap: gap.start_ns)] = ORDERED
    return found
