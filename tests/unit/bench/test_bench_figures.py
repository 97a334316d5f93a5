"""Figures, their limits and how they are written."""

from __future__ import annotations

import pytest

from harness.bench.figures import Bound, Figure, percentile, rounded


def figure(value: float | None, bound: Bound = Bound.AT_MOST, peer_value: float | None = None) -> Figure:
    return Figure("some", value, "ms", bound, 5, "somebody", peer_value)


@pytest.mark.parametrize(
    ("value", "bound", "ok"),
    [
        (5, Bound.AT_MOST, True),
        (5.001, Bound.AT_MOST, False),
        (5, Bound.AT_LEAST, True),
        (4.999, Bound.AT_LEAST, False),
        (None, Bound.AT_LEAST, None),
    ],
)
def test_the_limit_itself_is_kept(value: float | None, bound: Bound, ok: bool | None) -> None:
    assert figure(value, bound).ok is ok


def test_a_ratio_needs_both_values() -> None:
    assert figure(3, peer_value=6).ratio == 0.5
    assert figure(3).ratio is None
    assert figure(None, peer_value=6).ratio is None
    assert figure(3, peer_value=0).ratio is None


def test_what_was_not_measured_is_never_ok() -> None:
    plain = figure(None).plain()
    assert plain["ok"] == "not-run"
    assert plain["value"] is None


def test_numbers_have_four_digits() -> None:
    assert [rounded(value) for value in (16789.4, 9.8765432, 0.000123456, 0.0, None)] == [
        16790,
        9.877,
        0.0001235,
        0.0,
        None,
    ]


def test_percentiles_are_values_that_were_measured() -> None:
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert [percentile(values, percent) for percent in (0, 20, 21, 50, 99, 100)] == [1, 1, 2, 3, 5, 5]
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


@pytest.mark.parametrize(
    ("value", "peer_value", "ok"), [(6.5, 10, True), (6.6, 10, False), (6.5, None, None), (None, 10, None)]
)
def test_a_limit_on_the_ratio_says_nothing_without_the_peer(
    value: float | None, peer_value: float | None, ok: bool | None
) -> None:
    found = Figure("some", value, "s", Bound.AT_MOST, 0.65, "somebody", peer_value, on_ratio=True)
    assert found.ok is ok
    assert found.plain()["limit_on"] == "ratio"
    assert "limit_on" not in figure(1).plain()
