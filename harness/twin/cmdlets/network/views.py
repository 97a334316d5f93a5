"""Default views of the network's objects, as Windows shows them [GK]; a heading of two lines stands in one."""

from __future__ import annotations

from typing import Any

from harness.twin.cmdlets.declaring import property_of
from harness.twin.cmdlets.network import (
    adapterdetails,
    adapters,
    addresses,
    configuration,
    firewall,
    names,
    probing,
    routes,
)
from harness.twin.shell.formatting import Column, register_type, register_view


def register_network_views() -> None:
    """Tell the formatter how adapters, addresses, routes, names, probes, switches and rules look."""
    _register_adapters()
    _register_addresses()
    _register_probes()
    register_type(
        firewall.RULE.type_name,
        default_display=[
            "Name", "DisplayName", "Group", "DisplayGroup", "Enabled", "Profile", "Direction", "Action",
            "PrimaryStatus", "Status",
        ],
    )  # fmt: skip


def _register_adapters() -> None:
    register_view(
        adapters.ADAPTER.type_name,
        table=[
            Column("Name", width=25),
            Column("InterfaceDescription", width=39),
            Column("ifIndex", width=7, right=True),
            Column("Status", width=12),
            Column("MacAddress", width=17),
            Column("LinkSpeed", width=14, right=True),
        ],
        auto=False,
    )
    register_view(
        adapterdetails.PROPERTY.type_name,
        table=["Name", "DisplayName", "DisplayValue", "RegistryKeyword", "RegistryValue"],
    )
    register_view(
        adapterdetails.HARDWARE.type_name,
        table=[
            "Name", "Segment", "Bus", "Device", "Function", "Slot", "NumaNode", "PcieLinkSpeed", "PcieLinkWidth",
            "Version",
        ],
    )  # fmt: skip
    register_view(
        adapterdetails.RDMA.type_name,
        table=["Name", "InterfaceDescription", "Enabled", "Operational", "PFC", "ETS"],
    )


def _register_addresses() -> None:
    register_view(
        addresses.ADDRESS.type_name,
        list=[
            "IPAddress", "InterfaceIndex", "InterfaceAlias", "AddressFamily", "Type", "PrefixLength", "PrefixOrigin",
            "SuffixOrigin", "AddressState", "ValidLifetime", "PreferredLifetime", "SkipAsSource", "PolicyStore",
        ],
    )  # fmt: skip
    register_view(
        addresses.INTERFACE.type_name,
        table=[
            "ifIndex", "InterfaceAlias", "AddressFamily", Column("NlMtu(Bytes)", "NlMtu"), "InterfaceMetric", "Dhcp",
            "ConnectionState", "PolicyStore",
        ],
    )  # fmt: skip
    register_view(
        routes.ROUTE.type_name,
        table=["ifIndex", "DestinationPrefix", "NextHop", "RouteMetric", "ifMetric", "PolicyStore"],
    )
    register_view(
        names.SERVERS.type_name,
        table=[
            "InterfaceAlias",
            Column("Interface Index", "InterfaceIndex", right=True),
            Column("Address Family", lambda row: "IPv4" if int(property_of(row, "AddressFamily")) == 2 else "IPv6"),
            "ServerAddresses",
        ],
    )
    register_view(names.RECORD_A.type_name, table=["Name", "Type", "TTL", "Section", "IPAddress"])
    register_view(names.RECORD_PTR.type_name, table=["Name", "Type", "TTL", "Section", "NameHost"])
    register_view(
        configuration.CONFIGURATION.type_name,
        list=[
            "InterfaceAlias",
            "InterfaceIndex",
            "InterfaceDescription",
            Column("NetProfile.Name", lambda row: property_of(property_of(row, "NetProfile"), "Name")),
            Column("IPv4Address", lambda row: _joined(row, "IPv4Address", "IPAddress")),
            Column("IPv6DefaultGateway", lambda row: ""),
            Column("IPv4DefaultGateway", lambda row: _joined(row, "IPv4DefaultGateway", "NextHop")),
            Column("DNSServer", _servers),
        ],
    )


def _joined(row: object, name: str, part: str) -> str:
    return "\n".join(str(property_of(item, part)) for item in property_of(row, name) or [])


def _servers(row: object) -> str:
    found: list[Any] = [one for item in property_of(row, "DNSServer") for one in property_of(item, "ServerAddresses")]
    return "\n".join(str(item) for item in found)


def _register_probes() -> None:
    register_view(
        probing.PING_STATUS.type_name,
        table=[
            Column("Source", "PSComputerName"),
            Column("Destination", "Address"),
            "IPV4Address",
            "IPV6Address",
            Column("Bytes", "BufferSize", right=True),
            Column("Time(ms)", "ResponseTime", right=True),
        ],
    )
    head: list[Column | str] = ["ComputerName", "RemoteAddress"]
    where: list[Column | str] = ["InterfaceAlias", "SourceAddress"]
    ping: list[Column | str] = ["PingSucceeded", Column("PingReplyDetails (RTT)", _round_trip)]
    shown = {
        probing.TEST_PING_VIEW: [*head, *where, *ping],
        probing.TEST_TRACE_VIEW: [
            *head,
            *where,
            *ping,
            Column("TraceRoute", lambda row: "\n".join(property_of(row, "TraceRoute") or [])),
        ],
        probing.TEST_PORT_VIEW: [*head, "RemotePort", *where, "TcpTestSucceeded"],
        probing.TEST_BOTH_VIEW: [*head, "RemotePort", *where, *ping, "TcpTestSucceeded"],
    }
    for view, columns in shown.items():
        register_view(view, list=columns)


def _round_trip(row: object) -> str:
    reply = property_of(row, "PingReplyDetails")
    return "" if reply is None else f"{property_of(reply, 'RoundtripTime')} ms"
