"""Maintenance mode of a node's drives, partitions, Storage Spaces Direct as the cluster sees it ([D] WPD, WSD).

A scale unit in maintenance is what a drain makes of a node's drives by itself (azure-local-updates 6.6); by hand it
stays until somebody ends it.  Sizes of partitions [INF].
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.cluster import CLUSTERS, require_cluster
from harness.twin.cmdlets.clusteractions import until
from harness.twin.cmdlets.declaring import given_input, property_of
from harness.twin.cmdlets.shapes import Shape
from harness.twin.cmdlets.storage import STORAGE, chain, chosen_names
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.errors import ModelError
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.formatting import register_view
from harness.twin.shell.objects import UInt32, UInt64
from harness.twin.units import BYTES_PER_MIB

PARTITION: Final = Shape(
    chain("MSFT_Partition"), "DiskNumber PartitionNumber DriveLetter Offset Size Type IsBoot IsSystem"
)
DIRECT: Final = Shape(
    "Microsoft.FailoverClusters.PowerShell.ClusterStorageSpacesDirect",
    "Name State CacheState CacheModeHDD CacheModeSSD NodeCount",
)
_OPTIONS: Final = (
    Parameter("InputObject", "object", pipeline="value"),
    Parameter("Model", "string"),
    Parameter("Manufacturer", "string"),
    Parameter("ValidateVirtualDisksHealthy", "bool"),
    Parameter("ValidateFlags", "string"),
    Parameter("IgnoreDetachedVirtualDisks", "switch"),
)
_EFI_BYTES: Final = 100 * BYTES_PER_MIB
_RESERVED_BYTES: Final = 16 * BYTES_PER_MIB


def register_storage_maintenance_views() -> None:
    """Tell the formatter how partitions look."""
    register_view(PARTITION.type_name, table=["PartitionNumber", "DriveLetter", "Offset", "Size", "Type"])


@STORAGE.cmdlet("Enable-StorageMaintenanceMode", *_OPTIONS)
def enable(call: Call) -> None:
    """Takes the drives of a node out of use."""
    _switch(call, on=True)


@STORAGE.cmdlet("Disable-StorageMaintenanceMode", *_OPTIONS)
def disable(call: Call) -> None:
    """Puts the drives of a node back into use; repair follows by itself."""
    _switch(call, on=False)


def _switch(call: Call, *, on: bool) -> None:
    model: ClusterModel = call.host.model
    came = given_input(call)
    name = str(property_of(came, "FriendlyName") or "")
    if property_of(came, "Type") != "StorageScaleUnit" or name not in model.nodes:
        raise limitation("maintenance mode is simulated for scale units (nodes): Get-StorageFaultDomain gives them")
    kind = "Microsoft.Management.Infrastructure.CimException"
    try:
        operation = model.storage_maintenance(name, on=on)
    except ModelError as error:
        raise call.fail(error.message, "StorageWMI 50003", "NotSpecified", name, kind) from None
    until(call, lambda: operation.done)


@STORAGE.cmdlet(
    "Get-Partition",
    Parameter("DriveLetter", "string[]"),
    Parameter("DiskNumber", "int[]", position=0),
    Parameter("PartitionNumber", "int[]", position=1),
    Parameter("Disk", "object", pipeline="value"),
)
def get_partition(call: Call) -> Iterator[object]:
    """Partitions of the node's own disk: system, reserved, C:."""
    drive = call.host.node.files.drive
    offset = BYTES_PER_MIB
    rest = drive.capacity_bytes
    letters = [letter.rstrip(":").upper() for letter in call.texts("DriveLetter")]
    numbers = [int(number) for number in call.get("PartitionNumber") or []]
    disks = [int(number) for number in call.get("DiskNumber") or []]
    parts = (("", _EFI_BYTES, "System"), ("", _RESERVED_BYTES, "Reserved"), ("C", rest, "Basic"))
    for number, (letter, size, kind) in enumerate(parts, 1):
        if (not letters or letter in letters) and (not numbers or number in numbers) and (not disks or 0 in disks):
            shown = letter or None
            yield PARTITION.make(
                UInt32(0), UInt32(number), shown, UInt64(offset), UInt64(size), kind, letter == "C", kind == "System"
            )
        offset += size


@CLUSTERS.cmdlet("Get-ClusterStorageSpacesDirect", aliases=("Get-ClusterS2D",))
def get_direct(call: Call) -> Iterator[object]:
    """Storage Spaces Direct: on; all drives are of one kind, so none is a cache [INF]."""
    model = require_cluster(call)
    yield DIRECT.make(model.spec.cluster_name, "Enabled", "Disabled", "ReadWrite", "WriteOnly", len(model.nodes))


@STORAGE.cmdlet(
    "Repair-VirtualDisk", Parameter("FriendlyName", "string[]", position=0), _OPTIONS[0], Parameter("AsJob", "switch")
)
def repair_disk(call: Call) -> None:
    """Repair begins by itself here as soon as it can; asking for it changes nothing."""
    came = given_input(call)
    names = call.texts("FriendlyName") or [str(property_of(came, "FriendlyName"))]
    chosen_names(call, "MSFT_VirtualDisk", list(call.host.model.volumes), names)
