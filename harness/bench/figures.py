"""What a benchmark comes to: figures with a limit, and beside each what a peer needed for the same in the same run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Bound(StrEnum):
    """On which side of its limit a figure has to be."""

    AT_LEAST = "at least"
    AT_MOST = "at most"

    def keeps(self, value: float, limit: float) -> bool:
        """Whether `value` is on the right side; the limit itself is."""
        return value >= limit if self is Bound.AT_LEAST else value <= limit


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value.

    `value` is None where it could not be measured on this machine; `remark` then says why, else how to read it.
    `limit` is in the same unit as the value, or with `on_ratio` a limit on the ratio: then nothing is said without the
    peer's value either.
    """

    name: str
    value: float | None
    unit: str
    bound: Bound
    limit: float
    peer: str = ""
    """Who did the same work for comparison, and how; empty where there is nobody."""
    peer_value: float | None = None
    remark: str = ""
    on_ratio: bool = False

    @property
    def ratio(self) -> float | None:
        """Value by the peer's value."""
        return self.value / self.peer_value if self.value is not None and self.peer_value else None

    @property
    def ok(self) -> bool | None:
        """Whether the limit is kept; None where nothing was measured that it is on."""
        bound_one = self.ratio if self.on_ratio else self.value
        return None if bound_one is None else self.bound.keeps(bound_one, self.limit)

    def plain(self) -> dict[str, Any]:
        """As JSON: numbers with four significant digits, `ok` as true, false or ``"not-run"``.

        A limit on the ratio says so (`limit_on`); without that key it is on the value.
        """
        plain = {
            "name": self.name,
            "value": rounded(self.value),
            "unit": self.unit,
            "peer": self.peer,
            "peer_value": rounded(self.peer_value),
            "ratio": rounded(self.ratio),
            "bound": str(self.bound),
            "limit": self.limit,
            "ok": "not-run" if self.ok is None else self.ok,
            "remark": self.remark,
        }
        return plain | {"limit_on": "ratio"} if self.on_ratio else plain


def rounded(value: float | None) -> float | None:
    """Four significant digits: no figure here is known better."""
    if value is None or value == 0:
        return value
    return round(value, 3 - math.floor(math.log10(abs(value))))


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of all values do not exceed (nearest rank).  Raises ValueError without values."""
    if not values:
        raise ValueError("no values")
    rank = math.ceil(len(values) * percent / 100)
    return sorted(values)[max(rank, 1) - 1]
