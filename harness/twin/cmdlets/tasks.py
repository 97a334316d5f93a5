"""Scheduled tasks of a machine, node or guest: in a guest the way round Windows Update's refusal of network log-ons.

[D] WPD ScheduledTasks; result codes [D] W32 taskschd.  A task's action really runs, in the twin's shell, as its user.
Triggers are not simulated: a task runs when it is started.  Of Windows' own tasks a node has those of
``model.windows.nodetasks``, which can be read, disabled and enabled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Any, Final

from harness.twin.cmdlets.accounts import user_of
from harness.twin.cmdlets.declaring import Module, property_of, selects
from harness.twin.cmdlets.shapes import Shape
from harness.twin.cmdlets.windows import local_time
from harness.twin.model.windows.nodetasks import node_tasks
from harness.twin.model.windows.state import ScheduledTask, TaskState
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.formatting import Column, register_view
from harness.twin.shell.objects import EnumType, PSEnum, PSObject, UInt32
from harness.twin.shell.regexes import has_wildcard
from harness.twin.shell.typesystem import register_enum

TASKS: Final = Module("ScheduledTasks", lambda name: name)
_CIM: Final = "Microsoft.Management.Infrastructure.CimInstance"
_NAMESPACE: Final = "Root/Microsoft/Windows/TaskScheduler"
_CIM_ERROR: Final = "Microsoft.Management.Infrastructure.CimException"
_SYSTEM_NAMES: Final = ("system", "nt authority\\system", "s-1-5-18", "localsystem")


def _shape(name: str, properties: str) -> Shape:
    return Shape((f"{_CIM}#{_NAMESPACE}/{name}", _CIM, "System.Object"), properties)


TASK: Final = _shape("MSFT_ScheduledTask", "TaskName TaskPath State Description Actions Principal URI")
TASK_INFO: Final = _shape(
    "MSFT_TaskDynamicInfo", "LastRunTime LastTaskResult NextRunTime NumberOfMissedRuns TaskName TaskPath"
)
ACTION: Final = _shape("MSFT_TaskExecAction", "Id Arguments Execute WorkingDirectory")
PRINCIPAL: Final = _shape("MSFT_TaskPrincipal2", "Id UserId LogonType RunLevel")
SETTINGS: Final = _shape("MSFT_TaskSettings3", "ExecutionTimeLimit Hidden Enabled")


def _enum(name: str, members: type[IntEnum]) -> EnumType:
    full = f"Microsoft.PowerShell.Cmdletization.GeneratedTypes.ScheduledTask.{name}"
    return register_enum(EnumType(full, {item.name: item.value for item in members}))


STATE: Final = _enum("StateEnum", TaskState)


def register_task_views() -> None:
    """Tell the formatter how tasks look."""
    columns = [Column("TaskPath", width=46), Column("TaskName", width=33), Column("State", width=10)]
    register_view(TASK.type_name, table=columns, auto=False)


def tasks_of(host: Any) -> dict[str, ScheduledTask]:
    """The tasks of the machine by their names in lower case."""
    found: dict[str, ScheduledTask] = node_tasks(host.node) if hasattr(host, "node") else host.machine.tasks
    return found


# --- parts of a task


@TASKS.cmdlet(
    "New-ScheduledTaskAction",
    Parameter("Execute", "string", position=0, mandatory=True),
    Parameter("Argument", "string", position=1),
    Parameter("WorkingDirectory", "string", position=2),
    Parameter("Id", "string"),
)
def new_action(call: Call) -> Iterator[object]:
    """What a task does."""
    yield ACTION.make(call.get("Id"), call.text("Argument"), call.text("Execute"), call.get("WorkingDirectory"))


@TASKS.cmdlet(
    "New-ScheduledTaskPrincipal",
    Parameter("UserId", "string", position=0, mandatory=True),
    Parameter("LogonType", "string"),
    Parameter("RunLevel", "string"),
    Parameter("Id", "string"),
)
def new_principal(call: Call) -> Iterator[object]:
    """As whom a task runs."""
    logon, level = call.text("LogonType", "ServiceAccount"), call.text("RunLevel", "Limited")
    yield PRINCIPAL.make(call.get("Id"), call.text("UserId"), logon, level)


@TASKS.cmdlet(
    "New-ScheduledTaskSettingsSet",
    Parameter("ExecutionTimeLimit", "object"),
    Parameter("AllowStartIfOnBatteries", "switch"),
    Parameter("DontStopIfGoingOnBatteries", "switch"),
    Parameter("StartWhenAvailable", "switch"),
    Parameter("Hidden", "switch"),
    Parameter("MultipleInstances", "string"),
    Parameter("Priority", "int"),
)
def new_settings(call: Call) -> Iterator[object]:
    """Settings of a task: accepted and without effect."""
    yield SETTINGS.make(call.get("ExecutionTimeLimit"), call.switch("Hidden"), True)


# --- tasks


@TASKS.cmdlet(
    "Register-ScheduledTask",
    Parameter("TaskName", "string", position=0, mandatory=True),
    Parameter("TaskPath", "string"),
    Parameter("Action", "object[]", mandatory=True),
    Parameter("Principal", "object"),
    Parameter("User", "string"),
    Parameter("Password", "string"),
    Parameter("RunLevel", "string"),
    Parameter("Settings", "object"),
    Parameter("Trigger", "object[]"),
    Parameter("Description", "string"),
    Parameter("Force", "switch"),
)
def register_task(call: Call) -> Iterator[object]:
    """Registers a task with one action."""
    if call.has("Trigger"):
        raise limitation("triggers of scheduled tasks are not simulated; use Start-ScheduledTask")
    tasks, name = tasks_of(call.host), call.text("TaskName")
    (action, *more) = call.get("Action")
    if more:
        raise limitation("a scheduled task with more than one action is not simulated")
    if name.lower() in tasks and not call.switch("Force"):
        raise call.fail(
            "Cannot create a file when that file already exists.",
            "HRESULT 0x800700b7",
            "ResourceExists",
            name,
            _CIM_ERROR,
        )
    principal = call.get("Principal")
    user = str(property_of(principal, "UserId")) if principal is not None else call.text("User", user_of(call.host))
    level = property_of(principal, "RunLevel") if principal is not None else call.text("RunLevel", "Limited")
    logon = property_of(principal, "LogonType") if principal is not None else "ServiceAccount"
    task = ScheduledTask(
        name=name,
        path=_folder(call.text("TaskPath")),
        execute=str(property_of(action, "Execute")),
        arguments=str(property_of(action, "Arguments") or ""),
        user="NT AUTHORITY\\SYSTEM" if user.lower() in _SYSTEM_NAMES else user,
        logon_type=str(logon),
        run_level=str(level),
        description=call.text("Description"),
    )
    tasks[name.lower()] = task
    yield _task(task)


_NAMES: Final = (
    Parameter("TaskName", "string[]", position=0, pipeline="name"),
    Parameter("TaskPath", "string[]", position=1),
    Parameter("InputObject", "object[]", pipeline="value"),
)


def _chosen(call: Call) -> Iterable[ScheduledTask]:
    """The tasks that the command names; reports an error for a name that does not exist."""
    tasks = tasks_of(call.host)
    given = [str(property_of(item, "TaskName")) for item in call.get("InputObject") or []]
    wanted = given or call.texts("TaskName")
    for name in wanted:
        if not has_wildcard(name) and name.lower() not in tasks:
            text = (
                f"No MSFT_ScheduledTask objects found with property 'TaskName' equal to '{name}'.  Verify the value of "
                "the property and retry."
            )
            kind = "Microsoft.PowerShell.Cmdletization.Cim.CimJobException"
            call.write_error(text, "CmdletizationQuery_NotFound_TaskName", "ObjectNotFound", name, kind)
    folders = [_folder(path) for path in call.texts("TaskPath")]
    return [task for task in list(tasks.values()) if selects(wanted, task.name) and selects(folders, task.path)]


def _folder(path: str) -> str:
    """A folder of tasks as Windows writes it: with a backslash before and after."""
    return "\\" + f"{path.strip(chr(92))}\\".lstrip("\\") if path else "\\"


@TASKS.cmdlet("Get-ScheduledTask", *_NAMES)
def get_task(call: Call) -> Iterator[object]:
    """Registered tasks."""
    if hasattr(call.host, "node") and not call.has("TaskName") and not call.has("InputObject"):
        call.write_warning("twin limitation: of Windows' own tasks only a few are listed")
    yield from (_task(task) for task in _chosen(call))


@TASKS.cmdlet("Get-ScheduledTaskInfo", *_NAMES)
def get_task_info(call: Call) -> Iterator[object]:
    """When tasks ran, and how that ended."""
    for task in _chosen(call):
        last = None if task.last_run_ns is None else local_time(call.host, task.last_run_ns)
        yield TASK_INFO.make(last, UInt32(task.last_result), None, UInt32(0), task.name, task.path)


@TASKS.cmdlet("Start-ScheduledTask", *_NAMES)
def start_task(call: Call) -> None:
    """Starts tasks; one that runs already is left alone (the default policy of several instances, [D] IgnoreNew)."""
    for task in _chosen(call):
        if task.state is TaskState.Disabled:
            kind, text = "HRESULT 0x80041326", "The task is disabled."
            call.write_error(text, kind, "NotSpecified", task.name, _CIM_ERROR)
        elif task.state is not TaskState.Running:
            require_action(task)
            call.host.launch(task)


@TASKS.cmdlet("Stop-ScheduledTask", *_NAMES)
def stop_task(call: Call) -> None:
    """Ends what tasks run; one that does not run stays as it is."""
    for task in _chosen(call):
        if task.state is TaskState.Running:
            call.host.end_task(task)


def require_action(task: ScheduledTask) -> None:
    """Raises PSError for a task of Windows itself, whose work is not simulated."""
    if task.built_in:
        raise limitation(f"what the task '{task.path}{task.name}' does is not simulated")


@TASKS.cmdlet("Disable-ScheduledTask", *_NAMES)
def disable_task(call: Call) -> Iterator[object]:
    """Tasks that cannot be started any more; one that runs goes on to its end."""
    for task in _chosen(call):
        if task.state is TaskState.Running:
            raise limitation("disabling a scheduled task that runs is not simulated")
        task.state = TaskState.Disabled
        yield _task(task)


@TASKS.cmdlet("Enable-ScheduledTask", *_NAMES)
def enable_task(call: Call) -> Iterator[object]:
    """Tasks that can be started again."""
    for task in _chosen(call):
        if task.state is TaskState.Disabled:
            task.state = TaskState.Ready
        yield _task(task)


@TASKS.cmdlet("Unregister-ScheduledTask", *_NAMES, should_process=True)
def unregister_task(call: Call) -> None:
    """Removes tasks; one that runs goes on to its end."""
    for task in _chosen(call):
        if call.should_process(task.name, "Unregister-ScheduledTask"):
            if task.built_in:
                raise limitation(f"removing the task '{task.name}' of Windows is not simulated")
            tasks_of(call.host).pop(task.name.lower(), None)


def _task(task: ScheduledTask) -> PSObject:
    actions = [] if task.built_in else [ACTION.make(None, task.arguments, task.execute, None)]
    principal = PRINCIPAL.make("Author", task.user.rpartition("\\")[2], task.logon_type, task.run_level)
    state = PSEnum(STATE, int(task.state))
    uri = f"{task.path}{task.name}"
    return TASK.make(task.name, task.path, state, task.description, actions, principal, uri, text=uri)
