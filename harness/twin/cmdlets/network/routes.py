"""Routes ([D] WPD NetTCPIP): those that somebody set, and those that follow from the addresses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from harness.twin.cmdlets.declaring import given_input, property_of
from harness.twin.cmdlets.network.cim import (
    ALIAS,
    FAMILY,
    INDEX,
    IPV4,
    STORE,
    TCPIP,
    changed,
    choose,
    network,
    one_interface,
    shape,
)
from harness.twin.model.network import Adapter, NodeNetwork, Route
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import PSObject, UInt16, UInt32

ROUTE: Final = shape(
    "MSFT_NetRoute",
    "DestinationPrefix NextHop InterfaceIndex ifIndex InterfaceAlias ifAlias AddressFamily RouteMetric "
    "InterfaceMetric ifMetric Protocol PolicyStore State",
)
_ON_LINK: Final = "0.0.0.0"  # noqa: S104 - a route's next hop, nothing is bound to it
LINK_METRIC: Final = 256
"""[GK] Metric of Windows for a route of its own."""
_CIM_ERROR: Final = "Microsoft.Management.Infrastructure.CimException"

_DESTINATION: Final = Parameter("DestinationPrefix", "string[]", position=0, pipeline="name")
_HOP: Final = Parameter("NextHop", "string[]")


@dataclass(frozen=True, slots=True)
class _Row:
    destination: str
    hop: str
    adapter: Adapter
    metric: int
    route: Route | None = None


@TCPIP.cmdlet("Get-NetRoute", _DESTINATION, ALIAS, INDEX, FAMILY, _HOP)
def get_route(call: Call) -> Iterator[object]:
    """IPv4 routes of this node; those of the loopback interface and IPv6 are not simulated."""
    _refuse_ipv6(call)
    for row in _chosen(call):
        yield make_route(row.destination, row.hop, row.adapter, row.metric)


@TCPIP.cmdlet(
    "New-NetRoute",
    Parameter("DestinationPrefix", "string", position=0, mandatory=True),
    Parameter("InterfaceAlias", "string", aliases=("ifAlias",)),
    Parameter("InterfaceIndex", "object", aliases=("ifIndex",)),
    Parameter("NextHop", "string"),
    Parameter("RouteMetric", "int"),
    Parameter("AddressFamily", "string", values=("IPv4", "IPv6")),
    should_process=True,
)
def new_route(call: Call) -> Iterator[object]:
    """Sets a route."""
    _refuse_ipv6(call)
    try:
        destination = IPv4Network(call.text("DestinationPrefix"))
        hop = str(IPv4Address(call.text("NextHop", _ON_LINK)))
    except ValueError:
        raise call.fail("The parameter is incorrect. ", "Windows System Error 87", "InvalidArgument",
                        call.text("DestinationPrefix"), _CIM_ERROR) from None  # fmt: skip
    own = network(call)
    for adapter in one_interface(call, "MSFT_NetIPInterface"):
        if any((one.destination, one.next_hop, one.index) == (destination, hop, adapter.index) for one in own.routes):
            raise call.fail("Instance MSFT_NetRoute already exists", "Windows System Error 5010", "ResourceExists",
                            "MSFT_NetRoute", _CIM_ERROR)  # fmt: skip
        if call.should_process(str(destination), "New-NetRoute"):
            route = Route(destination, hop, adapter.index, call.number("RouteMetric", LINK_METRIC))
            own.routes.append(route)
            changed(call)
            yield make_route(str(destination), hop, adapter, route.metric)


@TCPIP.cmdlet(
    "Remove-NetRoute",
    _DESTINATION,
    ALIAS,
    INDEX,
    FAMILY,
    _HOP,
    Parameter("InputObject", "object[]", pipeline="value"),
    Parameter("PassThru", "switch"),
    should_process=True,
)
def remove_route(call: Call) -> None:
    """Takes away routes that somebody set; those that follow from an address go with it."""
    _refuse_ipv6(call)
    own = network(call)
    for row in _chosen(call):
        if row.route is None:
            raise limitation(f"removing the route {row.destination}, which follows from an address, is not simulated")
        if call.should_process(row.destination, "Remove-NetRoute"):
            own.routes.remove(row.route)
            changed(call)


@TCPIP.cmdlet(
    "Set-NetRoute",
    _DESTINATION,
    ALIAS,
    INDEX,
    FAMILY,
    _HOP,
    Parameter("RouteMetric", "int", minimum=0, maximum=65535),
    Parameter("InputObject", "object[]", pipeline="value"),
    Parameter("PassThru", "switch"),
    should_process=True,
)
def set_route(call: Call) -> Iterator[object]:
    """Changes the metric of routes that somebody set."""
    _refuse_ipv6(call)
    for row in _chosen(call):
        if row.route is None:
            raise limitation(f"changing the route {row.destination}, which follows from an address, is not simulated")
        if call.should_process(row.destination, "Set-NetRoute"):
            row.route.metric = call.number("RouteMetric", row.route.metric)
            if call.switch("PassThru"):
                yield make_route(row.destination, row.hop, row.adapter, row.route.metric)


def _refuse_ipv6(call: Call) -> None:
    if call.text("AddressFamily").lower() == "ipv6" or any(":" in item for item in call.texts("DestinationPrefix")):
        raise limitation("IPv6 routes are not simulated")


def _chosen(call: Call) -> list[_Row]:
    rows = list(_rows(network(call)))
    came = given_input(call)
    if came is not None and not call.has("DestinationPrefix"):
        given = [
            (property_of(item, "DestinationPrefix"), property_of(item, "NextHop"), property_of(item, "InterfaceAlias"))
            for item in (came if isinstance(came, list) else [came])
        ]
        return [row for row in rows if (row.destination, row.hop, row.adapter.name) in given]
    rows = choose(call, "MSFT_NetRoute", "InterfaceAlias", rows, lambda row: row.adapter.name)
    rows = choose(call, "MSFT_NetRoute", "InterfaceIndex", rows, lambda row: row.adapter.index)
    rows = choose(call, "MSFT_NetRoute", "NextHop", rows, lambda row: row.hop)
    return choose(call, "MSFT_NetRoute", "DestinationPrefix", rows, lambda row: row.destination)


def _rows(own: NodeNetwork) -> Iterator[_Row]:
    by_index = {adapter.index: adapter for adapter in own.interfaces}
    for route in own.routes:
        if route.index in by_index:
            yield _Row(str(route.destination), route.next_hop, by_index[route.index], route.metric, route)
    for adapter in own.interfaces:
        for destination, _ in local_routes(adapter):
            yield _Row(destination, _ON_LINK, adapter, LINK_METRIC)
        yield _Row("224.0.0.0/4", _ON_LINK, adapter, LINK_METRIC)
        yield _Row("255.255.255.255/32", _ON_LINK, adapter, LINK_METRIC)


def local_routes(adapter: Adapter) -> Iterator[tuple[str, str]]:
    """Destinations of the routes that follow from an adapter's addresses, each with its address."""
    for address in adapter.addresses:
        subnet = address.interface.network
        derived = [subnet, IPv4Network(address.ip), IPv4Network(subnet.broadcast_address)]
        yield from ((str(destination), address.ip) for destination in dict.fromkeys(derived))


def make_route(destination: str, hop: str, adapter: Adapter, metric: int) -> PSObject:
    """The shell's object of a route."""
    return ROUTE.make(
        destination,
        hop,
        UInt32(adapter.index),
        UInt32(adapter.index),
        adapter.name,
        adapter.name,
        IPV4,
        UInt16(metric),
        UInt32(adapter.interface_metric),
        UInt32(adapter.interface_metric),
        "NetMgmt" if hop != _ON_LINK else "Local",
        STORE,
        "Alive",
        text=destination,
    )
