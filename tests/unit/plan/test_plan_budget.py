"""Limits from history: their spellings, what is refused, and that plans without them are what they were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.plan.budget import QuantileBudget, parse_confidence, parse_quantile, quantile_text, share_text
from harness.plan.load import Plan
from harness.plan.models import limit_of
from harness.plan.plain import from_plain, plan_sha256, to_plain
from harness.plan.render import render
from harness.plan.text import TextError

Load = Callable[..., Plan]

HISTORY = (
    "    limits: {vm.outage.longest: {budget: p95, confidence: 90 %}, vm.restart.longest: {budget: p99, le: 6m}}\n"
)


@given(tenths=st.integers(1, 999))
def test_quantile_survives_its_text(tenths: int) -> None:
    assert parse_quantile(quantile_text(tenths / 1000)) == tenths / 1000


@given(tenths=st.integers(500, 999))
def test_confidence_survives_its_text(tenths: int) -> None:
    assert parse_confidence(share_text(tenths / 1000)) == tenths / 1000


@pytest.mark.parametrize(
    ("value", "quantile", "confidence"),
    [
        ({"budget": "p95"}, 0.95, 0.95),
        ({"budget": "p99.9", "confidence": "90%"}, 0.999, 0.9),
        ({"budget": "p50", "confidence": "95 %"}, 0.5, 0.95),
        ({"budget": "p5", "confidence": 0.5}, 0.05, 0.5),
    ],
)
def test_budget(value: dict[str, Any], quantile: float, confidence: float) -> None:
    limit = limit_of("vm.outage.longest", value)
    assert limit.budget == QuantileBudget(quantile, confidence)
    assert (limit.ge, limit.le) == (None, None)


@pytest.mark.parametrize(
    ("measurement", "value", "message"),
    [
        ("vm.outage.longest", {"budget": "95"}, "'95' is no quantile; write for example p95"),
        ("vm.outage.longest", {"budget": "p0"}, "'p0' is no quantile"),
        ("vm.outage.longest", {"budget": "p100"}, "'p100' is no quantile"),
        ("vm.outage.longest", {"budget": 95}, "expected a quantile such as p95, found"),
        ("vm.outage.longest", {"budget": "p95", "confidence": "100%"}, "must be at least 50% and less than 100%"),
        ("vm.outage.longest", {"budget": "p95", "confidence": 95}, "the confidence 95 must be at least 50%"),
        ("vm.outage.longest", {"budget": "p95", "confidence": "much"}, "'much' is no value such as"),
        ("vm.outage.longest", {"confidence": "95%"}, "a confidence belongs to a 'budget'"),
        ("vm.outage.longest", {"confidence": "95%", "le": "2s"}, "a confidence belongs to a 'budget'"),
        ("vm.outage.longest", {"budgt": "p95"}, "unknown key 'budgt' of a limit"),
        ("vm.outage.longest", {}, "or a 'budget' from earlier runs"),
        ("probe.coverage", {"budget": "p95"}, "'probe.coverage' is not limited from above"),
        ("update.starts", {"budget": "p95"}, "'update.starts' is not limited from above"),
    ],
)
def test_refused(measurement: str, value: dict[str, Any], message: str) -> None:
    with pytest.raises(TextError) as caught:
        limit_of(measurement, value)
    assert message in caught.value.message


def test_saved_and_read_again(load: Load, sample: Any) -> None:
    (scenario,) = load(sample.header + sample.scenario + HISTORY).scenarios
    plain = to_plain(scenario)
    assert plain["limits"] == {
        "vm.outage.longest": {"ge": None, "le": None, "unit": "s", "budget": "p95", "confidence": "90%"},
        "vm.restart.longest": {"ge": None, "le": 360.0, "unit": "s", "budget": "p99", "confidence": "95%"},
    }
    assert from_plain(plain) == scenario


def test_rendered_in_words(load: Load, sample: Any) -> None:
    (scenario,) = load(sample.header + sample.scenario + HISTORY).scenarios
    text = render(scenario)
    assert "demand vm.outage.longest ≤ p95 of history at 90%\n" in text
    assert "demand vm.restart.longest ≤ 6m and ≤ p99 of history at 95%\n" in text


def test_spellings_of_one_budget_have_one_hash(load: Load, sample: Any) -> None:
    hashes = {
        plan_sha256(load(sample.header + sample.scenario + f"    limits: {{vm.outage.longest: {one}}}\n").scenarios[0])
        for one in ("{budget: p95}", "{budget: p95, confidence: 95 %}", "{budget: p95.0, confidence: 0.95}")
    }
    assert len(hashes) == 1


def test_limits_without_budget_are_saved_as_before(load: Load, sample: Any) -> None:
    (scenario,) = load(sample.header + sample.scenario + "    limits: {vm.outage.longest: <= 2s}\n").scenarios
    assert to_plain(scenario)["limits"] == {"vm.outage.longest": {"ge": None, "le": 2.0, "unit": "s"}}


def test_limits_on_guests_from_history_need_probes_too(load: Load, sample: Any) -> None:
    (scenario,) = load(sample.header + sample.scenario + HISTORY).scenarios
    assert "guest_probes" in scenario.needs.capabilities


def test_a_matrix_may_vary_the_quantile(load: Load, sample: Any) -> None:
    matrix = "    matrix: {axes: {limits.vm.outage.longest: [{budget: p50}, {budget: p95}]}}\n"
    budgets = [scenario.limits[0].budget for scenario in load(sample.header + sample.scenario + matrix).scenarios]
    assert [budget.quantile for budget in budgets if budget] == [0.5, 0.95]
