"""How nodes reach cluster shared volumes, and who coordinates them ([D] WPD FailoverClusters).

On Storage Spaces Direct with ReFS I/O is redirected [GK].
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
from harness.twin.cmdlets.clusterobjects import NAMESPACE, Owners, make_shared_volume, volume_resource
from harness.twin.cmdlets.declaring import selects
from harness.twin.cmdlets.shapes import Shape
from harness.twin.shell.commands.api import Call, Parameter

VOLUME_STATE: Final = Shape(
    f"{NAMESPACE}.ClusterSharedVolumeStateInfo",
    "Node Name VolumeName VolumeFriendlyName StateInfo FileSystemRedirectedIOReason BlockRedirectedIOReason",
)
_WAIT: Final = Parameter("Wait", "int")


@CLUSTERS.cmdlet("Get-ClusterSharedVolumeState", NAME, Parameter("Node", "string[]"), INPUT, WHICH)
def get_volume_state(call: Call) -> Iterator[object]:
    """How each node reaches each shared volume."""
    model, owners = require_cluster(call), Owners.of(require_cluster(call))
    volumes = {volume_resource(volume): volume for volume in model.volumes.values()}
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
    volumes = {volume_resource(volume): volume for volume in model.volumes.values()}
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
