"""``[xml]``: documents whose elements and attributes are properties, and the members of nodes."""

from __future__ import annotations

import re
from typing import Any, Final
from xml.dom import Node, minidom
from xml.parsers.expat import ExpatError

from harness.twin.shell.conversion import bad_cast, caster
from harness.twin.shell.dotnet.registry import constructor, method, prop
from harness.twin.shell.dotnet.xmlfaults import fault_text
from harness.twin.shell.errors import net_error, runtime_error
from harness.twin.shell.members import ADAPTERS, LISTED, MISSING, SETTERS
from harness.twin.shell.objects import NOTHING, NetList
from harness.twin.shell.text import EXTENDED_TEXTS, register_text, to_text
from harness.twin.shell.typesystem import ENUMS, TypeRef, is_null, register_value_type
from harness.twin.shell.xpath import BadXPathError, children, select, text_of

DOCUMENT: Final = "System.Xml.XmlDocument"
_CHAIN: Final = ("System.Xml.XmlNode", "System.Object")
_KINDS: Final[tuple[tuple[Any, str, tuple[str, ...]], ...]] = (
    (minidom.Document, DOCUMENT, ()),
    (minidom.Element, "System.Xml.XmlElement", ("System.Xml.XmlLinkedNode",)),
    (minidom.Attr, "System.Xml.XmlAttribute", ()),
    (minidom.Text, "System.Xml.XmlText", ("System.Xml.XmlCharacterData", "System.Xml.XmlLinkedNode")),
    (minidom.CDATASection, "System.Xml.XmlCDataSection", ("System.Xml.XmlCharacterData", "System.Xml.XmlLinkedNode")),
    (minidom.Comment, "System.Xml.XmlComment", ("System.Xml.XmlCharacterData", "System.Xml.XmlLinkedNode")),
    (minidom.ProcessingInstruction, "System.Xml.XmlDeclaration", ("System.Xml.XmlLinkedNode",)),
)


NODES: Final = tuple(kind[0] for kind in _KINDS)


def local_name(node: Any) -> str:
    """What PowerShell's own ``ToString()`` of a node gives; inside a string it is the class."""
    return node.localName or node.nodeName  # type: ignore[no-any-return]


_NODE_TYPES: Final = ENUMS["system.xml.xmlnodetype"]


class NodeList(NetList):
    """What ``SelectNodes`` and ``ChildNodes`` give: true even when empty."""

    __slots__ = ("owner",)

    def __init__(self, nodes: list[Any], owner: Any = None) -> None:
        super().__init__(nodes, "System.Xml.XPathNodeList")
        self.owner = owner


class NamespaceManager:
    """``XmlNamespaceManager``."""

    __slots__ = ("table",)

    def __init__(self) -> None:
        self.table: dict[str, str] = {}


def xml_text(node: Any) -> str:
    """A node as XML, without a declaration, empty elements as ``<a />``."""
    if node.nodeType == Node.DOCUMENT_NODE:
        declaration = getattr(node, "declaration_text", "")
        return declaration + "".join(xml_text(child) for child in node.childNodes)
    if node.nodeType == Node.ELEMENT_NODE:
        attributes = "".join(f' {one.name}="{_escaped(one.value, True)}"' for one in _attributes(node))
        inner = "".join(xml_text(child) for child in node.childNodes)
        if inner or getattr(node, "opened", False):
            return f"<{node.tagName}{attributes}>{inner}</{node.tagName}>"
        return f"<{node.tagName}{attributes} />"
    if node.nodeType == Node.CDATA_SECTION_NODE:
        return f"<![CDATA[{node.data}]]>"
    if node.nodeType == Node.COMMENT_NODE:
        return f"<!--{node.data}-->"
    if node.nodeType == Node.ATTRIBUTE_NODE:
        return f'{node.name}="{_escaped(node.value, True)}"'
    return _escaped(str(getattr(node, "data", "")))


def _escaped(text: str, attribute: bool = False) -> str:
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return plain.replace('"', "&quot;") if attribute else plain


def _attributes(node: Any) -> list[Any]:
    table = node.attributes
    return [table.item(at) for at in range(table.length)] if table is not None else []


def parse_xml(text: str) -> Any:
    """A document of text; blanks between elements are dropped. Raises ``ExpatError``."""
    plain = text.lstrip("\ufeff")
    declaration = re.match(r"\s*(<\?xml[^>]*\?>)", plain)
    body = re.sub(r"(<\?xml[^>]*?)\s+encoding=[\"'][^\"']*[\"']", r"\1", plain, count=1)
    document = minidom.parseString(body.encode("utf-8"))  # noqa: S318 - lab data
    _drop_blanks(document)
    document.declaration_text = _declaration(declaration.group(1)) if declaration else ""  # type: ignore[attr-defined]
    return document


def _declaration(text: str) -> str:
    """A declaration as a document keeps it: its parts in double quotes."""
    parts = re.findall(r"(\w+)\s*=\s*[\"']([^\"']*)[\"']", text)
    return f"<?xml {' '.join(f'{name}={chr(34)}{value}{chr(34)}' for name, value in parts)}?>"


def _drop_blanks(node: Any) -> None:
    for child in list(node.childNodes):
        if child.nodeType == Node.TEXT_NODE and not child.data.strip() and len(node.childNodes) > 1:
            node.removeChild(child)
        else:
            _drop_blanks(child)


@caster(DOCUMENT)
def to_document(value: object, target: TypeRef) -> object:
    """``[xml]`` of text."""
    if is_null(value):
        return None
    if isinstance(value, minidom.Document):
        return value
    text = "".join(to_text(item) for item in value) if isinstance(value, list) else to_text(value)
    try:
        return parse_xml(text)
    except ExpatError as fault:
        raise bad_cast(text, target, "InvalidCastToXmlDocument", expat_text(text, fault)) from None


def expat_text(text: str, fault: ExpatError) -> str:
    """What .NET says about a malformed document."""
    return fault_text(text, str(fault).partition(":")[0], fault.lineno, fault.offset)


# --------------------------------------------------------------------------------------------- elements as properties


def element_value(node: Any) -> object:
    """What an element is as a property: text when it holds nothing else, else the element."""
    if _attributes(node) or any(child.nodeType == Node.ELEMENT_NODE for child in node.childNodes):
        return node
    if any(child.nodeType == Node.CDATA_SECTION_NODE for child in node.childNodes):
        return node
    return text_of(node)


_DATA_NAMES: Final = {
    Node.TEXT_NODE: "#text",
    Node.CDATA_SECTION_NODE: "#cdata-section",
    Node.COMMENT_NODE: "#comment",
}


def read_node(node: Any, low: str) -> object:
    """An attribute or child elements by name."""
    found: list[object] = [one.value for one in _attributes(node) if one.name.lower() == low]
    if low == "xml" and node.nodeType == Node.DOCUMENT_NODE and getattr(node, "declaration_text", ""):
        return node.declaration_text[len("<?xml ") : -len("?>")]
    for child in children(node):
        if child.nodeType == Node.ELEMENT_NODE and child.tagName.lower() == low:
            found.append(element_value(child))
        elif _DATA_NAMES.get(child.nodeType) == low:
            found.append(child.data)
    if not found:
        return MISSING
    return found[0] if len(found) == 1 else found


def write_node(node: Any, low: str, name: str, value: object) -> bool:
    """Set an attribute, the text of a child element or the node's own text."""
    for one in _attributes(node):
        if one.name.lower() == low:
            one.value = to_text(value)
            return True
    if low == "#text":
        _set_text(node, to_text(value))
        return True
    for child in children(node):
        if child.nodeType == Node.ELEMENT_NODE and child.tagName.lower() == low:
            if _attributes(child) or not isinstance(value, str):
                raise runtime_error(
                    f'Cannot set "{name}" because only strings can be used as values to set XmlNode properties.',
                    "XmlNodeSetRestrictionsNodeWithAttributes"
                    if isinstance(value, str)
                    else "XmlNodeSetShouldBeAString",
                    "NotSpecified",
                    type_name="System.Management.Automation.SetValueException",
                )
            _set_text(child, value)
            return True
    return False


def _set_text(node: Any, text: str) -> None:
    for child in list(node.childNodes):
        node.removeChild(child)
    if text:
        node.appendChild(node.ownerDocument.createTextNode(text))


def node_properties(node: Any) -> list[tuple[str, object]]:
    """What a node shows as its properties: attributes, child elements and texts, each name once."""
    names = [one.name for one in _attributes(node)]
    if node.nodeType == Node.DOCUMENT_NODE and getattr(node, "declaration_text", ""):
        names.append("xml")
    for child in children(node):
        name = child.tagName if child.nodeType == Node.ELEMENT_NODE else _DATA_NAMES.get(child.nodeType)
        if name:
            names.append(name)
    found: dict[str, object] = {}
    for name in names:
        value = read_node(node, name.lower())
        found.setdefault(name, None if value is MISSING else value)
    return list(found.items())


for _class, _full, _between in _KINDS:
    register_value_type(_class, _full, (_full, *_between, *_CHAIN))
    ADAPTERS[_class] = read_node
    SETTERS[_class] = write_node
    register_text(_class, lambda node, full=_full: full)  # type: ignore[misc]
    EXTENDED_TEXTS[_class] = local_name
    LISTED[_class] = node_properties
register_value_type(NodeList, "System.Xml.XPathNodeList")
register_value_type(NamespaceManager, "System.Xml.XmlNamespaceManager")


def _parent(node: Any) -> Any:
    return node.parentNode


for _class, _full, _ in _KINDS:
    prop(_class, "Name", lambda node: node.nodeName)
    prop(_class, "LocalName", lambda node: node.localName or node.nodeName)
    prop(_class, "NamespaceURI", lambda node: node.namespaceURI or "")
    prop(_class, "Prefix", lambda node: node.prefix or "")
    prop(_class, "Value", lambda node: node.nodeValue, lambda node, value: setattr(node, "nodeValue", to_text(value)))
    prop(_class, "InnerText", text_of, lambda node, value: _set_text(node, to_text(value)))
    prop(_class, "InnerXml", lambda node: "".join(xml_text(child) for child in node.childNodes))
    prop(_class, "OuterXml", xml_text)
    prop(_class, "ChildNodes", lambda node: NodeList(children(node)))
    prop(_class, "Attributes", lambda node: NodeList(_attributes(node), node))
    prop(_class, "ParentNode", _parent)
    prop(_class, "HasChildNodes", lambda node: bool(node.childNodes))
    prop(_class, "HasAttributes", lambda node: bool(_attributes(node)))
    prop(_class, "FirstChild", lambda node: node.firstChild)
    prop(_class, "LastChild", lambda node: node.lastChild)
    prop(_class, "NextSibling", lambda node: node.nextSibling)
    prop(_class, "PreviousSibling", lambda node: node.previousSibling)
    prop(_class, "OwnerDocument", lambda node: node.ownerDocument)
    prop(_class, "NodeType", lambda node: _NODE_TYPES(int(node.nodeType)))
prop(minidom.Document, "InnerXml", xml_text)
prop(minidom.Document, "DocumentElement", lambda node: node.documentElement)
prop(minidom.Document, "NameTable", lambda node: node)


def _select(node: Any, path: str, manager: object = None) -> list[Any]:
    spaces = manager.table if isinstance(manager, NamespaceManager) else {}
    try:
        return select(node, path, spaces)
    except BadXPathError as fault:
        raise net_error("System.Xml.XPath.XPathException", str(fault)) from None


def _first(node: Any, path: str, manager: object = None) -> Any:
    found = _select(node, path, manager)
    return found[0] if found else None


_NODE: Final = "System.Xml.XmlNode"


def _given(node: Any, child: Any) -> Any:
    """A node that is put into another one: it is one, it belongs to the same document, it is not above."""
    if child is None:
        raise net_error("System.NullReferenceException", "Object reference not set to an instance of an object.")
    if child.ownerDocument is not (node if node.nodeType == node.DOCUMENT_NODE else node.ownerDocument):
        text = "The node to be inserted is from a different document context."
        raise net_error("System.ArgumentException", text)
    return child


def _child(node: Any, child: Any, text: str) -> Any:
    if child is None:
        raise net_error("System.NullReferenceException", "Object reference not set to an instance of an object.")
    if child.parentNode is not node:
        raise net_error("System.ArgumentException", text)
    return child


_NO_REFERENCE: Final = "The reference node is not a child of this node."


def _append(node: Any, child: Any) -> Any:
    if child is not None and child.nodeType == Node.PROCESSING_INSTRUCTION_NODE and child.target == "xml":
        node.declaration_text = f"<?xml {child.data}?>"
        return child
    return node.appendChild(_given(node, child))


def _before(node: Any, child: Any, other: Any) -> Any:
    return node.insertBefore(_given(node, child), None if other is None else _child(node, other, _NO_REFERENCE))


def _after(node: Any, child: Any, other: Any) -> Any:
    place = node.firstChild if other is None else _child(node, other, _NO_REFERENCE).nextSibling
    return node.insertBefore(_given(node, child), place)


def _remove(node: Any, child: Any) -> Any:
    return node.removeChild(_child(node, child, "The node to be removed is not a child of this node."))


def _swap(node: Any, new: Any, old: Any) -> Any:
    return node.replaceChild(_given(node, new), _child(node, old, _NO_REFERENCE))


def _clear(node: Any) -> object:
    for child in list(node.childNodes):
        node.removeChild(child)
    for name in list(node.attributes.keys()) if node.attributes else []:
        node.removeAttribute(name)
    return NOTHING


def _quiet(_value: object) -> object:
    return NOTHING


for _class in (minidom.Document, minidom.Element):
    method(_class, "SelectNodes", "string xpath", "string xpath, object nsmgr")(
        lambda node, path, manager=None: NodeList(_select(node, path, manager))
    )
    method(_class, "SelectSingleNode", "string xpath", "string xpath, object nsmgr")(_first)
    method(_class, "AppendChild", f"{_NODE} newChild")(_append)
    method(_class, "PrependChild", f"{_NODE} newChild")(lambda node, child: _before(node, child, node.firstChild))
    method(_class, "InsertBefore", f"{_NODE} newChild, {_NODE} refChild")(_before)
    method(_class, "InsertAfter", f"{_NODE} newChild, {_NODE} refChild")(_after)
    method(_class, "RemoveChild", f"{_NODE} oldChild")(_remove)
    method(_class, "RemoveAll")(_clear)
    method(_class, "ReplaceChild", f"{_NODE} newChild, {_NODE} oldChild")(_swap)
    method(_class, "GetElementsByTagName", "string name")(
        lambda node, name: NodeList(list(node.getElementsByTagName(name)))
    )
    method(_class, "CloneNode", "bool deep")(lambda node, deep: node.cloneNode(deep))
    method(_class, "get_Name")(lambda node: node.nodeName)
    method(_class, "get_InnerText")(text_of)
    method(_class, "ToString")(local_name)
method(minidom.Document, "CreateElement", "string name")(lambda node, name: node.createElement(name))
method(minidom.Document, "CreateTextNode", "string text")(lambda node, text: node.createTextNode(text))
method(minidom.Document, "ImportNode", "object node, bool deep")(lambda node, other, deep: node.importNode(other, deep))
method(minidom.Element, "GetAttribute", "string name")(lambda node, name: node.getAttribute(name))
method(minidom.Element, "HasAttribute", "string name")(lambda node, name: bool(node.hasAttribute(name)))
method(minidom.Element, "SetAttribute", "string name, string value")(
    lambda node, name, value: _quiet(node.setAttribute(name, value))
)


@method(minidom.Element, "RemoveAttribute", "string name")
def remove_attribute(node: Any, name: str) -> object:
    """Remove an attribute; a missing one is no error."""
    if node.hasAttribute(name):
        node.removeAttribute(name)
    return NOTHING


@method(minidom.Document, "LoadXml", "string xml")
def load_xml(node: Any, text: str) -> object:
    """Fill a document from text."""
    try:
        loaded = parse_xml(text)
    except ExpatError as fault:
        raise net_error("System.Xml.XmlException", expat_text(text, fault)) from None
    for child in list(node.childNodes):
        node.removeChild(child)
    for child in list(loaded.childNodes):
        node.appendChild(child)
    return NOTHING


constructor(DOCUMENT, "")(minidom.Document)
constructor("System.Xml.XmlNamespaceManager", "object nameTable")(lambda _table: NamespaceManager())
method(NamespaceManager, "AddNamespace", "string prefix, string uri")(
    lambda this, prefix, uri: _quiet(this.table.__setitem__(prefix, uri))
)
method(NodeList, "Item", "int index")(lambda this, at: this[at] if 0 <= at < len(this) else None)
for _name in ("get_ItemOf", "get_Item", "GetNamedItem"):
    method(NodeList, _name, "string name")(
        lambda this, name: next((one for one in this if getattr(one, "name", "") == name), None)
    )
