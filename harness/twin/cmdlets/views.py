"""Default views of the domain's objects: columns as the documented samples show them, others [GK].

An object without a view is shown by its properties: more than four make a list, which is how the update objects look
([D] ASD update/update-via-powershell-23h2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.twin.cmdlets import (
    cau,
    cim,
    clusterobjects,
    clusterparameters,
    clusterresources,
    computer,
    fileobjects,
    files,
    hyperv,
    remoting,
    services,
    storage,
    volumes,
)
from harness.twin.cmdlets.declaring import property_of
from harness.twin.cmdlets.eventlogs import register_event_views
from harness.twin.cmdlets.processlist import register_process_views
from harness.twin.cmdlets.registryvalues import register_key_views
from harness.twin.shell.dateformat import format_date
from harness.twin.shell.formatting import Column, register_type, register_view
from harness.twin.shell.text import to_text
from harness.twin.units import BYTES_PER_GIB, BYTES_PER_KIB, BYTES_PER_MIB

_UNITS: Final = ("B", "KB", "MB", "GB", "TB", "PB")


def size_text(size_bytes: int) -> str:
    """A size as the storage views print it: ``214.75 GB``."""
    value, unit = float(size_bytes), 0
    while value >= BYTES_PER_KIB and unit < len(_UNITS) - 1:
        value, unit = value / BYTES_PER_KIB, unit + 1
    return f"{value:.2f}".rstrip("0").rstrip(".") + f" {_UNITS[unit]}"


def _size(name: str) -> Callable[[object], object]:
    return lambda value: size_text(int(property_of(value, name)))


def _mib(name: str) -> Callable[[object], object]:
    return lambda value: int(property_of(value, name)) // BYTES_PER_MIB


def _size_column(name: str) -> Column:
    return Column(name, _size(name), right=True)


def register_views() -> None:
    """Tell the formatter about all views."""
    _register_cluster()
    _register_storage()
    _register_machine()
    _register_files()
    register_key_views()
    _register_volumes()
    register_event_views()
    register_process_views()


def _register_cluster() -> None:
    register_view(clusterobjects.CLUSTER.type_name, table=["Name"])
    register_view(clusterobjects.NODE.type_name, table=["Name", "State", "Type"])
    register_view(clusterobjects.GROUP.type_name, table=["Name", "OwnerNode", "State"])
    register_view(clusterobjects.RESOURCE.type_name, table=["Name", "State", "OwnerGroup", "ResourceType"])
    register_view(clusterobjects.QUORUM.type_name, table=["Cluster", "QuorumResource"])
    register_view(clusterobjects.SHARED_VOLUME.type_name, table=["Name", "State", Column("Node", "OwnerNode")])
    register_view(cau.REPORT.type_name, list=["ClusterResult", "Plugin", "TimingBreakdownUTC"])
    register_view(cau.SUMMARY.type_name, list=["ClusterResult", "Plugin", "TimingBreakdownUTC"])


def _register_storage() -> None:
    register_view(
        storage.VIRTUAL_DISK.type_name,
        table=[
            "FriendlyName",
            "ResiliencySettingName",
            "OperationalStatus",
            "HealthStatus",
            _size_column("Size"),
            _size_column("FootprintOnPool"),
        ],
    )
    register_view(
        storage.PHYSICAL_DISK.type_name,
        table=[
            Column("Number", "DeviceId"),
            "FriendlyName",
            "SerialNumber",
            "CanPool",
            "OperationalStatus",
            "HealthStatus",
            "Usage",
            _size_column("Size"),
        ],
    )
    register_view(
        storage.POOL.type_name,
        table=[
            "FriendlyName",
            "OperationalStatus",
            "HealthStatus",
            "IsPrimordial",
            "IsReadOnly",
            _size_column("Size"),
            _size_column("AllocatedSize"),
        ],
    )
    register_view(storage.SUBSYSTEM.type_name, table=["FriendlyName", "HealthStatus", "OperationalStatus"])
    register_view(
        storage.JOB.type_name,
        table=[
            "Name",
            "IsBackgroundTask",
            "ElapsedTime",
            "JobState",
            "PercentComplete",
            _size_column("BytesProcessed"),
            _size_column("BytesTotal"),
        ],
    )


def _register_volumes() -> None:
    register_view(
        volumes.DISK.type_name,
        table=[
            "Number",
            "FriendlyName",
            "SerialNumber",
            "HealthStatus",
            "OperationalStatus",
            _size_column("Size"),
            "PartitionStyle",
        ],
    )
    register_view(
        volumes.VOLUME.type_name,
        table=[
            "DriveLetter",
            Column("FriendlyName", "FileSystemLabel"),
            "FileSystemType",
            "DriveType",
            "HealthStatus",
            "OperationalStatus",
            _size_column("SizeRemaining"),
            _size_column("Size"),
        ],
    )
    register_view(clusterresources.DOMAIN.type_name, table=["Name", "Type", "ParentName", "ChildrenNames", "Location"])
    register_view(clusterparameters.PARAMETER.type_name, table=["ClusterObject", "Name", "Value", "ParameterType"])


def _gib(name: str) -> Callable[[object], object]:
    def text(value: object) -> object:
        size = property_of(value, name)
        return "" if size is None else f"{int(size) / BYTES_PER_GIB:.2f}"

    return text


def _changed(value: object) -> str:
    """When a file was written: date and time right-aligned in columns of their own."""
    moment = property_of(value, "LastWriteTime")
    return f"{format_date(moment, 'd'):>10}  {format_date(moment, 't'):>8}"


def _folder_heading(parent: object) -> str:
    return f"Directory: {to_text(parent).rpartition('FileSystem::')[2]}"


def _register_files() -> None:
    """Columns and headings as Windows shows them [GK]."""
    register_view(
        fileobjects.BASE,
        table=[
            Column("Mode", width=7),
            Column("LastWriteTime", _changed, 25, right=True),
            Column("Length", width=14, right=True),
            Column("Name"),
        ],
        auto=False,
        group_by="PSParentPath",
        heading=_folder_heading,
    )
    register_view(
        files.DRIVE.type_name,
        table=[
            Column("Name", width=10),
            Column("Used (GB)", _gib("Used"), 13, right=True),
            Column("Free (GB)", _gib("Free"), 13, right=True),
            Column("Provider", lambda value: property_of(property_of(value, "Provider"), "Name"), 13),
            Column("Root", width=35),
            Column("CurrentLocation", right=True),
        ],
        auto=False,
    )


def _register_machine() -> None:
    register_view(
        hyperv.VM.type_name,
        table=[
            "Name",
            "State",
            Column("CPUUsage(%)", "CPUUsage"),
            Column("MemoryAssigned(M)", _mib("MemoryAssigned")),
            "Uptime",
            "Status",
            "Version",
        ],
    )
    register_view(
        computer.HOTFIX.type_name,
        table=_hotfix_columns("PSComputerName"),
        auto=False,
    )
    register_view(
        remoting.SESSION.type_name,
        table=["Id", "Name", "ComputerName", "ComputerType", "State", "ConfigurationName", "Availability"],
    )
    register_view(
        services.SERVICE.type_name,
        table=[Column("Status", width=8), Column("Name", width=18), Column("DisplayName", width=38)],
        auto=False,
    )
    register_view(
        computer.OPERATING_SYSTEM.type_name,
        table=["SystemDirectory", "Organization", "BuildNumber", "RegisteredUser", "SerialNumber", "Version"],
    )
    register_view(
        computer.COMPUTER_SYSTEM.type_name,
        table=["Name", "PrimaryOwnerName", "Domain", "TotalPhysicalMemory", "Model", "Manufacturer"],
    )
    _register_wmi()


def _hotfix_columns(source: str) -> list[Column]:
    return [
        Column("Source", source, 13),
        Column("Description", width=16),
        Column("HotFixID", width=13),
        Column("InstalledBy", width=20),
        Column("InstalledOn", width=25),
    ]


_WMI_CLASSES: Final = {
    "Win32_OperatingSystem": "SystemDirectory Organization BuildNumber RegisteredUser SerialNumber Version",
    "Win32_ComputerSystem": "Domain Manufacturer Model Name PrimaryOwnerName TotalPhysicalMemory",
    "Win32_LogicalDisk": "DeviceID DriveType ProviderName FreeSpace Size VolumeName",
    "Win32_Service": "ExitCode Name ProcessId StartMode State Status",
}
"""What ``Get-WmiObject`` shows of a class [GK]."""


def _register_wmi() -> None:
    for name, shown in _WMI_CLASSES.items():
        register_type(f"System.Management.ManagementObject#root\\cimv2\\{name}", default_display=shown.split())
    register_view(
        cim.DISK.type_name,
        table=["DeviceID", "DriveType", "ProviderName", "VolumeName", "Size", "FreeSpace"],
    )
    register_view(cim.SERVICE.type_name, table=["ProcessId", "Name", "StartMode", "State", "Status", "ExitCode"])
    register_view(cim.HOTFIX.type_name, table=_hotfix_columns("ComputerName"), auto=False)
