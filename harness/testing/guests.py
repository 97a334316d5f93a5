"""Windows guests in memory: workflow and guests in one, on a `ScriptedLab`.

    lab = ScriptedLab(guests=4)
    guests = ScriptedGuests(lab, month="2026-01", cumulative={"vm02"})

A guest installs for `INSTALL_S` after its task was started, and is away for `AWAY_S` when it restarts.  Guests in
`cumulative` are not on the train; those in `reboots` restart by themselves after their installation; a task in `dies`
ends without a result the first time; guests in `stays_away` never come back from a restart.  What was really done to
the guests stands in `deeds`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from harness.azurelocal.command import Command
from harness.azurelocal.guests.restart import DONE, ORDERED, UNDER_WAY
from harness.azurelocal.guests.task import NEVER_RAN, RUNNING, TERMINATED, parse_look
from harness.clock import lab_utc, utc_text
from harness.errors import TransportError
from harness.measure.guest_changes import same_moment
from harness.measure.guest_records import plain, read_inventory
from harness.plan.guest_calendar import update_for
from harness.testing.guest_stories import BUILD, look
from harness.testing.lab import ScriptedLab, ScriptedNode
from harness.transports.replies import Json
from harness.values import (
    DirectAccess,
    EnumValue,
    GuestEvent,
    GuestInventory,
    GuestService,
    GuestStanding,
    MonthlyUpdate,
    Standing,
    TaskLook,
    TrainUpdate,
)
from harness.workflows.port import Readiness

INSTALL_S: Final = 150
AWAY_S: Final = 100
KERNEL: Final = "Microsoft-Windows-Kernel-General"


@dataclass
class ScriptedGuest:
    """One guest: what its Windows would tell, and the tasks in it."""

    inventory: GuestInventory
    machine: ScriptedNode = field(default_factory=ScriptedNode)
    tasks: dict[str, dict[str, Json]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    staged: MonthlyUpdate | None = None
    going_down: bool = False


class ScriptedGuests:
    """Implements `harness.workflows.port.GuestWorkflow`, and is the guests that it is about."""

    def __init__(
        self,
        lab: ScriptedLab,
        *,
        month: str,
        cumulative: Collection[str] = (),
        reboots: Collection[str] = (),
        dies: Collection[str] = (),
        stays_away: Collection[str] = (),
        loses_replies: bool = False,
    ) -> None:
        update = update_for(BUILD, month)
        if update is None:
            raise ValueError(f"no update of {month} for build {BUILD}")
        self.update = update
        self.update_id = ""
        self.deeds: list[tuple[str, str, int]] = []
        self._lab = lab
        self._cumulative, self._reboots, self._dies = set(cumulative), set(reboots), set(dies)
        self._stays_away = set(stays_away)
        self._loses_replies = loses_replies
        self.guests = {name: ScriptedGuest(self._first_look(name)) for name in lab.guests}
        lab.machines_of_guests = {name: guest.machine for name, guest in self.guests.items()}
        lab.answers |= {"inventory": self._tell_inventory, "probe": lambda guest: 1}

    # --- workflow ----------------------------------------------------------------------------------------------------

    def readiness(self) -> Command[Readiness]:
        """Always ready."""
        return Command("readiness", "ready", lambda document: Readiness(True, "", EnumValue("", None), ""))

    def inventory(self) -> Command[GuestInventory]:
        """One look."""
        return Command("guest-inventory", "inventory", lambda document: read_inventory(document))

    def probe(self) -> Command[DirectAccess]:
        """Always refused."""
        return Command("guest-direct-access", "probe", lambda document: DirectAccess(True, -1, "denied", True))

    def standing(self, seen: GuestInventory) -> GuestStanding:
        """By name."""
        if seen.computer in self._cumulative:
            return GuestStanding(Standing.CUMULATIVE, ("not on the train",), self.update)
        if self.update.kb in seen.kbs:
            return GuestStanding(Standing.CURRENT, ("it has it",), self.update)
        return GuestStanding(Standing.ELIGIBLE, (), self.update)

    def install(self, task_name: str, update: MonthlyUpdate) -> Command[TaskLook]:
        """Register and start a task unless it is there."""
        return self._command("install", task_name, lambda guest: self._install(guest, task_name), parse_look)

    def look(self, task_name: str) -> Command[TaskLook]:
        """How far it is."""
        return self._command("look", task_name, lambda guest: self._tell_task(guest, task_name), parse_look)

    def remove(self, task_name: str) -> Command[bool]:
        """Remove it."""
        return self._command("remove", task_name, lambda guest: self._remove(guest, task_name), bool)

    def restart(self, booted: str) -> Command[str]:
        """Restart, if it still runs since `booted`."""
        return self._command("restart", booted, lambda guest: self._restart(guest, booted), str)

    def _command(self, verb: str, what: str, tell: Callable[[str], Json], read: Callable[[Json], Any]) -> Command[Any]:
        script = f"{verb} {what}"
        sent: set[str] = set()

        def answer(guest: str) -> Json:
            value = tell(guest)
            if self._loses_replies and guest not in sent:
                sent.add(guest)
                raise TransportError("the connection broke before the reply came")
            return value

        if script not in self._lab.answers:
            self._lab.answers[script] = answer
        return Command(f"guest-{verb}", script, read)

    # --- guests ------------------------------------------------------------------------------------------------------

    def _now(self, after_s: float = 0.0) -> str:
        moment = lab_utc(self._lab.clock.epoch, self._lab.clock.t_ns) + timedelta(seconds=after_s)
        return utc_text(moment)

    def _first_look(self, name: str) -> GuestInventory:
        began = utc_text(lab_utc(self._lab.clock.epoch, 0) - timedelta(days=3))
        return look(computer=name, booted=began, services=(GuestService("Workload", "Running", 400, began),))

    def _tell_inventory(self, name: str) -> Json:
        return plain(self.guests[name].inventory)

    def _install(self, name: str, task: str) -> Json:
        guest = self.guests[name]
        if task not in guest.files:
            entry = guest.tasks.setdefault(task, {"state": "Ready", "last": NEVER_RAN})
            if entry["last"] == NEVER_RAN:
                entry |= {"state": "Running", "last": RUNNING}
                self.deeds.append(("install", name, self._lab.clock.t_ns))
                self._lab.do_after(INSTALL_S, lambda: self._installed(name, task))
        return self._tell_task(name, task)

    def _installed(self, name: str, task: str) -> None:
        guest, update = self.guests[name], self.update
        entry = guest.tasks.get(task, {})
        if name in self._dies:
            self._dies.discard(name)
            entry |= {"state": "Ready", "last": TERMINATED}
            return
        entry |= {"state": "Ready", "last": 0}
        restart = update.kind is TrainUpdate.BASELINE
        done = {"phase": "done", "kb": update.kb, "code": 2, "hresult": 0, "offered": [update.kb], "title": update.kb}
        guest.files[task] = json.dumps(
            {**done, "present": False, "behavior": 2 * restart, "restart": restart, "system": restart, "error": ""}
        )
        if restart:
            guest.staged = update
            guest.inventory = replace(guest.inventory, pending=("CBS RebootPending",))
        else:
            self._take(guest, update)
        if name in self._reboots:
            self._lab.do_after(5, lambda: self._go_down(name))

    @staticmethod
    def _take(guest: ScriptedGuest, update: MonthlyUpdate) -> None:
        kbs = (*guest.inventory.kbs, update.kb)
        guest.inventory = replace(guest.inventory, kbs=kbs, revision=update.revision, pending=())

    def _tell_task(self, name: str, task: str) -> Json:
        guest = self.guests[name]
        entry = guest.tasks.get(task)
        told = entry or {"state": "", "last": 0}
        return {"exists": entry is not None, **told, "file": guest.files.get(task, "")}

    def _remove(self, name: str, task: str) -> bool:
        self.guests[name].tasks.pop(task, None)
        self.guests[name].files.pop(task, None)
        return False

    def _restart(self, name: str, booted: str) -> str:
        guest = self.guests[name]
        if not same_moment(guest.inventory.booted, booted):
            return DONE
        if guest.going_down:
            return UNDER_WAY
        guest.going_down = True
        self.deeds.append(("restart", name, self._lab.clock.t_ns))
        self._lab.do_after(2, lambda: self._go_down(name))
        return ORDERED

    def _go_down(self, name: str) -> None:
        self.guests[name].machine.serving = False
        self.deeds.append(("down", name, self._lab.clock.t_ns))
        if name not in self._stays_away:
            self._lab.do_after(AWAY_S, lambda: self._come_back(name))

    def _come_back(self, name: str) -> None:
        guest = self.guests[name]
        guest.machine.serving, guest.going_down = True, False
        self.deeds.append(("up", name, self._lab.clock.t_ns))
        begun, old = self._now(-AWAY_S / 2), guest.inventory
        record = max((event.record for event in old.events), default=0)
        events = (
            *old.events,
            GuestEvent(record + 1, KERNEL, 12, begun),
            GuestEvent(record + 2, "EventLog", 6005, begun),
        )
        services = tuple(replace(one, pid=one.pid + 4, started=begun) for one in old.services)
        guest.inventory = replace(old, booted=begun, events=events, services=services)
        if guest.staged is not None:
            self._take(guest, guest.staged)
            guest.staged = None
