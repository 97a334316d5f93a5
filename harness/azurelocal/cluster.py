"""The failover cluster and its storage in one look: nodes, roles, virtual disks, storage jobs, pool.

Sources: states [D] W32 clusapi; storage statuses and job columns [D] WSD storage/storage-spaces; property names of
the in-box cmdlets [GK].
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from harness.azurelocal.command import Command
from harness.azurelocal.enums import DRAIN_STATES, GROUP_STATES, NODE_STATES, read_enum, read_enum_or_none
from harness.transports.powershell import script_json
from harness.transports.replies import Json, as_flag, as_list, as_number, as_record, as_text
from harness.values import CsvVolume, GroupState, NodeStatus, PoolState, StorageJob, VirtualDisk, VmStatus

VM_GROUP: Final = "VirtualMachine"
"""GroupType of a virtual machine's role."""
ENDED_JOB_STATES: Final = frozenset({"Completed", "Terminated", "Killed", "Exception"})
_BACKGROUND_JOB: Final = "optimize"
"""A pool's Optimize job may run at any time and says nothing about redundancy ([T] CSS Get-AzsSupportStorageJob)."""

_VOLUME: Final = re.compile(r"\(([^()]+)\)$")

_OBSERVE: Final = """@{nodes=@(Get-ClusterNode|ForEach-Object{
@{name=$_.Name;state="$($_.State)";drain="$($_.DrainStatus)"}})
groups=@(Get-ClusterGroup|ForEach-Object{"$($_.State)|$($_.GroupType)|$($_.OwnerNode)|$($_.Name)"})
csvs=@(Get-ClusterSharedVolume|ForEach-Object{
@{name=$_.Name;owner="$($_.OwnerNode)";state="$($_.State)"}})
disks=@(Get-VirtualDisk|ForEach-Object{
@{name=$_.FriendlyName;health="$($_.HealthStatus)";state="$($_.OperationalStatus)"}})
jobs=@(Get-StorageJob|ForEach-Object{
@{name=$_.Name;state="$($_.JobState)";percent=$_.PercentComplete;done=$_.BytesProcessed;total=$_.BytesTotal}})
pools=@(Get-StoragePool|ForEach-Object{
@{name=$_.FriendlyName;health="$($_.HealthStatus)";state="$($_.OperationalStatus)";primordial=$_.IsPrimordial}})}"""


@dataclass(frozen=True, slots=True)
class ClusterObservation:
    """One look at cluster and storage.

    `jobs` lacks Optimize jobs and ended ones; `guests` are the virtual machines' roles, `groups` all others.
    """

    nodes: tuple[NodeStatus, ...]
    groups: tuple[GroupState, ...]
    disks: tuple[VirtualDisk, ...]
    jobs: tuple[StorageJob, ...]
    pool: PoolState | None
    guests: tuple[VmStatus, ...]
    csvs: tuple[CsvVolume, ...] = ()


@cache
def observe_cluster() -> Command[ClusterObservation]:
    """Everything the invariants need, from any node that is up."""
    return Command("observe-cluster", script_json(_OBSERVE, depth=4), parse_cluster)


def parse_cluster(document: Json) -> ClusterObservation:
    """The answer to `observe_cluster`."""
    record = as_record(document)
    rows = {
        key: [as_record(row) for row in as_list(record.get(key))] for key in ("nodes", "csvs", "disks", "jobs", "pools")
    }
    groups = tuple(_read_group(as_text(row)) for row in as_list(record.get("groups")))
    pools = [_read_pool(row) for row in rows["pools"] if not as_flag(row.get("primordial"))]
    return ClusterObservation(
        nodes=tuple(_read_node(row) for row in rows["nodes"]),
        groups=tuple(group for group in groups if group.kind != VM_GROUP),
        disks=tuple(_read_disk(row) for row in rows["disks"]),
        jobs=tuple(job for job in map(_read_job, rows["jobs"]) if is_resync(job)),
        pool=pools[0] if pools else None,
        guests=tuple(VmStatus(group.name, group.owner, group.state) for group in groups if group.kind == VM_GROUP),
        csvs=tuple(_read_csv(row) for row in rows["csvs"]),
    )


def is_resync(job: StorageJob) -> bool:
    """Does the job mean that redundancy is being restored: not ended, and not the pool's background Optimize?"""
    return job.state not in ENDED_JOB_STATES and _BACKGROUND_JOB not in job.name.lower()


def _read_node(row: Mapping[str, Json]) -> NodeStatus:
    return NodeStatus(
        name=as_text(row.get("name")),
        state=read_enum(row.get("state"), NODE_STATES),
        drain=read_enum_or_none(row.get("drain"), DRAIN_STATES),
    )


@lru_cache(maxsize=4096)
def _read_group(row: str) -> GroupState:
    """A line instead of an object: there is one for every guest.  The name comes last, it may hold a bar.

    Cached, since nearly every group is as it was a minute ago.
    """
    state, kind, owner, name = (row.split("|", 3) + [""] * 4)[:4]
    return GroupState(name=name, owner=owner, state=read_enum(state, GROUP_STATES), kind=kind)


def _read_csv(row: Mapping[str, Json]) -> CsvVolume:
    """`Cluster Virtual Disk (Volume01)` is called by the volume in brackets, as administrators do [GK]."""
    name = as_text(row.get("name"))
    found = _VOLUME.search(name)
    return CsvVolume(found[1] if found else name, as_text(row.get("owner")), as_text(row.get("state")))


def _read_disk(row: Mapping[str, Json]) -> VirtualDisk:
    return VirtualDisk(as_text(row.get("name")), as_text(row.get("health")), as_text(row.get("state")))


def _read_job(row: Mapping[str, Json]) -> StorageJob:
    return StorageJob(
        name=as_text(row.get("name")),
        state=as_text(row.get("state")),
        percent=as_number(row.get("percent")) or 0.0,
        bytes_processed=int(as_number(row.get("done")) or 0),
        bytes_total=int(as_number(row.get("total")) or 0),
    )


def _read_pool(row: Mapping[str, Json]) -> PoolState:
    operational = as_text(row.get("state"))
    return PoolState(
        name=as_text(row.get("name")),
        health=as_text(row.get("health")),
        operational=operational,
        read_only="read-only" in operational.lower(),
    )
