"""Objects as CLIXML, the serialization of PowerShell remoting, ``Export-Clixml`` and redirected consoles [measured].

Every value of the shell has a form here, down to a depth; what lies deeper is written by its text. Only objects with
properties of their class use up the depth; property bags and containers do not.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from xml.dom import minidom

from harness.twin.shell.clixmltext import date_text, element, escaped, laid_out, real_text, span_text
from harness.twin.shell.dotnet.registry import static
from harness.twin.shell.dotnet.xmlnodes import xml_text
from harness.twin.shell.errors import ErrorRecord, NetError, PSError, net_error
from harness.twin.shell.memberviews import Shown, adapted, error_notes, extended, message_notes
from harness.twin.shell.numberformat import decimal_text
from harness.twin.shell.objects import (
    BigInteger,
    Byte,
    Char,
    Enumerator,
    Int16,
    Int64,
    MemberSet,
    NetList,
    PSArray,
    PSEnum,
    PSHashtable,
    PSMethod,
    PSObject,
    SByte,
    UInt16,
    UInt32,
    UInt64,
    bare_value,
)
from harness.twin.shell.records import MessageRecord, ProgressRecord
from harness.twin.shell.scriptblock import ScriptBlock
from harness.twin.shell.session import current
from harness.twin.shell.text import EXTENDED_TEXTS, net_text, to_text
from harness.twin.shell.typerules import TypeRules, rules_of
from harness.twin.shell.typesystem import is_null, qualified_name, type_chain
from harness.twin.shell.versions import Version

if TYPE_CHECKING:
    from harness.twin.shell.runspace import Runspace

OPEN: Final = '<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'
CLOSE: Final = "</Objs>"
DEEPEST: Final = 50
"""Levels below the top: what lies deeper is replaced by a sentence."""
TOO_DEEP: Final = "Serialized XML is nested too deeply."
_TAGS: Final[dict[type, str]] = {
    Int64: "I64",
    Int16: "I16",
    SByte: "SB",
    Byte: "By",
    UInt16: "U16",
    UInt32: "U32",
    UInt64: "U64",
}
_RECORD: Final = ' N="Record"'
_UNSEEN: Final = object()


class Serializer:
    """Writes values; references and type names are shared within one document."""

    def __init__(self, rs: Runspace, depth: int = 2) -> None:
        self.rs = rs
        self.depth = depth
        self._objects: dict[int, tuple[int, object]] = {}
        self._types: dict[tuple[str, ...], int] = {}
        self._next = 0
        self._level = 0

    def write(self, value: object, name: str | None = None, stream: str | None = None, depth: int | None = None) -> str:
        """The element of a value, with its property name or stream."""
        attributes = ""
        if stream is not None:
            attributes += f' S="{stream}"'
        if name is not None:
            attributes += f' N="{escaped(name, True)}"'
        if is_null(value):
            return f"<Nil{attributes} />"
        if self._level >= DEEPEST - 1:
            return f"<S{attributes}>{TOO_DEEP}</S>"
        self._level += 1
        try:
            return self._one(value, attributes, self.depth if depth is None else depth)
        finally:
            self._level -= 1

    def _one(self, value: object, attributes: str, level: int) -> str:
        simple = self._primitive(value, attributes)
        if simple is not None:
            return simple
        known = self._objects.get(id(value))
        if known is not None:
            return f'<Ref{attributes} RefId="{known[0]}" />'
        bare = bare_value(value)
        rules = rules_of(self.rs, value)
        level = rules.depth or level
        if bare is not value:
            inner = self._primitive(bare, "")
            if inner is not None:
                return self._wrapped(value, bare, inner, attributes, level)
        if isinstance(bare, PSHashtable | list | tuple | Enumerator):
            return self._container(value, bare, attributes, level)
        if level == 0 or (rules.method or "").lower() == "string":
            return self._as_text(value, rules, attributes, level)
        return self._full(value, bare, rules, attributes, level)

    # ------------------------------------------------------------------------------------------ primitives

    def _primitive(self, value: object, attributes: str) -> str | None:
        kind = type(value)
        if kind is str:
            return f"<S{attributes}>{escaped(value)}</S>"  # type: ignore[arg-type]
        if isinstance(value, bool):
            return f"<B{attributes}>{'true' if value else 'false'}</B>"
        if isinstance(value, Char):
            return f"<C{attributes}>{ord(value)}</C>"
        if isinstance(value, int) and kind is not BigInteger:
            tag = _TAGS.get(kind) or ("I32" if -(2**31) <= value < 2**31 else "I64")
            return f"<{tag}{attributes}>{int(value)}</{tag}>"
        if isinstance(value, float):
            tag = "Db" if kind is float else "Sg"
            return f"<{tag}{attributes}>{real_text(value)}</{tag}>"
        if isinstance(value, Decimal):
            return f"<D{attributes}>{decimal_text(value)}</D>"
        if isinstance(value, datetime):
            return f"<DT{attributes}>{date_text(value)}</DT>"
        if isinstance(value, timedelta):
            return f"<TS{attributes}>{span_text(value)}</TS>"
        return self._other_primitive(value, attributes)

    def _other_primitive(self, value: object, attributes: str) -> str | None:
        if isinstance(value, uuid.UUID):
            return f"<G{attributes}>{value}</G>"
        if isinstance(value, Version):
            return f"<Version{attributes}>{value}</Version>"
        if isinstance(value, ScriptBlock):
            return f"<SBK{attributes}>{escaped(value.text)}</SBK>"
        if isinstance(value, PSArray) and value.element == "System.Byte":
            data = base64.b64encode(bytes(int(one) for one in value if isinstance(one, int))).decode("ascii")
            return f"<BA{attributes}>{data}</BA>" if data else f"<BA{attributes} />"
        if isinstance(value, str):
            return f"<S{attributes}>{escaped(str(value))}</S>"
        if isinstance(value, ProgressRecord):
            return self._progress(value, attributes)
        if isinstance(value, minidom.Document):
            return f"<XD{attributes}>{escaped(xml_text(value))}</XD>"
        tag = TEXT_TAGS.get(type(value))
        if tag is not None:
            return f"<{tag}{attributes}>{escaped(net_text(value))}</{tag}>"
        secret = SECRETS.get(type(value))
        return f"<SS{attributes}>{secret(value)}</SS>" if secret is not None else None

    def _progress(self, record: ProgressRecord, attributes: str) -> str:
        operation = f"<S>{escaped(record.operation)}</S>" if record.operation else "<Nil />"
        kind = "Completed" if record.completed else "Processing"
        return (
            f"<PR{attributes or _RECORD}><AV>{escaped(record.activity)}</AV><AI>{record.identity}</AI>"
            f"{operation}<PI>{record.parent}</PI><PC>{record.percent}</PC><T>{kind}</T><SR>{record.seconds}</SR>"
            f"<SD>{escaped(record.status)}</SD></PR>"
        )

    # --------------------------------------------------------------------------------------------- objects

    def _number(self, value: object) -> int:
        number = self._next
        self._next += 1
        self._objects[id(value)] = (number, value)
        return number

    def _start(self, value: object, attributes: str, names: tuple[str, ...], text: str | None) -> str:
        shown = f'<Obj{attributes} RefId="{self._number(value)}">{self._type_names(names)}'
        return shown if text is None else shown + element("ToString", text)

    def _type_names(self, chain: tuple[str, ...]) -> str:
        if not chain:
            return ""
        known = self._types.get(chain)
        if known is not None:
            return f'<TNRef RefId="{known}" />'
        number = len(self._types)
        self._types[chain] = number
        return f'<TN RefId="{number}">{"".join(element("T", qualified_name(name)) for name in chain)}</TN>'

    def _wrapped(self, value: object, primitive: object, inner: str, attributes: str, level: int) -> str:
        """A simple value that carries notes, other type names or a text of its own."""
        text = value.text if isinstance(value, PSObject) and isinstance(value.text, str) else None
        names = type_chain(value)
        changed = names != type_chain(primitive)
        own = extended(self.rs, value, instance_only=True)
        bare = not (isinstance(value, PSObject) and value.members)
        if bare and not own and not changed and text is None:
            return self._primitive(primitive, attributes) or inner
        start = self._start(value, attributes, names if changed else (), text)
        return f"{start}{inner}{self._notes(own, level)}</Obj>"

    def _as_text(self, value: object, rules: TypeRules, attributes: str, level: int) -> str:
        """What lies below the depth, or asks to be written as text; notes stay with it."""
        text = self._string_source(value, rules.string_source) if rules.string_source else text_of(value)
        own = extended(self.rs, value, instance_only=True)
        changed = isinstance(value, PSObject) and value.net_type is None and tuple(value.type_names) != _BAG
        if own or changed or (isinstance(value, PSObject) and value.net_type is None and value.members):
            inner = "" if text is None else f"<S>{escaped(text)}</S>"
            start = self._start(value, attributes, type_chain(value) if changed else (), _own_text(value))
            return f"{start}{inner}{self._notes(own, level)}</Obj>"
        return f"<Nil{attributes} />" if text is None else f"<S{attributes}>{escaped(text)}</S>"

    def _string_source(self, value: object, name: str) -> str | None:
        for shown in (*adapted(value), *extended(self.rs, value)):
            if shown.name.lower() == name.lower():
                found = _read(shown)
                return None if found is _UNSEEN or is_null(found) else text_of(found)
        return text_of(value)

    def _container(self, value: object, bare: object, attributes: str, level: int) -> str:
        start = self._start(value, attributes, type_chain(value), None)
        if isinstance(bare, PSHashtable):
            inner = _wrap("DCT", "".join(self._entry(key, item, level) for key, item in bare.items()))
            tag = "DCT"
        else:
            items: Iterable[object] = bare.items if isinstance(bare, Enumerator) else bare  # type: ignore[assignment]
            tag = container_tag(bare)
            inner = _wrap(tag, "".join(self.write(item, depth=level) for item in items))
        more = ""
        if level and tag == "IE" and not isinstance(bare, Enumerator):
            more = self._properties(adapted(bare), level - 1)
        if level:
            more += self._notes(extended(self.rs, value, instance_only=tag != "IE"), level)
        return f"{start}{inner}{more}</Obj>"

    def _entry(self, key: object, item: object, level: int) -> str:
        return f"<En>{self.write(key, 'Key', depth=level)}{self.write(item, 'Value', depth=level)}</En>"

    def _full(self, value: object, bare: object, rules: TypeRules, attributes: str, level: int) -> str:
        bag = isinstance(bare, PSObject) and bare.net_type is None
        start = self._start(value, attributes, type_chain(value), _own_text(value) if bag else text_of(value) or "")
        chosen = self._chosen(rules)
        if isinstance(bare, PSEnum):
            inner = self.write(bare.number)
        elif isinstance(bare, ErrorRecord):
            inner = self._notes(error_notes(bare), level)
        elif isinstance(bare, MessageRecord):
            inner = self._notes(message_notes(bare), level)
        else:
            inner = self._properties(_picked(adapted(bare), chosen), level - 1)
        own = extended(self.rs, value)
        notes = [one for one in own if one.instance] + _picked([one for one in own if not one.instance], chosen)
        return f"{start}{inner}{self._notes(notes, level)}</Obj>"

    @staticmethod
    def _chosen(rules: TypeRules) -> list[str] | None:
        if (rules.method or "").lower() != "specificproperties" or rules.properties is None:
            return None
        return [name.lower() for name in rules.properties]

    def _properties(self, members: list[Shown], level: int) -> str:
        """Properties of a class; the box of an enum's value is new each time it is read."""
        found = []
        for shown in members:
            value = _read(shown)
            if value is _UNSEEN:
                continue
            if isinstance(value, PSEnum):
                self._objects.pop(id(value), None)
            found.append(self.write(value, shown.name, depth=level))
        return _wrap("Props", "".join(found)) if members else ""

    def _notes(self, members: list[Shown], level: int) -> str:
        found = [self._note(shown, level) for shown in members]
        inner = "".join(found)
        return f"<MS>{inner}</MS>" if inner else ""

    def _note(self, shown: Shown, level: int) -> str:
        value = _read(shown)
        below = level if shown.instance else max(level - 1, 0)
        if value is _UNSEEN:
            return ""
        if isinstance(value, MemberSet):
            inner = "".join(
                self._note(Shown.of(member), below)
                for member in value.members.values()
                if getattr(member, "kind", "") not in ("PropertySet", "Method", "ScriptMethod")
            )
            name = f' N="{escaped(value.name, True)}"'
            return f"<MS{name}>{inner}</MS>" if inner else f"<MS{name} />"
        return self.write(value, shown.name, depth=below)


TEXT_TAGS: Final[dict[type, str]] = {}
"""Classes that are written by their text, and the tag: ``[uri]``."""
SECRETS: Final[dict[type, Callable[[Any], str]]] = {}
"""Classes whose text is written protected: ``[securestring]``."""
_BAG: Final = ("System.Management.Automation.PSCustomObject", "System.Object")


def _picked(members: list[Shown], names: list[str] | None) -> list[Shown]:
    """The members of these names, in the order of the names."""
    if names is None:
        return members
    by_name = {one.name.lower(): one for one in members}
    return [by_name[name] for name in names if name in by_name]


def _wrap(tag: str, inner: str) -> str:
    return f"<{tag}>{inner}</{tag}>" if inner else f"<{tag} />"


def container_tag(value: object) -> str:
    """The element that a list of some class becomes."""
    if isinstance(value, Enumerator):
        return "IE"
    name = value.full_name if isinstance(value, NetList) else ""
    head = name.partition("`")[0].rpartition(".")[2]
    if "+" in name or head in ("HashSet", "SortedSet", "LinkedList", "BitArray"):
        return "IE"
    return {"Queue": "QUE", "Stack": "STK"}.get(head, "LST")


def _own_text(value: object) -> str | None:
    """The text that a property bag brought along when it was read."""
    return value.text if isinstance(value, PSObject) and isinstance(value.text, str) else None


def text_of(value: object) -> str | None:
    """``ToString()`` of an object; nothing when it fails."""
    try:
        if isinstance(value, list):
            return to_text(value)
        own_text = EXTENDED_TEXTS.get(type(value))
        if own_text is not None:
            return own_text(value)
        if isinstance(value, PSObject):
            own = value.members.get("tostring")
            return to_text(own.call(value)) if isinstance(own, PSMethod) else to_text(value)
        return net_text(value)
    except (PSError, NetError):
        return None


def _read(shown: Shown) -> object:
    """The value of a property; ``_UNSEEN`` when reading it fails: then it is left out."""
    try:
        return shown.get()
    except (PSError, NetError):
        return _UNSEEN


@static("System.Management.Automation.PSSerializer", "Serialize", "object source", "object source, int depth")
def serialize(value: object, depth: int = 1) -> str:
    """``[PSSerializer]::Serialize``."""
    if depth < 1:
        raise net_error(
            "System.Management.Automation.PSArgumentException",
            "Value of depth parameter must be greater than or equal to 1.\r\nParameter name: writer",
        )
    return laid_out(f"{OPEN}{Serializer(current(), depth).write(value)}{CLOSE}")


def document(elements: list[str]) -> str:
    """A whole document, as consoles write it."""
    return f"#< CLIXML\r\n{OPEN}{''.join(elements)}{CLOSE}"


__all__ = ["CLOSE", "OPEN", "SECRETS", "TEXT_TAGS", "Serializer", "document", "escaped", "serialize"]
