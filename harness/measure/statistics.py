"""What a number of runs supports: bounds, tests, and how many runs a claim needs.

Pure arithmetic on counts and values, with the standard library alone.  Everything here supposes independent
observations; `effective_size` says what is left of observations that are not.  A *confidence* c is a number between 0
and 1: in at most 1 - c of all cases a bound with confidence c lies on the wrong side of the truth.

Methods: exact one-sided bound of a proportion (Clopper and Pearson 1934), distribution-free bound of a quantile by an
order statistic (Wilks 1941), rank test (Mann and Whitney 1947), exact test of two rates (Fisher 1935), design effect
(Kish 1965), multiplicity (Holm 1979).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import NormalDist
from typing import Final

SIGNIFICANCE: Final = 0.05
"""One-sided level of a comparison: so seldom may it speak of a change that is none [INF]."""

POWER: Final = 0.8
"""Share of the cases in which a change of the detectable size is found [INF]."""

EXACT_RANKS_UP_TO: Final = 60
"""Values in both samples up to which the rank test counts all arrangements; above, the normal approximation is closer
than any decision needs [INF]."""

EXACT_POWER_UP_TO: Final = 400
"""Runs in both groups up to which the power of Fisher's test is summed exactly [INF]."""

MOST_OBSERVATIONS: Final = 10_000_000
"""A claim that needs more is no claim that can be made by trying [INF]."""

_NORMAL: Final = NormalDist()
_EQUAL: Final = 1e-12
"""Relative rounding error of a sum of probabilities."""
_NEGLIGIBLE: Final = 1e-19


def binomial_at_most(k: int, n: int, p: float) -> float:
    """Probability of at most `k` failures among `n`, each with probability `p`."""
    if not 0 <= p <= 1 or n < 0:
        raise ValueError(f"no binomial distribution has n = {n} and p = {p}")
    if k < 0:
        return 0.0
    if k >= n or p == 0:
        return 1.0
    if p == 1:
        return 0.0
    # The tail away from the middle is summed: fewer terms, and no loss by subtraction where the result is small.
    if k <= n * p:
        return min(1.0, _tail(range(k, -1, -1), n, p))
    return max(0.0, 1.0 - _tail(range(k + 1, n + 1), n, p))


def _tail(failures: Iterable[int], n: int, p: float) -> float:
    """Sum of a tail, beginning at its largest term and ending where the terms make no difference any more."""
    terms: list[float] = []
    for k in failures:
        terms.append(_binomial(k, n, p))
        if terms[-1] <= terms[0] * _NEGLIGIBLE:
            break
    return math.fsum(terms)


def _binomial(k: int, n: int, p: float) -> float:
    log_choose = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(log_choose + k * math.log(p) + (n - k) * math.log1p(-p))


def failure_bound(failures: int, n: int, confidence: float) -> float:
    """Exact (Clopper–Pearson) one-sided upper bound of the probability of a failure, after `failures` of `n`.

    The largest p with which so few failures are still seen with a probability of at least 1 - `confidence`; 1 when
    nothing was observed or everything failed.  Raises ValueError for counts or a confidence that cannot be.
    """
    _check_confidence(confidence)
    if not 0 <= failures <= n:
        raise ValueError(f"{failures} failures of {n} cannot be")
    if failures == n:
        return 1.0
    if failures == 0:
        return -math.expm1(math.log1p(-confidence) / n)
    return _largest(lambda p: binomial_at_most(failures, n, p) >= 1 - confidence, 0.0, 1.0)


def observations_needed(probability: float, confidence: float, failures: int = 0) -> int | None:
    """How many observations with `failures` failures among them support "the probability of a failure is at most
    `probability`"; None when they would be more than `MOST_OBSERVATIONS`.

    Raises ValueError for a probability or a confidence that is not between 0 and 1.
    """
    _check_confidence(confidence)
    if not 0 < probability < 1:
        raise ValueError(f"a claim is about a probability between 0 and 1, not {probability}")
    too_likely = (1 - confidence) * (1 + _EQUAL)
    return _smallest(lambda n: binomial_at_most(failures, n, probability) <= too_likely, failures + 1)


@dataclass(frozen=True, slots=True)
class OrderBound:
    """An upper bound of a quantile: `value` is the `order`-th smallest of `n` values."""

    value: float
    order: int
    n: int

    @property
    def from_top(self) -> int:
        """Place counted from the largest, which is 1."""
        return self.n - self.order + 1


def quantile_order(n: int, quantile: float, confidence: float) -> int | None:
    """Which of `n` values, counted from the smallest, is an upper bound of the quantile; None when there are too few.

    The r-th smallest lies below the quantile only if r or more values do.  Supposes nothing about the distribution.
    """
    _check_confidence(confidence)
    if not 0 < quantile < 1:
        raise ValueError(f"a quantile lies between 0 and 1, not at {quantile}")
    wanted = confidence * (1 - _EQUAL)
    if binomial_at_most(n - 1, n, quantile) < wanted or n < 1:
        return None
    low, high = 1, n
    while low < high:
        middle = (low + high) // 2
        if binomial_at_most(middle - 1, n, quantile) >= wanted:
            high = middle
        else:
            low = middle + 1
    return low


def quantile_bound(values: Sequence[float], quantile: float, confidence: float) -> OrderBound | None:
    """Upper confidence bound of a quantile from the values themselves; None when there are too few of them."""
    order = quantile_order(len(values), quantile, confidence)
    return None if order is None else OrderBound(sorted(values)[order - 1], order, len(values))


def values_needed(quantile: float, confidence: float, from_top: int = 1) -> int | None:
    """How many values are needed for the `from_top`-th largest of them to be an upper bound of the quantile."""
    return observations_needed(1 - quantile, confidence, from_top - 1)


def design_effect(members: float, correlation: float) -> float:
    """By how much observations in groups of `members`, with `correlation` within a group, count less: 1 + (m - 1) ρ.

    Raises ValueError for an empty group or a correlation that is not between 0 and 1.
    """
    if members < 1 or not 0 <= correlation <= 1:
        raise ValueError(f"no design effect of groups of {members} with correlation {correlation}")
    return 1 + (members - 1) * correlation


def effective_size(n: int, members: float, correlation: float) -> int:
    """How many independent observations `n` in groups of `members` are worth, rounded down; at least one of any."""
    return max(min(n, 1), math.floor(n / design_effect(members, correlation) * (1 + _EQUAL)))


@dataclass(frozen=True, slots=True)
class RankTest:
    """Are the values of the second sample larger?  `superiority` is the estimated probability that one of the second is
    larger than one of the first (ties count half; 0.5 means no difference); `p` the probability of as much or more by
    chance; `exact` whether all arrangements were counted."""

    superiority: float
    p: float
    exact: bool


def rank_test(first: Sequence[float], second: Sequence[float]) -> RankTest:
    """Mann–Whitney test against "the second sample is larger", one-sided.

    Ties share their mean rank.  The exact test counts all arrangements of the very ranks that were seen, so ties do it
    no harm; the approximation corrects for ties and continuity.  Raises ValueError for an empty sample.
    """
    if not first or not second:
        raise ValueError("a rank test needs at least one value on either side")
    ranks, ties = _doubled_ranks([*first, *second])
    m, n = len(first), len(second)
    total = sum(ranks[m:])
    u = total / 2 - n * (n + 1) / 2
    if m + n <= EXACT_RANKS_UP_TO:
        return RankTest(u / (m * n), _share_at_least(ranks, n, total), exact=True)
    spread = m * n / 12 * (m + n + 1 - sum(t**3 - t for t in ties) / ((m + n) * (m + n - 1)))
    if spread <= 0:
        return RankTest(u / (m * n), 1.0, exact=False)
    z = (u - m * n / 2 - 0.5) / math.sqrt(spread)
    return RankTest(u / (m * n), _NORMAL.cdf(-z), exact=False)


def _doubled_ranks(values: Sequence[float]) -> tuple[list[int], list[int]]:
    """Twice the mean rank of each value, which is whole, and the sizes of the groups of equal values."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks, ties, below = [0] * len(values), [], 0
    for _, group in groupby(order, key=values.__getitem__):
        members = list(group)
        for index in members:
            ranks[index] = 2 * below + len(members) + 1
        ties.append(len(members))
        below += len(members)
    return ranks, ties


def _share_at_least(ranks: Sequence[int], n: int, total: int) -> float:
    """Share of all choices of `n` ranks whose sum is at least `total`.

    The numbers of choices by their sum are digits of one large number, base 2**width: adding an element is one shift.
    """
    choices = math.comb(len(ranks), n)
    width = choices.bit_length() + 1
    by_size = [1] + [0] * n
    for rank in ranks:
        for size in range(n, 0, -1):
            by_size[size] += by_size[size - 1] << (rank * width)
    rest, mask, found = by_size[n] >> (total * width), (1 << width) - 1, 0
    while rest:
        found += rest & mask
        rest >>= width
    return found / choices


def fisher_test(first_failures: int, first: int, second_failures: int, second: int) -> float:
    """Fisher's exact test against "the second group fails more often", one-sided: the probability of as many or more of
    all failures in the second group, were both the same.  Raises ValueError for counts that cannot be."""
    if not (0 <= first_failures <= first and 0 <= second_failures <= second):
        raise ValueError(f"{first_failures} of {first} and {second_failures} of {second} failures cannot be")
    failures = first_failures + second_failures
    most = min(failures, second)
    ways = sum(math.comb(second, i) * math.comb(first, failures - i) for i in range(second_failures, most + 1))
    return ways / math.comb(first + second, failures)


def fisher_power(
    first: int, second: int, first_rate: float, second_rate: float, significance: float = SIGNIFICANCE
) -> float:
    """Probability that Fisher's exact test finds the second group worse, given the true rates of failure."""
    return _power(_critical(first, second, significance), second, (first, first_rate), second_rate)


def _critical(first: int, second: int, significance: float) -> list[int]:
    """For each number of failures of the first group, the fewest of the second that are significant (second + 1:
    none)."""
    found, least = [], 0
    for failures in range(first + 1):
        while least <= second and fisher_test(failures, first, least, second) > significance:
            least += 1
        found.append(least)
    return found


def _power(critical: Sequence[int], second: int, first: tuple[int, float], second_rate: float) -> float:
    n, rate = first
    terms = []
    for failures, least in enumerate(critical):
        weight = _exact_share(failures, n, rate)
        if weight > 1e-15 and least <= second:
            terms.append(weight * (1 - binomial_at_most(least - 1, second, second_rate)))
    return math.fsum(terms)


def _exact_share(k: int, n: int, p: float) -> float:
    if p in (0.0, 1.0):
        return float(k == (n if p else 0))
    return _binomial(k, n, p)


def detectable_rate(
    first: int, second: int, first_rate: float, *, significance: float = SIGNIFICANCE, power: float = POWER
) -> float | None:
    """The smallest rate of failure of the second group that Fisher's exact test finds with this power; None when not
    even failures throughout would be found.  Above `EXACT_POWER_UP_TO` runs by the normal approximation."""
    if first < 1 or second < 1:
        return None
    if first + second > EXACT_POWER_UP_TO:
        z = (_NORMAL.inv_cdf(1 - significance), _NORMAL.inv_cdf(power))
        return _largest(lambda rate: _approximate_z(first_rate, first, rate, second, z) < 0, first_rate, 1.0)
    critical = _critical(first, second, significance)
    if _power(critical, second, (first, first_rate), 1.0) < power:
        return None
    return _largest(lambda rate: _power(critical, second, (first, first_rate), rate) < power, first_rate, 1.0)


def _approximate_z(rate: float, first: int, other: float, second: int, z: tuple[float, float]) -> float:
    """How far the distance of two rates is beyond the detectable one; negative when it is not."""
    mean = (first * rate + second * other) / (first + second)
    alike = z[0] * math.sqrt(mean * (1 - mean) * (1 / first + 1 / second))
    apart = z[1] * math.sqrt(rate * (1 - rate) / first + other * (1 - other) / second)
    return other - rate - alike - apart


def runs_for_rates(
    first_rate: float, second_rate: float, *, significance: float = SIGNIFICANCE, power: float = POWER
) -> int:
    """Runs of each group for a rise of the rate of failure to be found, by the normal approximation with pooled
    variance and without continuity correction.

    From 1 to 5 % 224, from 2 to 10 % 108, from 5 to 20 % 60, from 10 to 30 % 49.  Fisher's exact test, which
    `hil judge compare` uses, is cautious with so few failures and needs more: `runs_for_fisher`.
    """
    if not 0 <= first_rate < second_rate <= 1:
        raise ValueError(f"no rise from {first_rate} to {second_rate}")
    mean = (first_rate + second_rate) / 2
    alike = _NORMAL.inv_cdf(1 - significance) * math.sqrt(2 * mean * (1 - mean))
    apart = _NORMAL.inv_cdf(power) * math.sqrt(first_rate * (1 - first_rate) + second_rate * (1 - second_rate))
    return math.ceil(((alike + apart) / (second_rate - first_rate)) ** 2)


def runs_for_fisher(
    first_rate: float, second_rate: float, *, significance: float = SIGNIFICANCE, power: float = POWER, most: int = 500
) -> int | None:
    """Runs of each group from which on Fisher's exact test finds a rise of the rate of failure; None above `most`.

    From 1 to 5 % 250, from 2 to 10 % 124, from 5 to 20 % 67, from 10 to 30 % 56: a tenth more than the 224, 108, 60 and
    49 of `runs_for_rates`, since with so few failures the test uses only a part of its significance.  The power grows
    in small steps and falls a little between them; the number is the first that reaches it.
    """
    start = max(1, runs_for_rates(first_rate, second_rate, significance=significance, power=power) * 9 // 10)
    for n in range(start, most + 1):
        if fisher_power(n, n, first_rate, second_rate, significance) >= power:
            return n
    return None


_RANK_EFFICIENCY: Final = 3 / math.pi
"""Of the rank test against the t-test for normal values (Hodges and Lehmann 1956)."""


def runs_for_growth(factor: float, sigma: float, *, significance: float = SIGNIFICANCE, power: float = POWER) -> int:
    """Runs of each group for durations that are `factor` times as long to be found by the rank test, for log-normal
    durations with standard deviation `sigma` of the logarithm."""
    if factor <= 1 or sigma <= 0:
        raise ValueError(f"no growth by the factor {factor} with a spread of {sigma}")
    distance = math.log(factor) / sigma
    return math.ceil(2 * (_needed_z(significance, power) / distance) ** 2 / _RANK_EFFICIENCY)


def detectable_growth(
    first: Sequence[float], second_size: int, *, significance: float = SIGNIFICANCE, power: float = POWER
) -> float | None:
    """The smallest factor by which durations like those of `first` must grow for the rank test to find it.

    The spread is estimated from their logarithms; None when fewer than two differ from zero, when they do not vary, or
    when the samples are so small that not even a complete separation is significant.
    """
    logs = [math.log(value) for value in first if 0 < value < math.inf]
    if len(logs) < 2 or second_size < 1 or 1 / math.comb(len(first) + second_size, second_size) > significance:
        return None
    mean = math.fsum(logs) / len(logs)
    variance = math.fsum((value - mean) ** 2 for value in logs) / (len(logs) - 1)
    if variance <= 0:
        return None
    shares = (1 / len(first) + 1 / second_size) / _RANK_EFFICIENCY
    return math.exp(_needed_z(significance, power) * math.sqrt(variance * shares))


def _needed_z(significance: float, power: float) -> float:
    return _NORMAL.inv_cdf(1 - significance) + _NORMAL.inv_cdf(power)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """The values adjusted for their number, in the same order: below a level exactly where Holm's procedure rejects at
    that level."""
    adjusted, worst = [0.0] * len(p_values), 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        worst = max(worst, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = worst
    return tuple(adjusted)


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1, not at {confidence}")


def _largest(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Where `holds` ceases between `low` and `high`, to the last bit of a float; errs to the high side."""
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return high
        if holds(middle):
            low = middle
        else:
            high = middle


def _smallest(holds: Callable[[int], bool], low: int) -> int | None:
    """The smallest number from `low` on from which `holds`; None above MOST_OBSERVATIONS."""
    high = low
    while not holds(high):
        if high >= MOST_OBSERVATIONS:
            return None
        low, high = high + 1, min(high * 2, MOST_OBSERVATIONS)
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
