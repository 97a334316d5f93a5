"""Failover cluster membership: heartbeats, regroup, quorum, joining, isolation and quarantine.

Heartbeats are analytic: a silent node's last beat lies up to one period before the loss, and ten missed beats later it
is declared down ([D] WSD failover-clustering: 1 s x 10).  A regroup removes every silent member at once.
"""

from __future__ import annotations

from typing import Protocol

from harness.twin.model.entities import Node
from harness.twin.model.quorum import Votes, assign_votes
from harness.twin.model.states import ClusterNodeState, DrainStatus, NodeStatusInformation
from harness.twin.model.world import Bell, Process, World


class MembershipListener(Protocol):
    """Told what the cluster agrees upon."""

    def node_down(self, node: Node, *, planned: bool) -> None:
        """*node* is no member any more."""

    def node_up(self, node: Node) -> None:
        """*node* joined (Up, or Paused if it was)."""

    def quorum_lost(self) -> None:
        """The cluster stopped."""

    def quorum_restored(self) -> None:
        """The cluster runs again; ``node_up`` follows for each member."""


class Membership:
    """The cluster's view of its nodes."""

    def __init__(self, world: World, *, detects: bool = True) -> None:
        """`detects`: heartbeats are those of the model, so a node that stops is missed after ten of them; else somebody
        else counts them and tells of a node when it was missed."""
        self._world = world
        self._detects = detects
        self.listeners: list[MembershipListener] = []
        self.bell = Bell(world.env)
        self.quorate = True
        self._forming = False
        self.votes = Votes({}, 0)
        self._assign(list(world.nodes))

    @property
    def members(self) -> list[Node]:
        """Active members in order of their ids."""
        return [node for node in self._world.nodes.values() if node.member]

    def node_stopped(self, node: Node, *, planned: bool) -> None:
        """A machine's cluster service is gone: at once known if planned, after missed heartbeats otherwise."""
        node.cluster_service = False
        if not node.member:
            node.cluster_state = ClusterNodeState.Down
            return
        if planned:
            self._leave(node)
        else:
            self._world.env.process(self._detect(node))

    def node_running(self, node: Node) -> None:
        """A machine's cluster service started."""
        node.cluster_service = True
        self._world.env.process(self._join(node))

    def isolate(self, node: Node) -> None:
        """Cut *node* off from the others; its operating system goes on."""
        if node.network_up:
            node.network_up = False
            self._world.emit("node.network", node=node.name, state="lost")
            if node.member:
                self._world.env.process(self._detect(node))

    def reconnect(self, node: Node) -> None:
        """Undo :meth:`isolate`."""
        if not node.network_up:
            node.network_up = True
            self._world.emit("node.network", node=node.name, state="back")
            node.status_information &= ~NodeStatusInformation.Isolated
            if node.cluster_service and not node.member:
                self._world.env.process(self._join(node))

    def clear_quarantine(self, node: Node) -> None:
        """Admit a quarantined node now (``Start-ClusterNode -ClearQuarantine``)."""
        node.quarantined_until_ns = None
        node.status_information &= ~NodeStatusInformation.Quarantined
        self.bell.ring()

    def set_paused(self, node: Node, *, paused: bool) -> None:
        """Pause or resume a member."""
        node.paused = paused
        if node.member:
            node.cluster_state = ClusterNodeState.Paused if paused else ClusterNodeState.Up
        self._world.emit("node.paused" if paused else "node.resumed", node=node.name)
        self.bell.ring()

    def alive(self, node: Node) -> bool:
        """The node answers heartbeats."""
        return node.cluster_service and node.network_up

    def _detect(self, node: Node) -> Process:
        values = self._world.calibration.cluster
        missing_ns = 0
        if self._detects:
            period = values.heartbeat_delay.ns
            since_beat = self._world.streams.below(f"heartbeat/{node.name}", period)
            missing_ns = period * values.heartbeat_threshold.n - since_beat
        yield self._world.env.timeout(missing_ns + values.regroup.ns)
        if node.member and not self.alive(node):
            self._regroup()

    def _regroup(self) -> None:
        gone = [node for node in self.members if not self.alive(node)]
        survivors = [node for node in self.members if self.alive(node)]
        if not survivors:
            # Everybody left is cut off: a machine which is alone has nobody to lose.
            survivors = [node for node in gone if node.cluster_service][:1]
            gone = [node for node in gone if node not in survivors]
        if not self.votes.suffice([node.name for node in survivors]):
            self._lose_quorum([*gone, *survivors], gone)
            return
        if gone:
            self._remove(gone, planned=False)

    def _leave(self, node: Node) -> None:
        if len(self.members) == 1:
            self._lose_quorum([node], [], reason="last node left")
        else:
            self._remove([node], planned=True)

    def _remove(self, gone: list[Node], *, planned: bool) -> None:
        for node in gone:
            node.cluster_state = ClusterNodeState.Down
            if not planned:
                self._count_exit(node)
        self._assign([node.name for node in self.members])
        for node in gone:
            self._world.emit("node.down", node=node.name, planned=planned)
            if not node.network_up and node.cluster_service:
                node.status_information |= NodeStatusInformation.Isolated
        self.bell.ring()
        for node in gone:
            for listener in self.listeners:
                listener.node_down(node, planned=planned)

    def _count_exit(self, node: Node) -> None:
        values = self._world.calibration.cluster
        now = self._world.now
        recent = [t for t in node.unplanned_exits_ns if now - t < values.quarantine_window.ns]
        node.unplanned_exits_ns = [*recent, now]
        if len(node.unplanned_exits_ns) >= values.quarantine_threshold.n:
            node.quarantined_until_ns = now + values.quarantine_duration.ns
            node.status_information |= NodeStatusInformation.Quarantined
            self._world.emit("node.quarantined", node=node.name, until_ns=node.quarantined_until_ns)

    def _lose_quorum(self, members: list[Node], gone: list[Node], reason: str = "votes") -> None:
        self.quorate = False
        for node in members:
            node.cluster_state = ClusterNodeState.Down
        kind = "cluster.quorum" if reason == "votes" else "cluster.stop"
        self._world.emit(kind, state="lost", reason=reason)
        for node in members:
            self._world.emit("node.down", node=node.name, planned=node not in gone)
        for listener in self.listeners:
            listener.quorum_lost()
        self.bell.ring()

    def _join(self, node: Node) -> Process:
        boot = node.boot_id
        node.cluster_state = ClusterNodeState.Joining
        self._world.emit("node.joining", node=node.name)
        yield self._world.env.timeout(self._world.draw(f"node/{node.name}/join", self._world.calibration.cluster.join))
        if node.quarantined_until_ns is not None and node.quarantined_until_ns > self._world.now:
            node.cluster_state = ClusterNodeState.Down
            left = node.quarantined_until_ns - self._world.now
            yield from self._world.wait_until(lambda: node.quarantined_until_ns is None, self.bell, left)
            self.clear_quarantine(node)
        if not self.alive(node) or node.boot_id != boot or node.member:
            return
        if self.quorate:
            self._admit([node])
        else:
            yield from self._try_form()

    def _try_form(self) -> Process:
        waiting = [node.name for node in self._world.nodes.values() if self.alive(node)]
        if self._forming or not self.votes.suffice(waiting):
            return
        self._forming = True
        yield self._world.env.timeout(self._world.draw("cluster/form", self._world.calibration.cluster.form))
        self._forming = False
        ready = [node for node in self._world.nodes.values() if self.alive(node)]
        if self.quorate or not self.votes.suffice([node.name for node in ready]):
            return
        self.quorate = True
        self._world.emit("cluster.quorum", state="restored", reason="votes")
        for listener in self.listeners:
            listener.quorum_restored()
        self._admit(ready)

    def _admit(self, nodes: list[Node]) -> None:
        for node in nodes:
            node.cluster_state = ClusterNodeState.Paused if node.paused else ClusterNodeState.Up
            node.status_information &= ~(NodeStatusInformation.Isolated | NodeStatusInformation.Quarantined)
            if not node.paused:
                node.drain_status = DrainStatus.NotInitiated
        self._assign([node.name for node in self.members])
        for node in nodes:
            self._world.emit("node.up", node=node.name, paused=node.paused)
        self.bell.ring()
        for node in nodes:
            for listener in self.listeners:
                listener.node_up(node)

    def _assign(self, members: list[str]) -> None:
        self.votes = assign_votes(
            members,
            witness=self._world.spec.has_witness,
            choose=lambda count: self._world.streams.below("quorum/vote", count),
        )
        for node in self._world.nodes.values():
            node.dynamic_weight = self.votes.nodes.get(node.name, 0)
