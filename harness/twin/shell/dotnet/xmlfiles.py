"""``XmlDocument.Save`` and ``Load`` of a path ([GK] .NET Framework: indented by two blanks; a mark only where the
declaration names an encoding)."""

from __future__ import annotations

from typing import Any
from xml.dom import Node, minidom

from harness.twin.shell.dotnet.registry import method
from harness.twin.shell.dotnet.xmlnodes import load_xml, xml_text
from harness.twin.shell.objects import NOTHING
from harness.twin.shell.session import current
from harness.twin.shell.storage import absolute, storage_of, text_of

_STEP = "  "
_INLINE = (Node.TEXT_NODE, Node.CDATA_SECTION_NODE)


def indented(node: Any, depth: int = 0) -> str:
    """An element with its children on lines of their own, unless there is text among them."""
    nested = node.nodeType == Node.ELEMENT_NODE and node.childNodes
    if not nested or any(child.nodeType in _INLINE for child in node.childNodes):
        return xml_text(node)
    shallow = node.cloneNode(False)
    head = xml_text(shallow).removesuffix(" />").removesuffix(f"></{node.tagName}>")
    lines = [f"{_STEP * (depth + 1)}{indented(child, depth + 1)}" for child in node.childNodes]
    return "\r\n".join([f"{head}>", *lines, f"{_STEP * depth}</{node.tagName}>"])


@method(minidom.Document, "Save", "string filename")
def save(node: Any, path: str) -> object:
    """Write the document to a file."""
    declaration = getattr(node, "declaration_text", "")
    parts = [declaration, *(indented(child) for child in node.childNodes)]
    text = "\r\n".join(part for part in parts if part)
    mark = "\ufeff" if "encoding" in declaration.lower() else ""
    storage_of(current()).write(absolute(path, current().host.location), f"{mark}{text}".encode())
    return NOTHING


@method(minidom.Document, "Load", "string filename")
def load(node: Any, path: str) -> object:
    """Fill the document from a file."""
    data = storage_of(current()).read(absolute(path, current().host.location))
    return load_xml(node, text_of(data, "utf-8"))
