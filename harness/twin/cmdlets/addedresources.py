"""Types of cluster resources, and resources that somebody adds ([D] WPD FailoverClusters)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.cluster import (
    CLUSTERS,
    EXCEPTION,
    INPUT,
    NAME,
    WHICH,
    choose,
    missing,
    names_wanted,
    require_cluster,
)
from harness.twin.cmdlets.clusterobjects import NAMESPACE, Owners, make_resources
from harness.twin.cmdlets.declaring import property_of, selects
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.clusterkept import AddedResource
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation

KIND: Final = Shape(f"{NAMESPACE}.ClusterResourceType", "Cluster Name DisplayName DllName Id")
_KINDS: Final = (
    ("Cloud Witness", "clusres.dll"),
    ("DHCP Service", "clnetres.dll"),
    ("Distributed Network Name", "clusres.dll"),
    ("File Server", "clusres.dll"),
    ("File Share Witness", "clusres.dll"),
    ("Generic Application", "clusres2.dll"),
    ("Generic Script", "clusres2.dll"),
    ("Generic Service", "clusres2.dll"),
    ("Health Service", "healthres.dll"),
    ("IP Address", "clusres.dll"),
    ("Network Name", "clusres.dll"),
    ("Physical Disk", "clusres.dll"),
    ("Scale Out File Server", "clusres.dll"),
    ("Storage Pool", "clusres.dll"),
    ("Virtual Machine", "vmclusres.dll"),
    ("Virtual Machine Configuration", "vmclusres.dll"),
    ("Virtual Machine Replication Broker", "vmclusres.dll"),
)
"""[GK]"""


@CLUSTERS.cmdlet("Get-ClusterResourceType", NAME, INPUT, WHICH)
def get_kind(call: Call) -> Iterator[object]:
    """Types of resources that the cluster knows."""
    model = require_cluster(call)
    for name, library in _KINDS:
        if selects(call.texts("Name"), name):
            yield KIND.make(model.spec.cluster_name, name, name, library, name, text=name)


@CLUSTERS.cmdlet(
    "Add-ClusterResource",
    Parameter("Name", "string", position=0, mandatory=True),
    Parameter("Group", "string", position=2, mandatory=True, pipeline="name"),
    Parameter("ResourceType", "string", position=1, mandatory=True, aliases=("ResType", "Type")),
    Parameter("SeparateMonitor", "switch"),
    WHICH,
)
def add_resource(call: Call) -> Iterator[object]:
    """Adds a resource to a group; it is Offline and stays so: bringing it online is not simulated."""
    model, name = require_cluster(call), call.text("Name")
    kind = next((shown for shown, _ in _KINDS if shown.lower() == call.text("ResourceType").lower()), None)
    group = next((row for row in model.cluster_groups() if row.name.lower() == call.text("Group").lower()), None)
    if group is None:
        raise missing(call, "group", call.text("Group"))
    if kind is None:
        text = f"The cluster resource type '{call.text('ResourceType')}' could not be found."
        raise call.fail(text, call.declaration.name, "ObjectNotFound", exception=EXCEPTION)
    if any(_name(item) == name.lower() for item in make_resources(model, Owners.of(model))):
        text = f"Unable to add cluster resource '{name}'.\n    Cluster resource already exists"
        raise call.fail(text, call.declaration.name, "ResourceExists", exception=EXCEPTION)
    model.kept.resources[name.lower()] = AddedResource(name, group.name, kind)
    yield next(item for item in make_resources(model, Owners.of(model)) if _name(item) == name.lower())


def _name(item: object) -> str:
    return str(property_of(item, "Name")).lower()


@CLUSTERS.cmdlet("Remove-ClusterResource", NAME, Parameter("Force", "switch"), INPUT, WHICH, should_process=True)
def remove_resource(call: Call) -> None:
    """Removes a resource that was added; the product's own stay.  Raises PSError for those."""
    model = require_cluster(call)
    names = [str(property_of(item, "Name")) for item in make_resources(model, Owners.of(model))]
    for name in choose(call, "resource", names, lambda item: item) if names_wanted(call) else ():
        if name.lower() not in model.kept.resources:
            raise limitation(f"removing the cluster resource '{name}' is not simulated")
        if call.should_process(name, "Remove-ClusterResource"):
            del model.kept.resources[name.lower()]
