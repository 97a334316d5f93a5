"""``Get-Process`` and ``Stop-Process`` over a machine's processes, node or guest ([D] PSD 5.1; texts [GK])."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from harness.twin.cmdlets.declaring import property_of, selects
from harness.twin.cmdlets.shapes import Shape
from harness.twin.cmdlets.windows import local_time
from harness.twin.model.windows.state import WindowsProcess
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.formatting import register_view
from harness.twin.shell.objects import PSObject
from harness.twin.shell.regexes import has_wildcard

PROCESS: Final = Shape(
    ("System.Diagnostics.Process", "System.ComponentModel.Component", "System.Object"),
    "Id ProcessName Name StartTime SI",
)
WHICH: Final = (
    Parameter("Name", "string[]", position=0, pipeline="name", aliases=("ProcessName",), sets=("Name",)),
    Parameter("Id", "int[]", pipeline="name", aliases=("PID",), mandatory=True, sets=("Id",)),
    Parameter("InputObject", "object[]", pipeline="value", mandatory=True, sets=("InputObject",)),
)
STOPPED: Final = (*WHICH, Parameter("Force", "switch"), Parameter("PassThru", "switch"))
_EXCEPTION: Final = "Microsoft.PowerShell.Commands.ProcessCommandException"


def register_process_views() -> None:
    """Tell the formatter how processes look: handles, memory and processor time are not simulated."""
    register_view(PROCESS.type_name, table=["Id", "SI", "ProcessName"])


def chosen(call: Call, processes: Sequence[WindowsProcess]) -> Iterator[WindowsProcess]:
    """Processes by name or id; one that does not exist is an error."""
    ordered = sorted(processes, key=lambda item: (item.name.lower(), item.pid))
    came = [property_of(one, "Id") for one in call.get("InputObject") or []]
    ids = [int(number) for number in [*(call.get("Id") or []), *came] if isinstance(number, int)]
    if came and not ids:
        return
    for name in call.texts("Name"):
        if not has_wildcard(name) and not any(item.name.lower() == name.lower() for item in ordered):
            text = f'Cannot find a process with the name "{name}". Verify the process name and call the cmdlet again.'
            call.write_error(text, "NoProcessFoundForGivenName", "ObjectNotFound", name, _EXCEPTION)
    for number in ids:
        if not any(item.pid == number for item in ordered):
            text = f"Cannot find a process with the process identifier {number}."
            call.write_error(text, "NoProcessFoundForGivenId", "ObjectNotFound", number, _EXCEPTION)
    for item in ordered:
        if selects(call.texts("Name"), item.name) and (not ids or item.pid in ids):
            yield item


def process_object(call: Call, item: WindowsProcess) -> PSObject:
    """A ``Process``."""
    started = local_time(call.host, item.started_ns)
    text = f"System.Diagnostics.Process ({item.name})"
    return PROCESS.make(item.pid, item.name, item.name, started, 0, text=text)


def stop_processes(call: Call, processes: Sequence[WindowsProcess]) -> None:
    """``Stop-Process``: what hangs on a process that the model has is not modelled.  Raises PSError."""
    for item in chosen(call, processes):
        if call.should_process(f"{item.name} ({item.pid})", "Stop-Process"):
            raise limitation(f"the end of the process '{item.name}' is not simulated")
