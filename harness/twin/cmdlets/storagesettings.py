"""Settings of the storage: health service, pool, fault domains, caches, drives ([D] WPD Storage).

Defaults of the health service's settings [D] WSD health-service-settings, in part.  The repair speed is
``VirtualDiskRepairQueueDepth`` ([D] azure-local-updates 6.6): kept and read back; repairs here go at their own rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from harness.twin.cmdlets.declaring import given_input, property_of, selects
from harness.twin.cmdlets.shapes import Shape
from harness.twin.cmdlets.storage import STORAGE, chain, chosen_names
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.entities import PhysicalDisk
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.text import to_text

SETTING: Final = Shape(chain("MSFT_StorageHealthSetting"), "Name Value")
DOMAIN: Final = Shape(chain("MSFT_StorageFaultDomain"), "FriendlyName Type SerialNumber OperationalStatus HealthStatus")
_INPUT: Final = Parameter("InputObject", "object", pipeline="value")
_NAME: Final = Parameter("FriendlyName", "string[]", position=0)
_SETTINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "System.Storage.PhysicalDisk.AutoFirmwareUpdate.RollOut.Enabled": "True",
        "System.Storage.PhysicalDisk.AutoFirmwareUpdate.SingleDrive.Enabled": "True",
        "System.Storage.PhysicalDisk.AutoPool.Enabled": "True",
        "System.Storage.PhysicalDisk.AutoReplace.Enabled": "True",
        "System.Storage.PhysicalDisk.AutoRetire.OnLostCommunication.Enabled": "True",
        "System.Storage.PhysicalDisk.AutoRetire.OnUnresponsive.Enabled": "True",
        "System.Storage.StoragePool.CheckPoolReserveCapacity.Enabled": "True",
        "System.Storage.Volume.CapacityThreshold.Critical": "10",
        "System.Storage.Volume.CapacityThreshold.Enabled": "True",
        "System.Storage.Volume.CapacityThreshold.Warning": "20",
    }
)


def _model(call: Call) -> ClusterModel:
    model: ClusterModel = call.host.model
    return model


@STORAGE.cmdlet("Get-StorageHealthSetting", _INPUT, Parameter("Name", "string", position=0))
def get_setting(call: Call) -> Iterator[object]:
    """Settings of the health service, as far as their defaults are documented; those that somebody made too."""
    found = {**_SETTINGS, **_model(call).kept.storage_settings}
    wanted = [call.text("Name")] if call.has("Name") else []
    for name, value in sorted(found.items()):
        if selects(wanted, name):
            yield SETTING.make(name, value)


@STORAGE.cmdlet(
    "Set-StorageHealthSetting",
    _INPUT,
    Parameter("Name", "string", position=0, mandatory=True),
    Parameter("Value", "object", position=1, mandatory=True),
)
def set_setting(call: Call) -> None:
    """Sets a setting of the health service; the model does not go by it."""
    _model(call).kept.storage_settings[_known(call.text("Name"))] = to_text(call.get("Value"))


@STORAGE.cmdlet("Remove-StorageHealthSetting", _INPUT, Parameter("Name", "string", position=0, mandatory=True))
def remove_setting(call: Call) -> None:
    """Goes back to the default of a setting."""
    _model(call).kept.storage_settings.pop(_known(call.text("Name")), None)


def _known(name: str) -> str:
    return next((item for item in _SETTINGS if item.lower() == name.lower()), name)


@STORAGE.cmdlet(
    "Set-StoragePool",
    _NAME,
    _INPUT,
    Parameter("RepairPolicy", "string", values=("Sequential", "Parallel")),
    Parameter("ThinProvisioningAlertThresholds", "object[]"),
    Parameter("AutoDeallocateRetiredCapacity", "object"),
    Parameter("VirtualDiskRepairQueueDepth", "object"),
    Parameter("RetireMissingPhysicalDisks", "string", values=("Auto", "Always", "Never")),
    should_process=True,
)
def set_pool(call: Call) -> None:
    """Settings of the pool; kept, and the model does not go by them."""
    pool = _pool_name(call)
    for name, value in call.bound.items():
        if name not in ("FriendlyName", "InputObject") and call.should_process(pool, "Set-StoragePool"):
            _model(call).kept.pool_settings[name] = value


def _pool_name(call: Call) -> str:
    """The pool that is named or came in; an error for one that is not there."""
    came = given_input(call)
    names = call.texts("FriendlyName") or [str(property_of(came, "FriendlyName") or "")]
    own = _model(call).storage.pool.name
    if names[0].lower() != own.lower():
        chosen_names(call, "MSFT_StoragePool", [own], names)
        return ""
    return own


@STORAGE.cmdlet("Optimize-StoragePool", _NAME, _INPUT, Parameter("AsJob", "switch"), should_process=True)
def optimize_pool(call: Call) -> None:
    """Rebalances the pool: a job ``Optimize`` in the background, as the pool has one now and then by itself."""
    pool = _pool_name(call)
    if pool and call.should_process(pool, "Optimize-StoragePool"):
        _model(call).storage.optimize()


@STORAGE.cmdlet(
    "Optimize-Volume",
    Parameter("DriveLetter", "string[]", position=0),
    Parameter("FileSystemLabel", "string[]"),
    _INPUT,
    Parameter("Analyze", "switch"),
    Parameter("Defrag", "switch"),
    Parameter("ReTrim", "switch"),
    Parameter("SlabConsolidate", "switch"),
)
def optimize_volume(call: Call) -> None:
    """Trims or defragments a volume: nothing that the model has changes."""
    labels = [name.lower() for name in _model(call).volumes]
    for letter in call.texts("DriveLetter"):
        if letter.rstrip(":").upper() != "C":
            chosen_names(call, "MSFT_Volume", ["C"], [letter], "DriveLetter")
    for label in call.texts("FileSystemLabel"):
        if label.lower() not in labels:
            chosen_names(call, "MSFT_Volume", list(_model(call).volumes), [label], "FileSystemLabel")


@STORAGE.cmdlet(
    "Update-HostStorageCache",
    Parameter("CimSession", "object"),
)
def update_host_cache(call: Call) -> None:
    """Reads the disks anew: what is shown is always of this instant."""
    if call.has("CimSession"):
        raise limitation("Update-HostStorageCache -CimSession is not simulated")


@STORAGE.cmdlet(
    "Update-StorageProviderCache",
    Parameter("DiscoveryLevel", "string", values=("Level0", "Level1", "Level2", "Level3", "Full")),
    Parameter("Name", "string[]"),
    Parameter("RootObject", "object[]"),
    Parameter("StorageSubSystem", "object", pipeline="value"),
)
def update_provider_cache(call: Call) -> None:
    """Reads the provider's objects anew: what is shown is always of this instant."""
    given_input(call)


@STORAGE.cmdlet(
    "Get-StorageFaultDomain",
    Parameter(
        "Type", "string", position=0, values=("StorageRack", "StorageScaleUnit", "StorageChassis", "PhysicalDisk")
    ),
    Parameter("PhysicalLocation", "string[]"),
    Parameter("StorageSubSystem", "object", pipeline="value"),
)
def get_fault_domain(call: Call) -> Iterator[object]:
    """Nodes as scale units and their drives; no rack or chassis was made."""
    model = _model(call)
    wanted = [call.text("Type")] if call.has("Type") else []
    if not call.host.node.member:
        return
    for node in model.nodes.values():
        if selects(wanted, "StorageScaleUnit"):
            status = "OK" if node.member else "Lost communication"
            yield DOMAIN.make(node.name, "StorageScaleUnit", "", status, "Healthy" if node.member else "Warning")
    if selects(wanted, "PhysicalDisk"):
        for disk in _disks(model):
            status, health = disk.status.value, disk.health.value
            yield DOMAIN.make(disk.friendly_name, "PhysicalDisk", disk.serial, status, health)


def _disks(model: ClusterModel) -> list[PhysicalDisk]:
    return [disk for node in model.nodes.values() for disk in node.disks]


_DRIVES: Final = (
    _NAME,
    Parameter("SerialNumber", "string[]"),
    Parameter("UniqueId", "string[]"),
    _INPUT,
)


def _drives(call: Call) -> Iterator[tuple[int, PhysicalDisk]]:
    """The drives that are named or came in."""
    disks = _disks(_model(call))
    came = given_input(call)
    serials = call.texts("SerialNumber")
    if came is not None:
        serials = [str(property_of(came, "SerialNumber"))]
    names = set(chosen_names(call, "MSFT_PhysicalDisk", [disk.friendly_name for disk in disks]))
    for number, disk in enumerate(disks):
        if disk.friendly_name in names and selects(serials, disk.serial):
            yield number, disk


@STORAGE.cmdlet("Reset-PhysicalDisk", *_DRIVES, should_process=True)
def reset_disk(call: Call) -> None:
    """Clears the state of a drive; one that is healthy or in maintenance stays as it is."""
    for _, disk in _drives(call):
        call.should_process(disk.friendly_name, "Reset-PhysicalDisk")


@STORAGE.cmdlet(
    "Add-PhysicalDisk",
    Parameter("StoragePoolFriendlyName", "string", position=0),
    Parameter("PhysicalDisks", "object[]", position=1, mandatory=True),
    Parameter("StoragePool", "object", pipeline="value"),
    Parameter("Usage", "string"),
    should_process=True,
)
def add_disk(call: Call) -> None:
    """All drives are in the pool already, so each that is given is an error ([GK] text)."""
    for given in call.get("PhysicalDisks") or []:
        name = str(property_of(given, "FriendlyName"))
        text = "One of the physical disks specified is not supported by this operation."
        kind = "Microsoft.Management.Infrastructure.CimException"
        call.write_error(text, "StorageWMI 51000", "InvalidArgument", name, kind)


@STORAGE.cmdlet(
    "Set-PhysicalDisk",
    *_DRIVES,
    Parameter("Usage", "string", values=("AutoSelect", "ManualSelect", "HotSpare", "Retired", "Journal")),
    Parameter("NewFriendlyName", "string"),
    Parameter("MediaType", "string"),
)
def set_disk(call: Call) -> None:
    """A new name for a drive; another use of it is not simulated."""
    for _, disk in list(_drives(call)):
        if call.has("Usage") or call.has("MediaType"):
            raise limitation(f"another use of the drive '{disk.friendly_name}' is not simulated")
        disk.friendly_name = call.text("NewFriendlyName", disk.friendly_name)
