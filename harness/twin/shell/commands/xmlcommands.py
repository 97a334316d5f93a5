"""``Select-Xml`` and ``ConvertTo-Xml``."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from xml.dom import minidom
from xml.parsers.expat import ExpatError

from harness.twin.shell.clixmltext import laid_out
from harness.twin.shell.commands.api import Call, Command, Parameter
from harness.twin.shell.commands.providers import full_path
from harness.twin.shell.commands.table import CORE, UTILITY
from harness.twin.shell.dotnet.network import Uri
from harness.twin.shell.dotnet.registry import prop
from harness.twin.shell.dotnet.xmlnodes import DOCUMENT, expat_text, parse_xml, xml_text
from harness.twin.shell.errors import NetError
from harness.twin.shell.members import property_list
from harness.twin.shell.objects import NOTHING, Enumerator, PSEnum, PSHashtable, PSObject, bare_value
from harness.twin.shell.scriptblock import ScriptBlock
from harness.twin.shell.storage import storage_of, text_of
from harness.twin.shell.text import net_text, register_text, to_text
from harness.twin.shell.typesystem import is_null, register_value_type, type_name
from harness.twin.shell.versions import Version
from harness.twin.shell.xpath import BadXPathError, select
from harness.twin.shell.xpath import text_of as inner_text

_PLAIN: Final = (str, int, float, Decimal, datetime, timedelta, uuid.UUID, Version, Uri, ScriptBlock)
"""Values that are written as their text [D]."""
_BAD_CAST: Final = "System.Management.Automation.PSInvalidCastException"
_INFO: Final = "Microsoft.PowerShell.Commands.SelectXmlInfo"


class SelectXmlInfo:
    """A node that was found, and where."""

    __slots__ = ("node", "path", "pattern")

    def __init__(self, node: Any, path: str, pattern: str) -> None:
        self.node = node
        self.path = path
        self.pattern = pattern


register_value_type(SelectXmlInfo, _INFO)
register_text(SelectXmlInfo, lambda value: _shown(value) if isinstance(value, SelectXmlInfo) else "")
prop(SelectXmlInfo, "Node", lambda this: this.node)
prop(SelectXmlInfo, "Path", lambda this: this.path)
prop(SelectXmlInfo, "Pattern", lambda this: this.pattern)


def _shown(found: SelectXmlInfo) -> str:
    text = found.node.nodeValue if found.node.nodeType == found.node.ATTRIBUTE_NODE else inner_text(found.node)
    return (text or "").strip() if found.path == "InputStream" else f"{text}:{found.path}"


@CORE.cmdlet(
    "Select-Xml",
    module=UTILITY,
    default_set="Xml",
    parameters=[
        Parameter("XPath", "string", position=0, mandatory=True),
        Parameter(
            "Xml", "object[]", position=1, mandatory=True, pipeline=("value", "name"), aliases=("Node",), sets=("Xml",)
        ),
        Parameter("Path", "string[]", position=1, mandatory=True, pipeline="name", sets=("Path",)),
        Parameter(
            "LiteralPath", "string[]", mandatory=True, pipeline="name", aliases=("PSPath",), sets=("LiteralPath",)
        ),
        Parameter("Content", "string[]", mandatory=True, pipeline=("value", "name"), sets=("Content",)),
        Parameter("Namespace", "hashtable"),
    ],
)
def select_xml(call: Call) -> Iterable[object]:
    """Nodes that an XPath expression finds in documents, texts or files."""
    table = call.get("Namespace")
    spaces = {to_text(key): to_text(value) for key, value in table.items()} if isinstance(table, PSHashtable) else {}
    for node, path in _sources(call):
        try:
            found = select(node, call.text("XPath"), spaces)
        except BadXPathError as fault:
            raise call.fail(
                str(fault), "ProcessingFile", "InvalidOperation", exception="System.Xml.XPath.XPathException"
            ) from None
        for one in found:
            yield SelectXmlInfo(one, path, call.text("XPath"))


def _sources(call: Call) -> Iterable[tuple[Any, str]]:
    texts = [(text, "InputStream") for text in call.texts("Content")]
    for one in call.get("Xml") or []:
        if isinstance(bare_value(one), str):  # a text of the pipeline is content
            texts.append((to_text(one), "InputStream"))
        else:
            yield bare_value(one), "InputStream"
    for path in call.texts("LiteralPath") or call.texts("Path"):
        place = full_path(call, path)
        try:
            texts.append((text_of(storage_of(call.rs).read(place)), place))
        except NetError as fault:
            kind = fault.exception.type_name
            call.write_error(fault.exception.message, "ProcessingFile", "InvalidArgument", place, kind)
    for text, path in texts:
        try:
            yield parse_xml(text), path
        except ExpatError as fault:
            said = expat_text(text, fault)
            if path == "InputStream":
                said = f'Cannot convert value "{text}" to type "{DOCUMENT}". Error: "{said}"'
                call.write_error(said, "InvalidCastToXmlDocument", "InvalidArgument", None, _BAD_CAST)
            else:
                call.write_error(said, "ProcessingFile", "InvalidArgument", path, "System.ArgumentException")


# -------------------------------------------------------------------------------------------------------- ConvertTo-Xml


@CORE.cmdlet(
    "ConvertTo-Xml",
    module=UTILITY,
    parameters=[
        Parameter("InputObject", "object", position=0, mandatory=True, pipeline="value", allow_null=True),
        Parameter("Depth", "int", minimum=1),
        Parameter("NoTypeInformation", "switch"),
        Parameter("As", "string", values=("Stream", "String", "Document")),
    ],
)
class ConvertToXml(Command):
    """Objects as plain XML: each property an element, with its type."""

    def begin(self) -> None:
        self.bare = self.call.switch("NoTypeInformation")
        self.document: Any = minidom.Document()
        self.root = self.document.appendChild(self.document.createElement("Objects"))

    def process(self, item: object) -> None:
        value = self.call.get("InputObject") if item is NOTHING else item
        self.root.appendChild(self._element("Object", value, None, self.call.number("Depth", 1)))

    def end(self) -> None:
        kind = self.call.text("As", "Document").lower()
        head = '<?xml version="1.0" encoding="utf-8"?>'
        if kind == "document":
            self.document.declaration_text = head
            self.call.emit(self.document)
        elif kind == "string":
            self.call.emit(f"{head}\r\n{laid_out(xml_text(self.root))}")
        else:
            parts = (laid_out(xml_text(one)) for one in self.root.childNodes)
            for part in (head, "<Objects>", *parts, "</Objects>"):
                self.call.emit(part)

    def _element(self, tag: str, value: object, name: str | None, depth: int) -> Any:
        bare = bare_value(value)
        if is_null(bare):
            return self._start(tag, name, "")
        node = self._start(tag, name, type_name(bare))
        for one in self._inner(value, bare, depth):
            node.appendChild(one)
        return node

    def _start(self, tag: str, name: str | None, kind: str) -> Any:
        node = self.document.createElement(tag)
        if name is not None:
            node.setAttribute("Name", name)
        if kind and not self.bare:
            node.setAttribute("Type", kind)
        return node

    def _inner(self, value: object, bare: object, depth: int) -> list[Any]:
        """What is within an element; containers do not count for the depth."""
        if isinstance(bare, PSHashtable):
            pairs = [pair for key, item in bare.items() for pair in (("Key", key), ("Value", item))]
            return [self._element("Property", item, name, depth) for name, item in pairs]
        if isinstance(bare, list | Enumerator) and type_name(bare) != "System.Byte[]":
            items = bare if isinstance(bare, list) else list(bare.items)
            return [self._element("Property", item, None, depth) for item in items]
        if isinstance(bare, _PLAIN):
            return [self.document.createTextNode(net_text(bare))]
        if depth < 1:
            return self._as_text(value, bare)
        if isinstance(bare, PSEnum):
            return [self._element("Property", bare.value, "value__", depth)]
        return [self._property(name, item, depth - 1) for name, item in property_list(self.call.rs, value)]

    def _property(self, name: str, value: object, depth: int) -> Any:
        if is_null(value):
            return self._start("Property", name, "System.Object")
        return self._element("Property", value, name, depth)

    def _as_text(self, value: object, bare: object) -> list[Any]:
        """What is too deep: its text, and the notes of an object as text."""
        if not isinstance(value, PSObject):
            return [self.document.createTextNode(net_text(bare))]
        found = [self._element("Property", to_text(value), None, 0)]
        for name, item in property_list(self.call.rs, value):
            node = self._start("Property", name, "System.Management.Automation.PSNoteProperty")
            node.appendChild(self.document.createTextNode(net_text(item)))
            found.append(node)
        return found
