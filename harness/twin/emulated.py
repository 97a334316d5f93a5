"""A cluster whose nodes are machines outside: the model and its engine here, shells and heartbeats from there.

Heartbeats and boots run on the wall clock.  A node from which none of the last heartbeats came is missed, as a failover
cluster misses it; what was done to its machine the cluster never asks.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from harness.twin.clock import ClockMode, wall_ns
from harness.twin.cmdlets import node_commands
from harness.twin.controlled import ControlledLab
from harness.twin.engine import LabEngine
from harness.twin.lab import PROGRAM_THREADS, Account
from harness.twin.machine import NodeBackend, NodeMachine, Plant
from harness.twin.model import ClusterModel, ModelEvent, ModelSpec
from harness.twin.model.entities import Guest
from harness.twin.model.outermachines import OuterMachines
from harness.twin.model.states import NodePhase, PowerState, Signal
from harness.twin.nodes.brain import Brain
from harness.twin.nodes.handover import Handover
from harness.twin.units import NS_PER_S

log = logging.getLogger("hil.twin.emulated")

LOOK_S: Final = 0.1
"""Between two looks for heartbeats that are missing."""


STOPPING_S: Final = 2.0
"""From the order to go down until the node leaves its cluster: its services stop [INF]."""


@dataclass(frozen=True, slots=True)
class EmulatedSpec:
    """What an emulated cluster is built from.

    `brain` is where nodes come to, `token` what they know.  `certify` gives certificate and key of a node as PEM, for
    WinRM over TLS.  `guest_addresses` are those that a node has while the guest runs on it.
    """

    model: ModelSpec
    account: Account
    brain: tuple[str, int]
    token: str
    winrm_port: int
    winrm_tls_port: int
    certify: Callable[[str], bytes]
    guest_addresses: Mapping[str, str]


class EmulatedCluster(ControlledLab):
    """Runs until closed.  Every method may be called from any thread.

    Raises OSError when the brain's address is taken.
    """

    def __init__(self, spec: EmulatedSpec) -> None:
        self.spec = spec
        self._plant = Plant(ClusterModel(spec.model, self))
        self.engine = LabEngine(self._plant.model, ClockMode.parse("real"))
        self._threads = ThreadPoolExecutor(PROGRAM_THREADS, thread_name_prefix="program")
        self._heard: dict[str, tuple[str, int]] = {}
        """Of each node the boot from which the last heartbeat came, and when."""
        self._boots: dict[str, str] = {}
        """Of each node the boot that the model knows of.  The model begins with nodes that run: the first boot of each
        here is that one."""
        self._callbacks: list[Callable[[ModelEvent], None]] = []
        self._handover = Handover(self._plant.model.nodes)
        for guest in self._plant.model.guests.values():
            self._note_guest(guest)
        self._ended = threading.Event()
        machines = {
            node: NodeMachine(node, self._plant, self.engine, node_commands(), threads=self._threads)
            for node in self._plant.model.nodes
        }
        self._backends = {node: NodeBackend(machine, self._threads) for node, machine in machines.items()}
        self._brain = Brain(spec.brain, spec.token, self._backends, self._welcome, self)
        self._follow(self._plant.model)
        threading.Thread(target=self._watch, name="heartbeats", daemon=True).start()

    @property
    def brain_address(self) -> tuple[str, int]:
        """Where nodes come to."""
        return self._brain.address

    def _welcome(self, node: str) -> dict[str, Any]:
        spec = self.spec
        with self.engine.baton():
            release = self._plant.model.nodes[node].os_build.release
            beat_s = self._plant.model.beat_ns / NS_PER_S
        return {
            "accounts": {spec.account.login: spec.account.password},
            "domain": spec.account.domain,
            "os_version": release,
            "port": spec.winrm_port,
            "tls": {"port": spec.winrm_tls_port, "pem": spec.certify(node).decode()},
            "beat_s": beat_s,
        }

    # --- what nodes do -----------------------------------------------------------------------------------------------

    def serving(self, node: str, boot: str) -> None:
        """A node serves WinRM and has all that its cluster needs of it."""
        with self.engine.baton():
            former = self._boots.get(node, boot)
            self._boots[node] = boot
            if former != boot:
                self._handover.gone(node, wall_ns())
                self._outer.came_up(self._plant.model.nodes[node])
            self._handover.unsure(node)
            self._heard[node] = (boot, wall_ns())
        self.engine.wake()
        self._tell_guests()

    def leaving(self, node: str, boot: str) -> None:
        """A node goes down as it was told to."""
        with self.engine.baton():
            if self._boots.get(node) == boot:
                self._handover.gone(node, wall_ns())
                self._outer.left(self._plant.model.nodes[node])
        self.engine.wake()

    def has_addresses(self, node: str, number: int) -> None:
        """A node has the addresses of guests that it was told to have."""
        with self.engine.baton():
            self._handover.confirmed(node, number, wall_ns())
        self._tell_guests()

    def beat(self, node: str, boot: str, at_ns: int) -> None:
        """A heartbeat came."""
        with self.engine.baton():
            self._heard[node] = (boot, at_ns)
            state = self._plant.model.nodes[node]
            back = self._boots.get(node) == boot and state.phase is NodePhase.Off
            if back:
                self._outer.came_back(state)
        if back:
            self.engine.wake()
            self._tell_guests()

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_S):
            now_ns = wall_ns()
            with self.engine.baton():
                model = self._plant.model
                missed = [
                    node
                    for node in model.nodes.values()
                    if node.phase is NodePhase.Running
                    and now_ns - self._heard.get(node.name, ("", 0))[1] > model.missed_after_ns
                    and node.name in self._boots
                ]
                for node in missed:
                    log.info("nothing was heard of %s for %.1f s", node.name, model.missed_after_ns / NS_PER_S)
                    self._handover.gone(node.name, now_ns)
                    self._outer.vanished(node)
            if missed:
                self.engine.wake()
            self._tell_guests()

    @property
    def _outer(self) -> OuterMachines:
        outer = self._plant.model.outer
        if outer is None:
            raise RuntimeError("the machines of an emulated cluster are outside of its model")
        return outer

    # --- what the model wants of them --------------------------------------------------------------------------------

    def restart(self, node: str) -> None:
        """See Orders."""
        if not self._brain.tell(node, "order", what="reboot", after_s=STOPPING_S):
            log.warning("%s is to restart, and is not connected", node)

    def shut_down(self, node: str) -> None:
        """See Orders."""
        self._brain.tell(node, "order", what="poweroff", after_s=STOPPING_S)

    def _follow(self, model: ClusterModel) -> None:
        model.watch_signals(self._guest_changed)
        for callback in self._callbacks:
            model.subscribe(callback)

    def _guest_changed(self, guest: Guest) -> None:
        with self.engine.baton():
            self._note_guest(guest)
        self._tell_guests()

    def _note_guest(self, guest: Guest) -> None:
        if (address := self.spec.guest_addresses.get(guest.name)) is not None:
            answers = guest.reachability.signal is Signal.Answering
            self._handover.wants(address, guest.owner if answers else None, self._plant.model.now_ns)

    def _tell_guests(self) -> None:
        """Tell each node what it is to have, where that is something else than before."""
        with self.engine.baton():
            for node in self._plant.model.nodes:
                due = self._handover.due(node, wall_ns())
                if due is not None and self._brain.connected(node):
                    self._brain.tell(node, "guests", number=self._handover.tell(node, due), addresses=due)

    # --- what a controller may do ------------------------------------------------------------------------------------

    def on_event(self, callback: Callable[[ModelEvent], None]) -> None:
        """Call `callback` with each further event of this baseline and of later ones; it must not change the model."""
        with self.engine.baton():
            self._callbacks.append(callback)
            self._plant.model.subscribe(callback)

    def set_power(self, node: str, *, on: bool, cause: str) -> None:
        """What the management controller of a node says."""
        with self.engine.baton():
            state = PowerState.On if on else PowerState.Off
            self._outer.set_power(self._plant.model.nodes[node], state, cause)

    def all_serving(self) -> Sequence[str]:
        """Nodes that belong to the brain now and serve WinRM."""
        return [node for node in self._plant.model.nodes if node in self._boots and self._brain.connected(node)]

    def reset(self, model: ModelSpec) -> None:
        """A new baseline at lab time zero, at which all nodes run.  Raises ValueError or ModelError for one that does
        not exist."""
        built = ClusterModel(model, self)
        with self.engine.baton():
            self._plant.model = built
            self.engine.replace(built)
            self._follow(built)
            for guest in built.guests.values():
                self._note_guest(guest)
        self._tell_guests()

    def forget_boots(self) -> None:
        """Nothing was heard of any machine yet: the next boot of each is the one in which the model begins."""
        with self.engine.baton():
            self._boots.clear()
            self._heard.clear()
            for node in self._plant.model.nodes:
                self._handover.gone(node, wall_ns())

    def close(self) -> None:
        """Let the nodes go."""
        self._ended.set()
        self._brain.close()
        self.engine.close()
        for backend in self._backends.values():
            backend.hang_up()
        self._threads.shutdown(wait=False, cancel_futures=True)
