"""Finding and comparing text, and what ``[char]`` tells of a character ([D] .NET reference)."""

from __future__ import annotations

import unicodedata
from typing import Final

from harness.twin.shell.comparison import compare_text
from harness.twin.shell.dotnet import enums
from harness.twin.shell.dotnet.registry import method, static, static_prop
from harness.twin.shell.dotnet.strings import halves, lower, upper
from harness.twin.shell.errors import net_error
from harness.twin.shell.objects import Char, PSArray, PSEnum
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import ENUMS

STRING: Final = "System.String"
CHAR: Final = "System.Char"
_KIND: Final = "StringComparison comparisonType"
_PLACES: Final = ("string value", "char value", "string value, int startIndex", "char value, int startIndex")
_COUNTED: Final = ("string value, int startIndex, int count", "char value, int startIndex, int count")
_COMPARED: Final = (f"string value, {_KIND}", f"string value, int startIndex, {_KIND}")


def _split(options: tuple[object, ...]) -> tuple[list[int], bool]:
    """Numbers among the arguments, and whether case does not matter."""
    ignore = any(isinstance(one, PSEnum) and one.name.endswith("IgnoreCase") for one in options)
    return [one for one in options if isinstance(one, int)], ignore


def _outside(name: str) -> Exception:
    text = "Index was out of range. Must be non-negative and less than the size of the collection."
    return net_error("System.ArgumentOutOfRangeException", f"{text}\r\nParameter name: {name}")


@method(str, "IndexOf", *_PLACES, *_COMPARED, *_COUNTED)
def index_of(this: str, value: str, *options: object) -> int:
    """Place of the first occurrence, -1 for none."""
    numbers, ignore = _split(options)
    start = numbers[0] if numbers else 0
    if not 0 <= start <= len(this):
        raise _outside("startIndex")
    end = start + numbers[1] if len(numbers) > 1 else len(this)
    mine, other = (this.lower(), value.lower()) if ignore else (this, value)
    return mine.find(other, start, end)


@method(str, "LastIndexOf", *_PLACES, *_COMPARED, *_COUNTED)
def last_index_of(this: str, value: str, *options: object) -> int:
    """Place of the last occurrence at or before ``startIndex``, -1 for none."""
    numbers, ignore = _split(options)
    start = numbers[0] if numbers else len(this) - 1
    least = start - numbers[1] + 1 if len(numbers) > 1 else 0
    mine, other = (this.lower(), value.lower()) if ignore else (this, value)
    return mine.rfind(other, max(least, 0), start + 1)


@method(str, "ToCharArray", "", "int startIndex, int length")
def characters(this: str, start: int = 0, length: int | None = None) -> PSArray:
    """The characters, or some of them."""
    text = halves(this)
    end = len(text) if length is None else start + length
    if start < 0 or end > len(text):
        raise _outside("startIndex")
    return PSArray([Char(one) for one in text[start:end]], CHAR)


@method(str, "Chars", "int index")
@method(str, "get_Chars", "int index")
def character_at(this: str, at: int) -> Char:
    """One character."""
    if not 0 <= at < len(this):
        text = "Index was outside the bounds of the array."
        raise net_error("System.IndexOutOfRangeException", text)
    return Char(this[at])


for _name, _turn in (("ToUpper", upper), ("ToLower", lower)):
    method(str, _name, "CultureInfo culture")(lambda this, _culture, turn=_turn: turn(this))
method(str, "GetTypeCode")(lambda _this: ENUMS["system.typecode"]("String"))
method(str, "IsNormalized")(lambda this: unicodedata.is_normalized("NFC", this))


@static(STRING, "Compare", f"string strA, string strB, {_KIND}")
def compare(left: str, right: str, kind: PSEnum) -> int:
    """Order in a culture or by the characters' numbers."""
    ignore = kind.name.endswith("IgnoreCase")
    if kind.name.startswith("Ordinal"):
        pair = (left.upper(), right.upper()) if ignore else (left, right)
        return _ordinal(*pair)
    return compare_text(left, right, ignore)


def _ordinal(left: str, right: str) -> int:
    """The difference of the first characters that differ, else of the lengths."""
    for one, other in zip(left, right, strict=False):
        if one != other:
            return ord(one) - ord(other)
    return len(left) - len(right)


static(STRING, "CompareOrdinal", "string strA, string strB")(_ordinal)
static(STRING, "Copy", "string str")(lambda text: text)
static(STRING, "Join", "string separator, string[] value, int startIndex, int count")(
    lambda glue, values, at, count: glue.join(to_text(one) for one in values[at : at + count])
)

# ------------------------------------------------------------------------------------------------------- characters


def _category(*starts: str) -> object:
    return lambda one: unicodedata.category(one).startswith(starts)


for _name, _test in (
    ("IsPunctuation", _category("P")),
    ("IsSymbol", _category("S")),
    ("IsSeparator", _category("Z")),
    ("IsNumber", _category("N")),
    ("IsControl", _category("Cc")),
    ("IsSurrogate", _category("Cs")),
):
    static(CHAR, _name, "char c")(lambda one, test=_test: test(one))
static(CHAR, "GetNumericValue", "char c")(lambda one: float(unicodedata.numeric(one, -1)))
static(CHAR, "ToString", "char c")(str)
static(CHAR, "ToUpperInvariant", "char c")(lambda one: Char(one.upper()))
static(CHAR, "ToLowerInvariant", "char c")(lambda one: Char(one.lower()))
static(CHAR, "ConvertToUtf32", "string s, int index")(lambda text, at: ord(text[at]))
static_prop(CHAR, "MaxValue", lambda: Char("\uffff"))
static_prop(CHAR, "MinValue", lambda: Char("\0"))
method(Char, "CompareTo", "char value")(lambda one, other: ord(one) - ord(other))
__all__ = ["enums"]
