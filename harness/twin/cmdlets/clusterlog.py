"""``Get-ClusterLog``: its lines are made from the model's own events [INF]; their frame is [GK]."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.cluster import (
    CLUSTERS,
    EXCEPTION,
    INPUT,
    WHICH,
    require_cluster,
)
from harness.twin.cmdlets.declaring import selects
from harness.twin.cmdlets.fileobjects import files_of, make_item, write_fault
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.entities import Node
from harness.twin.model.files import FileError
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.providers import full_path
from harness.twin.units import NS_PER_S

_DEFAULT_LOGS: Final = "C:\\Windows\\Cluster\\Reports"


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
    lines = [f"[=== Cluster log of node {node.name}, times in UTC ===]"]
    lines += [
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
