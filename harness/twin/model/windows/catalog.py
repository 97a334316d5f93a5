"""Operating systems of guests and their monthly updates: ``fixtures/catalogs/guest_updates.yaml``."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml

from harness.twin.model.catalog import CatalogError, default_directory
from harness.twin.model.entities import OsBuild

_FILE: Final = "guest_updates.yaml"
_TAG: Final = re.compile(r"\[(D|P|C|GK|INF)\] \S|\[D\] REL")
_SECOND: Final = 2


class UpdateKind(StrEnum):
    """What an update is for a guest ([D] WSD get-started/hotpatch)."""

    BASELINE = "baseline"
    HOTPATCH = "hotpatch"
    CUMULATIVE = "cumulative"


class HotpatchRight(StrEnum):
    """How an edition comes to hotpatches: with the edition, through Azure Arc, or never."""

    INCLUDED = "included"
    ARC = "arc"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class GuestSystem:
    """One operating system as it identifies itself."""

    name: str
    caption: str
    product: str
    edition_id: str
    sku: int
    installation_type: str
    build: int
    display_version: str
    hotpatch: HotpatchRight
    remote_search: bool
    """Whether Windows Update lets a network log-on search."""


@dataclass(frozen=True, slots=True)
class GuestUpdate:
    """One update of one month.  ``released`` is when update servers have it."""

    month: str
    kind: UpdateKind
    kb: str
    build: OsBuild
    released: datetime

    @property
    def needs_restart(self) -> bool:
        """Everything but a hotpatch is completed by a restart ([D])."""
        return self.kind is not UpdateKind.HOTPATCH

    @property
    def number(self) -> str:
        """The KB number without letters, as ``KBArticleIDs`` has it."""
        return self.kb.removeprefix("KB")


@dataclass(frozen=True, slots=True)
class WindowsCatalog:
    """The data file, read."""

    systems: Mapping[str, GuestSystem]
    updates: tuple[GuestUpdate, ...]

    def system(self, name: str) -> GuestSystem:
        """The system *name*.  Raises CatalogError with the known names."""
        if name not in self.systems:
            raise CatalogError(f"{_FILE}: no system '{name}'; it has {', '.join(self.systems)}")
        return self.systems[name]

    def update(self, kb: str) -> GuestUpdate:
        """The update with this KB.  Raises CatalogError."""
        for update in self.updates:
            if update.kb == kb.upper():
                return update
        raise CatalogError(f"{_FILE}: no update '{kb}'; expected a KB number that the file lists")

    def of_build(self, build: int) -> tuple[GuestUpdate, ...]:
        """Updates for Windows of this build number, oldest first."""
        return tuple(update for update in self.updates if update.build.build == build)


def second_tuesday(month: str, hour_utc: int) -> datetime:
    """The release instant of ``YYYY-MM`` ([D] second Tuesday)."""
    year, number = (int(part) for part in month.split("-"))
    weeks = calendar.Calendar().monthdayscalendar(year, number)
    days = [week[calendar.TUESDAY] for week in weeks if week[calendar.TUESDAY]]
    return datetime(year, number, days[_SECOND - 1], hour_utc, tzinfo=UTC)


@lru_cache(maxsize=4)
def load_windows(directory: Path | None = None) -> WindowsCatalog:
    """Read and check the data file.  Raises CatalogError naming the entry."""
    document = yaml.safe_load(((directory or default_directory()) / _FILE).read_text(encoding="utf-8"))
    if not isinstance(document, Mapping) or document.get("schema") != 1:
        raise CatalogError(f"{_FILE}: expected a mapping with schema: 1")
    hour = int(document["release_time"]["hour_utc"]["value"])
    systems = {name: _system(name, entry) for name, entry in document["systems"].items()}
    updates = sorted((_update(entry, hour) for entry in document["updates"]), key=lambda item: (item.month, item.kind))
    return WindowsCatalog(systems, tuple(updates))


def _system(name: str, entry: Mapping[str, Any]) -> GuestSystem:
    _check_source(name, entry)
    fields = {key: value for key, value in entry.items() if key != "source"}
    try:
        return GuestSystem(name=name, **{**fields, "hotpatch": HotpatchRight(entry["hotpatch"])})
    except (TypeError, KeyError, ValueError) as error:
        raise CatalogError(f"{_FILE}: system '{name}': {error}") from error


def _update(entry: Mapping[str, Any], hour_utc: int) -> GuestUpdate:
    _check_source(str(entry.get("kb")), entry)
    try:
        return GuestUpdate(
            str(entry["month"]),
            UpdateKind(entry["kind"]),
            entry["kb"],
            OsBuild.parse(entry["build"]),
            second_tuesday(str(entry["month"]), hour_utc),
        )
    except (KeyError, ValueError) as error:
        raise CatalogError(f"{_FILE}: update '{entry.get('kb')}': {error}") from error


def _check_source(name: str, entry: Mapping[str, Any]) -> None:
    if not _TAG.match(str(entry.get("source", ""))):
        raise CatalogError(f"{_FILE}: '{name}': source must begin with an evidence tag such as '[D] document'")
