"""Objects of the update cmdlets, as documented ([D] ASD update/update-via-powershell-23h2; [T] TSG Update).

Dates are UTC; one that is unset is ``1/1/0001 12:00:00 AM`` where the product shows that, else empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from harness.twin.cmdlets.kinds import (
    CHECK_STATUS,
    ENVIRONMENT_STATE,
    HEALTH_STATE,
    RUN_STATE,
    SEVERITY,
    UPDATE_MODELS,
    UPDATE_STATE,
)
from harness.twin.cmdlets.shapes import Later, Shape, dictionary
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.content import HealthResult, PackageVersion, PlanStep, UpdateRow, UpdateRun
from harness.twin.model.states import HealthState, UpdateState
from harness.twin.shell.objects import PSObject
from harness.twin.shell.versions import Version

UNSET: Final = datetime(1, 1, 1, tzinfo=UTC)
_CONTENT_REQUIRED: Final = "The update requires additional content distributed by the OEM."

ENVIRONMENT: Final = Shape(
    f"{UPDATE_MODELS}.UpdateEnvironment",
    "ResourceId SbeFamily HardwareModel LastChecked PackageVersions CurrentVersion CurrentSbeVersion LastUpdated State "
    "HealthState HealthCheckResult HealthCheckDate AdditionalData",
)
UPDATE: Final = Shape(
    f"{UPDATE_MODELS}.Update",
    "ResourceId InstalledDate Description State KbLink MinVersionRequired MinSbeVersionRequired PackagePath "
    "PackageSizeInMb DisplayName Version SbeVersion Publisher ReleaseLink AvailabilityType PackageType Prerequisites "
    "UpdateStateProperties AdditionalProperties ComponentVersions RebootRequired HealthState HealthCheckResult "
    "HealthCheckDate BillOfMaterials",
)
RUN: Final = Shape(f"{UPDATE_MODELS}.UpdateRun", "ResourceId Progress TimeStarted LastUpdatedTime Duration State")
STEP: Final = Shape(
    f"{UPDATE_MODELS}.Step",
    "Name Description ErrorMessage AggregatedErrorMessages Status StartTimeUtc EndTimeUtc ExpectedExecutionTime "
    "LastUpdatedTimeUtc Steps",
)
CHECK: Final = Shape(
    f"{UPDATE_MODELS}.HealthCheckResult",
    "Name DisplayName Title Tags Status Severity Description Remediation TargetResourceID TargetResourceName "
    "TargetResourceType Timestamp AdditionalData HealthCheckSource",
)
PACKAGE: Final = Shape(f"{UPDATE_MODELS}.PackageVersion", "PackageType Version LastUpdated")
PREREQUISITE: Final = Shape(f"{UPDATE_MODELS}.UpdatePrerequisite", "UpdateType Version PackageName")


def make_environment(model: ClusterModel, *, full: bool) -> PSObject:
    """The object of ``Get-SolutionUpdateEnvironment``."""
    found = model.environment
    return ENVIRONMENT.make(
        found.resource_id,
        found.sbe_family,
        found.hardware_model,
        model.datetime_at(found.last_checked_ns),
        [_package(model, package) for package in found.package_versions],
        _version(found.current_version),
        _version(found.current_sbe_version),
        model.datetime_at(found.last_updated_ns),
        ENVIRONMENT_STATE(found.state),
        HEALTH_STATE(found.health_state),
        _checks(model, found.health_state, found.health_results, full=full),
        _date(model, found.health_checked_ns, UNSET),
        dictionary(found.additional.items()),
    )


def make_update(model: ClusterModel, row: UpdateRow, *, full: bool) -> PSObject:
    """One object of ``Get-SolutionUpdate``."""
    return UPDATE.make(
        row.resource_id,
        _date(model, row.installed_ns, None),
        row.description,
        UPDATE_STATE(row.state),
        row.kb_link,
        _version(row.min_version_required),
        _version(row.min_sbe_version_required),
        row.package_path,
        row.package_size_mb,
        row.display_name,
        _version(row.version),
        _version(row.sbe_version),
        row.publisher,
        row.release_link,
        row.availability_type,
        row.package_type,
        _prerequisites(row),
        _state_properties(model, row),
        dictionary(row.additional),
        [_package(model, package) for package in row.component_versions],
        row.reboot_required,
        HEALTH_STATE(row.health_state),
        _checks(model, row.health_state, row.health_results, full=full),
        _date(model, row.health_checked_ns, UNSET),
        dictionary((("PlatformUpdate", row.platform_version), ("ServicesUpdate", row.services_version)))
        if row.platform_version
        else dictionary(()),
    )


def make_run(model: ClusterModel, run: UpdateRun, max_depth: int | None) -> PSObject:
    """One object of ``Get-SolutionUpdateRun``; *max_depth* counts the levels of steps below ``Progress`` [INF]."""
    return RUN.make(
        run.resource_id,
        _step(model, run.plan.root, max_depth),
        model.datetime_at(run.started_ns),
        model.datetime_at(run.last_updated_ns),
        timedelta(microseconds=run.duration_ns(model.now_ns) // 1000),
        RUN_STATE(run.state),
    )


def _step(model: ClusterModel, step: PlanStep, depth: int | None) -> PSObject:
    steps: object = []
    if step.children and (depth is None or depth > 0):
        below = None if depth is None else depth - 1
        # What is done does not change any more; nobody looks into most of it.
        found = Later(lambda: [_step(model, child, below) for child in step.children])
        steps = found if step.done else found.read()
    return STEP.make(
        step.name,
        step.description or step.name,
        step.error or "",
        step.error or "",
        step.status.value,
        _date(model, step.started_ns, None),
        _date(model, step.ended_ns, None),
        None if step.expected_ns is None else timedelta(microseconds=step.expected_ns // 1000),
        _date(model, step.updated_ns, None),
        steps,
    )


def _checks(model: ClusterModel, state: HealthState, results: Sequence[HealthResult], *, full: bool) -> object:
    """Results of a check; null while one runs ([D] ASD update/update-troubleshooting-23h2 shows both)."""
    if state is HealthState.InProgress:
        return None
    if not results:
        return []
    return Later(lambda: [make_check(model, result, full=full) for result in results])


def make_check(model: ClusterModel, result: HealthResult, *, full: bool) -> PSObject:
    """One result; its ``AdditionalData`` comes with ``-FullHealthCheckDetails`` only ([D] as above)."""
    when = model.datetime_at(result.timestamp_ns)
    extra = (
        ("Detail", result.detail),
        ("Status", result.status.name),
        ("TimeStamp", f"{when:%m/%d/%Y %H:%M:%S}"),
        ("Resource", result.resource),
        ("Source", result.source),
    )
    return CHECK.make(
        result.name,
        result.display_name,
        result.title,
        dictionary(()),
        CHECK_STATUS(result.status),
        SEVERITY(result.severity),
        result.description,
        result.remediation,
        result.target_resource_id,
        result.target_resource_name,
        result.target_resource_type,
        when,
        dictionary(extra) if full else None,
        result.source,
        text=result.title,
    )


def _package(model: ClusterModel, package: PackageVersion) -> PSObject:
    version = _version(package.version)
    date = _date(model, package.last_updated_ns, None)
    return PACKAGE.make(package.package_type, version, date, text=f"{package.package_type}: {version}")


def _prerequisites(row: UpdateRow) -> list[object]:
    if row.state is not UpdateState.HasPrerequisite:
        return []
    wanted = row.min_version_required  # of an extension, too, it is a version of the solution [T]
    return [PREREQUISITE.make("Solution", _version(wanted), f"Solution{wanted}")]


def _state_properties(model: ClusterModel, row: UpdateRow) -> str | None:
    if row.state is UpdateState.AdditionalContentRequired:
        return _CONTENT_REQUIRED
    return model.updates.state_properties(row) or None


def _date(model: ClusterModel, t_ns: int | None, unset: datetime | None) -> datetime | None:
    return unset if t_ns is None else model.datetime_at(t_ns)


def _version(text: str) -> Version | None:
    return Version.parse(text) if text else None
