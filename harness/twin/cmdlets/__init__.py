"""Domain cmdlets of the simulated nodes: thin functions over the model's state, with the product's names and shapes."""

from __future__ import annotations

from harness.twin.cmdlets import (
    clusteractions,
    ececlient,
    filechanges,
    files,
    groupactions,
    registry,
    services,
)
from harness.twin.cmdlets.cau import CAU
from harness.twin.cmdlets.cluster import CLUSTERS
from harness.twin.cmdlets.computer import CIM, MANAGEMENT
from harness.twin.cmdlets.hyperv import HYPERV
from harness.twin.cmdlets.network import NETWORK_MODULES, register_network_views
from harness.twin.cmdlets.plans import PLANS
from harness.twin.cmdlets.storage import STORAGE
from harness.twin.cmdlets.updates import UPDATES
from harness.twin.cmdlets.validators import CHECKER
from harness.twin.cmdlets.views import register_views
from harness.twin.shell.commands.api import CommandTable
from harness.twin.shell.commands.core import CORE

__all__ = [
    "clusteractions",
    "ececlient",
    "filechanges",
    "files",
    "groupactions",
    "node_commands",
    "registry",
    "services",
]

_MODULES = (UPDATES, PLANS, CLUSTERS, STORAGE, HYPERV, CAU, MANAGEMENT, CIM, CHECKER, *NETWORK_MODULES)


def node_commands() -> CommandTable:
    """All commands of a node: those that every machine has, and the domain's."""
    register_views()
    register_network_views()
    return CORE.extended(*(module.table for module in _MODULES))
