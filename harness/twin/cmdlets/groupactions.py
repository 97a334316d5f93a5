"""``Start-ClusterGroup`` and ``Stop-ClusterGroup`` ([D] WPD FailoverClusters; [T] TSG Update)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.cluster import CLUSTERS, INPUT, NAME, WHICH, choose, names_wanted, require_cluster
from harness.twin.cmdlets.clusteractions import begin, report, until
from harness.twin.cmdlets.clusterobjects import Owners, make_group
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.entities import ClusterGroup, GroupType
from harness.twin.model.errors import ModelError
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation

_PARAMETERS: Final = (
    NAME,
    Parameter("Wait", "int"),
    Parameter("IgnoreLocked", "switch"),
    INPUT,
    WHICH,
)


@CLUSTERS.cmdlet("Start-ClusterGroup", *_PARAMETERS, Parameter("ChooseBestNode", "switch"))
def start_group(call: Call) -> Iterator[object]:
    """Brings roles online; returns when they are, or after ``-Wait`` seconds."""
    model = require_cluster(call)
    for group in _chosen(call, model):
        _start(call, model, group.name)
        yield make_group(model, model.group(group.name), Owners.of(model))


def _start(call: Call, model: ClusterModel, name: str) -> None:
    heading = f"An error occurred while attempting to bring the clustered role '{name}' online.\n    "
    operation = begin(call, lambda: model.start_group(name), heading)
    until(call, lambda: operation.done, call.number("Wait") if call.has("Wait") else None)
    report(call, operation, heading)


@CLUSTERS.cmdlet("Stop-ClusterGroup", *_PARAMETERS)
def stop_group(call: Call) -> Iterator[object]:
    """Takes roles offline."""
    model = require_cluster(call)
    for group in _chosen(call, model):
        try:
            model.stop_group(group.name)
        except ModelError as error:
            call.write_error(error.message, call.declaration.name, "NotSpecified", group.name)
            continue
        yield make_group(model, model.group(group.name), Owners.of(model))


def _chosen(call: Call, model: ClusterModel) -> list[ClusterGroup]:
    """The roles that are named.  Raises PSError for groups that the simulation never stops or starts."""
    if not names_wanted(call):
        return []
    found = list(choose(call, "group", model.cluster_groups(), lambda item: item.name))
    for group in found:
        role = group.name not in model.guests
        if not role or group.group_type not in (GroupType.GenericService, GroupType.VirtualMachine):
            raise limitation(f"{call.declaration.name} of the group '{group.name}' is not simulated")
    return found
