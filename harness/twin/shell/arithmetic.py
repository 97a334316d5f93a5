"""``+ - * / %`` and the bit operators."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from harness.twin.shell.conversion import convert, half_even, parse_number, to_enum, to_integer
from harness.twin.shell.dateformat import span_of_ticks
from harness.twin.shell.errors import NetException, PSError, runtime_error
from harness.twin.shell.numberformat import as_decimal
from harness.twin.shell.objects import (
    BigInteger,
    Byte,
    Char,
    Int16,
    Int64,
    PSArray,
    PSEnum,
    PSHashtable,
    SByte,
    UInt16,
    UInt32,
    UInt64,
    bare_value,
)
from harness.twin.shell.sizes import list_size, text_size
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import TypeRef, is_null, type_name

Number = int | float | Decimal
_N = TypeVar("_N", int, float, Decimal)
_NAMES: Final = {"+": "op_Addition", "-": "op_Subtraction", "*": "op_Multiply", "/": "op_Division", "%": "op_Modulus"}
_INT: Final = TypeRef("System.Int32")


def no_operator(left: object, symbol: str) -> PSError:
    """The left side's type knows no such operator."""
    name = _NAMES.get(symbol, symbol)
    return runtime_error(
        f"Method invocation failed because [{type_name(left)}] does not contain a method named '{name}'.",
        "MethodNotFound",
        "InvalidOperation",
        name,
        target_name=name,
        target_type="String",
    )


def as_number(value: object, left: object, symbol: str) -> Number:
    """An operand of arithmetic as a number; text is read as one."""
    value = bare_value(value)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float | Decimal):
        return value
    if is_null(value):
        return 0
    if isinstance(value, Char):
        return ord(value)
    if isinstance(value, PSEnum):
        return value.value
    if isinstance(value, str):
        number = parse_number(value)
        if number is None:
            convert(value, _INT)
            raise no_operator(left, symbol)
        return number
    raise no_operator(left if not isinstance(left, int | float | Decimal | str) else value, symbol)


def _class_of(left: int, right: int) -> type[int]:
    """The class in which two whole numbers are combined: ``int`` is 32 bits wide, and of the unsigned ones a negative
    partner makes a long or (64 bits) a decimal."""
    kinds = [_CLASSES.get(type(one), int) for one in (left, right)]
    wide = [
        Int64 if kind is int and not -(2**31) <= one < 2**31 else kind
        for kind, one in zip(kinds, (left, right), strict=True)
    ]
    top = max(wide, key=_ORDER.index)
    if top is UInt32 and (left < 0 or right < 0):
        return Int64
    return top


_ORDER: Final[tuple[type[int], ...]] = (int, UInt32, Int64, UInt64, BigInteger)
_CLASSES: Final[dict[type, type[int]]] = {kind: kind for kind in _ORDER}
_RANGES: Final[dict[type[int], tuple[int, int]]] = {
    int: (-(2**31), 2**31 - 1),
    UInt32: (0, 2**32 - 1),
    Int64: (-(2**63), 2**63 - 1),
    UInt64: (0, 2**64 - 1),
}


def _whole(value: int, left: int, right: int) -> Number:
    """The result of whole arithmetic in the class of its operands; what does not fit there is a double."""
    kind = _class_of(left, right)
    if kind is BigInteger:
        return BigInteger(value)
    if kind is UInt64 and (left < 0 or right < 0):
        return Decimal(value) if abs(value) <= DECIMAL_LIMIT else float(value)
    low, high = _RANGES[kind]
    return kind(value) if low <= value <= high else float(value)


DECIMAL_LIMIT: Final = 2**96 - 1
"""The largest ``[decimal]``."""


def calculate(left: Number, right: Number, symbol: str) -> Number:
    """Arithmetic of two numbers."""
    if isinstance(left, int) and isinstance(right, int):
        if symbol in "/%":
            return _divide_whole(left, right, symbol)
        return _whole(int(_PLAIN[symbol](int(left), int(right))), left, right)
    if not isinstance(left, Decimal) and not isinstance(right, Decimal):
        return _real(float(left), float(right), symbol)
    if not all(math.isfinite(one) for one in (left, right)):
        raise decimal_overflow()
    first, second = as_decimal(left), as_decimal(right)
    if symbol in "/%" and second == 0:
        raise divide_by_zero()
    if symbol == "%":
        return first - second * Decimal(int(first / second))
    found = Decimal(_PLAIN[symbol](first, second)) if symbol != "/" else +(first / second)
    if found.copy_abs() > DECIMAL_LIMIT:
        raise decimal_overflow()
    return found


_PLAIN: Final[dict[str, Callable[..., Number]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


def decimal_overflow() -> PSError:
    """A decimal that is too large."""
    text = "Value was either too large or too small for a Decimal."
    return runtime_error(text, "RuntimeException", "NotSpecified", inner=NetException("System.OverflowException", text))


def divide_by_zero() -> PSError:
    """``Attempted to divide by zero.``"""
    return runtime_error(
        "Attempted to divide by zero.",
        "RuntimeException",
        "NotSpecified",
        inner=NetException("System.DivideByZeroException", "Attempted to divide by zero."),
    )


def _divide_whole(left: int, right: int, symbol: str) -> Number:
    if right == 0:
        raise divide_by_zero()
    quotient, rest = divmod(abs(int(left)), abs(int(right)))
    if symbol == "%":
        return _whole(-rest if left < 0 else rest, left, right)
    if rest and not isinstance(left, BigInteger) and not isinstance(right, BigInteger):
        return int(left) / int(right)
    return _whole(quotient if (left < 0) == (right < 0) else -quotient, left, right)


def _real(left: float, right: float, symbol: str) -> float:
    if symbol == "/":
        if right == 0:
            return (
                math.nan if left == 0 or math.isnan(left) else math.copysign(math.inf, left) * math.copysign(1, right)
            )
        return left / right
    if symbol == "%":
        return math.fmod(left, right) if right else math.nan
    return float(_PLAIN[symbol](left, right))


def add(left: object, right: object) -> object:
    """``+``."""
    if type(left) is int and type(right) is int:
        total = left + right
        if -(2**31) <= total < 2**31:
            return total
    left, right = bare_value(left), bare_value(right)
    if isinstance(left, str):
        more = to_text(right)
        text_size(len(left) + len(more))
        return str(left) + more
    if is_null(left):
        return None if is_null(right) else right
    if isinstance(left, list):
        items = list(left)
        items.extend(right if isinstance(right, list) else [None if is_null(right) else right])
        return items
    if isinstance(left, PSHashtable):
        return _merged(left, right)
    if isinstance(left, datetime | timedelta):
        return _add_time(left, right)
    if isinstance(left, PSEnum):
        return to_enum(calculate(left.value, as_number(right, left, "+"), "+"), left.type)
    if isinstance(left, int | float | Decimal):
        if isinstance(right, list | PSHashtable):
            raise no_operator(right, "+")
        return calculate(as_number(left, left, "+"), as_number(right, left, "+"), "+")
    raise no_operator(left, "+")


def _merged(left: PSHashtable, right: object) -> PSHashtable:
    if not isinstance(right, PSHashtable):
        raise runtime_error(
            "A hash table can only be added to another hash table.", "AddHashTableToNonHashTable", "InvalidOperation"
        )
    made = left.copy()
    for key, value in right.items():
        if key in made:
            known = next(old for old in made if (to_text(old).lower() == to_text(key).lower()))
            text = (
                f"Item has already been added. Key in dictionary: '{to_text(known)}'  Key being added: '{to_text(key)}'"
            )
            raise runtime_error(
                text, "System.ArgumentException", "OperationStopped", type_name="System.ArgumentException"
            )
        made[key] = value
    return made


def _add_time(left: datetime | timedelta, right: object) -> object:
    span = right if isinstance(right, timedelta) else convert(right, TypeRef("System.TimeSpan"))
    assert isinstance(span, timedelta)  # noqa: S101 - narrows
    return left + span


def subtract(left: object, right: object) -> object:
    """``-``."""
    if type(left) is int and type(right) is int:
        total = left - right
        if -(2**31) <= total < 2**31:
            return total
    left, right = bare_value(left), bare_value(right)
    if isinstance(left, datetime):
        if isinstance(right, str):
            right = convert(right, TypeRef("System.DateTime"))
        if isinstance(right, datetime):
            return left.replace(tzinfo=None) - right.replace(tzinfo=None)
        if isinstance(right, timedelta):
            return left - right
        if is_null(right):  # a date or a span could be meant
            raise runtime_error(
                'Multiple ambiguous overloads found for "op_Subtraction" and the argument count: "2".',
                "MethodCountCouldNotFindBest",
                "NotSpecified",
                type_name="System.Management.Automation.MethodException",
            )
        raise no_operator(left, "-")
    if isinstance(left, timedelta):
        span = convert(right, TypeRef("System.TimeSpan"))
        assert isinstance(span, timedelta)  # noqa: S101 - narrows
        return left - span
    return _arithmetic(left, right, "-")


def multiply(left: object, right: object) -> object:
    """``*``: numbers, or text and lists repeated."""
    if type(left) is int and type(right) is int:
        total = left * right
        if -(2**31) <= total < 2**31:
            return total
    left, right = bare_value(left), bare_value(right)
    if isinstance(left, str | list) and not isinstance(left, Char):
        times = to_integer(right, _INT)
        if times < 0:
            text = "Specified argument was out of the range of valid values."
            raise runtime_error(
                text,
                "System.ArgumentOutOfRangeException",
                "OperationStopped",
                type_name="System.ArgumentOutOfRangeException",
            )
        (text_size if isinstance(left, str) else list_size)(len(left) * times)
        return left * times if isinstance(left, str) else list(left) * times
    return _arithmetic(left, right, "*")


def divide(left: object, right: object) -> object:
    """``/``."""
    return _arithmetic(bare_value(left), bare_value(right), "/")


def remainder(left: object, right: object) -> object:
    """``%``."""
    return _arithmetic(bare_value(left), bare_value(right), "%")


def _arithmetic(left: object, right: object, symbol: str) -> object:
    if is_null(left):
        if is_null(right):
            return None
        left = 0
        if symbol == "*":
            return None
    if isinstance(left, list | PSHashtable | datetime | timedelta):
        raise no_operator(left, symbol)
    if isinstance(right, list | PSHashtable):
        raise no_operator(right, symbol)
    if isinstance(left, PSEnum) and symbol == "-":
        return to_enum(calculate(left.value, as_number(right, left, symbol), symbol), left.type)
    return calculate(as_number(left, left, symbol), as_number(right, left, symbol), symbol)


def negate(value: object) -> object:
    """Unary ``-``."""
    if isinstance(value, timedelta):
        return -value
    number = as_number(value, value, "-")
    if isinstance(number, float):
        return -number
    return calculate(0, number, "-")


def plus(value: object) -> object:
    """Unary ``+``."""
    return as_number(value, value, "+")


def _bits(value: object) -> int:
    number = as_number(value, value, "-band")
    if isinstance(number, float) and not math.isfinite(number):
        text = "Value was either too large or too small for an Int64."
        raise runtime_error(text, "RuntimeException", inner=NetException("System.OverflowException", text))
    return number if isinstance(number, int) else half_even(number)


def bitwise(left: object, right: object, combine: Callable[[int, int], int]) -> object:
    """``-band``, ``-bor``, ``-bxor``; an enum stays an enum."""
    if isinstance(left, PSEnum):
        other = to_enum(right, left.type) if isinstance(right, str) else None
        return PSEnum(left.type, combine(left.value, other.value if other else _bits(right)))
    if isinstance(right, PSEnum) and isinstance(left, str):
        return PSEnum(right.type, combine(to_enum(left, right.type).value, right.value))
    first, second = _bits(left), _bits(right)
    result = combine(int(first), int(second))
    if isinstance(bare_value(left), float | Decimal) or isinstance(bare_value(right), float | Decimal):
        return Int64(result) if first < 0 or second < 0 else UInt64(result)
    kind = _class_of(int(first) if type(first) is bool else first, second)
    if kind is UInt64 and result < 0:
        return Int64(result)
    return kind(result)


_NARROW: Final[dict[type, tuple[int, bool]]] = {
    Byte: (8, False),
    SByte: (8, True),
    Int16: (16, True),
    UInt16: (16, False),
}


def shift(left: object, right: object, to_left: bool) -> object:
    """``-shl``, ``-shr``, within the width of the left side."""
    number, count = _bits(left), int(_bits(right))
    kind = _class_of(number, 0)
    width = 64 if kind in (Int64, UInt64) else 32
    count %= width
    bare = bare_value(left)
    narrow = _NARROW.get(type(bare))
    if narrow is not None:  # the result keeps the type of the left side, and what does not fit is lost [measured]
        bits, signed = narrow
        moved = (int(number) << count if to_left else int(number) >> count) & ((1 << bits) - 1)
        return type(bare)(moved - (1 << bits) if signed and moved >> (bits - 1) else moved)  # type: ignore[call-arg]
    if not to_left:
        shifted = int(number) >> count
    else:
        shifted = (int(number) << count) & ((1 << width) - 1)
        if shifted >= 1 << (width - 1) and kind in (int, Int64):
            shifted -= 1 << width
    return kind(shifted)


def bit_not(value: object) -> object:
    """``-bnot``."""
    if isinstance(value, PSEnum):
        return PSEnum(value.type, ~value.value)
    number = _bits(value)
    kind = _class_of(number, 0)
    return kind(~int(number) & _RANGES[kind][1] if kind in (UInt32, UInt64) else ~int(number))


def number_range(left: object, right: object) -> list[object]:
    """``a..b``, up or down."""
    first, last = to_integer(bare_value(left), _INT), to_integer(bare_value(right), _INT)
    list_size(abs(last - first) + 1)
    return list(range(first, last + 1)) if first <= last else list(range(first, last - 1, -1))


__all__ = [
    "PSArray",
    "add",
    "as_number",
    "bit_not",
    "bitwise",
    "calculate",
    "divide",
    "divide_by_zero",
    "multiply",
    "negate",
    "number_range",
    "plus",
    "remainder",
    "shift",
    "span_of_ticks",
    "subtract",
]
