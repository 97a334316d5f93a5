"""Calculated properties: ``@{Name=…; Expression={…}}`` and their keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from harness.twin.shell.commands.api import Call
from harness.twin.shell.conversion import to_bool, to_integer
from harness.twin.shell.objects import PSHashtable, bare_value
from harness.twin.shell.regexes import has_wildcard
from harness.twin.shell.scriptblock import ScriptBlock
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import TypeRef, type_name


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """One property argument: a name, a pattern or a block, with what the hashtable says."""

    name: str
    expression: str = ""
    block: ScriptBlock | None = None
    simple: bool = False
    width: int = 0
    alignment: str = ""
    format_code: str = ""
    descending: bool | None = None
    ascending: bool | None = None
    labelled: bool = False


_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "Select-Object": ("name", "label", "expression"),
    "Sort-Object": ("expression", "ascending", "descending"),
    "Group-Object": ("expression",),
    "Format": ("name", "label", "expression", "width", "alignment", "formatstring"),
    "Format-List": ("name", "label", "expression", "formatstring"),
    "GroupBy": ("name", "label", "expression"),
}


def read_column(call: Call, value: object, command: str) -> ColumnSpec:
    """A property argument. Raises ``PSError`` for unknown keys and missing expressions."""
    bare = bare_value(value)
    if isinstance(bare, ScriptBlock):
        return ColumnSpec(bare.text, "", bare)
    if not isinstance(bare, PSHashtable):
        name = to_text(bare)
        return ColumnSpec(name, name, None, not has_wildcard(name))
    return _table(call, bare, command)


def _key(call: Call, key: str, allowed: tuple[str, ...]) -> str:
    low = key.lower()
    if low in allowed:
        return low
    near = [one for one in allowed if one.startswith(low)]
    if len(near) == 1:
        return near[0]
    if low in ("n", "l", "e") and near:
        return near[0]
    if near:
        names = ", ".join(near)
        raise call.fail(
            f"The {key} key is ambiguous. Possible matches are: {names}.",
            "DictionaryKeyAmbiguous",
            "InvalidArgument",
            exception="System.NotSupportedException",
        )
    raise call.fail(
        f"The {key} key is not valid.",
        "DictionaryKeyIllegal",
        "InvalidArgument",
        exception="System.NotSupportedException",
    )


def _table(call: Call, table: PSHashtable, command: str) -> ColumnSpec:
    found: dict[str, object] = {}
    for key, value in table.items():
        if not isinstance(key, str):
            raise call.fail(
                "The key is not valid.",
                "DictionaryKeyIllegal",
                "InvalidArgument",
                exception="System.NotSupportedException",
            )
        found[_key(call, key, _KEYS[command])] = value
    if "expression" not in found:
        raise call.fail(
            "The expression key is mandatory and cannot be omitted.",
            "DictionaryKeyMandatoryEntry",
            "InvalidArgument",
            exception="System.NotSupportedException",
        )
    expression = found["expression"]
    block = expression if isinstance(expression, ScriptBlock) else None
    text = block.text if block is not None else to_text(expression)
    label = found.get("name", found.get("label"))
    width = found.get("width")
    return ColumnSpec(
        to_text(label) if label is not None else text,
        "" if block is not None else text,
        block,
        False,
        to_integer(width, TypeRef("System.Int32")) if width is not None else 0,
        to_text(found.get("alignment")).lower(),
        to_text(found.get("formatstring")),
        to_bool(found["descending"]) if "descending" in found else None,
        to_bool(found["ascending"]) if "ascending" in found else None,
        label is not None,
    )


__all__ = ["ColumnSpec", "read_column", "type_name"]
