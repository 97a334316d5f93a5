"""A node's WinRM endpoint: its listener, its accounts and the switches that make it misbehave.

The switches stand for causes a model or a fault injects; what a client sees of each was measured with pywinrm [M].
"""

from __future__ import annotations

import asyncio
import enum
import functools
import socket
import ssl
import struct
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol, TypeVar

from harness.twin.wire import faults, soap
from harness.twin.wire.accounts import Account, Directory
from harness.twin.wire.authentication import Gate
from harness.twin.wire.certificates import CredSspIdentity, make_credssp_identity
from harness.twin.wire.connection import Connection
from harness.twin.wire.listener import Listener
from harness.twin.wire.ntlm import ACCOUNT_LOCKED_OUT, NO_LOGON_SERVERS, RejectedError
from harness.twin.wire.port import Backend, Waiter
from harness.twin.wire.winrs import Quotas, ShellService

_T = TypeVar("_T")

_CLOSE_WITHIN_S: Final = 1.0
"""Wall seconds that a client may take to answer the end of TLS before the connection is cut."""


class Availability(enum.StrEnum):
    """How an endpoint meets its clients; `Slow` is the one state with a number."""

    ANSWERING = "answering"
    REFUSING = "refusing"
    UNAUTHORIZED = "unauthorized"
    UNAVAILABLE = "unavailable"
    BLACK_HOLE = "black_hole"
    PAUSED = "paused"
    """The machine stands still: connections stay, and requests are answered when it goes on."""


@dataclass(frozen=True, slots=True)
class Slow:
    """Every request is answered after a delay of so many wall seconds."""

    seconds: float


State = Availability | Slow


def slow(seconds: float) -> Slow:
    """The state that answers after a delay of `seconds` wall seconds."""
    return Slow(seconds)


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """Configuration of the WinRM service of a node; defaults are Windows' ([D] WinRM: AllowUnencrypted, Basic,
    CredSSP)."""

    os_version: str = "10.0.26100"
    """What Identify tells authenticated callers; a lab gives its nodes' own."""
    offers_basic: bool = False
    allow_unencrypted: bool = False
    offers_credssp: bool = False


@dataclass(frozen=True, slots=True)
class TlsService:
    """The endpoint's second port: with certificate and key of the node. Port 0 takes any free one."""

    port: int
    context: ssl.SSLContext


@dataclass(slots=True)
class EndpointStats:
    """Counts since the endpoint was added. `operations` counts SOAP operations by name, `faults` by code."""

    connections: int = 0
    requests: int = 0
    logons: int = 0
    operations: Counter[str] = field(default_factory=Counter)
    faults: Counter[int] = field(default_factory=Counter)


class LoopThread(Protocol):
    """Runs a function on the server's loop and returns its result; usable from any thread."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop all endpoints share."""

    def call(self, function: Callable[[], _T]) -> _T:
        """Run `function` on the loop's thread and wait for it."""


class Endpoint:
    """One node's WinRM service on one address: a plain port and, where given, one for TLS. Made by
    `WinRmServer.add_endpoint`.

    Public methods are thread-safe and have taken effect when they return. Attributes without underscore are read by
    the connections on the loop; treat them as read-only elsewhere. The exception is `on_rejection(account,
    proof_failed)`: set it to hear of every log-on answered with 401 (a domain counts failed proofs to lock accounts);
    it is called on the loop's thread and must not block. `rejections` counts the same log-ons by account.
    """

    def __init__(
        self,
        thread: LoopThread,
        name: str,
        address: tuple[str, int],
        accounts: Mapping[str, str],
        backend: Backend,
        directory_names: tuple[str, str],
        waiter: Waiter,
        quotas: Quotas,
        settings: EndpointSettings,
        new_id: Callable[[], str],
        read_utc_s: Callable[[], float],
        tls: TlsService | None = None,
    ) -> None:
        self.name = name
        self.quotas = quotas
        self.settings = settings
        self.directory = Directory(accounts, *directory_names)
        self.service = ShellService(backend, waiter, quotas, thread.loop, new_id)
        self.stats = EndpointStats(operations=self.service.operations)
        self.rejections: Counter[str] = Counter()
        self.on_rejection: Callable[[str, bool], None] | None = None
        self.goes_on: Callable[[], Awaitable[bool]] | None = None
        """Awaited by a request that meets a paused machine: True when it answers again, False to give up."""
        self.connections: set[Connection] = set()
        self.read_utc_s = read_utc_s
        self._names = directory_names
        self._credssp: CredSspIdentity | None = None
        self._thread = thread
        self._backend = backend
        self._replies = soap.ReplyBuilder(new_id)
        self._address = address[0]
        self._accepting: set[asyncio.Task[Any]] = set()
        self._state: State = Availability.ANSWERING
        self._denied: frozenset[str] = frozenset()
        self._locked: frozenset[str] = frozenset()
        self._domain_reachable = True
        self._plain = Listener(thread.loop, *address, self._accept)
        self._tls_listener: Listener | None = None
        if tls is not None:
            try:
                take = functools.partial(self._accept, context=tls.context)
                self._tls_listener = Listener(thread.loop, address[0], tls.port, take)
            except OSError:
                self._plain.close()
                raise

    @property
    def url(self) -> str:
        """The address clients use."""
        return f"http://{self._address}:{self.port}/wsman"

    @property
    def port(self) -> int:
        """The plain port."""
        return self._plain.port

    @property
    def tls_port(self) -> int | None:
        """The port for TLS, None when there is none."""
        return self._tls_listener.port if self._tls_listener is not None else None

    @property
    def _listeners(self) -> list[Listener]:
        return [self._plain] if self._tls_listener is None else [self._plain, self._tls_listener]

    # -- switches

    @property
    def state(self) -> State:
        """The present availability state."""
        return self._state

    def set_state(self, state: State | str) -> None:
        """Change the availability state.

        `refusing` closes the listener and ends open connections with FIN (call `drop_connections(reset=True)` first
        for RST). Leaving `refusing` opens the listener again. Raises ValueError for an unknown state and OSError when
        the address is taken.
        """
        wanted = state if isinstance(state, Slow) else Availability(state)
        self._thread.call(lambda: self._set_state(wanted))

    def _set_state(self, state: State) -> None:
        if state is Availability.REFUSING:
            self._close_listeners()
            self._drop_connections(reset=False)
        else:
            for listener in self._listeners:
                listener.open()
        self._state = state

    def drop_connections(self, reset: bool) -> None:
        """End all open connections now, with RST (`reset`) or FIN; requests in progress get no reply."""
        self._thread.call(lambda: self._drop_connections(reset))
        self._thread.call(lambda: None)  # asyncio closes the sockets in the turn after: the peers have heard by now

    def _drop_connections(self, reset: bool) -> None:
        for task in tuple(self._accepting):
            task.cancel()
        for connection in tuple(self.connections):
            connection.close(reset)

    def forget_shells(self) -> None:
        """Drop all shells, as a reboot does; their next use ends in fault 2150858843.

        The backend hears `shell_closed` for each, on the calling thread.
        """
        for shell_id in self._thread.call(self.service.forget_shells):
            self._backend.shell_closed(shell_id)

    def hold_creates(self, hold: bool) -> None:
        """Let Create requests wait (until their time-out fault) or go on: a node that has just booted."""
        gate = self.service.creates_open
        self._thread.call(gate.clear if hold else gate.set)

    def deny(self, user: str, denied: bool = True) -> None:
        """Give an account fault 5 after successful authentication, or stop doing so. Raises KeyError."""
        name = self.directory.resolve(user)
        self._denied = self._denied | {name} if denied else self._denied - {name}

    def lock(self, user: str, locked: bool = True) -> None:
        """Lock an account out (401 even with the right password), or unlock it. Raises KeyError."""
        name = self.directory.resolve(user)
        self._locked = self._locked | {name} if locked else self._locked - {name}

    def set_domain_reachable(self, reachable: bool) -> None:
        """Whether domain accounts can log on; accounts of the machine always can (early boot [W])."""
        self._domain_reachable = reachable

    def set_os_version(self, os_version: str) -> None:
        """Change what Identify tells authenticated callers, such as `10.0.26100`."""
        self.settings = replace(self.settings, os_version=os_version)

    def offer_credssp(self, offered: bool) -> None:
        """Enable CredSSP on the service or disable it, as a policy may do; open connections stay authenticated."""
        self.settings = replace(self.settings, offers_credssp=offered)

    def set_accounts(self, accounts: Mapping[str, str]) -> None:
        """Replace all accounts, for example after a password change. Open connections stay authenticated."""
        self.directory = Directory(accounts, *self._names)

    # -- what connections ask

    @property
    def is_black_hole(self) -> bool:
        """Whether requests are read and never answered."""
        return self._state is Availability.BLACK_HOLE

    @property
    def is_paused(self) -> bool:
        """Whether requests wait until the machine goes on."""
        return self._state is Availability.PAUSED

    @property
    def is_unavailable(self) -> bool:
        """Whether HTTP.sys is up and WinRM is not (503)."""
        return self._state is Availability.UNAVAILABLE

    @property
    def rejects_everyone(self) -> bool:
        """Whether even right credentials get 401."""
        return self._state is Availability.UNAUTHORIZED

    @property
    def delay_s(self) -> float:
        """Wall seconds to wait before answering."""
        return self._state.seconds if isinstance(self._state, Slow) else 0.0

    @property
    def gate(self) -> Gate:
        """What a handshake has to know."""
        credssp = self._make_credssp if self.settings.offers_credssp else None
        return Gate(self.directory, self.read_utc_s, self.admit, self.settings.offers_basic, credssp)

    def _make_credssp(self) -> CredSspIdentity:
        if self._credssp is None:
            self._credssp = make_credssp_identity(self.directory.computer_name, self.read_utc_s())
        return self._credssp

    def admit(self, account: Account) -> None:
        """Let an authenticated account in, or raise RejectedError."""
        if self.rejects_everyone:
            raise RejectedError(account.name, "this node refuses all log-ons now", proof_failed=False)
        if account.name in self._locked:
            reason = "the account is locked out"
            raise RejectedError(account.name, reason, proof_failed=False, nt_status=ACCOUNT_LOCKED_OUT)
        if not self._domain_reachable and not account.is_local:
            reason = "no domain controller is reachable"
            raise RejectedError(account.name, reason, proof_failed=False, nt_status=NO_LOGON_SERVERS)

    def note_rejection(self, error: RejectedError) -> None:
        """Count a rejected log-on for its account; tell `on_rejection`, on the loop's thread."""
        self.rejections[error.account] += 1
        if self.on_rejection is not None:
            self.on_rejection(error.account, error.proof_failed)

    def open_request(self, message: bytes, account: Account) -> soap.Envelope:
        """Read a request and apply what holds for all operations. Raises WsManFaultError."""
        try:
            envelope = soap.parse_envelope(message)
        except soap.MalformedEnvelopeError as error:
            raise faults.WsManFaultError(faults.SCHEMA_VALIDATION) from error
        limit_kb = self.quotas.max_envelope_kb
        if len(message) > limit_kb * 1024:
            raise faults.WsManFaultError(faults.ENVELOPE_TOO_LARGE, message_id=envelope.message_id, limit_kb=limit_kb)
        if account.name in self._denied:
            raise faults.WsManFaultError(faults.ACCESS_DENIED, message_id=envelope.message_id)
        return envelope

    def build_fault(self, fault: faults.WsManFaultError, message_id: str, machine: str) -> bytes:
        """Build and count a fault reply."""
        self.stats.faults[fault.kind.code] += 1
        return self._replies.build_fault(fault, message_id, machine)

    def set_reset_on_close(self, transport: asyncio.Transport) -> None:
        """Make the next close send RST: linger of zero seconds."""
        connected = transport.get_extra_info("socket")
        if connected is not None:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    # -- listeners, on the loop's thread

    def _close_listeners(self) -> None:
        for listener in self._listeners:
            listener.close()

    def _accept(self, connected: socket.socket, context: ssl.SSLContext | None = None) -> None:
        self.stats.connections += 1
        loop = self._thread.loop
        over_tls = context is not None
        # A black hole does not even shake hands.
        mute = over_tls and self.is_black_hole
        opening = loop.connect_accepted_socket(
            lambda: Connection(self, loop, over_tls=over_tls, mute=mute),
            connected,
            ssl=None if mute else context,
            ssl_shutdown_timeout=_CLOSE_WITHIN_S if over_tls and not mute else None,
        )
        task = loop.create_task(opening)
        self._accepting.add(task)
        task.add_done_callback(self._note_accepted)

    def _note_accepted(self, task: asyncio.Task[Any]) -> None:
        """A client that does not trust the certificate breaks off: that is its business, and no defect."""
        self._accepting.discard(task)
        if not task.cancelled() and not isinstance(task.exception(), OSError | None):
            task.result()

    def close(self) -> None:
        """Close listeners and connections; on the loop's thread. The endpoint is of no use afterwards."""
        self._close_listeners()
        self._drop_connections(reset=True)
