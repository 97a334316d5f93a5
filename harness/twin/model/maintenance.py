"""Suspend and resume of a node: pause, drain, drives into maintenance mode and back."""

from __future__ import annotations

from harness.twin.model.entities import Node
from harness.twin.model.errors import ModelError
from harness.twin.model.groups import Groups
from harness.twin.model.membership import Membership
from harness.twin.model.migration import Migration
from harness.twin.model.states import DrainStatus, NodeStatusInformation
from harness.twin.model.storage import Storage
from harness.twin.model.world import NodeLostError, Process, World

SPACE_DEGRADED = "ERROR_CLUSTER_SPACE_DEGRADED"
"""Why a node cannot be suspended while the storage is unhealthy ([D] WPD ClusterAwareUpdating)."""
_DRAIN_FLAGS = (
    NodeStatusInformation.DrainInProgress | NodeStatusInformation.DrainCompleted | NodeStatusInformation.DrainFailed
)


class Maintenance:
    """``Suspend-ClusterNode`` and ``Resume-ClusterNode``."""

    def __init__(
        self, world: World, membership: Membership, storage: Storage, groups: Groups, migration: Migration
    ) -> None:
        self._world = world
        self._membership = membership
        self._storage = storage
        self._groups = groups
        self._migration = migration

    def check_suspend(self, node: Node) -> None:
        """Raise ModelError if the node is no member, or if data would go offline without it (S2D safety check)."""
        if not node.member:
            raise ModelError("ClusterNodeDown", f"The cluster node '{node.name}' is not up, so it cannot be suspended.")
        volumes = self._storage.refuses_without(node.name)
        if volumes:
            raise ModelError(
                SPACE_DEGRADED,
                f"Node '{node.name}' cannot be suspended: {', '.join(volumes)} would go offline. "
                "Wait until the virtual disks are healthy.",
            )

    def suspend(self, node: Node, *, drain: bool = True, force: bool = False) -> Process:
        """Pause *node* at once; the returned process drains it and returns the guests which stayed.

        The process raises NodeLostError if the node stops.
        """
        if not node.paused:
            self._membership.set_paused(node, paused=True)
        if drain:
            self._mark(node, DrainStatus.InProgress, NodeStatusInformation.DrainInProgress)
        return self._drain(node, force=force) if drain else self._nothing()

    def _nothing(self) -> Process:
        yield from self._world.wait(0)
        return []

    def _drain(self, node: Node, *, force: bool) -> Process:
        self._storage.move_volumes(node)
        try:
            yield from self._groups.drain(node)
            stayed: list[str] = yield from self._migration.drain(node, force=force)
            if not stayed:
                yield from self._storage.enter_maintenance(node)
        except NodeLostError:
            self._mark(node, DrainStatus.Failed, NodeStatusInformation.DrainFailed)
            raise
        if stayed:
            self._mark(node, DrainStatus.Failed, NodeStatusInformation.DrainFailed)
        else:
            self._mark(node, DrainStatus.Completed, NodeStatusInformation.DrainCompleted)
        return stayed

    def check_resume(self, node: Node) -> None:
        """Raise ModelError if the node is not suspended."""
        if not node.paused:
            raise ModelError("ClusterNodeNotPaused", f"The cluster node '{node.name}' is not paused.")

    def resume(self, node: Node, *, fail_back: bool = True) -> Process:
        """Let *node* take part again at once; the returned process puts its drives back into use and, with
        *fail_back*, its guests."""
        self._membership.set_paused(node, paused=False)
        self._mark(node, DrainStatus.NotInitiated, NodeStatusInformation.Normal)
        return self._return(node, fail_back=fail_back)

    def _return(self, node: Node, *, fail_back: bool) -> Process:
        yield from self._storage.leave_maintenance(node)
        if fail_back:
            yield from self._migration.fail_back(node)

    def _mark(self, node: Node, status: DrainStatus, flag: NodeStatusInformation) -> None:
        node.drain_status = status
        node.status_information = (node.status_information & ~_DRAIN_FLAGS) | flag
        self._world.emit("node.drain", node=node.name, status=status.name)
        self._membership.bell.ring()
