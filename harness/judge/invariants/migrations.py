"""Measured gaps of live migrations agree with what the hosts logged."""

from __future__ import annotations

from collections.abc import Iterator

from harness.judge.case import Case, listed
from harness.judge.invariants.guests import evidence_of
from harness.judge.migrations import beyond_error_ns
from harness.measure.ledger import Gap
from harness.measure.units import seconds
from harness.values import Finding, Verdict


def hosts_agree(case: Case) -> Iterator[Finding]:
    """A gap shorter than the blackout that its host logged makes the measuring doubtful; a longer one is told."""
    differing = [gap for gap in case.ledger.gaps if beyond_error_ns(gap)]
    shorter = [gap for gap in differing if beyond_error_ns(gap) < 0]
    longer = [gap for gap in differing if beyond_error_ns(gap) > 0]
    if shorter:
        yield _differs(case, shorter, "migration-seen-shorter", "shorter", "harness", Verdict.INCONCLUSIVE)
    if longer:
        yield _differs(case, longer, "migration-seen-longer", "longer", "product", Verdict.PASS)


def _differs(case: Case, gaps: list[Gap], name: str, how: str, about: str, outcome: Verdict) -> Finding:
    worst = max(gaps, key=lambda gap: (abs(beyond_error_ns(gap)), gap.vm))
    measured = f"measured {seconds(worst.duration_ns):.6g} ± {seconds(worst.error_ns):.6g} s"
    logged_s = seconds(worst.host_blackout_ns or 0)
    names = sorted({gap.vm for gap in gaps})
    return case.fail(
        name,
        f"gaps of live migrations were {how} than the hosts logged, beyond the error of both: {listed(names)}; most at "
        f"{worst.vm}, {measured}, logged {logged_s:.6g} s",
        worst.start_ns,
        evidence_of(case, [worst]),
        node=worst.owner_before,
        value=f"{seconds(worst.duration_ns):.6g} s",
        limit=f"{logged_s:.6g} s ± {seconds(worst.error_ns):.6g} s",
        outcome=outcome,
        about=about,
        attrs={"vms": names},
    )
