"""Cmdlets of the module ``Hyper-V`` ([D] WPD Hyper-V; properties and texts of the objects [GK])."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final
from uuid import UUID

from harness.twin.cmdlets.declaring import Module, classes, selects
from harness.twin.cmdlets.kinds import VM_STATE
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.calibration import Count
from harness.twin.model.catalog import load_catalogs
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.entities import Guest
from harness.twin.model.states import VmState
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.objects import Int64, PSObject
from harness.twin.shell.regexes import has_wildcard
from harness.twin.units import BYTES_PER_MIB

HYPERV: Final = Module("Hyper-V", classes("Microsoft.HyperV.PowerShell.Commands.{}"))
_EXCEPTION: Final = "Microsoft.HyperV.PowerShell.VirtualizationException"

VM: Final = Shape(
    "Microsoft.HyperV.PowerShell.VirtualMachine",
    "Name VMName Id VMId ComputerName State Status Uptime CPUUsage MemoryAssigned IsClustered Generation Version",
)
VM_HOST: Final = Shape(
    "Microsoft.HyperV.PowerShell.VMHost",
    "Name ComputerName LogicalProcessorCount MemoryCapacity MaximumVirtualMachineMigrations",
)

_CPU_PERCENT: Final = 1
"""Load of a running guest [INF]: the simulation has no processor load."""
_NORMAL: Final = "Operating normally"
_CRITICAL: Final = (VmState.RunningCritical, VmState.OffCritical, VmState.PausedCritical)
_EXECUTING: Final = (VmState.Running, VmState.RunningCritical)
_WITHOUT_MEMORY: Final = (VmState.Off, VmState.OffCritical, VmState.Saved, VmState.Other)


@HYPERV.cmdlet("Get-VM", Parameter("Name", "string[]", position=0), Parameter("Id", "string"))
def get_vm(call: Call) -> Iterator[object]:
    """The virtual machines on this node."""
    model: ClusterModel = call.host.model
    here = [guest for guest in model.guests.values() if guest.owner == call.host.computer_name]
    if call.has("Id"):
        here = [guest for guest in here if guest.vm_id.lower() == call.text("Id").lower()]
    for name in call.texts("Name"):
        if not has_wildcard(name) and not any(guest.name.lower() == name.lower() for guest in here):
            text = f'Hyper-V was unable to find a virtual machine with name "{name}".'
            call.write_error(text, "InvalidParameter", "InvalidArgument", name, _EXCEPTION)
    for guest in here:
        if selects(call.texts("Name"), guest.name):
            yield make_vm(model, guest)


@HYPERV.cmdlet("Get-VMHost")
def get_vm_host(call: Call) -> Iterator[object]:
    """This node as a host; concurrent migrations as Network ATC sets them ([D] ASD deploy/network-atc)."""
    model: ClusterModel = call.host.model
    node = call.host.node
    migrations: Count = load_catalogs().calibration.with_overrides(model.spec.overrides).guest.concurrent_migrations
    yield VM_HOST.make(
        node.name,
        node.name,
        node.logical_processors,
        Int64(node.memory_mib * BYTES_PER_MIB),
        migrations.n,
        text=node.name,
    )


def make_vm(model: ClusterModel, guest: Guest) -> PSObject:
    """The shell's object of a guest."""
    vm_id = UUID(guest.vm_id)
    memory = 0 if guest.state in _WITHOUT_MEMORY else guest.ram_mib * BYTES_PER_MIB
    return VM.make(
        guest.name,
        guest.name,
        vm_id,
        vm_id,
        guest.owner,
        VM_STATE(guest.state),
        _status(guest),
        timedelta(microseconds=guest.uptime_ns(model.now_ns) // 1000),
        _CPU_PERCENT if guest.state in _EXECUTING else 0,
        Int64(memory),
        True,
        2,
        "12.0",
        text=f"VirtualMachine (Name = '{guest.name}') [Id = '{vm_id}']",
    )


def _status(guest: Guest) -> str:
    if guest.migrating_to:
        return "Migrating"
    return "Critical" if guest.state in _CRITICAL else _NORMAL
