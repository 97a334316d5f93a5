"""Which updates a cluster lists, and in which state, when nothing has been started."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from harness.twin.model.catalog import Catalogs, Release, version_key
from harness.twin.model.content import Environment, PackageVersion, UpdateRow
from harness.twin.model.states import UpdateState
from harness.twin.units import NS_PER_DAY


def make_environment(release: Release, sbe_version: str = "") -> Environment:
    """The environment of a cluster on *release*, updated about a month ago; the extension is that of the release
    unless another is installed."""
    updated = -26 * NS_PER_DAY
    installed = sbe_version or release.sbe_version
    return Environment(
        current_version=release.version,
        current_sbe_version=installed,
        hardware_model="Contoso R750",
        sbe_family="Gen3",
        package_versions=components(release, updated, installed),
        last_updated_ns=updated,
        last_checked_ns=0,
    )


def components(release: Release, updated_ns: int | None, sbe_version: str = "") -> list[PackageVersion]:
    """The validated recipe of a release: Solution, Services, Platform, SBE (the release's, unless another is
    installed)."""
    return [
        PackageVersion("Solution", release.version, updated_ns),
        PackageVersion("Services", release.services_version, updated_ns),
        PackageVersion("Platform", release.platform_version, updated_ns),
        PackageVersion("SBE", sbe_version or release.sbe_version, updated_ns),
    ]


def make_rows(catalogs: Catalogs, current: str, epoch: datetime, *, recalled: bool) -> list[UpdateRow]:
    """Rows for all releases of the cluster's line that were published by *epoch*, newest first.

    Installed: the current release and the one before; older ones are Obsolete.  Newer ones are Ready, or
    HasPrerequisite while the version they require is not installed ([D] ASD release-information-23h2, states [INF]).
    """
    train = version_key(current)[0]
    month = f"{epoch:%y%m}"
    releases = [
        release
        for release in catalogs.releases
        if release.train == train and (release.month <= month or release.version == current)
    ]
    rows = [_row(release, _idle_state(release, releases, current, catalogs)) for release in releases]
    listed = [row for row in rows if recalled or row.state is not UpdateState.Recalled]
    for row in listed:
        if row.state is UpdateState.Installed:
            row.installed_ns = -26 * NS_PER_DAY if row.version == current else -57 * NS_PER_DAY
    return listed[::-1]


def idle_state(row: UpdateRow, current: str) -> UpdateState:
    """State of a row that has never been started, seen from *current*."""
    if version_key(row.version) <= version_key(current):
        return UpdateState.Obsolete
    required = row.min_version_required
    unmet = bool(required) and version_key(current) < version_key(required)
    return UpdateState.HasPrerequisite if unmet else UpdateState.Ready


def _idle_state(release: Release, releases: Sequence[Release], current: str, catalogs: Catalogs) -> UpdateState:
    if release.recalled:
        return UpdateState.Recalled
    done = [item.version for item in releases if not item.recalled and item.key <= version_key(current)]
    if release.version in done[-catalogs.installed_rows :]:
        return UpdateState.Installed
    return idle_state(_row(release, UpdateState.Ready), current)


def _row(release: Release, state: UpdateState) -> UpdateRow:
    return UpdateRow(
        resource_id=f"redmond/Solution{release.version}",
        version=release.version,
        display_name=release.display_name,
        description=f"Azure Local {release.display_name}",
        state=state,
        os_build=release.os_build,
        kbs=release.kbs,
        min_version_required=release.min_version_required,
        min_sbe_version_required=release.min_sbe_version_required,
        sbe_version=release.sbe_version,
        services_version=release.services_version,
        platform_version=release.platform_version,
        package_size_mb=release.package_size_mb,
        kb_link="https://learn.microsoft.com/azure/azure-local/",
        release_link="https://learn.microsoft.com/azure/azure-local/release-information-23h2",
        component_versions=tuple(components(release, None)),
    )
