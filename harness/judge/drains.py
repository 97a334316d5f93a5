"""When nodes began to drain, and whether storage was still repairing then.

The lab's events tell both to the nanosecond.  A lab without them is only looked at now and then: there, an order is
asserted only when the looks before and after prove it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from harness.judge.sights import ClusterSight
from harness.judge.timeline import Seen, Timeline, first_after, last_before
from harness.measure.samples import Span
from harness.values import StorageJob, VirtualDisk

SAME_DRAIN_NS = 60_000_000_000
"""A phase event, a node event and a look that tell of one drain lie within this time [INF]."""

PERSISTENT_NS = 30_000_000_000
"""A disk seen ailing for this long with all nodes Up is not merely late by one look [INF]."""

_NODE_IN_PATH = re.compile(r"node\[([^\]]+)\]")


@dataclass(frozen=True, slots=True)
class Drain:
    """A node began to drain at some time between `earliest_ns` and `latest_ns`."""

    node: str
    earliest_ns: int
    latest_ns: int
    seq: int


@dataclass(frozen=True, slots=True)
class Resync:
    """Storage of `disk` was being repaired, or was not Healthy/OK (`status`), from `begin_ns` until `end_ns` (None:
    still at the end of the run), as events told.  The error bars of the events are taken off at both ends."""

    disk: str
    begin_ns: int
    end_ns: int | None
    seq: int
    status: str = ""


@dataclass(frozen=True, slots=True)
class StorageAtDrain:
    """Storage was not whole when `drain` began: a repair `job`, or an ailing `disk`."""

    drain: Drain
    job: StorageJob | None
    disk: VirtualDisk | None
    evidence: tuple[int, ...]


def drains_of(timeline: Timeline) -> tuple[Drain, ...]:
    """All drains in order of time: from events, or from looks at the cluster when the lab tells no such events."""
    found: list[Drain] = []
    for drain in _event_drains(timeline):
        last = next((each for each in reversed(found) if each.node == drain.node), None)
        if last is None or drain.earliest_ns - last.latest_ns > SAME_DRAIN_NS:
            found.append(drain)
    return tuple(found) or tuple(_seen_drains(timeline))


def _event_drains(timeline: Timeline) -> Iterator[Drain]:
    for row in timeline.events:
        event = row.value
        enters = event.kind == "phase.enter" and event.path.endswith("/drain")
        drains = event.kind == "node.drain" and event.attrs.get("status", "InProgress") == "InProgress"
        if not enters and not drains:
            continue
        match = _NODE_IN_PATH.search(event.path)
        node = event.node or (match[1] if match else "")
        yield Drain(node, event.t_ns - event.t_err_ns, event.t_ns + event.t_err_ns, row.seq)


def _seen_drains(timeline: Timeline) -> Iterator[Drain]:
    draining: set[str] = set()
    last_ns: int | None = None
    for row in timeline.clusters:
        now = {node.name for node in row.value.nodes if node.drain is not None and node.drain.name in _DRAINED}
        if last_ns is not None:
            for name in sorted(now - draining):
                yield Drain(name, last_ns, row.t_ns, row.seq)
        draining, last_ns = now, row.t_ns


_DRAINED = frozenset({"InProgress", "Completed"})


_BEGIN = frozenset({"storage.resync.start", "storage.resync.begin", "storage.resync.suspend"})
_END = frozenset({"storage.resync.end", "storage.resync.idle"})


def resyncs_of(timeline: Timeline) -> tuple[Resync, ...]:
    """Times with repair jobs, from the events of the lab; a suspended job is one that is not done."""
    found: list[Resync] = []
    begun: dict[str, Resync] = {}
    for row in timeline.events:
        disk, error_ns = str(row.value.attrs.get("disk") or ""), row.value.t_err_ns
        if row.value.kind in _BEGIN:
            begun.setdefault(disk, Resync(disk, row.t_ns + error_ns, None, row.seq))
        elif row.value.kind in _END:
            # An event without a disk says that all is quiet.
            ended = [name for name in begun if not disk or name == disk]
            found.extend(replace(begun.pop(name), end_ns=row.t_ns - error_ns) for name in ended)
    return tuple(sorted((*found, *begun.values()), key=lambda each: (each.begin_ns, each.disk)))


def ailings_of(timeline: Timeline) -> tuple[Resync, ...]:
    """Times in which virtual disks were not Healthy, from the events of the lab."""
    found: list[Resync] = []
    begun: dict[str, Resync] = {}
    for row in timeline.events:
        if row.value.kind != "storage.health":
            continue
        attrs, error_ns = row.value.attrs, row.value.t_err_ns
        disk = str(attrs.get("disk") or "")
        if attrs.get("health") != "Healthy":
            status = str(attrs.get("status") or attrs.get("health") or "")
            begun[disk] = replace(begun.get(disk, Resync(disk, row.t_ns + error_ns, None, row.seq)), status=status)
        elif disk in begun:
            found.append(replace(begun.pop(disk), end_ns=row.t_ns - error_ns))
    return (*found, *begun.values())


def joined(resyncs: Sequence[Resync], end_ns: int) -> tuple[Span, ...]:
    """Times in which at least one repair ran."""
    spans: list[Span] = []
    for each in resyncs:
        last_ns = end_ns if each.end_ns is None else each.end_ns
        if spans and each.begin_ns <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], last_ns))
        else:
            spans.append((each.begin_ns, last_ns))
    return tuple(spans)


def seen_repairs(timeline: Timeline) -> tuple[Span, ...]:
    """Times with repair jobs as looks at the cluster showed them: from the first look with jobs to the first
    without."""
    spans: list[Span] = []
    begun: int | None = None
    for row in timeline.clusters:
        if row.value.repairs and begun is None:
            begun = row.t_ns
        elif not row.value.repairs and begun is not None:
            spans.append((begun, row.t_ns))
            begun = None
    return (*spans, (begun, timeline.end_ns)) if begun is not None else tuple(spans)


def storage_at_drains(timeline: Timeline) -> Iterator[StorageAtDrain]:
    """Every drain that provably began while storage was not whole."""
    resyncs, ailings = resyncs_of(timeline), ailings_of(timeline)
    told = any(row.value.kind.startswith("storage.") for row in timeline.events)
    for drain in drains_of(timeline):
        if told:
            found = _by_events(timeline, drain, resyncs) or _by_health(drain, ailings)
        else:
            found = _by_looks(timeline, drain) or _by_disk(timeline, drain)
        if found:
            yield found


def _during(drain: Drain, spans: Sequence[Resync]) -> Resync | None:
    """The first of `spans` within which the drain surely began."""
    for each in spans:
        if each.begin_ns < drain.earliest_ns and (each.end_ns is None or drain.latest_ns < each.end_ns):
            return each
    return None


def _by_events(timeline: Timeline, drain: Drain, resyncs: Sequence[Resync]) -> StorageAtDrain | None:
    resync = _during(drain, resyncs)
    if resync is None:
        return None
    look = _look_with_jobs(timeline, drain.earliest_ns, resync)
    job = _furthest(look.value.repairs) if look else StorageJob(f"repair of {resync.disk or 'storage'}", "", 0.0, 0, 0)
    return StorageAtDrain(drain, job, None, (resync.seq, drain.seq, *((look.seq,) if look else ())))


def _by_health(drain: Drain, ailings: Sequence[Resync]) -> StorageAtDrain | None:
    ailing = _during(drain, ailings)
    if ailing is None:
        return None
    return StorageAtDrain(drain, None, VirtualDisk(ailing.disk, "", ailing.status), (ailing.seq, drain.seq))


def _look_with_jobs(timeline: Timeline, t_ns: int, resync: Resync) -> Seen[ClusterSight] | None:
    """The look nearest to the drain that shows the jobs of `resync`: the last before it, else the first after."""
    before = last_before(timeline.clusters, t_ns)
    if before and before.t_ns >= resync.begin_ns and before.value.repairs:
        return before
    after = first_after(timeline.clusters, t_ns)
    inside = after is not None and (resync.end_ns is None or after.t_ns <= resync.end_ns)
    return after if after and inside and after.value.repairs else None


def _by_looks(timeline: Timeline, drain: Drain) -> StorageAtDrain | None:
    """The same job, not less far, before and after: it ran all the time."""
    before, after = last_before(timeline.clusters, drain.earliest_ns), _look_at(timeline, drain.latest_ns)
    if before is None or after is None:
        return None
    for job in before.value.repairs:
        for later in after.value.repairs:
            same = (later.name, later.bytes_total) == (job.name, job.bytes_total)
            if same and later.percent >= job.percent and later.bytes_processed >= job.bytes_processed:
                return StorageAtDrain(drain, job, None, (before.seq, drain.seq, after.seq))
    return None


def _look_at(timeline: Timeline, t_ns: int) -> Seen[ClusterSight] | None:
    exact = last_before(timeline.clusters, t_ns)
    return exact if exact and exact.t_ns == t_ns else first_after(timeline.clusters, t_ns)


def _by_disk(timeline: Timeline, drain: Drain) -> StorageAtDrain | None:
    """A disk that had been ailing, with all nodes Up and nothing repairing it, in all looks of the time before."""
    before = last_before(timeline.clusters, drain.earliest_ns)
    if before is None or drain.earliest_ns - before.t_ns > SAME_DRAIN_NS:
        return None
    looks = [row for row in timeline.clusters if before.t_ns - PERSISTENT_NS <= row.t_ns <= before.t_ns]
    earlier = last_before(timeline.clusters, before.t_ns - PERSISTENT_NS)
    rows = [*looks, *([earlier] if earlier else [])]
    if earlier is None or any(row.value.not_up or row.value.repairs for row in rows):
        return None
    for disk in before.value.ailing:
        if all(disk.name in {each.name for each in row.value.ailing} for row in rows):
            return StorageAtDrain(drain, None, disk, (earlier.seq, before.seq, drain.seq))
    return None


def _furthest(jobs: Sequence[StorageJob]) -> StorageJob:
    """The job to name: a volume's own before the nameless one, then the one that has most to do."""
    return max(jobs, key=lambda job: ("-" in job.name, job.bytes_total - job.bytes_processed, job.name))
