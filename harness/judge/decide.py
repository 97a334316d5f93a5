"""From findings to one verdict.

The order is fixed.  What makes a run worthless as evidence comes before what it says about the product:

1. lab lost, not at its baseline, pre-check false: `lab` (or `not-run`);
2. broken journal, low coverage, our own error, interrupted, a fault that was not as planned: `harness`, `inconclusive`;
3. a limit or an invariant broken: `fail`;
4. no progress while the ways to ask were healthy: `stuck`;
5. recovered, but not as the guide says: `guide-gap`;
6. something required is not known: `inconclusive`;
7. nothing of all that: `pass`.

Within a rank the first cause wins.  A fault that missed its moment *after* the product had already failed did not
spoil that evidence, so it ranks with 6.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.values import Finding, Verdict

_RANK = {
    Verdict.LAB: 1,
    Verdict.NOT_RUN: 1,
    Verdict.HARNESS: 2,
    Verdict.INCONCLUSIVE: 2,
    Verdict.FAIL: 3,
    Verdict.STUCK: 4,
    Verdict.GUIDE_GAP: 5,
}
LACKING = 6
_LACKING_IDS = frozenset(
    {
        "guest-inventory-missing",
        "guests-not-begun",
        "leg-not-over",
        "no-builds",
        "no-final-look",
        "no-runs",
        "no-sbe",
        "run-unfinished",
        "update-not-finished",
        "vm-still-down",
    }
)
_FAULT_IDS = frozenset({"fault-missed", "fault-not-confirmed", "fault-not-clean", "fault-imprecise"})
_PRODUCT = frozenset({Verdict.FAIL, Verdict.STUCK})


@dataclass(frozen=True, slots=True)
class Decision:
    """`verdict` is what the findings say, `effective` what is left beside the waivers, `cause` the finding that decided
    (None: pass)."""

    verdict: Verdict
    effective: Verdict
    cause: Finding | None

    @property
    def waived(self) -> bool:
        """Do waivers make a difference?"""
        return self.verdict is not self.effective


def rank(finding: Finding, product_ns: int | None) -> int:
    """Place of a finding in the order; `product_ns` is when the product first failed, None if it did not."""
    if finding.id in _LACKING_IDS or finding.id.startswith(("unmeasured:", "no-budget:")):
        return LACKING
    spoilt_later = finding.id in _FAULT_IDS and product_ns is not None and when(finding) > product_ns
    return LACKING if spoilt_later else _RANK.get(finding.outcome, LACKING)


def when(finding: Finding) -> float:
    """Lab time of the first cause; unknown is last."""
    return float("inf") if finding.at_ns is None else finding.at_ns


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sorted by first cause; the same findings always come in the same order."""
    return tuple(sorted(findings, key=lambda each: (when(each), each.evidence, each.id, each.summary)))


def decide(findings: Sequence[Finding]) -> Decision:
    """The verdict over all findings, and over those that no waiver covers."""
    cause = _deciding(findings)
    rest = _deciding([each for each in findings if not each.waived_by])
    return Decision(
        cause.outcome if cause else Verdict.PASS,
        rest.outcome if rest else Verdict.PASS,
        cause,
    )


def _deciding(findings: Sequence[Finding]) -> Finding | None:
    product_ns = min(
        (each.at_ns for each in findings if each.outcome in _PRODUCT and each.at_ns is not None), default=None
    )
    bad = [each for each in in_order(findings) if each.outcome is not Verdict.PASS]
    return min(bad, key=lambda each: rank(each, product_ns), default=None)
