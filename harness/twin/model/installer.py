"""What the tasks of an installation do beyond taking time, and the retry policy around CAU.

Retry policy ([T] TSG SolutionExtension/Solution-builder-extension-update-scenarios): attempt 1, recovery, attempt 2,
then the installation fails; each resume grants one more attempt, six at most.
"""

from __future__ import annotations

from harness.twin.model.catalog import Release
from harness.twin.model.cau import Cau
from harness.twin.model.content import ResourceBridge
from harness.twin.model.engine import Engine, StepFailedError, Task
from harness.twin.model.entities import Node, OsBuild
from harness.twin.model.groups import ORCHESTRATOR, UPDATE_SERVICE, Groups
from harness.twin.model.payload import OsPayload, Payload
from harness.twin.model.states import ClusterGroupState, SummaryStatus
from harness.twin.model.storage import Storage
from harness.twin.model.world import Process, World


class Installer:
    """Handlers of the installation plan of one update at a time."""

    def __init__(
        self, world: World, engine: Engine, groups: Groups, cau: Cau, storage: Storage, bridge: ResourceBridge
    ) -> None:
        self._world = world
        self._groups = groups
        self._cau = cau
        self._storage = storage
        self._bridge = bridge
        self._payload: Payload | None = None
        self.attempts_used = 0
        self.attempts_allowed = 0
        engine.handlers.update(
            {
                "failover-ece": self._failover_ece,
                "cau-start": self._cau_start,
                "cau-wait": self._cau_wait,
                "cau-post-check": self._cau_post_check,
                "version-check": self._version_check,
                "same-build": self._same_build,
                "arb-online": self._arb_online,
            }
        )

    def begin(self, payload: Payload, *, resumed: bool) -> None:
        """Set the attempt budget of CAU for a new installation, or grant one more to a resumed one."""
        limits = self._world.calibration.cau
        self._payload = payload
        if resumed:
            self.attempts_allowed = min(self.attempts_allowed + 1, limits.attempts_cap.n)
        else:
            self.attempts_used, self.attempts_allowed = 0, limits.initial_attempts.n
            self._cau.reset()

    @property
    def _content(self) -> Payload:
        if self._payload is None:
            raise RuntimeError("the installation plan runs, but begin() was not called: a defect of the twin")
        return self._payload

    @property
    def _target(self) -> Release:
        content = self._content
        if not isinstance(content, OsPayload):
            raise RuntimeError("a step of the operating system's update runs without one: a defect of the step tree")
        return content.release

    # --- handlers

    def _failover_ece(self, task: Task) -> Process:
        for group in (ORCHESTRATOR, UPDATE_SERVICE):
            if self._groups.can_move(group):  # there is nowhere to go while all other machines are away
                self._groups.move(group)
            yield from self._groups.wait_available(group)

    def _cau_start(self, task: Task) -> Process:
        if not self._cau.active:
            yield from self._new_attempt(task)

    def _new_attempt(self, task: Task) -> Process:
        if self.attempts_used >= self.attempts_allowed:
            raise StepFailedError(self._exceeded(), task.machine)
        if self.attempts_used:
            self._world.emit("cau.retry", attempt=self.attempts_used + 1)
            yield from self._cau.recover()
        self.attempts_used += 1
        yield from self._groups.wait_available(ORCHESTRATOR)
        if not self._cau.active:
            self._cau.start(self._content, self._groups.owner(ORCHESTRATOR), self.attempts_used)

    def _cau_wait(self, task: Task) -> Process:
        stage, node = task.step.cau_stage, task.step.node
        if stage is None or node is None:
            raise RuntimeError(f"step '{task.step.slug}' names no CAU stage: a defect of the step tree")
        while (node, stage) not in self._cau.finished:
            if self._cau.active:
                yield self._cau.bell.wait()
            else:
                yield from self._new_attempt(task)
        # The engine can only note this while it runs; CAU itself goes on without it.
        yield from self._groups.wait_available(ORCHESTRATOR)

    def _cau_post_check(self, task: Task) -> Process:
        while True:
            while self._cau.active:
                yield self._cau.bell.wait()
            run = self._cau.history.run
            if run is not None and run.status is SummaryStatus.Succeeded:
                break
            # All stages are done, but the run itself did not end well (its coordinator died): let one scan confirm it.
            yield from self._new_attempt(task)
        if self._world.spec.has_defect("cau_skips_storage_wait"):
            return
        timeout = self._world.calibration.cau.storage_timeout.ns
        healthy = yield from self._world.wait_until(lambda: self._storage.healthy, self._storage.bell, timeout)
        if not healthy:
            raise StepFailedError("Storage repair did not finish after the CAU run.", task.machine)

    def _version_check(self, task: Task) -> Process:
        yield from self._world.wait(0)
        expected = OsBuild.parse(self._target.os_build)
        for node in self._outdated(expected):
            raise StepFailedError(
                f"Current node platform version is '{node.os_build.version}' but expect version should be greater "
                f"than or equal to '{expected.version}'.",
                node.name,
            )

    def _same_build(self, task: Task) -> Process:
        yield from self._world.wait(0)
        expected = OsBuild.parse(self._target.os_build)
        for node in self._outdated(expected):
            raise StepFailedError(
                f"Expected {node.name} to be on OS Build Number {expected.version} but found {node.os_build.version}.",
                node.name,
            )

    def _outdated(self, expected: OsBuild) -> list[Node]:
        """Machines below the expected build, unless the product is to overlook them (a defect on request)."""
        if self._world.spec.has_defect("installed_with_old_build"):
            return []
        return [node for node in self._world.nodes.values() if node.os_build < expected]

    def _arb_online(self, task: Task) -> Process:
        yield from self._world.wait(0)
        if self._world.groups[self._bridge.group].state is not ClusterGroupState.Online:
            raise StepFailedError("Failed component status checks [ResourceBridge Status  = Offline]", task.machine)

    # --- texts

    def _exceeded(self) -> str:
        run = self._cau.history.run
        status = run.status.value if run is not None and run.status is not None else "Failed"
        limit = self._world.calibration.cau.initial_attempts.n
        return (
            f"CAU Run failed. Previous CAU run status was {status}. Exceeded max CAU retries ({limit}). "
            "Please investigate before retrying."
        )
