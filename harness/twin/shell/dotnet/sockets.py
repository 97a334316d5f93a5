"""``[Net.Dns]`` and ``Net.Sockets.TcpClient``: names and open ports ([GK] .NET Framework); no data is sent."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from harness.twin.shell.dotnet.network import ADDRESS, IpAddress, parse_address
from harness.twin.shell.dotnet.registry import constructor, method, prop, static
from harness.twin.shell.errors import NetError, NetException, limitation, net_error
from harness.twin.shell.objects import NOTHING, PSArray
from harness.twin.shell.peers import Attempt, peers_of
from harness.twin.shell.session import current
from harness.twin.shell.typesystem import register_value_type

DNS: Final = "System.Net.Dns"
ENTRY: Final = "System.Net.IPHostEntry"
CLIENT: Final = "System.Net.Sockets.TcpClient"
TASK: Final = "System.Threading.Tasks.Task"
RESULT: Final = "System.Net.Sockets.Socket+MultipleAddressConnectAsyncResult"
HANDLE: Final = "System.Threading.ManualResetEvent"
_SOCKET: Final = "System.Net.Sockets.SocketException"
_NOBODY: Final = "No such host is known"


# --- names


class HostEntry:
    """What is known of a host."""

    __slots__ = ("addresses", "name")

    def __init__(self, name: str, addresses: list[IpAddress]) -> None:
        self.name, self.addresses = name, addresses


def _address(text: str) -> IpAddress | None:
    try:
        return parse_address(text)
    except NetError:
        return None


def _addresses(name: str) -> list[IpAddress]:
    own = _address(name) if name else None
    if own is not None:
        return [own]
    found = peers_of(current()).addresses(name or current().host.computer_name)
    if not found:
        raise net_error(_SOCKET, _NOBODY)
    return [parse_address(text) for text in found]


@static(DNS, "GetHostAddresses", "string hostNameOrAddress")
def host_addresses(name: str) -> PSArray:
    """Addresses of a host."""
    return PSArray(_addresses(name), ADDRESS)


@static(DNS, "GetHostEntry", "string hostNameOrAddress")
def host_entry(name: str) -> HostEntry:
    """Name and addresses of a host; of an address its name."""
    given = _address(name)
    if given is None:
        ips = _addresses(name)
        return HostEntry(peers_of(current()).name_of(str(ips[0])) or name, ips)
    full = peers_of(current()).name_of(str(given))
    if not full:
        raise net_error(_SOCKET, _NOBODY)
    return HostEntry(full, [given])


for _name, _signature in (
    ("GetHostByName", "string hostName"),
    ("GetHostByAddress", "string address"),
    ("Resolve", "string hostName"),
):
    static(DNS, _name, _signature)(host_entry)
static(DNS, "GetHostName")(lambda: current().host.computer_name)
register_value_type(HostEntry, ENTRY)
prop(HostEntry, "HostName", lambda this: this.name)
prop(HostEntry, "Aliases", lambda _this: PSArray([], "System.String"))
prop(HostEntry, "AddressList", lambda this: PSArray(this.addresses, ADDRESS))


# --- connections


class TcpClient:
    """A connection to a port; what it carries is not simulated."""

    __slots__ = ("connected",)

    def __init__(self, host: object = None, port: int = 0) -> None:
        self.connected = False
        if host is not None:
            self.connect(host, port)

    def connect(self, host: object, port: int) -> object:
        """Open the connection, and wait until that is decided."""
        Pending(self, host, port).finish()
        return NOTHING

    def close(self) -> object:
        """End the connection."""
        self.connected = False
        return NOTHING


class Pending:
    """A connection that is being opened: as a task, as an asynchronous result and as its handle."""

    __slots__ = ("attempt", "begun", "client")

    def __init__(self, client: TcpClient, host: object, port: int) -> None:
        self.client = client
        self.begun: datetime = current().host.now()
        self.attempt: Attempt = peers_of(current()).attempt(str(host), port)
        if not self.attempt.failure:
            client.connected = True

    @property
    def left_s(self) -> float:
        """Seconds until it is decided."""
        passed: timedelta = current().host.now() - self.begun
        return max(0.0, self.attempt.seconds - passed.total_seconds())

    def wait(self, milliseconds: float = -1) -> bool:
        """Wait until it is decided, at most for a time; whether it is."""
        left = self.left_s
        limit = left if milliseconds < 0 else milliseconds / 1000
        current().host.wait(min(left, limit))
        return left <= limit

    def finish(self) -> object:
        """Wait until it is decided.  Raises NetError when it fails."""
        self.wait()
        if self.attempt.failure:
            raise NetError(NetException(_SOCKET, self.attempt.failure))
        return NOTHING


class Handle:
    """What one waits for."""

    __slots__ = ("pending",)

    def __init__(self, pending: Pending) -> None:
        self.pending = pending


class AsyncResult:
    """What ``BeginConnect`` gives."""

    __slots__ = ("pending",)

    def __init__(self, pending: Pending) -> None:
        self.pending = pending


def _task_wait(this: Pending, time: object = -1) -> object:
    """``Task.Wait``: a failed task throws when it is waited for to its end."""
    limit = time / timedelta(milliseconds=1) if isinstance(time, timedelta) else float(str(time))
    if not this.wait(limit):
        return False
    if this.attempt.failure:
        inner = NetException(_SOCKET, this.attempt.failure)
        raise NetError(NetException("System.AggregateException", "One or more errors occurred.", inner))
    return True


def _task_done(this: Pending) -> object:
    _task_wait(this)
    return NOTHING


def _stream(_this: TcpClient) -> object:
    raise limitation("what a TCP connection carries is not simulated")


register_value_type(TcpClient, CLIENT)
constructor(CLIENT, "", "string hostname, int port")(TcpClient)
prop(TcpClient, "Connected", lambda this: this.connected)
method(TcpClient, "Connect", "string hostname, int port")(lambda this, host, port: this.connect(host, port))
method(TcpClient, "ConnectAsync", "string host, int port")(Pending)
method(TcpClient, "BeginConnect", "string host, int port, object requestCallback, object state")(
    lambda this, host, port, _callback, _state: AsyncResult(Pending(this, host, port))
)
method(TcpClient, "EndConnect", "object asyncResult")(lambda _this, result: result.pending.finish())
method(TcpClient, "GetStream")(_stream)
method(TcpClient, "Close")(lambda this: this.close())
method(TcpClient, "Dispose")(lambda this: this.close())

register_value_type(Pending, TASK)
prop(Pending, "IsCompleted", lambda this: this.left_s <= 0)
prop(Pending, "IsFaulted", lambda this: bool(this.attempt.failure) and this.left_s <= 0)
method(Pending, "Wait")(_task_done)
method(Pending, "Wait", "int millisecondsTimeout", "timespan timeout")(_task_wait)

register_value_type(AsyncResult, RESULT)
prop(AsyncResult, "IsCompleted", lambda this: this.pending.left_s <= 0)
prop(AsyncResult, "AsyncWaitHandle", lambda this: Handle(this.pending))

register_value_type(Handle, HANDLE)
method(Handle, "WaitOne")(lambda this: this.pending.wait())
method(Handle, "WaitOne", "int millisecondsTimeout", "int millisecondsTimeout, bool exitContext")(
    lambda this, limit, _exit=False: this.pending.wait(limit)
)
method(Handle, "Close")(lambda _this: NOTHING)
