"""Starting and watching action plans, secrets and further clients of the orchestrator ([T] TSG Update, [D] 3.1).

What ``Invoke-ActionPlanInstance`` gives (the new instance's id) and the lines of the monitor are [INF].
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from harness.twin.cmdlets.ececlient import make_client
from harness.twin.cmdlets.fileobjects import files_of
from harness.twin.cmdlets.files import content_of, decode
from harness.twin.cmdlets.plans import PLANS, refusal
from harness.twin.cmdlets.remoting import find_node
from harness.twin.cmdlets.service import require_service
from harness.twin.model.content import ActionPlan, PlanStep
from harness.twin.model.engine import RUNNING
from harness.twin.model.errors import ModelError
from harness.twin.model.files import File
from harness.twin.model.groups import ORCHESTRATOR
from harness.twin.model.states import StepStatus
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.providers import full_path
from harness.twin.shell.dotnet.credentials import Credential

_EVERY_S: Final = 15
"""How often the monitor looks [INF]."""
_CLIENT: Final = Parameter("eceClient", "object")


@PLANS.cmdlet(
    "Invoke-ActionPlanInstance",
    Parameter("ActionPlanPath", "string", position=0, mandatory=True),
    Parameter("ExclusiveLock", "switch"),
    Parameter("Retries", "int"),
    Parameter("RuntimeParameters", "hashtable"),
    _CLIENT,
)
def invoke_instance(call: Call) -> Iterator[object]:
    """Runs an edited plan of an installation that failed; gives the new instance's id."""
    model = require_service(call, ORCHESTRATOR)
    path = full_path(call, call.text("ActionPlanPath"))
    file = files_of(call).find(path)
    if not isinstance(file, File):
        kind = "System.IO.FileNotFoundException"
        raise call.fail(f"Could not find file '{path}'.", "FileNotFoundException", "ObjectNotFound", path, kind)
    try:
        yield UUID(model.replay_plan(decode(content_of(file, path), "utf8")))
    except ModelError as error:
        raise refusal(call, error) from None


@PLANS.cmdlet(
    "Start-MonitoringActionplanInstanceToComplete",
    Parameter("actionPlanInstanceID", "string", position=0, mandatory=True),
    _CLIENT,
)
def monitor_instance(call: Call) -> Iterator[object]:
    """Shows the step that is being executed until the instance has ended; stopping it stops nothing else ([D])."""
    model = require_service(call, ORCHESTRATOR)
    wanted = call.text("actionPlanInstanceID").strip("{}").lower()
    plans = [*model.plans, *(run.plan for run in model.runs)]
    plan = next((item for item in plans if item.instance_id.lower() == wanted), None)
    if plan is None:
        error = ModelError("ActionPlanInstanceNotFound", f"The action plan instance '{wanted}' was not found.")
        raise refusal(call, error)
    shown = ""
    while plan.status in RUNNING:
        step = _current(plan)
        if step is not None and step.name != shown:
            shown = step.name
            yield f"{step.index} {step.name}: {step.status.value}"
        call.wait(_EVERY_S, lambda: plan.status not in RUNNING)
    yield f"{plan.name}: {plan.status.value}"


def _current(plan: ActionPlan) -> PlanStep | None:
    """The first leaf that is being executed."""
    return next((leaf for leaf in plan.root.leaves() if leaf.status is StepStatus.InProgress), None)


@PLANS.cmdlet("Create-ECEAgentClient", Parameter("NodeName", "string", position=0, mandatory=True))
def create_agent_client(call: Call) -> Iterator[object]:
    """A client of the agent on a node."""
    node = find_node(call, call.text("NodeName"))
    if node is None or not node.os_running:
        text = f"The agent on '{call.text('NodeName')}' could not be reached."
        raise call.fail(text, "AgentNotReachable", "ConnectionError", exception="System.InvalidOperationException")
    yield make_client(call)


@PLANS.cmdlet(
    "Set-ECEServiceSecret",
    Parameter("ContainerName", "string", position=0, mandatory=True),
    Parameter("Credential", "object", mandatory=True),
    _CLIENT,
    aliases=("Set-ECESecret",),
)
def set_secret(call: Call) -> None:
    """Replaces a secret of the orchestrator; the secret itself is not kept, and nothing here uses it."""
    model = require_service(call, ORCHESTRATOR)
    if not isinstance(call.get("Credential"), Credential):
        kind = "System.Management.Automation.ParameterBindingException"
        text = "Cannot bind parameter 'Credential'. A credential is expected."
        raise call.fail(text, "ParameterArgumentTransformationError", "InvalidData", exception=kind)
    model.kept.secrets_set_ns[call.text("ContainerName")] = model.now_ns
