"""SMB over several paths ([D] WPD SmbShare): its interfaces, and the connections of storage.

Nobody has a share of another machine open, so the default instance has no connection, as a node at rest [T]; those of
storage (``-SmbInstance CSV`` and ``SBL``) are there between members that reach each other over the storage networks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.declaring import property_of, selects
from harness.twin.cmdlets.farmodules import cim_module
from harness.twin.cmdlets.network.adapters import speed_text
from harness.twin.cmdlets.network.cim import network, networks, strings
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.network import Adapter, Answer
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.formatting import Column, register_view
from harness.twin.shell.objects import UInt32, UInt64

SMB: Final = cim_module("SmbShare")
_CIM: Final = "Microsoft.Management.Infrastructure.CimInstance"


def _shape(name: str, properties: str) -> Shape:
    return Shape((f"{_CIM}#ROOT/Microsoft/Windows/SMB/{name}", _CIM, "System.Object"), properties)


MULTICHANNEL: Final = _shape(
    "MSFT_SmbMultichannelConnection",
    "ClientInterfaceFriendlyName ClientInterfaceIndex ClientIpAddress ClientLinkSpeed ClientRdmaCapable "
    "ClientRSSCapable CurrentChannels Failed FailureCount MaxChannels RdmaConnectionCount Selected "
    "ServerInterfaceIndex ServerIpAddress ServerLinkSpeed ServerName ServerRdmaCapable ServerRSSCapable SmbInstance "
    "TcpConnectionCount",
)
CLIENT: Final = _shape(
    "MSFT_SmbClientNetworkInterface", "FriendlyName InterfaceIndex IpAddresses LinkSpeed RdmaCapable RssCapable"
)
SERVER: Final = _shape(
    "MSFT_SmbServerNetworkInterface",
    "FriendlyName InterfaceIndex IpAddress LinkSpeed RdmaCapable RssCapable ScopeName",
)
_CHANNELS: Final = 2
"""[T] Channels of one pair of interfaces."""
_INSTANCE: Final = Parameter("SmbInstance", "string", values=("Default", "CSV", "SBL", "SR"))


def register_smb_views() -> None:
    """Tell the formatter how they look ([D]; headings of several lines stand in one)."""
    rdma, rss = Column("Client RDMA Capable", "ClientRdmaCapable"), Column("Client RSS Capable", "ClientRSSCapable")
    register_view(
        MULTICHANNEL.type_name,
        table=[
            Column("Server Name", "ServerName"), "Selected", Column("Client IP", "ClientIpAddress"),
            Column("Server IP", "ServerIpAddress"), Column("Client Interface Index", "ClientInterfaceIndex"),
            Column("Server Interface Index", "ServerInterfaceIndex"), rss, rdma,
        ],
    )  # fmt: skip
    shared: list[Column | str] = [
        Column("Interface Index", "InterfaceIndex"), Column("RSS Capable", "RssCapable"),
        Column("RDMA Capable", "RdmaCapable"), Column("Speed", _speed),
    ]  # fmt: skip
    register_view(CLIENT.type_name, table=[*shared, "IpAddresses", Column("Friendly Name", "FriendlyName")])
    register_view(SERVER.type_name, table=[Column("Scope Name", "ScopeName"), *shared, "IpAddress"])


def _speed(row: object) -> str:
    return speed_text(int(property_of(row, "LinkSpeed")))


@SMB.cmdlet(
    "Get-SmbMultichannelConnection",
    Parameter("ServerName", "string[]", position=0),
    Parameter("IncludeNotSelected", "switch"),
    _INSTANCE,
)
def get_multichannel(call: Call) -> Iterator[object]:
    """Connections over several paths; with the default instance none."""
    instance = call.text("SmbInstance", "Default")
    if call.switch("IncludeNotSelected"):
        raise limitation("pairs of interfaces that SMB did not select are not simulated")
    if instance.upper() not in ("CSV", "SBL") or not call.host.node.member:
        return
    for node in call.host.model.nodes.values():
        if node.name != call.host.node.name and node.member and selects(call.texts("ServerName"), node.name):
            yield from _channels(call, node.name, instance.upper())


def _channels(call: Call, server: str, instance: str) -> Iterator[object]:
    own, lab = network(call), networks(call)
    for adapter in own.interfaces:
        for other in lab.of(server).interfaces:
            pairs = ((mine, there) for mine in adapter.addresses for there in other.addresses)
            for mine, there in pairs:
                storage = _rdma(adapter) and _rdma(other)
                if not storage or mine.interface.network != there.interface.network:
                    continue
                if lab.ping(call.host.node.name, there.ip) is not Answer.UNREACHABLE:
                    yield MULTICHANNEL.make(
                        adapter.name, UInt32(adapter.index), mine.ip, UInt64(own.speed_of(adapter)), True, False,
                        UInt32(_CHANNELS), False, UInt32(0), UInt32(4), UInt32(_CHANNELS), True,
                        UInt32(other.index), there.ip, UInt64(lab.of(server).speed_of(other)), server, True, False,
                        instance, UInt32(0), text=server,
                    )  # fmt: skip


def _rdma(adapter: Adapter) -> bool:
    """Whether an interface has RDMA: a storage adapter whose driver has it on, or one on a switch for storage [D]."""
    if adapter.physical:
        return any(item.keyword == "*NetworkDirect" and item.value == "1" for item in adapter.advanced)
    return adapter.port is not None and adapter.port.name.startswith("vSMB(")


def _rss(adapter: Adapter) -> bool:
    return adapter.physical and any(item.keyword == "*RSS" and item.value == "1" for item in adapter.advanced)


@SMB.cmdlet("Get-SmbConnection", Parameter("ServerName", "string[]", position=0), Parameter("UserName", "string[]"))
def get_connection(_call: Call) -> None:
    """Shares that somebody has open: none, since shares of other machines are not simulated."""


@SMB.cmdlet("Get-SmbClientNetworkInterface")
def get_client(call: Call) -> Iterator[object]:
    """Interfaces from which this node reaches shares."""
    own = network(call)
    for adapter in own.interfaces:
        addresses = [adapter.link_local.partition("%")[0], *(address.ip for address in adapter.addresses)]
        yield CLIENT.make(
            adapter.name, UInt32(adapter.index), strings(addresses), UInt64(own.speed_of(adapter)),
            _rdma(adapter), _rss(adapter), text=adapter.name,
        )  # fmt: skip


@SMB.cmdlet("Get-SmbServerNetworkInterface")
def get_server(call: Call) -> Iterator[object]:
    """Interfaces at which this node offers shares."""
    own = network(call)
    for adapter in own.interfaces:
        for address in adapter.addresses:
            yield SERVER.make(
                adapter.name, UInt32(adapter.index), address.ip, UInt64(own.speed_of(adapter)), _rdma(adapter),
                _rss(adapter), "*", text=address.ip,
            )  # fmt: skip
