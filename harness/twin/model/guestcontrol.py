"""What an operator does to a guest on its host: start, shut down, turn off, save, pause, resume, reset.

[D] WPD Hyper-V.  A guest that was stopped by an operator is not started again by the cluster.  How long a guest
without a modelled operating system takes to shut down is that of the Windows guests [INF].
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Any

from harness.twin.model.entities import Guest
from harness.twin.model.errors import ModelError
from harness.twin.model.guests import Guests
from harness.twin.model.states import VmState
from harness.twin.model.storage import Storage
from harness.twin.model.windows.plant import Windows
from harness.twin.model.world import Process, World

_ON_DISK = ("cumulative", "hotpatch", "kbs", "staged", "downloaded", "history", "log", "tasks", "files")
_WRONG_STATE = "The operation cannot be performed while the virtual machine is in its current state."


class GuestControl:
    """Operations on single guests.  Those that take time are generators."""

    def __init__(self, world: World, guests: Guests, storage: Storage, windows: Windows) -> None:
        self._world = world
        self._guests = guests
        self._storage = storage
        self._windows = windows
        self._disks: dict[tuple[str, str], dict[str, Any]] = {}
        """What was on a guest's disk at its checkpoints, by their names."""

    def check(self, guest: Guest, *states: VmState) -> None:
        """Raises ModelError unless the guest is in one of *states* and not on the move."""
        if guest.state not in states or guest.migrating_to is not None:
            raise ModelError("InvalidState", _WRONG_STATE)

    def start(self, guest: Guest) -> Process:
        """Power on, or go on from the saved state; ends when the virtual machine runs, before its system answers."""
        if not self._storage.volumes[guest.volume].online or not self._world.nodes[guest.owner].os_running:
            raise ModelError("StorageNotAvailable", f"'{guest.name}' failed to start: its storage is not available.")
        guest.wanted = True
        yield from self._guests.start_here(guest)

    def shut_down(self, guest: Guest) -> Process:
        """The guest's operating system ends in order, then the machine is off."""
        guest.wanted = False
        machine = self._windows.machines.get(guest.name)
        values = self._world.calibration.windows
        ns = self._world.draw(f"vm/{guest.name}/shutdown", values.shutdown)
        if machine is not None and machine.restart_pending:
            ns += self._world.draw(f"vm/{guest.name}/servicing-shutdown", values.servicing_shutdown)
        ended: Callable[[], None] = (lambda: None) if machine is None else partial(self._windows.stopped, machine)
        yield from self._guests.stop_inside(guest, ns, ended)

    def checkpoint(self, guest: Guest, name: str) -> None:
        """Keep what is on the guest's disk under a name."""
        guest.checkpoints[name] = self._world.now
        machine = self._windows.machines.get(guest.name)
        if machine is not None:
            self._disks[guest.name, name] = {field: _copied(getattr(machine, field)) for field in _ON_DISK}

    def restore(self, guest: Guest, name: str) -> None:
        """Go back to a checkpoint of the production kind: the guest is off afterwards ([D]), and its disk as it was."""
        if guest.state is not VmState.Off:
            self.turn_off(guest)
        machine = self._windows.machines.get(guest.name)
        if machine is not None:
            for field, value in self._disks[guest.name, name].items():
                setattr(machine, field, _copied(value))

    def turn_off(self, guest: Guest) -> None:
        """Like pulling the plug."""
        guest.wanted = False
        self._guests.turn_off(guest, "turned off")

    def reset(self, guest: Guest) -> Process:
        """Turned off and on again."""
        self._guests.turn_off(guest, "reset")
        yield from self._guests.start_here(guest)

    def save(self, guest: Guest) -> Process:
        """Memory goes to disk; the guest stays saved until it is started."""
        guest.wanted = False
        yield from self._guests.save(guest)

    def pause(self, guest: Guest) -> None:
        """Guest time stops."""
        guest.state = VmState.Paused
        self._guests.freeze(guest)
        self._world.emit("vm.paused", vm=guest.name, node=guest.owner, reason="operator")

    def resume(self, guest: Guest) -> None:
        """Guest time goes on."""
        guest.state = VmState.Running
        self._guests.unfreeze(guest)
        self._world.emit("vm.resumed", vm=guest.name, node=guest.owner)
        self._guests.bell.ring()


def _copied(value: Any) -> Any:
    """A copy that later changes of the guest do not reach."""
    if isinstance(value, dict):
        return {key: copy(item) for key, item in value.items()}
    return copy(value)
