"""The order of the verdicts, waivers."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judge.decide import decide, in_order
from harness.judge.explain import NODE_LOSS
from harness.judge.waivers import Waiver, waive
from harness.paths import root
from harness.plan.vocabulary import FAULTS
from harness.values import Finding, Verdict


def finding(name: str, outcome: Verdict, at_ns: int | None = 0) -> Finding:
    return Finding(name, "product", outcome, name, at_ns, (1,))


LAB = finding("lab-lost", Verdict.LAB, 90)
HARNESS = finding("exception", Verdict.HARNESS, 80)
BLIND = finding("low-coverage", Verdict.INCONCLUSIVE, 70)
FAIL = finding("nodes-down", Verdict.FAIL, 60)
STUCK = finding("no-progress", Verdict.STUCK, 50)
GUIDE = finding("wrong-guide", Verdict.GUIDE_GAP, 40)
UNSET = finding("unmeasured:update.duration", Verdict.INCONCLUSIVE, 30)

ORDER = [LAB, HARNESS, FAIL, STUCK, GUIDE, UNSET]


@pytest.mark.parametrize("first", range(len(ORDER)))
def test_the_first_of_the_order_decides_whatever_came_first(first: int) -> None:
    assert decide(ORDER[first:]).cause is ORDER[first]


def test_nothing_wrong_is_pass() -> None:
    decision = decide([])
    assert (decision.verdict, decision.cause) == (Verdict.PASS, None)


def test_within_a_rank_the_first_cause_wins() -> None:
    later = finding("vm-restarted", Verdict.FAIL, 61)
    assert decide([later, FAIL]).cause is FAIL
    assert decide([BLIND, HARNESS]).verdict is Verdict.INCONCLUSIVE


def test_fault_missed_before_the_product_failed_makes_the_run_worthless() -> None:
    missed = finding("fault-missed", Verdict.INCONCLUSIVE, 10)
    assert decide([missed, FAIL]).verdict is Verdict.INCONCLUSIVE


def test_fault_missed_because_the_product_had_failed_does_not() -> None:
    missed = finding("fault-missed", Verdict.INCONCLUSIVE, 100)
    assert decide([missed, FAIL]).verdict is Verdict.FAIL
    assert decide([missed]).verdict is Verdict.INCONCLUSIVE


@given(st.permutations(ORDER), st.integers(1, len(ORDER)))
def test_the_order_of_the_findings_does_not_matter(findings: list[Finding], count: int) -> None:
    chosen = findings[:count]
    assert decide(chosen) == decide(list(reversed(chosen)))
    assert in_order(chosen) == in_order(list(reversed(chosen)))


@given(st.lists(st.sampled_from([*ORDER, BLIND]), min_size=1))
def test_any_finding_keeps_a_run_from_passing(findings: list[Finding]) -> None:
    assert decide(findings).verdict is not Verdict.PASS


class TestWaivers:
    WAIVER = Waiver("nodes-*", "known defect", "owner", date(2026, 1, 31))

    def test_waived_finding_keeps_its_outcome_and_lets_the_run_count_as_pass(self) -> None:
        decision = decide(waive([FAIL], [self.WAIVER], date(2026, 1, 31)))
        assert (decision.verdict, decision.effective, decision.waived) == (Verdict.FAIL, Verdict.PASS, True)
        assert decision.cause is not None
        assert decision.cause.waived_by == "owner: known defect, until 2026-01-31"

    def test_expired_waiver_has_no_effect(self) -> None:
        assert decide(waive([FAIL], [self.WAIVER], date(2026, 2, 1))).effective is Verdict.FAIL

    def test_other_findings_still_count(self) -> None:
        assert decide(waive([FAIL, STUCK], [self.WAIVER], date(2026, 1, 1))).effective is Verdict.STUCK

    @pytest.mark.parametrize("outcome", [Verdict.LAB, Verdict.HARNESS, Verdict.INCONCLUSIVE])
    def test_missing_evidence_cannot_be_waived(self, outcome: Verdict) -> None:
        bad = replace(FAIL, outcome=outcome)
        assert decide(waive([bad], [self.WAIVER], date(2026, 1, 1))).effective is outcome


def test_reference_page_names_every_finding() -> None:
    page = (root() / "docs" / "reference" / "verdicts.md").read_text()
    sources = [path.read_text() for path in (root() / "harness" / "judge").rglob("*.py")]
    pattern = r'(?:case\.fail\(|_finding\(\s*episode,|_not_back\([^"]*|id=)\s*"([a-z]+(?:-[a-z]+)+)"'
    names = {name for source in sources for name in re.findall(pattern, source)}
    assert len(names) > 30
    assert [name for name in sorted(names) if f"`{name}`" not in page] == []


def test_faults_that_take_a_node_away_are_those_of_the_plans() -> None:
    assert {name for name, word in FAULTS.items() if word.takes_node_down} == NODE_LOSS
