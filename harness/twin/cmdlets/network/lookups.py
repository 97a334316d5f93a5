"""``arp``, ``route``, ``netstat``, ``nslookup``, ``tracert``, ``getmac`` ([D] Windows commands; output [GK])."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import IO, Any, Final

from harness.twin.cmdlets.costs import load_costs
from harness.twin.cmdlets.network.connections import GROUPS, listeners
from harness.twin.cmdlets.network.routes import LINK_METRIC, local_routes
from harness.twin.cmdlets.network.saying import FAILED, address_of, say, unsupported
from harness.twin.model.network import Adapter, Answer, Networks, NodeNetwork, NotModelledError
from harness.twin.shell.host import Writer

NodeProgram = Callable[[Any, Sequence[str], IO[bytes], Writer, Writer], int]
_RULE: Final = "=" * 75
_HOPS: Final = 30
_PROBES: Final = 3
"""[D] ``tracert`` asks each hop three times."""


# --- arp


def arp(host: Any, words: Sequence[str], _stdin: IO[bytes], stdout: Writer, stderr: Writer) -> int:
    """``arp -a [ADDRESS]``: the cache of neighbours."""
    options = [word.lower().replace("/", "-", 1) for word in words[1:]]
    if not options or options[0] not in ("-a", "-g") or len(options) > 2:
        return unsupported(stderr, f"'{' '.join(words)}'")
    networks: Networks = host.model.networks
    own = networks.of(host.computer_name)
    wanted = options[1] if len(options) == 2 else ""
    shown = False
    for adapter in own.interfaces:
        rows = list(_arp_rows(networks, host.computer_name, adapter, wanted))
        if rows and adapter.addresses:
            head = f"Interface: {adapter.addresses[0].ip} --- 0x{adapter.index:x}"
            say(stdout, "", head, "  Internet Address      Physical Address      Type", *rows)
            shown = True
    if not shown:
        say(stdout, "No ARP Entries Found.")
    return 0 if shown else FAILED


def _arp_rows(networks: Networks, name: str, adapter: Adapter, wanted: str) -> Iterator[str]:
    found = [(item.ip, item.mac, "dynamic") for item in networks.neighbours(name) if item.adapter is adapter]
    found = [item for item in found if item[1]]
    for ip, mac, kind in [*found, *((ip, mac, "static") for ip, mac in GROUPS.items())]:
        if wanted in ("", ip):
            yield f"  {ip:<22}{mac.lower():<22}{kind:<11}"


# --- route


def route(host: Any, words: Sequence[str], _stdin: IO[bytes], stdout: Writer, stderr: Writer) -> int:
    """``route print [-4]``: interfaces and routes; changing them is for the cmdlets."""
    options = [word.lower() for word in words[1:]]
    if sorted(options) not in (["print"], ["-4", "print"]):
        return unsupported(stderr, f"'{' '.join(words)}'")
    own: NodeNetwork = host.model.networks.of(host.computer_name)
    say(stdout, _RULE, "Interface List", *_interface_lines(own), _RULE, "")
    say(stdout, "IPv4 Route Table", _RULE, "Active Routes:")
    say(stdout, "Network Destination        Netmask          Gateway       Interface  Metric")
    by_index = {adapter.index: adapter for adapter in own.interfaces if adapter.addresses}
    for item in own.routes:
        if item.index in by_index:
            out = by_index[item.index]
            metric = item.metric + out.interface_metric
            say(stdout, _route_line(item.destination, item.next_hop, out.addresses[0].ip, metric))
    for adapter in by_index.values():
        for destination, source in local_routes(adapter):
            say(
                stdout, _route_line(IPv4Network(destination), "On-link", source, LINK_METRIC + adapter.interface_metric)
            )
    say(stdout, _RULE, "Persistent Routes:")
    kept = [item for item in own.routes if item.index in by_index]
    if kept:
        say(stdout, "  Network Address          Netmask  Gateway Address  Metric")
    say(stdout, *(_kept_line(item.destination, item.next_hop) for item in kept) if kept else ("  None",), _RULE)
    if "-4" not in options:
        say(stdout, "", "IPv6 Route Table", _RULE, "Active Routes:", *_ipv6_lines(own), _RULE)
        say(stdout, "Persistent Routes:", "  None")
    return 0


def _interface_lines(own: NodeNetwork) -> Iterator[str]:
    for adapter in sorted(own.interfaces, key=lambda item: -item.index):
        mac = adapter.mac.replace("-", " ").lower()
        yield f"{adapter.index:>3}...{mac} ......{adapter.description}"
    yield "  1...........................Software Loopback Interface 1"


def _route_line(destination: IPv4Network, hop: str, source: str, metric: int) -> str:
    return f"{destination.network_address!s:>17}{destination.netmask!s:>17}{hop:>17}{source:>17}{metric:>7}"


def _kept_line(destination: IPv4Network, hop: str) -> str:
    return f"{destination.network_address!s:>17}{destination.netmask!s:>17}{hop:>17}  Default "


def _ipv6_lines(own: NodeNetwork) -> Iterator[str]:
    yield " If Metric Network Destination      Gateway"
    yield "  1    331 ::1/128                  On-link"
    for adapter in own.interfaces:
        for destination in ("fe80::/64", f"{adapter.link_local.partition('%')[0]}/128", "ff00::/8"):
            yield f"{adapter.index:>3}    271 {destination:<24} On-link"


# --- nslookup


def nslookup(host: Any, words: Sequence[str], _stdin: IO[bytes], stdout: Writer, stderr: Writer) -> int:
    """``nslookup NAME|ADDRESS [SERVER]``; without a name it would ask for more, which is not simulated."""
    if not 2 <= len(words) <= 3 or words[1].startswith("-"):
        return unsupported(stderr, f"'{' '.join(words)}'")
    networks: Networks = host.model.networks
    name, wanted = words[1], words[2] if len(words) == 3 else ""
    try:
        asked = _server(host, wanted)
        server = networks.name_server(host.computer_name, asked) if asked else None
        if server is None:
            return _no_answer(host, stdout, asked or wanted)
        known = networks.name_of(server) or "UnKnown"
        ip = _as_address(name)
        full = networks.name_of(ip) if ip else _full(host, name)
        addresses = [ip] if ip and full else [] if ip else networks.addresses_of(name)
    except NotModelledError as error:
        return unsupported(stderr, str(error))
    say(stdout, f"Server:  {known}", f"Address:  {server}", "")
    if not addresses:
        say(stderr, f"*** {known} can't find {name}: Non-existent domain")
        return 0
    label = "Addresses: " if len(addresses) > 1 else "Address: "
    say(stdout, f"Name:    {full}", f"{label} {addresses[0]}", *(f"          {one}" for one in addresses[1:]), "")
    return 0


def _server(host: Any, wanted: str) -> str:
    """Address of the name server to ask: the one that was named, or the first that is configured."""
    if wanted:
        return _as_address(wanted) or next(iter(host.model.networks.addresses_of(wanted)), "")
    servers: list[str] = host.model.networks.of(host.computer_name).dns_servers
    return servers[0] if servers else ""


def _no_answer(host: Any, stdout: Writer, server: str) -> int:
    host.wait(load_costs().wait_s("dns_timeout"))
    say(stdout, "DNS request timed out.", "    timeout was 2 seconds.", "Server:  UnKnown", f"Address:  {server}", "")
    say(stdout, *("DNS request timed out.", "    timeout was 2 seconds.") * 4, "*** Request to UnKnown timed-out")
    return 0


def _as_address(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except ValueError:
        return ""


def _full(host: Any, name: str) -> str:
    return name if "." in name else f"{name}.{host.model.spec.domain}"


# --- tracert


def tracert(host: Any, words: Sequence[str], _stdin: IO[bytes], stdout: Writer, stderr: Writer) -> int:
    """``tracert [-d] HOST``: all hosts of the lab are one hop away."""
    names = [word for word in words[1:] if word.lower() not in ("-d", "/d", "-4")]
    if len(names) != 1 or names[0].startswith("-"):
        return unsupported(stderr, f"'{' '.join(words)}'")
    networks: Networks = host.model.networks
    try:
        ip = address_of(host, names[0])
        if ip is None:
            say(stdout, f"Unable to resolve target system name {names[0]}.")
            return FAILED
        answer = networks.ping(host.computer_name, ip)
    except NotModelledError as error:
        return unsupported(stderr, str(error))
    plain = len(names) != len(words) - 1
    shown = ip if names[0] == ip else f"{names[0]} [{ip}]"
    say(stdout, "", f"Tracing route to {shown}", f"over a maximum of {_HOPS} hops:" if shown != ip else "", "")
    say(stdout, *_hops(host, ip, answer, plain), "", "Trace complete.")
    return 0


def _hops(host: Any, ip: str, answer: Answer, plain: bool) -> Iterator[str]:
    networks: Networks = host.model.networks
    if answer is Answer.REPLY:
        name = None if plain else networks.name_of(ip)
        yield f"  1    <1 ms    <1 ms    <1 ms  {f'{name} [{ip}]' if name else ip} "
        return
    host.wait(load_costs().wait_s("ping_timeout") * _PROBES)
    if answer is Answer.SILENT:
        host.wait(load_costs().wait_s("ping_timeout") * _PROBES * (_HOPS - 1))
        yield from (f"{at:>3}     *        *        *     Request timed out." for at in range(1, _HOPS + 1))
        return
    own = networks.of(host.computer_name)
    way = own.egress(IPv4Address(ip))
    yield f"  1  {host.computer_name} [{way[1] if way else own.management_ip}]  reports: Destination host unreachable."


# --- getmac


def getmac(host: Any, words: Sequence[str], _stdin: IO[bytes], stdout: Writer, stderr: Writer) -> int:
    """``getmac [/v]``: adapters that are enabled."""
    options = [word.lower().replace("-", "/", 1) for word in words[1:]]
    if options not in ([], ["/v"]):
        return unsupported(stderr, f"'{' '.join(words)}'")
    own: NodeNetwork = host.model.networks.of(host.computer_name)
    rows = [
        (item.name, item.description, item.mac, f"\\Device\\Tcpip_{{{item.guid}}}")
        for item in own.adapters
        if item.enabled
    ]
    titles = ("Connection Name", "Network Adapter", "Physical Address", "Transport Name")
    widths = (15, 15, 19, 58)
    first = 0 if options else 2
    say(stdout, "", " ".join(f"{title:<{width}}" for title, width in list(zip(titles, widths, strict=True))[first:]))
    say(stdout, " ".join("=" * width for width in widths[first:]))
    for row in rows:
        cells = list(zip(row, widths, strict=True))[first:]
        say(stdout, " ".join(f"{text[:width]:<{width}}" for text, width in cells))
    return 0


# --- netstat


def netstat(host: Any, words: Sequence[str], _stdin: IO[bytes], stdout: Writer, stderr: Writer) -> int:
    """``netstat -an`` and ``-ano``: ports on which the machine listens; connections are not simulated."""
    letters = {letter for word in words[1:] for letter in word.lower().lstrip("-/")}
    if not {"a", "n"} <= letters <= {"a", "n", "o"}:
        return unsupported(stderr, f"'{' '.join(words)}'")
    number = "o" in letters
    head = "  Proto  Local Address          Foreign Address        State"
    say(stdout, "", "Active Connections", "", head + ("           PID" if number else ""))
    for version in ("0.0.0.0", "[::]"):  # noqa: S104 - shown, nothing is bound to it
        for item in listeners(host):
            line = f"  TCP    {f'{version}:{item.port}':<22} {f'{version}:0':<22} LISTENING"
            say(stdout, f"{line}       {item.pid}" if number else line)
    return 0


LOOKUPS: Final[dict[str, NodeProgram]] = {
    "arp": arp,
    "route": route,
    "netstat": netstat,
    "nslookup": nslookup,
    "tracert": tracert,
    "getmac": getmac,
}
