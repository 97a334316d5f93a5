"""What claims and comparisons say, in numbers and in words."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ConfigError
from harness.judge.claims import (
    Claim,
    Wish,
    assumption_lines,
    claim_lines,
    claim_of,
    claim_plain,
    left_out_lines,
    sentence,
)
from harness.judge.comparison import assumptions, compare, comparison_lines, comparison_plain, pair, pairing_lines
from harness.judge.history import NO_FAULTS, HistoryKey, LeftOut, StoredRun
from harness.judge.observations import VERDICT, Observed, Per, measure_named
from harness.judge.outages import AWAY
from harness.measure.statistics import failure_bound
from harness.values import Verdict

KEY = HistoryKey("product", "physical", "solution", "12.1 → 12.2", 4, "", NO_FAULTS)
AT_95 = Wish(2.0, 0.95)


def observed(
    values: list[float],
    per: Per = Per.RUN,
    *,
    metric: str = AWAY,
    each_run: int = 1,
    key: HistoryKey = KEY,
    verdicts: dict[int, Verdict] | None = None,
) -> Observed:
    """Observations, `each_run` of them from each run."""
    runs = tuple(
        StoredRun(
            f"run-{number}",
            Path(f"run-{number}"),
            "UPD-001",
            key,
            (verdicts or {}).get(number, Verdict.PASS),
            "2026-01-01T00:00:00Z",
            "rack",
            "0" * 64,
            "1",
            False,
            40,
        )
        for number in range(-(-len(values) // each_run))
    )
    rows = tuple((f"run-{index // each_run}", value) for index, value in enumerate(values))
    return Observed(key, measure_named(metric, per), per, "all", rows, runs)


class TestSentences:
    def test_clean_drains(self) -> None:
        claim = claim_of(observed([0.5] * 24, Per.DRAIN, each_run=4), AT_95)
        assert sentence(claim) == (
            "0 of 24 drains had a virtual machine away for more than 2 s: "
            "at most 11.7 % at 95 %, if drains are independent"
        )

    def test_runs_with_a_failure(self) -> None:
        claim = claim_of(observed([0.5] * 9 + [7.0]), AT_95)
        assert sentence(claim) == (
            "1 of 10 runs had a virtual machine away for more than 2 s: at most 39.4 % at 95 %, if runs are independent"
        )

    def test_guests_of_a_run_count_as_few(self) -> None:
        claim = claim_of(observed([0.5] * 100, Per.VM, each_run=50), AT_95)
        assert (claim.effective_n, claim.design_effect) == (3, 25.5)
        assert sentence(claim) == (
            "0 of 100 virtual machines were away for more than 2 s: at most 63.2 % at 95 %, "
            "counted as 0 of 3 independent ones (design effect 25.5 with a correlation of 0.5 within a run)"
        )

    @pytest.mark.parametrize(
        ("metric", "limit", "words"),
        [
            ("vm.migration_gap.longest", 1.0, "had a virtual machine away in a live migration for more than 1 s"),
            ("vm.outage.count", 3.0, "had a virtual machine away without a restart more than 3 times"),
            ("update.duration", 36000.0, "had 'update.duration' above 10 h"),
            ("probe.coverage", 99.9, "had 'probe.coverage' below 99.9 %"),
            ("update.starts", 1.0, "had 'update.starts' other than 1"),
            (VERDICT, 0.0, "ended with verdict fail or stuck"),
        ],
    )
    def test_each_measure_has_its_words(self, metric: str, limit: float, words: str) -> None:
        claim = claim_of(observed([limit] * 3, metric=metric), Wish(limit, 0.95))
        assert sentence(claim) == f"0 of 3 runs {words}: at most 63.2 % at 95 %, if runs are independent"

    def test_a_value_at_the_limit_keeps_it(self) -> None:
        assert claim_of(observed([2.0, 2.0001]), AT_95).failures == 1
        assert claim_of(observed([99.9, 99.8], metric="probe.coverage"), Wish(99.9, 0.95)).failures == 1


class TestNumbers:
    @given(n=st.integers(1, 60), failures=st.integers(0, 60), confidence=st.sampled_from([0.8, 0.9, 0.95, 0.99]))
    def test_bound_of_runs_is_the_exact_one(self, n: int, failures: int, confidence: float) -> None:
        failures = min(n, failures)
        claim = claim_of(observed([9.0] * failures + [1.0] * (n - failures)), Wish(2.0, confidence))
        assert claim.bound == failure_bound(failures, n, confidence)

    @given(runs=st.integers(1, 10), guests=st.integers(1, 60), failing=st.integers(0, 100), rho=st.floats(0, 1))
    def test_guests_never_claim_more_than_if_they_were_independent(
        self, runs: int, guests: int, failing: int, rho: float
    ) -> None:
        n = runs * guests
        values = [9.0] * min(n, failing) + [1.0] * (n - min(n, failing))
        claim = claim_of(observed(values, Per.VM, each_run=guests), Wish(2.0, 0.95, rho))
        assert claim.bound is not None
        assert claim.bound >= failure_bound(min(n, failing), n, 0.95) - 1e-9
        assert claim.bound >= min(1.0, failing / n) - 1e-9

    def test_how_many_more_for_a_stronger_claim(self) -> None:
        claim = claim_of(observed([0.5] * 24, Per.DRAIN, each_run=4), AT_95)
        rows = [(each.probability, each.needed, each.more, each.runs) for each in claim.stronger]
        assert rows == [(0.1, 29, 5, 2), (0.05, 59, 35, 9), (0.01, 299, 275, 69)]

    def test_a_failure_costs_many(self) -> None:
        claim = claim_of(observed([0.5] * 45 + [7.0]), AT_95)
        assert [(each.needed, each.more) for each in claim.stronger] == [(46, 0), (93, 47), (473, 427)]

    def test_more_guests_of_more_runs(self) -> None:
        claim = claim_of(observed([0.5] * 100, Per.VM, each_run=50), AT_95)
        first = claim.stronger[0]
        assert first.more == math.ceil((29 - 3) * 25.5)
        assert first.runs == math.ceil((first.more or 0) / 50)

    def test_quantiles(self) -> None:
        claim = claim_of(observed([float(value) for value in range(1, 94)]), Wish(None, 0.95))
        bounds = {each.quantile: (each.value, each.from_top, each.needed) for each in claim.quantiles}
        assert bounds[0.95] == (92.0, 2, None)
        assert bounds[0.99] == (None, None, 299)
        assert claim.bound is None
        assert claim.stronger == ()

    @pytest.mark.parametrize("metric", [VERDICT, "probe.coverage"])
    def test_no_upper_bound_where_none_is_wanted(self, metric: str) -> None:
        assert claim_of(observed([1.0] * 99, metric=metric), Wish(0.0, 0.95)).quantiles == ()
        assert claim_of(observed([1.0] * 99, Per.VM, each_run=3), AT_95).quantiles == ()


class TestLines:
    def claim(self, key: HistoryKey = KEY) -> Claim:
        return claim_of(observed([0.5] * 22 + [7.0, math.inf], Per.DRAIN, each_run=4, key=key), AT_95)

    def test_everything_that_must_be_said(self) -> None:
        lines = list(claim_lines(self.claim()))
        assert lines[0] == "solution 12.1 → 12.2, 4 nodes, no faults, product on physical machines"
        assert lines[1] == "evidence about the product"
        text = "\n".join(lines)
        assert "from 6 runs of UPD-001 on rack, 40 virtual machines" in text
        assert "beyond it: run-5 (2)" in text
        assert "at most 10 %: 37 more drains (61 in all, about 10 more runs)" in text
        assert "vm.away.longest, drains one by one: 0.5 s to never back" in text

    def test_a_rehearsal_says_so_twice(self) -> None:
        claim = self.claim(replace(KEY, subject="simulated", machines="none"))
        assert "rehearsal: no evidence about the product" in list(claim_lines(claim))
        assert "  a rehearsal says what a simulation does, and nothing about the product" in list(
            assumption_lines([claim], Per.DRAIN)
        )
        assert not any("rehearsal" in line for line in assumption_lines([self.claim()], Per.DRAIN))

    def test_kinds_that_were_not_mixed_are_counted(self) -> None:
        assert "2 kinds of runs were not mixed: each has a claim of its own" in list(
            assumption_lines([self.claim(), self.claim()], Per.RUN)
        )

    def test_guests_are_not_said_to_be_independent(self) -> None:
        lines = list(assumption_lines([self.claim()], Per.VM))
        assert lines[0].startswith("assumed: runs are independent")
        assert "their correlation is assumed" in lines[1]

    def test_left_out_runs_with_their_reasons(self) -> None:
        runs = [LeftOut(f"run-{number}", "UPD-001", "verdict lab") for number in range(10)]
        lines = list(left_out_lines(runs, 8))
        assert lines[0] == "10 runs left out:"
        assert lines[1] == "  run-0: verdict lab"
        assert lines[-1] == "  and 2 more; all of them: --json"
        assert list(left_out_lines([])) == []

    def test_plain_data_is_json_without_infinity(self) -> None:
        plain = json.loads(json.dumps(claim_plain(self.claim()), allow_nan=False))
        assert plain["values"][-1] == {"run": "run-5", "value": None}
        assert plain["failures"] == 2
        assert plain["failure_probability_at_most"] == pytest.approx(0.2398, abs=1e-4)


class TestMeasures:
    def test_unknown_name_with_a_suggestion(self) -> None:
        with pytest.raises(ConfigError, match=r"unknown metric 'vm.outage.longst'; did you mean vm.outage.longest\?"):
            measure_named("vm.outage.longst", Per.RUN)

    @pytest.mark.parametrize("name", ["update.duration", VERDICT])
    def test_what_only_a_run_has(self, name: str) -> None:
        with pytest.raises(ConfigError, match=f"'{name}' is a number of a whole run; there is none for each drain"):
            measure_named(name, Per.DRAIN)


class TestComparison:
    def one(self, before: list[float], after: list[float], limit: float | None = None, **more: str) -> str:
        pairs = pair([observed(before)], [observed(after, key=replace(KEY, versions="12.2 → 12.3"))]).pairs
        (found,) = compare(pairs, limit)
        return "\n".join(comparison_lines(found))

    def test_longer_outages(self) -> None:
        text = self.one([1.0, 1.1, 1.2, 1.3, 1.4], [2.0, 2.1, 2.2, 2.3, 2.4])
        assert "solution 12.1 → 12.2, 4 nodes, no faults, product on physical machines; then 12.2 → 12.3" in text
        assert "vm.away.longest: median 1.2 s of 5, then 2.2 s of 5" in text
        assert (
            "a later one is larger with probability 1.00; p = 0.00397, 0.00794 for the number of tests (Holm)" in text
        )
        assert "growth by 1.27 times would be found in 80 % of cases" in text
        assert text.endswith("WORSE")

    def test_shorter_outages_are_no_regression(self) -> None:
        text = self.one([2.0, 2.1, 2.2, 2.3, 2.4], [1.0, 1.1, 1.2, 1.3, 1.4])
        assert "no change for the worse was shown; that is no proof that there is none" in text

    def test_more_failures(self) -> None:
        pairs = pair([observed([1.0] * 20)], [observed([1.0] * 12 + [9.0] * 8)]).pairs
        (found,) = compare(pairs, 2.0)
        assert found.oftener.failures == (0, 8)
        assert found.oftener.p == pytest.approx(0.0016, abs=1e-4)
        assert found.worse
        assert "beyond 2 s: 0 of 20, then 8 of 20" in "\n".join(comparison_lines(found))

    def test_without_a_limit_verdicts_count(self) -> None:
        after = observed([1.0] * 4, verdicts={0: Verdict.FAIL, 1: Verdict.STUCK, 2: Verdict.GUIDE_GAP})
        (found,) = compare(pair([observed([1.0] * 4)], [after]).pairs, None)
        assert (found.oftener.failures, found.oftener.sizes) == ((0, 2), (4, 4))
        text = "\n".join(comparison_lines(found))
        assert "fail or stuck: 0 of 4, then 2 of 4" in text
        assert not found.worse

    def test_runs_that_all_got_stuck_have_no_outages_to_compare_but_failures(self) -> None:
        runs = observed([1.0] * 6, verdicts=dict.fromkeys(range(6), Verdict.STUCK)).runs
        stuck = replace(observed([1.0]), values=(), runs=(), incomplete=runs)
        (found,) = compare(pair([observed([1.0] * 6)], [stuck]).pairs, None)
        assert found.longer is None
        assert found.oftener.failures == (0, 6)
        assert found.worse
        text = "\n".join(comparison_lines(found))
        assert "rank test" not in text
        assert "fail or stuck: 0 of 6, then 6 of 6" in text
        (other,) = compare(pair([stuck], [observed([1.0] * 6)]).pairs, 2.0)
        assert other.oftener.detectable is None

    def test_smaller_coverage_is_worse(self) -> None:
        groups = [observed([value] * 6, metric="probe.coverage") for value in (100.0, 99.0)]
        (found,) = compare(pair(groups[:1], groups[1:]).pairs, None)
        assert found.worse
        assert "a later one is smaller with probability 1.00" in "\n".join(comparison_lines(found))

    def test_many_tests_must_each_say_more(self) -> None:
        keys = [replace(KEY, nodes=nodes) for nodes in range(1, 11)]
        groups = [[observed(values, key=key) for key in keys] for values in ([1.0, 2, 3, 7, 8], [4.0, 5, 9, 10, 11])]
        found = compare(pair(*groups).pairs, None)
        assert all(each.longer is not None and each.longer.rank.p < 0.05 for each in found)
        assert not any(each.worse for each in found)
        assert "20 tests" in assumptions(found, Per.RUN)
        assert "assumed: drains are independent" in assumptions(found, Per.DRAIN)

    def test_evidence_is_not_compared_with_a_rehearsal(self) -> None:
        rehearsal = observed([1.0], key=replace(KEY, subject="simulated"))
        pairing = pair([observed([1.0])], [rehearsal])
        assert pairing.pairs == ()
        lines = list(pairing_lines(pairing))
        assert lines[0].startswith("not compared, only in the first group: solution")
        assert lines[1].startswith("not compared, only in the second group: solution")

    def test_other_faults_are_not_compared(self) -> None:
        pairing = pair([observed([1.0])], [observed([1.0], key=replace(KEY, faults="abcd"))])
        assert pairing.pairs == ()
        assert any("the very same fault schedule" in line for line in pairing_lines(pairing))

    def test_versions_within_a_group_are_put_together_and_named(self) -> None:
        group = [observed([1.0], key=replace(KEY, versions=text)) for text in ("1 → 2", "2 → 3")]
        ((first, _),) = pair(group, [observed([1.0])]).pairs
        assert first.key.versions == "1 → 2 and 2 → 3"
        assert len(first.values) == 2

    def test_plain_data(self) -> None:
        (found,) = compare(pair([observed([1.0, 2.0])], [observed([1.0, 3.0])]).pairs, 2.0)
        plain = json.loads(json.dumps(comparison_plain(found), allow_nan=False))
        assert plain["n"] == [2, 2]
        assert plain["oftener"]["failures"] == [0, 1]
        assert plain["worse"] is False
