"""Networks of the simulated machines: adapters, addresses, names, and who answers whom.

Nothing here costs time or memory until a command asks for it.
"""

from __future__ import annotations

from harness.twin.model.network.facts import FIRST_NODE, IntentFacts, NetworkFacts, load_network
from harness.twin.model.network.plant import Answer, Networks, NotModelledError
from harness.twin.model.network.state import Adapter, Address, AdvancedValue, FirewallRule, NodeNetwork, Route

__all__ = [
    "FIRST_NODE",
    "Adapter",
    "Address",
    "AdvancedValue",
    "Answer",
    "FirewallRule",
    "IntentFacts",
    "NetworkFacts",
    "Networks",
    "NodeNetwork",
    "NotModelledError",
    "Route",
    "load_network",
]
