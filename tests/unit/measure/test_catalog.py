"""Catalogue of measurements, units."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ConfigError
from harness.judge.measurements import READINGS
from harness.measure.catalog import CATALOG
from harness.measure.units import convert, spoken
from harness.paths import root
from harness.plan.models import limit_unit

TIMES = ["ns", "us", "ms", "s", "min", "h", "d"]


def test_every_measurement_is_taken_and_every_taken_one_is_in_the_catalogue() -> None:
    assert set(READINGS) == set(CATALOG)


def test_the_unit_of_a_plan_converts_to_that_of_every_measurement() -> None:
    for name, quantity in CATALOG.items():
        assert convert(1.0, limit_unit(name), quantity.unit) > 0


def test_reference_page_names_every_measurement() -> None:
    page = (root() / "docs" / "reference" / "measurements.md").read_text()
    missing = [name for name in CATALOG if f"`{name}`" not in page]
    assert missing == []


def test_units_of_different_things_do_not_convert() -> None:
    with pytest.raises(ConfigError, match="cannot be converted"):
        convert(1.0, "s", "%")


@given(st.floats(0, 1e6), st.sampled_from(TIMES), st.sampled_from(TIMES))
def test_conversion_there_and_back(value: float, unit: str, other: str) -> None:
    assert convert(convert(value, unit, other), other, unit) == pytest.approx(value)


def test_units_are_spoken() -> None:
    assert [spoken(2.25, "s"), spoken(1.0, "count"), spoken(0.9995, "ratio")] == ["2.25 s", "1", "99.95 %"]
