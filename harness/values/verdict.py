"""What the judge says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """Outcome of one scenario.  Every page, exit code and test result derives from it."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    STUCK = "stuck"
    GUIDE_GAP = "guide-gap"
    LAB = "lab"
    HARNESS = "harness"
    INCONCLUSIVE = "inconclusive"
    NOT_RUN = "not-run"


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason for a verdict.  `evidence` are journal sequence numbers; `at_ns` is lab time of the first cause.

    `about` says whose fault it is: product, lab, harness, scenario.  `value` and `limit` are printed texts with units.
    """

    id: str
    about: str
    outcome: Verdict
    summary: str
    at_ns: int | None
    evidence: tuple[int, ...]
    phase: str = ""
    step: str = ""
    node: str = ""
    value: str = ""
    limit: str = ""
    waived_by: str = ""
    attrs: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measurement:
    """A number with its limit.  `value` None means unset, which is never a pass."""

    name: str
    unit: str
    value: float | None
    limit: float | None
    comparison: str
    outcome: str
    evidence: tuple[int, ...]
    detail: str = ""
