"""Objects as CLIXML, the serialization of PowerShell remoting and of redirected consoles.

Every value of the shell has a form here, down to a depth; what lies deeper is written by its text. Only objects with
properties of their class count for the depth; property bags and containers do not.
"""

from __future__ import annotations

import base64
import re
import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final
from xml.dom import minidom

from harness.twin.shell.dateformat import kind_of
from harness.twin.shell.dotnet.registry import NetProperty, members_of, static
from harness.twin.shell.dotnet.xmlnodes import xml_text
from harness.twin.shell.errors import ErrorRecord, NetError, NetException, PSError
from harness.twin.shell.numberformat import decimal_text, double_text
from harness.twin.shell.objects import (
    Byte,
    Char,
    ComputedProperty,
    Enumerator,
    Int16,
    Int64,
    NetList,
    NoteProperty,
    PSArray,
    PSEnum,
    PSHashtable,
    PSObject,
    SByte,
    Single,
    UInt16,
    UInt32,
    UInt64,
    Version,
)
from harness.twin.shell.records import MessageRecord, ProgressRecord
from harness.twin.shell.scriptblock import ScriptBlock
from harness.twin.shell.session import current
from harness.twin.shell.text import net_text, to_text
from harness.twin.shell.typesystem import is_null, type_chain

if TYPE_CHECKING:
    from harness.twin.shell.runspace import Runspace

OPEN: Final = '<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'
CLOSE: Final = "</Objs>"
_TAGS: Final[dict[type, str]] = {
    Int64: "I64",
    Int16: "I16",
    SByte: "SB",
    Byte: "By",
    UInt16: "U16",
    UInt32: "U32",
    UInt64: "U64",
}
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]|_(?=[xX])")
_RECORD: Final = ' N="Record"'
_MARKUP: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def escaped(text: str, attribute: bool = False) -> str:
    """Text of CLIXML: control characters as ``_x000A_``, then XML's own escapes."""
    plain = _CONTROL.sub(lambda found: f"_x{ord(found.group(0)[0]):04X}_", text)
    plain = re.sub(r"[&<>]", lambda found: _MARKUP[found.group(0)], plain)
    return plain.replace('"', "&quot;") if attribute else plain


def date_text(moment: datetime) -> str:
    """XML's form of a date."""
    fraction = f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else ""
    zone = {"Utc": "Z", "Local": "+00:00"}.get(kind_of(moment), "")
    return f"{moment:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + fraction + zone


def span_text(span: timedelta) -> str:
    """XML's form of a duration."""
    total = abs(span)
    days, rest = total.days, total.seconds
    hours, minutes, seconds = rest // 3600, rest // 60 % 60, rest % 60
    fraction = f"{total.microseconds:06d}".rstrip("0")
    text = "P" + (f"{days}D" if days else "")
    time = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    if seconds or fraction:
        time += f"{seconds}{f'.{fraction}' if fraction else ''}S"
    if time:
        text += f"T{time}"
    if text == "P":
        text = "PT0S"
    return f"-{text}" if span < timedelta(0) else text


def _real(value: float) -> str:
    text = double_text(value, 7 if isinstance(value, Single) else 15)
    if text in ("NaN",):
        return text
    if text in ("∞", "-∞"):
        return text.replace("∞", "INF")
    if float(text) != value and not isinstance(value, Single):
        text = double_text(value, 17)
    return text


class Serializer:
    """Writes values; references and type names are shared within one document."""

    def __init__(self, rs: Runspace, depth: int = 2) -> None:
        self.rs = rs
        self.depth = depth
        self._objects: dict[int, tuple[int, object]] = {}
        self._types: dict[tuple[str, ...], int] = {}
        self._next = 0

    def write(self, value: object, name: str | None = None, stream: str | None = None, depth: int | None = None) -> str:
        """The element of a value, with its property name or stream."""
        attributes = ""
        if stream is not None:
            attributes += f' S="{stream}"'
        if name is not None:
            attributes += f' N="{escaped(name, True)}"'
        level = self.depth if depth is None else depth
        simple = self._primitive(value, attributes)
        if simple is not None:
            return simple
        return self._object(value, attributes, level)

    # ------------------------------------------------------------------------------------------ primitives

    def _primitive(self, value: object, attributes: str) -> str | None:
        kind = type(value)
        if is_null(value):
            return f"<Nil{attributes} />"
        if kind is str:
            return f"<S{attributes}>{escaped(value)}</S>"  # type: ignore[arg-type]
        if isinstance(value, bool):
            return f"<B{attributes}>{'true' if value else 'false'}</B>"
        if isinstance(value, Char):
            return f"<C{attributes}>{ord(value)}</C>"
        if isinstance(value, int):
            tag = _TAGS.get(kind) or ("I32" if -(2**31) <= value < 2**31 else "I64")
            return f"<{tag}{attributes}>{int(value)}</{tag}>"
        if isinstance(value, float):
            tag = "Sg" if isinstance(value, Single) else "Db"
            return f"<{tag}{attributes}>{_real(value)}</{tag}>"
        return self._other_primitive(value, attributes)

    def _other_primitive(self, value: object, attributes: str) -> str | None:
        if isinstance(value, Decimal):
            return f"<D{attributes}>{decimal_text(value)}</D>"
        if isinstance(value, datetime):
            return f"<DT{attributes}>{date_text(value)}</DT>"
        if isinstance(value, timedelta):
            return f"<TS{attributes}>{span_text(value)}</TS>"
        if isinstance(value, uuid.UUID):
            return f"<G{attributes}>{value}</G>"
        if isinstance(value, Version):
            return f"<Version{attributes}>{value}</Version>"
        if isinstance(value, ScriptBlock):
            return f"<SBK{attributes}>{escaped(value.text)}</SBK>"
        if isinstance(value, PSArray) and value.element == "System.Byte":
            data = base64.b64encode(bytes(int(one) for one in value if isinstance(one, int))).decode("ascii")
            return f"<BA{attributes}>{data}</BA>"
        if isinstance(value, str):
            return f"<S{attributes}>{escaped(str(value))}</S>"
        if isinstance(value, ProgressRecord):
            return self._progress(value, attributes)
        if isinstance(value, minidom.Document):
            return f"<XD{attributes}>{escaped(xml_text(value))}</XD>"
        return None

    def _progress(self, record: ProgressRecord, attributes: str) -> str:
        operation = f"<S>{escaped(record.operation)}</S>" if record.operation else "<Nil />"
        kind = "Completed" if record.completed else "Processing"
        return (
            f"<PR{attributes or _RECORD}><AV>{escaped(record.activity)}</AV><AI>{record.identity}</AI>"
            f"{operation}<PI>{record.parent}</PI><PC>{record.percent}</PC><T>{kind}</T><SR>{record.seconds}</SR>"
            f"<SD>{escaped(record.status)}</SD></PR>"
        )

    # --------------------------------------------------------------------------------------------- objects

    def _reference(self, value: object) -> int | None:
        known = self._objects.get(id(value))
        return known[0] if known is not None else None

    def _number(self, value: object) -> int:
        number = self._next
        self._next += 1
        self._objects[id(value)] = (number, value)
        return number

    def _type_names(self, chain: tuple[str, ...]) -> str:
        if not chain:
            return ""
        known = self._types.get(chain)
        if known is not None:
            return f'<TNRef RefId="{known}" />'
        number = len(self._types)
        self._types[chain] = number
        return f'<TN RefId="{number}">{"".join(f"<T>{escaped(name)}</T>" for name in chain)}</TN>'

    def _object(self, value: object, attributes: str, level: int) -> str:
        key = value
        if isinstance(value, PSEnum):
            known = self._enum_reference(value)
            if known is not None:
                return f'<Ref{attributes} RefId="{known}" />'
        reference = self._reference(key)
        if reference is not None:
            return f'<Ref{attributes} RefId="{reference}" />'
        if level < 1 and _counts(value):
            return f"<S{attributes}>{escaped(self._deep_text(value))}</S>"
        return self._full(value, attributes, level)

    def _deep_text(self, value: object) -> str:
        return (
            to_text(value)
            if isinstance(value, list)
            else net_text(value)
            if not isinstance(value, PSObject)
            else to_text(value)
        )

    _enums: dict[tuple[str, int], int]

    def _enum_reference(self, value: PSEnum) -> int | None:
        if not hasattr(self, "_enums"):
            self._enums = {}
        return self._enums.get((value.type.name, value.value))

    def _full(self, value: object, attributes: str, level: int) -> str:
        number = self._number(value)
        head = f'<Obj{attributes} RefId="{number}">'
        if isinstance(value, PSEnum):
            self._enums[(value.type.name, value.value)] = number
            names = self._type_names(type_chain(value))
            return f"{head}{names}<ToString>{escaped(value.name)}</ToString><I32>{value.value}</I32></Obj>"
        if isinstance(value, PSObject):
            return head + self._ps_object(value, level) + "</Obj>"
        names = self._type_names(type_chain(value))
        if isinstance(value, PSHashtable):
            return f"{head}{names}{self._table(value, level)}{self._extra(value.extra, level)}</Obj>"
        if isinstance(value, list | tuple):
            return f"{head}{names}{self._list(value, level)}</Obj>"
        if isinstance(value, Enumerator):
            items = "".join(self.write(item, depth=level) for item in value.items)
            return f"{head}{names}<IE>{items}</IE></Obj>"
        return f"{head}{names}{self._net(value, level)}</Obj>"

    def _list(self, value: list[object] | tuple[object, ...], level: int) -> str:
        name = value.full_name if isinstance(value, NetList) else ""
        tag = "QUE" if name == "System.Collections.Queue" else "STK" if name == "System.Collections.Stack" else "LST"
        if "HashSet" in name or "+" in name:
            tag = "IE"
        items = "".join(self.write(item, depth=level) for item in value)
        return f"<{tag}>{items}</{tag}>" if items else f"<{tag} />"

    def _table(self, value: PSHashtable, level: int) -> str:
        entries = "".join(
            f"<En>{self.write(key, 'Key', depth=level)}{self.write(item, 'Value', depth=level)}</En>"
            for key, item in value.items()
        )
        return f"<DCT>{entries}</DCT>" if entries else "<DCT />"

    def _extra(self, extra: object, level: int) -> str:
        if not isinstance(extra, dict) or not extra:
            return ""
        inner = "".join(
            self.write(one.value, one.name, depth=level - 1) for one in extra.values() if isinstance(one, NoteProperty)
        )
        return f"<MS>{inner}</MS>"

    def _members(self, value: PSObject, level: int) -> str:
        found = []
        for member in value.members.values():
            if isinstance(member, NoteProperty):
                found.append(self.write(member.value, member.name, depth=level - 1))
            elif isinstance(member, ComputedProperty):
                try:
                    found.append(self.write(member.getter(value), member.name, depth=level - 1))
                except (PSError, NetError):
                    continue
        return "".join(found)

    def _ps_object(self, value: PSObject, level: int) -> str:
        names = self._type_names(tuple(value.type_names))
        inner = self._members(value, level if value.net_type is not None else level + 1)
        if value.base is not None:
            simple = self._primitive(value.base, "")
            notes = f"<MS>{inner}</MS>" if inner else ""
            if simple is not None:
                return simple + notes
            bare = self._type_names(type_chain(value.base))
            if isinstance(value.base, PSHashtable):
                return bare + self._table(value.base, level) + notes
            if isinstance(value.base, list):
                return bare + self._list(value.base, level) + notes
            return bare + self._net(value.base, level) + notes
        if value.net_type is None:
            return f"{names}<MS>{inner}</MS>" if inner else names
        text = escaped(to_text(value))
        return (
            f"{names}<ToString>{text}</ToString><Props>{inner}</Props>"
            if inner
            else f"{names}<ToString>{text}</ToString>"
        )

    def _net(self, value: object, level: int) -> str:
        if isinstance(value, MessageRecord):
            return (
                f"<ToString>{escaped(value.message)}</ToString>"
                f"<MS>{self.write(value.message, 'InformationalRecord_Message')}"
                f"{self.write(False, 'InformationalRecord_SerializeInvocationInfo')}</MS>"
            )
        text = escaped(net_text(value))
        properties = "".join(
            self.write(_read(member, value), member.name, depth=level - 1)
            for member in members_of(type(value)).values()
            if isinstance(member, NetProperty)
        )
        tag = "MS" if isinstance(value, ErrorRecord) else "Props"
        body = f"<{tag}>{properties}</{tag}>" if properties else ""
        return f"<ToString>{text}</ToString>{body}"


def _counts(value: object) -> bool:
    """Whether an object uses up depth: those with properties of their class do, property bags and containers do not."""
    if isinstance(value, PSEnum | PSHashtable | list | tuple | Enumerator):
        return False
    return not (isinstance(value, PSObject) and value.net_type is None)


def _read(member: NetProperty, value: object) -> object:
    try:
        return member.getter(value)
    except (NetError, PSError):
        return None


@static("System.Management.Automation.PSSerializer", "Serialize", "object source", "object source, int depth")
def serialize(value: object, depth: int = 1) -> str:
    """``[PSSerializer]::Serialize``."""
    return f"{OPEN}{Serializer(current(), depth).write(value)}{CLOSE}"


def document(elements: list[str]) -> str:
    """A whole document, as consoles write it."""
    return f"#< CLIXML\r\n{OPEN}{''.join(elements)}{CLOSE}"


__all__ = ["CLOSE", "OPEN", "NetException", "Serializer", "document", "escaped"]
