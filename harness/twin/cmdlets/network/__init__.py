"""Commands about the network of a node: adapters, addresses, names, probes, switches, intents, firewall.

Thin functions over ``harness.twin.model.network``.  What the model does not have fails with ``twin limitation: …``.
"""

from __future__ import annotations

from harness.twin.cmdlets.network import (
    adapterdetails,
    adapterfeatures,
    adapters,
    adapterswitches,
    addresses,
    configuration,
    connections,
    firewall,
    firewallchanges,
    hostadapters,
    intentchanges,
    names,
    probing,
    routes,
    switches,
    teams,
    webrequests,
)
from harness.twin.cmdlets.network.cim import ADAPTERS, DNS, SECURITY, TCPIP
from harness.twin.cmdlets.network.featureviews import register_feature_views
from harness.twin.cmdlets.network.neighbours import LLDP
from harness.twin.cmdlets.network.overrides import ATC
from harness.twin.cmdlets.network.profiles import CONNECTION
from harness.twin.cmdlets.network.qos import DCB
from harness.twin.cmdlets.network.smb import SMB, register_smb_views
from harness.twin.cmdlets.network.switchviews import register_virtualization_views
from harness.twin.cmdlets.network.trafficclasses import POLICIES
from harness.twin.cmdlets.network.views import register_network_views as register_basic_views
from harness.twin.cmdlets.network.wsman import WSMAN, register_wsman_views

__all__ = [
    "NETWORK_MODULES",
    "adapterdetails",
    "adapterfeatures",
    "adapters",
    "adapterswitches",
    "addresses",
    "configuration",
    "connections",
    "firewall",
    "firewallchanges",
    "hostadapters",
    "intentchanges",
    "names",
    "probing",
    "register_network_views",
    "routes",
    "switches",
    "teams",
    "webrequests",
]

NETWORK_MODULES = (ADAPTERS, TCPIP, DNS, SECURITY, ATC, LLDP, CONNECTION, DCB, POLICIES, SMB, WSMAN)
"""Those that only the network has; switches are in ``Hyper-V``, ``Test-Connection`` in the management module."""


def register_network_views() -> None:
    """Tell the formatter how everything about the network looks."""
    register_basic_views()
    register_virtualization_views()
    register_feature_views()
    register_smb_views()
    register_wsman_views()
