"""Client objects of the orchestrator ([T] TSG Update: ``Create-ECEClientSimple`` and its ``DeleteActionPlanInstance``).

Of the client the guides use one method.  The client's type name and the shape of its task beyond ``Wait()`` are [INF];
the description's type is the guide's.  It can be made without importing the module first, which a node does not allow.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.plans import PLANS
from harness.twin.cmdlets.service import require_service
from harness.twin.model.errors import ModelError
from harness.twin.model.groups import ORCHESTRATOR
from harness.twin.shell.commands.api import Call
from harness.twin.shell.dotnet.registry import constructor
from harness.twin.shell.errors import NetError, NetException, net_error
from harness.twin.shell.objects import NOTHING, PSMethod, PSObject
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import register_type

_ENGINE: Final = "Microsoft.AzureStack.Solution.Deploy.EnterpriseCloudEngine"
DESCRIPTION: Final = f"{_ENGINE}.Controllers.Models.DeleteActionPlanInstanceDescription"
_CLIENT: Final = f"{_ENGINE}.Client.EceClient"
_TASK: Final = "System.Threading.Tasks.Task"


@PLANS.cmdlet("Create-ECEClientSimple")
def create_simple(call: Call) -> Iterator[object]:
    """A client of the orchestrator."""
    yield make_client(call)


@PLANS.cmdlet("Create-ECEClusterServiceClient")
def create_cluster(call: Call) -> Iterator[object]:
    """A client of the clustered orchestrator."""
    yield make_client(call)


@constructor(DESCRIPTION, "")
def make_description() -> PSObject:
    """What names the instance to be deleted."""
    return PSObject.of_type(DESCRIPTION, {"ActionPlanInstanceID": None})


register_type(DESCRIPTION)


def make_client(call: Call) -> PSObject:
    """A client with the one method that the guides use."""
    client = PSObject.of_type(_CLIENT, {})

    def delete(_client: object, description: object) -> PSObject:
        call.host.charge("DeleteActionPlanInstance")
        wanted = description.get("ActionPlanInstanceID") if isinstance(description, PSObject) else None
        if wanted is None:
            raise net_error("System.ArgumentNullException", "Value cannot be null.\r\nParameter name: description")
        model = require_service(call, ORCHESTRATOR)
        try:
            model.delete_plan(to_text(wanted).strip("{}"))
        except ModelError as error:
            return _make_task(NetException("System.InvalidOperationException", error.message))
        return _make_task(None)

    signature = f"System.Threading.Tasks.Task DeleteActionPlanInstance({DESCRIPTION} description)"
    client.members["deleteactionplaninstance"] = PSMethod("DeleteActionPlanInstance", delete, signature=signature)
    return client


def _make_task(fault: NetException | None) -> PSObject:
    """A task that has ended; waiting for one that failed raises its fault, as .NET does [GK]."""
    status = "RanToCompletion" if fault is None else "Faulted"
    task = PSObject.of_type(_TASK, {"IsCompleted": True, "IsFaulted": fault is not None, "Status": status})

    def wait(_task: object) -> object:
        if fault is not None:
            raise NetError(NetException("System.AggregateException", "One or more errors occurred.", fault))
        return NOTHING

    task.members["wait"] = PSMethod("Wait", wait, signature="void Wait()")
    return task
