"""Networks of the simulated machines: adapters, addresses, names, and who answers whom.

Nothing here costs time or memory until a command asks for it.
"""

from __future__ import annotations

from harness.twin.model.network.atc import GLOBAL, GlobalOverrides, NetworkAtc, Standing
from harness.twin.model.network.facts import FIRST_NODE, IntentFacts, NetworkFacts, load_network
from harness.twin.model.network.intents import Intent
from harness.twin.model.network.plant import Answer, Neighbour, Networks, NotModelledError
from harness.twin.model.network.state import (
    Adapter,
    Address,
    AdvancedValue,
    FirewallRule,
    NodeNetwork,
    Port,
    Qos,
    QosPolicy,
    Route,
    TrafficClass,
    VirtualSwitch,
)

__all__ = [
    "FIRST_NODE",
    "GLOBAL",
    "Adapter",
    "Address",
    "AdvancedValue",
    "Answer",
    "FirewallRule",
    "GlobalOverrides",
    "Intent",
    "IntentFacts",
    "Neighbour",
    "NetworkAtc",
    "NetworkFacts",
    "Networks",
    "NodeNetwork",
    "NotModelledError",
    "Port",
    "Qos",
    "QosPolicy",
    "Route",
    "Standing",
    "TrafficClass",
    "VirtualSwitch",
    "load_network",
]
