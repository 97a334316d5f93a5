"""Cmdlets of the module ``FailoverClusters``: reading ([D] WPD FailoverClusters)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from harness.twin.cmdlets.clusterobjects import (
    NAMESPACE,
    Owners,
    make_cluster,
    make_group,
    make_node,
    make_quorum,
    make_resources,
    make_shared_volume,
)
from harness.twin.cmdlets.declaring import Module, given_input, property_of, selects
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.entities import Node
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import PSError
from harness.twin.shell.objects import PSObject
from harness.twin.shell.regexes import has_wildcard

EXCEPTION: Final = f"{NAMESPACE}.ClusterCmdletException"


def _class_of(name: str) -> str:
    """``GetNodeCommand``, ``GetClusterCommand``, ``MoveClusterGroupCommand``: as in public logs [GK]."""
    verb, _, noun = name.partition("-")
    short = noun.removeprefix("Cluster") if verb == "Get" else noun
    return f"{NAMESPACE}.{verb}{short or noun}Command"


CLUSTERS: Final = Module("FailoverClusters", _class_of)

_NOT_RUNNING: Final = (
    "The cluster service is not running.  Make sure that the service is running on all nodes in the cluster.\n"
    "    There are no more endpoints available from the endpoint mapper"
)
_NO_SUCH_CLUSTER: Final = (
    "Check the spelling of the cluster name. Otherwise, there might be a problem with your network. Make sure the "
    "cluster nodes are turned on and connected to the network or contact your network administrator.\n"
    "    The RPC server is unavailable"
)
"""[GK]"""
_REMOTE_HINT: Final = (
    "If you are running Windows PowerShell remotely, note that some failover clustering cmdlets do not work remotely. "
    "When possible, run the cmdlet locally and specify a remote computer as the target. To run the cmdlet remotely, "
    "try using the Credential Security Service Provider (CredSSP). All additional errors or warnings from this cmdlet "
    "might be caused by running it remotely."
)
_MISSING: Final = {
    "node": "The cluster node was not found.",
    "group": "The cluster group could not be found.",
    "resource": "The cluster resource could not be found.",
    "network": "The cluster network was not found.",
}
"""System messages 5042, 5013, 5007 and 5045 ([D] Win32 system error codes)."""

NAME: Final = Parameter("Name", "string[]", position=0)
INPUT: Final = Parameter("InputObject", "object", pipeline="value")
WHICH: Final = Parameter("Cluster", "string")

Item = TypeVar("Item")


def require_cluster(call: Call) -> ClusterModel:
    """The model, when this node's cluster service runs as a member.  Raises PSError as the product does [GK]."""
    model: ClusterModel = call.host.model
    node: Node = call.host.node
    if not node.member:
        call.write_warning(_REMOTE_HINT)
        raise call.fail(_NOT_RUNNING, "ClusterEndpointNotRegistered", "ConnectionError", exception=EXCEPTION)
    wanted = call.text("Name" if call.declaration.name == "Get-Cluster" else "Cluster")
    own = {"", ".", model.spec.cluster_name.lower(), f"{model.spec.cluster_name}.{model.spec.domain}".lower()}
    if wanted.lower() not in own | {name.lower() for name in model.nodes}:
        raise call.fail(_NO_SUCH_CLUSTER, "ClusterRpcConnection", "ConnectionError", exception=EXCEPTION)
    return model


def names_wanted(call: Call) -> Sequence[str]:
    """Names on the line, else the name of the object that came in."""
    if call.has("Name"):
        return call.texts("Name")
    came = given_input(call)
    if came is None:
        return ()
    found = came if isinstance(came, str) else property_of(came, "Name")
    return () if found is None else (str(found),)


def choose(call: Call, kind: str, items: Sequence[Item], name_of: Callable[[Item], str]) -> Iterator[Item]:
    """The items whose names are wanted; a name without wildcard that does not exist is an error."""
    wanted = names_wanted(call)
    for name in wanted:
        if not has_wildcard(name) and not any(name_of(item).lower() == name.lower() for item in items):
            call.write_error(missing(call, kind, name).record)
    for item in items:
        if selects(wanted, name_of(item)):
            yield item


def missing(call: Call, kind: str, name: str) -> PSError:
    """There is no such node, group or resource.  The frame of the text and the id are [GK]."""
    text = f"Check the spelling of the cluster {kind} name '{name}'.\n    {_MISSING[kind]}"
    return call.fail(text, "ClusterObjectNotFound", "ObjectNotFound", exception=EXCEPTION)


@CLUSTERS.cmdlet("Get-Cluster", Parameter("Name", "string", position=0))
def get_cluster(call: Call) -> Iterator[object]:
    """The cluster of this node."""
    yield make_cluster(require_cluster(call))


@CLUSTERS.cmdlet("Get-ClusterNode", NAME, INPUT, WHICH)
def get_node(call: Call) -> Iterator[object]:
    """The nodes; of an object that came in, its node (of a cluster: all)."""
    model = require_cluster(call)
    nodes = list(model.nodes.values())
    if _is_cluster(call):
        yield from (make_node(model, node) for node in nodes)
        return
    for node in choose(call, "node", nodes, lambda item: item.name):
        yield make_node(model, node)


@CLUSTERS.cmdlet("Get-ClusterGroup", NAME, Parameter("VMId", "string"), INPUT, WHICH)
def get_group(call: Call) -> Iterator[object]:
    """Roles and guests; with a node or a cluster from the pipeline, those it owns."""
    model = require_cluster(call)
    groups, owners = model.cluster_groups(), Owners.of(model)
    owner = _owner_given(call)
    if owner is not None:
        groups = [group for group in groups if group.owner == owner]
    elif call.has("VMId"):
        names = {guest.name for guest in model.guests.values() if guest.vm_id.lower() == call.text("VMId").lower()}
        groups = [group for group in groups if group.name in names]
    elif not _is_cluster(call):
        groups = list(choose(call, "group", groups, lambda item: item.name))
    yield from (make_group(model, group, owners) for group in groups)


@CLUSTERS.cmdlet("Get-ClusterResource", NAME, Parameter("VMId", "string", pipeline="name"), INPUT, WHICH)
def get_resource(call: Call) -> Iterator[object]:
    """Resources of roles, guests and volumes; with a group from the pipeline, its own."""
    model = require_cluster(call)
    resources = list(make_resources(model, Owners.of(model)))
    came = given_input(call)
    if call.has("VMId"):
        guests = {guest.name for guest in model.guests.values() if guest.vm_id.lower() == call.text("VMId").lower()}
        yield from (item for item in resources if _name(item.get("OwnerGroup")) in guests)
        return
    if came is not None and not call.has("Name"):
        name = property_of(came, "Name")
        yield from (item for item in resources if _is_cluster(call) or str(_name(item.get("OwnerGroup"))) == name)
        return
    yield from choose(call, "resource", resources, _name)


@CLUSTERS.cmdlet("Get-ClusterQuorum", INPUT, WHICH)
def get_quorum(call: Call) -> Iterator[object]:
    """The witness."""
    yield make_quorum(require_cluster(call))


@CLUSTERS.cmdlet("Get-ClusterSharedVolume", NAME, INPUT, WHICH)
def get_shared_volume(call: Call) -> Iterator[object]:
    """The cluster shared volumes."""
    model = require_cluster(call)
    owners = Owners.of(model)
    volumes = [make_shared_volume(model, volume, owners) for volume in model.volumes.values()]
    yield from volumes if _is_cluster(call) else choose(call, "resource", volumes, _name)


def _name(value: object) -> str:
    return value if isinstance(value, str) else str(property_of(value, "Name"))


def _is_cluster(call: Call) -> bool:
    came = given_input(call)
    return isinstance(came, PSObject) and came.type_names[0].endswith(".Cluster")


def _owner_given(call: Call) -> str | None:
    """Name of the node that came in."""
    came = given_input(call)
    if isinstance(came, PSObject) and came.type_names[0].endswith(".ClusterNode"):
        return _name(came)
    return None
