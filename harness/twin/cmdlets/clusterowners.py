"""Owners of groups and resources, and the application control policy of a node.

[D] WPD FailoverClusters; ASD manage/manage-wdac: ``Get-AsWdacPolicyMode`` with ``NodeName`` and ``PolicyMode``,
enforced by default; what is set is kept and read back, and nothing here is blocked by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.cluster import CLUSTERS, WHICH, missing, require_cluster
from harness.twin.cmdlets.clusterobjects import Owners, make_resources
from harness.twin.cmdlets.declaring import Module, given_input, property_of
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.cluster import ClusterModel
from harness.twin.shell.commands.api import Call, Parameter

SECURITY_AGENT: Final = Module("AzureStackOSConfigAgent", lambda name: name)
OWNERS: Final = Shape("Microsoft.FailoverClusters.PowerShell.ClusterOwnerNodeList", "ClusterObject OwnerNodes")
MODE: Final = Shape("System.Management.Automation.PSCustomObject", "NodeName PolicyMode")
_POLICY: Final = "wdac policy mode"
_ENFORCED: Final = "Enforced"


@CLUSTERS.cmdlet(
    "Get-ClusterOwnerNode",
    Parameter("Group", "string", sets=("Group",)),
    Parameter("Resource", "string", sets=("Resource",)),
    Parameter("InputObject", "object", pipeline="value"),
    WHICH,
    default_set="Group",
)
def get_owners(call: Call) -> Iterator[object]:
    """Preferred owners of a group, of which none was set; possible owners of a resource, which are all nodes."""
    model = require_cluster(call)
    came = given_input(call)
    name = call.text("Group") or call.text("Resource") or str(property_of(came, "Name") or "")
    resource = call.has("Resource") or property_of(came, "ResourceType") is not None
    if resource:
        known = [str(item.get("Name")) for item in make_resources(model, Owners.of(model))]
    else:
        known = [group.name for group in model.cluster_groups()]
    shown = next((item for item in known if item.lower() == name.lower()), None)
    if shown is None:
        raise missing(call, "resource" if resource else "group", name)
    yield OWNERS.make(shown, list(Owners.of(model).nodes.values()) if resource else [])


def _mode(model: ClusterModel) -> str:
    return str(model.kept.common.get(_POLICY, _ENFORCED))


@SECURITY_AGENT.cmdlet("Get-AsWdacPolicyMode")
def get_mode(call: Call) -> Iterator[object]:
    """The mode on every node."""
    model: ClusterModel = call.host.model
    yield from (MODE.make(name, _mode(model)) for name in model.nodes)


@SECURITY_AGENT.cmdlet(
    "Enable-AsWdacPolicy", Parameter("Mode", "string", position=0, mandatory=True, values=("Audit", "Enforced"))
)
def enable_policy(call: Call) -> None:
    """Sets the mode on all nodes."""
    call.host.model.kept.common[_POLICY] = call.text("Mode").capitalize()
