"""A managed guest as its shell and its WinRM service see it.

Its processes live in the guest's time: it stands while the guest is frozen, and they are gone with the boot in which
they began.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Final, Self

from harness.twin.cmdlets.guest.power import PROGRAMS
from harness.twin.guestfiles import GuestFiles, GuestStorage
from harness.twin.machine import Machine
from harness.twin.model import ClusterModel
from harness.twin.model.states import Signal, VmState
from harness.twin.model.windows.state import TASK_RUNNING, GuestOs, ScheduledTask, TaskState, role_of
from harness.twin.shell.commandline import split_command_line
from harness.twin.shell.endless import never_ends
from harness.twin.shell.errors import PipelineStopped
from harness.twin.shell.native import plain_name
from harness.twin.shell.program import FILE_MISSING, read_options
from harness.twin.units import NS_PER_DAY, NS_PER_S

_FROZEN_AT_MOST_S: Final = NS_PER_DAY / NS_PER_S
"""A frozen process looks again after this time at the latest."""


class Logon(StrEnum):
    """How the user of a process logged on: Windows Update tells these apart ([D] WUA from a remote computer)."""

    NETWORK = "network"
    LOCAL = "local"


@dataclass(slots=True)
class GuestMachine(Machine):
    """The shell's host for one managed guest."""

    guest_name: str = ""
    logon: Logon = Logon.NETWORK
    boot: tuple[ClusterModel, int] | None = None
    """Model and boot in which this process began; None for no process."""

    @property
    def machine(self) -> GuestOs:
        """This guest's Windows."""
        return self.plant.model.windows.machine(self.guest_name)

    @property
    def files(self) -> GuestFiles:
        """The guest's files."""
        return GuestFiles(self.machine)

    @property
    def storage(self) -> GuestStorage:
        """The guest's files as .NET's file classes see them."""
        return GuestStorage(self.files)

    @property
    def os_version(self) -> str:
        """The guest's own."""
        return self.machine.build.version

    @property
    def user(self) -> str:
        """`DOMAIN\\name` of the process."""
        return f"{self.environment.get('USERDOMAIN', '')}\\{self.environment.get('USERNAME', '')}"

    def begun(self) -> Self:
        """The same machine, for a process of the present boot."""
        process = replace(self, boot=(self.plant.model, self.machine.guest.boot_id))
        process.programs = {name: partial(program, process) for name, program in PROGRAMS.items()}
        return process

    @property
    def gone(self) -> bool:
        """The boot of this process is over."""
        guest = self.machine.guest
        stopped = self.machine.restarting and guest.reachability.signal is Signal.Off
        return stopped or guest.state is VmState.Off or self.boot != (self.plant.model, guest.boot_id)

    def wait(self, seconds: float, ready: Callable[[], bool] | None = None) -> bool:
        """Let the guest's own time pass.  Raises PipelineStopped when the process or its boot is to end."""
        guest = self.machine.guest
        end_ns = guest.uptime_ns(self.engine.now_ns) + round(seconds * NS_PER_S)
        while True:
            if self.ending.is_set() or self.gone or self.engine.closed:
                raise PipelineStopped
            frozen = guest.paused_since_ns is not None
            left_ns = end_ns - guest.uptime_ns(self.engine.now_ns)
            if not frozen and ready is not None and ready():
                return True
            if not frozen and left_ns <= 0:
                return ready is None

            def changed(was_frozen: bool = frozen) -> bool:
                if self.ending.is_set() or self.gone or (guest.paused_since_ns is not None) != was_frozen:
                    return True
                return not was_frozen and ready is not None and ready()

            self.engine.wait(_FROZEN_AT_MOST_S if frozen else left_ns / NS_PER_S, changed)

    @property
    def start_count(self) -> int:
        """The guest's."""
        return self.machine.guest.boot_id

    @property
    def runs(self) -> bool:
        """The guest's operating system is up."""
        return self.machine.guest.running and self.machine.guest.reachability.signal is not Signal.Off

    def launch(self, task: ScheduledTask) -> None:
        """Start the action of a task.  One whose script loops for ever is not evaluated: it is there as a process,
        until the task or the boot ends."""
        line = f'"{task.execute}" {task.arguments}'
        if not self._runs_for_ever(line):
            Machine.launch(self, task)
            return
        self._begin_resident(task, line)

    def _begin_resident(self, task: ScheduledTask, line: str) -> None:
        windows = self.plant.model.windows
        windows.end_process(self.machine, role_of(task.name))
        windows.begin_process(self.machine, "powershell", role_of(task.name), line)
        task.state, task.last_run_ns, task.last_result = TaskState.Running, self.model.now_ns, TASK_RUNNING

    def arm(self, task: ScheduledTask) -> None:
        """Start a task when its trigger says so.  For one that loops for ever no thread waits: the model starts it."""
        line = f'"{task.execute}" {task.arguments}'
        if not task.at_startup or not self._runs_for_ever(line):
            Machine.arm(self, task)
            return
        self.plant.model.windows.at_each_start(self.machine, partial(self._start_resident, task, line))

    def _start_resident(self, task: ScheduledTask, line: str) -> bool:
        """Windows has started: begin the task again.  False once it is not registered any more."""
        if task.registered and task.state is TaskState.Ready:
            if self._runs_for_ever(line):
                self._begin_resident(task, line)
            else:
                task.last_run_ns, task.last_result = self.model.now_ns, FILE_MISSING & 0xFFFFFFFF
        return task.registered

    def _runs_for_ever(self, line: str) -> bool:
        """Is it PowerShell with a script file that does not end by itself?"""
        words = split_command_line(line)
        if plain_name(words[0]) != "powershell":
            return False
        options = read_options(words[1:])
        text = self.files.read(options.text) if options.mode == "file" else None
        return text is not None and never_ends(text)

    def end_task(self, task: ScheduledTask) -> None:
        """End what a task runs, now."""
        Machine.end_task(self, task)
        self.plant.model.windows.end_process(self.machine, role_of(task.name))

    def task_process(self, environment: MutableMapping[str, str]) -> Self:
        """The machine for a process that the task scheduler starts: a local log-on."""
        return replace(Machine.task_process(self, environment), logon=Logon.LOCAL).begun()
