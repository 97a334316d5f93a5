"""Cluster-Aware Updating: one machine at a time, each only while the storage is healthy.

Per machine ([D] WSD failover-clustering/cluster-aware-updating): wait for storage → suspend and drain → scan, stage,
install → restart → resume with failback → next.  The coordinator runs on a member and moves away before its own
machine restarts; if the coordinator's machine dies, the run is lost and needs a recovery.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.twin.model.content import CauHistory, CauInstallResult, CauNodeProgress, CauRun, UpdateSettings
from harness.twin.model.entities import Node
from harness.twin.model.errors import ModelError
from harness.twin.model.machines import Machines
from harness.twin.model.maintenance import Maintenance
from harness.twin.model.payload import Payload
from harness.twin.model.states import CauRunState, CauStage, NodePhase, SummaryStatus
from harness.twin.model.storage import Storage
from harness.twin.model.world import Bell, NodeLostError, Process, World
from harness.twin.units import NS_PER_S

PATH = "update/install/cau"


class NodeFailedError(Exception):
    """The run gives up on one machine; the text is the product's where one is published."""


class _CoordinatorLostError(Exception):
    """The machine of the run's coordinator died."""


class Cau:
    """The updating run of the cluster."""

    def __init__(
        self,
        world: World,
        machines: Machines,
        maintenance: Maintenance,
        storage: Storage,
        settings: UpdateSettings,
        force_drain: Callable[[], bool],
    ) -> None:
        self._world = world
        self._machines = machines
        self._maintenance = maintenance
        self._storage = storage
        self._settings = settings
        self._force_drain = force_drain
        self.history = CauHistory()
        self.bell = Bell(world.env)
        self.finished: dict[tuple[str, CauStage], None] = {}
        """Stages done since the update began, over all attempts."""
        self._returning: dict[str, None] = {}

    @property
    def active(self) -> bool:
        """A run is in progress."""
        return self.history.run is not None and self.history.run.active

    def start(self, payload: Payload, coordinator: str, attempt: int) -> CauRun:
        """Begin a run over all machines in ``(Get-ClusterNode).Name`` order.  Raises ModelError if one is active."""
        if self.active:
            raise ModelError("CauRunInProgress", "An Updating Run is already in progress on the cluster.")
        now = self._world.now
        run = CauRun(
            run_id=self._world.streams.uuid("cau/run"),
            started_ns=now,
            coordinator=coordinator,
            attempt=attempt,
            plugin=payload.plugin,
            nodes=[CauNodeProgress(name, "Waiting", now) for name in self._world.nodes],
        )
        self.history.run = run
        self.history.state = CauRunState.RunInProgress
        self._world.emit("cau.run", node=coordinator, state=self.history.state.value, attempt=attempt)
        self._world.env.process(self._run(run, payload))
        return run

    def recover(self) -> Process:
        """``Invoke-CauRun -ForceRecovery``: clear the state of a failed run and resume machines it left paused."""
        yield from self._world.wait(self._world.calibration.cau.recovery.ns)
        self.history.state = CauRunState.RunNotInProgress
        for node in self._world.nodes.values():
            yield from self._resume_paused(node)

    def reset(self) -> None:
        """Forget the stages of an earlier update."""
        self.finished.clear()

    # --- the run

    def _run(self, run: CauRun, payload: Payload) -> Process:
        self._world.emit("phase.enter", PATH, attempt=run.attempt)
        limit = int(len(run.nodes) * self._world.calibration.cau.max_failed_ratio.value)
        failed = 0
        try:
            for progress in run.nodes:
                try:
                    yield from self._update_node(run, progress, payload)
                except NodeFailedError as failure:
                    failed += 1
                    yield from self._give_up(run, progress, str(failure))
                    if failed > limit:
                        run.error_id = "MaxFailedNodesExceeded"
                        break
            yield from self._wait(run, self._world.calibration.cau.report.ns)
        except _CoordinatorLostError:
            run.error_id = "CoordinatorLost"
            run.error = f"The run stopped with its coordinator {run.coordinator}."
        self._finish(run)

    def _finish(self, run: CauRun) -> None:
        done = [item for item in run.nodes if item.result is SummaryStatus.Succeeded]
        if len(done) == len(run.nodes):
            run.status = SummaryStatus.Succeeded
        elif run.error_id is None and any(item.installed for item in run.nodes):
            run.status = SummaryStatus.PartiallyFailed
        else:
            run.status = SummaryStatus.Failed
        for item in run.nodes:
            item.result = item.result or SummaryStatus.Canceled
        run.ended_ns = self._world.now
        lost = run.error_id == "CoordinatorLost"
        self.history.state = CauRunState.RunFailed if lost else CauRunState.RunNotInProgress
        self.history.reports.append(run)
        self._world.emit("phase.exit", PATH, status=run.status.value)
        self._world.emit("cau.run", node=run.coordinator, state=self.history.state.value, status=run.status.value)
        self.bell.ring()

    def _update_node(self, run: CauRun, progress: CauNodeProgress, payload: Payload) -> Process:
        node = self._world.nodes[progress.node]

        def current() -> bool:
            return node.os_running and payload.is_current(node) and not node.paused

        if not current():
            yield from self._stage(run, progress, CauStage.WaitStorage, self._wait_storage(run, node))
        if not current():
            if run.coordinator == node.name:
                yield from self._move_coordinator(run)
            yield from self._stage(run, progress, CauStage.Drain, self._drain(run, node))
            if not payload.is_current(node):
                yield from self._stage(run, progress, CauStage.Install, self._install(run, progress, node, payload))
                yield from self._stage(run, progress, CauStage.Reboot, self._reboots(run, node, payload))
            yield from self._stage(run, progress, CauStage.Resume, self._resume(run, node))
        for stage in CauStage:
            self._complete(progress, stage)
        progress.result = SummaryStatus.Succeeded
        self._note(progress, "Succeeded")

    def _stage(self, run: CauRun, progress: CauNodeProgress, stage: CauStage, work: Process) -> Process:
        path = f"{PATH}/node[{progress.node}]/{stage.value}"
        progress.stage = stage
        self._note(progress, stage.value)
        self._world.emit("phase.enter", path, node=progress.node, attempt=run.attempt)
        if {f"cau/{stage.value}", f"cau/{progress.node}/{stage.value}"} & self._world.spec.hanging_steps:
            yield self._world.env.event()
        try:
            yield from work
            yield from self._wait(run, self._world.calibration.cau.settle.ns)
        except NodeLostError as loss:
            self._world.emit("phase.exit", path, node=progress.node, status="Error")
            if loss.node == run.coordinator and not self._alone:
                raise _CoordinatorLostError from loss
            raise NodeFailedError(f"The connection to node {loss.node} was lost.") from loss
        except (NodeFailedError, _CoordinatorLostError):
            self._world.emit("phase.exit", path, node=progress.node, status="Error")
            raise
        self._world.emit("phase.exit", path, node=progress.node, status="Success")
        self._complete(progress, stage)

    @property
    def _alone(self) -> bool:
        return len(self._world.nodes) == 1

    # --- stages

    def _wait_storage(self, run: CauRun, node: Node) -> Process:
        if self._world.spec.has_defect("cau_skips_storage_wait"):
            return
        # A machine which is down or paused keeps the volumes degraded, so this waits for its return, too.
        timeout = self._world.calibration.cau.storage_timeout.ns
        if not (yield from self._until(run, lambda: self._storage.healthy, self._storage.bell, timeout)):
            raise NodeFailedError(f"Storage repair did not finish before node {node.name} could be updated.")

    def _drain(self, run: CauRun, node: Node) -> Process:
        values = self._world.calibration.cau
        deadline = self._world.now + values.suspend_timeout.ns
        while True:
            try:
                self._maintenance.check_suspend(node)
                break
            except ModelError as refusal:
                if self._world.now >= deadline:
                    raise NodeFailedError(f"Node {node.name} could not be suspended: {refusal.message}") from refusal
            yield from self._wait(run, values.suspend_retry.ns)
        stayed = yield from self._maintenance.suspend(node, force=self._force_drain())
        if stayed:
            raise NodeFailedError(f"Node {node.name} could not be drained: {', '.join(stayed)} did not move.")

    def _install(self, run: CauRun, progress: CauNodeProgress, node: Node, payload: Payload) -> Process:
        for name, duration in payload.work:
            self._note(progress, name)
            yield from self._wait(run, self._world.draw(f"cau/{node.name}/{name}", duration), node.name)
        for title in payload.install(node):
            progress.installed.append(CauInstallResult(node.name, title, title, self._world.now, "Succeeded"))

    def _reboots(self, run: CauRun, node: Node, payload: Payload) -> Process:
        """Restart as often as the content needs; each restart has the whole time to itself ([T] 1 h for each)."""
        for _ in range(payload.restarts):
            yield from self._reboot(run, node, payload)
        objection = payload.objection(node)
        if objection is not None:
            raise NodeFailedError(objection)

    def _reboot(self, run: CauRun, node: Node, payload: Payload) -> Process:
        boot = node.boot_id
        if node.os_running:
            self._machines.restart(node)
        ready = yield from self._until(
            run,
            lambda: node.boot_id != boot and node.phase is NodePhase.Running,
            self._machines.bell,
            payload.reboot_timeout.ns,
        )
        if not ready:
            limit = payload.reboot_timeout.ns // NS_PER_S
            raise NodeFailedError(
                f'(ClusterUpdateException) Failed to restart "{node.name}": The timeout limit '
                f"({limit // 3600:02}:{limit // 60 % 60:02}:{limit % 60:02}) was reached."
            )

    def _resume(self, run: CauRun, node: Node) -> Process:
        # "node" must be a member again; the restart budget does not cover the cluster service's join [INF].
        timeout = self._world.calibration.cau.reboot_timeout.ns
        if not (yield from self._until(run, lambda: node.member, self._storage.bell, timeout)):
            raise NodeFailedError(f"Node {node.name} did not join the cluster after the restart.")
        if node.paused:
            yield from self._maintenance.resume(node, fail_back=self._settings.vm_failback)

    def _give_up(self, run: CauRun, progress: CauNodeProgress, error: str) -> Process:
        progress.result, progress.error = SummaryStatus.Failed, error
        run.error = run.error or f"The node '{progress.node}' failed to update. {error}"
        self._note(progress, "Failed")
        self._world.emit("cau.node-failed", node=progress.node, error=error)
        yield from self._resume_paused(self._world.nodes[progress.node])

    def _resume_paused(self, node: Node) -> Process:
        """CAU leaves no machine suspended which it gave up on: at once, or when it comes back [INF]."""
        if not node.paused or node.name in self._returning:
            return
        if node.member and node.os_running:
            yield from self._resume_quietly(node)
        else:
            self._returning[node.name] = None
            self._world.env.process(self._resume_later(node))

    def _resume_later(self, node: Node) -> Process:
        yield from self._world.wait_until(lambda: node.member and node.os_running, self._storage.bell)
        del self._returning[node.name]
        if node.paused:
            yield from self._resume_quietly(node)

    def _resume_quietly(self, node: Node) -> Process:
        try:
            yield from self._maintenance.resume(node, fail_back=self._settings.vm_failback)
        except NodeLostError:
            return

    # --- coordinator

    def _move_coordinator(self, run: CauRun) -> Process:
        others = [node.name for node in self._world.nodes.values() if node.places and node.name != run.coordinator]
        if others:
            self._world.emit("cau.coordinator", node=others[-1], source=run.coordinator)
            run.coordinator = others[-1]
        yield from self._wait(run, 0)

    def _wait(self, run: CauRun, ns: int, *nodes: str) -> Process:
        """Let time pass while the coordinator (and *nodes*) run."""
        guards = nodes if self._alone else (*nodes, run.coordinator)
        try:
            yield from self._world.wait(ns, *guards)
        except NodeLostError as loss:
            if loss.node == run.coordinator and not self._alone:
                raise _CoordinatorLostError from loss
            raise

    def _until(self, run: CauRun, condition: Callable[[], bool], bell: Bell, timeout_ns: int) -> Process:
        guards = () if self._alone else (run.coordinator,)
        try:
            return (yield from self._world.wait_until(condition, bell, timeout_ns, *guards))
        except NodeLostError as loss:
            raise _CoordinatorLostError from loss

    # --- bookkeeping

    def _complete(self, progress: CauNodeProgress, stage: CauStage) -> None:
        if stage not in progress.completed:
            progress.completed = (*progress.completed, stage)
        self.finished[progress.node, stage] = None
        self.bell.ring()

    def _note(self, progress: CauNodeProgress, status: str) -> None:
        progress.status, progress.timestamp_ns = status, self._world.now
