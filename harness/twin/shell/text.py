"""Any value as text: inside a string (``"$x"``), by ``ToString()``, and with a format code (``-f``)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from harness.twin.shell.dateformat import INVARIANT, format_date, format_span
from harness.twin.shell.errors import ErrorRecord, NetException
from harness.twin.shell.numberformat import BadFormatError, decimal_text, double_text, format_number
from harness.twin.shell.objects import Entry, Enumerator, Nothing, PSEnum, PSHashtable, PSMethod, PSObject, bare_value
from harness.twin.shell.typesystem import TypeRef, type_name, type_text
from harness.twin.shell.versions import Version

READ_BAG: Final = "System.Management.Automation.PSObject"
"""The class of an object that was read from CLIXML with properties of its former class."""
_TEXTS: Final[dict[type, Callable[[object], str]]] = {}


EXTENDED_TEXTS: Final[dict[type, Callable[[object], str]]] = {}
"""What PowerShell's own ``ToString()`` gives for classes to which it adds one; strings show .NET's text."""


def register_text(python_type: type, text: Callable[[object], str]) -> None:
    """Tell what ``ToString()`` gives for values of a Python class."""
    _TEXTS[python_type] = text


def to_text(value: object, separator: str | None = None) -> str:
    """What a value becomes inside a string; lists are joined by ``separator``, else ``$OFS``."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[return-value]
    if kind is PSObject:
        return object_text(value, separator)  # type: ignore[arg-type]
    if value is None or kind is Nothing:
        return ""
    if kind is PSEnum:
        return value.name  # type: ignore[attr-defined, no-any-return]
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return double_text(value)
    if isinstance(value, datetime):
        return format_date(value, INVARIANT)
    if isinstance(value, list | tuple | Enumerator):
        return _joined(value, separator)
    if isinstance(value, PSObject):
        return object_text(value, separator)
    if isinstance(value, TypeRef):
        return type_text(value)
    return net_text(value)


def _joined(value: list[object] | tuple[object, ...] | Enumerator, separator: str | None) -> str:
    glue = _separator() if separator is None else separator
    items = value.items if isinstance(value, Enumerator) else value
    return glue.join(type_name(item) if isinstance(item, list) else to_text(item, " ") for item in items)


def _blank() -> str:
    return " "


_separator: Callable[[], str] = _blank


def set_separator(read: Callable[[], str]) -> None:
    """Tell how ``$OFS`` is found."""
    global _separator
    _separator = read


def object_text(value: PSObject, separator: str | None = None) -> str:
    """An object inside a string: its own text, what it wraps, or ``@{Name=Value; …}``.

    A simple value that is wrapped is shown by itself, whatever text it brought along [measured].
    """
    if isinstance(value.base, str | int | float | Decimal | datetime):
        return to_text(value.base, separator)
    method = value.members.get("tostring") if value.row is None else None
    if isinstance(method, PSMethod):
        return to_text(method.call(value))
    if value.text is not None:
        return value.text if isinstance(value.text, str) else value.text()
    if value.base is not None:
        return to_text(value.base, separator)
    if value.net_type is None or value.net_type == READ_BAG:
        return custom_text(value)
    return value.net_type


def custom_text(value: PSObject) -> str:
    """``@{Name=Value; …}``; values inside are shown by their type's text."""
    parts = "; ".join(f"{name}={_property_text(item)}" for name, item in value.properties())
    return f"@{{{parts}}}" if parts else ""


def _property_text(value: object) -> str:
    if isinstance(value, PSObject) and value.base is None and value.net_type is None and value.text is None:
        method = value.members.get("tostring")
        return to_text(method.call(value)) if isinstance(method, PSMethod) else ""
    if isinstance(value, list | tuple):
        return type_name(value)
    return to_text(value)


def net_text(value: object) -> str:
    """``ToString()`` in the culture of the machine."""
    if isinstance(value, str):
        return str(value)
    if value is None or isinstance(value, Nothing):
        return ""
    if isinstance(value, bool | int):
        return str(value) if isinstance(value, bool) else str(int(value))
    if isinstance(value, float):
        return double_text(value)
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, datetime):
        return format_date(value)
    if isinstance(value, timedelta):
        return format_span(value)
    if isinstance(value, uuid.UUID | Version | PSEnum | TypeRef):
        return str(value)
    if isinstance(value, PSHashtable | list | tuple):
        return type_name(value)
    return _other_text(value)


def _other_text(value: object) -> str:
    if isinstance(value, PSObject):
        if value.base is None and value.net_type is None and value.text is None and "tostring" not in value.members:
            return ""
        return object_text(value)
    if isinstance(value, ErrorRecord):
        return value.message
    if isinstance(value, NetException):
        inner = (
            f" ---> {_other_text(value.inner)}\r\n   --- End of inner exception stack trace ---" if value.inner else ""
        )
        return f"{value.type_name}: {value.message}{inner}"
    if isinstance(value, Entry):
        if value.full_name.startswith("System.Collections.Generic"):
            return f"[{net_text(value.key)}, {net_text(value.value)}]"
        return value.full_name
    known = _TEXTS.get(type(value))
    return known(value) if known else type_name(value)


def formatted(value: object, code: str) -> str:
    """A value with a format code, as ``-f`` and ``ToString(code)`` do it. Raises ``BadFormatError``."""
    bare = bare_value(value)
    if not code:
        return object_text(bare) if isinstance(bare, PSObject) else net_text(bare)
    if isinstance(bare, PSEnum):
        return format_enum(bare, code)
    if isinstance(bare, bool) or bare is None:
        return net_text(bare)
    if isinstance(bare, int | float | Decimal):
        return format_number(bare, code)
    if isinstance(bare, datetime):
        return format_date(bare, code)
    if isinstance(bare, timedelta):
        return format_span(bare, code)
    if isinstance(bare, uuid.UUID):
        return format_guid(bare, code)
    return object_text(bare) if isinstance(bare, PSObject) else net_text(bare)


def format_enum(value: PSEnum, code: str) -> str:
    """``G`` and ``F`` give the label, ``D`` the number, ``X`` eight hexadecimal digits."""
    letter = code.upper()
    if letter in ("G", "F"):
        return value.name
    if letter == "D":
        return str(value.value)
    if letter == "X":
        return f"{value.value & 0xFFFFFFFF:08X}"
    raise BadFormatError


def format_guid(value: uuid.UUID, code: str) -> str:
    """Formats N, D, B, P of a ``[guid]``."""
    forms = {"N": value.hex, "D": str(value), "B": f"{{{value}}}", "P": f"({value})"}
    found = forms.get(code.upper())
    if found is None:
        raise BadFormatError
    return found
