"""Clustered roles: where each group runs, planned moves and failover.

The orchestrator and the Update Service are such groups; while one of them fails over, whoever needs it finds it
unavailable ([T] TSG Update: services are groups named after the service).
"""

from __future__ import annotations

from harness.twin.model.entities import ClusterGroup, GroupType, Node
from harness.twin.model.errors import ModelError
from harness.twin.model.states import ClusterGroupState
from harness.twin.model.world import Bell, NodeLostError, Process, World

ORCHESTRATOR = "Azure Stack HCI Orchestrator Service Cluster Group"
UPDATE_SERVICE = "Azure Stack HCI Update Service Cluster Group"
DOWNLOAD_SERVICE = "Azure Stack HCI Download Service Cluster Group"
HEALTH_SERVICE = "Azure Stack HCI Health Service Cluster Group"
CLOUD_MANAGEMENT = "Cloud Management"
CLUSTER_GROUP = "Cluster Group"

SERVICES = {
    ORCHESTRATOR: "Azure Stack HCI Orchestrator Service",
    UPDATE_SERVICE: "Azure Stack HCI Update Service",
    DOWNLOAD_SERVICE: "Azure Stack HCI Download Service",
    HEALTH_SERVICE: "Azure Stack HCI Health Service",
    CLOUD_MANAGEMENT: "HciCloudManagementSvc",
}


def make_groups(nodes: list[str], bridge_group: str) -> dict[str, ClusterGroup]:
    """The groups of a healthy cluster, spread over *nodes*."""
    groups = [
        ClusterGroup(CLUSTER_GROUP, GroupType.Cluster, nodes[0]),
        ClusterGroup("Available Storage", GroupType.AvailableStorage, nodes[0], ClusterGroupState.Offline),
        ClusterGroup("SDDC Group", GroupType.Sddc, nodes[1 % len(nodes)]),
        ClusterGroup("SU1_Pool", GroupType.Pool, nodes[0]),
    ]
    groups += [
        ClusterGroup(name, GroupType.GenericService, nodes[(index + 1) % len(nodes)], service=service)
        for index, (name, service) in enumerate(SERVICES.items())
    ]
    groups.append(ClusterGroup(bridge_group, GroupType.VirtualMachine, nodes[-1]))
    return {group.name: group for group in groups}


class Groups:
    """Placement and failover of the clustered roles (guests have their own rules)."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.bell = Bell(world.env)
        self._epoch = dict.fromkeys(world.groups, 0)

    def owner(self, name: str) -> str:
        """The node which owns the group *name*."""
        return self._world.groups[name].owner

    def available(self, name: str) -> bool:
        """The group's service answers: the group is online, its owner really runs, and it does not hang."""
        group = self._world.groups[name]
        return group.state is ClusterGroupState.Online and self._world.nodes[group.owner].os_running and not group.hung

    def can_move(self, name: str) -> bool:
        """Some node other than the owner can own the group *name*."""
        return self._best(exclude=self.owner(name)) is not None

    def move(self, name: str, target: str | None = None) -> None:
        """Start a planned move (``Move-ClusterGroup``).

        Raises ModelError if there is no such group, the target cannot own it, or no other node can.
        """
        group = self._known(name)
        if target is None:
            target = self._best(exclude=group.owner)
        elif not self._world.node(target).places:
            raise ModelError("ClusterNodeNotAvailable", f"'{target}' is not Up, so it cannot own the group '{name}'.")
        if target is None:
            raise ModelError("ClusterNodeNotAvailable", f"No other node is Up which could own the group '{name}'.")
        self._begin(group)
        self._world.env.process(self._move(group, self._world.node(target).name, self._epoch[name]))

    def start(self, name: str, *, really: bool = False) -> None:
        """Begin to bring a group online (``Start-ClusterGroup``); nothing happens to one that is or is about to be.

        *really*: also where the product has the defect that a start has no effect.
        Raises ModelError if there is no such group, or no node which could own it.
        """
        group = self._known(name)
        if self._world.spec.has_defect("group_start_without_effect") and not really:
            return
        if group.state in (ClusterGroupState.Online, ClusterGroupState.Pending) and group.wanted:
            return
        if not self._world.nodes[group.owner].member and self._best() is None:
            raise ModelError("ClusterNodeNotAvailable", f"No node is Up which could own the group '{name}'.")
        group.wanted = True
        self._begin(group)
        self._world.env.process(self._start(group, self._epoch[name]))

    def stop(self, name: str) -> None:
        """Take a group offline at once (``Stop-ClusterGroup``); it stays so until it is started.  Raises ModelError."""
        group = self._known(name)
        if group.wanted or group.state is not ClusterGroupState.Offline:
            self._epoch[name] += 1
            group.wanted, group.hung = False, False
            group.state = ClusterGroupState.Offline
            self._world.emit("group.state", node=group.owner, group=name, state=group.state.name)
            self.bell.ring()

    def hang(self, name: str) -> None:
        """The group's service answers nobody from now on, while the cluster takes it for healthy."""
        self._known(name).hung = True
        self.bell.ring()

    def unhang(self, name: str) -> None:
        """The group's service answers again."""
        self._known(name).hung = False
        self.bell.ring()

    def _known(self, name: str) -> ClusterGroup:
        group = self._world.groups.get(name)
        if group is None:
            raise ModelError("ClusterGroupNotFound", f"The cluster group '{name}' could not be found.")
        return group

    def drain(self, node: Node) -> Process:
        """Move all groups off *node*; they follow one another."""
        for group in [item for item in self._world.groups.values() if item.owner == node.name]:
            target = self._best(exclude=node.name)
            if target is not None and group.state is not ClusterGroupState.Pending:
                self._begin(group)
                yield from self._move(group, target, self._epoch[group.name])

    def wait_available(self, name: str) -> Process:
        """Return as soon as the group's service answers."""
        yield from self._world.wait_until(lambda: self.available(name), self.bell)

    def settle(self, name: str) -> Process:
        """Return when a move or start of the group has ended: it answers, or stays offline."""
        group = self._world.groups[name]
        yield from self._world.wait_until(
            lambda: self.available(name) or group.state is ClusterGroupState.Offline, self.bell
        )

    def work(self, name: str, ns: int, *, keep: bool) -> Process:
        """Let *ns* of work pass in the group's service; after a failover it goes on (*keep*) or begins again."""
        left = ns
        while True:
            yield from self.wait_available(name)
            began = self._world.now
            try:
                yield from self._world.wait(left, self.owner(name))
            except NodeLostError:
                left = left - (self._world.now - began) if keep else ns
            else:
                return

    def node_stopped(self, node: Node, *, planned: bool) -> None:
        """A machine stopped; its services answer no more."""
        self.bell.ring()

    def node_running(self, node: Node) -> None:
        """A machine runs again."""
        self.bell.ring()

    def node_down(self, node: Node, *, planned: bool) -> None:
        """Bring the groups of a lost node online elsewhere."""
        for group in self._world.groups.values():
            if group.owner == node.name:
                self._begin(group)
                self._world.env.process(self._fail_over(group, self._epoch[group.name]))

    def node_up(self, node: Node) -> None:
        """A further node can own groups."""
        self.bell.ring()

    def quorum_lost(self) -> None:
        """The cluster stopped and all groups with it."""
        for group in self._world.groups.values():
            self._epoch[group.name] += 1
            group.state = ClusterGroupState.Offline
        self.bell.ring()

    def quorum_restored(self) -> None:
        """Bring all groups online."""
        for group in self._world.groups.values():
            self._begin(group)
            self._world.env.process(self._fail_over(group, self._epoch[group.name]))

    def _begin(self, group: ClusterGroup) -> None:
        self._epoch[group.name] += 1
        group.state = ClusterGroupState.Pending
        self.bell.ring()

    def _best(self, exclude: str | None = None) -> str | None:
        """The Up node (or, without one, the paused member) with the fewest groups."""
        members = [node for node in self._world.nodes.values() if node.member and node.os_running]
        candidates = [node for node in members if node.places and node.name != exclude]
        if not candidates:
            candidates = [node for node in members if node.name != exclude]
        load = {node.name: 0 for node in candidates}
        for group in self._world.groups.values():
            if group.owner in load:
                load[group.owner] += 1
        return min(load, key=lambda name: (load[name], self._world.nodes[name].number), default=None)

    def _move(self, group: ClusterGroup, target: str, epoch: int) -> Process:
        source = group.owner
        duration = self._world.calibration.cluster.group_move
        yield self._world.env.timeout(self._world.draw(f"group/{group.name}/move", duration))
        if self._epoch[group.name] != epoch:
            return
        if not self._world.nodes[target].member:
            target = self._best() or source
        self._online(group, target, "move")

    def _start(self, group: ClusterGroup, epoch: int) -> Process:
        duration = self._world.calibration.cluster.group_start
        yield self._world.env.timeout(self._world.draw(f"group/{group.name}/start", duration))
        if self._epoch[group.name] != epoch:
            return
        target = group.owner if self._world.nodes[group.owner].member else self._best()
        if target is None:
            group.state = ClusterGroupState.Failed
            return
        group.owner, group.hung, group.state = target, False, ClusterGroupState.Online
        self._world.emit("group.state", node=target, group=group.name, state=group.state.name)
        self.bell.ring()

    def _fail_over(self, group: ClusterGroup, epoch: int) -> Process:
        values = self._world.calibration.cluster
        duration = values.orchestrator_failover if group.name == ORCHESTRATOR else values.group_failover
        while self._epoch[group.name] == epoch:
            target = self._best()
            if target is None:
                yield self.bell.wait()
                continue
            yield self._world.env.timeout(self._world.draw(f"group/{group.name}/failover", duration))
            if self._epoch[group.name] == epoch and self._world.nodes[target].member:
                self._online(group, target, "failover")
                return

    def _online(self, group: ClusterGroup, target: str, reason: str) -> None:
        source, group.owner = group.owner, target
        offline = group.group_type is GroupType.AvailableStorage or not group.wanted
        group.hung = False
        group.state = ClusterGroupState.Offline if offline else ClusterGroupState.Online
        self._world.emit("group.move", node=target, group=group.name, source=source, reason=reason)
        self.bell.ring()
