"""Equality and order, and the operators made of them."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from harness.twin.shell.conversion import convert, parse_number, to_bool, to_enum
from harness.twin.shell.errors import PSError, runtime_error
from harness.twin.shell.objects import Char, PSEnum, PSMethod, PSObject, bare_value
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import TypeRef, is_null, type_name, type_ref
from harness.twin.shell.versions import Version

_DATE: Final = TypeRef("System.DateTime")


@functools.lru_cache(maxsize=8192)
def sort_key(text: str) -> tuple[tuple[int, str], ...]:
    """Key of a text in the order of the culture, without regard to case and accents: signs, digits, letters."""
    plain = text if text.isascii() else "".join(_base(letter) for letter in text)
    return tuple((2 if letter.isalpha() else 1 if letter.isdigit() else 0, letter.casefold()) for letter in plain)


def _base(letter: str) -> str:
    """A letter without its accents."""
    found = "".join(one for one in unicodedata.normalize("NFD", letter) if not unicodedata.combining(one))
    return found or letter


def compare_text(left: str, right: str, ignore_case: bool) -> int:
    """-1, 0 or 1, in the order of the culture; plain letters come before those with accents, small ones before
    capitals."""
    if left == right:
        return 0
    first, second = sort_key(left), sort_key(right)
    if first != second:
        return -1 if first < second else 1
    if left.casefold() != right.casefold():
        return -1 if left.casefold() < right.casefold() else 1
    if ignore_case:
        return 0
    return -1 if left.swapcase() < right.swapcase() else 1


def equals(left: object, right: object, ignore_case: bool = True) -> bool:
    """``-eq`` of two single values; the right side is converted to the left's type, and what cannot be is unequal."""
    if type(left) is str and type(right) is str:
        return left.lower() == right.lower() if ignore_case else left == right
    left, right = bare_value(left), bare_value(right)
    if isinstance(left, str):
        if isinstance(right, str):
            return left.lower() == right.lower() if ignore_case else left == right
        if is_null(right):
            return False
        text = to_text(right)
        return left.lower() == text.lower() if ignore_case else left == text
    if is_null(left) or is_null(right):
        return is_null(left) and is_null(right)
    if isinstance(left, bool):
        return left == to_bool(right)
    if isinstance(left, int | float | Decimal):
        return _number_equals(left, right)
    if isinstance(left, PSEnum):
        return _enum_equals(left, right)
    if left is right:
        return True
    return _other_equals(left, right)


def _number_equals(left: int | float | Decimal, right: object) -> bool:
    if isinstance(right, int | float | Decimal):
        return _numbers(left, right) == 0
    if isinstance(right, Char):
        return left == ord(right)
    if isinstance(right, str):
        number = parse_number(right)
        return number is not None and _numbers(left, number) == 0
    if isinstance(right, PSEnum):
        return left == right.value
    return False


def _numbers(left: int | float | Decimal, right: int | float | Decimal) -> int:
    if isinstance(left, float) or isinstance(right, float):
        first, second = float(left), float(right)
        return 0 if first == second else -1 if first < second else 1
    return 0 if left == right else -1 if left < right else 1


def _enum_equals(left: PSEnum, right: object) -> bool:
    if isinstance(right, PSEnum):
        return left.value == right.value and left.type.name == right.type.name
    if isinstance(right, int | float) and not isinstance(right, bool):
        return left.value == right
    try:
        return to_enum(right, left.type).value == left.value
    except PSError:
        return False


def _other_equals(left: object, right: object) -> bool:
    if isinstance(left, datetime):
        other = right if isinstance(right, datetime) else _converted(left, right)
        return isinstance(other, datetime) and left.replace(tzinfo=None) == other.replace(tzinfo=None)
    own = _own_method(left, "equals")
    if own is not None:
        return to_bool(own.call(left, right))
    if isinstance(left, list) or (isinstance(left, PSObject) and left.text is None):
        return left is right
    if isinstance(left, PSObject):
        return left is right or (isinstance(right, str) and to_text(left).lower() == right.lower())
    other = right if type(right) is type(left) else _converted(left, right)
    return other is not None and bool(other == left)


def _own_method(value: object, name: str) -> PSMethod | None:
    """A method that a script's class declares, which stands for an interface of .NET."""
    found = value.members.get(name) if isinstance(value, PSObject) and value.row is None else None
    return found if isinstance(found, PSMethod) else None


def _converted(left: object, right: object) -> object:
    try:
        return convert(right, type_ref(left))
    except PSError:
        return None


def order(left: object, right: object, ignore_case: bool = True) -> int:
    """-1, 0 or 1 of two single values. Raises ``PSError`` when they have no order."""
    left, right = bare_value(left), bare_value(right)
    if is_null(left):
        return _null_order(right)
    if is_null(right):
        return -_null_order(left)
    if isinstance(left, str) and not isinstance(left, Char):
        return compare_text(left, to_text(right), ignore_case)
    if isinstance(left, Char):
        return compare_text(left, to_text(right), ignore_case)
    if isinstance(left, bool):
        return int(left) - int(to_bool(right))
    if isinstance(left, int | float | Decimal):
        return _numbers(left, _as_number(right, left))
    if isinstance(left, PSEnum):
        return _numbers(left.value, to_enum(right, left.type).value)
    return _other_order(left, right)


def _null_order(other: object) -> int:
    if is_null(other):
        return 0
    if isinstance(other, int | float | Decimal) and not isinstance(other, bool) and other < 0:
        return 1
    return -1


def _as_number(right: object, left: object) -> int | float | Decimal:
    if isinstance(right, bool):
        return int(right)
    if isinstance(right, int | float | Decimal):
        return right
    if isinstance(right, PSEnum):
        return right.value
    if isinstance(right, Char):
        return ord(right)
    if isinstance(right, str):
        number = parse_number(right)
        if number is not None:
            return number
    raise _cannot_compare(left, right)


def _cannot_compare(left: object, right: object) -> PSError:
    reason = (
        f'Cannot convert value "{to_text(right)}" to type "{type_name(left)}". Error: "Input string was not in a '
        'correct format."'
    )
    if not isinstance(right, str):
        reason = (
            f'Cannot convert the "{to_text(right)}" value of type "{type_name(right)}" to type "{type_name(left)}".'
        )
    text = f'Could not compare "{to_text(left)}" to "{to_text(right)}". Error: "{reason}"'
    return runtime_error(text, "ComparisonFailure", "InvalidOperation")


def _other_order(left: object, right: object) -> int:
    if isinstance(left, datetime | timedelta | Version):
        try:
            other = convert(right, type_ref(left))
        except PSError as fault:
            text = f'Could not compare "{to_text(left)}" to "{to_text(right)}". Error: "{fault.record.message}"'
            raise runtime_error(text, "ComparisonFailure", "InvalidOperation") from None
        if isinstance(left, datetime) and isinstance(other, datetime):
            first, second = left.replace(tzinfo=None), other.replace(tzinfo=None)
            return 0 if first == second else -1 if first < second else 1
        return 0 if left == other else -1 if left < other else 1  # type: ignore[operator]
    own = _own_method(left, "compareto")
    if own is not None:
        found = own.call(left, right)
        return found if isinstance(found, int) else 0
    if equals(left, right):
        return 0
    shown = type_name(left)
    raise runtime_error(
        f'Cannot compare "{to_text(left) or shown}" because it is not IComparable.',
        "NotIcomparable",
        "InvalidOperation",
    )


Test = Callable[[object, object], bool]


def over_left(test: Test) -> Callable[[object, object], object]:
    """A comparison that filters when its left side is a list."""

    def compare(left: object, right: object) -> object:
        items = bare_value(left)
        if isinstance(items, list):
            return [item for item in items if test(item, right)]
        return test(left, right)

    return compare


def contains(items: object, wanted: object, ignore_case: bool) -> bool:
    """``-contains``."""
    bare = bare_value(items)
    if isinstance(bare, list):
        return any(equals(item, wanted, ignore_case) for item in bare)
    return equals(items, wanted, ignore_case)


def _relation(accepts: Callable[[int], bool], ignore_case: bool) -> Test:
    return lambda left, right: accepts(order(left, right, ignore_case))


def comparison(family: str, case_sensitive: bool) -> Callable[[object, object], object]:
    """The comparison of a family (``eq``, ``ne``, ``gt``, ``ge``, ``lt``, ``le``, ``contains``, ``in`` and their
    negations)."""
    ignore = not case_sensitive
    if family == "eq":
        return over_left(lambda left, right: equals(left, right, ignore))
    if family == "ne":
        return over_left(lambda left, right: not equals(left, right, ignore))
    if family in ("contains", "notcontains"):
        wanted = family == "contains"
        return lambda left, right: contains(left, right, ignore) is wanted
    if family in ("in", "notin"):
        wanted = family == "in"
        return lambda left, right: contains(right, left, ignore) is wanted
    accepts: dict[str, Callable[[int], bool]] = {
        "gt": lambda sign: sign > 0,
        "ge": lambda sign: sign >= 0,
        "lt": lambda sign: sign < 0,
        "le": lambda sign: sign <= 0,
    }
    return over_left(_relation(accepts[family], ignore))
