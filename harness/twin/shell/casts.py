"""Casts to .NET's value classes and to PowerShell's own: date, time span, version, GUID, hashtable, object, type …"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from harness.twin.shell.conversion import BAD_NUMBER, NUMBER, bad_cast, caster, convert, no_cast
from harness.twin.shell.dateparse import SpanOverflowError, parse_date, parse_span
from harness.twin.shell.errors import NetException, PSError, runtime_error
from harness.twin.shell.numberformat import as_decimal
from harness.twin.shell.objects import HASHTABLE, ORDERED, Char, NetList, PSHashtable, PSObject, Reference
from harness.twin.shell.spans import span_of_ticks
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import TypeRef, find_type, is_null
from harness.twin.shell.versions import Version


@caster("System.Decimal")
def to_decimal(value: object, target: TypeRef) -> Decimal:
    """Cast to ``[decimal]``."""
    if isinstance(value, str) and not isinstance(value, Char):
        plain = value.strip()
        if plain and not NUMBER.match(plain):
            reason = NetException("System.FormatException", BAD_NUMBER)
            raise bad_cast(value, target, "InvalidCastFromStringToDecimal", BAD_NUMBER, reason)
        return Decimal(plain.replace(",", "") or 0)
    if isinstance(value, float):
        return as_decimal(value)
    if isinstance(value, int | Decimal):
        return Decimal(value)
    if is_null(value):
        return Decimal(0)
    raise no_cast(value, target)


@caster("System.Char")
def to_char(value: object, target: TypeRef) -> Char:
    """Cast to ``[char]``."""
    if isinstance(value, str):
        if len(value) == 1:
            return Char(value)
        raise bad_cast(value, target, "InvalidCastIConvertible", "String must be exactly one character long.")
    if isinstance(value, int) and not isinstance(value, bool):
        if 0 <= value < 65536:
            return Char(chr(value))
        raise bad_cast(
            value, target, "InvalidCastIConvertible", "Value was either too large or too small for a character."
        )
    if is_null(value):
        return Char("\0")
    raise no_cast(value, target)


_NEVER: Final = datetime(1, 1, 1)  # noqa: DTZ001 - DateTime.MinValue has no zone
_NOT_A_DATE: Final = "String was not recognized as a valid DateTime."
_today: Callable[[], datetime] = lambda: _NEVER  # noqa: E731


def set_today(today: Callable[[], datetime]) -> None:
    """Tell what completes a text that holds only a time."""
    global _today
    _today = today


def _unreadable(value: object, target: TypeRef, text: str, exception: str) -> PSError:
    inner = NetException(exception, text)
    return bad_cast(value, target, "InvalidCastParseTargetInvocationWithFormatProvider", text, inner)


def _not_from(value: object, target: TypeRef) -> PSError:
    if is_null(value):
        return runtime_error(f'Cannot convert null to type "{target}".', "nullToObjectInvalidCast", "InvalidArgument")
    return no_cast(value, target)


@caster("System.DateTime")
def to_date(value: object, target: TypeRef) -> datetime:
    """Cast to ``[datetime]``: a text in en-US or ISO form, or ticks."""
    if isinstance(value, str):
        made = parse_date(value, _today())
        if made is None:
            text = _date_fault(value)
            raise _unreadable(value, target, text, "System.FormatException")
        return made
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return _NEVER + timedelta(microseconds=_ticks(value, target) // 10)
        except OverflowError:
            text = "Ticks must be between DateTime.MinValue.Ticks and DateTime.MaxValue.Ticks.\r\nParameter name: ticks"
            inner = NetException("System.ArgumentOutOfRangeException", text)
            raise bad_cast(value, target, "InvalidCastConstructorTargetInvocationException", text, inner) from None
    raise _not_from(value, target)


def _ticks(value: float, target: TypeRef) -> int:
    """A number as a 64-bit count of ticks."""
    if not -(2**63) <= value < 2**63:
        text = "Value was either too large or too small for an Int64."
        raise bad_cast(value, target, "InvalidCastIConvertible", text, NetException("System.OverflowException", text))
    return int(value)


def _date_fault(text: str) -> str:
    if re.match(r"^\s*[A-Za-z]", text) and not re.search(r"\d", text):
        return "The string was not recognized as a valid DateTime. There is an unknown word starting at index 0."
    return _NOT_A_DATE


@caster("System.TimeSpan")
def to_span(value: object, target: TypeRef) -> timedelta:
    """Cast to ``[timespan]``: text, or ticks."""
    if isinstance(value, str):
        try:
            made = parse_span(value)
        except SpanOverflowError:
            text = (
                "The TimeSpan could not be parsed because at least one of the numeric components is out of range "
                "or contains too many digits."
            )
            raise _unreadable(value, target, text, "System.OverflowException") from None
        if made is None:
            text = "String was not recognized as a valid TimeSpan."
            raise _unreadable(value, target, text, "System.FormatException")
        return made
    if isinstance(value, int | float) and not isinstance(value, bool):
        return span_of_ticks(_ticks(value, target))
    raise _not_from(value, target)


@caster("System.Version")
def to_version(value: object, target: TypeRef) -> Version | None:
    """Cast to ``[version]``."""
    if is_null(value):
        return None
    if isinstance(value, str | int | float | Decimal) and not isinstance(value, bool):
        try:
            return Version.parse(to_text(value))
        except ValueError as fault:
            raise bad_cast(
                value,
                target,
                "InvalidCastParseTargetInvocation",
                str(fault),
                NetException("System.ArgumentException", str(fault)),
            ) from None
    raise no_cast(value, target)


@caster("System.Guid")
def to_guid(value: object, target: TypeRef) -> uuid.UUID:
    """Cast to ``[guid]``."""
    if isinstance(value, str):
        if re.match(r"^\s*[{(]?[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}[)}]?\s*$", value, re.IGNORECASE):
            return uuid.UUID(re.sub(r"[^0-9a-fA-F]", "", value))
        text = "Guid should contain 32 digits with 4 dashes (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx)."
        raise bad_cast(
            value, target, "InvalidCastParseTargetInvocation", text, NetException("System.FormatException", text)
        )
    raise no_cast(value, target)


@caster(
    "System.Collections.Hashtable", "System.Collections.Specialized.OrderedDictionary", "System.Collections.IDictionary"
)
def to_hashtable(value: object, target: TypeRef) -> object:
    """Cast to ``[hashtable]``."""
    if is_null(value):
        return None
    if isinstance(value, PSHashtable):
        return value if target.full_name != HASHTABLE else PSHashtable(value.items(), HASHTABLE)
    raise no_cast(value, target)


@caster("System.Management.Automation.PSObject")
def to_custom(value: object, _target: TypeRef) -> object:
    """``[pscustomobject]`` of a hashtable literal makes an object; other values stay as they are."""
    if isinstance(value, PSHashtable) and value.full_name in (HASHTABLE, ORDERED):
        return custom_object(value)
    return value


def custom_object(table: PSHashtable) -> PSObject:
    """An object with the keys of a hashtable; the key ``PSTypeName`` becomes its type name."""
    made = PSObject()
    for key, value in table.items():
        name = to_text(key)
        if name.lower() == "pstypename":
            made.type_names = [to_text(value), *made.type_names]
        else:
            made.set(name, value)
    return made


@caster("System.Collections.ArrayList")
def to_array_list(value: object, target: TypeRef) -> object:
    """Cast to a list class."""
    if is_null(value):
        return None
    return NetList(value if isinstance(value, list) else [value], target.full_name)


@caster("System.Nullable")
def to_nullable(value: object, target: TypeRef) -> object:
    """Cast to ``[Nullable[…]]``: nothing stays nothing."""
    return None if is_null(value) or value == "" else convert(value, target.arguments[0])


@caster("System.Management.Automation.PSReference")
def to_reference(value: object, _target: TypeRef) -> Reference:
    """``[ref]`` of a value that is no variable: a box."""
    if isinstance(value, Reference):
        return value
    box = [value]
    return Reference(lambda: box[0], lambda new: box.__setitem__(0, new))


@caster("System.Type")
def to_type(value: object, target: TypeRef) -> object:
    """A type by its name."""
    if isinstance(value, TypeRef):
        return value
    found = find_type(to_text(value).strip("[]"))
    if found is None:
        raise bad_cast(value, target, "InvalidCastFromStringToType", f"Unable to find type [{to_text(value)}].")
    return found
