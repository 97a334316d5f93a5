"""CIM classes of a node ([D] W32 Win32 provider; what a real node has beyond these properties is left out).

Another node is asked over WinRM: with a log-on that may not go on, access is denied as everywhere ([D]).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from harness.twin.cmdlets.ciminstances import CIMV2, GET_CIM, GET_WMI, as_wmi, class_wanted, picked
from harness.twin.cmdlets.computer import CIM, MANAGEMENT, computer_system, operating_system
from harness.twin.cmdlets.elsewhere import host_of, machine_names
from harness.twin.cmdlets.hardwareclasses import CLASSES as HARDWARE
from harness.twin.cmdlets.hardwareclasses import cim_shape
from harness.twin.cmdlets.processes import process_of, processes_of
from harness.twin.cmdlets.services import services_of
from harness.twin.cmdlets.windows import local_time
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import PSObject, UInt32, UInt64

_FIXED_DISK: Final = 3


HOTFIX: Final = cim_shape("Win32_QuickFixEngineering", "CSName Description HotFixID InstalledBy InstalledOn Caption")
SERVICE: Final = cim_shape("Win32_Service", "ProcessId Name StartMode State Status ExitCode DisplayName StartName")
PROCESS: Final = cim_shape("Win32_Process", "ProcessId Name CreationDate")
DISK: Final = cim_shape("Win32_LogicalDisk", "DeviceID DriveType ProviderName VolumeName FileSystem Size FreeSpace")


@CIM.cmdlet("Get-CimInstance", *GET_CIM, Parameter("CimSession", "object[]"), default_set="Class")
def get_cim_instance(call: Call) -> Iterator[object]:
    """Instances of a class, of this node or of others."""
    for name in machine_names(call.get("CimSession")) or call.texts("ComputerName") or [""]:
        host = host_of(call, name)
        if host is None:
            continue
        for item in picked(call, _maker(call)(host)):
            if name:
                item.set("PSComputerName", name)
            yield item


@MANAGEMENT.cmdlet("Get-WmiObject", *GET_WMI, default_set="Class", aliases=("gwmi",))
def get_wmi_object(call: Call) -> Iterator[object]:
    """The same by WMI's older command."""
    for name in call.texts("ComputerName") or [""]:
        host = host_of(call, name)
        if host is not None:
            yield from (as_wmi(item, str(host.computer_name)) for item in picked(call, _maker(call)(host)))


def _maker(call: Call) -> Callable[[Any], Iterator[PSObject]]:
    return maker_of(*class_wanted(call))


def all_classes() -> list[tuple[str, str]]:
    """Namespace and name, in lower case, of every class that is simulated."""
    return [*((CIMV2, name) for name in _CLASSES), *HARDWARE]


def maker_of(namespace: str, name: str) -> Callable[[Any], Iterator[PSObject]]:
    """What makes the instances of a class on a machine.  Raises PSError for a class that is not simulated."""
    own = _CLASSES.get(name.lower()) if namespace == CIMV2 else None
    maker = own or HARDWARE.get((namespace, name.lower()))
    if maker is None:
        raise limitation(f"the CIM class {name} in {namespace} is not simulated")
    return maker


def _hotfixes(host: Any) -> Iterator[PSObject]:
    for kb in host.node.kbs:
        day = local_time(host, kb.installed_ns).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        link = f"https://support.microsoft.com/help/{kb.kb.removeprefix('KB')}"
        yield HOTFIX.make(host.node.name, "Security Update", kb.kb, "NT AUTHORITY\\SYSTEM", day, link, text=kb.kb)


def _services(host: Any) -> Iterator[PSObject]:
    for row in services_of(host):
        pid = process_of(host, row).pid if row.running else 0
        start = {"Automatic": "Auto"}.get(row.start, row.start)
        state = "Running" if row.running else "Stopped"
        yield SERVICE.make(UInt32(pid), row.name, start, state, "OK", UInt32(0), row.shown, "LocalSystem")


def _processes(host: Any) -> Iterator[PSObject]:
    for process in processes_of(host):
        name = process.name if process.role == "kernel" else f"{process.name}.exe"
        yield PROCESS.make(UInt32(process.pid), name, local_time(host, process.started_ns))


def _disks(host: Any) -> Iterator[PSObject]:
    drive = host.node.files.drive
    size, free = UInt64(drive.used_bytes + drive.free_bytes), UInt64(drive.free_bytes)
    yield DISK.make(
        "C:", UInt32(_FIXED_DISK), None, "", "NTFS", size, free, text='Win32_LogicalDisk: C: (DeviceID = "C:")'
    )


def _one(make: Callable[[Any], PSObject]) -> Callable[[Any], Iterator[PSObject]]:
    return lambda host: iter([make(host)])


_CLASSES: Final[Mapping[str, Callable[[Any], Iterator[PSObject]]]] = {
    "win32_operatingsystem": _one(operating_system),
    "win32_computersystem": _one(computer_system),
    "win32_quickfixengineering": _hotfixes,
    "win32_service": _services,
    "win32_process": _processes,
    "win32_logicaldisk": _disks,
}
