"""The Update Service: rows, runs, environment, and the life of one update from start to settled.

The service is a clustered group; its state is durable.  While the group fails over, cmdlets cannot reach it and no
state changes; work in progress goes on afterwards (a download where it stopped, the rest from its beginning) [INF].
"""

from __future__ import annotations

from harness.twin.model.calibration import Duration
from harness.twin.model.catalog import Catalogs
from harness.twin.model.content import ActionPlan, Environment, PlanStep, UpdateRow, UpdateRun, UpdateSettings
from harness.twin.model.engine import Engine
from harness.twin.model.errors import ModelError
from harness.twin.model.filelayout import SHARE
from harness.twin.model.groups import UPDATE_SERVICE, Groups
from harness.twin.model.health import HealthChecks, blocking, roll_up
from harness.twin.model.installer import Installer
from harness.twin.model.lifecycle import ACTIVE, STARTABLE, check_transition
from harness.twin.model.listing import components
from harness.twin.model.payload import OsPayload, Payload
from harness.twin.model.plans import build_root, resume_root
from harness.twin.model.sbe.extension import SBE, Extension
from harness.twin.model.sbe.steps import SbeSteps
from harness.twin.model.states import (
    ActionPlanStatus,
    EnvironmentState,
    HealthState,
    StepStatus,
    UpdateRunState,
    UpdateState,
)
from harness.twin.model.updatelist import UpdateList
from harness.twin.model.world import Process, World
from harness.twin.units import BYTES_PER_MIB, NS_PER_S

DEVICE_INFO = "GetCauDeviceInfo"
"""The action plan a download begins with [T]."""
_SIBLING = UpdateState.NotApplicableBecauseAnotherUpdateIsInProgress
_ENTRY = {
    UpdateState.Ready: UpdateState.Downloading,
    UpdateState.DownloadFailed: UpdateState.Downloading,
    UpdateState.PreparationFailed: UpdateState.Preparing,
    UpdateState.HealthCheckFailed: UpdateState.HealthChecking,
}
_PHASES = {
    UpdateState.Downloading: "download",
    UpdateState.Preparing: "prepare",
    UpdateState.HealthChecking: "health-check",
}
_FAILED = {
    UpdateState.Downloading: UpdateState.DownloadFailed,
    UpdateState.Preparing: UpdateState.PreparationFailed,
    UpdateState.HealthChecking: UpdateState.HealthCheckFailed,
}


class _PhaseFailedError(Exception):
    """A phase of the preparation ended with an error."""


class UpdateService:
    """What ``Get-``/``Start-SolutionUpdate`` and their relatives talk to."""

    def __init__(
        self,
        world: World,
        groups: Groups,
        engine: Engine,
        installer: Installer,
        checks: HealthChecks,
        environment: Environment,
        listing: UpdateList,
        settings: UpdateSettings,
        extension: tuple[Extension, SbeSteps] | None,
    ) -> None:
        self._world = world
        self._catalogs: Catalogs = world.catalogs
        self._groups = groups
        self._engine = engine
        self._installer = installer
        self._checks = checks
        self.environment = environment
        self._listing = listing
        self.rows = listing.rows
        self.settings = settings
        self._extension = extension
        self.runs: list[UpdateRun] = []
        """All runs still known, oldest first."""
        self._before_sibling: dict[str, UpdateState] = {}
        self._download: tuple[int, int] | None = None
        self._take_health()
        environment.state = self._idle_environment()
        world.env.process(self._daily_health())

    # --- what cmdlets read

    @property
    def available(self) -> bool:
        """The service answers."""
        return self._groups.available(UPDATE_SERVICE)

    def require_available(self) -> None:
        """Raise ModelError as all update cmdlets do while the group is offline [T]."""
        if not self.available:
            raise ModelError(
                "ConnectionFailureException",
                "The Update Service could not be reached: the cluster group "
                f"'{UPDATE_SERVICE}' is {self._world.groups[UPDATE_SERVICE].state.name}"
                f"{' and hangs' if self._world.groups[UPDATE_SERVICE].hung else ''}.",
            )

    def row(self, resource_id: str) -> UpdateRow:
        """The row with *resource_id*, in any case of letters.  Raises ModelError."""
        for row in self.rows:
            if row.resource_id.lower() == resource_id.lower():
                return row
        raise ModelError("UpdateNotFound", f"The update '{resource_id}' was not found.")

    def runs_of(self, resource_id: str) -> list[UpdateRun]:
        """Runs of one update, oldest first."""
        return [run for run in self.runs if run.update_id.lower() == resource_id.lower()]

    def run(self, resource_id: str) -> UpdateRun:
        """The run with *resource_id*.  Raises ModelError."""
        for run in self.runs:
            if run.resource_id.lower() == resource_id.lower():
                return run
        raise ModelError("UpdateRunNotFound", f"The update run '{resource_id}' was not found.")

    def progress_percent(self, row: UpdateRow) -> int | None:
        """Percentage behind ``UpdateStateProperties``, or None in a state that has none."""
        if row.state is UpdateState.Downloading:
            if self._download is None:
                return row.download_percent
            began, total = self._download
            return min(99, max(row.download_percent, (self._world.now - began) * 100 // max(1, total)))
        if row.state in (UpdateState.Installing, UpdateState.InstallationFailed):
            return self.runs_of(row.resource_id)[-1].plan.percent()
        return None

    def state_properties(self, row: UpdateRow) -> str:
        """The text of ``UpdateStateProperties``, as in ``37% complete.``"""
        percent = self.progress_percent(row)
        return "" if percent is None else f"{percent}% complete."

    # --- operations

    def start_update(self, resource_id: str, *, prepare_only: bool = False, ignore_warnings: bool = False) -> str:
        """``Start-SolutionUpdate``: start or resume; return the run's resource id.

        Raises ModelError if the service is unavailable, the row unknown or not startable, or another update or plan
        runs.
        """
        self.require_available()
        row = self.row(resource_id)
        busy = next((item for item in self.rows if item.state in ACTIVE), None)
        if busy is not None:
            raise ModelError(
                "UpdateInProgress", f"The update '{busy.resource_id}' is {busy.state.name}; wait until it has ended."
            )
        if row.state not in STARTABLE:
            raise ModelError(
                "UpdateNotApplicable",
                f"The update '{row.resource_id}' is {row.state.name}; it can be started when it is "
                f"{', '.join(state.name for state in sorted(STARTABLE))}.",
            )
        if self._engine.lock_holder is not None:
            raise ModelError("ExclusiveLockHeld", f"The action plan '{self._engine.lock_holder.name}' is running.")
        if self._listing.needs_extension(row):
            raise ModelError("NotSimulated", f"installing '{row.resource_id}' together with SBE {row.sbe_version}")
        entry = _ENTRY.get(row.state)
        if entry is None:
            if prepare_only:
                raise ModelError("UpdateAlreadyPrepared", f"The update '{row.resource_id}' is {row.state.name}.")
            if row.state is UpdateState.ReadyToInstall:
                self._world.emit("phase.exit", "update/ready", status="Success")
            run = self._begin_installation(row)
            self._world.env.process(self._install(row, run))
            return run.resource_id
        run = self._begin_preparation(row, entry)
        self._world.env.process(
            self._prepare(row, run, entry, prepare_only=prepare_only, ignore_warnings=ignore_warnings)
        )
        return run.resource_id

    def precheck(self) -> None:
        """``Invoke-SolutionUpdatePrecheck -SystemHealth``: returns at once, poll the environment's HealthState."""
        self.require_available()
        if self.environment.health_state is not HealthState.InProgress:
            self._begin_health()
            self._world.env.process(self._system_health())

    def discover(self) -> None:
        """Refresh the list; new rows appear after about two minutes [T]."""
        self._world.env.process(self._discover())

    def import_package(self, node: str, folder: str, *, any_version: bool) -> None:
        """``Add-SolutionUpdate`` on *node*: import an extension; the list follows with the next discovery.

        Raises ModelError as :meth:`Extension.import_package`, and while an update is at work [INF].
        """
        self.require_available()
        if self._extension is None:
            raise ModelError("NotSimulated", "importing a package on hardware whose vendor offers no extension")
        busy = next((item for item in self.rows if item.state in ACTIVE), None)
        if busy is not None:
            raise ModelError("UpdateInProgress", f"The update '{busy.resource_id}' is {busy.state.name}.")
        self._extension[0].import_package(node, folder, self.environment, any_version=any_version)
        self.discover()

    # --- preparation

    def _begin_preparation(self, row: UpdateRow, entry: UpdateState) -> UpdateRun:
        root = build_root("Preparation", self._catalogs.preparation, ())
        for step in root.children[: list(_PHASES).index(entry)]:
            step.status = StepStatus.Success
            step.started_ns = step.ended_ns = step.updated_ns = self._world.now
        plan = ActionPlan(self._world.streams.uuid("update/run"), "Preparation", "", root, self._world.now)
        run = self._add_run(row, plan, preparation=True)
        self._set_state(row, entry)
        self._set_environment(EnvironmentState.PreparationInProgress)
        return run

    def _prepare(
        self, row: UpdateRow, run: UpdateRun, entry: UpdateState, *, prepare_only: bool, ignore_warnings: bool
    ) -> Process:
        for state in list(_PHASES)[list(_PHASES).index(entry) :]:
            if row.state is not state:
                yield from self._groups.wait_available(UPDATE_SERVICE)
                self._set_state(row, state)
            if not (yield from self._run_phase(row, run, state, ignore_warnings=ignore_warnings)):
                self._end_run(run, UpdateRunState.Failed)
                self._set_state(row, _FAILED[state])
                self._set_environment(EnvironmentState.PreparationFailed)
                return
        row.prepared = True
        if prepare_only:
            self._end_run(run, UpdateRunState.HealthCheckSucceeded)
            self._set_state(row, UpdateState.ReadyToInstall)
            self._set_environment(self._idle_environment())
            self._world.emit("phase.enter", "update/ready")
            return
        self._world.emit("phase.enter", "update/ready")
        self._world.emit("phase.exit", "update/ready", status="Success")
        self._end_run(run, UpdateRunState.Succeeded)
        yield from self._install(row, self._begin_installation(row))

    def _run_phase(self, row: UpdateRow, run: UpdateRun, state: UpdateState, *, ignore_warnings: bool) -> Process:
        work = {
            UpdateState.Downloading: self._do_download,
            UpdateState.Preparing: self._do_extract,
            UpdateState.HealthChecking: self._do_health_check,
        }
        at = list(_PHASES).index(state)
        step, path = run.plan.root.children[at], f"update/{_PHASES[state]}"
        self._open_step(run, step, path)
        if step.slug in self._world.spec.hanging_steps:
            yield self._world.env.event()
        try:
            yield from work[state](row)
        except _PhaseFailedError as failure:
            step.error = str(failure)
            step.name = self._catalogs.preparation[at].failed_name or step.name
        yield from self._groups.wait_available(UPDATE_SERVICE)
        if state is UpdateState.HealthChecking:
            found = blocking(row.health_results, ignore_warnings=ignore_warnings)
            step.error = "; ".join(f"{result.title}: {result.resource}" for result in found) or None
        self._close_step(run, step, path, success=step.error is None)
        return step.error is None

    def _do_download(self, row: UpdateRow) -> Process:
        values = self._world.calibration.update
        yield from self._ask_device_info(row)
        if not self._checks.conditions.content_reachable:
            raise _PhaseFailedError(
                "The update content could not be downloaded: the download endpoint is not reachable."
            )
        if row.availability_type == "Local":
            row.download_percent = 100  # its content was imported; that it passes this state all the same is [INF]
            return
        total = row.package_size_mb * BYTES_PER_MIB * NS_PER_S // values.download_rate.bytes_s
        self._download = (self._world.now, total)
        part = total // 4
        for quarter in range(4):
            # Four equal parts, so that the progress survives a failover of the service and shows as events.
            yield from self._groups.work(UPDATE_SERVICE, part, keep=True)
            row.download_percent = 25 * (quarter + 1)
            self._world.emit("phase.progress", "update/download", percent=row.download_percent)
        self._download = None
        yield from self._groups.work(UPDATE_SERVICE, values.download_poll.ns, keep=True)

    def _ask_device_info(self, row: UpdateRow) -> Process:
        """Run the plan, or wait for one that is reported as not ended, however old ([T] TSG Update: hung downloading).

        A plan which another run created and which fails is the end of this download, with the published text [T].
        """
        present = self._engine.running(DEVICE_INFO)
        if present is None:
            duration = self._world.calibration.update.device_info
            yield from self._engine.run_simple(DEVICE_INFO, duration, {"updateId": row.resource_id})
            return
        status = yield from self._engine.outcome(present)
        if status is not ActionPlanStatus.Completed:
            raise _PhaseFailedError(
                f"Action plan {DEVICE_INFO} ID {present.instance_id} failed with state: {status.value}"
            )

    def _do_extract(self, row: UpdateRow) -> Process:
        ns = self._world.draw("update/prepare", self._world.calibration.update.prepare)
        yield from self._groups.work(UPDATE_SERVICE, ns, keep=False)
        if not self._is_intact(row):
            raise _PhaseFailedError("The hash of the downloaded package does not match its manifest.")
        row.package_path = f"{SHARE}\\Updates\\Packages\\{row.package_type}{row.version}"

    def _is_intact(self, row: UpdateRow) -> bool:
        if row.package_type == SBE and self._extension is not None:
            return self._extension[0].is_intact(row.version)
        return self._checks.conditions.package_intact

    def _do_health_check(self, row: UpdateRow) -> Process:
        values = self._world.calibration.update
        row.health_state, row.health_checked_ns = HealthState.InProgress, None
        seconds = values.readiness_base.value + values.readiness_per_node.value * len(self._world.nodes)
        duration = Duration(seconds, "s", values.readiness_base.source)
        yield from self._engine.run_simple("Check Update readiness", duration, {"updateId": row.resource_id})
        row.health_results = self._checks.evaluate()
        row.health_state, row.health_checked_ns = roll_up(row.health_results), self._world.now
        self._world.emit("health.check", scope=row.resource_id, state=row.health_state.name)

    # --- installation

    def _begin_installation(self, row: UpdateRow) -> UpdateRun:
        resumed = row.state is UpdateState.InstallationFailed
        previous = self.runs_of(row.resource_id)
        if resumed:
            root = resume_root(previous[-1].plan.root)
        else:
            tree = self._catalogs.extension if row.package_type == SBE else self._catalogs.installation
            root = build_root("MAS Update", tree, tuple(self._world.nodes))
        parameters = {"updateId": row.resource_id, "UpdateVersion": row.version}
        plan = self._engine.create(
            "MAS Update", root, action_type="UpdateAction", exclusive=True, parameters=parameters
        )
        # The preparation run is replaced by the installation run [D] ASD update/update-phases-23h2.
        self.runs = [run for run in self.runs if not (run.preparation and run.update_id == row.resource_id)]
        run = self._add_run(row, plan)
        self._installer.begin(self._payload(row), resumed=resumed)
        self._set_state(row, UpdateState.Installing)
        self._set_environment(EnvironmentState.UpdateInProgress)
        return run

    def _payload(self, row: UpdateRow) -> Payload:
        """What CAU installs for the update."""
        if row.package_type == SBE and self._extension is not None:
            return self._extension[1].payload(row.version)
        return OsPayload(self._world, self._catalogs.release(row.version))

    def _install(self, row: UpdateRow, run: UpdateRun) -> Process:
        self._world.emit("phase.enter", "update/install", run=run.resource_id)
        yield from self._groups.work(UPDATE_SERVICE, self._world.calibration.update.switch_run.ns, keep=True)
        success = yield from self._engine.run(run.plan, "update/install")
        yield from self._groups.wait_available(UPDATE_SERVICE)
        self._world.emit("phase.exit", "update/install", status="Success" if success else "Error")
        self._end_run(run, UpdateRunState.Succeeded if success else UpdateRunState.Failed)
        if success:
            self._stamp(row)
        else:
            self._set_state(row, UpdateState.InstallationFailed)
            self._set_environment(EnvironmentState.UpdateFailed)

    def _stamp(self, row: UpdateRow) -> None:
        now, environment = self._world.now, self.environment
        row.installed_ns = now
        if row.package_type != SBE:  # an extension is stamped by a step of its own plan [T]
            release = self._catalogs.release(row.version)
            environment.current_version = row.version
            environment.package_versions = components(release, now, environment.current_sbe_version)
        environment.last_updated_ns = now
        self._set_state(row, UpdateState.Installed)
        self._unlock()
        self._set_environment(EnvironmentState.AppliedSuccessfully)
        self._world.emit("phase.enter", "update/settled")

    def _unlock(self) -> None:
        """What an installation makes possible, or obsolete."""
        final = (UpdateState.Installed, UpdateState.Obsolete, UpdateState.Recalled, UpdateState.Invalid)
        for other in self.rows:
            if other.package_type == SBE:
                continue
            state = self._listing.state_of(other)
            unlocked = other.state is UpdateState.HasPrerequisite and state is not UpdateState.HasPrerequisite
            if other.state not in final and (unlocked or state is UpdateState.Obsolete):
                self._set_state(other, state)
        self._relist()

    def _relist(self) -> None:
        """List what is offered now."""

        def announce(change: str, row: UpdateRow) -> None:
            self._world.emit(f"update.{change}", update=row.resource_id, state=row.state.name)

        for row, state in self._listing.refresh(announce):
            self._set_state(row, state)

    # --- health and discovery

    def _begin_health(self) -> None:
        self.environment.health_state, self.environment.health_checked_ns = HealthState.InProgress, None
        self._world.emit("health.check", scope="system", state=HealthState.InProgress.name)

    def _system_health(self) -> Process:
        duration = self._world.calibration.update.system_health
        yield from self._engine.run_simple("Check System Update readiness", duration)
        self._take_health()

    def _take_health(self) -> None:
        self.environment.health_results = self._checks.evaluate()
        self.environment.health_state = roll_up(self.environment.health_results)
        self.environment.health_checked_ns = self._world.now
        self._world.emit("health.check", scope="system", state=self.environment.health_state.name)

    def _daily_health(self) -> Process:
        while True:
            yield self._world.env.timeout(self._world.calibration.update.system_health_every.ns)
            if self.environment.health_state is not HealthState.InProgress:
                self._begin_health()
                yield from self._system_health()

    def _discover(self) -> Process:
        self._world.emit("phase.enter", "update/discovery")
        yield from self._groups.work(UPDATE_SERVICE, self._world.calibration.update.discovery.ns, keep=True)
        self.environment.last_checked_ns = self._world.now
        self._relist()
        at_rest = (EnvironmentState.UpdateAvailable, EnvironmentState.AppliedSuccessfully)
        if self._extension is not None and self.environment.state in at_rest:
            self._set_environment(self._idle_environment())
        self._world.emit("phase.exit", "update/discovery", status="Success")

    # --- bookkeeping

    def _add_run(self, row: UpdateRow, plan: ActionPlan, *, preparation: bool = False) -> UpdateRun:
        run = UpdateRun(
            resource_id=f"{row.resource_id}/{plan.instance_id}",
            update_id=row.resource_id,
            plan=plan,
            started_ns=self._world.now,
            updated_ns=self._world.now,
            preparation=preparation,
        )
        self.runs.append(run)
        self._world.emit("run.state", run=run.resource_id, state=run.state.name)
        return run

    def _end_run(self, run: UpdateRun, state: UpdateRunState) -> None:
        run.state = state
        run.ended_ns = run.updated_ns = self._world.now
        self._world.emit("run.state", run=run.resource_id, state=state.name)

    def _open_step(self, run: UpdateRun, step: PlanStep, path: str) -> None:
        step.status = StepStatus.InProgress
        step.started_ns = step.updated_ns = run.updated_ns = self._world.now
        self._world.emit("phase.enter", path, step=step.name)

    def _close_step(self, run: UpdateRun, step: PlanStep, path: str, *, success: bool) -> None:
        step.status = StepStatus.Success if success else StepStatus.Error
        step.ended_ns = step.updated_ns = run.updated_ns = self._world.now
        self._world.emit("phase.exit", path, step=step.name, status=step.status.value)

    def _set_state(self, row: UpdateRow, state: UpdateState) -> None:
        check_transition(row.resource_id, row.state, state)
        old, row.state = row.state, state
        self._world.emit("update.state", update=row.resource_id, old=old.name, new=state.name)
        if state in ACTIVE and old not in ACTIVE:
            self._hold_siblings(row)
        elif old in ACTIVE and state not in ACTIVE:
            self._release_siblings()

    def _hold_siblings(self, active: UpdateRow) -> None:
        holdable = STARTABLE | {UpdateState.HasPrerequisite, UpdateState.AdditionalContentRequired}
        for row in self.rows:
            if row is not active and row.state in holdable and row.state is not UpdateState.InstallationFailed:
                self._before_sibling[row.resource_id] = row.state
                self._set_state(row, _SIBLING)

    def _release_siblings(self) -> None:
        for row in self.rows:
            if row.state is _SIBLING:
                self._set_state(row, self._before_sibling.pop(row.resource_id))

    def _set_environment(self, state: EnvironmentState) -> None:
        if self.environment.state is not state:
            self.environment.state = state
            self._world.emit("environment.state", state=state.name)

    def _idle_environment(self) -> EnvironmentState:
        startable = any(row.state in STARTABLE for row in self.rows)
        return EnvironmentState.UpdateAvailable if startable else EnvironmentState.AppliedSuccessfully
