"""Commands about the network of a node: adapters, addresses, names, probes, switches, intents, firewall.

Thin functions over ``harness.twin.model.network``.  Every node answers about itself; what would ask another machine,
and what the model does not have, fails with ``twin limitation: …``.
"""

from __future__ import annotations

from harness.twin.cmdlets.network import (
    adapterdetails,
    adapters,
    addresses,
    configuration,
    firewall,
    hostadapters,
    intentchanges,
    names,
    probing,
    routes,
    switches,
    teams,
)
from harness.twin.cmdlets.network.cim import ADAPTERS, DNS, SECURITY, TCPIP
from harness.twin.cmdlets.network.neighbours import LLDP
from harness.twin.cmdlets.network.overrides import ATC
from harness.twin.cmdlets.network.views import register_network_views

__all__ = [
    "NETWORK_MODULES",
    "adapterdetails",
    "adapters",
    "addresses",
    "configuration",
    "firewall",
    "hostadapters",
    "intentchanges",
    "names",
    "probing",
    "register_network_views",
    "routes",
    "switches",
    "teams",
]

NETWORK_MODULES = (ADAPTERS, TCPIP, DNS, SECURITY, ATC, LLDP)
"""Those that only the network has; switches are in ``Hyper-V``, ``Test-Connection`` in the management module."""
