"""State of the update stack: rows, runs, action plans, CAU and health results.

Plain, mutable, public objects, read by cmdlets.  Times as in ``entities``: nanoseconds of lab time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from harness.twin.model.states import (
    ActionPlanStatus,
    CauRunState,
    CauStage,
    CheckStatus,
    EnvironmentState,
    HealthState,
    Severity,
    StepStatus,
    SummaryStatus,
    UpdateRunState,
    UpdateState,
)


@dataclass(frozen=True, slots=True)
class HealthResult:
    """One element of ``HealthCheckResult``."""

    name: str
    display_name: str
    title: str
    status: CheckStatus
    severity: Severity
    description: str
    remediation: str
    target_resource_id: str
    target_resource_name: str
    target_resource_type: str
    timestamp_ns: int
    detail: str
    resource: str
    source: str
    blocks: bool = False
    """Blocks although INFORMATIONAL (the ARB lock check) when it fails."""


@dataclass(frozen=True, slots=True)
class PackageVersion:
    """One element of ``PackageVersions`` / ``ComponentVersions``."""

    package_type: str
    version: str
    last_updated_ns: int | None


@dataclass(slots=True)
class PlanStep:
    """One step of an action plan, at the same time the ``Step`` of an update run.  Recursive."""

    index: str
    """``FullStepIndex``, as in ``0.3.5``."""
    slug: str
    """Stable path segment used in events and by defects."""
    name: str
    description: str = ""
    role_path: str = ""
    interface_type: str | None = None
    action_type: str | None = None
    node: str | None = None
    """``RemoteNodeName`` of a task which runs on one machine."""
    duration: str | None = None
    """Name of the calibration entry of a leaf task's duration."""
    handler: str | None = None
    """Model behaviour behind a leaf, beyond taking time."""
    cau_stage: CauStage | None = None
    parallel: bool = False
    """Children run at the same time (one per machine)."""
    status: StepStatus = StepStatus.NotStarted
    started_ns: int | None = None
    ended_ns: int | None = None
    updated_ns: int | None = None
    expected_ns: int | None = None
    attempts: int = 0
    error: str | None = None
    error_machine: str | None = None
    children: list[PlanStep] = field(default_factory=list)

    def leaves(self) -> Iterator[PlanStep]:
        """All leaf tasks below (or this step itself), in order of execution."""
        if not self.children:
            yield self
        for child in self.children:
            yield from child.leaves()

    @property
    def done(self) -> bool:
        """Not executed again on resume."""
        return self.status in (StepStatus.Success, StepStatus.Skipped)


@dataclass(slots=True)
class ActionPlan:
    """One action plan instance of the orchestrator (``Get-ActionPlanInstance``)."""

    instance_id: str
    name: str
    action_type: str
    root: PlanStep
    started_ns: int
    status: ActionPlanStatus = ActionPlanStatus.Pending
    ended_ns: int | None = None
    modified_ns: int = 0
    runtime_parameters: Mapping[str, str] = field(default_factory=dict)
    additional_information: str = ""
    exclusive: bool = False
    retries: int = 0
    orphan: bool = False
    """Nobody executes it, whatever its status says."""

    @property
    def lock_type(self) -> str:
        """``LockType``; only the exclusive kind is published."""
        return "ExclusiveLock" if self.exclusive else ""

    def percent(self) -> int:
        """Finished leaf tasks of all leaf tasks, in whole percent [INF: the product's weights are not published]."""
        leaves = list(self.root.leaves())
        return 100 * sum(leaf.done for leaf in leaves) // len(leaves)


@dataclass(slots=True)
class UpdateRun:
    """One object of ``Get-SolutionUpdateRun``; ``plan.root`` is its ``Progress``."""

    resource_id: str
    update_id: str
    plan: ActionPlan
    started_ns: int
    state: UpdateRunState = UpdateRunState.InProgress
    updated_ns: int = 0
    ended_ns: int | None = None
    preparation: bool = False

    @property
    def last_updated_ns(self) -> int:
        """When anything about the run or its steps last changed."""
        return max(self.updated_ns, self.plan.modified_ns)

    def duration_ns(self, now_ns: int) -> int:
        """Time from start to end, or to *now_ns* while it runs."""
        return (self.ended_ns if self.ended_ns is not None else now_ns) - self.started_ns


@dataclass(slots=True)
class UpdateRow:
    """One row of ``Get-SolutionUpdate``."""

    resource_id: str
    version: str
    display_name: str
    description: str
    state: UpdateState
    os_build: str
    kbs: tuple[str, ...]
    min_version_required: str
    min_sbe_version_required: str
    sbe_version: str
    services_version: str
    platform_version: str
    package_size_mb: int
    publisher: str = "Microsoft"
    package_type: str = "Solution"
    availability_type: str = "Online"
    reboot_required: str = "True"
    kb_link: str = ""
    release_link: str = ""
    installed_ns: int | None = None
    package_path: str = ""
    download_percent: int = 0
    """Last whole percent; ``UpdateService.state_properties`` prints the present value."""
    prepared: bool = False
    health_state: HealthState = HealthState.Unknown
    health_results: tuple[HealthResult, ...] = ()
    health_checked_ns: int | None = None
    component_versions: tuple[PackageVersion, ...] = ()
    additional: tuple[tuple[str, str], ...] = ()
    """``AdditionalProperties``."""


@dataclass(slots=True)
class Environment:
    """The object of ``Get-SolutionUpdateEnvironment``."""

    current_version: str
    current_sbe_version: str
    hardware_model: str
    sbe_family: str
    package_versions: list[PackageVersion]
    last_updated_ns: int
    last_checked_ns: int
    resource_id: str = "redmond"
    state: EnvironmentState = EnvironmentState.Unknown
    health_state: HealthState = HealthState.Unknown
    health_results: tuple[HealthResult, ...] = ()
    health_checked_ns: int | None = None
    additional: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class UpdateSettings:
    """``Get-UpdateSetting``: the knobs exist from solution version 2604 on; before that their defaults hold [D]."""

    skip_force_drain: bool = False
    vm_failback: bool = True


@dataclass(frozen=True, slots=True)
class CauInstallResult:
    """One installed update in a CAU report."""

    node: str
    update_id: str
    title: str
    timestamp_ns: int
    result_code: str


@dataclass(slots=True)
class CauNodeProgress:
    """Live state of one node in a CAU run."""

    node: str
    status: str
    """Free text; only ``Waiting`` is a published literal."""
    timestamp_ns: int
    stage: CauStage | None = None
    completed: tuple[CauStage, ...] = ()
    result: SummaryStatus | None = None
    error: str | None = None
    installed: list[CauInstallResult] = field(default_factory=list)


@dataclass(slots=True)
class CauRun:
    """One Cluster-Aware Updating run: live state and, once ended, its report."""

    run_id: str
    started_ns: int
    coordinator: str
    attempt: int
    plugin: str
    nodes: list[CauNodeProgress]
    ended_ns: int | None = None
    status: SummaryStatus | None = None
    error_id: str | None = None
    """``FullyQualifiedErrorId`` of the run, as in ``MaxFailedNodesExceeded``."""
    error: str | None = None

    @property
    def active(self) -> bool:
        """The run has not ended."""
        return self.ended_ns is None


@dataclass(slots=True)
class CauHistory:
    """What ``Get-CauRun`` and ``Get-CauReport`` read."""

    state: CauRunState = CauRunState.RunNotInProgress
    run: CauRun | None = None
    reports: list[CauRun] = field(default_factory=list)
    """Ended runs, oldest first."""


@dataclass(slots=True)
class ResourceBridge:
    """The Azure Resource Bridge appliance."""

    name: str
    group: str
    locks: list[str] = field(default_factory=list)
