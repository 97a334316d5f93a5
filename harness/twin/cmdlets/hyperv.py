"""Cmdlets of the module ``Hyper-V`` ([D] WPD Hyper-V; properties and texts of the objects [GK])."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final
from uuid import UUID

from harness.twin.cmdlets.declaring import classes, selects
from harness.twin.cmdlets.farmodules import hyperv_module
from harness.twin.cmdlets.guestadapters import GUEST_ADAPTER, make_guest_adapter
from harness.twin.cmdlets.kinds import VM_STATE, labelled
from harness.twin.cmdlets.remoting import connect, find_node
from harness.twin.cmdlets.shapes import Later, Shape
from harness.twin.model.calibration import Count
from harness.twin.model.catalog import load_catalogs
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.entities import Guest, Node
from harness.twin.model.states import Signal, VmState
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import PSError
from harness.twin.shell.objects import EnumType, Int64, PSArray, PSObject
from harness.twin.shell.regexes import has_wildcard
from harness.twin.shell.typesystem import register_enum
from harness.twin.units import BYTES_PER_MIB, NS_PER_S

HYPERV: Final = hyperv_module("Hyper-V", classes("Microsoft.HyperV.PowerShell.Commands.{}"))
_EXCEPTION: Final = "Microsoft.HyperV.PowerShell.VirtualizationException"

VM: Final = Shape(
    "Microsoft.HyperV.PowerShell.VirtualMachine",
    "Name VMName Id VMId ComputerName State Status Heartbeat Uptime CPUUsage MemoryAssigned MemoryStartup "
    "DynamicMemoryEnabled IsClustered Generation Version AutomaticStartAction AutomaticStartDelay AutomaticStopAction "
    "AutomaticCriticalErrorAction AutomaticCriticalErrorActionTimeout CheckpointType ParentCheckpointName Notes "
    "ProcessorCount MemoryMinimum MemoryMaximum NetworkAdapters",
)
VM_HOST: Final = Shape(
    "Microsoft.HyperV.PowerShell.VMHost",
    "Name ComputerName LogicalProcessorCount MemoryCapacity VirtualMachineMigrationEnabled "
    "VirtualMachineMigrationPerformanceOption VirtualMachineMigrationAuthenticationType "
    "MaximumVirtualMachineMigrations UseAnyNetworkForMigration",
)
HEARTBEAT: Final = register_enum(
    EnumType(
        "Microsoft.HyperV.PowerShell.VMHeartbeatStatus",
        {
            "Unknown": 0,
            "Ok": 1,
            "OkApplicationsHealthy": 2,
            "OkApplicationsCritical": 3,
            "OkApplicationsUnknown": 4,
            "NoContact": 5,
            "LostCommunication": 6,
            "Error": 7,
        },
    )
)
"""guest-and-host-maintenance 6.1."""
VM_DEFAULTS: Final[Mapping[str, object]] = MappingProxyType(
    {
        "AutomaticStartAction": "StartIfRunning",
        "AutomaticStartDelay": 0,
        "AutomaticStopAction": "Save",
        "AutomaticCriticalErrorAction": "Pause",
        "AutomaticCriticalErrorActionTimeout": 30,
        "CheckpointType": "Production",
        "Notes": "",
    }
)
"""[GK]; the time-out in minutes [INF]."""
HOST_DEFAULTS: Final[Mapping[str, object]] = MappingProxyType(
    {
        "VirtualMachineMigrationPerformanceOption": "SMBTransport",
        "VirtualMachineMigrationAuthenticationType": "Kerberos",
        "UseAnyNetworkForMigration": False,
    }
)
"""[INF] Network ATC chooses the transport ([D] 6.7); the others [GK]."""
_SILENT_NS: Final = 6 * NS_PER_S
"""[INF] After 5 to 6 s without a beat communication counts as lost (interval 2 s, threshold 2 [D])."""

PROCESSORS: Final = 4
"""Virtual processors of each guest [INF]: the simulation has no processor load."""
_LEAST_MEMORY: Final = 512 * BYTES_PER_MIB
_MOST_MEMORY: Final = 1024 * 1024 * BYTES_PER_MIB
"""Bounds of dynamic memory, which is off: Hyper-V's defaults [GK]."""
_CPU_PERCENT: Final = 1
"""Load of a running guest [INF]: the simulation has no processor load."""
_NORMAL: Final = "Operating normally"
_CRITICAL: Final = (VmState.RunningCritical, VmState.OffCritical, VmState.PausedCritical)
_EXECUTING: Final = (VmState.Running, VmState.RunningCritical)
_WITHOUT_MEMORY: Final = (VmState.Off, VmState.OffCritical, VmState.Saved, VmState.Other)


@HYPERV.cmdlet(
    "Get-VM",
    Parameter("Name", "string[]", position=0, aliases=("VMName",)),
    Parameter("Id", "string"),
    Parameter("ComputerName", "string[]"),
)
def get_vm(call: Call) -> Iterator[object]:
    """The virtual machines on this node, or on those that are named."""
    model: ClusterModel = call.host.model
    asked = call.texts("ComputerName") or [str(call.host.computer_name)]
    hosts = {host for name in asked if (host := _host_name(call, name))}
    if not hosts:
        return
    here = [guest for guest in model.guests.values() if guest.owner in hosts]
    if call.has("Id"):
        here = [guest for guest in here if guest.vm_id.lower() == call.text("Id").lower()]
    for name in call.texts("Name"):
        if not has_wildcard(name) and not any(guest.name.lower() == name.lower() for guest in here):
            text = f'Hyper-V was unable to find a virtual machine with name "{name}".'
            call.write_error(text, "InvalidParameter", "InvalidArgument", name, _EXCEPTION)
    for guest in here:
        if selects(call.texts("Name"), guest.name):
            yield make_vm(model, guest)


def _host_name(call: Call, name: str) -> str:
    """The node that a name stands for, when it can be asked from here; empty after an error ([GK] texts)."""
    here: Node = call.host.node
    if find_node(call, name) is here:
        return here.name
    try:
        return str(connect(call, name).node.name)
    except PSError as error:
        if error.record.error_id == "TwinLimitation":
            raise
        denied = error.record.error_id == "AccessDenied"
        text = f"The Virtual Machine Management Service on host '{name}' cannot be reached."
        if denied:
            text = (
                "You do not have the required permission to complete this task. Contact the administrator of the "
                f"authorization policy for the computer '{name}'."
            )
        category = "PermissionDenied" if denied else "ObjectNotFound"
        call.write_error(text, "AccessDenied" if denied else "ObjectNotFound", category, name, _EXCEPTION)
        return ""


@HYPERV.cmdlet("Get-VMHost")
def get_vm_host(call: Call) -> Iterator[object]:
    """This node as a host; concurrent migrations as Network ATC sets them ([D] ASD deploy/network-atc)."""
    model: ClusterModel = call.host.model
    node = call.host.node
    migrations: Count = load_catalogs().calibration.with_overrides(model.spec.overrides).guest.concurrent_migrations
    kept = {**HOST_DEFAULTS, **node.kept.host_settings}
    yield VM_HOST.make(
        node.name,
        node.name,
        node.logical_processors,
        Int64(node.memory_mib * BYTES_PER_MIB),
        True,
        kept["VirtualMachineMigrationPerformanceOption"],
        kept["VirtualMachineMigrationAuthenticationType"],
        migrations.n,
        kept["UseAnyNetworkForMigration"],
        text=node.name,
    )


def make_vm(model: ClusterModel, guest: Guest) -> PSObject:
    """The shell's object of a guest."""
    vm_id = UUID(guest.vm_id)
    kept = {**VM_DEFAULTS, **guest.settings}
    memory = 0 if guest.state in _WITHOUT_MEMORY else guest.ram_mib * BYTES_PER_MIB
    return VM.make(
        guest.name,
        guest.name,
        vm_id,
        vm_id,
        guest.owner,
        VM_STATE(guest.state),
        _status(guest),
        labelled(HEARTBEAT, heartbeat(guest, model.now_ns)),
        timedelta(microseconds=guest.uptime_ns(model.now_ns) // 1000),
        _CPU_PERCENT if guest.state in _EXECUTING else 0,
        Int64(memory),
        Int64(guest.ram_mib * BYTES_PER_MIB),
        False,
        True,
        2,
        "12.0",
        *(kept[name] for name in list(VM_DEFAULTS)[:-1]),
        next(reversed(guest.checkpoints), None),
        kept["Notes"],
        PROCESSORS,
        Int64(_LEAST_MEMORY),
        Int64(_MOST_MEMORY),
        Later(lambda: PSArray([make_guest_adapter(model, guest)], GUEST_ADAPTER.type_name)),
        text=f"VirtualMachine (Name = '{guest.name}') [Id = '{vm_id}']",
    )


def heartbeat(guest: Guest, now_ns: int) -> str:
    """What the host hears of the guest's integration services, a channel of its own beside the network."""
    if guest.state not in _EXECUTING:
        return "Unknown"
    if guest.paused_since_ns is not None and now_ns - guest.paused_since_ns >= _SILENT_NS:
        return "LostCommunication"
    return "NoContact" if guest.reachability.signal is Signal.Off else "OkApplicationsUnknown"


def _status(guest: Guest) -> str:
    if guest.migrating_to:
        return "Migrating"
    return "Critical" if guest.state in _CRITICAL else _NORMAL
