"""Did it get worse?  Two groups of runs, kind by kind.  Pure: observations in, numbers and text out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.judge.claims import count, key_plain, percent
from harness.judge.history import NO_FAULTS, HistoryKey
from harness.judge.observations import FAILED, VERDICT, Observed, Per
from harness.measure.statistics import (
    POWER,
    SIGNIFICANCE,
    RankTest,
    detectable_growth,
    detectable_rate,
    fisher_test,
    holm,
    rank_test,
)


@dataclass(frozen=True, slots=True)
class LongerTest:
    """Did the values grow?  `p` of the rank test, `adjusted` for the number of tests; `detectable` the smallest factor
    that so many runs would show (None: the first group does not vary, or there are too few)."""

    rank: RankTest
    detectable: float | None
    adjusted: float


@dataclass(frozen=True, slots=True)
class OftenerTest:
    """Do more observations break the limit, or, without one, more runs fail or get stuck?  Failures of either group and
    their sizes; `detectable` the smallest rate of the second that so many would show."""

    failures: tuple[int, int]
    sizes: tuple[int, int]
    p: float
    detectable: float | None
    adjusted: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """One kind of run in both groups; `key` is that of the first one, the versions may differ."""

    first: Observed
    second: Observed
    limit: float | None
    longer: LongerTest | None
    oftener: OftenerTest

    @property
    def key(self) -> HistoryKey:
        """The kind of the first group's runs."""
        return self.first.key

    @property
    def worse(self) -> bool:
        """Does one of the tests say so, with the number of tests taken into account?"""
        tests = (self.longer, self.oftener)
        return any(test is not None and test.adjusted <= SIGNIFICANCE for test in tests)


def likeness(key: HistoryKey) -> HistoryKey:
    """What both groups must have in common: everything but the versions."""
    return replace(key, versions="")


@dataclass(frozen=True, slots=True)
class Pairing:
    """Kinds of runs that are in both groups, and those that are in one only."""

    pairs: tuple[tuple[Observed, Observed], ...]
    only_first: tuple[HistoryKey, ...]
    only_second: tuple[HistoryKey, ...]


def pair(first: Sequence[Observed], second: Sequence[Observed]) -> Pairing:
    """Match both groups by likeness; several versions within one group are put together."""
    left, right = _alike(first), _alike(second)
    return Pairing(
        tuple((left[key], right[key]) for key in left if key in right),
        tuple(left[key].key for key in left if key not in right),
        tuple(right[key].key for key in right if key not in left),
    )


def _alike(group: Sequence[Observed]) -> dict[tuple[HistoryKey, str], Observed]:
    found: dict[tuple[HistoryKey, str], Observed] = {}
    for each in group:
        same = (likeness(each.key), each.vm_class)
        if same in found:
            before = found[same]
            versions = " and ".join(dict.fromkeys([*before.key.versions.split(" and "), each.key.versions]))
            key = replace(before.key, versions=versions)
            each = replace(
                before,
                key=key,
                values=before.values + each.values,
                runs=before.runs + each.runs,
                incomplete=before.incomplete + each.incomplete,
            )
        found[same] = each
    return found


def compare(pairs: Sequence[tuple[Observed, Observed]], limit: float | None) -> tuple[Comparison, ...]:
    """All comparisons, of at least one pair; Holm's correction takes the number of tests into account, and so do the
    detectable changes."""
    each_pair = 1 if all(first.measure.name == VERDICT for first, _ in pairs) else 2
    # What the correction asks of the best of the tests: of that size a change is found whatever the others say.
    level = SIGNIFICANCE / (each_pair * len(pairs))
    raw = [_comparison(first, second, limit, level) for first, second in pairs]
    tests = [test for each in raw for test in (each.longer, each.oftener) if test is not None]
    values = iter(holm([test.rank.p if isinstance(test, LongerTest) else test.p for test in tests]))
    found = []
    for each in raw:
        longer = replace(each.longer, adjusted=next(values)) if each.longer else None
        oftener = replace(each.oftener, adjusted=next(values))
        found.append(replace(each, longer=longer, oftener=oftener))
    return tuple(found)


def _comparison(first: Observed, second: Observed, limit: float | None, level: float) -> Comparison:
    measure, one, other = first.measure, first.numbers, second.numbers
    longer = None
    if measure.name != VERDICT and one and other:
        up = measure.comparison != ">="
        worse = (one, other) if up else (tuple(-value for value in one), tuple(-value for value in other))
        growth = detectable_growth(one, len(other), significance=level) if up else None
        longer = LongerTest(rank_test(*worse), growth, 1.0)
    failed = _failures(first, limit), _failures(second, limit)
    p = fisher_test(*failed[0], *failed[1])
    (before, first_n), (after, second_n) = failed
    rate = detectable_rate(first_n, second_n, before / first_n, significance=level) if first_n else None
    oftener = OftenerTest((before, after), (first_n, second_n), p, rate, 1.0)
    return Comparison(first, second, limit, longer, oftener)


def _failures(observed: Observed, limit: float | None) -> tuple[int, int]:
    """How many broke the limit, of how many; without a limit, how many runs failed or got stuck, early ones too."""
    if limit is None:
        runs = (*observed.runs, *observed.incomplete)
        return sum(run.verdict in FAILED for run in runs), len(runs)
    return sum(observed.measure.beyond(value, limit) for value in observed.numbers), len(observed.values)


# --- words -----------------------------------------------------------------------------------------------------------


def comparison_lines(each: Comparison) -> Iterator[str]:
    """One comparison in words."""
    first, second = each.first, each.second
    measure = first.measure
    yield _kind(each)
    yield each.key.label
    if each.longer is not None:
        yield f"  {measure.name}: median {_median(first)} of {len(first.values)}, then {_median(second)} of " + str(
            len(second.values)
        )
        yield f"  {_longer(each.longer, measure.comparison)}"
    test = each.oftener
    verdicts = each.limit is None or measure.name == VERDICT
    what = "fail or stuck" if verdicts else f"beyond {measure.text(each.limit or 0.0)}"
    yield f"  {what}: {test.failures[0]} of {test.sizes[0]}, then {test.failures[1]} of {test.sizes[1]}"
    yield f"  {_oftener(test)}"
    yield "  " + ("WORSE" if each.worse else "no change for the worse was shown; that is no proof that there is none")


def _kind(each: Comparison) -> str:
    first, second = each.first.key, each.second.key
    if first.versions == second.versions:
        return str(first)
    return f"{first}; then {second.versions}"


def _median(observed: Observed) -> str:
    numbers = sorted(observed.numbers)
    middle = len(numbers) // 2
    value = numbers[middle] if len(numbers) % 2 else (numbers[middle - 1] + numbers[middle]) / 2
    return observed.measure.text(value)


def _longer(test: LongerTest, comparison: str) -> str:
    how = "exact" if test.rank.exact else "normal approximation"
    direction = "smaller" if comparison == ">=" else "larger"
    text = (
        f"rank test ({how}): a later one is {direction} with probability {test.rank.superiority:.2f}; "
        f"{_p(test.rank.p, test.adjusted)}"
    )
    if test.detectable is None:
        return f"{text}; so few, or so equal, values would show no growth"
    return f"{text}; growth by {test.detectable:.2f} times would be found in {percent(POWER)} of cases"


def _oftener(test: OftenerTest) -> str:
    text = f"Fisher's exact test: {_p(test.p, test.adjusted)}"
    if test.detectable is None:
        return f"{text}; so few cannot show any rise of the rate"
    return f"{text}; a rate of {percent(test.detectable)} would be found in {percent(POWER)} of cases"


def _p(p: float, adjusted: float) -> str:
    more = "" if math.isclose(p, adjusted) else f", {adjusted:.3g} for the number of tests (Holm)"
    return f"p = {p:.3g}{more}"


def pairing_lines(pairing: Pairing) -> Iterator[str]:
    """What could not be compared."""
    for where, keys in (("first", pairing.only_first), ("second", pairing.only_second)):
        for key in keys:
            yield f"not compared, only in the {where} group: {key}"
    if any(key.faults != NO_FAULTS for key in (*pairing.only_first, *pairing.only_second)):
        yield "  runs are compared only with runs of the very same fault schedule"


def assumptions(comparisons: Sequence[Comparison], per: Per) -> str:
    """What must be true for the tests to hold."""
    tests = sum(test is not None for each in comparisons for test in (each.longer, each.oftener))
    return (
        f"assumed: {per}s are independent, and both groups differ only in what is compared; {count(tests, 'test')}, "
        f"one-sided, together wrong in at most {percent(SIGNIFICANCE)} of cases"
    )


def comparison_plain(each: Comparison) -> dict[str, Any]:
    """Plain data of a comparison."""
    longer, oftener = each.longer, each.oftener
    return {
        "key": key_plain(each.key),
        "label": each.key.label,
        "versions": [each.first.key.versions, each.second.key.versions],
        "metric": each.first.measure.name,
        "unit": each.first.measure.unit,
        "limit": each.limit,
        "n": [len(each.first.values), len(each.second.values)],
        "runs": [[run.run_id for run in (*group.runs, *group.incomplete)] for group in (each.first, each.second)],
        "longer": longer
        and {
            "superiority": longer.rank.superiority,
            "p": longer.rank.p,
            "exact": longer.rank.exact,
            "adjusted": longer.adjusted,
            "detectable_factor": longer.detectable,
        },
        "oftener": {
            "failures": list(oftener.failures),
            "of": list(oftener.sizes),
            "p": oftener.p,
            "adjusted": oftener.adjusted,
            "detectable_rate": oftener.detectable,
        },
        "worse": each.worse,
    }
