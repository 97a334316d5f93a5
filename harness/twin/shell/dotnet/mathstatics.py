"""``[math]`` ([D] .NET reference)."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Final

from harness.twin.shell.arithmetic import add
from harness.twin.shell.dotnet.registry import static, static_prop
from harness.twin.shell.errors import net_error
from harness.twin.shell.objects import Int64, PSEnum, Reference

MATH: Final = "System.Math"
static_prop(MATH, "PI", lambda: math.pi)
static_prop(MATH, "E", lambda: math.e)


def _real(function: Callable[[float], float]) -> Callable[[float], float]:
    """A function of Python as .NET has it: NaN outside of its range, infinity where it overflows."""

    def call(value: float) -> float:
        try:
            return function(value)
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf

    return call


for _name, _function in (
    ("Sqrt", math.sqrt),
    ("Sin", math.sin),
    ("Cos", math.cos),
    ("Tan", math.tan),
    ("Asin", math.asin),
    ("Acos", math.acos),
    ("Atan", math.atan),
    ("Sinh", math.sinh),
    ("Cosh", math.cosh),
    ("Tanh", math.tanh),
    ("Exp", math.exp),
):
    static(MATH, _name, "double d")(_real(_function))


def _logarithm(value: float, base: float) -> float:
    if value == 0:
        return -math.inf
    if math.isnan(value) or value < 0 or base <= 0 or base == 1:
        return math.nan
    return value if math.isinf(value) else math.log10(value) if base == 10 else math.log(value) / math.log(base)


static(MATH, "Log10", "double d")(lambda value: _logarithm(value, 10))
static(MATH, "Log", "double d", "double a, double newBase")(lambda value, base=math.e: _logarithm(value, base))
static(MATH, "Atan2", "double y, double x")(math.atan2)
static(MATH, "IEEERemainder", "double x, double y")(lambda x, y: math.remainder(x, y) if y else math.nan)
static(MATH, "BigMul", "int a, int b")(lambda a, b: Int64(a * b))


@static(MATH, "Pow", "double x, double y")
def power(x: float, y: float) -> float:
    """A power; NaN for a broken power of a negative number, infinity beyond the range."""
    try:
        return math.pow(x, y)
    except OverflowError:
        return -math.inf if x < 0 and y % 2 == 1 else math.inf
    except ValueError:
        return math.inf if x == 0 else math.nan


@static(MATH, "DivRem", "int a, int b, ref result", "long a, long b, ref result")
def divide_with_rest(a: int, b: int, result: Reference) -> int:
    """The quotient; the rest goes to the reference."""
    if b == 0:
        raise net_error("System.DivideByZeroException", "Attempted to divide by zero.")
    quotient = abs(int(a)) // abs(int(b)) * (1 if (a < 0) == (b < 0) else -1)
    kind = Int64 if isinstance(a, Int64) or isinstance(b, Int64) else int
    result.setter(kind(int(a) - quotient * int(b)))
    return kind(quotient)


def _whole(rounding: Callable[[float | Decimal], int]) -> Callable[[float | Decimal], float | Decimal]:
    def call(value: float | Decimal) -> float | Decimal:
        if isinstance(value, Decimal):
            return Decimal(rounding(value))
        return float(rounding(value)) if math.isfinite(value) else value

    return call


static(MATH, "Floor", "double d", "decimal d")(_whole(math.floor))
static(MATH, "Ceiling", "double d", "decimal d")(_whole(math.ceil))
static(MATH, "Truncate", "double d", "decimal d")(_whole(math.trunc))
_PAIR = ("int a, int b", "long a, long b", "double a, double b", "decimal a, decimal b")
static(MATH, "Max", *_PAIR)(max)
static(MATH, "Min", *_PAIR)(min)


@static(MATH, "Abs", "int value", "long value", "double value", "decimal value")
def absolute(value: int | float | Decimal) -> object:
    """Without the sign; the lowest number of a class has no counterpart."""
    if value in (-(2**31), -(2**63)) and isinstance(value, int):
        text = "Negating the minimum value of a twos complement number is invalid."
        raise net_error("System.OverflowException", text)
    kind: Callable[[object], object] = type(value)
    return add(abs(value), 0) if type(value) is int else kind(abs(value))


@static(MATH, "Sign", "double value")
def sign(value: float) -> int:
    """-1, 0 or 1."""
    if math.isnan(value):
        raise net_error("System.ArithmeticException", "Function does not accept floating point Not-a-Number values.")
    return (value > 0) - (value < 0)


@static(
    MATH,
    "Round",
    "double a",
    "double a, int digits",
    "decimal d",
    "decimal d, int decimals",
    "double a, MidpointRounding mode",
    "double a, int digits, MidpointRounding mode",
    "decimal d, MidpointRounding mode",
    "decimal d, int decimals, MidpointRounding mode",
)
def round_number(value: float | Decimal, second: object = None, third: object = None) -> float | Decimal:
    """Half to even, unless the mode says away from zero.  A decimal with no more digits than that stays as it is:
    rounding adds no zeros to ``101``."""
    digits = second if isinstance(second, int) else 0
    mode = second if isinstance(second, PSEnum) else third
    away = isinstance(mode, PSEnum) and mode.value == 1
    if isinstance(value, float) and not math.isfinite(value):
        return value
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    exponent = exact.as_tuple().exponent
    if isinstance(exponent, int) and -exponent <= digits:
        return value
    found = exact.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP if away else ROUND_HALF_EVEN)
    return found if isinstance(value, Decimal) else float(found)
