"""``Get-Disk``, ``Get-Volume``, ``Get-HealthFault`` and the nodes of the storage ([D] PSD Storage, WSD health-service).

Fields of a fault, that a node that is down hides its drives, and the words for a lost drive [D] WSD
health-service-faults (azure-local-updates 5.5); names of the fault types and all other words [GK].  Which of them is
there follows from the model.  The drive of the operating system is a disk of its own [INF].
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from uuid import NAMESPACE_DNS, uuid5

from harness.twin.cmdlets.declaring import property_of, selects
from harness.twin.cmdlets.shapes import Shape
from harness.twin.cmdlets.storage import STORAGE, chain
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.entities import VirtualDisk
from harness.twin.model.files import SHARED, Folder
from harness.twin.model.states import ClusterNodeState, PhysicalDiskStatus, VirtualDiskStatus, VolumeHealth
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.providers import full_path
from harness.twin.shell.objects import PSObject, UInt32, UInt64

DISK: Final = Shape(
    chain("MSFT_Disk"),
    "Number FriendlyName SerialNumber HealthStatus OperationalStatus Size PartitionStyle IsBoot IsSystem IsClustered",
)
VOLUME: Final = Shape(
    chain("MSFT_Volume"),
    "DriveLetter FileSystemLabel FileSystemType FileSystem DriveType HealthStatus OperationalStatus SizeRemaining Size "
    "Path",
)
FAULT: Final = Shape(
    chain("MSFT_HealthFault"),
    "FaultId FaultType PerceivedSeverity Reason FaultingObjectType FaultingObjectDescription FaultingObjectLocation "
    "RecommendedActions",
)
NODE: Final = Shape(chain("MSFT_StorageNode"), "Name OperationalStatus")
_PREFIX: Final = "Microsoft.Health.FaultType"
_LOST: Final = (PhysicalDiskStatus.LostCommunication,)


@STORAGE.cmdlet(
    "Get-Disk",
    Parameter("Number", "int[]", position=0),
    Parameter("FriendlyName", "string[]"),
    Parameter("VirtualDisk", "object", pipeline="value"),
)
def get_disk(call: Call) -> Iterator[object]:
    """The node's own disk, and the shared volumes' that it coordinates [GK]; or that of a virtual disk."""
    model: ClusterModel = call.host.model
    node = call.host.node
    drive = node.files.drive
    boot = (f"{node.name} boot", "", "Healthy", "Online", UInt64(drive.capacity_bytes), "GPT", True, True, False)
    own = [volume for volume in model.volumes.values() if node.member and volume.csv_owner == node.name]
    rows: list[tuple[Any, ...]] = [boot]
    rows += [
        (volume.name, "", volume.health.value, "Online", UInt64(volume.size_bytes), "GPT", False, False, True)
        for volume in own
    ]
    numbers = [int(number) for number in call.get("Number") or []]
    came = property_of(call.get("VirtualDisk"), "FriendlyName")
    names = call.texts("FriendlyName") if came is None else [str(came)]
    for number, row in enumerate(rows):
        if (not numbers or number in numbers) and selects(names, str(row[0])):
            yield DISK.make(UInt32(number), *row)


@STORAGE.cmdlet(
    "Get-Volume",
    Parameter("DriveLetter", "string[]", position=0),
    Parameter("FileSystemLabel", "string[]", aliases=("FriendlyName",)),
    Parameter("FilePath", "string"),
)
def get_volume(call: Call) -> Iterator[object]:
    """C: and the cluster shared volumes; of those the space that files take which the model knows [INF]."""
    letters = [letter.rstrip(":").upper() for letter in call.texts("DriveLetter")]
    labels = call.texts("FileSystemLabel")
    if call.has("FilePath"):
        shared = full_path(call, call.text("FilePath")).removeprefix("C:\\").split("\\")
        on_shared = shared[0].lower() == SHARED.lower() and len(shared) > 1
        letters, labels = ([], [shared[1]]) if on_shared else (["C"], [])
    drive = call.host.node.files.drive
    if (not letters or "C" in letters) and (not labels or selects(labels, "")):
        free, size = UInt64(drive.free_bytes), UInt64(drive.capacity_bytes)
        yield VOLUME.make("C", "", "NTFS", "NTFS", "Fixed", "Healthy", "OK", free, size, "")
    if letters or not call.host.node.member:
        return
    for volume in call.host.model.volumes.values():
        if selects(labels, volume.name):
            yield _shared(call, volume)


def _shared(call: Call, volume: VirtualDisk) -> PSObject:
    folder = call.host.node.files.find(f"C:\\ClusterStorage\\{volume.name}")
    used = folder.total_bytes() if isinstance(folder, Folder) else 0
    free, size = UInt64(max(0, volume.size_bytes - used)), UInt64(volume.size_bytes)
    health = volume.health.value
    return VOLUME.make(None, volume.name, "CSVFS_ReFS", "CSVFS", "Fixed", health, "OK", free, size, "")


@STORAGE.cmdlet("Get-StorageNode", Parameter("Name", "string[]", position=0))
def get_node(call: Call) -> Iterator[object]:
    """The nodes as storage sees them."""
    for node in call.host.model.nodes.values():
        if selects(call.texts("Name"), node.name):
            yield NODE.make(node.name, "Up" if node.member else "Down", text=node.name)


@STORAGE.cmdlet("Get-HealthFault", Parameter("InputObject", "object", pipeline="value"))
def get_fault(call: Call) -> Iterator[object]:
    """What the health service complains of now; nothing when all is well."""
    if call.host.node.member:
        yield from _faults(call.host.model)


@STORAGE.cmdlet("Debug-StorageSubSystem", Parameter("InputObject", "object", pipeline="value", mandatory=True))
def debug_subsystem(call: Call) -> Iterator[object]:
    """The older name of the same."""
    if call.host.node.member:
        yield from _faults(call.host.model)


def _faults(model: ClusterModel) -> Iterator[PSObject]:
    for node in model.nodes.values():
        if node.cluster_state is ClusterNodeState.Down:
            act = ["Start or replace server."]
            yield _fault(f"{_PREFIX}.Server.Down", "Critical", "The server can't be reached.", "Server", node.name, act)
            continue
        for disk in node.disks:
            if disk.status in _LOST:
                kind = f"{_PREFIX}.PhysicalDisk.LostCommunication"
                act = ["Check that the physical disk is working and properly connected."]
                text = "Connectivity has been lost to the physical disk."
                yield _fault(kind, "Warning", text, "PhysicalDisk", disk.serial, act, node.name)
    for volume in model.volumes.values():
        if volume.status is VirtualDiskStatus.Detached:
            text, act = (
                "The volume is inaccessible. Some data may be lost.",
                ["Check the physical and/or network connectivity of all storage devices."],
            )
            yield _fault(f"{_PREFIX}.VirtualDisks.Detached", "Critical", text, "VirtualDisk", volume.name, act)
        elif volume.health is not VolumeHealth.Healthy:
            text = "Some data on this volume isn't fully resilient. It remains accessible."
            act = ["Restoring resiliency of the data."]
            yield _fault(f"{_PREFIX}.VirtualDisks.NeedsRepair", "Informational", text, "VirtualDisk", volume.name, act)


def _fault(kind: str, severity: str, reason: str, what: str, name: str, act: list[str], where: str = "") -> PSObject:
    identity = str(uuid5(NAMESPACE_DNS, f"{kind}/{name}"))
    return FAULT.make(identity, kind, severity, reason, what, name, where, act)
