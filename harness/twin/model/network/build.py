"""The network of a machine as deployment leaves it."""

from __future__ import annotations

from ipaddress import IPv4Interface
from typing import Final

from harness.twin.model.entities import Node
from harness.twin.model.network.facts import NetworkFacts
from harness.twin.model.network.intents import default_intents, provision
from harness.twin.model.network.state import (
    DEFAULT,
    Adapter,
    Address,
    AdvancedValue,
    FirewallRule,
    NodeNetwork,
    Route,
)
from harness.twin.model.network.virtual import Identities
from harness.twin.model.random import Streams

_FIRST_INDEX: Final = 3
"""Index of the first adapter; 1 is the loopback interface [GK]."""


def make_network(facts: NetworkFacts, streams: Streams, node: Node) -> NodeNetwork:
    """Physical adapters, the address of management on the first of them, and what Network ATC makes of that."""
    ids = Identities(streams, node)
    names = [name for intent in facts.intents for name in intent.adapters]
    adapters = [_physical(facts, ids, slot, name) for slot, name in enumerate(names, 1)]
    first, address = adapters[0], facts.node_address(node.number)
    first.addresses.append(Address(IPv4Interface(f"{address}/{facts.management_subnet.prefixlen}")))
    first.dns_servers = list(facts.controllers)
    own = NodeNetwork(
        management_ip=address,
        adapters=adapters,
        routes=[Route(DEFAULT, facts.gateway, first.index)],
        rules=[FirewallRule(rule.name, rule.display_name, rule.group, rule.profile) for rule in facts.rules],
    )
    for intent in default_intents(facts):
        provision(facts, ids, node, own, intent)
    return own


def _physical(facts: NetworkFacts, ids: Identities, slot: int, name: str) -> Adapter:
    return Adapter(
        name=name,
        description=facts.driver.description + ("" if slot == 1 else f" #{slot}"),
        index=_FIRST_INDEX + slot,
        mac=ids.mac(slot),
        guid=ids.guid(slot),
        physical=True,
        bits_s=facts.driver.bits_s,
        slot=slot,
        advanced=[AdvancedValue(one.keyword, one.display_name, one.value, one.shown) for one in facts.advanced],
    )
