"""How many examples a property is tried with."""

from __future__ import annotations

from hypothesis import settings

QUICK_PERCENT = 25
"""Share of the usual tier; `--full`, and tests that are run by name, try all."""
FEWEST = 10


def examples(most: int) -> int:
    """`most`, or in the usual tier a share of them."""
    return max(FEWEST, most * settings.default.max_examples // 100)
