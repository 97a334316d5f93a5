"""What happens to the Windows guests of a model: downloads, installations, restarts and failures.

Work in a guest takes the guest's own time and ends with its boot.  Events for the lab: ``guest.update`` (``step`` is
downloading, downloaded, installing, installed) and ``guest.restart``; boots are the virtual machine's ``vm.boot``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from harness.twin.model.entities import Guest, InstalledKb
from harness.twin.model.errors import ModelError
from harness.twin.model.events import ModelEvent
from harness.twin.model.guests import Guests
from harness.twin.model.windows import eventlog
from harness.twin.model.windows.birth import PID_STEP, make_machines, make_processes
from harness.twin.model.windows.catalog import GuestUpdate, UpdateKind, load_windows
from harness.twin.model.windows.offers import offered
from harness.twin.model.windows.state import TASK_TERMINATED, GuestOs, HistoryEntry, TaskState, WindowsProcess
from harness.twin.model.world import Process, World
from harness.twin.units import NS_PER_S

SUCCEEDED: Final = 2
"""orcSucceeded ([D] W32 wuapi OperationResultCode)."""
INSTALLER: Final = "C:\\Windows\\servicing\\TrustedInstaller.exe"
SYSTEM_USER: Final = "NT AUTHORITY\\SYSTEM"


@dataclass(slots=True)
class Work:
    """A download or installation under way.  It never gets done when the guest stops before."""

    updates: tuple[GuestUpdate, ...]
    done: bool = False
    ended: list[str] = field(default_factory=list)
    """KBs with which the work is over."""


class Windows:
    """All Windows guests of a model."""

    def __init__(self, world: World, guests: Guests) -> None:
        self._world = world
        self._guests = guests
        self.catalog = load_windows()
        self.machines: dict[str, GuestOs] = make_machines(world, self.catalog)
        self._at_start: dict[str, list[Callable[[], bool]]] = {}
        if self.machines:
            world.log.subscribe(self._take)
            guests.extra_boot_ns = self._servicing_boot_ns

    def machine(self, name: str) -> GuestOs:
        """The Windows of the guest *name*, in any case of letters.  Raises ModelError."""
        for machine in self.machines.values():
            if machine.guest.name.lower() == name.lower():
                return machine
        known = ", ".join(self.machines) or "none"
        raise ModelError("ObjectNotFound", f"The guest '{name}' is not a managed Windows guest; those are: {known}.")

    def search(self, machine: GuestOs) -> tuple[GuestUpdate, ...]:
        """What the guest is offered now."""
        now = self._world.spec.epoch + timedelta(microseconds=self._world.now // 1000)
        return offered(machine, self.catalog, now)

    def search_s(self, machine: GuestOs) -> float:
        """How long a search takes, in seconds."""
        ns = self._world.draw(f"vm/{machine.guest.name}/search", self._world.calibration.windows.search)
        return ns / NS_PER_S

    def task_start_s(self) -> float:
        """How long the task scheduler takes to start a process, in seconds."""
        return self._world.calibration.windows.task_start.ns / NS_PER_S

    # --- operations

    def download(self, machine: GuestOs, updates: Sequence[GuestUpdate]) -> Work:
        """Fetch updates; returns at once."""
        work = Work(tuple(updates))
        self._world.env.process(self._download(machine, work))
        return work

    def install(self, machine: GuestOs, updates: Sequence[GuestUpdate], client: str) -> Work:
        """Install updates, one after another; returns at once.  Raises ModelError while another installation runs or
        a restart is pending ([D] WU_E_INSTALL_NOT_ALLOWED)."""
        if machine.installing or machine.restart_pending:
            why = "another installation runs" if machine.installing else "a restart is pending"
            raise ModelError("InstallNotAllowed", f"'{machine.guest.name}' cannot install now: {why}.")
        work = Work(tuple(updates))
        machine.installing = True
        self._world.env.process(self._install(machine, work, client))
        return work

    def restart(self, machine: GuestOs, process: str, user: str, delay_s: int = 0) -> None:
        """Restart in order, as *process* asked for *user*; returns at once.  Raises ModelError when a shutdown is
        under way already."""
        if machine.restarting:
            raise ModelError("ShutdownInProgress", f"'{machine.guest.name}': A system shutdown is in progress.")
        machine.restarting = True
        self._world.env.process(self._restart(machine, process, user, delay_s))

    def begin_process(self, machine: GuestOs, name: str, role: str, command_line: str) -> None:
        """A program starts that runs until it is ended, or its boot is."""
        pid = max((process.pid for process in machine.processes), default=0) + PID_STEP
        machine.processes.append(WindowsProcess(pid, name, self._world.now, role, command_line))

    def end_process(self, machine: GuestOs, role: str) -> None:
        """End the programs of this role; harmless when there is none."""
        machine.processes = [process for process in machine.processes if process.role != role]

    def at_each_start(self, machine: GuestOs, action: Callable[[], bool]) -> None:
        """Do this whenever the guest's Windows starts, as long as the action says that it is still wanted."""
        self._at_start.setdefault(machine.guest.name, []).append(action)

    # --- processes

    def _download(self, machine: GuestOs, work: Work) -> Process:
        values = self._world.calibration.windows
        for update in work.updates:
            if update.kb not in machine.downloaded:
                size = values.hotpatch_size if update.kind is UpdateKind.HOTPATCH else values.cumulative_size
                eventlog.download_started(machine, self._world.now, update)
                self._tell(machine, update, "downloading")
                ns = size.bytes * NS_PER_S // values.download_rate.bytes_s
                if not (yield from self._guests.wait_inside(machine.guest, ns)):
                    return
                machine.downloaded.add(update.kb)
            self._finish(machine, work, update, "downloaded")

    def _install(self, machine: GuestOs, work: Work, client: str) -> Process:
        values = self._world.calibration.windows
        for update in work.updates:
            eventlog.install_started(machine, self._world.now, update)
            self._tell(machine, update, "installing")
            duration = values.hotpatch_install if update.kind is UpdateKind.HOTPATCH else values.cumulative_install
            ns = self._world.draw(f"vm/{machine.guest.name}/install", duration)
            if not (yield from self._guests.wait_inside(machine.guest, ns)):
                return
            if update.needs_restart:
                machine.staged = update
                eventlog.restart_needed(machine, self._world.now, update)
            else:
                machine.hotpatch = update
                self._installed(machine, update)
            machine.history.append(HistoryEntry(self._world.now, update, SUCCEEDED, 0, client))
            machine.installing = update is not work.updates[-1]
            self._finish(machine, work, update, "installed")
        hotpatched = any(update.kind is UpdateKind.HOTPATCH for update in work.updates)
        if hotpatched and self._world.spec.has_defect("hotpatch_reboots_guest") and not machine.restarting:
            self.restart(machine, INSTALLER, SYSTEM_USER)

    def _installed(self, machine: GuestOs, update: GuestUpdate) -> None:
        machine.kbs.append(InstalledKb(update.kb, self._world.now))
        eventlog.installed(machine, self._world.now, update)

    def _restart(self, machine: GuestOs, process: str, user: str, delay_s: int) -> Process:
        guest, values = machine.guest, self._world.calibration.windows
        if not (yield from self._guests.wait_inside(guest, delay_s * NS_PER_S)):
            return
        eventlog.restart_requested(machine, self._world.now, process, user)
        self._world.emit("guest.restart", vm=guest.name, node=guest.owner, process=process, user=user)
        answering_ns = self._world.draw(f"vm/{guest.name}/still-answering", values.still_answering)
        if not (yield from self._guests.wait_inside(guest, answering_ns)):
            return
        shutdown_ns = self._world.draw(f"vm/{guest.name}/shutdown", values.shutdown)
        if machine.restart_pending:
            shutdown_ns += self._world.draw(f"vm/{guest.name}/servicing-shutdown", values.servicing_shutdown)
        yield from self._guests.restart_inside(guest, shutdown_ns, lambda: self.stopped(machine))

    def stopped(self, machine: GuestOs) -> None:
        """The operating system ended in order."""
        for service in machine.services:
            service.stops_ns.append(self._world.now)
        eventlog.stopped(machine, self._world.now)
        machine.orderly = True

    def _servicing_boot_ns(self, guest: Guest) -> int:
        machine = self.machines.get(guest.name)
        if machine is None or not machine.restart_pending:
            return 0
        return self._world.draw(f"vm/{guest.name}/servicing-boot", self._world.calibration.windows.servicing_boot)

    # --- what the virtual machine does

    def _take(self, event: ModelEvent) -> None:
        machine = self.machines.get(event.vm or "")
        if machine is not None and event.kind == "vm.off":
            machine.orderly = False
            self._forget(machine)
        elif machine is not None and event.kind == "vm.boot":
            self._booted(machine)

    def _forget(self, machine: GuestOs) -> None:
        """What is volatile ends with the operating system."""
        machine.processes = []
        machine.installing = machine.restarting = False
        for task in machine.tasks.values():
            if task.state is TaskState.Running:
                task.state, task.last_result = TaskState.Ready, TASK_TERMINATED

    def _booted(self, machine: GuestOs) -> None:
        """A start; one that finds staged updates completes them, after a failure too [GK]."""
        self._forget(machine)
        eventlog.started(machine, self._world.now, orderly=machine.orderly)
        machine.orderly = False
        update = machine.staged
        if update is not None:
            machine.staged, machine.cumulative, machine.hotpatch = None, update, None
            self._installed(machine, update)
            self._world.emit("guest.build", vm=machine.guest.name, build=str(machine.build), kb=update.kb)
        machine.processes = make_processes(self._world, machine)
        actions = self._at_start.get(machine.guest.name, [])
        actions[:] = [action for action in actions if action()]

    def _finish(self, machine: GuestOs, work: Work, update: GuestUpdate, step: str) -> None:
        work.ended.append(update.kb)
        work.done = len(work.ended) == len(work.updates)
        self._tell(machine, update, step)

    def _tell(self, machine: GuestOs, update: GuestUpdate, step: str) -> None:
        self._world.emit("guest.update", vm=machine.guest.name, kb=update.kb, step=step, build=str(machine.build))
