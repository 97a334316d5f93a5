"""``ProgressAsXml`` of an action plan instance.

Element and attribute names are those of the XPaths in troubleshooting guides [T]; a task that has not started has no
``Status`` attribute.  The text is a pure function of the plan.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from harness.twin.model.content import ActionPlan, PlanStep
from harness.twin.model.states import StepStatus


def render_progress(plan: ActionPlan, clock: Callable[[int], datetime]) -> str:
    """The plan's XML; *clock* turns lab nanoseconds into UTC times."""
    root = Element("Action", {"Type": plan.action_type})
    _stamp(root, plan.root, clock)
    _steps(root, plan.root, clock)
    indent(root, "  ")
    return tostring(root, encoding="unicode")


def _steps(parent: Element, step: PlanStep, clock: Callable[[int], datetime]) -> None:
    steps = SubElement(parent, "Steps")
    for child in step.children:
        _step(steps, child, clock)


def _step(parent: Element, step: PlanStep, clock: Callable[[int], datetime]) -> None:
    element = SubElement(
        parent, "Step", {"FullStepIndex": step.index, "Name": step.name, "Description": step.description or step.name}
    )
    _stamp(element, step, clock)
    task = SubElement(element, "Task")
    if step.role_path:
        task.set("RolePath", step.role_path)
    if step.children:
        task.set("ActionType", step.action_type or step.slug)
        _stamp(task, step, clock)
        action = SubElement(task, "Action", {"Type": step.action_type or step.slug})
        _stamp(action, step, clock)
        _steps(action, step, clock)
        return
    if step.interface_type is not None:
        task.set("InterfaceType", step.interface_type)
    if step.node is not None:
        task.set("RemoteNodeName", step.node)
    _stamp(task, step, clock)
    if step.status is StepStatus.Error and step.error is not None:
        exception = SubElement(task, "Exception")
        SubElement(exception, "Message").text = step.error
        SubElement(exception, "MachineName").text = step.error_machine


def _stamp(element: Element, step: PlanStep, clock: Callable[[int], datetime]) -> None:
    if step.status is not StepStatus.NotStarted:
        element.set("Status", step.status.value)
    for name, t_ns in (("StartTimeUtc", step.started_ns), ("EndTimeUtc", step.ended_ns)):
        if t_ns is not None:
            element.set(name, f"{clock(t_ns):%Y-%m-%dT%H:%M:%SZ}")
