"""``Get-ClusterNetwork`` and ``Get-ClusterNetworkInterface`` ([D] WPD FailoverClusters; properties [T] TSG Upgrade)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.cluster import CLUSTERS, INPUT, NAME, WHICH, choose, require_cluster
from harness.twin.cmdlets.clusterobjects import NAMESPACE, Owners, make_id
from harness.twin.cmdlets.declaring import given_input, property_of, selects
from harness.twin.cmdlets.kinds import labelled
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.network.clusternetworks import (
    ClusterInterface,
    ClusterNetwork,
    InterfaceState,
    NetworkRole,
    NetworkState,
    cluster_networks,
)
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.formatting import Column, register_view
from harness.twin.shell.objects import EnumType, PSObject
from harness.twin.shell.typesystem import register_enum

NETWORK: Final = Shape(
    f"{NAMESPACE}.ClusterNetwork",
    "Address AddressMask AutoMetric Cluster Description Id Ipv4Addresses Ipv4PrefixLengths Ipv6Addresses "
    "Ipv6PrefixLengths Metric Name Role State",
)
INTERFACE: Final = Shape(
    f"{NAMESPACE}.ClusterNetworkInterface",
    "Adapter AdapterId Address Cluster Description DhcpEnabled Id Ipv4Addresses Ipv6Addresses Name Network Node State",
)
_UNKNOWN: Final = {"Unknown": -1}
_STATE: Final = register_enum(
    EnumType(f"{NAMESPACE}.ClusterNetworkState", _UNKNOWN | {item.name: item.value for item in NetworkState})
)
_ROLE: Final = register_enum(
    EnumType(f"{NAMESPACE}.ClusterNetworkRole", {"None": 0} | {item.name: item.value for item in NetworkRole})
)
_INTERFACE_STATE: Final = register_enum(
    EnumType(f"{NAMESPACE}.ClusterNetworkInterfaceState", _UNKNOWN | {i.name: i.value for i in InterfaceState})
)


def register_cluster_network_views() -> None:
    """Tell the formatter how they look [T]."""
    register_view(
        NETWORK.type_name,
        table=["Name", Column("State", right=True), Column("Metric", right=True), Column("Role", right=True)],
    )
    register_view(INTERFACE.type_name, table=["Name", "Node", "Network", Column("State", right=True)])


@CLUSTERS.cmdlet("Get-ClusterNetwork", NAME, INPUT, WHICH)
def get_network(call: Call) -> Iterator[object]:
    """The cluster's networks; of an interface that came in, its network."""
    model = require_cluster(call)
    rows = [_network(model, one) for one in _networks(model)]
    came = given_input(call)
    network = property_of(came, "Network")
    if network is not None:
        yield from (row for row in rows if row.get("Name") == str(property_of(network, "Name")))
    elif came is not None and str(property_of(came, "Name")) == model.spec.cluster_name:
        yield from rows
    else:
        yield from choose(call, "network", rows, lambda row: str(row.get("Name")))


@CLUSTERS.cmdlet(
    "Get-ClusterNetworkInterface",
    NAME,
    Parameter("Node", "string[]"),
    Parameter("Network", "string[]"),
    INPUT,
    WHICH,
)
def get_interface(call: Call) -> Iterator[object]:
    """Interfaces of the nodes, all or those of a node or network."""
    model = require_cluster(call)
    nodes, wanted = call.texts("Node"), call.texts("Network")
    came = given_input(call)
    if isinstance(came, PSObject):
        (nodes if came.type_names[0].endswith(".ClusterNode") else wanted).append(str(came.get("Name")))
    owners = Owners.of(model)
    for one in _networks(model):
        network = _network(model, one)
        for interface in one.interfaces:
            row = _interface(model, owners, network, interface)
            fits = selects(call.texts("Name"), str(row.get("Name"))) and selects(nodes, interface.node.name)
            if fits and selects(wanted, one.name):
                yield row


def _networks(model: ClusterModel) -> list[ClusterNetwork]:
    return cluster_networks(model.networks, list(model.nodes.values()))


def _network(model: ClusterModel, one: ClusterNetwork) -> PSObject:
    first = one.subnets[0]
    return NETWORK.make(
        str(first.network_address),
        str(first.netmask),
        True,
        model.spec.cluster_name,
        "",
        make_id(model, "network", str(first)),
        [str(subnet.network_address) for subnet in one.subnets],
        [subnet.prefixlen for subnet in one.subnets],
        [],
        [],
        one.metric,
        one.name,
        labelled(_ROLE, one.role.name),
        labelled(_STATE, one.state.name),
        text=one.name,
    )


def _interface(model: ClusterModel, owners: Owners, network: PSObject, one: ClusterInterface) -> PSObject:
    name = f"{one.node.name} - {one.adapter.name}"
    addresses = [address.ip for address in one.adapter.addresses]
    return INTERFACE.make(
        one.adapter.description,
        one.adapter.guid,
        addresses[0],
        model.spec.cluster_name,
        "",
        int(one.adapter.dhcp),
        make_id(model, "interface", name),
        addresses,
        [],
        name,
        network,
        owners.nodes[one.node.name],
        labelled(_INTERFACE_STATE, one.state.name),
        text=name,
    )
