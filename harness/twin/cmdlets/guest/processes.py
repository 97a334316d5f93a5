"""``Get-Process`` and ``Get-Service`` of a guest ([D] PSD 5.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.declaring import selects
from harness.twin.cmdlets.guest.modules import MANAGEMENT, local_time, machine_of
from harness.twin.cmdlets.kinds import SERVICE_START, SERVICE_STATUS, labelled
from harness.twin.cmdlets.services import SERVICE
from harness.twin.cmdlets.shapes import Shape
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.formatting import register_view
from harness.twin.shell.regexes import has_wildcard

PROCESS: Final = Shape(
    ("System.Diagnostics.Process", "System.ComponentModel.Component", "System.Object"),
    "Id ProcessName Name StartTime SI",
)
_EXCEPTION: Final = "Microsoft.PowerShell.Commands.{}CommandException"


def register_process_views() -> None:
    """Tell the formatter how processes look."""
    register_view(PROCESS.type_name, table=["Id", "SI", "ProcessName"])


@MANAGEMENT.cmdlet(
    "Get-Process",
    Parameter("Name", "string[]", position=0, pipeline="name", aliases=("ProcessName",)),
    Parameter("Id", "int[]", aliases=("PID",)),
)
def get_process(call: Call) -> Iterator[object]:
    """The guest's processes by name."""
    processes = sorted(machine_of(call).processes, key=lambda item: (item.name.lower(), item.pid))
    ids = [int(number) for number in call.get("Id") or []]
    for name in call.texts("Name"):
        if not has_wildcard(name) and not any(item.name.lower() == name.lower() for item in processes):
            text = f'Cannot find a process with the name "{name}". Verify the process name and call the cmdlet again.'
            kind = _EXCEPTION.format("Process")
            call.write_error(text, "NoProcessFoundForGivenName", "ObjectNotFound", name, kind)
    for number in ids:
        if not any(item.pid == number for item in processes):
            text = f"Cannot find a process with the process identifier {number}."
            kind = _EXCEPTION.format("Process")
            call.write_error(text, "NoProcessFoundForGivenId", "ObjectNotFound", number, kind)
    for item in processes:
        if selects(call.texts("Name"), item.name) and (not ids or item.pid in ids):
            started = local_time(call.host, item.started_ns)
            yield PROCESS.make(
                item.pid, item.name, item.name, started, 0, text=f"System.Diagnostics.Process ({item.name})"
            )


@MANAGEMENT.cmdlet(
    "Get-Service",
    Parameter("Name", "string[]", position=0, pipeline=("value", "name"), aliases=("ServiceName",)),
    Parameter("DisplayName", "string[]"),
)
def get_service(call: Call) -> Iterator[object]:
    """The guest's services by name; all of them run while Windows does."""
    services = sorted(machine_of(call).services, key=lambda item: item.name.lower())
    for name in call.texts("Name"):
        if not has_wildcard(name) and not any(item.name.lower() == name.lower() for item in services):
            text = f"Cannot find any service with service name '{name}'."
            kind = _EXCEPTION.format("Service")
            call.write_error(text, "NoServiceFoundForGivenName", "ObjectNotFound", name, kind)
    for item in services:
        if selects(call.texts("Name"), item.name) and selects(call.texts("DisplayName"), item.shown):
            status, start = labelled(SERVICE_STATUS, "Running"), labelled(SERVICE_START, "Automatic")
            yield SERVICE.make(item.name, item.shown, item.name, status, start, ".", text=item.name)
