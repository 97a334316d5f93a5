"""``Get-NetTCPConnection`` and ``Get-NetNeighbor`` ([D] WPD NetTCPIP; enumerations [D] W32).

Listening ports follow the services, as for those who connect; connections themselves are not simulated.  The cache of
neighbours holds those machines of the subnets that are there: members of a cluster talk to each other all the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from operator import methodcaller
from typing import Any, Final

from harness.twin.cmdlets.network.cim import (
    ALIAS,
    FAMILY,
    INDEX,
    IPV4,
    STORE,
    TCPIP,
    choose,
    generated_enum,
    network,
    networks,
    query_found_nothing,
    shape,
)
from harness.twin.cmdlets.processes import process_of
from harness.twin.cmdlets.services import find_service
from harness.twin.cmdlets.windows import local_time
from harness.twin.model.groups import SERVICES, UPDATE_SERVICE
from harness.twin.model.network import Neighbour
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import PSEnum, PSObject, UInt16, UInt32

CONNECTION: Final = shape(
    "MSFT_NetTCPConnection",
    "LocalAddress LocalPort RemoteAddress RemotePort State AppliedSetting OwningProcess CreationTime OffloadState",
)
NEIGHBOUR: Final = shape(
    "MSFT_NetNeighbor",
    "IPAddress InterfaceIndex ifIndex InterfaceAlias LinkLayerAddress AddressFamily State PolicyStore",
)
_STATE: Final = generated_enum(
    "NetTCPConnection.State",
    {"Closed": 1, "Listen": 2, "SynSent": 3, "SynReceived": 4, "Established": 5, "FinWait1": 6, "FinWait2": 7,
     "CloseWait": 8, "Closing": 9, "LastAck": 10, "TimeWait": 11, "DeleteTCB": 12, "Bound": 100},
)  # fmt: skip
_OFFLOAD: Final = generated_enum("NetTCPConnection.OffloadState", {"InHost": 0, "Offloading": 1, "Offloaded": 2})
_REACHED: Final = generated_enum(
    "NetNeighbor.State",
    {"Unreachable": 0, "Incomplete": 1, "Probe": 2, "Delay": 3, "Stale": 4, "Reachable": 5, "Permanent": 6},
)
_SYSTEM: Final = 4
"""Process of the kernel, whose HTTP server and SMB server listen [GK]."""
_NOBODY: Final = "00-00-00-00-00-00"
GROUPS: Final = {"224.0.0.22": "01-00-5E-00-00-16", "255.255.255.255": "FF-FF-FF-FF-FF-FF"}
"""[GK] Group addresses that the cache always holds."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A port on which the machine listens."""

    address: str
    port: int
    pid: int


def listeners(host: Any) -> Iterator[Listener]:
    """Ports of the services that the model has; the endpoint mapper's process is not simulated, so neither is its."""
    yield Listener("::", 445, _SYSTEM)
    for port in (5985, 5986):
        yield Listener("::", port, _SYSTEM)
    for service, port in (("ClusSvc", 3343), (SERVICES[UPDATE_SERVICE], 4900)):
        row = find_service(host, service)
        if row is not None and row.running:
            yield Listener("::", port, process_of(host, row).pid)


@TCPIP.cmdlet(
    "Get-NetTCPConnection",
    Parameter("LocalAddress", "string[]", position=0, pipeline="name"),
    Parameter("LocalPort", "int[]", position=1, pipeline="name"),
    Parameter("RemoteAddress", "string[]", pipeline="name"),
    Parameter("RemotePort", "int[]", pipeline="name"),
    Parameter("State", "string[]"),
    Parameter("OwningProcess", "int[]"),
)
def get_connection(call: Call) -> Iterator[object]:
    """Ports on which this node listens."""
    rows = [_connection(call, item) for item in listeners(call.host)]
    for name in ("LocalAddress", "LocalPort", "RemoteAddress", "RemotePort", "OwningProcess"):
        rows = choose(call, "MSFT_NetTCPConnection", name, rows, methodcaller("get", name))
    states = [text.lower() for text in call.texts("State")]
    found = [row for row in rows if not states or str(row.get("State")).lower() in states]
    if rows and not found:
        query_found_nothing(call, "MSFT_NetTCPConnection", "State")
    yield from found


def _connection(call: Call, item: Listener) -> PSObject:
    return CONNECTION.make(
        item.address, UInt16(item.port), "::", UInt16(0), PSEnum(_STATE, 2), None, UInt32(item.pid),
        local_time(call.host, call.host.node.last_boot_ns), PSEnum(_OFFLOAD, 0), text=f"{item.address}:{item.port}",
    )  # fmt: skip


@TCPIP.cmdlet(
    "Get-NetNeighbor",
    Parameter("IPAddress", "string[]", position=0, pipeline="name"),
    ALIAS,
    INDEX,
    FAMILY,
    Parameter("LinkLayerAddress", "string[]"),
    Parameter("State", "string[]"),
)
def get_neighbour(call: Call) -> Iterator[object]:
    """IPv4 neighbours of this node's interfaces."""
    if call.text("AddressFamily").lower() == "ipv6":
        raise limitation("IPv6 neighbours are not simulated")
    rows = list(_neighbours(call))
    for name in ("InterfaceAlias", "InterfaceIndex", "IPAddress", "LinkLayerAddress"):
        rows = choose(call, "MSFT_NetNeighbor", name, rows, methodcaller("get", name))
    states = [text.lower() for text in call.texts("State")]
    yield from (row for row in rows if not states or str(row.get("State")).lower() in states)


def _neighbours(call: Call) -> Iterator[PSObject]:
    for item in networks(call).neighbours(str(call.host.computer_name)):
        yield _neighbour(item, "Reachable" if item.reachable else "Unreachable")
    for adapter in network(call).interfaces:
        for ip, mac in GROUPS.items():
            yield _neighbour(Neighbour(adapter, ip, mac, True), "Permanent")


def _neighbour(item: Neighbour, state: str) -> PSObject:
    index, mac = UInt32(item.adapter.index), item.mac if item.reachable else _NOBODY
    return NEIGHBOUR.make(
        item.ip, index, index, item.adapter.name, mac, IPV4, PSEnum(_REACHED, _REACHED.labels[state]), STORE,
        text=item.ip,
    )  # fmt: skip
