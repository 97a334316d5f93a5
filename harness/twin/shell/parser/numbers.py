"""Numeric literals: which .NET type a literal gets and its value.

5.1 knows decimal, hexadecimal, real and exponent forms, the suffixes ``d`` and ``l`` and the multipliers ``kb`` to
``pb``; the unsigned and short suffixes and ``0b`` came later ([D] PowerShell, tokenizer of 2016).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Context, Decimal, InvalidOperation
from typing import Final

from harness.twin.shell.ast import NumberKind

Number = tuple[int | float | Decimal, NumberKind]

_INT32 = range(-(2**31), 2**31)
_INT64 = range(-(2**63), 2**63)
_DECIMAL_LIMIT: Final = 2**96 - 1
_LONGEST_DOUBLE: Final = 309  # digits before the point of the largest double
_DECIMAL: Final = Context(prec=29)
MULTIPLIERS: Final = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40, "p": 2**50}


@dataclass(frozen=True, slots=True)
class Literal:
    """The parts of a literal: ``digits`` with sign, but without ``0x``, suffix and multiplier."""

    digits: str
    hexadecimal: bool = False
    real: bool = False
    suffix: str = ""
    multiplier: int = 1

    def value(self) -> Number | None:
        """Value and type, or ``None`` when it does not fit the type asked for."""
        if self.suffix == "d":
            return self._decimal()
        if self.real:
            return self._real()
        return self._integer()

    def _decimal(self) -> Number | None:
        try:
            number = Decimal(self.digits)
            product = _DECIMAL.multiply(number, self.multiplier)
        except InvalidOperation:
            return None
        if not product.is_finite() or abs(product) > _DECIMAL_LIMIT:
            return None
        return product, NumberKind.DECIMAL

    def _real(self) -> Number | None:
        number = float(self.digits) * self.multiplier
        if math.isinf(float(self.digits)):
            return None
        if self.suffix != "l":
            return number, NumberKind.DOUBLE
        if not math.isfinite(number) or round(number / self.multiplier) not in _INT64:
            return None
        product = round(float(self.digits)) * self.multiplier
        return (product, NumberKind.INT64) if product in _INT64 else None

    def _integer(self) -> Number | None:
        number, kind = self._plain_integer()
        if kind is None or (self.suffix == "l" and number not in _INT64):
            return None
        product = number * self.multiplier
        if self.suffix == "l":
            return (product, NumberKind.INT64) if product in _INT64 else None
        if product in _INT32 and kind is NumberKind.INT32:
            return product, NumberKind.INT32
        if product in _INT64 and kind in (NumberKind.INT32, NumberKind.INT64):
            return product, NumberKind.INT64
        if abs(product) <= _DECIMAL_LIMIT and kind is not NumberKind.DOUBLE:
            return Decimal(product), NumberKind.DECIMAL
        return _to_double(product)

    def _plain_integer(self) -> tuple[int, NumberKind | None]:
        """The digits without multiplier, and the narrowest type that holds them; none for too long hexadecimals."""
        if not self.hexadecimal:
            if len(self.digits) > _LONGEST_DOUBLE:
                return 0, None
            number = int(self.digits)
            if number in _INT32:
                return number, NumberKind.INT32
            if number in _INT64:
                return number, NumberKind.INT64
            return number, NumberKind.DECIMAL if abs(number) <= _DECIMAL_LIMIT else NumberKind.DOUBLE
        sign = -1 if self.digits.startswith("-") else 1
        bits = self.digits.lstrip("+-")
        number = int(bits, 16)
        significant = len(bits.lstrip("0"))
        if significant <= 8 and self.suffix != "l":
            return sign * (number - 2**32 if number >= 2**31 else number), NumberKind.INT32
        if significant <= 16:
            return sign * (number - 2**64 if number >= 2**63 else number), NumberKind.INT64
        return number, None


def _to_double(number: int) -> Number:
    try:
        return float(number), NumberKind.DOUBLE
    except OverflowError:
        return math.copysign(math.inf, number), NumberKind.DOUBLE
