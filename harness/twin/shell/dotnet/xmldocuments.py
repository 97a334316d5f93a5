"""XML documents as files, and what makes their nodes ([D] .NET Framework reference)."""

from __future__ import annotations

import re
from typing import Any, Final
from xml.dom import Node, minidom

from harness.twin.shell.dotnet.files import full_path
from harness.twin.shell.dotnet.registry import method, prop
from harness.twin.shell.dotnet.streams import Stream, Writer
from harness.twin.shell.dotnet.xmlnodes import NODES, NamespaceManager, NodeList, load_xml, xml_text
from harness.twin.shell.errors import net_error
from harness.twin.shell.objects import NOTHING
from harness.twin.shell.session import current
from harness.twin.shell.storage import storage_of, text_of
from harness.twin.shell.text import to_text

_TEXTS: Final = (Node.TEXT_NODE, Node.CDATA_SECTION_NODE)


def indented(node: Any, depth: int = 0) -> str:
    """A node as ``Save`` writes it: two blanks for each level, none inside of an element that holds text."""
    pad = "  " * depth
    if node.nodeType == Node.DOCUMENT_NODE:
        declaration = getattr(node, "declaration_text", "")
        lines = [declaration] if declaration else []
        return "\r\n".join([*lines, *(indented(child) for child in node.childNodes)])
    inner = list(node.childNodes) if node.nodeType == Node.ELEMENT_NODE else []
    if not inner or any(child.nodeType in _TEXTS for child in inner):
        return pad + xml_text(node)
    bare = node.cloneNode(False)
    start = xml_text(bare).removesuffix(f"></{node.tagName}>").removesuffix(" />")
    return "\r\n".join([f"{pad}{start}>", *(indented(child, depth + 1) for child in inner), f"{pad}</{node.tagName}>"])


@method(minidom.Document, "Save", "object target")
def save(node: Any, target: object) -> object:
    """Write a document to a path, a stream or a writer; a declared UTF-8 gives the file its mark, as .NET does."""
    if not node.childNodes:
        raise net_error("System.Xml.XmlException", "Invalid XML document. The document does not have a root element.")
    text = indented(node)
    if isinstance(target, Writer | Stream):
        target.add(text)
        return NOTHING
    declared = re.search(r'encoding="([^"]+)"', getattr(node, "declaration_text", ""))
    codec = "utf-16" if declared and declared.group(1).lower() in ("utf-16", "unicode") else "utf-8"
    mark = "\ufeff" if declared and codec == "utf-8" else ""
    storage_of(current()).write(full_path(to_text(target)), (mark + text).encode(codec))
    return NOTHING


@method(minidom.Document, "Load", "object source")
def load(node: Any, source: object) -> object:
    """Fill a document from a file or a reader."""
    if isinstance(source, Stream):
        return load_xml(node, source.rest())
    load_xml(node, text_of(storage_of(current()).read(full_path(to_text(source)))))
    return NOTHING


def _with_space(node: Any, name: str, uri: str = "") -> Any:
    made = node.createElementNS(uri, name) if uri else node.createElement(name)
    above = name.partition(":")[0] if ":" in name else ""
    if uri and not above:
        made.setAttribute("xmlns", uri)
    elif uri:
        made.setAttribute(f"xmlns:{above}", uri)
    return made


def _declare(node: Any, version: str, encoding: str, standalone: str) -> Any:
    """``CreateXmlDeclaration``: it stands in the document once it is appended."""
    parts = [f'version="{version}"']
    parts += [f'encoding="{encoding}"'] if encoding else []
    parts += [f'standalone="{standalone}"'] if standalone else []
    return node.createProcessingInstruction("xml", " ".join(parts))


def _insert_after(node: Any, child: Any, other: Any) -> Any:
    return node.insertBefore(child, other.nextSibling if other is not None else node.firstChild)


def _clear(node: Any) -> object:
    for child in list(node.childNodes):
        node.removeChild(child)
    for name in list(getattr(node, "attributes", None) or ()):
        node.removeAttribute(name)
    return NOTHING


def _set_space(node: Any, name: str, uri: str, value: str) -> str:
    node.setAttributeNS(uri, name, value)
    return value


def _append_attribute(this: NodeList, attribute: Any) -> Any:
    """``Attributes.Append``: the collection knows its element."""
    owner = this.owner
    if owner is None:
        raise net_error("System.ArgumentException", "The collection has no element.")
    owner.setAttributeNode(attribute)
    this.append(attribute)
    return attribute


method(minidom.Document, "CreateElement", "string qualifiedName, string namespaceURI")(_with_space)
method(minidom.Document, "CreateElement", "string prefix, string localName, string namespaceURI")(
    lambda node, prefix, name, uri: _with_space(node, f"{prefix}:{name}" if prefix else name, uri)
)
method(minidom.Document, "CreateAttribute", "string name")(lambda node, name: node.createAttribute(name))
method(minidom.Document, "CreateComment", "string data")(lambda node, text: node.createComment(text))
method(minidom.Document, "CreateCDataSection", "string data")(lambda node, text: node.createCDATASection(text))
method(minidom.Document, "CreateXmlDeclaration", "string version, string encoding, string standalone")(_declare)
method(minidom.Element, "SetAttributeNode", "object newAttr")(lambda node, attribute: node.setAttributeNode(attribute))
method(minidom.Element, "GetAttributeNode", "string name")(lambda node, name: node.getAttributeNode(name))
method(minidom.Element, "SetAttribute", "string localName, string namespaceURI, string value")(_set_space)
method(NodeList, "Append", "object node")(_append_attribute)
for _class in NODES:
    method(_class, "RemoveAll")(_clear)
    method(_class, "InsertAfter", "object newChild, object refChild")(_insert_after)
prop(NamespaceManager, "DefaultNamespace", lambda this: this.table.get("", ""))
method(NamespaceManager, "HasNamespace", "string prefix")(lambda this, prefix: prefix in this.table)
method(NamespaceManager, "LookupNamespace", "string prefix")(lambda this, prefix: this.table.get(prefix))
