"""The orchestrator's action plan engine (ECE): runs a tree of tasks and keeps it resumable.

The engine is the clustered orchestrator group: nothing proceeds while that group is unavailable.  A task runs on the
group's owner or on the machine it names.  What a lost machine does to its task, in the conservative reading of
ASD update/update-troubleshooting-23h2 ("restore all nodes, run health check, resume") [INF]: a task of the owner is run
again once after failover, because the group itself is highly available; a task of another machine fails at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from simpy.events import AllOf

from harness.twin.model.calibration import Duration
from harness.twin.model.content import ActionPlan, PlanStep
from harness.twin.model.errors import ModelError
from harness.twin.model.groups import ORCHESTRATOR, Groups
from harness.twin.model.states import ActionPlanStatus, StepStatus
from harness.twin.model.world import Bell, NodeLostError, Process, World

RUNNING = (ActionPlanStatus.Pending, ActionPlanStatus.Running, ActionPlanStatus.Waiting)
"""States of an instance that has not ended [T]."""


class StepFailedError(Exception):
    """A task ended with an error: the product's message and the machine that raised it."""

    def __init__(self, message: str, machine: str) -> None:
        super().__init__(message, machine)
        self.message = message
        self.machine = machine


@dataclass(frozen=True, slots=True)
class Task:
    """What a handler gets: the leaf and the machine it runs on."""

    plan: ActionPlan
    step: PlanStep
    machine: str


Handler = Callable[[Task], Process]


class Engine:
    """All action plan instances."""

    def __init__(self, world: World, groups: Groups) -> None:
        self._world = world
        self._groups = groups
        self.plans: list[ActionPlan] = []
        self.handlers: dict[str, Handler] = {}
        self._bell = Bell(world.env)

    @property
    def lock_holder(self) -> ActionPlan | None:
        """The running plan which holds the exclusive lock."""
        return next((plan for plan in self.plans if plan.exclusive and plan.status in RUNNING), None)

    def running(self, name: str) -> ActionPlan | None:
        """The oldest instance of that name which is reported as not ended."""
        return next((plan for plan in self.plans if plan.name == name and plan.status in RUNNING), None)

    def outcome(self, plan: ActionPlan) -> Process:
        """Wait for an instance which somebody else created; return its last status."""
        yield from self._world.wait_until(lambda: plan.status not in RUNNING, self._bell)
        return plan.status

    # --- instances which nobody executes

    def add_orphan(self, name: str, age_ns: int) -> ActionPlan:
        """An instance reported Running since *age_ns* before now, which nobody executes [T]."""
        began = self._world.now - age_ns
        root = PlanStep("0", "", name, children=[PlanStep("0.0", name.lower().replace(" ", "-"), name)])
        for step in (root, *root.children):
            step.status, step.started_ns, step.updated_ns = StepStatus.InProgress, began, began
        plan = ActionPlan(
            instance_id=self._world.streams.uuid(f"cause/orphan-plan/{name}"),
            name=name,
            action_type=name.replace(" ", ""),
            root=root,
            started_ns=began,
            status=ActionPlanStatus.Running,
            modified_ns=began,
            orphan=True,
        )
        self.plans.append(plan)
        self.plans.sort(key=lambda item: item.started_ns)
        return plan

    def instance(self, instance_id: str) -> ActionPlan:
        """The instance with that id, in any case of letters.  Raises ModelError."""
        for plan in self.plans:
            if plan.instance_id.lower() == instance_id.lower():
                return plan
        raise ModelError("ActionPlanInstanceNotFound", f"The action plan instance '{instance_id}' was not found.")

    def cancel(self, instance_id: str) -> None:
        """``Cancel-ActionPlanInstance``: an instance at work ends as Failed; one that has ended stays as it is.

        Raises ModelError for an unknown instance, and (``NotSimulated``) for one which is really executed.
        """
        plan = self.instance(instance_id)
        if plan.status not in RUNNING or self._world.spec.has_defect("plan_delete_without_effect"):
            return
        if not plan.orphan:
            raise ModelError("NotSimulated", f"cancelling the action plan '{plan.name}' while it is executed")
        self._abort(plan)

    def delete(self, instance_id: str) -> None:
        """``DeleteActionPlanInstance``: an instance that has ended is forgotten.

        Raises ModelError for an unknown instance, and for one that has not ended: it has to be cancelled first [INF].
        """
        plan = self.instance(instance_id)
        if self._world.spec.has_defect("plan_delete_without_effect"):
            return
        if plan.status in RUNNING:
            raise ModelError(
                "ActionPlanInstanceRunning",
                f"The action plan instance '{plan.instance_id}' is {plan.status.value}; cancel it before deleting it.",
            )
        self.plans.remove(plan)

    def withdraw(self, plan: ActionPlan) -> None:
        """Take an instance away, whatever state it is in."""
        if plan.status in RUNNING:
            self._abort(plan)
        if plan in self.plans:
            self.plans.remove(plan)

    def _abort(self, plan: ActionPlan) -> None:
        for step in (plan.root, *plan.root.leaves()):
            if step.status is StepStatus.InProgress:
                self._end(step, StepStatus.Error)
        plan.status = ActionPlanStatus.Failed
        plan.ended_ns = plan.modified_ns = self._world.now
        self._bell.ring()

    # --- execution

    def create(
        self,
        name: str,
        root: PlanStep,
        *,
        action_type: str = "",
        exclusive: bool = False,
        parameters: Mapping[str, str] | None = None,
    ) -> ActionPlan:
        """Register a plan.  Raises ModelError if another one holds the exclusive lock."""
        if exclusive and self.lock_holder is not None:
            raise ModelError(
                "ExclusiveLockHeld",
                f"The action plan '{name}' needs the exclusive lock, which '{self.lock_holder.name}' "
                f"({self.lock_holder.instance_id}) holds.",
            )
        plan = ActionPlan(
            instance_id=self._world.streams.uuid("ece/plan"),
            name=name,
            action_type=action_type or name.replace(" ", ""),
            root=root,
            started_ns=self._world.now,
            exclusive=exclusive,
            runtime_parameters=dict(parameters or {}),
        )
        self.plans.append(plan)
        return plan

    def run_simple(self, name: str, duration: Duration, parameters: Mapping[str, str] | None = None) -> Process:
        """Run a plan of one task without a lock; return it."""
        root = PlanStep("0", "", name, children=[PlanStep("0.0", name.lower().replace(" ", "-"), name)])
        plan = self.create(name, root, parameters=parameters)
        self._open(plan)
        step = root.children[0]
        self._start(step)
        ns = self._world.draw(f"plan/{name}", duration)
        yield from self._groups.work(ORCHESTRATOR, ns, keep=False)
        self._end(step, StepStatus.Success)
        self._close(plan, success=True)
        return plan

    def run(self, plan: ActionPlan, path: str) -> Process:
        """Execute *plan* to its end; return whether it succeeded.  Events are named below *path*."""
        self._open(plan)
        success: bool = yield from self._run_step(plan, plan.root, path)
        self._close(plan, success=success)
        return success

    def _open(self, plan: ActionPlan) -> None:
        plan.status = ActionPlanStatus.Running
        self._start(plan.root)

    def _close(self, plan: ActionPlan, *, success: bool) -> None:
        self._end(plan.root, StepStatus.Success if success else StepStatus.Error)
        plan.status = ActionPlanStatus.Completed if success else ActionPlanStatus.Failed
        plan.ended_ns = plan.modified_ns = self._world.now

    def _run_step(self, plan: ActionPlan, step: PlanStep, path: str) -> Process:
        if step.done:
            return True
        if step is not plan.root:
            self._start(step)
            plan.modified_ns = self._world.now
            self._world.emit("phase.enter", path, node=step.node, step=step.name)
        if step.parallel:
            success = yield from self._run_parallel(plan, step, path)
        elif step.children:
            success = yield from self._run_children(plan, step, path)
        else:
            success = yield from self._run_leaf(plan, step, path)
        if step is not plan.root:
            self._end(step, StepStatus.Success if success else StepStatus.Error)
            plan.modified_ns = self._world.now
            self._world.emit("phase.exit", path, node=step.node, step=step.name, status=step.status.value)
            if success and not step.children:
                self._world.emit("phase.progress", "/".join(path.split("/")[:2]), percent=plan.percent())
        return success

    def _run_children(self, plan: ActionPlan, step: PlanStep, path: str) -> Process:
        for child in step.children:
            if not (yield from self._run_step(plan, child, f"{path}/{child.slug}")):
                self._inherit_error(step, child)
                return False
        return True

    def _run_parallel(self, plan: ActionPlan, step: PlanStep, path: str) -> Process:
        processes = [
            self._world.env.process(self._run_step(plan, child, f"{path}/{child.slug}")) for child in step.children
        ]
        yield AllOf(self._world.env, processes)
        for child in step.children:
            if child.status is StepStatus.Error:
                self._inherit_error(step, child)
                return False
        return True

    def _run_leaf(self, plan: ActionPlan, step: PlanStep, path: str) -> Process:
        limits = self._world.calibration.ece
        if {step.slug, step.name, step.interface_type} & self._world.spec.hanging_steps:
            yield self._world.env.event()
        remote = step.node is not None and step.cau_stage is None
        attempts = limits.remote_attempts.n if remote else limits.failover_attempts.n
        while True:
            yield from self._groups.wait_available(ORCHESTRATOR)
            machine = step.node if remote and step.node is not None else self._groups.owner(ORCHESTRATOR)
            step.attempts += 1
            attempts -= 1
            try:
                yield from self._execute(Task(plan, step, machine))
            except NodeLostError as loss:
                if attempts <= 0:
                    self._fail(step, _lost_message(step, loss.node), loss.node)
                    return False
                self._world.emit("phase.retry", path, node=loss.node, step=step.name)
                yield from self._groups.wait_available(ORCHESTRATOR)
                yield from self._world.wait(limits.reload.ns)
            except StepFailedError as failure:
                self._fail(step, _interface_message(step, failure.message), failure.machine)
                return False
            else:
                return True

    def _execute(self, task: Task) -> Process:
        step = task.step
        if step.duration is not None:
            stream = f"step/{step.duration}/{step.node or 'cluster'}"
            step.expected_ns = self._world.calibration.steps[step.duration].ns
            yield from self._world.wait(
                self._world.draw(stream, self._world.calibration.steps[step.duration]), task.machine
            )
        if step.handler is not None:
            yield from self.handlers[step.handler](task)

    def _start(self, step: PlanStep) -> None:
        step.status = StepStatus.InProgress
        step.started_ns = step.updated_ns = self._world.now
        step.ended_ns = None

    def _end(self, step: PlanStep, status: StepStatus) -> None:
        step.status = status
        step.ended_ns = step.updated_ns = self._world.now

    def _fail(self, step: PlanStep, message: str, machine: str) -> None:
        step.error, step.error_machine = message, machine

    def _inherit_error(self, step: PlanStep, child: PlanStep) -> None:
        step.error, step.error_machine = child.error, child.error_machine


def _interface_message(step: PlanStep, message: str) -> str:
    """The product's canonical wording of a failed interface [T]."""
    kind, role = step.interface_type or step.action_type or step.name, step.role_path.rpartition("\\")[2]
    return (
        "CloudEngine.Actions.InterfaceInvocationFailedException: "
        f"Type '{kind}' of Role '{role}' raised an exception:\n\n{message}"
    )


def _lost_message(step: PlanStep, node: str) -> str:
    return _interface_message(
        step,
        f"Connecting to remote server {node} failed with the following error message : "
        "The WinRM client cannot complete the operation.",
    )
