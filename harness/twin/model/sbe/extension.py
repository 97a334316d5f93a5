"""What the vendor's manifest offers to this cluster, and what an import changes about it.

Discovery reads the vendor's online manifest, and a local one in ``Updates\\Manifests`` which overrides it *partially*
([T] TSG Update/Update-missing-after-importing-SBE).  The files are the state: whoever replaces the manifest, or deletes
a package folder, changes what is listed at the next discovery.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from harness.twin.model.catalog import version_key
from harness.twin.model.content import Environment, PackageVersion, UpdateRow
from harness.twin.model.errors import ModelError
from harness.twin.model.filelayout import SHARE
from harness.twin.model.files import File, FileError, NodeFiles
from harness.twin.model.sbe.catalog import SbeCatalog, SbeRelease
from harness.twin.model.sbe.package import (
    METADATA,
    Listed,
    Package,
    PackageError,
    discovery_name,
    is_intact,
    make_files,
    make_metadata,
    read_discovery,
    read_package,
    stem,
)
from harness.twin.model.states import UpdateState
from harness.twin.model.world import World
from harness.twin.units import BYTES_PER_MIB

SBE: Final = "SBE"
"""``PackageType`` of a row and of a package version [D]."""
IMPORT: Final = f"{SHARE}\\import"
"""Where an operator drops packages ([D] ASD update/import-discover-updates-offline-23h2)."""
MANIFESTS: Final = f"{SHARE}\\Updates\\Manifests"
MEDIA: Final = f"{SHARE}\\CloudMedia\\SBE"
"""Installed and staged content ([T])."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What discovery found: the extensions that are listed with their states, and whether solution updates are."""

    extensions: tuple[tuple[Listed, UpdateState], ...]
    solutions: bool


class Extension:
    """Extensions of one vendor on one cluster."""

    def __init__(self, world: World, catalog: SbeCatalog, installed: str, files: Callable[[], NodeFiles]) -> None:
        """*files* are those of a machine on which the Update Service runs.  Raises CatalogError for *installed*."""
        self._world = world
        self.catalog = catalog
        self.installed = catalog.release(installed)
        self._files = files

    # --- lab time 0

    def lay_out(self) -> None:
        """What lies on the volumes and in the machines' variables: the installed extension, and the packages which an
        operator has put into the import folder, each in a folder of its own."""
        files = next(iter(self._world.nodes.values())).files
        for release in self.catalog.releases:
            of_family = [item for item in self.catalog.releases if item.family == release.family]
            listed = [item for item in of_family if item.key <= release.key]
            folder = f"{IMPORT}\\{stem(self.catalog.vendor, release)}"
            _write_all(files, folder, make_files(self.catalog.vendor, release, listed))
        files.make_folder(MANIFESTS)
        place_media(files, "Installed", self.installed)
        for node in self._world.nodes.values():
            node.sbe.installed = self.installed.version
            node.variables |= {**media_variables("Installed"), "SBEInstallVersion": self.installed.version}

    # --- discovery

    def discover(self, environment: Environment) -> Offer:
        """What is to be listed now."""
        month = f"{self._world.spec.epoch:%y%m}"
        online = self.catalog.published(month)
        local = self._local_manifest()
        offered = online[-1] if online else None
        current = version_key(environment.current_sbe_version)
        imported = self._newest_imported(local)
        if imported is not None and self._conflicts(local, offered) and version_key(imported.version) != current:
            # The solution updates are hidden: nobody can tell which combination is supported [T].
            fits = imported.supports(environment.current_version)
            return Offer(((imported, UpdateState.Ready if fits else UpdateState.HasPrerequisite),), solutions=False)
        if offered is None or offered.key <= current:
            return Offer((), solutions=True)
        entry = Listed(offered.family, offered.version, offered.validated)
        return Offer(((entry, self._state(entry, environment)),), solutions=True)

    def has_content(self, version: str) -> bool:
        """Whether the package of *version* has been imported."""
        return self._files().exists(package_folder(version))

    def is_intact(self, version: str) -> bool:
        """Whether the imported archive is what its manifest says."""
        files = self._contents(package_folder(version))
        manifests = [content for name, content in files.items() if _ends(name, version, "xml")]
        archives = [content for name, content in files.items() if _ends(name, version, "zip")]
        return len(manifests) == len(archives) == 1 and is_intact(manifests[0], archives[0])

    def make_row(self, entry: Listed, state: UpdateState) -> UpdateRow:
        """The row of an extension by itself ([D] names and AdditionalProperties, [T] both versions are set)."""
        vendor, version = self.catalog.vendor, entry.version
        name = f"{SBE}_{vendor.manufacturer}_{entry.family}_{version}"
        return UpdateRow(
            resource_id=f"redmond/{SBE}{version}",
            version=version,
            display_name=name,
            description=f"{vendor.manufacturer} Solution Builder Extension {version}",
            state=state,
            os_build="",
            kbs=(),
            min_version_required=_lowest(entry),
            min_sbe_version_required="",
            sbe_version=version,
            services_version="",
            platform_version="",
            package_size_mb=1,
            publisher=vendor.manufacturer,
            package_type=SBE,
            availability_type="Notify",
            release_link=f"{vendor.site}/{version}/ReleaseNotes.pdf",
            component_versions=(PackageVersion(SBE, version, None),),
            additional=(
                ("SBEReleaseLink", f"{vendor.site}/{version}/ReleaseNotes.pdf"),
                ("SBENotifyMessage", vendor.notice),
                ("SBEFamily", entry.family),
                ("SBEPublisher", vendor.manufacturer),
                ("SupportedModels", vendor.models),
                ("SBEPackageSizeInMb", "1"),
                ("SBECopyright", vendor.copyright),
                ("SBELicenseUri", f"{vendor.site}/EULA.pdf"),
            ),
        )

    def note_content(self, row: UpdateRow) -> None:
        """The row's content is there: it is local now, at its package path."""
        if self.has_content(row.version):
            row.availability_type, row.package_path = "Local", package_folder(row.version)
            size = sum(len(content) for content in self._contents(row.package_path).values())
            row.package_size_mb = -(-size // BYTES_PER_MIB)

    # --- import

    def import_package(self, node: str, folder: str, environment: Environment, *, any_version: bool) -> Package:
        """``Add-SolutionUpdate``: copy the three files in *folder* of *node*, and register the manifest.

        Raises ModelError: the folder is missing or holds no package, the vendor is another one, or the version is not
        newer than the installed one (unless *any_version*: ``-SkipSbeVersionValidation``).  What that switch skips, and
        the texts, are not published [INF].
        """
        contents = self._source(node, folder)
        try:
            package = read_package(contents)
        except PackageError as error:
            raise ModelError("InvalidSourceFolder", f"{error} Source folder: '{folder}'.") from None
        vendor = self.catalog.vendor
        if package.discovery_name.lower() != discovery_name(vendor).lower():
            raise ModelError(
                "ManufacturerMismatch",
                f"The manifest '{package.discovery_name}' is not of the manufacturer {vendor.manufacturer}.",
            )
        current = environment.current_sbe_version
        if version_key(package.version) <= version_key(current) and not any_version:
            raise ModelError(
                "SbeVersionNotNewer",
                f"The Solution Builder Extension {package.version} is not newer than the installed version {current}.",
            )
        files = self._world.node(node).files
        try:
            _write_all(files, package_folder(package.version), {name: contents[name] for name in package.names})
            _write_all(files, MANIFESTS, {discovery_name(vendor): contents[package.discovery_name]})
        except FileError as error:
            raise ModelError("CopyFailed", f"The package could not be copied: {error}.") from None
        self._world.emit("sbe.imported", node=node, family=package.family, version=package.version)
        return package

    # --- inner steps

    def _source(self, node: str, folder: str) -> dict[str, bytes]:
        files = self._world.node(node).files
        if not files.exists(folder):
            raise ModelError("SourceFolderNotFound", f"The source folder '{folder}' does not exist on {node}.")
        return _contents(files, folder)

    def _contents(self, folder: str) -> dict[str, bytes]:
        return _contents(self._files(), folder)

    def _local_manifest(self) -> tuple[Listed, ...]:
        name = discovery_name(self.catalog.vendor)
        content = self._contents(MANIFESTS).get(name)
        try:
            return read_discovery(content, name) if content is not None else ()
        except PackageError:
            return ()  # what cannot be read overrides nothing [INF]

    def _newest_imported(self, local: tuple[Listed, ...]) -> Listed | None:
        there = [item for item in local if self.has_content(item.version)]
        return max(there, key=lambda item: version_key(item.version), default=None)

    def _conflicts(self, local: tuple[Listed, ...], offered: SbeRelease | None) -> bool:
        """The local manifest does not know what the online one offers: an older one, or one of another family [T]."""
        return offered is not None and not any(
            (item.family, item.version) == (offered.family, offered.version) for item in local
        )

    def _state(self, entry: Listed, environment: Environment) -> UpdateState:
        if not entry.supports(environment.current_version):
            return UpdateState.HasPrerequisite
        return UpdateState.Ready if self.has_content(entry.version) else UpdateState.AdditionalContentRequired


def package_folder(version: str) -> str:
    """Where the package of *version* is staged [D]."""
    return f"{SHARE}\\Updates\\Packages\\{SBE}{version}"


def place_media(files: NodeFiles, stage: str, release: SbeRelease) -> None:
    """Content and metadata of *release* below ``CloudMedia\\SBE``; *stage* is ``Installed`` or ``Staged`` [T]."""
    files.make_folder(f"{MEDIA}\\{stage}\\Content")
    _write_all(files, f"{MEDIA}\\{stage}\\metadata", {METADATA: make_metadata(release)})


def media_variables(stage: str) -> Mapping[str, str]:
    """Machine variables which point there.  Names [T] TSG EnvironmentValidator/SBEHealth-Test-Installed-SBE-Env-Vars;
    that staged content has no variable of its own is [INF]: only ``SBEStagedMetadata`` is named."""
    metadata = {f"SBE{stage}Metadata": f"{MEDIA}\\{stage}\\metadata"}
    return {f"SBE{stage}Content": f"{MEDIA}\\{stage}\\Content", **metadata} if stage == "Installed" else metadata


def _write_all(files: NodeFiles, folder: str, contents: Mapping[str, bytes]) -> None:
    files.make_folder(folder)
    for name, content in contents.items():
        files.write(f"{folder}\\{name}", content)


def _contents(files: NodeFiles, folder: str) -> dict[str, bytes]:
    """Names and contents of the files in a folder; those of which only the size is known count as empty."""
    return {entry.name: entry.content or b"" for entry in files.listing(folder) if isinstance(entry, File)}


def _ends(name: str, version: str, kind: str) -> bool:
    return name.lower().endswith(f"_{version}.{kind}")


def _lowest(entry: Listed) -> str:
    """``MinVersionRequired`` from the patterns: the lowest of them, open fields as 0 [INF]."""
    return min((pattern.replace("*", "0") for pattern in entry.validated), key=version_key, default="")
