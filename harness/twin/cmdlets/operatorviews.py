"""Default views of what operators read beside cluster and storage: columns [GK]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from harness.twin.cmdlets import (
    cauroles,
    clustermore,
    hardwareclasses,
    hypervsettings,
    protection,
    servicing,
    storagesettings,
)
from harness.twin.cmdlets.declaring import property_of
from harness.twin.cmdlets.psget import register_gallery_views
from harness.twin.cmdlets.shapes import Shape
from harness.twin.cmdlets.storagemaintenance import register_storage_maintenance_views
from harness.twin.cmdlets.windowsfacts import register_fact_views
from harness.twin.shell.formatting import Column, register_view

_TABLES: Final[Mapping[Shape, Sequence[Column | str]]] = {
    cauroles.PARAMETER: ["Name", "Value"],
    cauroles.PLUGIN: ["Name"],
    clustermore.KIND: ["Name", "DisplayName"],
    hypervsettings.SERVICE: ["VMName", "Name", "Enabled", "PrimaryStatusDescription", "SecondaryStatusDescription"],
    hypervsettings.FIRMWARE: ["VMName", "SecureBoot", "SecureBootTemplate", "PreferredNetworkBootProtocol"],
    hypervsettings.CHECKPOINT: ["VMName", "Name", "SnapshotType", "CreationTime", "ParentSnapshotName"],
    storagesettings.SETTING: ["Name", "Value"],
    storagesettings.DOMAIN: ["FriendlyName", "Type", "OperationalStatus", "HealthStatus"],
    protection.ACL: ["Path", "Owner", Column("Access", lambda value: _rules(value))],
    hardwareclasses.PROCESSOR: ["DeviceID", "Name", "Caption", "MaxClockSpeed", "SocketDesignation", "Manufacturer"],
    hardwareclasses.DRIVE: ["DeviceID", "Model", "Size", "SerialNumber"],
}


_BITLOCKER: Final = [
    Column("VolumeType", width=15),
    Column("MountPoint", width=10),
    Column("CapacityGB", lambda value: f"{property_of(value, 'CapacityGB'):.2f}", width=10, right=True),
    Column("VolumeStatus", width=14),
    Column("Encryption Percentage", "EncryptionPercentage", width=21, right=True),
    Column("KeyProtector", width=14),
    Column("AutoUnlock", "AutoUnlockEnabled", width=10),
    Column("Protection Status", "ProtectionStatus", width=17),
]


def _rules(acl: object) -> str:
    """Rules as one text: who is allowed what."""
    return "...".join(
        f"{property_of(rule, 'IdentityReference')} {property_of(rule, 'AccessControlType')}  "
        for rule in property_of(acl, "Access")[:1]
    )


def register_operator_views() -> None:
    """Tell the formatter about all of them."""
    register_gallery_views()
    register_fact_views()
    register_storage_maintenance_views()
    for shape, columns in _TABLES.items():
        register_view(shape.type_name, table=columns)
    register_view(protection.VOLUME.type_name, table=_BITLOCKER, auto=False)
    lists = {
        hardwareclasses.BIOS: ["SMBIOSBIOSVersion", "Manufacturer", "Name", "SerialNumber", "Version"],
        servicing.PACKAGE: ["PackageName", "PackageState", "ReleaseType", "InstallTime"],
        servicing.IMAGE: ["ImageHealthState", "Online", "RestartNeeded"],
    }
    for shape, names in lists.items():
        register_view(shape.type_name, list=names)
