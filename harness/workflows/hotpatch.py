"""The hotpatch train in guests: one month's baseline or hotpatch ([D] WSD get-started/hotpatch).

A guest that is not on the train would silently get the ordinary cumulative update with its restart ([P]).  So exactly
one KB is installed, the one that the month's calendar names for the guest's build, and nothing else that is offered.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.azurelocal import updates
from harness.azurelocal.command import Command
from harness.azurelocal.enums import UNNUMBERED, read_enum
from harness.azurelocal.guests import inventory, restart, task
from harness.azurelocal.guests.standing import standing_of
from harness.azurelocal.updates import UpdateList
from harness.measure.update_states import ACTIVE_STATES
from harness.plan.guest_calendar import train_of, update_for
from harness.values import DirectAccess, GuestInventory, GuestStanding, MonthlyUpdate, TaskLook
from harness.workflows.port import Readiness


@dataclass(frozen=True, slots=True)
class GuestHotpatch:
    """The workflow of one month (`YYYY-MM`)."""

    month: str

    @property
    def update_id(self) -> str:
        """No solution update is installed."""
        return ""

    def readiness(self) -> Command[Readiness]:
        """Is no solution update at work?  It would drain nodes and move guests meanwhile."""
        listing = updates.list_updates()
        return Command("readiness", listing.script, lambda document: judge_readiness(updates.parse_list(document)))

    def inventory(self) -> Command[GuestInventory]:
        """One look at a guest."""
        return inventory.read_inventory()

    def probe(self) -> Command[DirectAccess]:
        """What Windows Update says to a network log-on."""
        return inventory.probe_direct_access()

    def standing(self, seen: GuestInventory) -> GuestStanding:
        """Where the guest stands with respect to the month's update for its build."""
        return standing_of(seen, update_for(seen.build, self.month), train_of(seen.build, self.month))

    def install(self, task_name: str, update: MonthlyUpdate) -> Command[TaskLook]:
        """See to it that the task installs the update."""
        return task.install_by_task(task_name, update.kb)

    def look(self, task_name: str) -> Command[TaskLook]:
        """How far the task is."""
        return task.look_at_task(task_name)

    def remove(self, task_name: str) -> Command[bool]:
        """Remove the task and its file."""
        return task.remove_task(task_name)

    def restart(self, booted: str) -> Command[str]:
        """Restart the guest if it still runs since `booted`."""
        return restart.restart_guest(booted)


def judge_readiness(listed: UpdateList) -> Readiness:
    """Readiness of the cluster below the guests, from a list of all solution updates."""
    busy = [row.update_id for row in listed.updates if row.state.name in ACTIVE_STATES]
    reason = f"the solution update {busy[0]} is at work" if busy else ""
    return Readiness(not reason, reason, read_enum(listed.environment_state.name, UNNUMBERED), listed.current_version)
