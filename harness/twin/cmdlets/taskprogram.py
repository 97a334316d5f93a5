"""``schtasks.exe`` of a node over its scheduled tasks ([D] Windows commands; texts [GK])."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, Any, Final

from harness.twin.cmdlets.systemprograms import NodeProgram, loud
from harness.twin.cmdlets.tasks import require_action, tasks_of
from harness.twin.model.windows.state import ScheduledTask, TaskState
from harness.twin.shell.errors import limitation
from harness.twin.shell.host import Writer

_NEVER: Final = "N/A"
_VALUED: Final = ("tn", "fo", "s")


def _options(words: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    rest = list(words[1:])
    while rest:
        name = rest.pop(0).lower().lstrip("/-")
        found[name] = rest.pop(0) if name in _VALUED and rest else ""
    return found


@loud
def schtasks(host: Any, words: Sequence[str], _stdin: IO[bytes], stdout: Writer, stderr: Writer) -> int:
    """``/query``, ``/run``, ``/end``, ``/change /enable|/disable`` and ``/delete /f``; ``/create`` needs a trigger."""
    options = _options(words)
    known = {"query", "run", "end", "change", "enable", "disable", "delete", "f", "tn", "fo", "nh"}
    if set(options) - known or not {"query", "run", "end", "change", "delete"} & set(options):
        raise limitation(f"'{' '.join(words)}' is not simulated")
    name = options.get("tn", "")
    chosen = [task for task in tasks_of(host).values() if not name or _is(task, name)]
    if name and not chosen:
        text = "The system cannot find the file specified." if "query" in options else _absent(name)
        stderr(f"ERROR: {text}\r\n".encode())
        return 1
    if "query" in options:
        _query(chosen, options, stdout)
        return 0
    if not name:
        raise limitation(f"'{' '.join(words)}' is not simulated: it names no task")
    return _act(host, options, chosen[0], name, stdout)


def _absent(name: str) -> str:
    return f'The specified task name "{name}" does not exist in the system.'


def _is(task: ScheduledTask, name: str) -> bool:
    full = f"{task.path}{task.name}".lower()
    return name.lower().lstrip("\\") == full.lstrip("\\")


def _act(host: Any, options: dict[str, str], task: ScheduledTask, name: str, stdout: Writer) -> int:
    done = f'The parameters of scheduled task "{name}" have been changed.'
    if "run" in options:
        if task.state is TaskState.Disabled:
            raise limitation("running a disabled task is not simulated")
        if task.state is not TaskState.Running:
            require_action(task)
            host.launch(task)
        done = f'Attempted to run the scheduled task "{name}".'
    elif "end" in options:
        if task.state is TaskState.Running:
            host.end_task(task)
        done = f'The scheduled task "{name}" has been terminated successfully.'
    elif "delete" in options:
        if "f" not in options or task.built_in:
            raise limitation(f"deleting the task '{name}' is simulated with /f, and not for Windows' own")
        task.registered = False
        del tasks_of(host)[task.name.lower()]
        done = f'The scheduled task "{name}" was successfully deleted.'
    elif ("enable" in options or "disable" in options) and task.state is not TaskState.Running:
        task.state = TaskState.Ready if "enable" in options else TaskState.Disabled
    stdout(f"SUCCESS: {done}\r\n".encode())
    return 0


def _query(tasks: Sequence[ScheduledTask], options: dict[str, str], stdout: Writer) -> None:
    rows = [(f"{task.path}{task.name}", _NEVER, task.state.name) for task in tasks]
    kind = options.get("fo", "table").lower()
    if kind == "csv":
        lines = [] if "nh" in options else ['"TaskName","Next Run Time","Status"']
        lines += ['"' + '","'.join(row) + '"' for row in rows]
    elif kind == "list":
        lines = []
        for task, row in zip(tasks, rows, strict=True):
            lines += ["", f"Folder: {task.path.rstrip(chr(92)) or chr(92)}"]
            labels = ("TaskName:", "Next Run Time:", "Status:")
            lines += [f"{label:<15}{value}" for label, value in zip(labels, row, strict=True)]
    else:
        lines = _table(tasks, nh="nh" in options)
    stdout("".join(f"{line}\r\n" for line in lines).encode())


def _table(tasks: Sequence[ScheduledTask], *, nh: bool) -> list[str]:
    lines: list[str] = []
    for folder in dict.fromkeys(task.path for task in tasks):
        lines += ["", f"Folder: {folder.rstrip(chr(92)) or chr(92)}"]
        if not nh:
            lines += [
                f"{'TaskName':<40} {'Next Run Time':<22} Status         ",
                " ".join(["=" * 40, "=" * 22, "=" * 15]),
            ]
        lines += [f"{task.name:<40} {_NEVER:<22} {task.state.name:<15}" for task in tasks if task.path == folder]
    return lines


PROGRAMS: Final[dict[str, NodeProgram]] = {"schtasks": schtasks}
