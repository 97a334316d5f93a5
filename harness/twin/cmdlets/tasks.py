"""Scheduled tasks of a machine, node or guest: in a guest the way round Windows Update's refusal of network log-ons.

[D] WPD ScheduledTasks; result codes [D] W32 taskschd.  A task's action really runs, in the twin's shell, as its user.
Of triggers there are one at a moment and one at the start of Windows.  Of Windows' own tasks a node has those of
``model.windows.nodetasks``, which can be read, disabled and enabled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any, Final

from harness.twin.cmdlets.accounts import user_of
from harness.twin.cmdlets.declaring import Module, given_input, property_of, selects
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


TASK: Final = _shape("MSFT_ScheduledTask", "TaskName TaskPath State Description Actions Triggers Principal URI")
TASK_INFO: Final = _shape(
    "MSFT_TaskDynamicInfo", "LastRunTime LastTaskResult NextRunTime NumberOfMissedRuns TaskName TaskPath"
)
ACTION: Final = _shape("MSFT_TaskExecAction", "Id Arguments Execute WorkingDirectory")
PRINCIPAL: Final = _shape("MSFT_TaskPrincipal2", "Id UserId LogonType RunLevel")
TIME_TRIGGER: Final = _shape("MSFT_TaskTimeTrigger", "Enabled StartBoundary At")
BOOT_TRIGGER: Final = _shape("MSFT_TaskBootTrigger", "Enabled StartBoundary")
DEFINITION: Final = _shape("MSFT_ScheduledTask", "Actions Triggers Settings Principal Description")
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
    Parameter("RestartCount", "int"),
    Parameter("RestartInterval", "object"),
)
def new_settings(call: Call) -> Iterator[object]:
    """Settings of a task: accepted and without effect."""
    yield SETTINGS.make(call.get("ExecutionTimeLimit"), call.switch("Hidden"), True)


@TASKS.cmdlet(
    "New-ScheduledTaskTrigger",
    Parameter("Once", "switch", mandatory=True, sets=("Once",)),
    Parameter("AtStartup", "switch", mandatory=True, sets=("Startup",)),
    Parameter("Daily", "switch", mandatory=True, sets=("Daily",)),
    Parameter("Weekly", "switch", mandatory=True, sets=("Weekly",)),
    Parameter("AtLogOn", "switch", mandatory=True, sets=("LogOn",)),
    Parameter("At", "datetime", mandatory_in=("Once", "Daily", "Weekly"), sets=("Once", "Daily", "Weekly")),
    Parameter("DaysOfWeek", "string[]", sets=("Weekly",)),
    Parameter("RepetitionInterval", "object", sets=("Once",)),
    Parameter("RandomDelay", "object"),
)
def new_trigger(call: Call) -> Iterator[object]:
    """When a task starts by itself: once, or with Windows; triggers that recur are not simulated."""
    recurring = next((name for name in ("Daily", "Weekly", "AtLogOn", "RepetitionInterval") if call.has(name)), "")
    if recurring or call.has("RandomDelay"):
        raise limitation(f"the trigger -{recurring or 'RandomDelay'} of scheduled tasks is not simulated")
    moment = call.moment("At")
    if call.switch("AtStartup"):
        yield BOOT_TRIGGER.make(True, None)
    elif moment is not None:
        yield TIME_TRIGGER.make(True, f"{moment:%Y-%m-%dT%H:%M:%S}Z", moment)


@TASKS.cmdlet(
    "New-ScheduledTask",
    Parameter("Action", "object[]", position=0),
    Parameter("Trigger", "object[]", position=1),
    Parameter("Settings", "object", position=2),
    Parameter("Principal", "object", position=3),
    Parameter("Description", "string", position=4),
)
def new_task(call: Call) -> Iterator[object]:
    """A task in memory, to be registered."""
    names = ("Action", "Trigger", "Settings", "Principal", "Description")
    yield DEFINITION.make(*(call.get(name) for name in names))


# --- tasks


@TASKS.cmdlet(
    "Register-ScheduledTask",
    Parameter("TaskName", "string", position=0, mandatory=True),
    Parameter("TaskPath", "string"),
    Parameter("Action", "object[]"),
    Parameter("InputObject", "object", pipeline="value"),
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
    """Registers a task with one action, and at most one trigger."""
    tasks, name = tasks_of(call.host), call.text("TaskName")
    made = given_input(call)
    actions = call.get("Action") or property_of(made, "Actions") or []
    triggers = call.get("Trigger") or property_of(made, "Triggers") or []
    if len(actions) != 1 or len(triggers) > 1:
        raise limitation("a scheduled task with other than one action, or with several triggers, is not simulated")
    action = actions[0]
    if name.lower() in tasks and not call.switch("Force"):
        raise call.fail(
            "Cannot create a file when that file already exists.",
            "HRESULT 0x800700b7",
            "ResourceExists",
            name,
            _CIM_ERROR,
        )
    principal = call.get("Principal") or property_of(made, "Principal")
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
        description=call.text("Description") or str(property_of(made, "Description") or ""),
    )
    if name.lower() in tasks:
        tasks[name.lower()].registered = False
    tasks[name.lower()] = task
    if triggers:
        _arm(call, task, triggers[0])
    yield _task(call, task)


def _arm(call: Call, task: ScheduledTask, trigger: object) -> None:
    """Let the task's trigger take effect; a moment that is past starts nothing."""
    moment = property_of(trigger, "At")
    task.at_startup = moment is None
    if isinstance(moment, datetime):
        model = call.host.model
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        task.due_ns = (aware - model.spec.epoch) // timedelta(microseconds=1) * 1000
        if task.due_ns < model.now_ns:
            task.due_ns = None
            return
    call.host.arm(task)


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
    yield from (_task(call, task) for task in _chosen(call))


@TASKS.cmdlet("Get-ScheduledTaskInfo", *_NAMES)
def get_task_info(call: Call) -> Iterator[object]:
    """When tasks ran, and how that ended."""
    for task in _chosen(call):
        last = None if task.last_run_ns is None else local_time(call.host, task.last_run_ns)
        due = None if task.due_ns is None else local_time(call.host, task.due_ns)
        yield TASK_INFO.make(last, UInt32(task.last_result), due, UInt32(task.missed), task.name, task.path)


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
        yield _task(call, task)


@TASKS.cmdlet("Enable-ScheduledTask", *_NAMES)
def enable_task(call: Call) -> Iterator[object]:
    """Tasks that can be started again."""
    for task in _chosen(call):
        if task.state is TaskState.Disabled:
            task.state = TaskState.Ready
        yield _task(call, task)


@TASKS.cmdlet("Unregister-ScheduledTask", *_NAMES, should_process=True)
def unregister_task(call: Call) -> None:
    """Removes tasks; one that runs goes on to its end."""
    for task in _chosen(call):
        if call.should_process(task.name, "Unregister-ScheduledTask"):
            if task.built_in:
                raise limitation(f"removing the task '{task.name}' of Windows is not simulated")
            task.registered = False
            tasks_of(call.host).pop(task.name.lower(), None)


def _triggers(call: Call, task: ScheduledTask) -> list[PSObject]:
    """The trigger that is still to come."""
    if task.at_startup:
        return [BOOT_TRIGGER.make(True, None)]
    if task.due_ns is None:
        return []
    moment = local_time(call.host, task.due_ns)
    return [TIME_TRIGGER.make(True, f"{moment:%Y-%m-%dT%H:%M:%S}Z", moment)]


def _task(call: Call, task: ScheduledTask) -> PSObject:
    actions = [] if task.built_in else [ACTION.make(None, task.arguments, task.execute, None)]
    principal = PRINCIPAL.make("Author", task.user.rpartition("\\")[2], task.logon_type, task.run_level)
    state = PSEnum(STATE, int(task.state))
    uri = f"{task.path}{task.name}"
    return TASK.make(
        task.name, task.path, state, task.description, actions, _triggers(call, task), principal, uri, text=uri
    )
