"""Published solution releases ([D] ASD release-information-23h2, known-issues), and what to say about a version that is
none of them.

On hardware a version that the table lacks is not necessarily wrong: the table is as old as this checkout.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import yaml

from harness.paths import fixtures_dir
from harness.plan.text import closest

CATALOG: Final = "versions.yaml"


@lru_cache(maxsize=1)
def release_builds() -> dict[str, str]:
    """Solution version → the OS build that it brings to every node."""
    document = yaml.safe_load((fixtures_dir() / "catalogs" / CATALOG).read_text(encoding="utf-8"))
    return {str(release["version"]): str(release["os_build"]) for release in document["releases"]}


def nearest_release(version: str) -> str | None:
    """The release that was probably meant: of the same train and month the one nearest in number, else in spelling."""
    known = release_builds()
    parts = version.split(".")
    same_month = [each for each in known if each.split(".")[:2] == parts[:2]]
    if not same_month or not all(part.isdigit() for part in parts):
        return closest(version, known)
    return min(
        same_month, key=lambda each: [abs(int(a) - int(b)) for a, b in zip(each.split("."), parts, strict=False)]
    )


def unknown_release(version: str) -> str | None:
    """What is wrong with `version`, None for a release of the table."""
    return None if version in release_builds() else f"there is no release '{version}' in {CATALOG}"
