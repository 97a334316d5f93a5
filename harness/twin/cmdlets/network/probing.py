"""``Test-Connection`` and ``Test-NetConnection`` ([D] PSD 5.1, WPD NetTCPIP; texts and ids [GK])."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from harness.twin.cmdlets.computer import MANAGEMENT
from harness.twin.cmdlets.costs import load_costs
from harness.twin.cmdlets.network.adapters import make_adapter
from harness.twin.cmdlets.network.cim import TCPIP, network, networks
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.network import Adapter, Answer, NotModelledError
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import PSObject, UInt32

PING_STATUS: Final = Shape(
    ("System.Management.ManagementObject#root\\cimv2\\Win32_PingStatus", "System.Object"),
    "PSComputerName Address BufferSize IPV4Address IPV6Address ProtocolAddress ResponseTime StatusCode Timeout "
    "TimeToLive",
)
_TEST_PROPERTIES: Final = (
    "ComputerName RemoteAddress ResolvedAddresses PingSucceeded PingReplyDetails TcpClientSocket TcpTestSucceeded "
    "RemotePort TraceRoute Detailed InterfaceAlias InterfaceIndex InterfaceDescription NetAdapter NetRoute "
    "SourceAddress NameResolutionSucceeded BasicNameResolution LLMNRNetbiosRecords DNSOnlyRecords "
    "AllNameResolutionResults IsAdmin NetworkIsolationContext MatchingIPsecRules"
)
TEST_PING_VIEW: Final = "TestNetConnectionResult#Ping"
TEST_TRACE_VIEW: Final = "TestNetConnectionResult#Trace"
TEST_PORT_VIEW: Final = "TestNetConnectionResult#Port"
TEST_BOTH_VIEW: Final = "TestNetConnectionResult#PortAndPing"
"""Windows chooses what it shows by what was tested; here a second type name says it."""


def _test(view: str) -> Shape:
    return Shape(("TestNetConnectionResult", view, "System.Object"), _TEST_PROPERTIES)


_TEST_PING: Final = _test(TEST_PING_VIEW)
_TEST_TRACE: Final = _test(TEST_TRACE_VIEW)
_TEST_PORT: Final = _test(TEST_PORT_VIEW)
_TEST_BOTH: Final = _test(TEST_BOTH_VIEW)
REPLY: Final = Shape("System.Net.NetworkInformation.PingReply", "Status Address RoundtripTime Options Buffer")

_STATUS: Final = {Answer.REPLY: 0, Answer.UNREACHABLE: 11003, Answer.SILENT: 11010, Answer.NO_ROUTE: 11050}
"""StatusCode of Win32_PingStatus ([D] W32)."""
_TEXTS: Final = {
    Answer.UNREACHABLE: "A non-recoverable error occurred during a database lookup",
    Answer.SILENT: "Error due to lack of resources",
    Answer.NO_ROUTE: "Error due to lack of resources",
}
"""[GK] ``Test-Connection`` looks its status up among the errors of sockets, and so gives these odd texts."""
_WORDS: Final = {
    Answer.UNREACHABLE: "DestinationHostUnreachable",
    Answer.SILENT: "TimedOut",
    Answer.NO_ROUTE: "DestinationNetworkUnreachable",
}
_COMMON_PORTS: Final = {"http": 80, "rdp": 3389, "smb": 445, "winrm": 5985}
"""``-CommonTCPPort`` ([D])."""


class UnknownHostError(LookupError):
    """No name server knows the name: give an address or a name of the domain."""


@dataclass(frozen=True, slots=True)
class Target:
    """A host that somebody named, and its address."""

    name: str
    ip: str


def find_target(call: Call, name: str) -> Target:
    """The host of a name or address.  Raises UnknownHostError; PSError for what is not simulated."""
    own = str(call.host.computer_name)
    low = name.lower()
    if low == "localhost":
        return Target(name, "127.0.0.1")
    try:
        return Target(name, str(IPv4Address(name)))
    except ValueError:
        pass
    if ":" in name:
        raise limitation("IPv6 is not simulated")
    try:
        if low.partition(".")[0] == own.lower():
            return Target(name, network(call).management_ip)
        found = networks(call).resolve(own, name)
        if not found:
            raise UnknownHostError(name)
    except NotModelledError as error:
        raise limitation(f"{error} is not simulated") from error
    return Target(name, found[0])


def ping(call: Call, target: Target) -> Answer:
    """What comes back.  Raises PSError for an address outside of the lab."""
    try:
        return networks(call).ping(str(call.host.computer_name), target.ip)
    except NotModelledError as error:
        raise limitation(f"{error} is not simulated") from error


@MANAGEMENT.cmdlet(
    "Test-Connection",
    Parameter(
        "ComputerName",
        "string[]",
        position=0,
        mandatory=True,
        pipeline="name",
        aliases=("CN", "IPAddress", "__SERVER", "Server", "Destination"),
    ),
    Parameter("Count", "int", minimum=1),
    Parameter("Delay", "int"),
    Parameter("BufferSize", "int", aliases=("Size", "Bytes", "BS")),
    Parameter("TimeToLive", "int", aliases=("TTL",)),
    Parameter("Quiet", "switch"),
    Parameter("Source", "string[]", aliases=("FCN", "SRC")),
)
def test_connection(call: Call) -> Iterator[object]:
    """Pings hosts: four times, one second apart; ``-Quiet`` says whether anything came back."""
    if call.has("Source"):
        raise limitation("Test-Connection -Source is not simulated; every node answers about itself")
    for name in call.texts("ComputerName"):
        try:
            target = find_target(call, name)
        except UnknownHostError:
            if call.switch("Quiet"):
                yield False
            else:
                _report(call, name, "No such host is known")
            continue
        answers = list(_answers(call, target))
        if call.switch("Quiet"):
            yield Answer.REPLY in answers
            continue
        for answer in answers:
            if answer is Answer.REPLY:
                yield _status(call, target)
            else:
                _report(call, name, _TEXTS[answer])


def _answers(call: Call, target: Target) -> Iterator[Answer]:
    count = call.number("Count", 4)
    for at in range(count):
        answer = ping(call, target)
        yield answer
        if answer is not Answer.REPLY:
            call.wait(load_costs().wait_s("ping_timeout"))
        elif at < count - 1:
            call.wait(call.number("Delay", 1))


def _report(call: Call, name: str, text: str) -> None:
    call.write_error(
        f"Testing connection to computer '{name}' failed: {text}",
        "TestConnectionException",
        "ResourceUnavailable",
        name,
        "System.Net.NetworkInformation.PingException",
    )


def _status(call: Call, target: Target) -> PSObject:
    size = UInt32(call.number("BufferSize", 32))
    return PING_STATUS.make(
        call.host.node.name, target.name, size, target.ip, None, target.ip, UInt32(0), UInt32(_STATUS[Answer.REPLY]),
        UInt32(4000), UInt32(call.number("TimeToLive", 80)),
    )  # fmt: skip


@TCPIP.cmdlet(
    "Test-NetConnection",
    Parameter("ComputerName", "string", position=0, pipeline=("value", "name"), aliases=("RemoteAddress", "cn")),
    Parameter("CommonTCPPort", "string", position=1, values=("HTTP", "RDP", "SMB", "WINRM")),
    Parameter("Port", "int", aliases=("RemotePort",), minimum=1, maximum=65535, pipeline="name"),
    Parameter("InformationLevel", "string", values=("Quiet", "Detailed")),
    Parameter("TraceRoute", "switch"),
    Parameter("DiagnoseRouting", "switch"),
    Parameter("Hops", "int"),
    aliases=("TNC",),
)
def test_net_connection(call: Call) -> Iterator[object]:
    """Resolves a name, and pings it or opens a TCP connection; a failed connection is followed by a ping [D]."""
    if not call.has("ComputerName") or call.switch("DiagnoseRouting"):
        raise limitation("Test-NetConnection is simulated for a host, with or without a port")
    name = call.text("ComputerName")
    port = call.number("Port") or _COMMON_PORTS.get(call.text("CommonTCPPort").lower(), 0)
    try:
        target: Target | None = find_target(call, name)
    except UnknownHostError:
        target = None
        call.write_warning(f"Name resolution of {name} failed")
    connected = target is not None and port > 0 and _connects(call, target, port)
    answer = ping(call, target) if target is not None and not connected else None
    if call.switch("TraceRoute") and answer is not Answer.REPLY:
        raise limitation("a trace to a host that does not answer is not simulated")
    if answer is not None and answer is not Answer.REPLY:
        call.wait(load_costs().wait_s("ping_timeout"))
        call.write_warning(f"Ping to {target.ip if target else name} failed with status: {_WORDS[answer]}")
    if call.text("InformationLevel").lower() == "quiet":
        yield connected if port else answer is Answer.REPLY
        return
    yield _result(call, name, target, port, connected, answer)


def _connects(call: Call, target: Target, port: int) -> bool:
    try:
        if networks(call).connects(str(call.host.computer_name), target.ip, port):
            return True
    except NotModelledError as error:
        raise limitation(f"{error} is not simulated") from error
    alive = ping(call, target) is Answer.REPLY
    call.wait(load_costs().wait_s("connect_refused" if alive else "connect_timeout"))
    call.write_warning(f"TCP connect to ({target.ip} : {port}) failed")
    return False


def _result(
    call: Call, name: str, target: Target | None, port: int, connected: bool, answer: Answer | None
) -> PSObject:
    own = network(call)
    way = own.egress(IPv4Address(target.ip)) if target is not None else None
    adapter: Adapter | None = way[0] if way is not None else None
    replied = answer is Answer.REPLY
    detail = REPLY.make("Success", target.ip, 0, None, None) if replied and target is not None else None
    trace = call.switch("TraceRoute")
    shape = _TEST_TRACE if trace else _TEST_PING if not port else _TEST_PORT if connected else _TEST_BOTH
    return shape.make(
        name,
        target.ip if target else None,
        [target.ip] if target else [],
        replied,
        detail,
        None,
        connected,
        UInt32(port),
        [target.ip] if trace and target is not None else None,
        call.text("InformationLevel").lower() == "detailed",
        adapter.name if adapter else None,
        adapter.index if adapter else None,
        adapter.description if adapter else None,
        make_adapter(call, own, adapter) if adapter else None,
        None,
        way[1] if way else None,
        target is not None,
        [target.ip] if target else [],
        [],
        [],
        [target.ip] if target else [],
        True,
        "Internet",
        None,
    )
