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
from pathlib import Path
from typing import Final

RESOLVERS: Final = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
"""The second names the servers behind the stub resolver of systemd."""
ROUTES: Final = Path("/proc/net/route")
KERBEROS: Final = Path("/etc/krb5.conf")
HYPERV: Final = Path("/var/lib/hyperv/.kvp_pool_3")
"""What Hyper-V tells a Linux guest about its host: keys of 512 and values of 2048 bytes [GK]; the keys are those of the
Windows registry's Virtual Machine\\Guest\\Parameters (guest-and-host-maintenance 6.4)."""
_KEY_BYTES: Final = 512
_VALUE_BYTES: Final = 2048
_NAMESERVER: Final = re.compile(r"^\s*nameserver\s+(\S+)", re.MULTILINE)
_KDC: Final = re.compile(r"^\s*(?:kdc|admin_server)\s*=\s*([^\s:]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Need:
    """Something that the prober cannot do without: `what` it is, and its address or name."""

    what: str
    at: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What this machine says about itself: its needs, and the Hyper-V host that it runs on (empty: none is known)."""

    needs: tuple[Need, ...]
    host: str = ""


@dataclass(frozen=True, slots=True)
class ClusterUnderTest:
    """Addresses by guest, and the names of the nodes."""

    guests: Mapping[str, Sequence[str]]
    nodes: Sequence[str] = field(default=())


def objections(
    cluster: ClusterUnderTest, around: Surroundings, *, is_own: Callable[[str], bool] | None = None
) -> list[str]:
    """Why this machine must not watch that cluster; empty when nothing is known against it."""
    own = is_own or is_own_address
    guests = [(name, address) for name, addresses in sorted(cluster.guests.items()) for address in addresses]
    found = [
        f"the prober itself is guest '{name}': {address} is an address of it"
        for name, address in guests
        if own(address)
    ]
    nodes = {_first_label(node): node for node in cluster.nodes}
    if around.host and _first_label(around.host) in nodes:
        node = nodes[_first_label(around.host)]
        found.append(f"the prober itself is a guest of the cluster: it runs on node '{node}'")
    names = {_first_label(name): name for name in cluster.guests}
    by_address = {address: name for name, address in guests}
    for need in around.needs:
        guest = by_address.get(need.at) or ("" if _is_address(need.at) else names.get(_first_label(need.at), ""))
        if guest:
            found.append(f"its {need.what} {need.at} is guest '{guest}'")
    return list(dict.fromkeys(found))


def surroundings(extra: Iterable[Need] = ()) -> Surroundings:
    """What this machine's own settings name, and what the operator adds."""
    needs = [*_name_servers(), *_gateways(), *_kerberos(), *extra]
    return Surroundings(tuple(dict.fromkeys(needs)), _hyperv_host())


def is_own_address(address: str) -> bool:
    """Is this an address of this machine?  Loopback addresses are everybody's and nobody's."""
    if address.startswith("127."):
        return False
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.bind((address, 0))
    except OSError:
        return False
    return True


def _is_address(text: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, text)
        except OSError:
            continue
        return True
    return False


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
