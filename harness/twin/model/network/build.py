"""The network of a machine as deployment leaves it."""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv4Network

from harness.twin.model.entities import Node
from harness.twin.model.network.facts import NetworkFacts
from harness.twin.model.network.state import (
    DEFAULT,
    Adapter,
    Address,
    AdvancedValue,
    FirewallRule,
    NodeNetwork,
    Route,
)
from harness.twin.model.random import Streams

_FIRST_INDEX = 3
"""Index of the first adapter; 1 is the loopback interface [GK]."""
_JUMBO_MTU = 9000
"""A jumbo packet of 9014 bytes without its Ethernet header."""
_VIRTUAL = "Hyper-V Virtual Ethernet Adapter"
"""[GK] Description of the host's first adapter on a virtual switch."""


def make_network(facts: NetworkFacts, streams: Streams, node: Node) -> NodeNetwork:
    """Two intents, and what Network ATC makes of them ([D] ASD deploy/network-atc)."""
    team = [_physical(facts, streams, node, at, name) for at, name in enumerate(facts.converged.adapters, 1)]
    for adapter in team:
        adapter.teamed = True
    storage = [
        _physical(facts, streams, node, at, name) for at, name in enumerate(facts.storage.adapters, len(team) + 1)
    ]
    for adapter, subnet, vlan in zip(storage, facts.storage_subnets, facts.storage_vlans, strict=True):
        adapter.vlan, adapter.mtu = vlan, _JUMBO_MTU
        adapter.addresses.append(_address(facts, node, subnet))
        _set_vlan(adapter, vlan)
    management = _management(facts, streams, node, team[0].mac, len(team) + len(storage))
    return NodeNetwork(
        management_ip=management.addresses[0].ip,
        management=management,
        adapters=[*team, *storage, management],
        routes=[Route(DEFAULT, facts.gateway, management.index)],
        rules=[FirewallRule(rule.name, rule.display_name, rule.group, rule.profile) for rule in facts.rules],
        intents={intent.name: intent.adapters for intent in facts.intents},
    )


def _physical(facts: NetworkFacts, streams: Streams, node: Node, slot: int, name: str) -> Adapter:
    bits = streams.bits(f"network/{node.name}/{slot}", 0)
    mac = [0x02, *(bits >> shift & 0xFF for shift in (0, 8, 16, 24, 32))]  # made up: locally administered
    suffix = "" if slot == 1 else f" #{slot}"
    return Adapter(
        name=name,
        description=facts.driver.description + suffix,
        index=_FIRST_INDEX + slot,
        mac="-".join(f"{part:02X}" for part in mac),
        guid=_guid(streams, node, slot),
        physical=True,
        bits_s=facts.driver.bits_s,
        slot=slot,
        advanced=[AdvancedValue(one.keyword, one.display_name, one.value, one.shown) for one in facts.advanced],
    )


def _management(facts: NetworkFacts, streams: Streams, node: Node, mac: str, physical: int) -> Adapter:
    """The host's own adapter on the switch; it has the first member's MAC [GK]."""
    return Adapter(
        name=facts.management_name,
        description=_VIRTUAL,
        index=_FIRST_INDEX + physical + 1,
        mac=mac,
        guid=_guid(streams, node, 0),
        physical=False,
        bits_s=facts.driver.bits_s * len(facts.converged.adapters),
        addresses=[_address(facts, node, facts.management_subnet)],
        dns_servers=list(facts.controllers),
    )


def _address(facts: NetworkFacts, node: Node, subnet: IPv4Network) -> Address:
    return Address(IPv4Interface(f"{facts.node_address(node.number, subnet)}/{subnet.prefixlen}"))


def _set_vlan(adapter: Adapter, vlan: int) -> None:
    for item in adapter.advanced:
        if item.keyword == "VlanID":
            item.value = item.shown = str(vlan)


def _guid(streams: Streams, node: Node, slot: int) -> str:
    high, low = (streams.bits(f"network/{node.name}/{slot}/guid", draw) for draw in (0, 1))
    text = f"{high:016X}{low:016X}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-A{text[17:20]}-{text[20:]}"
