"""Guests: running state, loss with their node, restart by the cluster, pauses with their volume.

A guest whose node dies is restarted elsewhere after the node was declared down; on an isolated node it runs on,
unmonitored, for the resiliency period ([D] WPD FailoverClusters/Get-Cluster: 240 s); a guest whose volume goes offline
is PausedCritical until the volume is back.
"""

from __future__ import annotations

from collections.abc import Callable

from simpy.events import AnyOf

from harness.twin.model.entities import Guest, Node
from harness.twin.model.membership import Membership
from harness.twin.model.states import ClusterGroupState, Signal, VmState
from harness.twin.model.storage import Storage
from harness.twin.model.world import Bell, NodeLostError, Process, World
from harness.twin.units import BYTES_PER_MIB, NS_PER_S


class Guests:
    """All guests of the cluster."""

    def __init__(self, world: World, membership: Membership, storage: Storage) -> None:
        self._world = world
        self._membership = membership
        self._storage = storage
        self.bell = Bell(world.env)
        self._starting: dict[str, None] = {}
        self.signal_listeners: list[Callable[[Guest], None]] = []
        """Called at each change of a guest's signal; must not change the model."""
        self.extra_boot_ns: Callable[[Guest], int] = lambda guest: 0
        """What the guest's operating system does in its next boot before it answers, in nanoseconds."""

    def on(self, node: str) -> list[Guest]:
        """Guests which *node* owns, by name."""
        return [guest for guest in self._world.guests.values() if guest.owner == node]

    def best_target(self, exclude: str | None = None) -> str | None:
        """The Up node with the least guest memory, or None."""
        load = {
            node.name: 0
            for node in self._world.nodes.values()
            if node.places and node.os_running and node.name != exclude
        }
        for guest in self._world.guests.values():
            place = guest.migrating_to or guest.owner
            if place in load:
                load[place] += guest.ram_mib
        return min(load, key=lambda name: (load[name], self._world.nodes[name].number), default=None)

    def group_state(self, guest: Guest) -> ClusterGroupState:
        """State of the guest's cluster group: a lost node's guests look online until the loss is noticed."""
        if not self._membership.quorate:
            return ClusterGroupState.Unknown
        owner = self._world.nodes[guest.owner]
        if guest.state is VmState.Starting:
            return ClusterGroupState.Pending
        if guest.state in (VmState.Off, VmState.Saved):
            return ClusterGroupState.Online if owner.member and not owner.os_running else ClusterGroupState.Offline
        return ClusterGroupState.Online

    def all_answering(self) -> bool:
        """Every guest that should run answers, and none is on the move."""
        return all(
            guest.reachability.signal is Signal.Answering and guest.migrating_to is None
            for guest in self._world.guests.values()
            if guest.wanted
        )

    # --- what happens to machines

    def node_stopped(self, node: Node, *, planned: bool) -> None:
        """Everything that ran on the machine is off; saved guests are on disk."""
        for guest in self.on(node.name):
            if guest.state not in (VmState.Off, VmState.Saved):
                self.turn_off(guest, "node shutdown" if planned else "node lost")

    def node_running(self, node: Node) -> None:
        """Nothing starts before the node has joined the cluster."""

    def node_down(self, node: Node, *, planned: bool) -> None:
        """Restart the lost node's guests elsewhere, or wait out the resiliency period of an isolated node."""
        if node.os_running and node.cluster_service:
            self._world.env.process(self._isolated(node))
        else:
            self._restart_all(node)

    def node_up(self, node: Node) -> None:
        """Guests which could not be placed, and guests saved on this node, start."""
        for guest in self.on(node.name):
            if guest.unmonitored:
                guest.unmonitored = False
                self._signal(guest, Signal.Answering)
            elif guest.state is VmState.Saved and guest.wanted:
                self._world.env.process(self._restore(guest, node.name))
        self.bell.ring()

    def quorum_lost(self) -> None:
        """The cluster stopped; the volumes went with it, so running guests are paused by then."""
        self.bell.ring()

    def quorum_restored(self) -> None:
        """Start every guest which lost its machine meanwhile."""
        index = 0
        for guest in self._world.guests.values():
            if guest.state is VmState.Off and guest.wanted:
                self._world.env.process(self._restart(guest, index))
                index += 1

    def volume_offline(self, volume: str) -> None:
        """Pause the guests of the volume."""
        for guest in self._world.guests.values():
            if guest.volume == volume and guest.state is VmState.Running:
                guest.state = VmState.PausedCritical
                self.freeze(guest)
                self._world.emit("vm.paused", vm=guest.name, node=guest.owner, reason="volume offline")

    def volume_online(self, volume: str) -> None:
        """Resume the guests of the volume."""
        for guest in self._world.guests.values():
            if guest.volume == volume and guest.state is VmState.PausedCritical:
                guest.state = VmState.Running
                self.unfreeze(guest)
                self._world.emit("vm.resumed", vm=guest.name, node=guest.owner)
        self.bell.ring()

    def network_changed(self, node: Node) -> None:
        """The guests of an isolated node run on without network."""
        for guest in self.on(node.name):
            if guest.state is VmState.Running and guest.reachability.signal in (Signal.Answering, Signal.Isolated):
                self._signal(guest, Signal.Answering if node.network_up else Signal.Isolated)

    # --- single changes, used by migration and drain too

    def freeze(self, guest: Guest) -> None:
        """Guest time stops."""
        if guest.paused_since_ns is None:
            guest.paused_since_ns = self._world.now
        if guest.reachability.signal is not Signal.Off:
            self._signal(guest, Signal.Frozen)

    def unfreeze(self, guest: Guest) -> None:
        """Guest time goes on; the guest is heard if its machine has a network and its boot was over."""
        if guest.paused_since_ns is not None:
            guest.paused_ns += self._world.now - guest.paused_since_ns
            guest.paused_since_ns = None
        if guest.reachability.signal is Signal.Frozen:
            self._heard(guest)

    def _heard(self, guest: Guest) -> None:
        network = self._world.nodes[guest.owner].network_up
        self._signal(guest, Signal.Answering if network else Signal.Isolated)

    def turn_off(self, guest: Guest, cause: str) -> None:
        """The guest stops at once and loses its memory."""
        guest.state = VmState.Off
        guest.paused_ns, guest.paused_since_ns, guest.migrating_to, guest.unmonitored = 0, None, None, False
        self._signal(guest, Signal.Off)
        self._world.emit("vm.off", vm=guest.name, node=guest.owner, cause=cause)

    def restart(self, guest: Guest) -> None:
        """Start a stopped guest on the best node."""
        self._world.env.process(self._restart(guest, 0))

    def restart_inside(self, guest: Guest, shutdown_ns: int, stopped: Callable[[], None]) -> Process:
        """The guest's own operating system restarts: it is not heard from now on, shuts down, and boots.

        *stopped* is called when it is down in order.  The virtual machine keeps running on its node; that its uptime
        begins anew is [INF], and so is that the new start waits for the end of a live migration.
        """
        boot = guest.boot_id
        self._signal(guest, Signal.Off)
        if not (yield from self.wait_inside(guest, shutdown_ns)):
            return
        yield from self._world.wait_until(
            lambda: guest.migrating_to is None or guest.boot_id != boot or guest.state is VmState.Off, self.bell
        )
        if guest.boot_id == boot and guest.state is not VmState.Off:
            stopped()
            yield from self._boot(guest)

    def wait_inside(self, guest: Guest, ns: int) -> Process:
        """Let *ns* of the guest's own time pass, which stands while it is frozen; False when its boot ended before."""
        boot, end_ns = guest.boot_id, guest.uptime_ns(self._world.now) + ns
        while guest.boot_id == boot and guest.state is not VmState.Off:
            left_ns = end_ns - guest.uptime_ns(self._world.now)
            if guest.paused_since_ns is not None:
                yield self.bell.wait()
            elif left_ns > 0:
                yield AnyOf(self._world.env, [self._world.env.timeout(left_ns), self.bell.wait()])
            else:
                return True
        return False

    def save_all(self, node: Node) -> Process:
        """Save every guest of a machine which has nowhere to move them (offline action Save) [INF]."""
        for guest in self.on(node.name):
            if guest.state is VmState.Running:
                yield from self.save(guest)

    def save(self, guest: Guest) -> Process:
        """Write the guest's memory to its volume and stop it there."""
        rate = self._world.calibration.guest.save_bandwidth.bytes_s
        self.freeze(guest)
        guest.state = VmState.Saving
        yield from self._world.wait(guest.ram_mib * BYTES_PER_MIB * NS_PER_S // rate, guest.owner)
        guest.state = VmState.Saved
        self._world.emit("vm.saved", vm=guest.name, node=guest.owner)

    def start_here(self, guest: Guest) -> Process:
        """Start a stopped guest on its owner, or go on from its saved state; its system then boots by itself."""
        if guest.state is VmState.Saved:
            yield from self._restore(guest, guest.owner)
            return
        guest.state = VmState.Starting
        yield from self._world.wait(
            self._world.draw(f"vm/{guest.name}/start", self._world.calibration.guest.start), guest.owner
        )
        guest.state = VmState.Running
        self._world.env.process(self._boot(guest))
        yield from self._world.wait(0)

    def stop_inside(self, guest: Guest, shutdown_ns: int, stopped: Callable[[], None]) -> Process:
        """The guest's operating system shuts down and the virtual machine turns off; *stopped* as in
        :meth:`restart_inside`."""
        self._signal(guest, Signal.Off)
        if (yield from self.wait_inside(guest, shutdown_ns)):
            self.turn_off(guest, "shutdown")
            stopped()

    # --- processes

    def _isolated(self, node: Node) -> Process:
        for guest in self.on(node.name):
            guest.unmonitored = True
        period = self._world.calibration.cluster.resiliency_period.ns
        if not (yield from self._world.wait_until(lambda: node.member, self._membership.bell, period)):
            for guest in self.on(node.name):
                if guest.state is not VmState.Off:
                    self.turn_off(guest, "isolated too long")
            self._restart_all(node)

    def _restart_all(self, node: Node) -> None:
        if self._world.spec.has_defect("no_ha_restart"):
            return
        for index, guest in enumerate(item for item in self.on(node.name) if item.wanted):
            self._world.env.process(self._restart(guest, index))

    def _restart(self, guest: Guest, index: int) -> Process:
        values = self._world.calibration.guest
        if guest.state is VmState.Saved:
            # Saved on a machine that then died: the saved state lies on the shared volume [INF].
            guest.state = VmState.Off
        if guest.state is not VmState.Off or guest.name in self._starting:
            return
        self._starting[guest.name] = None
        delay = self._world.draw(f"vm/{guest.name}/restart", values.restart_delay)
        yield self._world.env.timeout(delay + index * values.restart_stagger.ns)
        target = yield from self._place(guest)
        del self._starting[guest.name]
        source, guest.owner, guest.state = guest.owner, target, VmState.Starting
        guest.drained_from = None
        self._world.emit("vm.restart", vm=guest.name, node=target, source=source)
        try:
            yield from self._world.wait(self._world.draw(f"vm/{guest.name}/start", values.start), target)
        except NodeLostError:
            return  # node_down of the target starts the guest again
        guest.state = VmState.Running
        yield from self._boot(guest)

    def _boot(self, guest: Guest) -> Process:
        """The operating system of a running virtual machine starts, until it answers."""
        extra_ns = self.extra_boot_ns(guest)
        guest.boot_id += 1
        guest.started_ns = self._world.now
        guest.paused_ns = 0
        if guest.state is VmState.Running:
            guest.paused_since_ns = None
        self._signal(guest, Signal.Off)
        self._world.emit("vm.boot", vm=guest.name, node=guest.owner, boot_id=guest.boot_id)
        boot = guest.boot_id
        yield from self._world.wait(
            self._world.draw(f"vm/{guest.name}/boot", self._world.calibration.guest.boot) + extra_ns
        )
        # A guest that was paused or saved meanwhile goes on booting afterwards.
        ended = (VmState.Running, VmState.Off)
        yield from self._world.wait_until(lambda: guest.boot_id != boot or guest.state in ended, self.bell)
        if guest.boot_id == boot and guest.state is VmState.Running:
            self._heard(guest)
            self._world.emit("vm.answering", vm=guest.name, node=guest.owner, boot_id=boot)
            self.bell.ring()

    def _place(self, guest: Guest) -> Process:
        """The node to start on, as soon as there is one and the volume is online."""
        volume = self._storage.volumes[guest.volume]
        while True:
            target = self.best_target()
            if target is not None and volume.online and self._membership.quorate:
                return target
            yield self.bell.wait()

    def _restore(self, guest: Guest, node: str) -> Process:
        """Continue a saved guest where it was; its boot goes on."""
        rate = self._world.calibration.guest.save_bandwidth.bytes_s
        guest.state = VmState.Starting
        try:
            yield from self._world.wait(guest.ram_mib * BYTES_PER_MIB * NS_PER_S // rate, node)
        except NodeLostError:
            return
        guest.state = VmState.Running
        self.unfreeze(guest)
        self._world.emit("vm.restored", vm=guest.name, node=node)
        self.bell.ring()

    def _signal(self, guest: Guest, signal: Signal) -> None:
        if guest.reachability.record(self._world.now, signal, guest.boot_id):
            self.bell.ring()
            for listener in self.signal_listeners:
                listener(guest)
