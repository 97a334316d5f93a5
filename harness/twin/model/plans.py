"""Building action plans: the step tree of an installation, of a preparation run, and of a resumed installation."""

from __future__ import annotations

from collections.abc import Sequence

from harness.twin.model.catalog import StepSpec
from harness.twin.model.content import PlanStep
from harness.twin.model.states import CauStage, StepStatus

WAITED_STAGES = (CauStage.Drain, CauStage.Install, CauStage.Reboot, CauStage.Resume)
"""Stages of a node which the plan waits for one by one; waiting for storage is CAU's own matter."""


def build_root(name: str, specs: Sequence[StepSpec], nodes: Sequence[str]) -> PlanStep:
    """The whole tree below one root; tasks of every machine and CAU stages are expanded for *nodes*."""
    root = PlanStep(index="0", slug="", name=name)
    for spec in specs:
        root.children.extend(_expand(spec, f"0.{len(root.children)}", nodes))
    return root


def resume_root(previous: PlanStep) -> PlanStep:
    """A new tree in which finished tasks stay finished and all others are to be done.

    Success and Skipped tasks are not executed again ([T] TSG Update: edited ProgressAsXml; [INF] the same on resume).
    """
    step = PlanStep(
        index=previous.index,
        slug=previous.slug,
        name=previous.name,
        description=previous.description,
        role_path=previous.role_path,
        interface_type=previous.interface_type,
        action_type=previous.action_type,
        node=previous.node,
        duration=previous.duration,
        handler=previous.handler,
        cau_stage=previous.cau_stage,
        parallel=previous.parallel,
        children=[resume_root(child) for child in previous.children],
    )
    if previous.done:
        step.status = previous.status
        step.started_ns, step.ended_ns, step.updated_ns = previous.started_ns, previous.ended_ns, previous.updated_ns
        step.attempts = previous.attempts
    return step


def skip(step: PlanStep) -> None:
    """Mark *step* and everything below it Skipped."""
    step.status = StepStatus.Skipped
    for child in step.children:
        skip(child)


def _expand(spec: StepSpec, index: str, nodes: Sequence[str]) -> list[PlanStep]:
    if spec.expand == "cau-stages":
        base, number = index.rpartition(".")[::2]
        pairs = [(node, stage) for node in nodes for stage in WAITED_STAGES]
        return [_wait_step(spec, f"{base}.{int(number) + at}", node, stage) for at, (node, stage) in enumerate(pairs)]
    step = PlanStep(
        index=index,
        slug=spec.slug,
        name=spec.name,
        role_path=spec.role,
        interface_type=spec.interface,
        action_type=spec.action,
        handler=spec.handler,
        duration=None if spec.steps else spec.slug,
    )
    for child in spec.steps:
        step.children.extend(_expand(child, f"{index}.{len(step.children)}", nodes))
    if spec.per_node:
        step.parallel = True
        step.children = [
            PlanStep(
                index=f"{index}.{at}",
                slug=f"node[{node}]",
                name=spec.name,
                role_path=spec.role,
                interface_type=spec.interface,
                handler=spec.handler,
                node=node,
                duration=spec.slug,
            )
            for at, node in enumerate(nodes)
        ]
    return [step]


def _wait_step(spec: StepSpec, index: str, node: str, stage: CauStage) -> PlanStep:
    return PlanStep(
        index=index,
        slug=f"{spec.slug}[{node}][{stage.value}]",
        name=spec.name.format(stage=stage.name, node=node),
        role_path=spec.role,
        interface_type=spec.interface,
        handler=spec.handler,
        cau_stage=stage,
        node=node,
    )
