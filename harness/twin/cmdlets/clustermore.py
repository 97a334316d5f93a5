"""Cluster shared volumes, guests' roles, resource types, further resources, logs and nodes ([D] WPD FailoverClusters).

States of a shared volume: on Storage Spaces Direct with ReFS I/O is redirected [GK].  Lines of the cluster log are made
from the model's own events [INF]; their frame is [GK].
"""

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
from harness.twin.cmdlets.clusteractions import begin, chosen_nodes, report, until
from harness.twin.cmdlets.clusterobjects import Owners, make_group, make_node, make_resources, make_shared_volume
from harness.twin.cmdlets.declaring import given_input, property_of, selects
from harness.twin.cmdlets.fileobjects import files_of, make_item, write_fault
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.clusterkept import AddedResource
from harness.twin.model.entities import Node
from harness.twin.model.files import FileError
from harness.twin.model.states import ClusterNodeState
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.providers import full_path
from harness.twin.shell.errors import limitation
from harness.twin.units import NS_PER_S

_NAMESPACE: Final = "Microsoft.FailoverClusters.PowerShell"
KIND: Final = Shape(f"{_NAMESPACE}.ClusterResourceType", "Cluster Name DisplayName DllName Id")
VOLUME_STATE: Final = Shape(
    f"{_NAMESPACE}.ClusterSharedVolumeStateInfo",
    "Node Name VolumeName VolumeFriendlyName StateInfo FileSystemRedirectedIOReason BlockRedirectedIOReason",
)
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
_LIVE: Final = "live"
_DEFAULT_LOGS: Final = "C:\\Windows\\Cluster\\Reports"
_WAIT: Final = Parameter("Wait", "int")


@CLUSTERS.cmdlet("Get-ClusterResourceType", NAME, INPUT, WHICH)
def get_kind(call: Call) -> Iterator[object]:
    """Types of resources that the cluster knows."""
    model = require_cluster(call)
    for name, library in _KINDS:
        if selects(call.texts("Name"), name):
            yield KIND.make(model.spec.cluster_name, name, name, library, name, text=name)


@CLUSTERS.cmdlet("Get-ClusterSharedVolumeState", NAME, Parameter("Node", "string[]"), INPUT, WHICH)
def get_volume_state(call: Call) -> Iterator[object]:
    """How each node reaches each shared volume."""
    model, owners = require_cluster(call), Owners.of(require_cluster(call))
    volumes = {f"Cluster Virtual Disk ({volume.name})": volume for volume in model.volumes.values()}
    wanted = set(choose(call, "resource", list(volumes), lambda name: name))
    for name, volume in volumes.items():
        for node in owners.nodes if name in wanted else ():
            if selects(call.texts("Node"), node) and model.nodes[node].member:
                shown = f"Volume{list(volumes).index(name) + 1}"
                state = "FileSystemRedirected" if volume.online else "Unavailable"
                reason = "FileSystemReFs" if volume.online else "NotFileSystemRedirected"
                yield VOLUME_STATE.make(node, name, shown, volume.name, state, reason, "NotBlockRedirected")


@CLUSTERS.cmdlet("Move-ClusterSharedVolume", NAME, Parameter("Node", "string", position=1), _WAIT, INPUT, WHICH)
def move_volume(call: Call) -> Iterator[object]:
    """Gives the coordination of shared volumes to ``-Node`` or to another node, at once [INF]."""
    model = require_cluster(call)
    volumes = {f"Cluster Virtual Disk ({volume.name})": volume for volume in model.volumes.values()}
    for name in choose(call, "resource", list(volumes), lambda item: item) if names_wanted(call) else ():
        volume = volumes[name]
        others = [node.name for node in model.nodes.values() if node.places and node.name != volume.csv_owner]
        target = next((node for node in model.nodes if node.lower() == call.text("Node").lower()), None)
        if call.has("Node") and target is None:
            call.write_error(missing(call, "node", call.text("Node")).record)
            continue
        target = target or next(iter(others), None)
        if target is None or not model.nodes[target].places:
            text = f"An error occurred while moving the cluster shared volume '{name}'.\n    The cluster node is not up"
            call.write_error(text, call.declaration.name, "NotSpecified", None, EXCEPTION)
            continue
        model.storage.move_volume(volume, target)
        yield make_shared_volume(model, volume, Owners.of(model))


@CLUSTERS.cmdlet(
    "Move-ClusterVirtualMachineRole",
    NAME,
    Parameter("Node", "string", position=1),
    Parameter("MigrationType", "string", values=("TurnOff", "Quick", "Shutdown", "ShutdownForce", "Live")),
    Parameter("Cancel", "switch"),
    Parameter("VMId", "string", pipeline="name"),
    _WAIT,
    INPUT,
    WHICH,
)
def move_role(call: Call) -> Iterator[object]:
    """Live migration of guests; from a remote session without a credential to pass on it is refused ([D] WPD).

    The text of the refusal is the one of remoting [INF].
    """
    model = require_cluster(call)
    if call.switch("Cancel") or call.text("MigrationType", "Live").lower() != _LIVE:
        raise limitation("of the moves of a guest only a live migration is simulated")
    names = [guest.name for guest in model.guests.values()]
    for name in choose(call, "group", names, lambda item: item) if names_wanted(call) else ():
        heading = f"An error occurred while moving the virtual machine role '{name}'.\n    "
        if not call.host.delegated:
            call.write_error(f"{heading}Access is denied", call.declaration.name, "NotSpecified", None, EXCEPTION)
            continue
        target = call.text("Node") or None
        operation = begin(call, lambda guest=name, node=target: model.move_guest(guest, node), heading)  # type: ignore[misc]
        until(call, lambda work=operation: work.done, call.number("Wait") if call.has("Wait") else None)  # type: ignore[misc]
        report(call, operation, heading)
        yield make_group(model, next(row for row in model.cluster_groups() if row.name == name), Owners.of(model))


# --- resources that somebody adds


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


# --- nodes and their logs


@CLUSTERS.cmdlet("Start-ClusterNode", NAME, Parameter("ClearQuarantine", "switch", aliases=("CQ",)), INPUT, WHICH)
def start_node(call: Call) -> Iterator[object]:
    """Starts the cluster service of nodes: with ``-ClearQuarantine`` one that is quarantined joins again."""
    model: ClusterModel = call.host.model
    for node in chosen_nodes(call, model):
        if call.switch("ClearQuarantine"):
            model.clear_quarantine(node.name)
        elif node.cluster_state is ClusterNodeState.Down and node.os_running and not node.cluster_service:
            raise limitation(f"starting the cluster service of '{node.name}' is not simulated")
        yield make_node(model, node)


@CLUSTERS.cmdlet(
    "Get-ClusterLog",
    Parameter("Node", "string[]", position=0),
    Parameter("Destination", "string"),
    Parameter("TimeSpan", "int", aliases=("Span",), minimum=0),
    Parameter("UseLocalTime", "switch", aliases=("lt",)),
    Parameter("SkipClusterState", "switch"),
    INPUT,
    WHICH,
)
def get_log(call: Call) -> Iterator[object]:
    """Writes the cluster logs of nodes, to their own folder or to ``-Destination``; gives the files.

    Other nodes need a log-on that may go on ([T] azure-local-updates 1.4).
    """
    model = require_cluster(call)
    wanted = call.texts("Node") or list(model.nodes)
    for node in model.nodes.values():
        if not selects(wanted, node.name):
            continue
        if node is not call.host.node and (not call.host.delegated or not node.member):
            why = "Access is denied" if node.member else "The RPC server is unavailable"
            text = f"The cluster log of node '{node.name}' could not be generated.\n    {why}"
            call.write_error(text, call.declaration.name, "NotSpecified", None, EXCEPTION)
            continue
        yield from _write_log(call, model, node)


def _write_log(call: Call, model: ClusterModel, node: Node) -> Iterator[object]:
    since_ns = model.now_ns - call.number("TimeSpan") * 60 * NS_PER_S if call.has("TimeSpan") else -1
    lines = [
        f"00000a1c.00000b2c::{model.datetime_at(event.t_ns):%Y/%m/%d-%H:%M:%S.%f}"[:-3]
        + f" INFO  [{event.kind}] {event.path} {' '.join(f'{key}={value}' for key, value in event.attrs.items())}"
        for event in model.events
        if event.node == node.name and event.t_ns >= since_ns
    ]
    folder = full_path(call, call.text("Destination")) if call.has("Destination") else ""
    path = f"{folder.rstrip(chr(92))}\\{node.name}_cluster.log" if folder else f"{_DEFAULT_LOGS}\\Cluster.log"
    files = files_of(call) if folder else node.files
    try:
        files.make_folder(folder or _DEFAULT_LOGS)
        made = files.write(path, "".join(f"{line}\r\n" for line in lines).encode())
    except FileError as error:
        write_fault(call, error, "GetClusterLogError")
        return
    yield make_item(call.host, path, made)


# --- fault domains


@CLUSTERS.cmdlet(
    "Set-ClusterFaultDomain",
    Parameter("Name", "string", position=0, mandatory=True, pipeline="name"),
    Parameter("Location", "string"),
    Parameter("Description", "string"),
    Parameter("Fault", "string", aliases=("Parent",)),
)
def set_fault_domain(call: Call) -> None:
    """Says where a node stands; racks and sites are not simulated."""
    model = require_cluster(call)
    given_input(call)
    name = next((item for item in model.nodes if item.lower() == call.text("Name").lower()), None)
    if name is None:
        raise missing(call, "node", call.text("Name"))
    if call.has("Fault"):
        raise limitation("fault domains above a node are not simulated")
    for field in ("Location", "Description"):
        if call.has(field):
            model.kept.parameters[f"fault domain {name}".lower(), field.lower()] = (field, call.text(field))
