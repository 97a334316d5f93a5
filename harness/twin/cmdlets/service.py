"""The clients' way to the clustered update stack, and how it fails.

All ``*-SolutionUpdate*`` cmdlets are clients of one clustered service and fail together ([T] TSG
Update/Get-SolutionUpdate-GatewayTimeout); the text of a refused connection is [T] TSG Update/Update-discovery-issues.
"""

from __future__ import annotations

from typing import Final

from harness.twin.cmdlets.costs import load_costs
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.entities import ClusterGroup, GroupType, Node
from harness.twin.model.groups import UPDATE_SERVICE
from harness.twin.model.states import ClusterGroupState
from harness.twin.shell.commands.api import Call
from harness.twin.shell.errors import PSError

_FAILURE: Final = "Microsoft.AzureStack.Common.Infrastructure.Http.Client.ErrorModel.ConnectionFailureException"
_TIMEOUT: Final = "System.TimeoutException"
_ROUTE: Final = "providers/Microsoft.Update.Admin/updateLocations?api-version=2022-08-01"
_PORT: Final = 4900
"""Route and port of the Update Service ([T] TSG Update/Update-discovery-issues)."""


def require_service(call: Call, group_name: str = UPDATE_SERVICE) -> ClusterModel:
    """The model, when the service of *group_name* answers this node.  Raises PSError.

    An offline or moving group refuses the connection at once; an owner that is gone, but not yet declared down, lets
    the client wait for its time-out, and so does a service that hangs ([T] as above).
    """
    model: ClusterModel = call.host.model
    node: Node = call.host.node
    group = _find_group(model, group_name)
    if group.state is not ClusterGroupState.Online or not node.member:
        raise refused(call, model, group)
    if group.hung:
        call.wait(load_costs().wait_s("request_timeout"))
        raise timed_out(call, group)
    if not model.nodes[group.owner].os_running or not model.nodes[group.owner].network_up:
        call.wait(load_costs().wait_s("connect_timeout"))
        raise timed_out(call, group)
    return model


def _find_group(model: ClusterModel, name: str) -> ClusterGroup:
    """The group, also on a single machine, where the service has none: then a running service on that machine."""
    for group in model.roles():
        if group.name == name:
            return group
    return ClusterGroup(name, GroupType.GenericService, model.owner_of(name), hung=model.group(name).hung)


def refused(call: Call, model: ClusterModel, group: ClusterGroup) -> PSError:
    """Nobody listens: the documented ``ConnectionFailureException``."""
    url = f"https://{group.owner}.{model.spec.domain}:{_PORT}/{_ROUTE}"
    text = f"A WebException occurred while sending a RestRequest. WebException.Status: ConnectFailure on [{url}]"
    return call.fail(text, _FAILURE, "NotSpecified", exception=_FAILURE)


def timed_out(call: Call, group: ClusterGroup) -> PSError:
    """No answer: ``GatewayTimeout`` [T]; the words around it and the exception's class are not published [INF]."""
    text = f"GatewayTimeout: the request to {group.owner}:{_PORT} was not answered."
    return call.fail(text, _TIMEOUT, "NotSpecified", exception=_TIMEOUT)
