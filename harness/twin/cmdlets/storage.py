"""Cmdlets of the module ``Storage``: pool, virtual disks, drives, jobs ([D] WSD storage/storage-spaces).

Health and operational states come as text, as the module's type extensions give them [GK].  A node outside the cluster
does not see the clustered storage: it gets nothing, as from an empty subsystem [GK].
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final
from uuid import NAMESPACE_DNS, uuid5

from harness.twin.cmdlets.declaring import property_of, selects
from harness.twin.cmdlets.farmodules import cim_module
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.entities import PhysicalDisk, StorageJob, StoragePool, VirtualDisk
from harness.twin.model.states import PoolStatus, VirtualDiskStatus, VolumeHealth
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.objects import PSObject, UInt16, UInt64
from harness.twin.shell.regexes import has_wildcard

STORAGE: Final = cim_module("Storage")

_CIM: Final = "Microsoft.Management.Infrastructure.CimInstance#ROOT/Microsoft/Windows/Storage/{}"


def chain(name: str) -> tuple[str, ...]:
    """Type names of a class of the storage provider."""
    return (_CIM.format(name), "Microsoft.Management.Infrastructure.CimInstance", "System.Object")


VIRTUAL_DISK: Final = Shape(
    chain("MSFT_VirtualDisk"),
    "FriendlyName ResiliencySettingName NumberOfDataCopies OperationalStatus HealthStatus DetachedReason Size "
    "FootprintOnPool",
)
PHYSICAL_DISK: Final = Shape(
    chain("MSFT_PhysicalDisk"),
    "DeviceId FriendlyName SerialNumber UniqueId MediaType BusType CanPool CannotPoolReason OperationalStatus "
    "HealthStatus Usage Size",
)
POOL: Final = Shape(
    chain("MSFT_StoragePool"),
    "FriendlyName OperationalStatus HealthStatus IsPrimordial IsReadOnly ReadOnlyReason Size AllocatedSize",
)
SUBSYSTEM: Final = Shape(chain("MSFT_StorageSubSystem"), "FriendlyName HealthStatus OperationalStatus")
JOB: Final = Shape(
    chain("MSFT_StorageJob"),
    "Name IsBackgroundTask ElapsedTime JobState PercentComplete BytesProcessed BytesTotal",
)

_NAME: Final = Parameter("FriendlyName", "string[]", position=0)


@STORAGE.cmdlet("Get-VirtualDisk", _NAME, Parameter("StoragePool", "object", pipeline="value"))
def get_virtual_disk(call: Call) -> Iterator[object]:
    """The virtual disks; of a pool that came in, its own: the primordial pool has none."""
    model: ClusterModel = call.host.model
    is_primordial = property_of(call.get("StoragePool"), "IsPrimordial") is True
    volumes = list(model.volumes.values()) if call.host.node.member and not is_primordial else []
    for name in chosen_names(call, "MSFT_VirtualDisk", [volume.name for volume in volumes]):
        yield virtual_disk_object(model.volumes[name])


@STORAGE.cmdlet(
    "Get-PhysicalDisk",
    _NAME,
    Parameter("SerialNumber", "string[]"),
    Parameter("UniqueId", "string[]", aliases=("Id",)),
    Parameter("CanPool", "bool"),
    Parameter("HealthStatus", "string", values=("Healthy", "Warning", "Unhealthy", "Unknown")),
    Parameter("Usage", "string"),
    Parameter("StorageNode", "object", pipeline="value"),
    Parameter("StoragePool", "object", pipeline="value"),
    Parameter("VirtualDisk", "object", pipeline="value"),
)
def get_physical_disk(call: Call) -> Iterator[object]:
    """The pool's drives of all nodes, which are those of each volume too; outside the cluster only this node's."""
    model: ClusterModel = call.host.model
    nodes = model.nodes.values() if call.host.node.member else (call.host.node,)
    disks = [disk for node in nodes for disk in node.disks]
    names = set(chosen_names(call, "MSFT_PhysicalDisk", [disk.friendly_name for disk in disks]))
    at = _node_asked(call)
    for number, disk in enumerate(disks):
        if disk.friendly_name in names and (not at or disk.node.lower() == at.lower()):
            made = disk_object(disk, number)
            if _fits(call, made):
                yield made


def _node_asked(call: Call) -> str:
    """The node whose drives are asked for; empty for all, and for those of a pool or volume that came in."""
    came = call.get("StorageNode")
    kinds = came.type_names if isinstance(came, PSObject) else ()
    if POOL.type_name in kinds or VIRTUAL_DISK.type_name in kinds:
        return ""
    return str(property_of(came, "Name") or came or "")


def _fits(call: Call, disk: PSObject) -> bool:
    """Whether a drive has the properties asked for."""
    for name in ("SerialNumber", "UniqueId", "HealthStatus", "Usage"):
        several = name in ("SerialNumber", "UniqueId")
        wanted = call.texts(name) if several else [call.text(name)] if call.has(name) else []
        if not selects(wanted, str(disk.get(name))):
            return False
    return not call.has("CanPool") or disk.get("CanPool") == call.switch("CanPool")


@STORAGE.cmdlet("Get-StoragePool", _NAME, Parameter("IsPrimordial", "bool"))
def get_pool(call: Call) -> Iterator[object]:
    """The primordial pool and the cluster's pool."""
    model: ClusterModel = call.host.model
    if not call.host.node.member:
        return
    pools = {str(pool.get("FriendlyName")): pool for pool in pool_objects(model)}
    for name in chosen_names(call, "MSFT_StoragePool", list(pools)):
        if not call.has("IsPrimordial") or pools[name].get("IsPrimordial") == call.switch("IsPrimordial"):
            yield pools[name]


@STORAGE.cmdlet("Get-StorageJob", Parameter("Name", "string[]", position=0))
def get_job(call: Call) -> Iterator[object]:
    """Repair jobs and the pool's background job; none when there is nothing to do."""
    model: ClusterModel = call.host.model
    jobs = model.storage.jobs if call.host.node.member else []
    for job in jobs:
        if selects(call.texts("Name"), job.name):
            yield job_object(model, job)


@STORAGE.cmdlet("Get-StorageSubSystem", _NAME)
def get_subsystem(call: Call) -> Iterator[object]:
    """The node's own subsystem and, on a cluster's member, the clustered one."""
    model: ClusterModel = call.host.model
    subsystems = {f"Windows Storage on {call.host.computer_name}": (VolumeHealth.Healthy, "OK")}
    if call.host.node.member:
        pool = model.storage.pool
        subsystems[f"Clustered Windows Storage on {model.spec.cluster_name}"] = (pool.health, pool.status.value)
    for name in chosen_names(call, "MSFT_StorageSubSystem", list(subsystems)):
        health, status = subsystems[name]
        yield SUBSYSTEM.make(name, health.value, status)


def chosen_names(
    call: Call, cim_class: str, names: Sequence[str], given: Sequence[str] | None = None, field: str = "FriendlyName"
) -> list[str]:
    """The names wanted, each once; one without wildcard that does not exist is an error [GK]."""
    wanted = call.texts(field) if given is None else given
    for pattern in wanted:
        if not has_wildcard(pattern) and not any(name.lower() == pattern.lower() for name in names):
            text = (
                f"No {cim_class} objects found with property '{field}' equal to '{pattern}'.  "
                "Verify the value of the property and retry."
            )
            call.write_error(
                text,
                f"CmdletizationQuery_NotFound_{field}",
                "ObjectNotFound",
                pattern,
                "Microsoft.PowerShell.Cmdletization.Cim.CimJobException",
            )
    return [name for name in dict.fromkeys(names) if selects(wanted, name)]


def virtual_disk_object(volume: VirtualDisk) -> PSObject:
    """The object of a virtual disk."""
    return VIRTUAL_DISK.make(
        volume.name,
        "Mirror" if volume.copies > 1 else "Simple",
        UInt16(volume.copies),
        volume.status.value,
        volume.health.value,
        volume.detached_reason.value if volume.status is VirtualDiskStatus.Detached else "None",
        UInt64(volume.size_bytes),
        UInt64(volume.size_bytes * volume.copies),
    )


def disk_object(disk: PhysicalDisk, number: int) -> PSObject:
    """The object of a drive; ``number`` counts all drives of the cluster.  Medium and bus are [INF]."""
    return PHYSICAL_DISK.make(
        str(1000 + number),
        disk.friendly_name,
        disk.serial,
        f"eui.{uuid5(NAMESPACE_DNS, disk.serial).hex[:16].upper()}",
        "SSD",
        "NVMe",
        False,
        ["In a Pool"],
        disk.status.value,
        disk.health.value,
        "Auto-Select",
        UInt64(disk.size_bytes),
    )


def pool_objects(model: ClusterModel) -> tuple[PSObject, PSObject]:
    """The primordial pool and the cluster's."""
    return _primordial(model), _pool(model, model.storage.pool)


def _capacity(model: ClusterModel) -> int:
    return sum(disk.size_bytes for node in model.nodes.values() for disk in node.disks)


def _pool(model: ClusterModel, pool: StoragePool) -> PSObject:
    allocated = sum(volume.size_bytes * volume.copies for volume in model.volumes.values())
    read_only = pool.status is PoolStatus.ReadOnly
    return POOL.make(
        pool.name,
        pool.status.value,
        pool.health.value,
        False,
        read_only,
        "Incomplete" if read_only else "None",
        UInt64(_capacity(model)),
        UInt64(allocated),
    )


def _primordial(model: ClusterModel) -> PSObject:
    size = UInt64(_capacity(model))
    return POOL.make("Primordial", PoolStatus.OK.value, VolumeHealth.Healthy.value, True, False, "None", size, size)


def job_object(model: ClusterModel, job: StorageJob) -> PSObject:
    """The object of a job as it is now."""
    now = model.now_ns
    return JOB.make(
        job.name,
        job.is_background,
        timedelta(microseconds=(now - job.started_ns) // 1000),
        job.state.name,
        UInt16(job.percent_complete(now)),
        UInt64(job.bytes_processed(now)),
        UInt64(job.bytes_total),
    )
