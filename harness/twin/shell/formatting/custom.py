"""``Format-Custom``: an object as nested blocks of its properties [measured] ([D] the source of 2016)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.twin.shell.dotnet.collections import entries
from harness.twin.shell.formatting.cells import cell_text, enumeration_limit
from harness.twin.shell.formatting.shapes import property_names, reader
from harness.twin.shell.objects import Enumerator, PSEnum, PSHashtable, bare_value
from harness.twin.shell.typesystem import is_null, type_chain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.twin.shell.runspace import Runspace

DEPTH: Final = 5
_NUMBERS: Final = ("SByte", "Byte", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64", "Single", "Double")
_OTHERS: Final = ("String", "Char", "Boolean", "Decimal", "IntPtr", "Security.SecureString", "Numerics.BigInteger")
_LEAVES: Final = frozenset(f"System.{name}" for name in (*_NUMBERS, *_OTHERS))
"""Types that are shown by their text; all others by their properties."""


def _leaf(value: object, levels: int) -> bool:
    """Whether a value is shown by its text, with so many levels left below it."""
    if levels <= 0 or is_null(value) or isinstance(bare_value(value), PSEnum):
        return True
    return type_chain(value)[0].removeprefix("Deserialized.") in _LEAVES


def _elements(value: object) -> list[object] | None:
    """The elements of a list or dictionary."""
    bare = bare_value(value)
    if isinstance(bare, PSHashtable):
        return list(entries(bare))
    if isinstance(bare, list | Enumerator):
        return list(bare) if isinstance(bare, list) else list(bare.items)
    return None


def custom_lines(rs: Runspace, item: object, pairs: Sequence[tuple[str, object]], levels: int = DEPTH) -> list[str]:
    """The lines of one object: its class and its properties, indented by two; ``levels`` are left below it."""
    lines = [f"class {type_chain(item)[0].rpartition('.')[2]}", "{"]
    for name, value in pairs:
        lines += _indented(_property(rs, name, value, levels))
    return [*lines, "}"]


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _property(rs: Runspace, name: str, value: object, levels: int) -> list[str]:
    elements = _elements(value)
    if elements is not None:
        return [f"{name} = ", *_indented(_enumeration(rs, elements, levels - 1))]
    if _leaf(value, levels):
        return [f"{name} = {cell_text(rs, value)}"]
    return [f"{name} = ", *_indented(_object(rs, value, levels - 1))]


def _object(rs: Runspace, value: object, levels: int) -> list[str]:
    return custom_lines(rs, value, [(name, reader(rs, name)(value)) for name in property_names(rs, value)], levels)


def _enumeration(rs: Runspace, elements: list[object], levels: int) -> list[str]:
    limit = enumeration_limit(rs)
    shown = elements if limit < 0 else elements[:limit]
    lines: list[str] = []
    for one in shown:
        inner = None if _leaf(one, levels) else _elements(one)
        if inner is not None:
            lines += ["", *_indented(_enumeration(rs, inner, levels - 1))]
        elif _leaf(one, levels):
            lines.append(cell_text(rs, one))
        else:
            lines += _object(rs, one, levels - 1)
    if len(shown) < len(elements):
        lines.append("...")
    return ["[", *_indented(lines), "]", ""]
