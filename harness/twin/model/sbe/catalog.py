"""The vendor's releases: ``fixtures/catalogs/sbe.yaml``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml

from harness.twin.model.catalog import CatalogError, default_directory, version_key

_FILE: Final = "sbe.yaml"
_TAG: Final = re.compile(r"\[(D|T|GK|INF)\] \S")
_VENDOR: Final = ("manufacturer", "family", "plugin", "models", "site", "notice", "copyright")
_RESTARTS_AT_MOST: Final = 3
"""[T] TSG SolutionExtension/Solution-builder-extension-update-scenarios."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """Who makes the hardware.  ``family`` is what the machines of the model belong to."""

    manufacturer: str
    family: str
    plugin: str
    models: str
    site: str
    notice: str
    copyright: str


@dataclass(frozen=True, slots=True)
class SbeRelease:
    """One published package.  ``validated`` are patterns of solution versions on which it may be installed by itself
    ([T] ``ValidatedConfigurations``), ``restarts`` how often a node restarts for it."""

    version: str
    family: str
    validated: tuple[str, ...]
    restarts: int

    @property
    def key(self) -> tuple[int, ...]:
        """Numeric sort key."""
        return version_key(self.version)

    @property
    def month(self) -> str:
        """Release month ``YYMM``, the third field ([T] <major>.<minor>.<YYMM>.<build>)."""
        return self.version.split(".")[2]


@dataclass(frozen=True, slots=True)
class SbeCatalog:
    """A vendor and its releases, oldest first."""

    vendor: Vendor
    releases: tuple[SbeRelease, ...]

    def release(self, version: str) -> SbeRelease:
        """The release of *version*.  Raises CatalogError with those known."""
        for release in self.releases:
            if release.version == version:
                return release
        known = ", ".join(release.version for release in self.releases)
        raise CatalogError(f"{_FILE}: no release '{version}'; known are {known}")

    def published(self, month: str) -> tuple[SbeRelease, ...]:
        """Releases of the machines' own family up to *month* (``YYMM``), oldest first."""
        return tuple(item for item in self.releases if item.family == self.vendor.family and item.month <= month)


@lru_cache(maxsize=8)
def load_sbe(directory: Path | None = None) -> SbeCatalog:
    """Read and check the file.  Raises CatalogError."""
    document = yaml.safe_load(((directory or default_directory()) / _FILE).read_text(encoding="utf-8"))
    if not isinstance(document, Mapping) or document.get("schema") != 1:
        raise CatalogError(f"{_FILE}: expected a mapping with schema: 1")
    vendor = Vendor(**{name: _value(document["vendor"], name) for name in _VENDOR})
    releases = [_release(entry, vendor) for entry in document["releases"]]
    return SbeCatalog(vendor, tuple(sorted(releases, key=lambda item: item.key)))


def _value(section: Mapping[str, Any], name: str) -> str:
    entry = section.get(name)
    if not isinstance(entry, Mapping) or not _TAG.match(str(entry.get("source"))):
        raise CatalogError(f"{_FILE}: vendor.{name} needs a value and a source that begins with an evidence tag")
    return str(entry["value"])


def _release(entry: Mapping[str, Any], vendor: Vendor) -> SbeRelease:
    release = SbeRelease(
        version=str(entry["version"]),
        family=str(entry.get("family", vendor.family)),
        validated=tuple(str(pattern) for pattern in entry["validated"]),
        restarts=int(entry["restarts"]),
    )
    if not 1 <= release.restarts <= _RESTARTS_AT_MOST or len(release.key) != len(("major", "minor", "month", "build")):
        raise CatalogError(f"{_FILE}: the release {entry} has a wrong version or number of restarts")
    return release
