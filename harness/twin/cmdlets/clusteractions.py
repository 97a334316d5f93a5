"""Cmdlets of the module ``FailoverClusters`` that change something ([D] WPD FailoverClusters)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

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
from harness.twin.cmdlets.clusterobjects import Owners, make_group, make_node
from harness.twin.cmdlets.costs import load_costs
from harness.twin.cmdlets.kinds import FAILBACK
from harness.twin.model.cluster import ClusterModel, Operation
from harness.twin.model.entities import ClusterGroup, Node
from harness.twin.model.errors import ModelError
from harness.twin.model.states import ClusterNodeState, DrainStatus
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import PSError, limitation
from harness.twin.shell.objects import PSEnum


@CLUSTERS.cmdlet(
    "Suspend-ClusterNode",
    NAME,
    Parameter("Drain", "switch"),
    Parameter("ForceDrain", "switch"),
    Parameter("Wait", "switch"),
    Parameter("TargetNode", "string", position=1),
    INPUT,
    WHICH,
    should_process=True,
)
def suspend_node(call: Call) -> Iterator[object]:
    """Pauses nodes; with ``-Drain`` roles leave them, with ``-Wait`` the command stays until that is done."""
    model = require_cluster(call)
    for node in chosen_nodes(call, model):
        if call.should_process(node.name, "Suspend-ClusterNode"):
            _suspend(call, model, node)
            yield make_node(model, node)


def _suspend(call: Call, model: ClusterModel, node: Node) -> None:
    force = call.switch("ForceDrain")
    drain = force or call.switch("Drain")
    operation = begin(call, lambda: model.suspend_node(node.name, drain=drain, force=force))

    def reached() -> bool:
        return node.paused and (not drain or node.drain_status is not DrainStatus.NotInitiated)

    wait = call.switch("Wait")
    until(call, lambda: operation.done or (not wait and reached()))
    report(call, operation)


@CLUSTERS.cmdlet("Resume-ClusterNode", NAME, Parameter("Failback", FAILBACK.name, position=1), INPUT, WHICH)
def resume_node(call: Call) -> Iterator[object]:
    """Lets nodes take part again; roles return at once with ``-Failback Immediate``.

    Without ``-Failback`` they stay where they are: the parameter has no default ([D]; that this means no failback is
    [INF]).  ``Policy`` needs failback hours, which no role here has, so nothing returns either.
    """
    model = require_cluster(call)
    for node in chosen_nodes(call, model):
        _resume(call, model, node)
        yield make_node(model, node)


def _resume(call: Call, model: ClusterModel, node: Node) -> None:
    chosen = call.get("Failback")
    immediate = isinstance(chosen, PSEnum) and chosen.name == "Immediate"
    operation = begin(call, lambda: model.resume_node(node.name, fail_back=immediate))
    until(call, lambda: operation.done or not node.paused)
    report(call, operation)


@CLUSTERS.cmdlet(
    "Move-ClusterGroup",
    NAME,
    Parameter("Node", "string", position=1),
    Parameter("IgnoreLocked", "switch"),
    Parameter("Wait", "int"),
    INPUT,
    WHICH,
)
def move_group(call: Call) -> Iterator[object]:
    """Moves roles to ``-Node`` or the best one; returns when they are there, or after ``-Wait`` seconds."""
    model = require_cluster(call)
    if not names_wanted(call):
        return
    for group in list(choose(call, "group", model.cluster_groups(), lambda item: item.name)):
        _move(call, model, group)
        moved = next(item for item in model.cluster_groups() if item.name == group.name)
        yield make_group(model, moved, Owners.of(model))


def _move(call: Call, model: ClusterModel, group: ClusterGroup) -> None:
    target = call.text("Node") or None
    move = model.move_guest if group.name in model.guests else model.move_group
    heading = f"An error occurred while moving the clustered role '{group.name}'.\n    "
    operation = begin(call, lambda: move(group.name, target), heading)
    until(call, lambda: operation.done, call.number("Wait") if call.has("Wait") else None)
    report(call, operation, heading)


def chosen_nodes(call: Call, model: ClusterModel) -> Iterator[Node]:
    """The nodes named, or this one when none is."""
    for name in names_wanted(call) or (str(call.host.computer_name),):
        found = next((node for node in model.nodes.values() if node.name.lower() == name.lower()), None)
        if found is None:
            call.write_error(missing(call, "node", name).record)
        else:
            yield found


def begin(call: Call, start: Callable[[], Operation], heading: str = "") -> Operation:
    try:
        return start()
    except ModelError as error:
        raise _refusal(call, error, heading) from None


def until(call: Call, ready: Callable[[], bool], limit_s: float | None = None) -> None:
    """Let lab time pass until *ready*; 0 seconds mean not at all, None without limit."""
    if not ready() and limit_s != 0:
        call.wait(load_costs().wait_s("operation_at_most") if limit_s is None else limit_s, ready)


def report(call: Call, operation: Operation, heading: str = "") -> None:
    if operation.error is not None:
        call.write_error(_refusal(call, operation.error, heading).record)


def _refusal(call: Call, error: ModelError, heading: str = "") -> PSError:
    """A refused operation; its id is the command's name ([D] WSD storage-replica known issues, Move-ClusterGroup)."""
    return call.fail(heading + error.message, call.declaration.name, "NotSpecified", exception=EXCEPTION)


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
