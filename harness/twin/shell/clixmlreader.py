"""Reads CLIXML: what comes back is alive only when simple; other objects are bags with the properties they had.

Type names get the prefix ``Deserialized.``; lists become an ``ArrayList``, dictionaries a ``Hashtable`` [measured].
A few types are rebuilt from what was written of them (``REBUILT``).
"""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree
from xml.parsers.expat import ExpatError

from harness.twin.shell.clixmltext import read_date, read_real, read_span, unescaped
from harness.twin.shell.conversion import INTEGERS
from harness.twin.shell.dotnet.registry import static
from harness.twin.shell.dotnet.xmlfaults import fault_text
from harness.twin.shell.dotnet.xmlnodes import parse_xml
from harness.twin.shell.errors import NetError, PSError, net_error
from harness.twin.shell.memberviews import FROM_TYPES
from harness.twin.shell.objects import (
    AddedNote,
    Byte,
    Char,
    ComputedProperty,
    Member,
    MemberSet,
    NetList,
    NoteProperty,
    PSArray,
    PSHashtable,
    PSMethod,
    PSObject,
    Single,
)
from harness.twin.shell.records import ProgressRecord
from harness.twin.shell.text import READ_BAG
from harness.twin.shell.versions import Version

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_ENUM: Final = "Deserialized.System.Enum"
NAMESPACE: Final = "{http://schemas.microsoft.com/powershell/2004/04}"
PREFIX: Final = "Deserialized."
DEEPEST: Final = 50


def malformed(text: str) -> NetError:
    """The document is not CLIXML."""
    return net_error("System.Xml.XmlException", text)


def _character(text: str) -> Char:
    return Char(chr(int(text)))


def _truth(text: str) -> bool:
    found = {"true": True, "1": True, "false": False, "0": False}.get(text.strip())
    if found is None:
        raise ValueError(text)
    return found


def _integer(full_name: str) -> Callable[[str], int]:
    kind, low, high = INTEGERS[full_name]

    def read(text: str) -> int:
        plain = text.strip()
        if not re.fullmatch(r"[+-]?\d+", plain) or not low <= int(plain) <= high:
            raise ValueError(text)
        return kind(int(plain))

    return read


def _bytes(text: str) -> PSArray:
    return PSArray([Byte(one) for one in base64.b64decode(re.sub(r"\s", "", text), validate=True)], "System.Byte")


def _decimal(text: str) -> Decimal:
    return Decimal(text.strip())


_READERS: Final[dict[str, Callable[[str], object]]] = {
    "S": unescaped,
    "SBK": unescaped,
    "C": _character,
    "B": _truth,
    "DT": read_date,
    "TS": read_span,
    "By": _integer("System.Byte"),
    "SB": _integer("System.SByte"),
    "U16": _integer("System.UInt16"),
    "I16": _integer("System.Int16"),
    "U32": _integer("System.UInt32"),
    "I32": _integer("System.Int32"),
    "U64": _integer("System.UInt64"),
    "I64": _integer("System.Int64"),
    "Sg": lambda text: Single(read_real(text)),
    "Db": read_real,
    "D": _decimal,
    "BA": _bytes,
    "G": lambda text: uuid.UUID(text.strip()),
    "Version": Version.parse,
    "XD": lambda text: parse_xml(unescaped(text)),
}
"""Simple values by their tag. A script block comes back as its text."""

Rebuild = Callable[[PSObject], object]
REBUILT: Final[dict[str, Rebuild]] = {}
"""Types that come back alive, by the name they have in the document, in lower case."""
EXTRA_READERS: Final = _READERS
"""Further simple values: a module that owns a class adds its tag."""


class Reader:
    """Reads one document."""

    def __init__(self) -> None:
        self._objects: dict[str, PSObject] = {}
        self._types: dict[str, tuple[str, ...]] = {}
        self._level = 0

    def document(self, text: str) -> list[object]:
        """All objects of a document. Raises ``NetError`` (``XmlException``)."""
        try:
            root = ElementTree.fromstring(text)  # noqa: S314 - lab data; entities of the outside are not read
        except (ElementTree.ParseError, ExpatError, ValueError) as fault:
            raise malformed(_fault_text(text, fault)) from None
        if root.tag != f"{NAMESPACE}Objs":
            raise malformed(f"{_local(root)} XML tag is not recognized.")
        version = root.get("Version")
        if version is None:
            raise malformed("Version attribute was expected.")
        if not re.fullmatch(r"\d+(\.\d+){1,3}", version):
            raise malformed("Version of PSObject is not valid.")
        if version.partition(".")[0] != "1":
            raise malformed(f"Version of incoming PSObject is {version}. Expected value is 1.")
        return [self.one(node) for node in root]

    def one(self, node: Element) -> object:
        """The value of an element."""
        self._level += 1
        try:
            if self._level >= DEEPEST:
                raise malformed("Serialized XML is nested too deeply.")
            return self._one(node)
        finally:
            self._level -= 1

    def _one(self, node: Element) -> object:
        tag = _local(node)
        if tag == "Nil":
            return None
        if tag == "Ref":
            return self._referenced(node)
        if tag == "Obj":
            return self._object(node)
        return self._simple(node, tag)

    def _simple(self, node: Element, tag: str) -> object:
        if tag == "PR":
            return self._progress(node)
        read = _READERS.get(tag)
        if read is None:
            raise malformed(f"{tag} XML tag is not recognized.")
        try:
            return read(node.text or "")
        except (ValueError, InvalidOperation, binascii.Error, ExpatError, OverflowError):
            raise malformed(f"The contents of the {tag} primitive type are not valid.") from None

    def _referenced(self, node: Element) -> object:
        number = node.get("RefId")
        if number is None:
            raise malformed("RefId attribute was expected.")
        found = self._objects.get(number)
        if found is None:
            raise malformed(f"No object found for referenceId {number}")
        return found

    # ----------------------------------------------------------------------------------------------- objects

    def _object(self, node: Element) -> object:
        made = PSObject()
        number = node.get("RefId")
        if number is not None:
            self._objects[number] = made
        named = False
        for child in node:
            tag = _local(child)
            if tag in ("TN", "TNRef"):
                made.type_names = self._names(child, tag)
                named = True
            elif tag == "Props":
                self._properties(made, child)
            elif tag == "MS":
                for member in self._members(child):
                    made.members[member.name.lower()] = member
            elif tag == "ToString":
                self._text(made, unescaped(child.text or ""))
            else:
                self._base(made, child, tag, named)
        if made.base is not None:
            made.net_type = None
            if not named:
                made.type_names = _chain_of(made.base)
        if made.base is not None and _ENUM in made.type_names:
            made.members["value"] = ComputedProperty("Value", lambda _this: made.text, detail=FROM_TYPES)
        return self._rebuilt(made)

    def _names(self, node: Element, tag: str) -> tuple[str, ...]:
        number = node.get("RefId")
        if tag == "TNRef":
            if number is None:
                raise malformed("RefId attribute was expected.")
            known = self._types.get(number)
            if known is None:
                raise malformed(f"Cannot process names because no TypeNames were found for referenceId {number}.")
            return known
        names = []
        for child in node:
            if _local(child) != "T":
                raise malformed(f"{_local(child)} XML tag is not recognized.")
            name = unescaped(child.text or "")
            if name:
                names.append(name if name.lower().startswith(PREFIX.lower()) else PREFIX + name)
        if number is not None:
            self._types[number] = tuple(names)
        return tuple(names)

    def _text(self, made: PSObject, text: str) -> None:
        made.text = text
        made.members["tostring"] = PSMethod("ToString", lambda _this: text)

    def _properties(self, made: PSObject, node: Element) -> None:
        made.net_type = READ_BAG
        for child in node:
            name = _name_of(child)
            value = self.one(child)
            made.members[name.lower()] = ReadProperty(name, value)

    def _members(self, node: Element) -> list[Member]:
        found: list[Member] = []
        for child in node:
            name = _name_of(child)
            if _local(child) == "MS":
                found.append(MemberSet(name, self._members(child)))
            else:
                found.append(AddedNote(name, self.one(child)))
        return found

    def _base(self, made: PSObject, node: Element, tag: str, named: bool) -> None:
        if tag in ("LST", "IE", "QUE", "STK"):
            name = {"QUE": "Queue", "STK": "Stack"}.get(tag, "ArrayList")
            target = NetList((), f"System.Collections.{name}")
            made.base = target
            target.extend(self.one(child) for child in node)
        elif tag == "DCT":
            made.base = PSHashtable()
            self._entries(made, node)
        elif tag == "Obj":
            inner = self.one(node)
            made.base = inner
            if isinstance(inner, PSObject) and inner.text is not None and made.text is None:
                made.text = inner.text
        elif tag == "Nil":
            return
        else:
            made.base = self._simple(node, tag)

    def _entries(self, made: PSObject, node: Element) -> None:
        table = made.base
        assert isinstance(table, PSHashtable)  # noqa: S101 - made by the caller
        for entry in node:
            if _local(entry) != "En":
                raise malformed(f"{_local(entry)} XML tag is not recognized.")
            parts = list(entry)
            if not parts:
                raise malformed("Key for dictionary entry is not specified.")
            if _name_of(parts[0]).lower() != "key":
                raise malformed("Name attribute for dictionary key is incorrectly specified.")
            key = self.one(parts[0])
            if key is None:
                raise malformed("Null is specified as dictionary key.")
            if len(parts) < 2:
                raise malformed("Value for dictionary entry is not specified.")
            if _name_of(parts[1]).lower() != "value":
                raise malformed("Name attribute for dictionary value is incorrectly specified.")
            if key in table and not table.case_sensitive:
                table = PSHashtable(table.items(), case_sensitive=True)
                made.base = table
            table[key] = self.one(parts[1])

    def _progress(self, node: Element) -> ProgressRecord:
        texts = {_local(child): child.text or "" for child in node}
        try:
            return ProgressRecord(
                unescaped(texts.get("AV", "")),
                unescaped(texts.get("SD", "")),
                int(texts.get("PC", "-1")),
                texts.get("T") == "Completed",
                int(texts.get("AI", "0")),
                int(texts.get("PI", "-1")),
                int(texts.get("SR", "-1")),
                unescaped(texts.get("S", "")),
            )
        except ValueError:
            raise malformed("The contents of the PR primitive type are not valid.") from None

    @staticmethod
    def _rebuilt(made: PSObject) -> object:
        if not made.type_names:
            return made
        rebuild = REBUILT.get(made.type_names[0].lower().removeprefix(PREFIX.lower()))
        if rebuild is None:
            return made
        try:
            return rebuild(made)
        except (NetError, PSError, KeyError, ValueError, TypeError):
            return made


class ReadProperty(NoteProperty):
    """A property of the class that an object had before it was written."""

    __slots__ = ()
    kind = "Property"


def _chain_of(value: object) -> tuple[str, ...]:
    from harness.twin.shell.typesystem import type_chain

    return type_chain(value)


def _local(node: Element) -> str:
    """The name of an element; the namespace must be CLIXML's."""
    if not node.tag.startswith(NAMESPACE):
        raise malformed(f"{node.tag.rpartition('}')[2]} XML tag is not recognized.")
    return node.tag[len(NAMESPACE) :]


def _name_of(node: Element) -> str:
    name = node.get("N")
    if name is None:
        raise malformed("N attribute was expected.")
    return unescaped(name)


def _fault_text(text: str, fault: Exception) -> str:
    line, column = getattr(fault, "position", (1, 0))
    return fault_text(text, str(fault).partition(":")[0], line, column)


SERIALIZER: Final = "System.Management.Automation.PSSerializer"


@static(SERIALIZER, "DeserializeAsList", "string source")
def deserialize_all(text: str) -> list[object]:
    """``[PSSerializer]::DeserializeAsList``."""
    return Reader().document(text)


@static(SERIALIZER, "Deserialize", "string source")
def deserialize(text: str) -> object:
    """``[PSSerializer]::Deserialize``: the one object, or all of them."""
    found = Reader().document(text)
    return found if len(found) > 1 else found[0] if found else None
