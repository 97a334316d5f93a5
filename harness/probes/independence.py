"""Does the prober lean on what it watches?

A prober that runs in a guest of the cluster under test, or needs one as name server, domain controller or gateway, goes
blind at the very moment that it is to measure.  So watching is refused then.
"""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path
from typing import Final

RESOLVERS: Final = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
"""The second names the servers behind the stub resolver of systemd."""
ROUTES: Final = Path("/proc/net/route")
ROUTES_V6: Final = Path("/proc/net/ipv6_route")
KERBEROS: Final = Path("/etc/krb5.conf")
HYPERV: Final = Path("/var/lib/hyperv/.kvp_pool_3")
"""What Hyper-V tells a Linux guest about its host: keys of 512 and values of 2048 bytes [GK]; the keys are those of the
Windows registry's Virtual Machine\\Guest\\Parameters (guest-and-host-maintenance 6.4)."""
_KEY_BYTES: Final = 512
_VALUE_BYTES: Final = 2048
_NAMESERVER: Final = re.compile(r"^\s*nameserver\s+(\S+)", re.MULTILINE)
_KDC: Final = re.compile(r"^\s*(?:kdc|admin_server)\s*=\s*([^\s:]+)", re.MULTILINE)
_ANY_PORT: Final = 9
_LOOPBACK: Final = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
_MADE_UP: Final = (
    IPv4Network("192.0.2.0/24"),
    IPv4Network("198.51.100.0/24"),
    IPv4Network("203.0.113.0/24"),
    IPv4Network("198.18.0.0/15"),
    IPv6Network("2001:db8::/32"),
)
"""For documentation and benchmarks alone (RFC 5737, 2544, 3849); a simulated lab's guests have such addresses."""


@dataclass(frozen=True, slots=True)
class Need:
    """Something that the prober cannot do without: `what` it is, and its address or name."""

    what: str
    at: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What this machine says about itself: its needs, the Hyper-V host that it runs on, and its own host name (either
    empty where none is known)."""

    needs: tuple[Need, ...]
    host: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class ClusterUnderTest:
    """Addresses by guest, and the names of the nodes."""

    guests: Mapping[str, Sequence[str]]
    nodes: Sequence[str] = field(default=())


def objections(
    cluster: ClusterUnderTest, around: Surroundings, *, is_own: Callable[[str], bool] | None = None
) -> list[str]:
    """Why this machine must not watch that cluster; empty when nothing is known against it.

    A loopback address is everybody's and nobody's, so it speaks against nobody.  Names count only where a guest has an
    address out in the world: those of a simulated lab are the same on every machine.
    """
    own = is_own or is_own_address
    guests = [(name, _plain(address)) for name, addresses in sorted(cluster.guests.items()) for address in addresses]
    guests = [(name, address) for name, address in guests if not _lies_in(address, _LOOPBACK)]
    named = any(not _lies_in(address, _MADE_UP) for _, address in guests)
    found = [
        f"the prober itself is guest '{name}': {address} is an address of it"
        for name, address in guests
        if own(address)
    ]
    if named:
        found += _by_name(cluster, around)
    names = {_first_label(name): name for name in cluster.guests} if named else {}
    by_address = {address: name for name, address in guests}
    for need in around.needs:
        guest = by_address.get(_plain(need.at)) or (
            "" if _is_address(need.at) else names.get(_first_label(need.at), "")
        )
        if guest:
            found.append(f"its {need.what} {need.at} is guest '{guest}'")
    return list(dict.fromkeys(found))


def _by_name(cluster: ClusterUnderTest, around: Surroundings) -> Iterator[str]:
    guests = {_first_label(name): name for name in cluster.guests}
    nodes = {_first_label(name): name for name in cluster.nodes}
    if around.name and (guest := guests.get(_first_label(around.name))):
        yield f"the prober itself is guest '{guest}': its host name is {around.name}"
    if around.host and (node := nodes.get(_first_label(around.host))):
        yield f"the prober itself is a guest of the cluster: it runs on node '{node}'"


def surroundings(extra: Iterable[Need] = (), *, kerberos: bool = True) -> Surroundings:
    """What this machine's own settings name, and what the operator adds.

    With `kerberos` the domain controllers count too that it logs on with.
    """
    needs = [*_name_servers(), *_gateways(), *(_kerberos() if kerberos else ()), *extra]
    return Surroundings(tuple(dict.fromkeys(needs)), _hyperv_host(), socket.gethostname())


def is_own_address(address: str) -> bool:
    """Is this an address of this machine?  Never for a loopback address or a name."""
    if not _is_address(address) or _lies_in(address, _LOOPBACK):
        return False
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            # Sends nothing.  To bind would not do: some machines allow that with every address (ip_nonlocal_bind).
            sock.connect((address, _ANY_PORT))
            return _plain(str(sock.getsockname()[0])) == _plain(address)
    except OSError:
        return False


def _is_address(text: str) -> bool:
    return _plain(text, "") != ""


def _plain(text: str, otherwise: str | None = None) -> str:
    """An address as it is always written, without the zone; what is none stays, or becomes `otherwise`."""
    try:
        return str(ip_address(text.partition("%")[0]))
    except ValueError:
        return text if otherwise is None else otherwise


def _lies_in(text: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    """Never for a name."""
    return _is_address(text) and any(ip_address(_plain(text)) in network for network in networks)


def _first_label(name: str) -> str:
    return name.partition(".")[0].casefold()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _name_servers() -> Iterator[Need]:
    for path in RESOLVERS:
        for found in _NAMESERVER.finditer(_text(path)):
            yield Need("name server", found[1])


def _gateways() -> Iterator[Need]:
    for line in _text(ROUTES).splitlines()[1:]:
        columns = line.split()
        if len(columns) > 2 and columns[2] != "00000000":
            yield Need("gateway", socket.inet_ntoa(struct.pack("<I", int(columns[2], 16))))
    for line in _text(ROUTES_V6).splitlines():
        columns = line.split()
        if len(columns) > 4 and columns[4].strip("0"):
            yield Need("gateway", str(IPv6Address(int(columns[4], 16))))


def _kerberos() -> Iterator[Need]:
    for found in _KDC.finditer(_text(KERBEROS)):
        yield Need("domain controller", found[1])


def _hyperv_host() -> str:
    try:
        pool = HYPERV.read_bytes()
    except OSError:
        return ""
    size = _KEY_BYTES + _VALUE_BYTES
    rows = {
        _cell(pool[at : at + _KEY_BYTES]): _cell(pool[at + _KEY_BYTES : at + size])
        for at in range(0, len(pool) - size + 1, size)
    }
    return rows.get("PhysicalHostNameFullyQualified") or rows.get("PhysicalHostName") or ""


def _cell(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("utf-8", "replace")
