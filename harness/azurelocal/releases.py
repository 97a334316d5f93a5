"""OS builds that solution releases bring ([D] ASD release-information-23h2, known-issues)."""

from __future__ import annotations

from harness.plan.releases import release_builds


def expected_build(solution: str) -> str | None:
    """The OS build (`26100.6899`) that `solution` brings to every node, None for a release that the table lacks."""
    return release_builds().get(solution)
