"""The cluster's networks: how the failover cluster groups the interfaces of its machines.

Interfaces with a subnet in common are one network ([T] TSG Networking: so two storage networks merge).  Names and
metrics of the networks of intents, and those of others, [T] published labs and TSG Upgrade.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from ipaddress import IPv4Network
from typing import Final

from harness.twin.model.entities import Node
from harness.twin.model.network.intents import Intent
from harness.twin.model.network.plant import Networks
from harness.twin.model.network.state import DEFAULT, Adapter, NodeNetwork

_STORAGE_METRIC: Final = 20400
_MANAGEMENT_METRIC: Final = 70000
_CLUSTER_METRIC: Final = 40000
_CLIENT_METRIC: Final = 70240


class InterfaceState(IntEnum):
    """CLUSTER_NETINTERFACE_STATE ([D] W32 clusapi)."""

    Unavailable = 0
    Failed = 1
    Unreachable = 2
    Up = 3


class NetworkState(IntEnum):
    """CLUSTER_NETWORK_STATE ([D] W32 clusapi)."""

    Unavailable = 0
    Down = 1
    Partitioned = 2
    Up = 3


class NetworkRole(IntEnum):
    """CLUSTER_NETWORK_ROLE ([D] W32 clusapi)."""

    Cluster = 1
    ClusterAndClient = 3


@dataclass(slots=True)
class ClusterInterface:
    """One adapter of a machine with IPv4 addresses."""

    node: Node
    adapter: Adapter
    subnets: list[IPv4Network]
    state: InterfaceState
    purpose: str
    """``Management``, ``Storage_VLAN…`` or nothing, with the intent's name before it."""


@dataclass(slots=True)
class ClusterNetwork:
    """One network of the cluster."""

    subnets: list[IPv4Network]
    interfaces: list[ClusterInterface] = field(default_factory=list)
    name: str = ""
    metric: int = _CLUSTER_METRIC
    role: NetworkRole = NetworkRole.Cluster

    @property
    def state(self) -> NetworkState:
        """Partitioned when some machines reach each other and others do not."""
        found = {interface.state for interface in self.interfaces}
        if InterfaceState.Unreachable in found:
            return NetworkState.Partitioned
        if InterfaceState.Up in found:
            return NetworkState.Up
        return NetworkState.Down if InterfaceState.Failed in found else NetworkState.Unavailable


def cluster_networks(networks: Networks, nodes: list[Node]) -> list[ClusterNetwork]:
    """The cluster's networks in the order of their first addresses; those of management first."""
    found: list[ClusterNetwork] = []
    for node in nodes:
        for interface in _interfaces(networks, node):
            _join(found, interface)
    found.sort(key=lambda one: (networks.facts.management_subnet not in one.subnets, one.subnets[0]))
    storage = 0
    for number, one in enumerate(found, 1):
        one.subnets.sort()
        purpose = next((item.purpose for item in one.interfaces if item.purpose), "")
        storage += "(Storage" in purpose
        _label(networks, one, purpose, number, storage)
    return found


def _interfaces(networks: Networks, node: Node) -> Iterator[ClusterInterface]:
    own = networks.of(node.name)
    for adapter in own.adapters:
        if adapter.enabled and not adapter.teamed and adapter.addresses:
            subnets = sorted({address.interface.network for address in adapter.addresses})
            purpose = _purpose(networks, adapter)
            state = _state(own, node, adapter, storage="(Storage" in purpose)
            yield ClusterInterface(node, adapter, subnets, state, purpose)


def _state(own: NodeNetwork, node: Node, adapter: Adapter, *, storage: bool) -> InterfaceState:
    if not node.member:
        return InterfaceState.Unavailable
    if not own.is_up(adapter):
        return InterfaceState.Failed
    return InterfaceState.Unreachable if storage and not node.network_up else InterfaceState.Up


def _purpose(networks: Networks, adapter: Adapter) -> str:
    for intent in networks.atc.intents:
        vlan = _storage_vlan(networks, intent, adapter)
        if vlan:
            return f"{intent.shown_name}(Storage_VLAN{vlan})"
        if adapter.port is not None and adapter.port.name == f"vManagement({intent.shown_name})":
            return f"{intent.shown_name}(Management)"
    return ""


def _storage_vlan(networks: Networks, intent: Intent, adapter: Adapter) -> int:
    """VLAN of an adapter that an intent has for storage; 0 for another one."""
    if not intent.storage:
        return 0
    port = adapter.port.name if adapter.port is not None else ""
    for at, name in enumerate(intent.adapters):
        if adapter.name.lower() == name.lower() or port == f"vSMB({intent.shown_name}#{name})":
            return intent.vlan_of(networks.facts, at)
    return 0


def _join(found: list[ClusterNetwork], interface: ClusterInterface) -> None:
    """Put an interface to the networks that it has a subnet in common with; they become one."""
    same = [one for one in found if set(one.subnets) & set(interface.subnets)]
    whole = same[0] if same else ClusterNetwork([])
    if not same:
        found.append(whole)
    for other in same[1:]:
        whole.subnets += other.subnets
        whole.interfaces += other.interfaces
        found.remove(other)
    whole.subnets = sorted({*whole.subnets, *interface.subnets})
    whole.interfaces.append(interface)


def _label(networks: Networks, one: ClusterNetwork, purpose: str, number: int, storage: int) -> None:
    atc = networks.atc.globals
    named = purpose and (atc is None or atc.cluster.get("EnableNetworkNaming") is not False)
    one.name = purpose if named else f"Cluster Network {number}"
    first = one.interfaces[0]
    routed = any(
        route.destination == DEFAULT and route.index == first.adapter.index
        for route in networks.of(first.node.name).routes
    )
    if "(Storage" in purpose:
        one.metric = _STORAGE_METRIC + storage
    elif purpose or routed:
        one.role = NetworkRole.ClusterAndClient
        one.metric = _MANAGEMENT_METRIC if purpose else _CLIENT_METRIC
