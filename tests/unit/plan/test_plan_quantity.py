"""Durations, sizes, counts and limits: parsing, canonical text, refusal."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.plan.models import limit_of
from harness.plan.quantity import (
    CountRange,
    format_duration,
    format_size,
    parse_count,
    parse_duration,
    parse_size,
)
from harness.plan.text import TextError


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=365)))
def test_duration_survives_its_text(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration


@given(st.integers(min_value=0, max_value=2**60))
def test_size_survives_its_text(size_b: int) -> None:
    assert parse_size(format_size(size_b)) == size_b


@given(st.integers(0, 99), st.one_of(st.none(), st.integers(0, 99)))
def test_count_survives_its_text(low: int, more: int | None) -> None:
    wanted = CountRange(low, None if more is None else low + more)
    assert parse_count(str(wanted)) == wanted


@pytest.mark.parametrize(
    ("text", "seconds"), [("10m", 600), ("1h30m", 5400), ("2.5s", 2.5), ("500ms", 0.5), ("1d", 86400), ("0s", 0)]
)
def test_duration(text: str, seconds: float) -> None:
    assert parse_duration(text).total_seconds() == seconds


@pytest.mark.parametrize(
    ("text", "offset"),
    [("", 0), ("10", 2), ("ten", 0), ("10m5", 4), ("5s1m", 2), ("1m2m", 2), ("-5s", 0), ("5 s", 1), ("0.1us", 0),
     ("9999d", 0)],
)  # fmt: skip
def test_bad_duration_names_its_place(text: str, offset: int) -> None:
    with pytest.raises(TextError) as caught:
        parse_duration(text)
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("value", "inside", "outside"),
    [(">= 3", 3, 2), ("<= 4", 4, 5), ("== 1", 1, 2), ("2..4", 3, 5), (3, 16, 2)],
)
def test_count(value: object, inside: int, outside: int) -> None:
    assert inside in parse_count(value)
    assert outside not in parse_count(value)


@pytest.mark.parametrize("value", ["> 3", "= 3", "three", "4..2", True, -1, 2.5, None])
def test_bad_count(value: object) -> None:
    with pytest.raises(TextError):
        parse_count(value)


@pytest.mark.parametrize(
    ("measurement", "value", "ge", "le", "unit"),
    [
        ("vm.outage.longest", "<= 2s", None, 2.0, "s"),
        ("vm.outage.longest", "1500ms", None, 1.5, "s"),
        ("vm.outage.longest", {"ge": "1s", "le": "2s"}, 1.0, 2.0, "s"),
        ("update.duration", "<= 10h", None, 36000.0, "s"),
        ("probe.coverage", ">= 99.9%", 99.9, None, "%"),
        ("sampler.coverage", "99.9%", 0.999, None, "ratio"),
        ("sampler.coverage", 0.999, 0.999, None, "ratio"),
        ("vm.restart.count", "<= 0", None, 0.0, "count"),
        ("update.starts", 1, 1.0, 1.0, "count"),
        ("update.attempts", "== 2", 2.0, 2.0, "count"),
    ],
)
def test_limit(measurement: str, value: object, ge: float | None, le: float | None, unit: str) -> None:
    limit = limit_of(measurement, value)
    assert (limit.ge, limit.le, limit.unit) == (ge, le, unit)


@pytest.mark.parametrize(
    ("measurement", "value", "message"),
    [
        ("vm.outage.longest", 2, "needs a unit"),
        ("vm.outage.longest", "< 2s", "is no limit"),
        ("vm.outage.longest", {"le": 2}, "needs a unit"),
        ("vm.outage.longest", {"le": "1s", "ge": "2s"}, "no value can satisfy"),
        ("vm.outage.longest", {}, "needs 'le'"),
        ("vm.outage.longest", {"max": "1s"}, "unknown key 'max'"),
        ("vm.outage.longest", {"le": 1.0, "unit": "%"}, "is measured in 's'"),
        ("probe.coverage", ">= 0.999", "is no value such as '99.9%'"),
        ("vm.restart.count", "<= 2s", "is no value such as '3'"),
        ("vm.restart.count", -1, "must not be negative"),
    ],
)
def test_bad_limit(measurement: str, value: object, message: str) -> None:
    with pytest.raises(TextError, match=message):
        limit_of(measurement, value)
