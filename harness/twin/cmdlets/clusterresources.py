"""Resources of cluster groups one by one, and fault domains ([D] WPD FailoverClusters).

``Get-ClusterFaultDomain``: types and columns as in azure-local-updates 6.5 [GK].
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.cluster import CLUSTERS, INPUT, NAME, WHICH, choose, names_wanted, require_cluster
from harness.twin.cmdlets.clusteractions import begin, report, until
from harness.twin.cmdlets.clusterobjects import Owners, make_resources
from harness.twin.cmdlets.declaring import property_of, selects
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.entities import GroupType
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import PSObject

DOMAIN: Final = Shape(
    (
        "Microsoft.Management.Infrastructure.CimInstance#root/MSCLUSTER/MSCluster_FaultDomain",
        "Microsoft.Management.Infrastructure.CimInstance",
        "System.Object",
    ),
    "Name Type ParentName ChildrenNames Location",
)
_WAIT: Final = Parameter("Wait", "int", aliases=("Seconds",))
_SINGLE: Final = (GroupType.GenericService,)
"""Groups of one resource: it starts and stops with its group."""


def _resources(call: Call, model: ClusterModel) -> list[PSObject]:
    if not names_wanted(call):
        return []
    found = list(make_resources(model, Owners.of(model)))
    return list(choose(call, "resource", found, lambda item: str(item.get("Name"))))


def _group_of(call: Call, model: ClusterModel, resource: PSObject) -> str:
    """The group that has nothing but this resource.  Raises PSError for other resources."""
    name = str(property_of(resource.get("OwnerGroup"), "Name") or resource.get("OwnerGroup"))
    group = next((item for item in model.roles() if item.name == name), None)
    added = str(resource.get("Name")).lower() in model.kept.resources
    if group is None or group.group_type not in _SINGLE or added:
        raise limitation(f"{call.declaration.name} of the resource '{resource.get('Name')}' is not simulated")
    return name


def _now(model: ClusterModel, name: object) -> PSObject:
    return next(item for item in make_resources(model, Owners.of(model)) if item.get("Name") == name)


@CLUSTERS.cmdlet("Start-ClusterResource", NAME, _WAIT, INPUT, WHICH)
def start_resource(call: Call) -> Iterator[object]:
    """Brings resources online; one that is stays so."""
    model = require_cluster(call)
    for resource in _resources(call, model):
        if str(resource.get("State")) != "Online":
            name = _group_of(call, model, resource)
            heading = f"An error occurred while attempting to bring the resource '{resource.get('Name')}' online.\n    "
            operation = begin(call, lambda group=name: model.start_group(group), heading)  # type: ignore[misc]
            until(call, lambda work=operation: work.done, call.number("Wait") if call.has("Wait") else None)  # type: ignore[misc]
            report(call, operation, heading)
        yield _now(model, resource.get("Name"))


@CLUSTERS.cmdlet("Stop-ClusterResource", NAME, _WAIT, Parameter("Force", "switch"), INPUT, WHICH)
def stop_resource(call: Call) -> Iterator[object]:
    """Takes resources offline."""
    model = require_cluster(call)
    for resource in _resources(call, model):
        if str(resource.get("State")) != "Offline":
            model.stop_group(_group_of(call, model, resource))
        yield _now(model, resource.get("Name"))


@CLUSTERS.cmdlet(
    "Get-ClusterFaultDomain",
    Parameter("Name", "string[]", position=0),
    Parameter("Type", "string[]", values=("Site", "Rack", "Chassis", "Node")),
)
def get_fault_domain(call: Call) -> Iterator[object]:
    """The nodes: no site, rack or chassis was made."""
    model = require_cluster(call)
    for name in model.nodes:
        if selects(call.texts("Name"), name) and selects(call.texts("Type"), "Node"):
            place = model.kept.parameters.get((f"fault domain {name}".lower(), "location"), ("", ""))[1]
            yield DOMAIN.make(name, "Node", None, [], place, text=name)
