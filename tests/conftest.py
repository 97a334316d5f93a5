"""What holds for all tests."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from tests.examples import QUICK_PERCENT

# No test is timed: on a busy machine a single draw may take a second.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=100)
settings.register_profile("quick", settings.get_profile("untimed"), max_examples=QUICK_PERCENT)


def pytest_configure(config: pytest.Config) -> None:
    """Before any test is imported: its settings are read then."""
    settings.load_profile("quick" if "not full" in config.option.markexpr else "untimed")
