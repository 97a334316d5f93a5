"""``Get-Process`` and ``Get-Service`` of a guest ([D] PSD 5.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.declaring import selects
from harness.twin.cmdlets.guest.modules import MANAGEMENT, machine_of
from harness.twin.cmdlets.kinds import SERVICE_START, SERVICE_STATUS, labelled
from harness.twin.cmdlets.processlist import STOPPED, WHICH, chosen, process_object
from harness.twin.cmdlets.services import SERVICE, report_no_service
from harness.twin.model.windows.state import TASK_ROLE, TaskState
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.regexes import has_wildcard

_KILLED: Final = 0xFFFFFFFF
"""[GK] Exit code of a process that Stop-Process ended: -1."""


@MANAGEMENT.cmdlet("Get-Process", *WHICH, default_set="Name")
def get_process(call: Call) -> Iterator[object]:
    """The guest's processes by name."""
    yield from (process_object(call, item) for item in chosen(call, machine_of(call).processes))


@MANAGEMENT.cmdlet("Stop-Process", *STOPPED, default_set="Name", should_process=True)
def stop_process(call: Call) -> None:
    """Ends processes: what a scheduled task keeps running; those of Windows fail loudly."""
    machine = machine_of(call)
    for item in list(chosen(call, machine.processes)):
        if not call.should_process(f"{item.name} ({item.pid})", "Stop-Process"):
            continue
        if not item.role.startswith(TASK_ROLE):
            raise limitation(f"the end of the process '{item.name}' is not simulated")
        machine.processes.remove(item)
        task = machine.tasks.get(item.role.removeprefix(TASK_ROLE))
        if task is not None and task.state is TaskState.Running:
            task.state, task.last_result = TaskState.Ready, _KILLED


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
            report_no_service(call, name)
    for item in services:
        if selects(call.texts("Name"), item.name) and selects(call.texts("DisplayName"), item.shown):
            status, start = labelled(SERVICE_STATUS, "Running"), labelled(SERVICE_START, "Automatic")
            yield SERVICE.make(item.name, item.shown, item.name, status, start, ".", text=item.name)
