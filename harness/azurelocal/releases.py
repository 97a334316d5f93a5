"""Published solution releases and the OS builds they bring ([D] ASD release-information-23h2, known-issues)."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import yaml

from harness.paths import fixtures_dir

CATALOG: Final = "versions.yaml"


@lru_cache(maxsize=1)
def _builds() -> dict[str, str]:
    document = yaml.safe_load((fixtures_dir() / "catalogs" / CATALOG).read_text(encoding="utf-8"))
    return {str(release["version"]): str(release["os_build"]) for release in document["releases"]}


def expected_build(solution: str) -> str | None:
    """The OS build (`26100.6899`) that `solution` brings to every node, None for a release that the table lacks."""
    return _builds().get(solution)
