"""Limits from history: what earlier runs measured, as rows of a journal's header.

A budget is resolved once, when a run begins, and written with its origin; the judge reads the number from there.  So a
verdict never depends on runs that came later, and `hil judge replay` needs no other run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.errors import ConfigError
from harness.judge.history import HistoryKey, Sample, StoredRun, key_of, look_up
from harness.measure.statistics import OrderBound, quantile_bound, values_needed
from harness.measure.units import spoken
from harness.plan.budget import HISTORY, KEY_WORD, QuantileBudget, budget_of, quantile_text, share_text
from harness.plan.text import TextError

Row = dict[str, Any]


def has_budgets(scenario: Mapping[str, Any]) -> bool:
    """Does a limit of the scenario (plain data) come from history?"""
    return any(limit.get("budget") for limit in (scenario.get("limits") or {}).values())


def budget_rows(scenario: Mapping[str, Any], lab: Mapping[str, Any], runs: Sequence[StoredRun]) -> dict[str, Row]:
    """Measurement → row of the header's limits, for each limit of the scenario that comes from history.

    `lab` is what the header says about it.  A row whose `value` is None found too few runs: the judge then leaves the
    measurement unset, and the run is inconclusive.  Raises ConfigError when a saved budget cannot be read.
    """
    key = key_of(scenario, lab)
    rows: dict[str, Row] = {}
    for name, limit in sorted((scenario.get("limits") or {}).items()):
        try:
            budget = budget_of(name, limit)
        except TextError as error:
            raise ConfigError(f"limit of '{name}': {error.message}", hint="plan it again from its YAML file") from error
        if budget is not None:
            rows[name] = _row(name, str(limit["unit"]), budget, key, runs)
    return rows


def _row(name: str, unit: str, budget: QuantileBudget, key: HistoryKey, runs: Sequence[StoredRun]) -> Row:
    needed = values_needed(budget.quantile, budget.confidence)
    sample = look_up(runs, key, name, needed or len(runs) + 1, unit)
    bound = quantile_bound([value for _, value in sample.values], budget.quantile, budget.confidence)
    return {
        "measurement": name,
        "op": "<=",
        "value": None if bound is None else bound.value,
        "unit": unit,
        "origin": _origin(budget, sample, bound, needed),
        "history": {
            **budget.plain(),
            "needed": needed,
            "order": None if bound is None else bound.order,
            "step": sample.rung.name,
            "tried": [{"step": step, "runs": count} for step, count in sample.tried],
            "runs": [{"run": run_id, "value": value} for run_id, value in sample.values],
        },
    }


def _origin(budget: QuantileBudget, sample: Sample, bound: OrderBound | None, needed: int | None) -> str:
    asked = f"{quantile_text(budget.quantile)} at {share_text(budget.confidence)}"
    if bound is None:
        steps = [row for place, row in enumerate(sample.tried) if not place or row[1] > sample.tried[place - 1][1]]
        found = ", ".join(f"{count} of {step}" for step, count in steps)
        enough = "more runs than anybody can make" if needed is None else f"{needed} runs"
        return f"{HISTORY} no {asked}, which needs {enough}; there are {found}{KEY_WORD}{sample.key}"
    place = "largest" if bound.from_top == 1 else f"value number {bound.from_top} from the largest"
    text = f"{HISTORY} {asked} of {bound.n} runs, their {place}{KEY_WORD}{sample.key}, {sample.rung.name}"
    if sample.tried:
        text += "; fell back from " + ", ".join(f"{step} ({count} runs)" for step, count in sample.tried)
    return text


def limit_words(row: Row) -> str:
    """`vm.outage.longest <= 1.8 s`, or that there is no limit; for a log."""
    if row["value"] is None:
        return f"{row['measurement']}: {row['origin']}"
    return f"{row['measurement']} {row['op']} {spoken(row['value'], row['unit'])}: {row['origin']}"
