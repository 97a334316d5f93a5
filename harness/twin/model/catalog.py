"""The twin's data files: releases, installation steps, health checks and calibration.

All live in one directory (``fixtures/catalogs`` of the checkout unless told otherwise) and are read once per process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from harness.twin.model.calibration import Calibration, read_calibration
from harness.twin.model.states import Severity

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class CatalogError(ValueError):
    """A data file does not say what it must: the message names file and entry; correct it there."""


@dataclass(frozen=True, slots=True)
class Release:
    """One published solution release with its OS build ([D] ASD release-information-23h2)."""

    version: str
    os_build: str
    display_name: str
    services_version: str
    platform_version: str
    sbe_version: str
    min_version_required: str
    min_sbe_version_required: str
    package_size_mb: int
    kbs: tuple[str, ...] = ()
    recalled: bool = False

    @property
    def key(self) -> tuple[int, ...]:
        """Numeric sort key: versions compare per field, never as text."""
        return version_key(self.version)

    @property
    def train(self) -> int:
        """First field: 12 is the 24H2 line."""
        return self.key[0]

    @property
    def month(self) -> str:
        """Release month ``YYMM``."""
        return self.version.split(".")[1]


def version_key(version: str) -> tuple[int, ...]:
    """The version's fields as numbers."""
    return tuple(int(field) for field in version.split("."))


@dataclass(frozen=True, slots=True)
class StepSpec:
    """One step of the installation plan as written in ``step_tree.yaml``."""

    slug: str
    name: str
    role: str = ""
    interface: str | None = None
    action: str | None = None
    per_node: bool = False
    handler: str | None = None
    expand: str | None = None
    failed_name: str | None = None
    steps: tuple[StepSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """One health check as written in ``health_checks.yaml``."""

    name: str
    title: str
    severity: Severity
    evaluator: str
    target_type: str
    source: str
    remediation: str = ""
    blocks: bool = False


@dataclass(frozen=True, slots=True)
class Catalogs:
    """All data files of the twin."""

    calibration: Calibration
    releases: tuple[Release, ...]
    preparation: tuple[StepSpec, ...]
    installation: tuple[StepSpec, ...]
    extension: tuple[StepSpec, ...]
    """Steps of a Solution Builder Extension by itself."""
    checks: tuple[CheckSpec, ...]
    on_demand: tuple[CheckSpec, ...]
    """Checks of validators that somebody calls by name."""
    installed_rows: int

    def release(self, version: str) -> Release:
        """The release of *version*.  Raises CatalogError with the known versions."""
        for release in self.releases:
            if release.version == version:
                return release
        known = ", ".join(release.version for release in self.releases[-8:])
        raise CatalogError(f"versions.yaml: no release '{version}'; the newest are {known}")


def default_directory() -> Path:
    """``fixtures/catalogs`` of the checkout this module lies in."""
    return Path(__file__).resolve().parents[3] / "fixtures" / "catalogs"


@lru_cache(maxsize=8)
def load_catalogs(directory: Path | None = None) -> Catalogs:
    """Read and check all data files.  Raises CatalogError or CalibrationError."""
    root = directory or default_directory()
    versions = _document(root / "versions.yaml")
    tree = _document(root / "step_tree.yaml")
    catalogs = Catalogs(
        calibration=read_calibration(_document(root / "calibration.yaml")),
        releases=_releases(versions),
        preparation=tuple(_step(entry) for entry in tree["preparation"]),
        installation=tuple(_step(entry) for entry in tree["installation"]),
        extension=tuple(_step(entry) for entry in tree["sbe"]),
        checks=tuple(_check(entry) for entry in _document(root / "health_checks.yaml")["checks"]),
        on_demand=tuple(_check(entry) for entry in _document(root / "health_checks.yaml")["on_demand"]),
        installed_rows=versions["defaults"]["installed_rows"]["value"],
    )
    _check_durations(catalogs)
    return catalogs


def _document(path: Path) -> Mapping[str, Any]:
    document = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506  # always a safe loader
    if not isinstance(document, Mapping) or document.get("schema") != 1:
        raise CatalogError(f"{path.name}: expected a mapping with schema: 1")
    return document


def _releases(document: Mapping[str, Any]) -> tuple[Release, ...]:
    defaults = {name: entry["value"] for name, entry in document["defaults"].items()}
    previous: dict[int, str] = {}
    releases = []
    for entry in sorted(document["releases"], key=lambda item: version_key(item["version"])):
        version = entry["version"]
        train, month = version_key(version)[0], version.split(".")[1]
        releases.append(
            Release(
                version=version,
                os_build=entry["os_build"],
                display_name=defaults["display_pattern"].format(yy=month[:2], mm=month[2:]),
                services_version=entry.get("services_version", defaults["services_pattern"].format(yymm=month)),
                platform_version=entry.get("platform_version", defaults["platform_pattern"].format(yymm=month)),
                sbe_version=entry.get("sbe_version", defaults["sbe_version"]),
                min_version_required=entry.get("min_version_required", previous.get(train, "")),
                min_sbe_version_required=defaults["min_sbe_version_required"],
                package_size_mb=entry.get("package_size_mb", defaults["package_size_mb"]),
                kbs=tuple(entry.get("kbs", ())),
                recalled=entry.get("recalled", False),
            )
        )
        if not entry.get("recalled", False):
            previous[train] = version
    return tuple(releases)


def _step(entry: Mapping[str, Any]) -> StepSpec:
    return StepSpec(
        slug=entry["slug"],
        name=entry["name"],
        role=entry.get("role", ""),
        interface=entry.get("interface"),
        action=entry.get("action"),
        per_node=entry.get("scope", "cluster") == "node",
        handler=entry.get("handler"),
        expand=entry.get("expand"),
        failed_name=entry.get("failed_name"),
        steps=tuple(_step(child) for child in entry.get("steps", ())),
    )


def _check(entry: Mapping[str, Any]) -> CheckSpec:
    return CheckSpec(**{**entry, "severity": Severity[entry["severity"]]})


def _check_durations(catalogs: Catalogs) -> None:
    """Every leaf has a duration and every duration a leaf."""
    leaves: set[str] = set()
    pending = [*catalogs.installation, *catalogs.extension]
    while pending:
        step = pending.pop()
        pending.extend(step.steps)
        if not step.steps and step.expand is None:
            leaves.add(step.slug)
    wrong = sorted(leaves ^ set(catalogs.calibration.steps))
    if wrong:
        raise CatalogError(f"step_tree.yaml and calibration.yaml 'steps' do not match: {', '.join(wrong)}")
