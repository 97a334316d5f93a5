"""Machines outside of the model: real ones of their own, which the model gives orders and is told about.

Their boots take as long as they take, and nothing of the model's timeline of a boot applies.  What servicing leaves to
do at a restart is done when the machine is back.
"""

from __future__ import annotations

from typing import Protocol

from harness.twin.model.entities import Node
from harness.twin.model.machines import Machines
from harness.twin.model.states import NodePhase, PowerState, WinRmState
from harness.twin.model.world import World


class Orders(Protocol):
    """What the model wants of a machine; returns at once, and the machine tells later what became of it."""

    def restart(self, node: str) -> None:
        """Restart the operating system, orderly."""

    def shut_down(self, node: str) -> None:
        """Shut the operating system down."""


class OuterMachines(Machines):
    """See the module."""

    def __init__(self, world: World, orders: Orders) -> None:
        super().__init__(world)
        self._orders = orders

    def power_off(self, node: Node, cause: str = "power loss") -> None:
        """Somebody on the node wants it off; nothing happens if it is."""
        if node.power is PowerState.On:
            self._world.emit("node.power", node=node.name, state="ShuttingDown", cause=cause)
            self._orders.shut_down(node.name)

    def power_on(self, node: Node) -> None:
        """The model cannot press the button of a machine outside of it: whoever can does so, and the machine tells."""

    def reset(self, node: Node) -> None:
        """Restart."""
        self.restart(node)

    def restart(self, node: Node) -> None:
        """Orderly restart: the machine is told, and leaves the cluster when it gets to that."""
        self._orders.restart(node.name)

    def left(self, node: Node) -> None:
        """The machine said that it goes down."""
        if node.phase is NodePhase.Running:
            self._enter(node, NodePhase.ShuttingDown)
            self._stop(node, planned=True)

    def came_up(self, node: Node) -> None:
        """The machine runs, with all its services, in a boot of which nothing was heard before."""
        if node.phase is NodePhase.Running:
            self._stop(node, planned=False)
        self._enter(node, NodePhase.OsLoading)
        self._complete_extension(node)
        if node.pending_reboot:
            self._complete_servicing(node)
        self._set_winrm(node, WinRmState.Answering)
        self._runs(node)

    def came_back(self, node: Node) -> None:
        """A machine that had been missed is heard again, in the same boot: its cluster service starts anew [INF]."""
        if node.phase is not NodePhase.Running:
            self._set_winrm(node, WinRmState.Answering)
            self._runs(node)

    def vanished(self, node: Node) -> None:
        """Nothing was heard of the machine for as long as the cluster waits."""
        if node.phase is NodePhase.Running:
            self._stop(node, planned=False)
            self._enter(node, NodePhase.Off)

    def set_power(self, node: Node, state: PowerState, cause: str) -> None:
        """What the machine's management controller says from now on."""
        if node.power is not state:
            node.power = state
            self._world.emit("node.power", node=node.name, state=state.value, cause=cause)

    def _runs(self, node: Node) -> None:
        self._enter(node, NodePhase.Running)
        self._world.lost[node.name] = self._world.env.event()
        for listener in self.listeners:
            listener.node_running(node)
        self.bell.ring()
