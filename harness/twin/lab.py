"""A simulated lab, assembled: model, engine, shells and WinRM endpoints under one roof."""

from __future__ import annotations

import secrets
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

from harness.twin.clock import ClockMode, read_utc_s
from harness.twin.cmdlets import node_commands
from harness.twin.controlled import ControlledLab
from harness.twin.engine import LabEngine
from harness.twin.guestservice import GuestAccess, GuestService
from harness.twin.machine import NodeBackend, NodeMachine, Plant
from harness.twin.model import ClusterModel, ModelEvent, ModelSpec
from harness.twin.model.network import FIRST_NODE
from harness.twin.model.states import PowerState, WinRmState
from harness.twin.sampling import SampleRun, sample
from harness.twin.waiting import VirtualWaiter
from harness.twin.wire.certificates import Authority, make_context
from harness.twin.wire.endpoint import Endpoint, EndpointSettings, TlsService, slow
from harness.twin.wire.server import WinRmServer

FIRST_SLOT: Final = 64
LAST_SLOT: Final = 127
"""Instances get 127.SLOT.0.0/16 each; the range keeps clear of 127.0 and 127.53, which machines use themselves."""

CLAIM_PORT: Final = 59850
"""Bound on 127.SLOT.0.1 as long as an instance lives: the claim of its slot, valid for the whole machine."""

GUESTS_PER_BLOCK: Final = 250
"""Managed guests in 127.SLOT.1.1 and up; more of them in 127.SLOT.2.1 and so on."""

PROGRAM_THREADS: Final = 64
"""Console programs of an instance that can be under way, and as many requests that wait for them."""


_ENDPOINT_EVENTS: Final = ("node.winrm", "node.network")


class NoSlotError(OSError):
    """No address range is free, or an address of the range is taken by somebody else."""


@dataclass(frozen=True, slots=True)
class Account:
    """The administrator that every node knows; the password is made anew for each instance."""

    domain: str
    name: str
    password: str

    @property
    def login(self) -> str:
        """`DOMAIN\\name`."""
        return f"{self.domain}\\{self.name}"


def make_password() -> str:
    """A password that satisfies Windows' complexity rules."""
    return f"Hil1-{secrets.token_urlsafe(18)}"


@dataclass(frozen=True, slots=True)
class LabSpec:
    """What an instance is built from.  `model` is its first baseline; nodes serve WinRM on two ports, plain and TLS."""

    model: ModelSpec
    clock: ClockMode
    account: Account
    winrm_port: int
    winrm_tls_port: int
    sample_interval_ns: int
    guest_account: str = "Administrator"
    guest_password: str | None = None
    """Password of all managed guests' administrator; None makes one for each guest."""


class SimulatedLab(ControlledLab):
    """One instance: runs until closed.  Every method may be called from any thread."""

    def __init__(self, spec: LabSpec) -> None:
        """Build and serve it.  Raises NoSlotError when its addresses cannot be had."""
        self.spec = spec
        self._plant = Plant(ClusterModel(spec.model))
        self._slot, self._claim = _claim_slot(self._wanted)
        self.engine = LabEngine(self._plant.model, spec.clock)
        self._threads = ThreadPoolExecutor(PROGRAM_THREADS, thread_name_prefix="program")
        self._waiting_threads = ThreadPoolExecutor(PROGRAM_THREADS, thread_name_prefix="wait")
        waiter = None if spec.clock.flows else VirtualWaiter(self.engine, self._waiting_threads)
        self._server = WinRmServer(waiter)
        self._server.start()
        self._authority = Authority(f"Certificates of a simulated lab, 127.{self._slot}.0.0", read_utc_s())
        self._endpoints: dict[str, Endpoint] = {}
        self._backends: list[NodeBackend] = []
        self._impaired: set[str] = set()
        self._guests = GuestService(self._server, self.engine, self._plant, self._threads, waiter)
        try:
            for number, node in enumerate(self._plant.model.nodes):
                self._endpoints[node] = self._serve(node, number)
            self._guests.serve(
                spec.winrm_port, self.guest_address, spec.guest_account, lambda: spec.guest_password or make_password()
            )
        except OSError as error:
            self.close()
            ports = f"{spec.winrm_port} and {spec.winrm_tls_port}"
            raise NoSlotError(f"cannot serve nodes and guests on 127.{self._slot}.*, ports {ports}: {error}") from error
        self._follow(self._plant.model)

    def _serve(self, node: str, number: int) -> Endpoint:
        """[T] The product's orchestrator owns CredSSP on the nodes and enables it (Security/CredSsp issues)."""
        commands = node_commands()
        machine = NodeMachine(node, self._plant, self.engine, commands, threads=self._threads)
        backend = NodeBackend(machine, self._threads)
        self._backends.append(backend)
        return self._server.add_endpoint(
            node,
            self.address(number),
            self.spec.winrm_port,
            {self.spec.account.login: self.spec.account.password},
            backend,
            node,
            self.spec.account.domain,
            settings=EndpointSettings(machine.node.os_build.release, offers_credssp=True),
            tls=TlsService(self.spec.winrm_tls_port, self._certify(node, number)),
        )

    def _certify(self, node: str, number: int) -> ssl.SSLContext:
        return make_context(self._authority.issue_to_node(node, self.spec.account.domain, self.address(number)))

    @property
    def authority_pem(self) -> bytes:
        """The certificate of the authority that certified the nodes: what clients over TLS have to trust."""
        return self._authority.pem

    def offer_credssp(self, node: str, offered: bool) -> None:
        """Enable CredSSP on the service of `node` or disable it, as a policy may do."""
        self._endpoints[node].offer_credssp(offered)

    def _wanted(self, slot: int) -> Iterator[tuple[str, int]]:
        """Every address and port this instance would listen on in `slot`."""
        model = self._plant.model
        for number, port in product(range(len(model.nodes)), (self.spec.winrm_port, self.spec.winrm_tls_port)):
            yield _node_address(slot, number), port
        for number in range(len(model.windows.machines)):
            yield _guest_address(slot, number), self.spec.winrm_port

    def address(self, number: int) -> str:
        """Address of the node with this number, from 0."""
        return _node_address(self._slot, number)

    def guest_address(self, number: int) -> str:
        """Address of the managed guest with this number, from 0."""
        return _guest_address(self._slot, number)

    # --- model and endpoints -----------------------------------------------------------------------------------------

    def _follow(self, model: ClusterModel) -> None:
        """Endpoints do what the machines' states say, from now on."""
        for node in model.nodes:
            self._endpoints[node].set_os_version(model.nodes[node].os_build.release)
            self._endpoints[node].set_state("answering")
            self._endpoints[node].forget_shells()
        model.subscribe(self._take)
        self._guests.follow(model)

    def _take(self, event: ModelEvent) -> None:
        if event.kind not in _ENDPOINT_EVENTS or event.node is None or event.node in self._impaired:
            return
        endpoint, node = self._endpoints[event.node], self._plant.model.nodes[event.node]
        lost = not node.management_up
        if node.winrm is WinRmState.Refusing:
            endpoint.drop_connections(reset=True)
            endpoint.forget_shells()
        elif lost:
            endpoint.drop_connections(reset=True)
        endpoint.set_os_version(node.os_build.release)
        endpoint.set_state(self._silence() if lost else node.winrm.value)

    def _silence(self) -> str:
        """State of the endpoint of a node without management network.  A loopback address can come near to silence;
        on a virtual clock, where nothing hangs for real, it refuses instead."""
        return "black_hole" if self.engine.mode.flows else WinRmState.Refusing.value

    def impair(self, node: str, state: str) -> None:
        """The management service of `node` misbehaves from now on; the model knows nothing of it.

        `state` is `black_hole` (accepts, never answers), `slow:SECONDS` or any other state of an endpoint.
        """
        kind, _, seconds = state.partition(":")
        self._impaired.add(node)
        self._endpoints[node].set_state(slow(float(seconds)) if kind == "slow" else state)

    def reset(self, model: ModelSpec) -> None:
        """A new baseline at lab time zero.  Raises ValueError or ModelError for one that does not exist."""
        built = ClusterModel(replace(model))
        with self.engine.baton():
            self._plant.model = built
            self.engine.replace(built)
            self._follow(built)

    # --- what a controller may do ------------------------------------------------------------------------------------

    def samples(self, since_ns: int) -> tuple[int, list[SampleRun]]:
        """Now, and every guest's samples from `since_ns` (exclusive) to now."""
        with self.engine.baton():
            now_ns = self.now_ns
            timelines = {name: guest.reachability for name, guest in self._plant.model.guests.items()}
            return now_ns, sample(timelines, since_ns, now_ns, interval_ns=self.spec.sample_interval_ns)

    def power_is_on(self, node: str) -> bool:
        """What the node's management controller reports."""
        with self.engine.baton():
            return self._plant.model.power_state(node) is PowerState.On

    def power_off(self, node: str) -> None:
        """Cut the power of `node`; nothing happens when it is off."""
        with self.engine.baton():
            if self.power_is_on(node):
                self._plant.model.power_off(node)

    def power_on(self, node: str) -> None:
        """Switch `node` on; nothing happens when it is on."""
        with self.engine.baton():
            if not self.power_is_on(node):
                self._plant.model.power_on(node)

    def node_address(self, node: str) -> str:
        """Address of `node`.  Raises KeyError."""
        return self.address(list(self._plant.model.nodes).index(node))

    @property
    def managed_guests(self) -> Sequence[str]:
        """Names of the guests that are Windows machines with an endpoint."""
        return self._guests.names

    def guest_access(self, guest: str) -> GuestAccess:
        """Address and administrator of a managed guest.  Raises KeyError."""
        return self._guests.access(guest)

    def close(self) -> None:
        """Stop serving and let go of the addresses."""
        self.engine.close()
        for backend in self._backends:
            backend.hang_up()
        self._guests.hang_up()
        self._server.stop()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._waiting_threads.shutdown(wait=False, cancel_futures=True)
        self._claim.close()


def _node_address(slot: int, number: int) -> str:
    return f"127.{slot}.0.{FIRST_NODE + number}"


def _guest_address(slot: int, number: int) -> str:
    block, place = divmod(number, GUESTS_PER_BLOCK)
    return f"127.{slot}.{1 + block}.{1 + place}"


def _claim_slot(wanted: Callable[[int], Iterable[tuple[str, int]]]) -> tuple[int, socket.socket]:
    """The first slot in which all `wanted` addresses are free, claimed by binding.  Raises NoSlotError.

    A slot may be unclaimed and its addresses still in use for a moment: of an instance that is killed, the system lets
    go of the claim first.
    """
    for slot in range(FIRST_SLOT, LAST_SLOT + 1):
        claim = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            claim.bind((f"127.{slot}.0.1", CLAIM_PORT))
            claim.listen(1)
            for address, port in wanted(slot):
                _probe(address, port)
        except OSError as error:
            claim.close()
            reason = error
            continue
        return slot, claim
    raise NoSlotError(
        f"no address range is free: of 127.{FIRST_SLOT}.0.0/16 to 127.{LAST_SLOT}.0.0/16 each is claimed, or one of "
        f"its addresses is in use; the last said: {reason}"
    )


def _probe(address: str, port: int) -> None:
    """Raises OSError when the address cannot be had."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise OSError(error.errno, f"{address}:{port}: {error.strerror}") from error
