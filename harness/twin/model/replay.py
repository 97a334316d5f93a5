"""An edited ``ProgressAsXml`` that is invoked anew: which tasks are done, skipped or to be done again ([T] TSG Update).

``Invoke-ActionPlanInstance`` takes the XML of an installation that failed.  A task with the status Success or Skipped
is not executed, every other one is; so a guide skips a task by writing Skipped there, and repeats one by taking its
status away.  That the run which follows belongs to the update, as a resumed one does, is [INF].
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError, fromstring

from harness.twin.model.content import PlanStep, UpdateRun
from harness.twin.model.errors import ModelError
from harness.twin.model.plans import skip
from harness.twin.model.states import StepStatus, UpdateRunState

_DONE = {"Success": StepStatus.Success, "Skipped": StepStatus.Skipped}


def read_statuses(text: str) -> dict[str, str]:
    """``FullStepIndex`` to status (empty for none).  Raises ModelError for a text that is no action plan."""
    try:
        root = fromstring(text.lstrip("\ufeff"))  # noqa: S314  # entities are not resolved by this parser's defaults
    except ParseError as error:
        raise ModelError("ActionPlanInvalid", f"The action plan is not valid XML: {error}.") from error
    found = {step.get("FullStepIndex", ""): _status(step) for step in root.iter("Step")}
    if root.tag != "Action" or "" in found or not found:
        raise ModelError("ActionPlanInvalid", "The action plan does not contain the mandatory steps.")
    return found


def _status(step: Element) -> str:
    """The status of the step's task, where it has one, else its own."""
    task = step.find("Task")
    return (step if task is None else task).get("Status", "")


def find_run(runs: list[UpdateRun], statuses: dict[str, str]) -> UpdateRun:
    """The newest failed installation whose steps are those of the plan; a step's tasks may have been replaced by one.

    Raises ModelError (``NotSimulated``) when there is none.
    """
    for run in reversed(runs):
        top = {child.index for child in run.plan.root.children}
        failed = not run.preparation and run.state is UpdateRunState.Failed
        if failed and top <= set(statuses) <= _indices(run.plan.root):
            return run
    raise ModelError("NotSimulated", "an action plan that is not that of an installation which failed")


def _indices(root: PlanStep) -> set[str]:
    found: set[str] = set()
    for child in root.children:
        found |= {child.index} | _indices(child)
    return found


def apply_statuses(step: PlanStep, statuses: dict[str, str]) -> None:
    """Mark the tasks below *step* as the edited plan has them; a step without its tasks is done again as a whole."""
    for child in step.children:
        status = statuses.get(child.index, "")
        if status == StepStatus.Skipped.value:
            skip(child)
        elif child.children:
            apply_statuses(child, statuses)
            done = all(item.done for item in child.children)
            child.status = StepStatus.Success if done else StepStatus.NotStarted
        else:
            child.status = _DONE.get(status, StepStatus.NotStarted)
