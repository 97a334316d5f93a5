"""Waivers: findings about the product that somebody accepted for a while.

A waiver never changes a finding's outcome; it lies over it and is shown with it.  Only findings about the product can
be waived: no signature replaces evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase
from typing import Any

from harness.values import Finding, Verdict

WAIVABLE = frozenset({Verdict.FAIL, Verdict.STUCK, Verdict.GUIDE_GAP})


@dataclass(frozen=True, slots=True)
class Waiver:
    """Accepts findings whose id matches the pattern `finding`; last valid day `expires` (None: no end)."""

    finding: str
    reason: str
    owner: str
    expires: date | None

    @property
    def name(self) -> str:
        """As a page shows it."""
        until = f", until {self.expires.isoformat()}" if self.expires else ""
        return f"{self.owner}: {self.reason}{until}"

    def covers(self, finding: Finding, day: date) -> bool:
        """Does it apply to `finding` of a run of that day?"""
        valid = self.expires is None or day <= self.expires
        return valid and finding.outcome in WAIVABLE and fnmatchcase(finding.id, self.finding)


def waivers_of(rows: Iterable[Mapping[str, Any]]) -> tuple[Waiver, ...]:
    """The waivers of a header.  Raises KeyError or ValueError when one is not of the documented form."""
    return tuple(
        Waiver(
            str(row["finding"]),
            str(row.get("reason") or ""),
            str(row.get("owner") or ""),
            date.fromisoformat(str(row["expires"])) if row.get("expires") else None,
        )
        for row in rows
    )


def waive(findings: Iterable[Finding], waivers: Sequence[Waiver], day: date) -> tuple[Finding, ...]:
    """The findings, each marked with the first waiver that covers it."""
    marked = []
    for finding in findings:
        waiver = next((each for each in waivers if each.covers(finding, day)), None)
        marked.append(replace(finding, waived_by=waiver.name) if waiver else finding)
    return tuple(marked)
