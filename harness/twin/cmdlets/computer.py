"""Cmdlets about the machine itself: ``Get-ComputerInfo``, ``Get-HotFix``.

[D] PSD 5.1; class names, properties of the objects and error texts [GK].
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from harness.twin.cmdlets.declaring import Module, classes, picked_values, selects
from harness.twin.cmdlets.othermachines import COMPUTERS, HOTFIXES, on_computers
from harness.twin.cmdlets.shapes import Shape
from harness.twin.cmdlets.windows import PRODUCT, display_version, free_memory_kib, local_time, total_memory_kib
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.entities import InstalledKb, Node
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.objects import PSObject, UInt32, UInt64
from harness.twin.shell.regexes import has_wildcard
from harness.twin.units import BYTES_PER_KIB

MANAGEMENT: Final = Module("Microsoft.PowerShell.Management", classes("Microsoft.PowerShell.Commands.{}Command"))
CIM: Final = Module("CimCmdlets", classes("Microsoft.Management.Infrastructure.CimCmdlets.{}Command"))

HOTFIX: Final = Shape(
    ("System.Management.ManagementObject#root\\cimv2\\Win32_QuickFixEngineering", "System.Object"),
    "PSComputerName Description HotFixID InstalledBy InstalledOn",
)
OPERATING_SYSTEM: Final = Shape(
    (
        "Microsoft.Management.Infrastructure.CimInstance#root/cimv2/Win32_OperatingSystem",
        "Microsoft.Management.Infrastructure.CimInstance",
        "System.Object",
    ),
    "SystemDirectory Organization BuildNumber RegisteredUser SerialNumber Version Caption CSName LastBootUpTime "
    "LocalDateTime FreePhysicalMemory TotalVisibleMemorySize",
)
COMPUTER_SYSTEM: Final = Shape(
    (
        "Microsoft.Management.Infrastructure.CimInstance#root/cimv2/Win32_ComputerSystem",
        "Microsoft.Management.Infrastructure.CimInstance",
        "System.Object",
    ),
    "Name PrimaryOwnerName Domain TotalPhysicalMemory Model Manufacturer NumberOfLogicalProcessors",
)
OWNER: Final = "Windows User"
"""``PrimaryOwnerName`` of an installation that nobody was asked about [GK]."""
_INFO: Final = "Microsoft.PowerShell.Commands.ComputerInfo"
_PICKED_INFO: Final = ("System.Management.Automation.PSCustomObject", "System.Object")
_NO_HOTFIX: Final = (
    "Cannot find the requested hotfix on the 'localhost' computer. Verify the input and run the command again."
)


@MANAGEMENT.cmdlet("Get-ComputerInfo", Parameter("Property", "string[]", position=0, aliases=("cip",)))
def get_computer_info(call: Call) -> Iterator[object]:
    """Facts about machine and Windows, as far as the simulation has them."""
    values = _computer_info(call.host)
    wanted = call.texts("Property")
    if not wanted:
        yield PSObject.of_type(_INFO, values)
        return
    picked = picked_values(values, wanted)
    yield PSObject(picked, _PICKED_INFO)


def _computer_info(host: Any) -> dict[str, object]:
    node: Node = host.node
    model: ClusterModel = host.model
    booted = local_time(host, node.last_boot_ns)
    return {
        "WindowsProductName": PRODUCT,
        "OSDisplayVersion": display_version(node),
        "CsDomain": model.spec.domain,
        "CsModel": model.environment.hardware_model,
        "CsName": node.name,
        "CsNumberOfLogicalProcessors": UInt32(node.logical_processors),
        "CsTotalPhysicalMemory": UInt64(total_memory_kib(node) * BYTES_PER_KIB),
        "OsName": f"Microsoft {PRODUCT}",
        "OsVersion": node.os_build.release,
        "OsBuildNumber": str(node.os_build.build),
        "OsHotFixes": [kb.kb for kb in node.kbs],
        "OsLocalDateTime": local_time(host, model.now_ns),
        "OsLastBootUpTime": booted,
        "OsUptime": timedelta(microseconds=(model.now_ns - node.last_boot_ns) // 1000),
        "OsTotalVisibleMemorySize": UInt64(total_memory_kib(node)),
        "OsFreePhysicalMemory": UInt64(free_memory_kib(host)),
    }


@MANAGEMENT.cmdlet("Get-HotFix", Parameter("Id", "string[]", position=0, aliases=("HFID",)), COMPUTERS)
def get_hotfix(call: Call) -> Iterator[object]:
    """Installed updates of this node or others."""
    yield from on_computers(call, _installed, HOTFIXES)


def _installed(call: Call) -> Iterator[object]:
    node: Node = call.host.node
    wanted = call.texts("Id")
    for name in wanted:
        if not has_wildcard(name) and not any(kb.kb.lower() == name.lower() for kb in node.kbs):
            call.write_error(
                _NO_HOTFIX, "GetHotFixNoEntriesFound", "ObjectNotFound", exception="System.ArgumentException"
            )
    for kb in node.kbs:
        if selects(wanted, kb.kb):
            yield _hotfix(call.host, kb)


def _hotfix(host: Any, kb: InstalledKb) -> PSObject:
    installed = local_time(host, kb.installed_ns)
    day = installed.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    return HOTFIX.make(host.node.name, "Security Update", kb.kb, "NT AUTHORITY\\SYSTEM", day)


def operating_system(host: Any) -> PSObject:
    """``Win32_OperatingSystem``."""
    node: Node = host.node
    return OPERATING_SYSTEM.make(
        "C:\\Windows\\system32",
        "",
        str(node.os_build.build),
        "",
        "",
        node.os_build.release,
        f"Microsoft {PRODUCT}",
        node.name,
        local_time(host, node.last_boot_ns),
        local_time(host, host.model.now_ns),
        UInt64(free_memory_kib(host)),
        UInt64(total_memory_kib(node)),
        text=f"Win32_OperatingSystem: Microsoft {PRODUCT}",
    )


def computer_system(host: Any) -> PSObject:
    """``Win32_ComputerSystem``."""
    node: Node = host.node
    model: ClusterModel = host.model
    return COMPUTER_SYSTEM.make(
        node.name,
        OWNER,
        model.spec.domain,
        UInt64(total_memory_kib(node) * BYTES_PER_KIB),
        model.environment.hardware_model,
        model.environment.hardware_model.partition(" ")[0],  # the maker is the model's first word [INF]
        UInt32(node.logical_processors),
        text=f'Win32_ComputerSystem: {node.name} (Name = "{node.name}")',
    )
