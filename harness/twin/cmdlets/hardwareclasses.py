"""CIM classes about hardware, drives, accounts and pending restarts of a node ([D] W32 Win32 provider, DeviceGuard).

Memory and processors are what the model counts; how they are divided, serial numbers and firmware are made up ([INF]).
VBS runs ([D] security baseline of the product).  ``MSFT_WUSettings``: guest-and-host-maintenance 2.4 and 2.7.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from harness.twin.cmdlets.accounts import users_of
from harness.twin.cmdlets.ciminstances import CIM as CIM_INSTANCE
from harness.twin.cmdlets.ciminstances import CIMV2
from harness.twin.cmdlets.clusterobjects import make_id
from harness.twin.cmdlets.shapes import Shape
from harness.twin.cmdlets.storage import disk_object, job_object, pool_objects, virtual_disk_object
from harness.twin.cmdlets.windows import total_memory_kib
from harness.twin.model.cluster import ClusterModel
from harness.twin.shell.objects import LOCAL, PSObject, UInt16, UInt32, UInt64
from harness.twin.units import BYTES_PER_GIB, BYTES_PER_KIB

Maker = Callable[[Any], Iterator[PSObject]]
_MODULE_BYTES: Final = 64 * BYTES_PER_GIB
_SOCKETS: Final = 2
_FIRMWARE_DATE: Final = datetime(2025, 1, 1, tzinfo=LOCAL)
_DEVICE_GUARD: Final = "root/Microsoft/Windows/DeviceGuard"
_UPDATE: Final = "root/Microsoft/Windows/WindowsUpdate"


def cim_shape(name: str, properties: str, namespace: str = CIMV2) -> Shape:
    """A class of WMI."""
    return Shape((f"{CIM_INSTANCE}#{namespace}/{name}", CIM_INSTANCE, "System.Object"), properties)


MEMORY: Final = cim_shape(
    "Win32_PhysicalMemory", "Tag DeviceLocator BankLabel Capacity Speed Manufacturer PartNumber SerialNumber"
)
PROCESSOR: Final = cim_shape(
    "Win32_Processor",
    "DeviceID Name Caption Manufacturer NumberOfCores NumberOfLogicalProcessors MaxClockSpeed LoadPercentage "
    "SocketDesignation Status VirtualizationFirmwareEnabled",
)
BIOS: Final = cim_shape("Win32_BIOS", "SMBIOSBIOSVersion Manufacturer Name SerialNumber Version ReleaseDate")
PRODUCT: Final = cim_shape("Win32_ComputerSystemProduct", "IdentifyingNumber Name Vendor Version UUID Caption")
BOARD: Final = cim_shape("Win32_BaseBoard", "Manufacturer Product SerialNumber Version Tag")
PAGE_FILE: Final = cim_shape("Win32_PageFileUsage", "Name AllocatedBaseSize CurrentUsage PeakUsage TempPageFile")
DRIVE: Final = cim_shape("Win32_DiskDrive", "DeviceID Model SerialNumber Size MediaType InterfaceType Index Status")
VOLUME: Final = cim_shape("Win32_Volume", "DriveLetter Label FileSystem Capacity FreeSpace DriveType BootVolume")
ACCOUNT: Final = cim_shape(
    "Win32_UserAccount", "AccountType Caption Domain Name FullName Disabled Lockout LocalAccount"
)
GUARD: Final = cim_shape(
    "Win32_DeviceGuard",
    "VirtualizationBasedSecurityStatus SecurityServicesConfigured SecurityServicesRunning "
    "CodeIntegrityPolicyEnforcementStatus Version",
    _DEVICE_GUARD,
)
SETTINGS: Final = cim_shape("MSFT_WUSettings", "PSComputerName", _UPDATE)
_FIRMWARE_STATE: Final = "1.0.0"


def _vendor(host: Any) -> tuple[str, str]:
    """Manufacturer and model: the first word of the hardware's model and the rest."""
    model: str = host.model.environment.hardware_model
    vendor, _, product = model.partition(" ")
    return vendor, product or vendor


def _serial(host: Any) -> str:
    return make_id(host.model, "serial", str(host.computer_name)).replace("-", "")[:7].upper()


def _memory(host: Any) -> Iterator[PSObject]:
    left, number = total_memory_kib(host.node) * BYTES_PER_KIB, 0
    while left > 0:
        size = min(left, _MODULE_BYTES)
        serial = f"{_serial(host)}{number:02}"
        name = f"Physical Memory {number}"
        yield MEMORY.make(
            name,
            f"A{number + 1}",
            "",
            UInt64(size),
            UInt32(4800),
            "00CE",
            "",
            serial,
            text=f"Win32_PhysicalMemory: {name}",
        )
        left, number = left - size, number + 1


def _processors(host: Any) -> Iterator[PSObject]:
    vendor = "GenuineIntel"
    logical = host.node.logical_processors // _SOCKETS
    for number in range(_SOCKETS):
        name, place = "Intel(R) Xeon(R) Processor", f"CPU{number}"
        yield PROCESSOR.make(
            place,
            name,
            "Intel64 Family 6 Model 143 Stepping 8",
            vendor,
            UInt32(logical // 2),
            UInt32(logical),
            UInt32(2000),
            UInt16(1),
            f"CPU{number + 1}",
            "OK",
            True,
            text=f'Win32_Processor: {name} (DeviceID = "{place}")',
        )


def _bios(host: Any) -> Iterator[PSObject]:
    vendor, _ = _vendor(host)
    yield BIOS.make(_FIRMWARE_STATE, vendor, _FIRMWARE_STATE, _serial(host), f"{vendor} - 1", _FIRMWARE_DATE)


def _product(host: Any) -> Iterator[PSObject]:
    vendor, product = _vendor(host)
    identity = make_id(host.model, "system", str(host.computer_name)).upper()
    yield PRODUCT.make(_serial(host), product, vendor, "", identity, "Computer System Product")


def _board(host: Any) -> Iterator[PSObject]:
    vendor, product = _vendor(host)
    yield BOARD.make(vendor, product, _serial(host), "", "Base Board")


def _page_file(host: Any) -> Iterator[PSObject]:
    del host
    yield PAGE_FILE.make("C:\\pagefile.sys", UInt32(4096), UInt32(0), UInt32(0), False)


def _drives(host: Any) -> Iterator[PSObject]:
    size = UInt64(host.node.files.drive.capacity_bytes)
    place = "\\\\.\\PHYSICALDRIVE0"
    yield DRIVE.make(
        place, f"{host.node.name} boot", _serial(host), size, "Fixed hard disk media", "SCSI", UInt32(0), "OK"
    )


def _volumes(host: Any) -> Iterator[PSObject]:
    drive = host.node.files.drive
    size, free = UInt64(drive.capacity_bytes), UInt64(drive.free_bytes)
    yield VOLUME.make("C:", "", "NTFS", size, free, UInt32(3), True)


def _accounts(host: Any) -> Iterator[PSObject]:
    machine = str(host.computer_name)
    for user in users_of(host):
        shown = f"{machine}\\{user.name}"
        yield ACCOUNT.make(
            UInt32(512), shown, machine, user.name, user.full_name, not user.enabled, False, True, text=shown
        )


def _guard(host: Any) -> Iterator[PSObject]:
    del host
    services = [UInt32(1), UInt32(2)]
    yield GUARD.make(UInt32(2), services, services, UInt32(2), "1.0")


def _settings(host: Any) -> Iterator[PSObject]:
    del host
    yield SETTINGS.make(None)


def _physical_disks(host: Any) -> Iterator[PSObject]:
    model: ClusterModel = host.model
    nodes = model.nodes.values() if host.node.member else (host.node,)
    yield from (disk_object(disk, at) for at, disk in enumerate(disk for node in nodes for disk in node.disks))


def _virtual_disks(host: Any) -> Iterator[PSObject]:
    if host.node.member:
        yield from (virtual_disk_object(volume) for volume in host.model.volumes.values())


def _pools(host: Any) -> Iterator[PSObject]:
    if host.node.member:
        yield from pool_objects(host.model)


def _jobs(host: Any) -> Iterator[PSObject]:
    if host.node.member:
        yield from (job_object(host.model, job) for job in host.model.storage.jobs)


_STORAGE: Final = "root/microsoft/windows/storage"
CLASSES: Final[Mapping[tuple[str, str], Maker]] = {
    (CIMV2, "win32_physicalmemory"): _memory,
    (CIMV2, "win32_processor"): _processors,
    (CIMV2, "win32_bios"): _bios,
    (CIMV2, "win32_computersystemproduct"): _product,
    (CIMV2, "win32_baseboard"): _board,
    (CIMV2, "win32_pagefileusage"): _page_file,
    (CIMV2, "win32_diskdrive"): _drives,
    (CIMV2, "win32_volume"): _volumes,
    (CIMV2, "win32_useraccount"): _accounts,
    (_DEVICE_GUARD.lower(), "win32_deviceguard"): _guard,
    (_UPDATE.lower(), "msft_wusettings"): _settings,
    (_STORAGE, "msft_physicaldisk"): _physical_disks,
    (_STORAGE, "msft_virtualdisk"): _virtual_disks,
    (_STORAGE, "msft_storagepool"): _pools,
    (_STORAGE, "msft_storagejob"): _jobs,
}
"""By namespace and class in lower case."""
