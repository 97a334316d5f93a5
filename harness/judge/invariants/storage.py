"""Storage stays whole: no drain during a repair, pool writable, no virtual disk lost ([D] WSD maintain-servers)."""

from __future__ import annotations

from collections.abc import Iterator

from harness.judge.case import Case
from harness.judge.drains import StorageAtDrain, storage_at_drains
from harness.judge.explain import active_faults
from harness.judge.sights import compact
from harness.values import Finding


def drains_wait_for_storage(case: Case) -> Iterator[Finding]:
    """Invariant 1, second half: no drain starts while a virtual disk is not healthy or a repair job runs.

    No fault explains a breach: after a fault as well as before, the next node has to wait for storage.
    """
    for found in storage_at_drains(case.timeline):
        drain = found.drain
        when = case.at(drain.latest_ns)
        yield case.fail(
            "drain-before-repair",
            f"node {drain.node} began to drain at {when} while {_condition(found)}",
            drain.latest_ns,
            found.evidence,
            node=drain.node,
            value=_condition(found),
            limit="no repair job, all virtual disks Healthy/OK",
            attrs=_attributes(found),
        )


def _condition(found: StorageAtDrain) -> str:
    if found.job is not None:
        return f"repair job '{found.job.name}' was at {found.job.percent:g} %"
    disk = found.disk
    return f"virtual disk '{disk.name}' was {disk.operational}" if disk else "storage was not healthy"


def _attributes(found: StorageAtDrain) -> dict[str, object]:
    job = {"job": found.job.name, "percent": found.job.percent} if found.job else {}
    disk = {"disk": found.disk.name} if found.disk else {}
    return {"drain_ns": found.drain.latest_ns, **job, **disk}


def pool_is_writable(case: Case) -> Iterator[Finding]:
    """Invariant 2, second part: the pool is never read-only."""
    for row in case.timeline.clusters:
        pool = row.value.pool
        if pool and (pool.read_only or compact(pool.operational) == "readonly"):
            text = f"storage pool '{pool.name}' was read-only at {case.at(row.t_ns)}"
            yield case.fail("pool-read-only", text, row.t_ns, [row.seq], value=pool.operational, limit="writable")
            return


def disks_hold(case: Case) -> Iterator[Finding]:
    """Invariant 2, third part: no virtual disk is detached; none without redundancy unless a fault is active."""
    for row in case.timeline.clusters:
        for disk in row.value.disks:
            state = compact(disk.operational)
            bare = "noredundancy" in state and not active_faults(case.explanations, row.t_ns)
            if bare or "detached" in state:
                text = f"virtual disk '{disk.name}' was {disk.operational} at {case.at(row.t_ns)}"
                yield case.fail("disk-lost", text, row.t_ns, [row.seq], value=disk.operational, limit="redundant")
                return
