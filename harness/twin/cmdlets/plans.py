"""Cmdlets of ``ECEClient``: action plan instances of the orchestrator ([T] TSG Update)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.declaring import Module, classes
from harness.twin.cmdlets.service import require_service
from harness.twin.cmdlets.shapes import Later, Shape, dictionary
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.content import ActionPlan
from harness.twin.model.errors import ModelError
from harness.twin.model.groups import ORCHESTRATOR
from harness.twin.model.progress_xml import render_progress
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import PSError, limitation
from harness.twin.shell.objects import PSObject

PLANS: Final = Module(
    "ECEClient", classes("Microsoft.AzureStack.Solution.Deploy.EnterpriseCloudEngine.Client.{}Cmdlet")
)
INSTANCE: Final = Shape(
    "Microsoft.AzureStack.Solution.Deploy.EnterpriseCloudEngine.Controllers.Models.ActionPlanInstance",
    "InstanceID ActionPlanName ActionTypeName Status StartDateTime EndDateTime LastModifiedDateTime RuntimeParameters "
    "ProgressAsXml AdditionalInformation LockType Retries",
)
"""Properties [T]; the type's namespace is that of the published client classes [INF]."""

_CLIENT: Final = Parameter("eceClient", "object")


@PLANS.cmdlet("Get-ActionPlanInstances", _CLIENT)
def get_instances(call: Call) -> Iterator[object]:
    """All action plan instances, oldest first."""
    model = require_service(call, ORCHESTRATOR)
    for plan in model.plans:
        yield make_instance(model, plan)


@PLANS.cmdlet(
    "Get-ActionPlanInstance", Parameter("actionPlanInstanceID", "string", position=0, mandatory=True), _CLIENT
)
def get_instance(call: Call) -> Iterator[object]:
    """The instance with that id; an id that does not exist gives nothing [INF]."""
    model = require_service(call, ORCHESTRATOR)
    wanted = call.text("actionPlanInstanceID").lower()
    known = {plan.instance_id.lower(): plan for plan in model.plans}
    known |= {run.plan.instance_id.lower(): run.plan for run in model.runs}
    if wanted in known:
        yield make_instance(model, known[wanted])


@PLANS.cmdlet(
    "Cancel-ActionPlanInstance", _CLIENT, Parameter("actionPlanInstanceID", "string", position=0, mandatory=True)
)
def cancel_instance(call: Call) -> None:
    """Ends an instance that is reported as not ended ([T] TSG Update/Solution-update-get-hung-at-downloading)."""
    model = require_service(call, ORCHESTRATOR)
    try:
        model.cancel_plan(call.text("actionPlanInstanceID").strip("{}"))
    except ModelError as error:
        raise refusal(call, error) from None


def refusal(call: Call, error: ModelError) -> PSError:
    """What the orchestrator refuses; texts and ids are not published [INF]."""
    if error.id == "NotSimulated":
        return limitation(f"{error.message} is not simulated")
    return call.fail(error.message, error.id, "InvalidOperation", exception="System.InvalidOperationException")


def make_instance(model: ClusterModel, plan: ActionPlan) -> PSObject:
    """The shell's object of an action plan."""
    # The text of a plan that has ended does not change any more; that of a running one is a picture of this instant.
    progress: object = (
        Later(lambda: render_progress(plan, model.datetime_at))
        if plan.ended_ns is not None
        else render_progress(plan, model.datetime_at)
    )
    return INSTANCE.make(
        plan.instance_id,
        plan.name,
        plan.action_type,
        plan.status.value,
        model.datetime_at(plan.started_ns),
        None if plan.ended_ns is None else model.datetime_at(plan.ended_ns),
        model.datetime_at(max(plan.modified_ns, plan.started_ns)),
        dictionary(plan.runtime_parameters.items()),
        progress,
        plan.additional_information,
        plan.lock_type,
        plan.retries,
    )
