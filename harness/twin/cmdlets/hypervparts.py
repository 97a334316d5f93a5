"""Memory, processors and disks of guests ([D] WPD Hyper-V; values that the model does not have are [INF])."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.hyperv import HYPERV, PROCESSORS
from harness.twin.cmdlets.hypervcontrol import guests_given
from harness.twin.cmdlets.shapes import Shape
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.objects import Int64
from harness.twin.units import BYTES_PER_MIB

_NAMESPACE: Final = "Microsoft.HyperV.PowerShell"
MEMORY: Final = Shape(f"{_NAMESPACE}.VMMemory", "VMName DynamicMemoryEnabled Minimum Startup Maximum")
PROCESSOR: Final = Shape(f"{_NAMESPACE}.VMProcessor", "VMName Count CompatibilityForMigrationEnabled")
DRIVE: Final = Shape(
    f"{_NAMESPACE}.HardDiskDrive", "VMName ControllerType ControllerNumber ControllerLocation DiskNumber Path"
)
_NAMED: Final = (Parameter("VMName", "string[]", position=0), Parameter("VM", "object[]", pipeline="value"))


def _bind(call: Call) -> None:
    call.bound["Name"] = call.texts("VMName") or None


@HYPERV.cmdlet("Get-VMMemory", *_NAMED)
def get_memory(call: Call) -> Iterator[object]:
    """Memory of guests: static."""
    _bind(call)
    for guest in guests_given(call):
        size = Int64(guest.ram_mib * BYTES_PER_MIB)
        yield MEMORY.make(guest.name, False, Int64(512 * BYTES_PER_MIB), size, Int64(1 << 40), text=guest.name)


@HYPERV.cmdlet("Get-VMProcessor", *_NAMED)
def get_processor(call: Call) -> Iterator[object]:
    """Processors of guests."""
    _bind(call)
    for guest in guests_given(call):
        yield PROCESSOR.make(guest.name, PROCESSORS, False, text=guest.name)


@HYPERV.cmdlet("Get-VMHardDiskDrive", *_NAMED)
def get_drive(call: Call) -> Iterator[object]:
    """The disk of guests, on their volume."""
    _bind(call)
    for guest in guests_given(call):
        path = f"C:\\ClusterStorage\\{guest.volume}\\{guest.name}\\{guest.name}.vhdx"
        yield DRIVE.make(guest.name, "SCSI", 0, 0, None, path, text=guest.name)
