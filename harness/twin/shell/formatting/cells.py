"""Values as the text of a cell or of a list line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.twin.shell.conversion import to_integer
from harness.twin.shell.errors import PSError
from harness.twin.shell.members import find_member, property_list
from harness.twin.shell.objects import PSHashtable, PSObject, bare_value
from harness.twin.shell.regexes import matches_wildcard
from harness.twin.shell.text import EXTENDED_TEXTS, net_text, to_text
from harness.twin.shell.typesystem import TypeRef, is_null

if TYPE_CHECKING:
    from harness.twin.shell.runspace import Runspace

_INT: Final = TypeRef("System.Int32")


def enumeration_limit(rs: Runspace) -> int:
    """``$FormatEnumerationLimit``; a negative one means no limit."""
    frame = rs.frames[-1] if rs.frames else None
    scope = frame.scope if frame is not None else rs.global_scope
    try:
        return to_integer(scope.value("formatenumerationlimit", 4), _INT)
    except PSError:
        return 4


def cell_text(rs: Runspace, value: object) -> str:
    """What a property's value is in a table or list."""
    bare = bare_value(value)
    if is_null(bare):
        return ""
    if isinstance(bare, str):
        return str(bare)
    if isinstance(bare, PSHashtable):
        generic = "Generic" in bare.full_name
        return _braced(
            rs, [f"[{net_text(key)}, {net_text(item)}]" for key, item in bare.items()] if generic else bare.keys()
        )
    if isinstance(bare, list):
        return _braced(rs, bare)
    if isinstance(value, PSObject) and isinstance(bare, int) and isinstance(value.text, str):
        return value.text  # an enum that came from another machine: a number with a label
    return element_text(bare)


def _braced(rs: Runspace, items: list[object]) -> str:
    limit = enumeration_limit(rs)
    shown = items if limit < 0 else items[:limit]
    texts = [object_name(rs, item) for item in shown]
    if len(shown) < len(items):
        return "{" + ", ".join(texts) + "...}"
    return "{" + ", ".join(texts) + "}"


_NAMES: Final = ("name", "id", "key", "*key", "*name", "*id")


def object_name(rs: Runspace, value: object) -> str:
    """A value inside braces: its text, or what names it when its class has no text of its own [D] source of 2016."""
    if type(value) not in UNNAMED:
        return element_text(value)
    names = [name for name, _ in property_list(rs, value)]
    for pattern in _NAMES:
        found = next((name for name in names if matches_wildcard(pattern, name)), None)
        if found is not None:
            return cell_text(rs, find_member(rs, value, found.lower()))
    return element_text(value)


UNNAMED: Final[set[type]] = set()
"""Classes that inherit ``ToString``: in braces they are shown by a property that names them."""


def element_text(value: object) -> str:
    """A value inside a cell."""
    if is_null(value):
        return "$null"
    if isinstance(value, list):
        return to_text(value)
    if isinstance(value, PSObject):
        return to_text(value)
    own = EXTENDED_TEXTS.get(type(value))
    return net_text(value) if own is None else own(value)


def one_line(text: str) -> str:
    """A text in a table cell: its first line, with dots when there was more."""
    for at, letter in enumerate(text):
        if letter in "\r\n":
            return text[:at] + "..."
    return text


def padded(text: str, width: int, side: str = "left") -> str:
    """A text with blanks up to a width, standing at a side or in the middle."""
    if side == "right":
        return text.rjust(width)
    if side == "center":
        return (" " * ((width - len(text)) // 2) + text).ljust(width)
    return text.ljust(width)


def cut(text: str, width: int, side: str = "left") -> str:
    """A text padded or cut to a width; cut text shows dots when more than three cells are there. At the right side
    the end of a text stays, else its beginning."""
    if len(text) <= width:
        return padded(text, width, side)
    if side == "right":
        return text[-width:] if width <= 3 else "..." + text[-(width - 3) :]
    return text[:width] if width <= 3 else text[: width - 3] + "..."
