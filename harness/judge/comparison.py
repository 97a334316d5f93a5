"""Did it get worse?  Two groups of runs, kind by kind.  Pure: observations in, numbers and text out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from harness.judge.claims import count, key_plain, percent, value_text
from harness.judge.history import NO_FAULTS, HistoryKey
from harness.judge.observations import VERDICT, Observed
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
from harness.measure.units import spoken


@dataclass(frozen=True, slots=True)
class LongerTest:
    """Did the values grow?  `p` of the rank test, `adjusted` for the number of tests; `detectable` the smallest factor
    that so many runs would show (None: the first group does not vary, or there are too few)."""

    rank: RankTest
    detectable: float | None
    adjusted: float


@dataclass(frozen=True, slots=True)
class OftenerTest:
    """Do more observations break the limit?  Failures of either group; `detectable` the smallest rate of the second
    that so many would show."""

    failures: tuple[int, int]
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
    oftener: OftenerTest | None

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
            each = replace(before, key=key, values=before.values + each.values, runs=before.runs + each.runs)
        found[same] = each
    return found


def compare(pairs: Sequence[tuple[Observed, Observed]], limit: float | None) -> tuple[Comparison, ...]:
    """All comparisons; Holm's correction takes their number into account."""
    raw = [_comparison(first, second, limit) for first, second in pairs]
    tests = [test for each in raw for test in (each.longer, each.oftener) if test is not None]
    values = iter(holm([test.rank.p if isinstance(test, LongerTest) else test.p for test in tests]))
    found = []
    for each in raw:
        longer = replace(each.longer, adjusted=next(values)) if each.longer else None
        oftener = replace(each.oftener, adjusted=next(values)) if each.oftener else None
        found.append(replace(each, longer=longer, oftener=oftener))
    return tuple(found)


def _comparison(first: Observed, second: Observed, limit: float | None) -> Comparison:
    measure, one, other = first.measure, first.numbers, second.numbers
    longer = oftener = None
    if measure.name != VERDICT:
        up = measure.comparison != ">="
        worse = (one, other) if up else (tuple(-value for value in one), tuple(-value for value in other))
        growth = detectable_growth(one, len(other)) if up else None
        longer = LongerTest(rank_test(*worse), growth, 1.0)
    if limit is not None:
        failed = [sum(measure.beyond(value, limit) for value in values) for values in (one, other)]
        p = fisher_test(failed[0], len(one), failed[1], len(other))
        rate = detectable_rate(len(one), len(other), failed[0] / len(one))
        oftener = OftenerTest((failed[0], failed[1]), p, rate, 1.0)
    return Comparison(first, second, limit, longer, oftener)


# --- words -----------------------------------------------------------------------------------------------------------

_MANY: Final = "runs"


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
    if each.oftener is not None:
        before, after = each.oftener.failures
        what = "failed or stuck" if measure.name == VERDICT else f"beyond {spoken(each.limit or 0.0, measure.unit)}"
        yield f"  {what}: {before} of {len(first.values)}, then {after} of {len(second.values)}"
        yield f"  {_oftener(each.oftener)}"
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
    return value_text(value, observed.measure.unit)


def _longer(test: LongerTest, comparison: str) -> str:
    how = "all arrangements counted" if test.rank.exact else "normal approximation"
    direction = "smaller" if comparison == ">=" else "larger"
    text = (
        f"rank test: a later one is {direction} than an earlier one with probability {test.rank.superiority:.2f}; "
        f"{_p(test.rank.p, test.adjusted)} ({how})"
    )
    if test.detectable is None:
        return f"{text}; what so few, or so equal, values would show cannot be said"
    return f"{text}; growth by a factor of {test.detectable:.2f} would be found in {percent(POWER)} of cases"


def _oftener(test: OftenerTest) -> str:
    text = f"Fisher's exact test: {_p(test.p, test.adjusted)}"
    if test.detectable is None:
        return f"{text}; so few {_MANY} cannot show any rise of the rate"
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


def assumptions(comparisons: Sequence[Comparison]) -> str:
    """What must be true for the tests to hold."""
    tests = sum(test is not None for each in comparisons for test in (each.longer, each.oftener))
    return (
        f"assumed: runs are independent, and both groups differ only in what is compared; {count(tests, 'test')}, "
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
        "runs": [[run.run_id for run in group.runs] for group in (each.first, each.second)],
        "longer": longer
        and {
            "superiority": longer.rank.superiority,
            "p": longer.rank.p,
            "exact": longer.rank.exact,
            "adjusted": longer.adjusted,
            "detectable_factor": longer.detectable,
        },
        "oftener": oftener
        and {
            "failures": list(oftener.failures),
            "p": oftener.p,
            "adjusted": oftener.adjusted,
            "detectable_rate": oftener.detectable,
        },
        "worse": each.worse,
    }
