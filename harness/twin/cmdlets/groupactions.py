"""``Start-`` and ``Stop-ClusterGroup``, and moves of guests' roles ([D] WPD FailoverClusters; [T] TSG Update)."""

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
    names_wanted,
    require_cluster,
)
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


@CLUSTERS.cmdlet(
    "Move-ClusterVirtualMachineRole",
    NAME,
    Parameter("Node", "string", position=1),
    Parameter("MigrationType", "string", values=("TurnOff", "Quick", "Shutdown", "ShutdownForce", "Live")),
    Parameter("Cancel", "switch"),
    Parameter("VMId", "string", pipeline="name"),
    Parameter("Wait", "int"),
    INPUT,
    WHICH,
)
def move_role(call: Call) -> Iterator[object]:
    """Live migration of guests; from a remote session without a credential to pass on it is refused ([D] WPD).

    The text of the refusal is the one of remoting [INF].
    """
    model = require_cluster(call)
    if call.switch("Cancel") or call.text("MigrationType", "Live").lower() != "live":
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
