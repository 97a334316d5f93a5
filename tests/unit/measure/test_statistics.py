"""Bounds, tests and sample sizes, against published tables and against counting every case."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.measure.statistics import (
    MOST_OBSERVATIONS,
    binomial_at_most,
    design_effect,
    detectable_growth,
    detectable_rate,
    effective_size,
    failure_bound,
    fisher_power,
    fisher_test,
    holm,
    observations_needed,
    quantile_bound,
    quantile_order,
    rank_test,
    runs_for_fisher,
    runs_for_growth,
    runs_for_rates,
    values_needed,
)
from tests.examples import examples

shares = st.integers(1, 99).map(lambda percent: percent / 100)


def exactly_at_most(k: int, n: int, p: Fraction) -> Fraction:
    return sum((math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1)), Fraction(0))


class TestBinomial:
    @given(n=st.integers(0, 60), percent=st.integers(0, 100), data=st.data())
    def test_is_the_sum_in_exact_fractions(self, n: int, percent: int, data: st.DataObject) -> None:
        k = data.draw(st.integers(0, n))
        exact = exactly_at_most(k, n, Fraction(percent, 100))
        assert binomial_at_most(k, n, percent / 100) == pytest.approx(float(exact), rel=1e-11, abs=1e-300)

    @given(n=st.integers(1, 8), percent=st.integers(1, 99))
    def test_is_the_share_of_all_outcomes(self, n: int, percent: int) -> None:
        p = percent / 100
        counted = [0.0] * (n + 1)
        for outcome in product((0, 1), repeat=n):
            counted[sum(outcome)] += math.prod(p if failed else 1 - p for failed in outcome)
        for k in range(n + 1):
            assert binomial_at_most(k, n, p) == pytest.approx(math.fsum(counted[: k + 1]))

    def test_refuses_what_is_no_distribution(self) -> None:
        with pytest.raises(ValueError, match=r"n = 3 and p = 1\.5"):
            binomial_at_most(1, 3, 1.5)


class TestFailureBound:
    @pytest.mark.parametrize(
        ("failures", "n", "confidence", "bound"),
        [
            (0, 24, 0.95, 1 - 0.05 ** (1 / 24)),
            (0, 59, 0.95, 0.0495),
            (1, 10, 0.95, 0.3942),  # Clopper and Pearson's table, one-sided 95 %
            (2, 10, 0.95, 0.5069),
            (5, 100, 0.95, 0.1023),
            (0, 0, 0.95, 1.0),
            (4, 4, 0.95, 1.0),
        ],
    )
    def test_agrees_with_the_tables(self, failures: int, n: int, confidence: float, bound: float) -> None:
        assert failure_bound(failures, n, confidence) == pytest.approx(bound, abs=5e-5)

    @given(n=st.integers(1, 80), confidence=shares, data=st.data())
    def test_is_where_so_few_failures_become_too_unlikely(self, n: int, confidence: float, data: st.DataObject) -> None:
        failures = data.draw(st.integers(0, n - 1))
        bound = failure_bound(failures, n, confidence)
        assert binomial_at_most(failures, n, bound) == pytest.approx(1 - confidence, rel=1e-9)
        assert bound > failures / n or confidence < 0.8

    @given(n=st.integers(2, 40), confidence=shares, data=st.data())
    def test_falls_with_runs_and_rises_with_failures(self, n: int, confidence: float, data: st.DataObject) -> None:
        failures = data.draw(st.integers(0, n - 2))
        bound = failure_bound(failures, n, confidence)
        assert failure_bound(failures, n + 1, confidence) < bound < failure_bound(failures + 1, n, confidence)

    @settings(max_examples=examples(30))
    @given(n=st.integers(1, 30), percent=st.integers(1, 99), confidence=st.sampled_from([0.8, 0.9, 0.95, 0.99]))
    def test_covers_the_truth_as_often_as_it_says(self, n: int, percent: int, confidence: float) -> None:
        truth = Fraction(percent, 100)
        missed = Fraction(0)
        for k in range(n + 1):
            if failure_bound(k, n, confidence) < percent / 100:
                missed += math.comb(n, k) * truth**k * (1 - truth) ** (n - k)
        assert float(missed) <= 1 - confidence + 1e-9

    @pytest.mark.parametrize(("failures", "n", "confidence"), [(3, 2, 0.95), (-1, 2, 0.95), (0, 2, 1.0), (0, 2, 0.0)])
    def test_refuses_what_cannot_be(self, failures: int, n: int, confidence: float) -> None:
        with pytest.raises(ValueError, match=r"cannot be|between 0 and 1"):
            failure_bound(failures, n, confidence)


class TestObservationsNeeded:
    @pytest.mark.parametrize(
        ("probability", "without_failure"),
        [
            (0.2, (8, 11, 14, 21)),
            (0.1, (16, 22, 29, 44)),
            (0.05, (32, 45, 59, 90)),
            (0.02, (80, 114, 149, 228)),
            (0.01, (161, 230, 299, 459)),
            (0.001, (1609, 2302, 2995, 4603)),
        ],
    )
    def test_without_failure(self, probability: float, without_failure: tuple[int, ...]) -> None:
        found = tuple(observations_needed(probability, confidence) for confidence in (0.8, 0.9, 0.95, 0.99))
        assert found == without_failure

    @pytest.mark.parametrize(
        ("probability", "with_failures"), [(0.1, (46, 61, 76)), (0.05, (93, 124, 153)), (0.01, (473, 628, 773))]
    )
    def test_with_one_to_three_failures_at_95(self, probability: float, with_failures: tuple[int, ...]) -> None:
        assert tuple(observations_needed(probability, 0.95, failures) for failures in (1, 2, 3)) == with_failures

    @given(percent=st.integers(5, 90), failures=st.integers(0, 4), confidence=shares)
    def test_is_the_first_number_that_supports_the_claim(self, percent: int, failures: int, confidence: float) -> None:
        p = Fraction(percent, 100)
        unlikely = 1 - Fraction(str(confidence))
        n = failures + 1
        while exactly_at_most(failures, n, p) > unlikely:
            n += 1
        assert observations_needed(percent / 100, confidence, failures) == n
        assert failure_bound(failures, n, confidence) <= percent / 100 + 1e-9

    def test_says_none_where_nobody_can_try_so_often(self) -> None:
        assert observations_needed(1e-9, 0.95) is None
        assert (observations_needed(1e-6, 0.95) or 0) < MOST_OBSERVATIONS


class TestQuantileBound:
    @pytest.mark.parametrize(
        ("quantile", "needed"), [(0.95, (59, 93, 124)), (0.99, (299, 473, 628)), (0.5, (5, 8, 11))]
    )
    def test_largest_second_and_third_value(self, quantile: float, needed: tuple[int, ...]) -> None:
        assert tuple(values_needed(quantile, 0.95, place) for place in (1, 2, 3)) == needed
        for place, n in enumerate(needed, start=1):
            assert quantile_order(n, quantile, 0.95) == n - place + 1
            less = quantile_order(n - 1, quantile, 0.95)
            assert less is None if place == 1 else less == n - place + 1

    def test_a_hundred_runs_bound_no_p99(self) -> None:
        values = [float(value) for value in range(100)]
        assert quantile_bound(values, 0.99, 0.95) is None
        found = quantile_bound(values, 0.99, 0.63)
        assert found is not None
        assert (found.value, found.from_top) == (99.0, 1)

    @given(n=st.integers(1, 40), quantile=shares, confidence=shares)
    def test_order_is_the_first_that_lies_above_often_enough(self, n: int, quantile: float, confidence: float) -> None:
        q, c = Fraction(str(quantile)), Fraction(str(confidence))
        above = [order for order in range(1, n + 1) if exactly_at_most(order - 1, n, q) >= c]
        assert quantile_order(n, quantile, confidence) == (above[0] if above else None)

    @given(st.lists(st.floats(0, 1e6), min_size=59, max_size=92))
    def test_p95_of_59_to_92_runs_is_their_maximum(self, values: list[float]) -> None:
        found = quantile_bound(values, 0.95, 0.95)
        assert found is not None
        assert found.value == max(values)

    def test_no_values_bound_nothing(self) -> None:
        assert quantile_bound([], 0.5, 0.95) is None


class TestDesignEffect:
    def test_fifty_guests_half_correlated_count_as_not_quite_two(self) -> None:
        assert design_effect(50, 0.5) == 25.5
        assert effective_size(50, 50, 0.5) == 1
        assert effective_size(100, 50, 0.5) == 3

    @given(n=st.integers(0, 5000), members=st.integers(1, 200), correlation=st.floats(0, 1))
    def test_lies_between_groups_and_members(self, n: int, members: int, correlation: float) -> None:
        size = effective_size(n, members, correlation)
        assert min(n, 1) <= size <= n
        assert size >= n // members
        assert effective_size(n, members, 0.0) == n

    def test_refuses_a_correlation_beyond_one(self) -> None:
        with pytest.raises(ValueError, match="design effect"):
            design_effect(10, 1.5)


small = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=5)


class TestRankTest:
    @given(first=small, second=small)
    def test_counts_all_arrangements_ties_or_not(self, first: list[float], second: list[float]) -> None:
        def u(one: list[float], other: list[float]) -> float:
            return sum((b > a) + (b == a) / 2 for a in one for b in other)

        together, seen, as_much, total = first + second, u(first, second), 0, 0
        for chosen in combinations(range(len(together)), len(second)):
            rest = [value for index, value in enumerate(together) if index not in chosen]
            as_much += u(rest, [together[index] for index in chosen]) >= seen
            total += 1
        found = rank_test(first, second)
        assert found.exact
        assert found.p == pytest.approx(as_much / total)
        assert found.superiority == pytest.approx(seen / (len(first) * len(second)))

    def test_agrees_with_the_published_table(self) -> None:
        # One-sided critical value for 5 and 5 at 5 %: U = 4 (that is 21 of 25 the other way); p = 12/252.
        found = rank_test([1, 2, 3, 6, 7], [4, 5, 8, 9, 10])
        assert found.superiority == 21 / 25
        assert found.p == pytest.approx(12 / 252)

    @settings(max_examples=examples(20))
    @given(
        first=st.lists(st.integers(0, 300).map(float), min_size=28, max_size=30, unique=True),
        second=st.lists(st.integers(0, 300).map(float), min_size=28, max_size=30, unique=True),
    )
    def test_approximation_is_near_the_exact_value(self, first: list[float], second: list[float]) -> None:
        exact = rank_test(first, second)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("harness.measure.statistics.EXACT_RANKS_UP_TO", 0)
            near = rank_test(first, second)
        assert (exact.exact, near.exact) == (True, False)
        assert near.p == pytest.approx(exact.p, abs=0.01)

    def test_large_equal_samples_say_nothing(self) -> None:
        assert rank_test([1.0] * 80, [1.0] * 80).p == 1.0

    def test_a_guest_that_never_came_back_is_longest(self) -> None:
        assert rank_test([1.0, 2.0, 3.0, 4.0], [math.inf] * 4).p == pytest.approx(1 / 70)

    def test_needs_values(self) -> None:
        with pytest.raises(ValueError, match="at least one value"):
            rank_test([], [1.0])


class TestFisher:
    def test_tea(self) -> None:
        # Fisher's own example: three of four cups on each side; 17/70.
        assert fisher_test(1, 4, 3, 4) == pytest.approx(17 / 70)

    @given(first=st.integers(0, 6), second=st.integers(0, 6), data=st.data())
    def test_counts_all_ways_to_share_the_failures(self, first: int, second: int, data: st.DataObject) -> None:
        a, b = data.draw(st.integers(0, first)), data.draw(st.integers(0, second))
        ways = [sum(i < second for i in chosen) for chosen in combinations(range(first + second), a + b)]
        assert fisher_test(a, first, b, second) == pytest.approx(sum(each >= b for each in ways) / len(ways))

    @settings(max_examples=examples(40))
    @given(n=st.integers(1, 12), m=st.integers(1, 12), percent=st.integers(0, 100))
    def test_is_wrong_no_oftener_than_it_says(self, n: int, m: int, percent: int) -> None:
        assert fisher_power(n, m, percent / 100, percent / 100) <= 0.05 + 1e-12

    @given(n=st.integers(1, 8), m=st.integers(1, 8), percent=st.integers(1, 60), more=st.integers(0, 39))
    def test_power_is_the_sum_over_all_outcomes(self, n: int, m: int, percent: int, more: int) -> None:
        p, q = percent / 100, (percent + more) / 100
        found = math.fsum(
            math.comb(n, a) * p**a * (1 - p) ** (n - a) * math.comb(m, b) * q**b * (1 - q) ** (m - b)
            for a in range(n + 1)
            for b in range(m + 1)
            if fisher_test(a, n, b, m) <= 0.05
        )
        assert fisher_power(n, m, p, q) == pytest.approx(found, abs=1e-12)

    def test_refuses_more_failures_than_runs(self) -> None:
        with pytest.raises(ValueError, match="5 of 4"):
            fisher_test(5, 4, 0, 4)


class TestRunsNeeded:
    """The approximation gives the numbers of the dossier (224, 108, 60, 49), Fisher's exact test its own."""

    @pytest.mark.parametrize(
        ("first", "second", "approximate", "exact"),
        [(0.01, 0.05, 224, 250), (0.02, 0.1, 108, 124), (0.05, 0.2, 60, 67), (0.1, 0.3, 49, 56)],
    )
    def test_for_a_rising_rate(self, first: float, second: float, approximate: int, exact: int) -> None:
        assert runs_for_rates(first, second) == approximate
        assert fisher_power(exact, exact, first, second) >= 0.8 > fisher_power(exact - 1, exact - 1, first, second)
        if exact < 100:
            assert runs_for_fisher(first, second) == exact

    def test_none_where_more_would_be_needed_than_anybody_has(self) -> None:
        assert runs_for_fisher(0.1, 0.3, most=50) is None

    @pytest.mark.parametrize(
        ("factor", "sigma", "runs"),
        [(1.5, 0.3, 8), (1.5, 0.6, 29), (1.2, 0.3, 36), (1.2, 0.6, 141), (2, 0.3, 3), (2, 0.6, 10)],
    )
    def test_for_growing_durations(self, factor: float, sigma: float, runs: int) -> None:
        assert runs_for_growth(factor, sigma) == runs

    def test_detectable_rate_is_where_the_power_is_reached(self) -> None:
        rate = detectable_rate(56, 56, 0.1)
        assert rate is not None
        assert fisher_power(56, 56, 0.1, rate) == pytest.approx(0.8)
        assert rate == pytest.approx(0.3, abs=0.01)

    def test_three_runs_can_show_no_rate(self) -> None:
        assert detectable_rate(2, 2, 0.0) is None
        assert detectable_rate(0, 5, 0.0) is None

    def test_detectable_rate_of_many_runs_agrees_with_the_approximation(self) -> None:
        rate = detectable_rate(224, 224, 0.01)
        assert rate is not None
        assert rate == pytest.approx(0.05, abs=0.001)

    def test_detectable_growth_undoes_runs_for_growth(self) -> None:
        values = [math.exp(0.3 * sign / math.sqrt(36 / 35)) for sign in [1, -1] * 18]  # standard deviation 0.3
        found = detectable_growth(values, 36)
        assert found is not None
        assert 1.19 < found <= 1.2

    @pytest.mark.parametrize("values", [[], [1.0], [0.0, 0.0, 0.0], [2.0, 2.0, 2.0], [1.0, 2.0]])
    def test_values_that_show_no_spread_say_nothing(self, values: list[float]) -> None:
        assert detectable_growth(values, 2) is None


class TestHolm:
    def test_example(self) -> None:
        assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))

    @given(st.lists(st.floats(0, 1), max_size=6), st.floats(0.001, 0.999))
    def test_rejects_what_the_stepwise_procedure_rejects(self, values: list[float], level: float) -> None:
        rejected: set[int] = set()
        for place, index in enumerate(sorted(range(len(values)), key=values.__getitem__)):
            if (len(values) - place) * values[index] > level:
                break
            rejected.add(index)
        assert {index for index, p in enumerate(holm(values)) if p <= level} == rejected
