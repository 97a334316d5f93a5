"""What the journal tells about the update of guests: to a new process, and to the one that writes it.

The cycle keeps no state of its own beside this: each line that it writes is folded in at once, so what a process knows
is exactly what the next one will know.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.journal import Entry
from harness.measure.guest_records import read_inventory, read_result, read_update
from harness.values import GuestInventory, InstallResult, MonthlyUpdate, Standing

BEFORE = "before"
RESTARTED = "restarted"
AFTER = "after"
"""Rounds of inventories: before anything is done, after an ordered restart, at the end."""


@dataclass(slots=True)
class GuestMemory:
    """One guest.  `task` is the number of its newest task, 0 for none; times are lab time."""

    before: GuestInventory | None = None
    after: GuestInventory | None = None
    probed: bool = False
    answers: bool | None = None
    standing: Standing | None = None
    update: MonthlyUpdate | None = None
    task: int = 0
    phase: str = ""
    """How far the task said that it is."""
    result: InstallResult | None = None
    removed: bool = True
    """No task of ours is registered."""
    restart_ns: int | None = None
    restarted: bool = False
    outcome: str = ""

    @property
    def mark(self) -> str:
        """Changes with every progress."""
        words = (self.standing, self.task, self.phase, self.result is not None, self.removed, self.restart_ns)
        return " ".join(map(str, (*words, self.restarted, self.outcome)))


@dataclass(slots=True)
class GuestsMemory:
    """All guests of a run.  `begun_ns`: when the workflow began, None before that; the window is that of restarts."""

    begun_ns: int | None = None
    window: tuple[int, int] | None = None
    guests: dict[str, GuestMemory] = field(default_factory=dict)

    def forget(self) -> None:
        """The lab is at a new baseline: what was seen before says nothing about it."""
        self.begun_ns, self.window = None, None
        self.guests.clear()

    def of(self, name: str) -> GuestMemory:
        """What is known of one guest."""
        return self.guests.setdefault(name, GuestMemory())


def take_guest(memory: GuestsMemory, entry: Entry) -> None:
    """Fold one `guest.*` line."""
    data = entry.data
    if entry.what == "guest.begin":
        memory.begun_ns = entry.t_lab_ns
        memory.window = tuple(data["window_ns"]) if data["window_ns"] else None
        return
    guest = memory.of(data["guest"])
    match entry.what:
        case "guest.inventory" if data["round"] == BEFORE:
            guest.before = read_inventory(data["seen"])
        case "guest.inventory" if data["round"] == AFTER:
            guest.after = read_inventory(data["seen"])
        case "guest.access":
            guest.probed = True
        case "guest.contact":
            guest.answers = data["reachable"]
        case "guest.standing":
            guest.standing, guest.update = Standing(data["standing"]), read_update(data["update"])
        case "guest.done":
            guest.outcome = data["outcome"]
        case _:
            _take_work(guest, entry)


def _take_work(guest: GuestMemory, entry: Entry) -> None:
    """Installation and restart."""
    data = entry.data
    match entry.what:
        case "guest.install":
            guest.task, guest.phase, guest.removed = data["number"], "", False
        case "guest.task":
            guest.phase = data["phase"]
        case "guest.result":
            guest.result = read_result(data["result"])
        case "guest.task.removed":
            guest.removed = True
        case "guest.restart":
            guest.restart_ns = entry.t_lab_ns if guest.restart_ns is None else guest.restart_ns
        case "guest.restarted":
            guest.restarted = True
