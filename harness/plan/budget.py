"""A limit that comes from earlier runs: the upper confidence bound of a quantile over what they measured."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from harness.measure.catalog import CATALOG
from harness.plan.quantity import parse_value
from harness.plan.text import TextError, describe, require_text

BUDGET_KEYS: Final = ("budget", "confidence")

DEFAULT_CONFIDENCE: Final = 0.95
"""Of a budget whose plan names none [INF]."""

HISTORY: Final = "history:"
"""Begins the origin of a limit that came from earlier runs, in a journal's header."""

KEY_WORD: Final = "; key: "
"""In such an origin, before the kind of runs that it comes from."""

_QUANTILE: Final = re.compile(r"p([0-9]{1,2}(?:\.[0-9]+)?)")


@dataclass(frozen=True, slots=True)
class QuantileBudget:
    """`p95` at 95 %: the limit is the value that at least 95 % of all runs keep, as surely as the `confidence` says.

    Both are shares between 0 and 1.  What earlier runs measured becomes the limit when a run begins.
    """

    quantile: float
    confidence: float

    def __str__(self) -> str:
        return f"{quantile_text(self.quantile)} of history at {share_text(self.confidence)}"

    def plain(self) -> dict[str, str]:
        """As a plan spells it."""
        return {"budget": quantile_text(self.quantile), "confidence": share_text(self.confidence)}


def quantile_text(quantile: float) -> str:
    """`p95` for 0.95."""
    return f"p{quantile * 100:.12g}"


def share_text(share: float) -> str:
    """`95%` for 0.95."""
    return f"{share * 100:.12g}%"


def parse_quantile(text: str) -> float:
    """`p95` as 0.95.  Raises TextError."""
    found = _QUANTILE.fullmatch(text.strip())
    if found is None or not float(found[1]):
        raise TextError(f"'{text}' is no quantile; write for example p95, the value that 95 of 100 runs keep")
    return float(Fraction(found[1]) / 100)


def parse_confidence(value: object) -> float:
    """`95%`, `95 %` or 0.95 as 0.95; at least 50 %, less than 100 %.  Raises TextError."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        share = float(value)
    else:
        text = require_text(value, "95%")
        share = parse_value(text, "ratio")
    if not 0.5 <= share < 1:
        raise TextError(f"the confidence {value} must be at least 50% and less than 100%")
    return share


def budget_of(measurement: str, value: Mapping[str, Any]) -> QuantileBudget | None:
    """The budget in the long spelling of a limit, None when it has none.  Raises TextError."""
    if value.get("budget") is None:
        if value.get("confidence") is not None:
            raise TextError("a confidence belongs to a 'budget', for example {budget: p95, confidence: 95%}")
        return None
    if CATALOG[measurement].comparison != "<=":
        raise TextError(
            f"a budget is an upper bound, and '{measurement}' is not limited from above; write a fixed limit"
        )
    if not isinstance(value["budget"], str):
        raise TextError(f"expected a quantile such as p95, found {describe(value['budget'])}")
    given = value.get("confidence")
    confidence = DEFAULT_CONFIDENCE if given is None else parse_confidence(given)
    return QuantileBudget(parse_quantile(value["budget"]), confidence)
