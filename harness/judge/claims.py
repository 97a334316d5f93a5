"""What stored runs support, in numbers and in words.  Pure: observations in, text out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.judge.history import HistoryKey, LeftOut
from harness.judge.observations import VERDICT, Measure, Observed, Per
from harness.measure.statistics import (
    design_effect,
    effective_size,
    failure_bound,
    observations_needed,
    quantile_bound,
    values_needed,
)

STRONGER: Final = (0.10, 0.05, 0.01)
"""Probabilities for which a claim says how many more clean observations it needs."""

QUANTILES: Final = (0.5, 0.9, 0.95, 0.99)

CORRELATION: Final = 0.5
"""Of the guests of one run, where nobody says better: fifty of them count as two [INF]."""

LEFT_OUT_SHOWN: Final = 8

_ONE: Final = {Per.RUN: "run", Per.DRAIN: "drain", Per.VM: "virtual machine"}
_MANY: Final = {Per.RUN: "runs", Per.DRAIN: "drains", Per.VM: "virtual machines"}


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be claimed: that the measure keeps `limit` (None: only what the values are), at `confidence`."""

    limit: float | None
    confidence: float
    correlation: float = CORRELATION


@dataclass(frozen=True, slots=True)
class Stronger:
    """For a failure probability of at most `probability`: observations needed in all, how many are missing, and in how
    many runs like those at hand they come (None: more than anybody can try)."""

    probability: float
    needed: int | None
    more: int | None
    runs: int | None


@dataclass(frozen=True, slots=True)
class QuantileClaim:
    """`value` is an upper bound of the quantile, the `from_top`-th largest value; None: `needed` values allow one."""

    quantile: float
    value: float | None
    from_top: int | None
    needed: int | None


@dataclass(frozen=True, slots=True)
class Claim:
    """What the observations of one kind of run support.

    `failures` of `n` observations broke the limit; they count as `effective_failures` of `effective_n` independent
    ones.  `bound` is the upper bound of the probability of a failure (None: no limit was asked for).
    """

    observed: Observed
    wish: Wish
    n: int
    failures: int
    effective_n: int
    effective_failures: int
    design_effect: float
    bound: float | None
    stronger: tuple[Stronger, ...]
    quantiles: tuple[QuantileClaim, ...]

    @property
    def key(self) -> HistoryKey:
        """The kind of the runs."""
        return self.observed.key


def claim_of(observed: Observed, wish: Wish) -> Claim:
    """The claim of one kind of run; of `Observed` with at least one value."""
    numbers, runs = observed.numbers, len(observed.runs)
    n = len(numbers)
    effect = design_effect(n / runs, wish.correlation) if observed.per is Per.VM else 1.0
    limited = wish.limit is not None
    failures = sum(observed.measure.beyond(value, wish.limit) for value in numbers) if wish.limit is not None else 0
    effective_n = effective_size(n, n / runs, wish.correlation) if observed.per is Per.VM else n
    effective_failures = min(effective_n, math.ceil(failures / effect - 1e-9))
    stronger = tuple(_stronger(observed, wish, (effective_failures, effective_n), effect)) if limited else ()
    return Claim(
        observed=observed,
        wish=wish,
        n=n,
        failures=failures,
        effective_n=effective_n,
        effective_failures=effective_failures,
        design_effect=effect,
        bound=failure_bound(effective_failures, effective_n, wish.confidence) if limited else None,
        stronger=stronger,
        quantiles=tuple(_quantiles(observed, wish.confidence)),
    )


def _stronger(observed: Observed, wish: Wish, counted: tuple[int, int], effect: float) -> Iterator[Stronger]:
    each_run = len(observed.values) / len(observed.runs)
    failures, n = counted
    for probability in STRONGER:
        needed = observations_needed(probability, wish.confidence, failures)
        if needed is None:
            yield Stronger(probability, None, None, None)
            continue
        more = max(0, math.ceil((needed - n) * effect - 1e-9))
        yield Stronger(probability, len(observed.values) + more, more, math.ceil(more / each_run - 1e-9))


def _quantiles(observed: Observed, confidence: float) -> Iterator[QuantileClaim]:
    """Of values that are independent and bounded from above; guests of one run are not."""
    if observed.per is Per.VM or observed.measure.name == VERDICT or observed.measure.comparison != "<=":
        return
    for quantile in QUANTILES:
        found = quantile_bound(observed.numbers, quantile, confidence)
        if found is not None:
            yield QuantileClaim(quantile, found.value, found.from_top, None)
        else:
            yield QuantileClaim(quantile, None, None, values_needed(quantile, confidence))


# --- words -----------------------------------------------------------------------------------------------------------


def claim_lines(claim: Claim) -> Iterator[str]:
    """The claim in words, its kind of run first."""
    observed = claim.observed
    runs, per = observed.runs, observed.per
    yield str(claim.key)
    yield claim.key.label
    yield f"  from {count(len(runs), 'run')} of {', '.join(sorted({run.scenario for run in runs}))}{_on_labs(observed)}"
    if claim.bound is not None:
        yield f"  {sentence(claim)}"
        if claim.failures:
            yield f"  beyond it: {_failed_runs(claim)}"
        yield f"  for a stronger claim at {percent(claim.wish.confidence)}, if all further {_MANY[per]} are clean:"
        yield from (f"    {line}" for line in _stronger_lines(claim))
    yield from (f"  {line}" for line in _value_lines(claim))


def _failed_runs(claim: Claim) -> str:
    """The runs with observations beyond the limit, and how many each has."""
    found: dict[str, int] = {}
    for run_id, value in claim.observed.values:
        if claim.wish.limit is not None and claim.observed.measure.beyond(value, claim.wish.limit):
            found[run_id] = found.get(run_id, 0) + 1
    shown = [run_id if number == 1 else f"{run_id} ({number})" for run_id, number in found.items()][:LEFT_OUT_SHOWN]
    more = len(found) - len(shown)
    return ", ".join(shown) + (f" and {count(more, 'more run')}" if more else "")


def _on_labs(observed: Observed) -> str:
    labs = sorted({run.lab for run in observed.runs} - {""})
    guests = sorted({run.guests for run in observed.runs})
    many = str(guests[0]) if len(guests) == 1 else f"{guests[0]} to {guests[-1]}"
    machines = f", {many} virtual machines" if guests[-1] else ""
    vm_class = f", class {observed.vm_class}" if observed.per is Per.VM and observed.vm_class != "all" else ""
    where = " on " + ", ".join(labs) if labs else ""
    return f"{where}{machines}{vm_class}"


def sentence(claim: Claim) -> str:
    """`0 of 24 drains had a virtual machine away for more than 2 s: at most 11.7 % at 95 %, if drains are
    independent`."""
    per = claim.observed.per
    what = f"{claim.failures} of {claim.n} {_MANY[per]} {_failed(claim.observed.measure, per, claim.wish.limit)}"
    bound = f"at most {percent(claim.bound or 0.0)} at {percent(claim.wish.confidence)}"
    if per is not Per.VM:
        return f"{what}: {bound}, if {_MANY[per]} are independent"
    worth = f"{claim.effective_failures} of {claim.effective_n}"
    effect = f"design effect {claim.design_effect:.3g} with a correlation of {claim.wish.correlation:g} within a run"
    return f"{what}: {bound}, counted as {worth} independent ones ({effect})"


def _failed(measure: Measure, per: Per, limit: float | None) -> str:
    """What an observation beyond the limit did."""
    if measure.name == VERDICT:
        return "ended with verdict fail or stuck"
    bound = measure.text(limit or 0.0)
    if measure.guests is None:
        side = {"<=": "above", ">=": "below", "==": "other than"}[measure.comparison]
        return f"had '{measure.name}' {side} {bound}"
    many = f"more than {bound} times" if measure.unit == "count" else f"for more than {bound}"
    return f"{'were' if per is Per.VM else 'had a virtual machine'} {measure.guests.words} {many}"


def _stronger_lines(claim: Claim) -> Iterator[str]:
    per = claim.observed.per
    for each in claim.stronger:
        name = f"at most {percent(each.probability)}:"
        if each.more == 0:
            yield f"{name} supported already"
        elif each.more is None:
            yield f"{name} beyond what can be tried"
        else:
            runs = "" if per is Per.RUN else f", about {count(each.runs or 0, 'more run')}"
            yield f"{name} {count(each.more, f'more {_ONE[per]}')} ({each.needed} in all{runs})"


def _value_lines(claim: Claim) -> Iterator[str]:
    observed = claim.observed
    measure, numbers = observed.measure, observed.numbers
    if measure.name == VERDICT:
        return
    low, high = measure.text(min(numbers)), measure.text(max(numbers))
    spread = low if low == high else f"{low} to {high}"
    yield f"{measure.name}, {_MANY[observed.per]} one by one: {spread}"
    said, missing = [], []
    for each in claim.quantiles:
        name = f"p{each.quantile * 100:g}"
        if each.value is not None:
            said.append(f"{name} ≤ {measure.text(each.value)} ({_place(each.from_top or 1)})")
        elif each.needed is not None:
            missing.append(f"{name} {each.needed}")
    if said:
        yield f"at {percent(claim.wish.confidence)}: {'; '.join(said)}"
    if missing:
        yield f"for an upper bound of a quantile {_MANY[observed.per]} are too few: {'; '.join(missing)} needed"


def _place(from_top: int) -> str:
    if from_top == 1:
        return "the largest"
    suffix = "th" if 10 <= from_top % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(from_top % 10, "th")
    return f"the {from_top}{suffix} largest"


def count(number: int, word: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def percent(share: float) -> str:
    """`11.7 %`; three digits."""
    return f"{share * 100:.3g} %"


def assumption_lines(claims: Sequence[Claim], per: Per) -> Iterator[str]:
    """What must be true for the numbers to hold."""
    alike = _MANY[Per.RUN if per is Per.VM else per]
    yield f"assumed: {alike} are independent and alike, and further ones happen under the same conditions"
    if per is Per.DRAIN:
        yield "  drains of one run share a cluster and its state; runs are the safer count: --per run"
    if per is Per.VM:
        yield "  virtual machines of one run are not independent; their correlation is assumed, not measured:"
        yield "  counting runs or drains needs no such number"
    if any(not claim.key.evidence for claim in claims):
        yield "  a rehearsal says what a simulation does, and nothing about the product"
    if len(claims) > 1:
        yield f"{len(claims)} kinds of runs were not mixed: each has a claim of its own"


def left_out_lines(left_out: Sequence[LeftOut], most: int = LEFT_OUT_SHOWN) -> Iterator[str]:
    """Which runs do not count, and why."""
    if not left_out:
        return
    yield f"{count(len(left_out), 'run')} left out:"
    for each in left_out[:most]:
        yield f"  {each.run_id}: {each.why}"
    if len(left_out) > most:
        yield f"  and {len(left_out) - most} more; all of them: --json"


def claim_plain(claim: Claim) -> dict[str, Any]:
    """Plain data of a claim; a value without end is null."""
    observed = claim.observed
    return {
        "key": key_plain(claim.key),
        "label": claim.key.label,
        "scenarios": sorted({run.scenario for run in observed.runs}),
        "labs": sorted({run.lab for run in observed.runs}),
        "runs": [run.run_id for run in observed.runs],
        "per": observed.per.value,
        "vm_class": observed.vm_class,
        "metric": observed.measure.name,
        "unit": observed.measure.unit,
        "limit": claim.wish.limit,
        "confidence": claim.wish.confidence,
        "n": claim.n,
        "failures": claim.failures,
        "design_effect": claim.design_effect,
        "effective": {"n": claim.effective_n, "failures": claim.effective_failures},
        "failure_probability_at_most": claim.bound,
        "sentence": sentence(claim) if claim.bound is not None else None,
        "stronger": [
            {"probability": each.probability, "needed": each.needed, "more": each.more, "runs": each.runs}
            for each in claim.stronger
        ],
        "quantiles": [
            {
                "quantile": each.quantile,
                "at_most": _finite(each.value),
                "from_top": each.from_top,
                "needed": each.needed,
            }
            for each in claim.quantiles
        ],
        "values": [{"run": run_id, "value": _finite(value)} for run_id, value in observed.values],
    }


def key_plain(key: HistoryKey) -> dict[str, Any]:
    """Plain data of a kind of run."""
    names = ("subject", "machines", "update", "versions", "nodes", "storage", "faults")
    return {name: getattr(key, name) for name in names}


def _finite(value: float | None) -> float | None:
    return None if value is None or math.isinf(value) else value
