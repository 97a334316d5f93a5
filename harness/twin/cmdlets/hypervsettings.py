"""Settings, firmware, integration services and checkpoints of guests; settings of the host ([D] WPD Hyper-V).

Integration services and their columns: guest-and-host-maintenance 6.1 and 10.  Settings are kept and read back; the
model does not go by them.  A checkpoint keeps what is on a guest's disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.clusterobjects import make_id
from harness.twin.cmdlets.declaring import given_input, property_of, selects
from harness.twin.cmdlets.hyperv import HYPERV, heartbeat, make_vm
from harness.twin.cmdlets.hypervcontrol import WHICH, guests_given
from harness.twin.cmdlets.remoting import find_node
from harness.twin.cmdlets.shapes import Shape
from harness.twin.cmdlets.windows import local_time
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.entities import Guest
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import PSObject

_NAMESPACE: Final = "Microsoft.HyperV.PowerShell"
FIRMWARE: Final = Shape(
    f"{_NAMESPACE}.VMFirmware", "VMName SecureBoot SecureBootTemplate PreferredNetworkBootProtocol ConsoleMode"
)
SERVICE: Final = Shape(
    f"{_NAMESPACE}.VMIntegrationComponent",
    "VMName Name Enabled PrimaryOperationalStatus PrimaryStatusDescription SecondaryOperationalStatus "
    "SecondaryStatusDescription",
)
CHECKPOINT: Final = Shape(f"{_NAMESPACE}.VMSnapshot", "VMName Name SnapshotType CreationTime ParentSnapshotName Id")
REPORT: Final = Shape(f"{_NAMESPACE}.VMCompatibilityReport", "VM OperationType Destination Path Incompatibilities")
_SERVICES: Final = (
    ("Guest Service Interface", False),
    ("Heartbeat", True),
    ("Key-Value Pair Exchange", True),
    ("Shutdown", True),
    ("Time Synchronization", True),
    ("VSS", True),
)
_NAMED: Final = (Parameter("VMName", "string[]", position=0), Parameter("VM", "object[]", pipeline="value"))
_ACTIONS: Final = (
    Parameter("AutomaticStartAction", "string", values=("Nothing", "StartIfRunning", "Start")),
    Parameter("AutomaticStartDelay", "int", minimum=0),
    Parameter("AutomaticStopAction", "string", values=("TurnOff", "Save", "ShutDown")),
    Parameter("AutomaticCriticalErrorAction", "string", values=("None", "Pause")),
    Parameter("AutomaticCriticalErrorActionTimeout", "int", minimum=0),
    Parameter("CheckpointType", "string", values=("Disabled", "Standard", "Production", "ProductionOnly")),
    Parameter("Notes", "string"),
)
_HOST_SETTINGS: Final = (
    Parameter("VirtualMachineMigrationPerformanceOption", "string", values=("None", "Compression", "SMBTransport")),
    Parameter("VirtualMachineMigrationAuthenticationType", "string", values=("CredSSP", "Kerberos")),
    Parameter("UseAnyNetworkForMigration", "bool"),
)


def _named(call: Call) -> Iterator[Guest]:
    call.bound.setdefault("Name", call.texts("VMName") or None)
    yield from guests_given(call)


@HYPERV.cmdlet("Set-VM", *WHICH, *_ACTIONS, should_process=True)
def set_vm(call: Call) -> Iterator[object]:
    """Sets what is given."""
    for guest in guests_given(call):
        if call.should_process(guest.name, "Set-VM"):
            for item in _ACTIONS:
                if call.has(item.name):
                    guest.settings[item.name] = call.get(item.name)
            if call.switch("Passthru"):
                yield make_vm(call.host.model, guest)


@HYPERV.cmdlet("Set-VMHost", *_HOST_SETTINGS, Parameter("MaximumVirtualMachineMigrations", "int"), should_process=True)
def set_host(call: Call) -> None:
    """Sets what is given of this host; how many guests may move at once is Network ATC's and is not simulated."""
    if call.has("MaximumVirtualMachineMigrations"):
        raise limitation("another number of concurrent live migrations is not simulated")
    if call.should_process(call.host.computer_name, "Set-VMHost"):
        for item in _HOST_SETTINGS:
            if call.has(item.name):
                call.host.node.kept.host_settings[item.name] = call.get(item.name)


@HYPERV.cmdlet("Get-VMFirmware", *_NAMED)
def get_firmware(call: Call) -> Iterator[object]:
    """Firmware of guests: all are of generation 2 with Secure Boot, as the product makes them."""
    for guest in _named(call):
        yield FIRMWARE.make(guest.name, "On", "MicrosoftWindows", "IPv4", "Default", text=guest.name)


@HYPERV.cmdlet("Get-VMIntegrationService", *_NAMED, Parameter("Name", "string[]", position=1))
def get_service(call: Call) -> Iterator[object]:
    """Integration services of guests; that of the heartbeat says what the host hears."""
    wanted = call.texts("Name")
    call.bound.pop("Name", None)
    for guest in _named(call):
        for name, enabled in _SERVICES:
            if selects(wanted, name):
                yield _service(call, guest, name, enabled=enabled)


def _service(call: Call, guest: Guest, name: str, *, enabled: bool) -> PSObject:
    status = second = "OK" if guest.running and enabled else ""
    if name == "Heartbeat" and guest.running:
        heard = heartbeat(guest, call.host.model.now_ns)
        words = {"NoContact": "No Contact", "LostCommunication": "Lost Communication"}
        status, second = words.get(heard, "OK"), "OK" if heard not in words else ""
    elif name == "Guest Service Interface":
        status, second = "OK", ""
    return SERVICE.make(guest.name, name, enabled, status.replace(" ", ""), status, second, second, text=name)


# --- checkpoints


@HYPERV.cmdlet(
    "Checkpoint-VM",
    *WHICH[:3],
    Parameter("SnapshotName", "string", position=1, aliases=("CheckpointName",)),
    Parameter("AsJob", "switch"),
    should_process=True,
)
def checkpoint(call: Call) -> Iterator[object]:
    """Makes checkpoints; one that has none by its type refuses ([D] CheckpointType)."""
    model: ClusterModel = call.host.model
    for guest in guests_given(call):
        if guest.settings.get("CheckpointType") == "Disabled":
            kind = "Microsoft.HyperV.PowerShell.VirtualizationException"
            text = f"Checkpoint operation failed. Checkpoints have been disabled for '{guest.name}'."
            call.write_error(text, "OperationFailed", "InvalidOperation", guest.name, kind)
            continue
        moment = model.datetime_at(model.now_ns)
        hour = f"{moment:%I}".lstrip("0")
        day = f"{moment.month}/{moment.day}/{moment.year} - {hour}:{moment:%M:%S %p}"
        name = call.text("SnapshotName") or f"{guest.name} - ({day})"
        if call.should_process(guest.name, "Checkpoint-VM"):
            model.control.checkpoint(guest, name)
            if call.switch("Passthru"):
                yield _checkpoint(call, guest, name)


@HYPERV.cmdlet("Get-VMSnapshot", *_NAMED, Parameter("Name", "string[]", position=1), aliases=("Get-VMCheckpoint",))
def get_checkpoint(call: Call) -> Iterator[object]:
    """Checkpoints of guests, oldest first."""
    wanted = call.texts("Name")
    call.bound.pop("Name", None)
    for guest in _named(call):
        yield from (_checkpoint(call, guest, name) for name in list(guest.checkpoints) if selects(wanted, name))


@HYPERV.cmdlet(
    "Remove-VMSnapshot",
    *_NAMED,
    Parameter("Name", "string[]", position=1),
    Parameter("VMSnapshot", "object[]"),
    Parameter("IncludeAllChildSnapshots", "switch"),
    aliases=("Remove-VMCheckpoint",),
    should_process=True,
)
def remove_checkpoint(call: Call) -> None:
    """Removes checkpoints."""
    came = call.get("VMSnapshot") or ([given_input(call)] if given_input(call) is not None else [])
    snapshots = [item for item in came if property_of(item, "VMName") is not None]
    wanted = call.texts("Name") or [str(property_of(item, "Name")) for item in snapshots]
    if snapshots:
        call.bound["VM"] = None
        call.bound["VMName"] = [str(property_of(item, "VMName")) for item in snapshots]
    call.bound.pop("Name", None)
    for guest in _named(call):
        for name in [item for item in guest.checkpoints if selects(wanted, item)]:
            if call.should_process(name, "Remove-VMSnapshot"):
                del guest.checkpoints[name]


@HYPERV.cmdlet(
    "Restore-VMSnapshot",
    Parameter("Name", "string", position=0),
    Parameter("VMName", "string[]", position=1),
    Parameter("VMSnapshot", "object", pipeline="value"),
    Parameter("Passthru", "switch"),
    aliases=("Restore-VMCheckpoint",),
    should_process=True,
)
def restore_checkpoint(call: Call) -> Iterator[object]:
    """Goes back to a checkpoint: the guest is off afterwards; one of the standard kind is not simulated."""
    came, name = given_input(call), call.text("Name")
    snapshot = call.get("VMSnapshot") or came
    if property_of(snapshot, "VMName") is not None:
        name = str(property_of(snapshot, "Name"))
        call.bound["VMName"] = [str(property_of(snapshot, "VMName"))]
    call.bound.pop("Name", None)
    for guest in _named(call):
        if name not in guest.checkpoints:
            kind = "Microsoft.HyperV.PowerShell.VirtualizationException"
            text = "Hyper-V was unable to find a checkpoint matching the given criteria."
            call.write_error(text, "InvalidParameter", "InvalidArgument", name, kind)
        elif guest.settings.get("CheckpointType") == "Standard":
            raise limitation("going back to a checkpoint of the standard kind is not simulated")
        elif call.should_process(name, "Restore-VMSnapshot"):
            call.host.model.control.restore(guest, name)
            if call.switch("Passthru"):
                yield _checkpoint(call, guest, name)


def _checkpoint(call: Call, guest: Guest, name: str) -> PSObject:
    names = list(guest.checkpoints)
    parent = names[names.index(name) - 1] if names.index(name) else None
    made = local_time(call.host, guest.checkpoints[name])
    identity = make_id(call.host.model, f"checkpoint.{guest.name}", name)
    kind = "Standard" if guest.settings.get("CheckpointType") == "Standard" else "Production"
    return CHECKPOINT.make(guest.name, name, kind, made, parent, identity, text=name)


@HYPERV.cmdlet(
    "Compare-VM",
    *WHICH[:2],
    Parameter("DestinationHost", "string", position=1),
    Parameter("IncludeStorage", "switch"),
)
def compare_vm(call: Call) -> Iterator[object]:
    """Whether guests could move to another node: no incompatibility for those that migrate."""
    target = find_node(call, call.text("DestinationHost")) if call.has("DestinationHost") else None
    if target is None or not target.os_running:
        raise limitation("Compare-VM is simulated for other nodes that run, and nothing else")
    for guest in guests_given(call):
        if not guest.migratable:
            raise limitation(f"why '{guest.name}' cannot move is not simulated")
        yield REPORT.make(make_vm(call.host.model, guest), "MoveVirtualMachine", target.name, None, [])
