"""Live migration, drain and failback.

Memory is copied in rounds, each as long as the dirt of the one before; the last remainder is copied while the guest
stands still.  Network ATC allows one migration per machine at a time ([D] ASD deploy/network-atc).
"""

from __future__ import annotations

from dataclasses import dataclass

import simpy

from harness.twin.model.entities import Guest, Node
from harness.twin.model.guests import Guests
from harness.twin.model.states import VmState
from harness.twin.model.world import NodeLostError, Process, World
from harness.twin.units import BYTES_PER_MIB, NS_PER_S


@dataclass(frozen=True, slots=True)
class CopyPlan:
    """Times of one migration's memory copy."""

    running_ns: int
    frozen_ns: int
    rounds: int


def plan_copy(
    ram_bytes: int, dirty_bytes_s: int, bandwidth_bytes_s: int, *, max_rounds: int, stop_bytes: int
) -> CopyPlan:
    """How long the copy takes with the guest running, and then with the guest frozen."""
    remaining, running_ns, rounds = ram_bytes, 0, 0
    while rounds < max_rounds and (rounds == 0 or remaining > stop_bytes):
        duration = remaining * NS_PER_S // bandwidth_bytes_s
        running_ns += duration
        remaining = min(ram_bytes, dirty_bytes_s * duration // NS_PER_S)
        rounds += 1
    return CopyPlan(running_ns, remaining * NS_PER_S // bandwidth_bytes_s, rounds)


class Migration:
    """Moves running guests between machines."""

    def __init__(self, world: World, guests: Guests) -> None:
        self._world = world
        self._guests = guests
        capacity = world.calibration.guest.concurrent_migrations.n
        self._slots = {name: simpy.Resource(world.env, capacity) for name in world.nodes}

    def migrate(self, guest: Guest, target: str) -> Process:
        """Live-migrate *guest*; return whether it now runs on *target*."""
        source = guest.owner
        first, second = sorted((source, target), key=lambda name: self._world.nodes[name].number)
        with self._slots[first].request() as one:
            yield one
            with self._slots[second].request() as two:
                yield two
                if guest.owner != source or guest.state is not VmState.Running:
                    return False
                if not self._world.nodes[target].os_running:
                    return False
                return (yield from self._copy(guest, source, target))

    def _copy(self, guest: Guest, source: str, target: str) -> Process:
        values = self._world.calibration.guest
        plan = plan_copy(
            guest.ram_mib * BYTES_PER_MIB,
            guest.dirty_rate_mib_s * BYTES_PER_MIB,
            values.migration_bandwidth.bytes_s,
            max_rounds=values.migration_rounds.n,
            stop_bytes=values.migration_stop_bytes.bytes,
        )
        setup = self._world.draw(f"vm/{guest.name}/migration-setup", values.migration_setup)
        overhead = self._world.draw(f"vm/{guest.name}/blackout", values.blackout_overhead)
        guest.migrating_to = target
        self._world.emit("vm.migration.start", vm=guest.name, node=source, target=target)
        boot = guest.boot_id
        try:
            yield from self._world.wait(setup + plan.running_ns, source, target)
            if guest.state is VmState.Running:
                self._guests.freeze(guest)
                yield from self._world.wait(plan.frozen_ns + overhead, source, target)
        except NodeLostError as loss:
            self._end(guest, source, boot, f"{loss.node} lost")
            return False
        if guest.state is not VmState.Running or guest.boot_id != boot:
            self._end(guest, source, boot, "guest not running")
            return False
        guest.owner = target
        self._end(guest, target, boot, None, plan.frozen_ns + overhead)
        return True

    def _end(self, guest: Guest, node: str, boot: int, error: str | None, blackout_ns: int = 0) -> None:
        if guest.boot_id == boot:
            guest.migrating_to = None
            if guest.state is VmState.Running:
                self._guests.unfreeze(guest)
        status = "ok" if error is None else "failed"
        self._world.emit(
            "vm.migration.end", vm=guest.name, node=node, status=status, error=error, blackout_ns=blackout_ns
        )
        self._guests.bell.ring()

    def drain(self, node: Node, *, force: bool) -> Process:
        """Move every guest off *node*, one after another; return the names of those which stayed.

        A guest which cannot be migrated stays, or with *force* is turned off and restarted elsewhere
        ([D] ASD update/update-settings: force drain).
        """
        stayed: list[str] = []
        if len(self._world.nodes) == 1:
            yield from self._guests.save_all(node)
            return stayed
        for guest in self._guests.on(node.name):
            yield from self._wait_started(guest, node)
            if guest.state is not VmState.Running or guest.owner != node.name:
                continue
            moved = False
            target = self._guests.best_target(exclude=node.name)
            if guest.migratable and target is not None:
                moved = yield from self.migrate(guest, target)
                if not moved and guest.owner == node.name and guest.state is VmState.Running:
                    target = self._guests.best_target(exclude=node.name)
                    moved = target is not None and (yield from self.migrate(guest, target))
            if self._world.lost[node.name].triggered:
                raise NodeLostError(node.name)
            if moved:
                guest.drained_from = node.name
            elif force:
                self._guests.turn_off(guest, "forced drain")
                self._guests.restart(guest)
            else:
                stayed.append(guest.name)
        return stayed

    def _wait_started(self, guest: Guest, node: Node) -> Process:
        yield from self._world.wait_until(
            lambda: guest.state is not VmState.Starting, self._guests.bell, None, node.name
        )

    def fail_back(self, node: Node) -> Process:
        """Bring the guests back which a drain took from *node*."""
        for guest in self._world.guests.values():
            if guest.drained_from != node.name:
                continue
            if node.places and guest.owner != node.name and guest.state is VmState.Running and guest.migratable:
                yield from self.migrate(guest, node.name)
            guest.drained_from = None
            if self._world.lost[node.name].triggered:
                raise NodeLostError(node.name)
