"""Power and boot timeline of the machines.

Power on → self test → operating system → services, during which a WinRM client first meets a refused connection, then
401 (no domain controller yet), then 503 (HTTP.sys up, WinRM not), then answers.  An orderly restart stops WinRM first.
Power loss keeps what is on disk (staged build, paused flag) and loses what runs.
"""

from __future__ import annotations

from typing import Protocol

from harness.twin.model.calibration import Duration
from harness.twin.model.entities import InstalledKb, Node
from harness.twin.model.states import NodePhase, PowerState, WinRmState
from harness.twin.model.world import Bell, Process, World


class MachineListener(Protocol):
    """Told when the operating system of a machine stops or runs."""

    def node_stopped(self, node: Node, *, planned: bool) -> None:
        """Everything that ran on *node* is gone."""

    def node_running(self, node: Node) -> None:
        """All automatic services of *node* are started."""


class Machines:
    """All machines of the cluster."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._life = dict.fromkeys(world.nodes, 0)
        self.listeners: list[MachineListener] = []
        self.bell = Bell(world.env)
        for name in world.nodes:
            world.lost[name] = world.env.event()

    def power_off(self, node: Node, cause: str = "power loss") -> None:
        """Cut the power at once; nothing happens if it is off."""
        if node.power is PowerState.Off:
            return
        self._life[node.name] += 1
        node.power = PowerState.Off
        self._world.emit("node.power", node=node.name, state=PowerState.Off.value, cause=cause)
        self._stop(node, planned=False)
        self._enter(node, NodePhase.Off)

    def power_on(self, node: Node) -> None:
        """Switch on and boot; nothing happens if it is on."""
        if node.power is PowerState.On:
            return
        node.power = PowerState.On
        self._world.emit("node.power", node=node.name, state=PowerState.On.value, cause="power button")
        self._start_boot(node, self._world.calibration.node.power_button.ns)

    def reset(self, node: Node) -> None:
        """Restart the hardware without asking the operating system."""
        self._world.emit("node.power", node=node.name, state="Reset", cause="reset")
        self._stop(node, planned=False)
        node.power = PowerState.On
        self._start_boot(node, 0)

    def restart(self, node: Node) -> None:
        """Orderly restart; WinRM stops first, then the rest, then the machine boots."""
        self._life[node.name] += 1
        self._enter(node, NodePhase.ShuttingDown)
        self._stop(node, planned=True)
        self._world.env.process(self._shut_down(node, self._life[node.name]))

    def _shut_down(self, node: Node, life: int) -> Process:
        times = self._world.calibration.node
        yield self._world.env.timeout(self._draw(node, "shutdown", times.shutdown))
        if node.pending_reboot:
            yield self._world.env.timeout(self._draw(node, "servicing-shutdown", times.servicing_shutdown))
        if self._life[node.name] == life:
            self._start_boot(node, 0)

    def _start_boot(self, node: Node, delay_ns: int) -> None:
        self._life[node.name] += 1
        self._world.env.process(self._boot(node, self._life[node.name], delay_ns))

    def _boot(self, node: Node, life: int, delay_ns: int) -> Process:
        times = self._world.calibration.node
        self._enter(node, NodePhase.Post)
        plan: list[tuple[NodePhase | WinRmState, int]] = [
            (NodePhase.OsLoading, delay_ns + self._draw(node, "post", times.post) + self._flash_ns(node)),
            (NodePhase.Services, self._draw(node, "os-load", times.os_load)),
            (WinRmState.Unauthorized, self._draw(node, "winrm-refused", times.winrm_refused)),
            (WinRmState.Unavailable, self._draw(node, "winrm-401", times.winrm_unauthorized)),
            (WinRmState.Answering, self._draw(node, "winrm-503", times.winrm_unavailable)),
            (NodePhase.Running, self._draw(node, "services", times.services_rest)),
        ]
        for target, ns in plan:
            yield self._world.env.timeout(ns)
            if self._life[node.name] != life:
                return
            if target is NodePhase.Services:
                self._complete_extension(node)
            if target is NodePhase.Services and node.pending_reboot:
                yield self._world.env.timeout(self._draw(node, "servicing-boot", times.servicing_boot))
                if self._life[node.name] != life:
                    return
                self._complete_servicing(node)
            if isinstance(target, WinRmState):
                self._set_winrm(node, target)
            else:
                self._enter(node, target)
        self._world.lost[node.name] = self._world.env.event()
        for listener in self.listeners:
            listener.node_running(node)
        self.bell.ring()

    def _complete_servicing(self, node: Node) -> None:
        node.pending_reboot = False
        if node.staged_build is not None:
            node.os_build = node.staged_build
            node.kbs.extend(InstalledKb(kb, self._world.now) for kb in node.staged_kbs)
            node.staged_build, node.staged_kbs = None, ()
            self._world.emit("node.build", node=node.name, build=str(node.os_build))

    def _flash_ns(self, node: Node) -> int:
        """The self test writes firmware that waits for it; cut short by a power loss, it begins anew [INF]."""
        return self._draw(node, "flash", self._world.calibration.sbe.flash) if node.sbe.restarts_left else 0

    def _complete_extension(self, node: Node) -> None:
        """A restart for the extension is done; the last one makes its version the machine's."""
        if not node.sbe.restarts_left:
            return
        node.sbe.restarts_left -= 1
        if not node.sbe.restarts_left:
            node.sbe.installed, node.sbe.staged = node.sbe.staged, ""
            node.variables["SBEInstallVersion"] = node.sbe.installed
            self._world.emit("node.sbe", node=node.name, version=node.sbe.installed)

    def _stop(self, node: Node, *, planned: bool) -> None:
        self._set_winrm(node, WinRmState.Refusing)
        if not self._world.lost[node.name].triggered:
            self._world.lost[node.name].succeed()
            for listener in self.listeners:
                listener.node_stopped(node, planned=planned)
            self.bell.ring()

    def _enter(self, node: Node, phase: NodePhase) -> None:
        node.phase = phase
        if phase is NodePhase.OsLoading:
            node.boot_id += 1
            node.last_boot_ns = self._world.now
            node.stopped_services.clear()
            node.restarted_services.clear()
        self._world.emit("node.phase", node=node.name, phase=phase.value, boot_id=node.boot_id)
        self.bell.ring()

    def _set_winrm(self, node: Node, state: WinRmState) -> None:
        if node.winrm is not state:
            node.winrm = state
            self._world.emit("node.winrm", node=node.name, state=state.value)

    def _draw(self, node: Node, what: str, duration: Duration) -> int:
        return self._world.draw(f"node/{node.name}/{what}", duration)
