"""Conversion: a value as another type by PowerShell's rules; dates, versions and other classes are in ``casts``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

from harness.twin.shell.errors import NetError, NetException, PSError, runtime_error
from harness.twin.shell.objects import (
    HASHTABLE,
    Byte,
    Char,
    Enumerator,
    EnumType,
    Int16,
    Int64,
    NetList,
    PSArray,
    PSEnum,
    PSObject,
    SByte,
    Single,
    UInt16,
    UInt32,
    UInt64,
)
from harness.twin.shell.switches import Switch
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import TypeRef, is_instance, is_null, type_name

INTEGERS: Final[dict[str, tuple[type[int], int, int]]] = {
    "System.Int32": (int, -(2**31), 2**31 - 1),
    "System.Int64": (Int64, -(2**63), 2**63 - 1),
    "System.Int16": (Int16, -(2**15), 2**15 - 1),
    "System.SByte": (SByte, -128, 127),
    "System.Byte": (Byte, 0, 255),
    "System.UInt16": (UInt16, 0, 2**16 - 1),
    "System.UInt32": (UInt32, 0, 2**32 - 1),
    "System.UInt64": (UInt64, 0, 2**64 - 1),
}
NUMBER: Final = re.compile(r"^\s*[+-]?(\d[\d,]*(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$")
BAD_NUMBER: Final = "Input string was not in a correct format."

Caster = Callable[[object, TypeRef], object]
_CASTERS: Final[dict[str, Caster]] = {}


def caster(*full_names: str) -> Callable[[Caster], Caster]:
    """Decorator: the cast to types of these names."""

    def register(function: Caster) -> Caster:
        for name in full_names:
            _CASTERS[name] = function
        return function

    return register


def bad_cast(
    value: object, target: TypeRef | str, error_id: str, reason: str, inner: NetException | None = None
) -> PSError:
    """``Cannot convert value "…" to type "…". Error: "…"``."""
    name = target if isinstance(target, str) else str(target)
    text = f'Cannot convert value "{to_text(value)}" to type "{name}". Error: "{reason}"'
    return runtime_error(
        text,
        error_id,
        "InvalidArgument",
        inner=NetException("System.Management.Automation.PSInvalidCastException", text, inner),
        type_name=_CAST_EXCEPTION,
        reason="RuntimeException",
    )


_CAST_EXCEPTION: Final = "System.Management.Automation.RuntimeException"


def no_cast(value: object, target: TypeRef | str) -> PSError:
    """``Cannot convert the "…" value of type "…" to type "…".``"""
    name = target if isinstance(target, str) else str(target)
    text = type_name(value) if isinstance(value, list) else to_text(value)
    shown = type_name(value)
    return runtime_error(
        f'Cannot convert the "{text}" value of type "{shown}" to type "{name}".',
        "ConvertToFinalInvalidCastException",
        "InvalidArgument",
    )


def to_bool(value: object) -> bool:
    """PowerShell's truth: empty, zero, ``$null`` and a list of one such are false."""
    kind = type(value)
    if kind is bool:
        return value  # type: ignore[return-value]
    if is_null(value):
        return False
    if isinstance(value, str):
        return value != "\0" and len(value) > 0
    if isinstance(value, int | float | Decimal):
        return value != 0
    if isinstance(value, PSEnum):
        return value.value != 0
    if isinstance(value, list):
        if isinstance(value, NetList) and value.full_name == "System.Xml.XPathNodeList":
            return True
        if len(value) == 1:
            first = value[0]
            return len(first) > 0 if isinstance(first, list) else to_bool(first)
        return len(value) > 0
    if isinstance(value, PSObject) and value.base is not None:
        return to_bool(value.base)
    return value.present if kind is Switch else True  # type: ignore[attr-defined]


def parse_number(text: str) -> int | float | Decimal | None:
    """A number as arithmetic reads it out of text: also hexadecimal and size suffixes; ``None`` for anything else."""
    plain = text.strip()
    if not plain:
        return 0
    match = re.match(
        r"^([+-]?)(?:0x([0-9a-f]+)|((?:\d[\d,]*)?\.?\d*(?:e[+-]?\d+)?))(kb|mb|gb|tb|pb)?([ld])?$", plain, re.IGNORECASE
    )
    if match is None or not (match[2] or match[3]) or match[3] == ".":
        return None
    factor = {"kb": 2**10, "mb": 2**20, "gb": 2**30, "tb": 2**40, "pb": 2**50}.get((match[4] or "").lower(), 1)
    sign = -1 if match[1] == "-" else 1
    if match[2]:
        return shrink(sign * int(match[2], 16) * factor)
    digits = match[3].replace(",", "")
    try:
        if (match[5] or "").lower() == "d":
            return Decimal(digits) * factor * sign
        if re.search(r"[.e]", digits, re.IGNORECASE):
            return float(digits) * factor * sign
        whole = int(digits) * factor * sign
        return Int64(whole) if match[5] else shrink(whole)
    except (ValueError, InvalidOperation):
        return None


def shrink(value: int) -> int | float:
    """The smallest of int, long, double that holds a whole number."""
    if -(2**31) <= value < 2**31:
        return value
    return Int64(value) if -(2**63) <= value < 2**63 else float(value)


def half_even(value: float | Decimal) -> int:
    """A real as a whole number, half to even."""
    return round(value)


def to_integer(value: object, target: TypeRef) -> int:
    """Cast to one of the integer types."""
    kind, low, high = INTEGERS[target.full_name]
    number: int
    if isinstance(value, bool):
        number = int(value)
    elif isinstance(value, Char):
        number = ord(value)
    elif isinstance(value, int):
        number = int(value)
    elif isinstance(value, float | Decimal):
        if isinstance(value, float) and not math.isfinite(value):
            raise _too_big(value, target)
        number = half_even(value)
    elif isinstance(value, PSEnum):
        number = value.value
    elif isinstance(value, str):
        number = _integer_of_text(value, target)
    elif is_null(value):
        number = 0
    elif isinstance(value, timedelta | datetime) or not isinstance(value, PSObject):
        raise no_cast(value, target)
    else:
        raise no_cast(value, target)
    if not low <= number <= high:
        raise _too_big(value, target)
    return kind(number)


def _too_big(value: object, target: TypeRef) -> PSError:
    short = {"Byte": "an unsigned byte", "SByte": "a signed byte"}.get(target.name, f"an {target.name}")
    text = f"Value was either too large or too small for {short}."
    return bad_cast(value, target, "InvalidCastIConvertible", text, NetException("System.OverflowException", text))


def _integer_of_text(text: str, target: TypeRef) -> int:
    plain = text.strip()
    if not plain:
        return 0
    if re.match(r"^0x[0-9a-f]+$", plain, re.IGNORECASE):
        number = int(plain, 16)
        kind, _, high = INTEGERS[target.full_name]
        bits = {int: 32, Int64: 64}.get(kind)
        return number - (1 << bits) if bits and number > high and number < 1 << bits else number
    if not NUMBER.match(text):
        raise bad_cast(
            text,
            target,
            "InvalidCastFromStringToInteger",
            BAD_NUMBER,
            NetException("System.FormatException", BAD_NUMBER),
        )
    bare = plain.replace(",", "")
    try:
        return int(bare) if re.match(r"^[+-]?\d+$", bare) else half_even(Decimal(bare))
    except (InvalidOperation, OverflowError):
        raise _too_big(text, target) from None


def to_real(value: object, target: TypeRef) -> float:
    """Cast to ``[double]`` or ``[single]``."""
    kind = Single if target.full_name == "System.Single" else float
    if isinstance(value, Char):
        raise no_cast(value, target)
    if isinstance(value, str):
        plain = value.strip()
        special = {"nan": math.nan, "infinity": math.inf, "-infinity": -math.inf, "∞": math.inf, "-∞": -math.inf}.get(
            plain.lower()
        )
        if special is not None:
            return kind(special)
        if re.match(r"^0x[0-9a-f]+$", plain, re.IGNORECASE):
            return kind(int(plain, 16))
        if plain and not NUMBER.match(plain):
            reason = NetException("System.FormatException", BAD_NUMBER)
            raise bad_cast(value, target, "InvalidCastFromStringToDoubleOrSingle", BAD_NUMBER, reason)
        return kind(plain.replace(",", "") or 0)
    if isinstance(value, int | float | Decimal):
        return kind(float(value))
    if isinstance(value, PSEnum):
        return kind(value.value)
    if is_null(value):
        return kind(0)
    raise no_cast(value, target)


def to_enum(value: object, enum: EnumType) -> PSEnum:
    """Cast to an enum: a label, a unique prefix of one, several by commas, or a number."""
    if isinstance(value, PSEnum) and value.type.name == enum.name:
        return value
    names = ",".join(enum.labels)
    if is_null(value):
        raise runtime_error(
            f'Cannot convert null to type "{enum.name}" due to enumeration values that are not valid. Specify one '
            "of the "
            f'following enumeration values and try again. The possible enumeration values are "{names}".',
            "nullToEnumInvalidCast",
            "InvalidArgument",
        )
    if isinstance(value, list):
        total = 0
        for item in value:
            total |= to_enum(item, enum).value
        return PSEnum(enum, total)
    if isinstance(value, PSEnum):
        value = value.value
    if isinstance(value, int) and not isinstance(value, bool):
        made = PSEnum(enum, int(value))
        if made.name == str(made.value) and not (enum.flags and value == 0):
            raise runtime_error(
                f'Cannot convert value "{value}" to type "{enum.name}" due to enumeration values that are not valid. '
                "Specify one of the following enumeration values and try again. The possible enumeration values "
                f'are "{names}".',
                "UndefinedIntegerToEnum",
                "InvalidArgument",
            )
        return made
    return _enum_of_text(to_text(value), enum)


def _enum_of_text(text: str, enum: EnumType) -> PSEnum:
    total = 0
    for part in text.split(","):
        word = part.strip().lower()
        if re.match(r"^[+-]?\d+$", word):
            total |= to_enum(int(word), enum).value
            continue
        label = enum.by_name.get(word)
        if label is None:
            near = [name for low, name in enum.by_name.items() if word and low.startswith(word)]
            if len(near) != 1:
                raise _no_label(text, part.strip(), near, enum)
            label = near[0]
        total |= enum.labels[label]
    return PSEnum(enum, total)


def _no_label(text: str, word: str, near: list[str], enum: EnumType) -> PSError:
    if not word:
        reason = "The specified identifier name is not valid because it is either null or empty. Specify a valid identifier name and try again."  # noqa: E501
        reason = (
            f"Unable to match the identifier name {word} to a valid enumerator name. Specify one of the following "
            f"enumerator names and try again:\n{', '.join(enum.labels)}"
        )
    elif near:
        reason = (
            f"The identifier name {word} cannot be processed due to the inability to differentiate between the "
            "following "
            f"enumerator names. Specify a unique identifier name and try again:\n{', '.join(near)}"
        )
    else:
        reason = (
            f"Unable to match the identifier name {word} to a valid enumerator name. Specify one of the following "
            f"enumerator names and try again:\n{', '.join(enum.labels)}"
        )
    return bad_cast(text, enum.name, "SubstringDisambiguationEnumParseThrewAnException", reason)


def _array(value: object, target: TypeRef) -> object:
    element = target.element
    if is_null(value):
        return None
    items = (
        list(value)
        if isinstance(value, list | tuple)
        else list(value.items)
        if isinstance(value, Enumerator)
        else [value]
    )
    if element is None or element.full_name == "System.Object":
        return value if type(value) is list else items
    if element.full_name == "System.Char" and isinstance(value, str) and not isinstance(value, Char):
        items = list(value)
    return PSArray([convert(item, element) for item in items], element.full_name)


def convert(value: object, target: TypeRef) -> object:
    """A value as a type. Raises ``PSError`` with PowerShell's text and id when there is no way."""
    name = target.full_name
    if isinstance(value, PSObject) and value.base is not None and name != "System.Management.Automation.PSObject":
        value = value.base
    if name == "System.String":
        return value if type(value) is str else to_text(value)
    if name in INTEGERS:
        return to_integer(value, target)
    if name == "System.Boolean":
        return to_bool(value)
    if name == "System.Object":
        return None if is_null(value) else value
    if name in ("System.Double", "System.Single"):
        return to_real(value, target)
    if target.element is not None:
        return _array(value, target)
    if target.enum is not None:
        return to_enum(value, target.enum)
    if is_instance(value, target) and name not in ("System.Management.Automation.PSObject", HASHTABLE):
        return value
    known = _CASTERS.get(name.partition("`")[0]) or (_CASTERS.get(name))
    if known is not None:
        return known(value, target)
    return _last_resort(value, target)


def _last_resort(value: object, target: TypeRef) -> object:
    if target.full_name == "System.Array":
        return None if is_null(value) else value if isinstance(value, list) else [value]
    if target.full_name == "System.Void":
        return None
    if target.full_name == "System.Management.Automation.SwitchParameter":
        return value if isinstance(value, Switch) else Switch(to_bool(value))
    if is_null(value):
        return None
    if fallback is not None:
        return fallback(value, target)
    raise no_cast(value, target)


fallback: Caster | None = None


def set_fallback(function: Caster) -> None:
    """The cast by constructor, for types with constructors of one argument."""
    global fallback
    fallback = function


def try_convert(value: object, target: TypeRef) -> object:
    """``-as``: the converted value, or ``None``."""
    try:
        return convert(value, target)
    except (PSError, NetError):
        return None
