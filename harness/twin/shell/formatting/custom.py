"""``Format-Custom``: an object as nested blocks of its properties [measured]."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.twin.shell.formatting.cells import cell_text, enumeration_limit
from harness.twin.shell.members import property_list
from harness.twin.shell.objects import PSEnum, PSHashtable, bare_value
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import is_null, type_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.twin.shell.runspace import Runspace

DEPTH = 5


def _plain(value: object) -> bool:
    """Whether a value is shown by its text."""
    bare = bare_value(value)
    return is_null(bare) or isinstance(bare, str | int | float | PSEnum) or not hasattr(type(bare), "__slots__")


def custom_lines(rs: Runspace, item: object, pairs: Sequence[tuple[str, object]], depth: int = DEPTH) -> list[str]:
    """The lines of one object: its class and its properties, indented by two."""
    short = type_name(item).rpartition(".")[2]
    lines = [f"class {short}", "{"]
    for name, value in pairs:
        lines += [f"  {line}" for line in _property(rs, name, value, depth)]
    return [*lines, "}"]


def _property(rs: Runspace, name: str, value: object, depth: int) -> list[str]:
    bare = bare_value(value)
    if isinstance(bare, list | PSHashtable) and depth > 0:
        items = list(bare.items()) if isinstance(bare, PSHashtable) else list(bare)
        limit = enumeration_limit(rs)
        shown = items if limit < 0 else items[:limit]
        lines = [f"{name} = ", "  ["]
        for one in shown:
            if isinstance(bare, PSHashtable):
                key, item = one
                lines += [f"    {line}" for line in _entry(rs, key, item)]
            else:
                lines += [f"    {line}" for line in _value(rs, one, depth - 1)]
        if len(shown) < len(items):
            lines.append("    ...")
        return [*lines, "  ]", "  "]
    if _plain(value) or depth <= 0:
        return [f"{name} = {cell_text(rs, value)}"]
    return [f"{name} = ", *(f"  {line}" for line in custom_lines(rs, value, property_list(rs, value), depth - 1))]


def _entry(rs: Runspace, key: object, item: object) -> list[str]:
    return ["class DictionaryEntry", "{", f"  Key = {to_text(key)}", f"  Value = {cell_text(rs, item)}", "}"]


def _value(rs: Runspace, value: object, depth: int) -> list[str]:
    if _plain(value) or depth <= 0:
        return [cell_text(rs, value)]
    return custom_lines(rs, value, property_list(rs, value), depth)
