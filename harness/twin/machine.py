"""One machine of the simulated lab as its shell and its WinRM service see it; nodes here, guests in guest.py."""

from __future__ import annotations

import io
import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import IO, Final, Self, cast
from weakref import WeakSet

from harness.twin.cmdlets.costs import command_cost_ns
from harness.twin.cmdlets.filechanges import write_redirected
from harness.twin.cmdlets.netfiles import NodeStorage
from harness.twin.cmdlets.netpeers import NodePeers
from harness.twin.cmdlets.programs import node_programs
from harness.twin.engine import LabEngine
from harness.twin.model import ClusterModel
from harness.twin.model.entities import Node
from harness.twin.model.windows.state import TASK_RUNNING, TASK_TERMINATED, ScheduledTask, TaskState
from harness.twin.shell.commands.api import CommandTable
from harness.twin.shell.errors import PipelineStopped
from harness.twin.shell.host import Program
from harness.twin.shell.program import ConsoleProgram
from harness.twin.units import NS_PER_S
from harness.twin.wire.port import CommandSpec, OutputSink

log = logging.getLogger("hil.twin.machine")

_LOOKS_AGAIN_S: Final = 24 * 3600
"""Who waits for a start of Windows looks again after this time at the latest."""
FAILED: Final = 1
"""Exit code of a program that ended by a defect of the twin."""

SYSTEM_VARIABLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ComSpec": "C:\\Windows\\system32\\cmd.exe",
        "OS": "Windows_NT",
        "Path": "C:\\Windows\\system32;C:\\Windows;C:\\Windows\\System32\\Wbem;"
        "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\;C:\\Windows\\System32\\OpenSSH\\",
        "PATHEXT": ".COM;.EXE;.BAT;.CMD;.VBS;.VBE;.JS;.JSE;.WSF;.WSH;.MSC",
        "PROCESSOR_ARCHITECTURE": "AMD64",
        "PSModulePath": "C:\\Program Files\\WindowsPowerShell\\Modules;"
        "C:\\Windows\\system32\\WindowsPowerShell\\v1.0\\Modules",
        "SystemDrive": "C:",
        "SystemRoot": "C:\\Windows",
        "windir": "C:\\Windows",
    }
)
"""[GK] Environment variables that every process of Windows has."""


def process_environment(computer_name: str, user: str) -> dict[str, str]:
    """Environment of a new process of *user* (``DOMAIN\\name``, or ``name`` for an account of the machine) [GK]."""
    domain, _, name = user.rpartition("\\")
    programs, shared = "C:\\Program Files", "C:\\Program Files\\Common Files"
    profile = f"C:\\Users\\{name}"
    own = {
        "ALLUSERSPROFILE": "C:\\ProgramData",
        "APPDATA": f"{profile}\\AppData\\Roaming",
        "CommonProgramFiles": shared,
        "CommonProgramFiles(x86)": "C:\\Program Files (x86)\\Common Files",
        "CommonProgramW6432": shared,
        "COMPUTERNAME": computer_name,
        "LOCALAPPDATA": f"{profile}\\AppData\\Local",
        "ProgramData": "C:\\ProgramData",
        "ProgramFiles": programs,
        "ProgramFiles(x86)": "C:\\Program Files (x86)",
        "ProgramW6432": programs,
        "PUBLIC": "C:\\Users\\Public",
        "USERDOMAIN": domain or computer_name,
        "USERNAME": name,
        "USERPROFILE": profile,
        "TEMP": f"{profile}\\AppData\\Local\\Temp",
        "TMP": f"{profile}\\AppData\\Local\\Temp",
    }
    return {**SYSTEM_VARIABLES, **own}


@dataclass(slots=True)
class Plant:
    """The model that is there now; a baseline replaces it under the feet of everybody who holds the plant."""

    model: ClusterModel


@dataclass(slots=True)
class Machine(ABC):
    """Implements most of the shell's host; each process has its own copy, and can be told to end alone."""

    computer_name: str
    plant: Plant
    engine: LabEngine
    commands: CommandTable
    environment: MutableMapping[str, str] = field(default_factory=dict)
    location: str = ""
    culture: str = "en-US"
    programs: Mapping[str, Program] = field(default_factory=dict)
    """Programs beside the shell's own, bound to the process."""
    delegated: bool = True  # [D] a console log-on holds the user's credential; a remote one says so itself
    ending: threading.Event = field(default_factory=threading.Event)
    threads: ThreadPoolExecutor | None = None
    """Where scheduled tasks run."""
    task_endings: dict[str, threading.Event] = field(default_factory=dict)
    """Ends what a scheduled task runs, by the task's name in lower case; one dictionary for all processes."""

    @property
    def model(self) -> ClusterModel:
        """The cluster."""
        return self.plant.model

    @property
    @abstractmethod
    def os_version(self) -> str:
        """Four numbers, as `cmd /c ver` prints them: `10.0.26100.6899`."""

    @property
    def variables(self) -> Mapping[str, str]:
        """Environment variables of the machine, which every new process inherits [GK]."""
        return SYSTEM_VARIABLES

    def begun(self) -> Self:
        """The same machine, for a process that begins now."""
        return self

    def prepare(self) -> None:  # noqa: B027 - most machines have nothing to do
        """What the machine does before the first program of a user; called while the process computes."""

    def now(self) -> datetime:
        """Lab time in UTC."""
        return self.model.datetime_at(self.engine.now_ns)

    def wait(self, seconds: float, ready: Callable[[], bool] | None = None) -> bool:
        """Let lab time pass for a running command.  Raises PipelineStopped when the process is told to end."""
        self.engine.wait(seconds, lambda: self.ending.is_set() or (ready is not None and ready()))
        if self.ending.is_set():
            raise PipelineStopped
        return ready is None or ready()

    def breathe(self) -> None:
        """A long loop lets the others compute for a moment."""
        self.engine.breathe()

    def charge(self, command: str) -> None:
        """The command costs lab time, as calibrated."""
        self.engine.charge(command_cost_ns(command))

    # --- scheduled tasks

    def task_process(self, environment: MutableMapping[str, str]) -> Self:
        """The machine for a process that the task scheduler starts."""
        return replace(
            self, environment=environment, location="C:\\Windows\\system32", ending=threading.Event()
        ).begun()

    @property
    def gone(self) -> bool:
        """The boot of this process is over."""
        return False

    def launch(self, task: ScheduledTask) -> None:
        """Start the action of a scheduled task as its user; returns at once."""
        if self.threads is None:
            raise RuntimeError(f"'{self.computer_name}' has no threads to run the task '{task.name}' in")
        process = self.task_process({**self.variables, **process_environment(self.computer_name, task.user)})
        self.task_endings[task.name.lower()] = process.ending
        task.state, task.last_run_ns, task.last_result = TaskState.Running, self.model.now_ns, TASK_RUNNING
        self.engine.announce()
        self.threads.submit(process.run_task, task)

    def arm(self, task: ScheduledTask) -> None:
        """Start a task when its trigger says so, in a thread of the pool that waits for that; returns at once."""
        if self.threads is None:
            raise RuntimeError(f"'{self.computer_name}' has no threads to wait for the task '{task.name}' in")
        self.engine.announce()
        self.threads.submit(self._await_trigger, task, self.model)

    def _await_trigger(self, task: ScheduledTask, model: ClusterModel) -> None:
        def over() -> bool:
            return self.model is not model or not task.registered or self.engine.closed

        with self.engine.computing():
            if task.due_ns is not None:
                self.engine.wait(max(0, task.due_ns - self.engine.now_ns) / NS_PER_S, over)
                if not over() and self.engine.now_ns >= task.due_ns:
                    task.due_ns = None
                    self._fire(task)
            while task.at_startup and not over():
                if self._started_anew(over):
                    self._fire(task)

    def _started_anew(self, over: Callable[[], bool]) -> bool:
        """Wait for a start of Windows; whether there was one within a day."""
        start = self.start_count

        def started() -> bool:
            return self.start_count != start and self.runs

        self.engine.wait(_LOOKS_AGAIN_S, lambda: over() or started())
        return not over() and started()

    def _fire(self, task: ScheduledTask) -> None:
        if not self.runs:
            task.missed += 1
        elif task.state is TaskState.Ready:
            self.launch(task)

    @property
    @abstractmethod
    def start_count(self) -> int:
        """Counts the starts of the machine's Windows."""

    @property
    @abstractmethod
    def runs(self) -> bool:
        """Windows runs, with its services."""

    def end_task(self, task: ScheduledTask) -> None:
        """End what a task runs, now."""
        self.task_endings.get(task.name.lower(), threading.Event()).set()
        task.state, task.last_result = TaskState.Ready, TASK_TERMINATED

    def run_task(self, task: ScheduledTask) -> None:
        """Run a task's action to its end, in a thread of the pool."""
        with self.engine.computing():
            code = FAILED
            try:
                self.wait(self.model.windows.task_start_s())
                line = f'"{task.execute}" {task.arguments}'
                code = ConsoleProgram(self).run(line, io.BytesIO(), _drop, _drop)
            except PipelineStopped:
                log.debug("the task %s on %s was ended while it started", task.name, self.computer_name)
            except Exception:
                log.exception("the task %s on %s ended by a defect", task.name, self.computer_name)
            if self.gone:
                self.task_cut_off(task)
            elif not self.ending.is_set():
                task.state, task.last_result = TaskState.Ready, code & 0xFFFFFFFF

    def task_cut_off(self, task: ScheduledTask) -> None:  # noqa: B027 - the model of a guest says so itself
        """The boot in which a task ran is over."""


@dataclass(slots=True)
class NodeMachine(Machine):
    """The shell's host for one node."""

    boot: int | None = None
    """Boot in which a process from another node began: it dies with that.  Others end with their shells."""

    @property
    def node(self) -> Node:
        """This node's state."""
        return self.plant.model.nodes[self.computer_name]

    @property
    def os_version(self) -> str:
        """The node's own."""
        return self.node.os_build.version

    @property
    def variables(self) -> Mapping[str, str]:
        """Those of every Windows, and those that the update stack keeps on this node ([T])."""
        return {**SYSTEM_VARIABLES, **self.node.variables}

    def task_process(self, environment: MutableMapping[str, str]) -> Self:
        """The machine for a process that the task scheduler starts; it ends with this boot."""
        return replace(Machine.task_process(self, environment), boot=self.node.boot_id).begun()

    @property
    def start_count(self) -> int:
        """The node's."""
        return self.node.boot_id

    @property
    def runs(self) -> bool:
        """The node's operating system is up."""
        return self.node.os_running

    def task_cut_off(self, task: ScheduledTask) -> None:
        """A restart ended the process."""
        if task.state is TaskState.Running:
            task.state, task.last_result = TaskState.Ready, TASK_TERMINATED

    def begun(self) -> Self:
        """The same machine, with its programs."""
        self.programs = node_programs(self)
        return self

    def prepare(self) -> None:
        """Windows makes a user's folders at the first logon [GK]."""
        profile = self.environment.get("USERPROFILE", "")
        if profile and not self.node.files.exists(profile):
            for folder in ("AppData\\Local\\Temp", "AppData\\Roaming", "Desktop", "Documents", "Downloads"):
                self.node.files.make_folder(f"{profile}\\{folder}")

    def hop(self, node: str) -> Self:
        """Another node for a program that the same user starts there from here: a log-on over the network."""
        user = f"{self.environment.get('USERDOMAIN', '')}\\{self.environment.get('USERNAME', '')}"
        boot = self.plant.model.nodes[node].boot_id
        there = replace(self, computer_name=node, location="", delegated=False, boot=boot).begun()
        there.environment = {**there.variables, **process_environment(node, user)}
        there.location = f"{there.environment['USERPROFILE']}\\Documents"
        there.prepare()
        return there

    @property
    def gone(self) -> bool:
        """The boot of this process is over."""
        return self.boot is not None and (self.node.boot_id != self.boot or not self.node.os_running)

    def wait(self, seconds: float, ready: Callable[[], bool] | None = None) -> bool:
        """Let lab time pass.  Raises PipelineStopped when the process or its boot is to end."""
        if self.boot is None:
            return Machine.wait(self, seconds, ready)
        Machine.wait(self, seconds, lambda: self.gone or (ready is not None and ready()))
        if self.gone:
            raise PipelineStopped
        return ready is None or ready()

    @property
    def storage(self) -> NodeStorage:
        """The node's files as .NET's file classes see them."""
        return NodeStorage(self.node.files)

    @property
    def peers(self) -> NodePeers:
        """Other machines as .NET's network classes see them."""
        return NodePeers(self)

    def write_text_file(self, path: str, text: str, append: bool) -> None:
        """What ``>`` and ``>>`` write.  Raises PSError."""
        write_redirected(self.node.files, self.location, path, text, append=append)


class NodeBackend:
    """What runs behind the shells of one machine: console programs, each in a thread, one computing at a time."""

    def __init__(self, machine: Machine, threads: ThreadPoolExecutor) -> None:
        self._machine = machine
        self._threads = threads
        self._guard = threading.Lock()
        self._processes: WeakSet[NodeProcess] = WeakSet()

    def start(self, command: CommandSpec, sink: OutputSink) -> NodeProcess:
        """Start a command line; returns at once."""
        shell = command.shell
        own = process_environment(self._machine.computer_name, shell.user)
        environment = {**self._machine.variables, **own, **shell.environment}
        machine = replace(
            self._machine,
            environment=environment,
            location=shell.working_directory or environment["USERPROFILE"],
            delegated=shell.delegated,
            ending=threading.Event(),
        ).begun()
        process = NodeProcess(machine, command, sink, self._threads)
        with self._guard:
            self._processes.add(process)
        machine.engine.announce()
        self._threads.submit(process.run)
        return process

    def shell_closed(self, shell_id: str) -> None:
        """Nobody is left to write to the processes of a shell that was forgotten; of one that was deleted they were
        told to terminate."""
        self.hang_up(shell_id)

    def hang_up(self, shell_id: str = "") -> None:
        """Input of the processes of a shell, of all without one, is at its end: none waits for ever."""
        with self._guard:
            processes = list(self._processes)
        for process in processes:
            if shell_id in ("", process.shell_id):
                process.stdin(b"", end=True)


class NodeProcess:
    """A running console program."""

    def __init__(self, machine: Machine, command: CommandSpec, sink: OutputSink, threads: ThreadPoolExecutor) -> None:
        self._machine = machine
        self.shell_id = command.shell.shell_id
        self._command_line = command.command_line
        self._program = ConsoleProgram(machine, codepage=command.shell.codepage)
        self._sink = sink
        self._threads = threads
        self._input = InputPipe(machine.engine)

    def run(self) -> None:
        """Run to the end, in a thread of the pool."""
        with self._machine.engine.computing():
            code = FAILED
            try:
                self._machine.prepare()
                standard_input = cast(IO[bytes], self._input)
                code = self._program.run(self._command_line, standard_input, self._sink.stdout, self._sink.stderr)
            except Exception:
                log.exception("a console program on %s ended by a defect", self._machine.computer_name)
                self._sink.stderr(b"twin limitation: the shell failed, see the lab host's log\r\n")
            finally:
                # Before the program counts as ended: lab time must not move between its last word and its exit code.
                self._sink.exit(code)

    def stdin(self, data: bytes, end: bool) -> None:
        """Input from the client."""
        self._input.feed(data, end)

    def signal(self, code: str) -> None:
        """The client wants it to end; a process that ended already does not notice."""
        del code
        self._machine.ending.set()
        self._program.stop()
        self._input.feed(b"", end=True)
        self._threads.submit(self._machine.engine.wake)


class InputPipe(io.RawIOBase):
    """Standard input of a program: reading waits for the client, and lets others compute meanwhile."""

    def __init__(self, engine: LabEngine) -> None:
        super().__init__()
        self._engine = engine
        self._ready = threading.Condition()
        self._buffer = bytearray()
        self._ended = False
        self._enough: Callable[[], bool] | None = None
        self._announced = False

    def feed(self, data: bytes, end: bool) -> None:
        """More input, or the end of it.

        A reader for whom it is enough computes from now on, not from when its thread wakes: its client may ask for
        output at once, and lab time must not move in between.
        """
        with self._ready:
            self._buffer += data
            self._ended = self._ended or end
            if self._enough is not None and self._enough():
                self._engine.announce()
                self._enough, self._announced = None, True
            self._ready.notify_all()

    def _wait_for(self, enough: Callable[[], bool]) -> None:
        """Wait for the client, who may be quicker than this thread."""
        with self._ready:
            if enough():
                return
            self._enough, self._announced = enough, False
        with self._engine.outside(lambda: self._announced), self._ready:
            self._ready.wait_for(enough)

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes once there are any; all to the end of input for a negative size."""
        self._wait_for(lambda: self._ended or (size >= 0 and bool(self._buffer)))
        with self._ready:
            cut = len(self._buffer) if size < 0 else size
            data, self._buffer = bytes(self._buffer[:cut]), self._buffer[cut:]
            return data

    def readline(self, size: int | None = -1) -> bytes:
        """One line with its newline; the rest at the end of input; empty when there is no more."""
        del size
        self._wait_for(lambda: self._ended or b"\n" in self._buffer)
        with self._ready:
            line, newline, rest = bytes(self._buffer).partition(b"\n")
            self._buffer = bytearray(rest)
            return line + newline


def _drop(_data: bytes) -> None:
    """Nobody reads what a task prints."""
