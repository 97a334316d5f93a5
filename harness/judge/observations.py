"""Observations of stored runs: one number for each run, for each drain of a node, or for each guest in a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from harness.errors import ConfigError, HarnessError
from harness.judge.history import History, HistoryKey, LeftOut, StoredRun
from harness.judge.outages import (
    METRICS,
    GuestRecord,
    Metric,
    drains_in,
    guests_of,
    worst_in_drain,
    worst_in_run,
)
from harness.measure.catalog import CATALOG
from harness.measure.ledger import ALL_GUESTS
from harness.measure.units import convert, spoken
from harness.plan.models import limit_unit
from harness.plan.text import closest
from harness.values import Verdict

VERDICT: Final = "verdict"
"""Pseudo-measure of a run: 1 when the product failed or got stuck, else 0."""

EARLY: Final = "it ended before its change was done: what did not happen until then says nothing"

FAILED: Final = frozenset({Verdict.FAIL, Verdict.STUCK})


class Per(StrEnum):
    """What is counted."""

    RUN = "run"
    DRAIN = "drain"
    VM = "vm"


@dataclass(frozen=True, slots=True)
class Measure:
    """What is measured, in `unit`: `guests` for a number taken of the gaps of guests, None for one of the run alone.
    `comparison` says which side of a limit is the good one."""

    name: str
    unit: str
    comparison: str
    guests: Metric | None

    def text(self, value: float) -> str:
        """A value with its unit as pages show it; a guest that never came back has no number."""
        if math.isinf(value):
            return "never back" if self.guests is not None else "never done"
        shown = CATALOG[self.name].unit if self.name in CATALOG else self.unit
        return spoken(convert(value, self.unit, shown), shown)

    def beyond(self, value: float, limit: float) -> bool:
        """Does the value break the limit?"""
        return {"<=": value > limit, ">=": value < limit, "==": value != limit}[self.comparison]


def measure_named(name: str, per: Per) -> Measure:
    """The measure of this name.  Raises ConfigError for an unknown one, and for one that only a whole run has."""
    if name in METRICS:
        return Measure(name, METRICS[name].unit, "<=", METRICS[name])
    if name != VERDICT and name not in CATALOG:
        known = sorted({*METRICS, *CATALOG, VERDICT})
        near = closest(name, known)
        others = ", ".join((*sorted(set(METRICS) - set(CATALOG)), VERDICT))
        raise ConfigError(
            f"unknown metric '{name}'{f'; did you mean {near}?' if near else ''}",
            hint=f"there are those of docs/reference/measurements.md, and: {others}",
        )
    if per is not Per.RUN:
        raise ConfigError(
            f"'{name}' is a number of a whole run; there is none for each {per}",
            hint=f"leave --per out, or choose one of: {', '.join(METRICS)}",
        )
    if name == VERDICT:
        return Measure(VERDICT, "count", "<=", None)
    return Measure(name, limit_unit(name), CATALOG[name].comparison, None)


@dataclass(frozen=True, slots=True)
class Observed:
    """Observations of one kind of run: `values` with the run each is from.

    `incomplete` are runs without a value here: they kept the limit only because they ended early.
    """

    key: HistoryKey
    measure: Measure
    per: Per
    vm_class: str
    values: tuple[tuple[str, float], ...]
    runs: tuple[StoredRun, ...]
    incomplete: tuple[StoredRun, ...] = ()

    @property
    def numbers(self) -> tuple[float, ...]:
        """The values alone."""
        return tuple(value for _, value in self.values)


Progress = Callable[[int, int], None]


def observe(
    history: History, measure: Measure, per: Per, limit: float | None = None, progress: Progress | None = None
) -> tuple[tuple[Observed, ...], tuple[LeftOut, ...]]:
    """Observations by kind of run, and the runs that had none, with the reason.

    A run that ended before its change was done counts where it is beyond the `limit`, never as a clean one; with
    drains, those that it had do.  A kind of which only such runs are there has no values.  `progress` is told how many
    runs are read, of how many.
    """
    found: list[Observed] = []
    left_out: list[LeftOut] = []
    done = 0
    for key, runs in history.by_key().items():
        kind = _Kind()
        for run in runs:
            done += 1
            if progress is not None:
                progress(done, len(history.runs))
            values, why = _of_run(run, measure, per)
            if not why and _ended_early(run, measure, per, [value for _, value in values], limit):
                kind.incomplete.append(run)
                why = EARLY
            if why:
                left_out.append(LeftOut(run.run_id, run.scenario, why))
            else:
                kind.add(run, values)
        found.extend(kind.observed(key, measure, per))
    return tuple(found), tuple(left_out)


class _Kind:
    """Collects the observations of one kind of run, by class of guests."""

    def __init__(self) -> None:
        self.runs: list[StoredRun] = []
        self.incomplete: list[StoredRun] = []
        self._values: dict[str, list[tuple[str, float]]] = {}

    def add(self, run: StoredRun, values: Sequence[tuple[str, float]]) -> None:
        self.runs.append(run)
        for vm_class, value in values:
            self._values.setdefault(vm_class, []).append((run.run_id, value))

    def observed(self, key: HistoryKey, measure: Measure, per: Per) -> Iterator[Observed]:
        if self.incomplete:
            self._values.setdefault(ALL_GUESTS, [])
        for vm_class, values in sorted(self._values.items()):
            runs, incomplete = tuple(self.runs), tuple(self.incomplete)
            yield Observed(key, measure, per, vm_class, tuple(values), runs, incomplete)


def _ended_early(run: StoredRun, measure: Measure, per: Per, values: Sequence[float], limit: float | None) -> bool:
    """Is a run no observation, since it ended before its change was done and broke no limit until then?"""
    if run.complete or measure.name == VERDICT or per is Per.DRAIN:
        return False
    return limit is None or not any(measure.beyond(value, limit) for value in values)


def _of_run(run: StoredRun, measure: Measure, per: Per) -> tuple[list[tuple[str, float]], str]:
    """Class of guests and value, for each observation of a run; or why there is none."""
    if measure.name == VERDICT:
        return [(ALL_GUESTS, float(run.verdict in FAILED))], ""
    if measure.guests is None:
        value = run.value(measure.name, measure.unit)
        if measure.name == "update.duration" and value is None and run.verdict in FAILED:
            value = math.inf
        return ([], f"'{measure.name}' could not be measured") if value is None else ([(ALL_GUESTS, value)], "")
    try:
        values = list(_OF_GUESTS[per](run, guests_of(run), measure.guests))
    except HarnessError as error:
        return [], f"it cannot be read: {error}"
    return values, "" if values else f"there is no {per} in it"


def _each_run(run: StoredRun, guests: Sequence[GuestRecord], metric: Metric) -> Iterator[tuple[str, float]]:
    yield ALL_GUESTS, worst_in_run(guests, metric)


def _each_drain(run: StoredRun, guests: Sequence[GuestRecord], metric: Metric) -> Iterator[tuple[str, float]]:
    for drain in drains_in(run):
        yield ALL_GUESTS, worst_in_drain(drain, guests, metric)


def _each_guest(run: StoredRun, guests: Sequence[GuestRecord], metric: Metric) -> Iterator[tuple[str, float]]:
    for guest in guests:
        yield guest.vm_class, metric.value(guest.gaps)


_OF_GUESTS: Final[Mapping[Per, Callable[[StoredRun, Sequence[GuestRecord], Metric], Iterator[tuple[str, float]]]]] = {
    Per.RUN: _each_run,
    Per.DRAIN: _each_drain,
    Per.VM: _each_guest,
}
