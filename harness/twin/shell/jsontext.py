"""JSON as 5.1 writes it: four blanks, two after the colon, dates as ``\\/Date(ms)\\/``, enums as numbers."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from harness.twin.shell.clixml import TEXT_TAGS
from harness.twin.shell.dateformat import format_date, span_parts, ticks_of_span
from harness.twin.shell.dotnet.registry import NetProperty, members_of
from harness.twin.shell.dotnet.specialvalues import DATABASE_NULL
from harness.twin.shell.errors import NetError, PSError
from harness.twin.shell.members import property_list
from harness.twin.shell.numberformat import double_text
from harness.twin.shell.objects import (
    ComputedProperty,
    Enumerator,
    Int64,
    NoteProperty,
    PSEnum,
    PSHashtable,
    PSObject,
)
from harness.twin.shell.text import net_text, to_text
from harness.twin.shell.typesystem import TypeRef, is_null

if TYPE_CHECKING:
    from harness.twin.shell.runspace import Runspace

_ESCAPE: Final = re.compile(r"[\x00-\x1f\"\\<>&'\x85\u2028\u2029]")
_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _escaped(match: re.Match[str]) -> str:
    letter = match.group(0)
    return _SHORT.get(letter) or f"\\u{ord(letter):04x}"


def quoted(text: str) -> str:
    """A string of JSON, escaped as ``JavaScriptSerializer`` does."""
    return f'"{_ESCAPE.sub(_escaped, text)}"'


_quoted_name: Final = lru_cache(maxsize=4096)(quoted)
"""For names of properties, which come again and again."""


def date_text(moment: datetime) -> str:
    """``"\\/Date(ms)\\/"``; every kind is read as UTC, since lab nodes run on UTC."""
    span = moment.replace(tzinfo=UTC) - _EPOCH
    return f'"\\/Date({span // timedelta(milliseconds=1)})\\/"'


class JsonWriter:
    """Writes one value."""

    def __init__(self, rs: Runspace, depth: int, compress: bool) -> None:
        self.rs = rs
        self.depth = depth
        self.compress = compress

    def write(self, value: object, level: int = 0, column: int = 0) -> str:
        """The JSON of a value at a depth; ``column`` is where its first bracket stands."""
        kind = type(value)
        if kind is str:
            return quoted(value)  # type: ignore[arg-type]
        if kind is PSHashtable and level <= self.depth:
            return self._object(self.pairs(value), level, column)
        if value is None or is_null(value) or value is DATABASE_NULL:
            return "null"
        if kind is bool:
            return "true" if value else "false"
        if kind is int:
            return str(value)
        simple = self._scalar(value)
        if simple is not None:
            return simple
        if level > self.depth:
            return quoted(self._flat(value))
        if kind is PSObject and value.base is not None:  # type: ignore[attr-defined]
            return self._wrapped(value, level, column)  # type: ignore[arg-type]
        if isinstance(value, list | tuple | Enumerator):
            items = list(value.items) if isinstance(value, Enumerator) else list(value)
            return self._list(items, level, column)
        return self._object(self.pairs(value), level, column)

    def _scalar(self, value: object) -> str | None:
        if isinstance(value, str):
            return quoted(str(value))
        if isinstance(value, int):
            return str(int(value))
        if isinstance(value, float):
            text = double_text(value, 17) if float(f"{value:.15g}") != value else double_text(value)
            if text in ("NaN", "∞", "-∞"):
                return {"NaN": "NaN", "∞": "Infinity", "-∞": "-Infinity"}[text]
            return text
        if isinstance(value, Decimal):
            return net_text(value)
        if isinstance(value, PSEnum):
            return str(value.value)
        if isinstance(value, datetime):
            return date_text(value)
        if isinstance(value, uuid.UUID | TypeRef) or type(value) in TEXT_TAGS:
            return quoted(str(value))
        return None

    def _flat(self, value: object) -> str:
        if isinstance(value, list):
            return " ".join(to_text(item) for item in value)
        return to_text(value)

    def _wrapped(self, value: PSObject, level: int, column: int) -> str:
        notes = [(name, item) for name, item in value.properties()]
        if not notes:
            return self.write(value.base, level, column)
        if isinstance(value.base, PSHashtable):
            return self._object([*[(to_text(key), item) for key, item in value.base.items()], *notes], level, column)
        pairs: list[tuple[str, object]] = [("value", value.base), *notes]
        if isinstance(value.base, datetime):
            pairs.append(("DateTime", f"{format_date(value.base, 'D')} {format_date(value.base, 'T')}"))
        return self._object(pairs, level, column)

    def pairs(self, value: object) -> list[tuple[str, object]]:
        """Names and values that stand for an object."""
        if isinstance(value, PSHashtable):
            own = [(to_text(key), item) for key, item in value.items()]
            if value.extra:
                own += [(one.name, one.value) for one in value.extra.values() if isinstance(one, NoteProperty)]
            return own
        if isinstance(value, PSObject):
            return [
                (member.name, member.value if isinstance(member, NoteProperty) else member.getter(value))
                for member in value.members.values()
                if isinstance(member, NoteProperty | ComputedProperty)
            ] or property_list(self.rs, value)
        if isinstance(value, timedelta):
            return _span_pairs(value)
        return [
            (member.name, _read(member, value))
            for member in members_of(type(value)).values()
            if isinstance(member, NetProperty)
        ]

    def _list(self, items: list[object], level: int, column: int) -> str:
        if self.compress:
            return f"[{','.join([self.write(item, level + 1) for item in items])}]"
        if not items:
            return f"[\r\n\r\n{' ' * column}]"
        inner = column + 4
        pad = " " * inner
        lines = ",\r\n".join(f"{pad}{self.write(item, level + 1, inner)}" for item in items)
        return f"[\r\n{lines}\r\n{' ' * column}]"

    def _object(self, pairs: list[tuple[str, object]], level: int, column: int) -> str:
        if self.compress:
            return f"{{{','.join([f'{_quoted_name(name)}:{self.write(value, level + 1)}' for name, value in pairs])}}}"
        if not pairs:
            return f"{{\r\n\r\n{' ' * column}}}"
        inner = column + 4
        pad = " " * inner
        lines = []
        for name, value in pairs:
            key = f"{quoted(name)}:  "
            lines.append(f"{pad}{key}{self.write(value, level + 1, inner + len(key))}")
        return f"{{\r\n{f',{chr(13)}{chr(10)}'.join(lines)}\r\n{' ' * column}}}"


def _span_pairs(value: timedelta) -> list[tuple[str, object]]:
    days, hours, minutes, seconds, milliseconds = span_parts(value)
    total = value.total_seconds()
    return [
        ("Ticks", Int64(ticks_of_span(value))),
        ("Days", days),
        ("Hours", hours),
        ("Milliseconds", milliseconds),
        ("Minutes", minutes),
        ("Seconds", seconds),
        ("TotalDays", total / 86400),
        ("TotalHours", total / 3600),
        ("TotalMilliseconds", total * 1000),
        ("TotalMinutes", total / 60),
        ("TotalSeconds", total),
    ]


def _read(member: NetProperty, value: object) -> object:
    try:
        return member.getter(value)
    except (NetError, PSError):
        return None
