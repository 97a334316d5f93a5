"""What a guest's Windows says about itself: ``Get-HotFix``, ``Get-ComputerInfo``, CIM classes, Secure Boot.

[D] Win32_DeviceGuard, Win32_QuickFixEngineering; other property values [GK].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final

from harness.twin.cmdlets.ciminstances import GET_CIM, GET_WMI, as_wmi, class_wanted, picked
from harness.twin.cmdlets.computer import COMPUTER_SYSTEM, HOTFIX, OWNER
from harness.twin.cmdlets.declaring import picked_values, selects
from harness.twin.cmdlets.guest.modules import CIM, MANAGEMENT, SECURE_BOOT, local_time, machine_of
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.entities import InstalledKb
from harness.twin.model.windows.state import GuestOs
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import PSObject, UInt32, UInt64
from harness.twin.shell.regexes import has_wildcard
from harness.twin.units import BYTES_PER_MIB, KIB_PER_MIB

_CIM: Final = "Microsoft.Management.Infrastructure.CimInstance"
_CIMV2: Final = "root/cimv2"
_DEVICE_GUARD: Final = "root/microsoft/windows/deviceguard"
_HERE: Final = ("", ".", "localhost")
_WORKGROUP: Final = "WORKGROUP"
_LANGUAGE_CODES: Final = {"en-US": 1033, "de-DE": 1031, "fr-FR": 1036, "ja-JP": 1041}
"""[D] LCIDs."""
_VBS: Final = {"off": 0, "enabled": 1, "running": 2}
"""[D] Win32_DeviceGuard.VirtualizationBasedSecurityStatus."""
_NO_HOTFIX: Final = (
    "Cannot find the requested hotfix on the 'localhost' computer. Verify the input and run the command again."
)


def _shape(class_name: str, namespace: str, properties: str) -> Shape:
    return Shape((f"{_CIM}#{namespace}/{class_name}", _CIM, "System.Object"), properties)


OPERATING_SYSTEM: Final = _shape(
    "Win32_OperatingSystem",
    _CIMV2,
    "SystemDirectory Organization BuildNumber RegisteredUser SerialNumber Version Caption CSName LastBootUpTime "
    "LocalDateTime OperatingSystemSKU OSLanguage MUILanguages ProductType TotalVisibleMemorySize",
)
HOTFIX_CIM: Final = _shape(
    "Win32_QuickFixEngineering", _CIMV2, "CSName Description HotFixID InstalledBy InstalledOn Caption"
)
DEVICE_GUARD: Final = _shape(
    "Win32_DeviceGuard",
    "root/Microsoft/Windows/DeviceGuard",
    "VirtualizationBasedSecurityStatus SecurityServicesConfigured SecurityServicesRunning Version",
)
SERVICE_CIM: Final = _shape("Win32_Service", _CIMV2, "ProcessId Name StartMode State Status ExitCode DisplayName")
PROCESS_CIM: Final = _shape("Win32_Process", _CIMV2, "ProcessId Name CreationDate CommandLine")


@MANAGEMENT.cmdlet("Get-HotFix", Parameter("Id", "string[]", position=0, aliases=("HFID",)))
def get_hotfix(call: Call) -> Iterator[object]:
    """Installed updates of this guest."""
    machine = machine_of(call)
    for name in call.texts("Id"):
        if not has_wildcard(name) and not any(kb.kb.lower() == name.lower() for kb in machine.kbs):
            call.write_error(
                _NO_HOTFIX, "GetHotFixNoEntriesFound", "ObjectNotFound", exception="System.ArgumentException"
            )
    for kb in machine.kbs:
        if selects(call.texts("Id"), kb.kb):
            day = _day(call.host, kb)
            yield HOTFIX.make(machine.computer_name, "Security Update", kb.kb, "NT AUTHORITY\\SYSTEM", day)


def _day(host: Any, kb: InstalledKb) -> object:
    return local_time(host, kb.installed_ns).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)


@MANAGEMENT.cmdlet("Get-ComputerInfo", Parameter("Property", "string[]", position=0, aliases=("cip",)))
def get_computer_info(call: Call) -> Iterator[object]:
    """Facts about guest and Windows, as far as the simulation has them."""
    values = _computer_info(call.host, machine_of(call))
    wanted = call.texts("Property")
    if not wanted:
        yield PSObject.of_type("Microsoft.PowerShell.Commands.ComputerInfo", values)
        return
    picked = picked_values(values, wanted)
    yield PSObject(picked, ("System.Management.Automation.PSCustomObject", "System.Object"))


def _computer_info(host: Any, machine: GuestOs) -> dict[str, object]:
    now_ns: int = host.model.now_ns
    return {
        "WindowsProductName": machine.system.product,
        "WindowsEditionId": machine.system.edition_id,
        "WindowsInstallationType": machine.system.installation_type,
        "OSDisplayVersion": machine.system.display_version,
        "CsName": machine.computer_name,
        "CsDomain": _WORKGROUP,
        "CsModel": "Virtual Machine",
        "CsTotalPhysicalMemory": UInt64(machine.guest.ram_mib * BYTES_PER_MIB),
        "OsName": machine.system.caption,
        "OsVersion": machine.build.release,
        "OsBuildNumber": str(machine.build.build),
        "OsLanguage": machine.spec.language,
        "OsHotFixes": [kb.kb for kb in machine.kbs],
        "OsLocalDateTime": local_time(host, now_ns),
        "OsLastBootUpTime": local_time(host, machine.booted_ns),
        "OsUptime": timedelta(microseconds=(now_ns - machine.booted_ns) // 1000),
        "DeviceGuardSmartStatus": _VBS[machine.spec.vbs],
    }


@CIM.cmdlet("Get-CimInstance", *GET_CIM, default_set="Class")
def get_cim_instance(call: Call) -> Iterator[object]:
    """Instances of the classes which a patch workflow reads."""
    yield from _instances(call)


@MANAGEMENT.cmdlet("Get-WmiObject", *GET_WMI, default_set="Class", aliases=("gwmi",))
def get_wmi_object(call: Call) -> Iterator[object]:
    """The same by WMI's older command."""
    yield from (as_wmi(item, machine_of(call).computer_name) for item in _instances(call))


def _instances(call: Call) -> Iterator[PSObject]:
    makers: dict[tuple[str, str], Callable[[Any, GuestOs], Iterator[PSObject]]] = {
        (_CIMV2, "win32_operatingsystem"): _operating_system,
        (_CIMV2, "win32_computersystem"): _computer_system,
        (_CIMV2, "win32_quickfixengineering"): _hotfixes,
        (_CIMV2, "win32_service"): _services,
        (_CIMV2, "win32_process"): _processes,
        (_DEVICE_GUARD, "win32_deviceguard"): _device_guard,
    }
    namespace, name = class_wanted(call)
    maker = makers.get((namespace, name))
    if maker is None:
        raise limitation(f"the CIM class {name} in {namespace} is not simulated")
    if any(computer.lower() not in _HERE for computer in call.texts("ComputerName")):
        raise limitation(f"{call.declaration.name} of another machine is not simulated on guests")
    yield from picked(call, maker(call.host, machine_of(call)))


def _operating_system(host: Any, machine: GuestOs) -> Iterator[PSObject]:
    yield OPERATING_SYSTEM.make(
        "C:\\Windows\\system32",
        "",
        str(machine.build.build),
        "",
        "",
        machine.build.release,
        machine.system.caption,
        machine.computer_name,
        local_time(host, machine.booted_ns),
        local_time(host, host.model.now_ns),
        UInt32(machine.system.sku),
        UInt32(_LANGUAGE_CODES.get(machine.spec.language, _LANGUAGE_CODES["en-US"])),
        [machine.spec.language],
        UInt32(3),
        UInt64(machine.guest.ram_mib * KIB_PER_MIB),
        text=f"Win32_OperatingSystem: {machine.system.caption}",
    )


def _computer_system(host: Any, machine: GuestOs) -> Iterator[PSObject]:
    del host
    name = machine.computer_name
    memory = UInt64(machine.guest.ram_mib * BYTES_PER_MIB)
    text = f'Win32_ComputerSystem: {name} (Name = "{name}")'
    maker = "Microsoft Corporation"  # of every virtual machine [GK]
    yield COMPUTER_SYSTEM.make(name, OWNER, _WORKGROUP, memory, "Virtual Machine", maker, UInt32(2), text=text)


def _hotfixes(host: Any, machine: GuestOs) -> Iterator[PSObject]:
    for kb in machine.kbs:
        link = f"https://support.microsoft.com/help/{kb.kb.removeprefix('KB')}"
        yield HOTFIX_CIM.make(
            machine.computer_name,
            "Security Update",
            kb.kb,
            "NT AUTHORITY\\SYSTEM",
            _day(host, kb),
            link,
            text=kb.kb,
        )


def _device_guard(host: Any, machine: GuestOs) -> Iterator[PSObject]:
    del host
    configured = [UInt32(0)] if machine.spec.vbs == "off" else [UInt32(2)]
    running = [UInt32(2)] if machine.spec.vbs == "running" else [UInt32(0)]
    yield DEVICE_GUARD.make(UInt32(_VBS[machine.spec.vbs]), configured, running, "1.0")


def _services(host: Any, machine: GuestOs) -> Iterator[PSObject]:
    del host
    pids = {process.role: process.pid for process in machine.processes}
    for service in machine.services:
        yield SERVICE_CIM.make(
            UInt32(pids[service.role]), service.name, "Auto", "Running", "OK", UInt32(0), service.shown
        )


def _processes(host: Any, machine: GuestOs) -> Iterator[PSObject]:
    for process in machine.processes:
        started, line = local_time(host, process.started_ns), process.command_line or None
        yield PROCESS_CIM.make(UInt32(process.pid), f"{process.name}.exe", started, line)


@SECURE_BOOT.cmdlet("Confirm-SecureBootUEFI")
def confirm_secure_boot(call: Call) -> Iterator[object]:
    """Managed guests are generation 2 with Secure Boot ([D] prerequisite; here always met)."""
    del call
    yield True
