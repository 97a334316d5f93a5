"""``ping``, ``ipconfig`` and ``netsh`` of a node ([D] Windows commands; texts [GK])."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address
from typing import IO, Any, Final

from harness.twin.cmdlets.costs import load_costs
from harness.twin.cmdlets.network.lookups import LOOKUPS
from harness.twin.cmdlets.network.saying import address_of, say, unsupported
from harness.twin.model.network import Adapter, Answer, Networks, NodeNetwork, NotModelledError
from harness.twin.model.network.state import DEFAULT
from harness.twin.shell.host import Program, Writer

_FAILED: Final = 1
_BYTES: Final = 32
_RECEIVED: Final = (Answer.REPLY, Answer.UNREACHABLE)
_FIELD: Final = 33
_WIDE_GAP: Final = ("Primary Dns Suffix", "Connection-specific DNS Suffix")
"""[GK] Labels of ``ipconfig`` that are followed by two blanks."""


def network_programs(host: Any) -> Mapping[str, Program]:
    """The programs, bound to a node's process."""
    own = {"ping": _ping, "ipconfig": _ipconfig, "netsh": _netsh}
    return {name: partial(program, host) for name, program in (own | LOOKUPS).items()}


# --- ping


@dataclass(slots=True)
class _Wish:
    """What a command line of ``ping`` asks for."""

    target: str = ""
    count: int = 4
    source: str = ""
    error: str = ""
    unknown: str = ""


def _read_ping(words: Sequence[str]) -> _Wish:
    wish, rest = _Wish(), iter(words)
    for word in rest:
        option = word[1:] if word[:1] in ("/", "-") else ""
        if not option:
            wish.target = word
        elif option.lower() == "n":
            text = next(rest, "")
            wish.count = int(text) if text.isdecimal() else 0
            if not wish.count:
                wish.error = f"Bad value for option {word}, valid range is from 1 to 4294967295."
        elif option == "S":
            wish.source = next(rest, "")
        elif option != "4":
            wish.unknown = word
    return wish


def _ping(host: Any, words: Sequence[str], _stdin: IO[bytes], stdout: Writer, stderr: Writer) -> int:
    """``ping [-n COUNT] [-S SOURCE] [-4] HOST``; exit code 0 when anything came back, be it an error [GK]."""
    wish, networks = _read_ping(words[1:]), host.model.networks
    if wish.unknown or not wish.target:
        return unsupported(stderr, f"'{' '.join(words)}'")
    if wish.error:
        say(stdout, wish.error)
        return _FAILED
    try:
        ip = address_of(host, wish.target)
        if ip is None:
            say(stdout, f"Ping request could not find host {wish.target}. Please check the name and try again.")
            return _FAILED
        answers = list(_echoes(networks, host, ip, wish))
    except NotModelledError as error:
        return unsupported(stderr, str(error))
    say(stdout, *_ping_lines(networks.of(host.computer_name), wish, ip, answers))
    return 0 if any(answer in _RECEIVED for answer in answers) else _FAILED


def _echoes(networks: Networks, host: Any, ip: str, wish: _Wish) -> Iterator[Answer]:
    for at in range(wish.count):
        answer = networks.ping(host.computer_name, ip, wish.source)
        yield answer
        if answer is not Answer.REPLY:
            host.wait(load_costs().wait_s("ping_timeout"))
        elif at < wish.count - 1:
            host.wait(1)


def _ping_lines(own: NodeNetwork, wish: _Wish, ip: str, answers: Sequence[Answer]) -> Iterator[str]:
    way = own.egress(IPv4Address(ip))
    source = way[1] if way is not None else "127.0.0.1"
    texts = {
        Answer.REPLY: f"Reply from {ip}: bytes={_BYTES} time<1ms TTL=128",
        Answer.UNREACHABLE: f"Reply from {source}: Destination host unreachable.",
        Answer.SILENT: "Request timed out.",
        Answer.NO_ROUTE: "PING: transmit failed. General failure. ",
    }
    shown = ip if wish.target == ip else f"{wish.target} [{ip}]"
    shown += f" from {wish.source}" if wish.source else ""
    received = sum(answer in _RECEIVED for answer in answers)
    lost = len(answers) - received
    yield from ("", f"Pinging {shown} with {_BYTES} bytes of data:")
    yield from (texts[answer] for answer in answers)
    yield from ("", f"Ping statistics for {ip}:")
    share = lost * 100 // len(answers)
    yield f"    Packets: Sent = {len(answers)}, Received = {received}, Lost = {lost} ({share}% loss),"
    if Answer.REPLY in answers:
        yield from ("Approximate round trip times in milli-seconds:", "    Minimum = 0ms, Maximum = 0ms, Average = 0ms")


# --- ipconfig


def _ipconfig(host: Any, words: Sequence[str], _stdin: IO[bytes], stdout: Writer, stderr: Writer) -> int:
    """``ipconfig``, ``ipconfig /all`` and ``ipconfig /flushdns``."""
    options = [word.lower().replace("-", "/", 1) for word in words[1:]]
    if options == ["/flushdns"]:
        host.model.networks.of(host.computer_name).dns_cache.clear()
        say(stdout, "", "Windows IP Configuration", "", "Successfully flushed the DNS Resolver Cache.")
        return 0
    if options not in ([], ["/all"]):
        return unsupported(stderr, f"ipconfig {' '.join(words[1:])}")
    own: NodeNetwork = host.model.networks.of(host.computer_name)
    domain = host.model.spec.domain
    say(stdout, "", "Windows IP Configuration", "")
    if options:
        say(
            stdout,
            "",
            _field("Host Name", host.computer_name),
            _field("Primary Dns Suffix", domain),
            _field("Node Type", "Hybrid"),
            _field("IP Routing Enabled", "No"),
            _field("WINS Proxy Enabled", "No"),
            _field("DNS Suffix Search List", domain),
        )
    for adapter in own.interfaces:
        say(stdout, "", f"Ethernet adapter {adapter.name}:", "", *_adapter_lines(own, adapter, full=bool(options)))
    return 0


def _field(name: str, value: object = "") -> str:
    """A label, and dots up to the colon on every second column [GK]."""
    first = len(name) + 2 if name in _WIDE_GAP else len(name)
    dots = "".join("." if at >= first and at % 2 == 0 else " " for at in range(len(name), _FIELD))
    return f"   {name}{dots} : {value}"


def _adapter_lines(own: NodeNetwork, adapter: Adapter, *, full: bool) -> Iterator[str]:
    gateways = [route.next_hop for route in own.routes if route.index == adapter.index and route.destination == DEFAULT]
    yield _field("Connection-specific DNS Suffix")
    if full:
        yield _field("Description", adapter.description)
        yield _field("Physical Address", adapter.mac)
        yield _field("DHCP Enabled", "Yes" if adapter.dhcp else "No")
        yield _field("Autoconfiguration Enabled", "Yes")
    mark = "(Preferred)" if full else ""
    yield _field("Link-local IPv6 Address", f"{adapter.link_local}{mark}")
    for address in adapter.addresses:
        yield _field("IPv4 Address", f"{address.ip}{mark}")
        yield _field("Subnet Mask", address.interface.netmask)
    yield _field("Default Gateway", gateways[0] if gateways else "")
    if full and adapter.dns_servers:
        yield _field("DNS Servers", adapter.dns_servers[0])
        yield from (" " * 39 + server for server in adapter.dns_servers[1:])


# --- netsh


def _netsh(host: Any, words: Sequence[str], _stdin: IO[bytes], stdout: Writer, stderr: Writer) -> int:
    """``netsh winhttp`` ``show``, ``set`` and ``reset proxy``, which guides use [T]; nothing asks the proxy."""
    own: NodeNetwork = host.model.networks.of(host.computer_name)
    action = [word.lower() for word in words[1:4]]
    if action == ["winhttp", "set", "proxy"]:
        named = dict(word.split("=", 1) for word in words[4:] if "=" in word)
        bare = [word for word in words[4:] if "=" not in word]
        if not {name.lower() for name in named} <= {"proxy-server", "bypass-list"} or len(bare) > 2:
            return unsupported(stderr, f"'netsh {' '.join(words[1:])}'")
        given = [*bare, "", ""]
        own.proxy = named.get("proxy-server") or given[0]
        own.proxy_bypass = named.get("bypass-list") or given[0 if "proxy-server" in named else 1]
    elif action == ["winhttp", "reset", "proxy"]:
        own.proxy = own.proxy_bypass = ""
    elif action != ["winhttp", "show", "proxy"]:
        return unsupported(stderr, f"'netsh {' '.join(words[1:])}'")
    say(stdout, "", "Current WinHTTP proxy settings:", "")
    if own.proxy:
        say(stdout, f"    Proxy Server(s) :  {own.proxy}", f"    Bypass List     :  {own.proxy_bypass or '(none)'}", "")
    else:
        say(stdout, "    Direct access (no proxy server).", "")
    return 0
