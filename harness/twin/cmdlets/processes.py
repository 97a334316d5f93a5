"""Processes of a node, from its services and guests ([GK] which programs those run in; ids and times made here)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from zlib import crc32

from harness.twin.cmdlets.computer import MANAGEMENT
from harness.twin.cmdlets.computernames import COMPUTERS, PROCESSES, on_computers
from harness.twin.cmdlets.processlist import STOPPED, WHICH, chosen, process_object, stop_processes
from harness.twin.cmdlets.services import ServiceRow, services_of
from harness.twin.model.windows.state import WindowsProcess
from harness.twin.shell.commands.api import Call, Parameter

_HOSTED: Final = ("smphost", "Winmgmt", "WinRM", "wuauserv", "BITS")
"""Services in ``svchost`` [GK]."""
_ACCOUNTS: Final = {"ECEAgent": "ECEAgentService", "Azure Stack HCI Orchestrator Service": "HCIOrchestrator"}
_SYSTEM_PID: Final = 4
_RANGE: Final = 16_000


def process_of(host: Any, row: ServiceRow) -> WindowsProcess:
    """The process of a running service.  That agents run in a program of their service's name is [INF]."""
    node = host.node
    started: int = node.restarted_services.get(row.name.lower(), node.last_boot_ns)
    name = "svchost" if row.name in _HOSTED else row.name.replace(" ", "")
    program = name.lower() if row.name == "ClusSvc" else name
    return WindowsProcess(_pid(f"{node.name}/{node.boot_id}/{row.name}/{started}"), program, started, row.name)


def processes_of(host: Any) -> list[WindowsProcess]:
    """The processes that the model knows of: a real node has more."""
    node = host.node
    found = [WindowsProcess(_SYSTEM_PID, "System", node.last_boot_ns, "kernel")]
    found += [process_of(host, row) for row in services_of(host) if row.running]
    for guest in host.model.guests.values():
        if guest.owner == node.name and guest.running:
            pid = _pid(f"{node.name}/{guest.name}/{guest.boot_id}")
            found.append(WindowsProcess(pid, "vmwp", guest.started_ns, guest.name))
    return found


def _pid(key: str) -> int:
    return 4 * (200 + crc32(key.encode()) % _RANGE)


@MANAGEMENT.cmdlet("Get-Process", *WHICH, COMPUTERS, Parameter("IncludeUserName", "switch"), default_set="Name")
def get_process(call: Call) -> Iterator[object]:
    """Processes of this node or others, by name."""
    yield from on_computers(call, _processes, PROCESSES)


def _processes(call: Call) -> Iterator[object]:
    for item in chosen(call, processes_of(call.host)):
        made = process_object(call, item)
        if call.switch("IncludeUserName"):
            made.set("UserName", _user_of(call, item))
        yield made


def _user_of(call: Call, item: WindowsProcess) -> str:
    """Who a process runs as: two services have accounts of their own ([T] azure-local-updates 1.3)."""
    name = _ACCOUNTS.get(item.role)
    return f"{call.host.computer_name}\\{name}" if name else "NT AUTHORITY\\SYSTEM"


@MANAGEMENT.cmdlet("Stop-Process", *STOPPED, default_set="Name", should_process=True)
def stop_process(call: Call) -> None:
    """Ends processes: those that are here fail loudly."""
    stop_processes(call, processes_of(call.host))
