"""``Get-NetIPConfiguration``: what an interface has, on one page ([D] WPD NetTCPIP)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.network.adapters import make_adapter
from harness.twin.cmdlets.network.addresses import make_address, make_interface, make_link_local
from harness.twin.cmdlets.network.cim import TCPIP, chosen_interfaces, network, refuse_elsewhere
from harness.twin.cmdlets.network.names import make_servers
from harness.twin.cmdlets.network.profiles import make_profile
from harness.twin.cmdlets.network.routes import make_route
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.network import Adapter, NodeNetwork
from harness.twin.model.network.state import DEFAULT
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.objects import PSObject

CONFIGURATION: Final = Shape(
    "NetIPConfiguration",
    "ComputerName InterfaceAlias InterfaceIndex InterfaceDescription CompartmentId NetAdapter NetIPv6Interface "
    "NetIPv4Interface NetProfile AllIPAddresses IPv6Address IPv4Address IPv6LinkLocalAddress IPv6DefaultGateway "
    "IPv4DefaultGateway DNSServer Detailed",
)


@TCPIP.cmdlet(
    "Get-NetIPConfiguration",
    Parameter("InterfaceAlias", "string[]", position=0, pipeline="name", aliases=("ifAlias",)),
    Parameter("InterfaceIndex", "object[]", aliases=("ifIndex",)),
    Parameter("All", "switch"),
    Parameter("Detailed", "switch"),
    Parameter("ComputerName", "string", aliases=("PSComputerName",)),
    aliases=("gip",),
)
def get_configuration(call: Call) -> Iterator[object]:
    """Interfaces that are up, with addresses, gateway and name servers."""
    refuse_elsewhere(call, "ComputerName")
    own = network(call)
    for adapter in chosen_interfaces(call, "MSFT_NetIPInterface", own.interfaces):
        yield _configuration(call, own, adapter)


def _configuration(call: Call, own: NodeNetwork, adapter: Adapter) -> PSObject:
    addresses = [make_address(adapter, address) for address in adapter.addresses]
    local = make_link_local(adapter)
    gateways = [route for route in own.routes if route.index == adapter.index and route.destination == DEFAULT]
    return CONFIGURATION.make(
        call.host.node.name,
        adapter.name,
        adapter.index,
        adapter.description,
        1,
        make_adapter(call, own, adapter),
        make_interface(adapter, "IPv6"),
        make_interface(adapter, "IPv4"),
        make_profile(call, adapter),
        [*addresses, local],
        [],
        addresses,
        [local],
        None,
        [make_route(str(route.destination), route.next_hop, adapter, route.metric) for route in gateways] or None,
        [make_servers(adapter), make_servers(adapter, "IPv6")],
        call.switch("Detailed"),
    )
