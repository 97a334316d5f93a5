"""Published releases ([D] ASD release-information-23h2, known-issues), and what to say about a version that is none of
them.

On hardware a version that the table lacks is not necessarily wrong: the table of solutions is as old as this checkout,
and that of Solution Builder Extensions knows one made-up vendor only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import yaml

from harness.paths import fixtures_dir
from harness.plan.text import closest

CATALOG: Final = "versions.yaml"


@dataclass(frozen=True, slots=True)
class Releases:
    """The releases in one file of `fixtures/catalogs`; `noun` is what messages call one."""

    file: str
    noun: str

    @property
    def versions(self) -> tuple[str, ...]:
        """All versions of the table."""
        return tuple(str(release["version"]) for release in _releases(self.file))

    def unknown(self, version: str) -> str | None:
        """What is wrong with `version`, None for a release of the table."""
        return None if version in self.versions else f"there is no {self.noun} '{version}' in {self.file}"

    def nearest(self, version: str) -> str | None:
        """The release that was probably meant: of the same train and month the one nearest in number, else in
        spelling."""
        parts = version.split(".")
        same_month = [each for each in self.versions if _month(each) == _month(version)]
        if not same_month or not all(part.isdigit() for part in parts):
            return closest(version, self.versions)
        return min(
            same_month, key=lambda each: [abs(int(a) - int(b)) for a, b in zip(each.split("."), parts, strict=False)]
        )


SOLUTIONS: Final = Releases(CATALOG, "release")
SBES: Final = Releases("sbe.yaml", "SBE release")


def table_of(part: str) -> Releases:
    """The table for a version that a scenario names at `part`, such as `from` or `workflow.target.sbe`."""
    return SBES if part.endswith("sbe") else SOLUTIONS


@lru_cache(maxsize=1)
def release_builds() -> dict[str, str]:
    """Solution version → the OS build that it brings to every node."""
    return {str(release["version"]): str(release["os_build"]) for release in _releases(CATALOG)}


@lru_cache(maxsize=4)
def _releases(file: str) -> tuple[dict[str, Any], ...]:
    document = yaml.safe_load((fixtures_dir() / "catalogs" / file).read_text(encoding="utf-8"))
    return tuple(document["releases"])


def _month(version: str) -> list[str]:
    """Everything up to the release month: `12.2510` of a solution, `4.1.2510` of an SBE."""
    parts = version.split(".")
    at = next((number for number, part in enumerate(parts) if len(part) == 4), 1)  # YYMM
    return parts[: at + 1]
