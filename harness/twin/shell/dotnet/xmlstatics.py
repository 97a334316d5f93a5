"""``[Xml.XmlConvert]`` and ``[Security.SecurityElement]``."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final
from xml.sax.saxutils import escape

from harness.twin.shell.clixmltext import date_text, read_date, read_span, real_text, span_text
from harness.twin.shell.conversion import convert
from harness.twin.shell.dotnet.registry import static
from harness.twin.shell.errors import net_error
from harness.twin.shell.text import net_text
from harness.twin.shell.typesystem import TypeRef, register_type

CONVERT: Final = "System.Xml.XmlConvert"
ELEMENT: Final = "System.Security.SecurityElement"
register_type(CONVERT)
register_type(ELEMENT)


@static(CONVERT, "ToString", "object value")
def to_xml_text(value: object) -> str:
    """A value in XML's form."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return date_text(value)
    if isinstance(value, timedelta):
        return span_text(value)
    if isinstance(value, float):
        return real_text(value)
    return net_text(value)


static(CONVERT, "ToString", "object value, object option")(lambda value, _option: to_xml_text(value))


@static(CONVERT, "ToTimeSpan", "string s")
def to_span(text: str) -> timedelta:
    """A duration of XML's form."""
    try:
        return read_span(text)
    except ValueError:
        raise net_error("System.FormatException", f"The string '{text}' is not a valid TimeSpan value.") from None


@static(CONVERT, "ToDateTime", "string s", "string s, object option")
def to_moment(text: str, _option: object = None) -> datetime:
    """A date of XML's form."""
    try:
        return read_date(text)
    except ValueError:
        raise net_error("System.FormatException", f"The string '{text}' is not a valid AllXsd value.") from None


@static(CONVERT, "ToBoolean", "string s")
def to_truth(text: str) -> bool:
    """``true``, ``false``, ``1`` or ``0``."""
    found = {"true": True, "1": True, "false": False, "0": False}.get(text.strip())
    if found is None:
        raise net_error("System.FormatException", f"The string '{text}' is not a valid Boolean value.")
    return found


for _name, _full in (("ToInt32", "System.Int32"), ("ToInt64", "System.Int64"), ("ToDouble", "System.Double")):
    static(CONVERT, _name, "string s")(lambda text, full=_full: convert(text, TypeRef(full)))
static(CONVERT, "EncodeName", "string name")(
    lambda name: re.sub(r"[^\w.-]|^[\d.-]", lambda found: f"_x{ord(found.group(0)):04X}_", name)
)
static(CONVERT, "DecodeName", "string name")(
    lambda name: re.sub(r"_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found.group(1), 16)), name)
)
static(ELEMENT, "Escape", "string str")(
    lambda text: None if text is None else escape(text, {'"': "&quot;", "'": "&apos;"})
)
