"""Calculated properties: ``@{Name=…; Expression={…}}``, their keys and what each key takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from harness.twin.shell.commands.api import Call
from harness.twin.shell.conversion import to_bool
from harness.twin.shell.errors import ErrorDetails, PSError
from harness.twin.shell.objects import PSHashtable, bare_value
from harness.twin.shell.regexes import has_wildcard
from harness.twin.shell.scriptblock import ScriptBlock
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import is_null, type_name


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
    depth: int | None = None


@dataclass(frozen=True, slots=True)
class _Key:
    """A key of such a hashtable: its other name and the types of its values (none: any)."""

    name: str
    other: str = ""
    types: tuple[str, ...] = ("System.String",)

    def means(self, word: str) -> bool:
        """Whether a word is this key or the beginning of one of its names."""
        low = word.lower()
        return self.name.lower().startswith(low) or (bool(self.other) and self.other.startswith(low))


_EXPRESSION: Final = _Key("expression", types=("System.String", "System.Management.Automation.ScriptBlock"))
_LABEL: Final = _Key("label", "name")
_FORMAT: Final = _Key("formatString")
_WIDTH: Final = _Key("width", types=("System.Int32",))
_ALIGNMENT: Final = _Key("alignment")
_DEPTH: Final = _Key("depth", types=("System.Int32",))

_KEYS: Final[dict[str, tuple[_Key, ...]]] = {
    "Select-Object": (_EXPRESSION, _Key("name", "label")),
    "Sort-Object": (_EXPRESSION, _Key("ascending", types=()), _Key("descending", types=())),
    "Group-Object": (_EXPRESSION,),
    "ConvertTo-Html": (_EXPRESSION, _Key("label"), _ALIGNMENT, _Key("width")),
    "Format-Table": (_EXPRESSION, _FORMAT, _WIDTH, _ALIGNMENT, _LABEL),
    "Format-List": (_EXPRESSION, _FORMAT, _LABEL),
    "Format-Wide": (_EXPRESSION, _FORMAT),
    "Format-Custom": (_EXPRESSION, _DEPTH),
    "GroupBy": (_EXPRESSION, _FORMAT, _LABEL),
}
_NO_PATTERNS: Final = "Group-Object"
"""The command whose expressions take no wildcards."""
_SIDES: Final = ("left", "center", "right")


def read_column(call: Call, value: object, command: str) -> ColumnSpec:
    """A property argument of a command. Raises ``PSError`` for what the command does not take."""
    bare = bare_value(value)
    if isinstance(bare, ScriptBlock):
        return ColumnSpec(bare.text, "", bare)
    if isinstance(bare, PSHashtable):
        return _table(call, bare, command)
    listed = _list(_EXPRESSION.types)
    if is_null(bare):
        text = f"The value of a parameter was null; one of the following types was expected: {listed}."
        raise _refusal(call, text, "DictionaryKeyUnknownType")
    if not isinstance(bare, str):
        text = f"Cannot convert {type_name(bare)} to one of the following types {listed}."
        raise _refusal(call, text, "DictionaryKeyUnknownType")
    name = to_text(bare)
    _check_expression(call, name, command, False)
    return ColumnSpec(name, name, None, not has_wildcard(name))


def _list(names: tuple[str, ...]) -> str:
    return "{" + ", ".join(names) + "}"


def _refusal(call: Call, text: str, error_id: str) -> PSError:
    record = call.record(
        "Specified method is not supported.", error_id, "InvalidArgument", exception="System.NotSupportedException"
    )
    record.details = ErrorDetails(text)
    return PSError(record)


def _check_expression(call: Call, text: str, command: str, in_table: bool) -> None:
    if not text:
        if in_table:
            raise _refusal(call, 'The "expression" key cannot have an empty string value.', "ExpressionEmptyString1")
        raise _refusal(call, "An empty string value is not allowed.", "ExpressionEmptyString2")
    if command == _NO_PATTERNS and has_wildcard(text):
        if in_table:
            shown = f'The "expression" key cannot have wildcard characters in value "{text}".'
            raise _refusal(call, shown, "ExpressionGlobbing1")
        raise _refusal(call, f'Wildcard characters are not allowed in "{text}".', "ExpressionGlobbing2")


def _key(call: Call, word: object, allowed: tuple[_Key, ...]) -> _Key:
    if not isinstance(word, str):
        short = type_name(word).rpartition(".")[2]
        raise _refusal(call, f"The {short} key type is not valid. The key must be a string.", "DictionaryKeyNonString")
    near = [one for one in allowed if one.means(word)]
    if len(near) > 1:
        text = f"The {word} key is ambiguous; {near[0].name} and {near[1].name} conflict."
        raise _refusal(call, text, "DictionaryKeyAmbiguous")
    if not near:
        raise _refusal(call, f"The {word} key is not valid.", "DictionaryKeyIllegal")
    return near[0]


def _checked(call: Call, word: str, key: _Key, value: object) -> object:
    """The value of a key, of a type that the key takes."""
    if not key.types:
        return value
    if is_null(value):
        raise _refusal(call, f"The {word} key has no value.", "DictionaryKeyMissingValue")
    bare = bare_value(value)
    kind = type_name(bare)
    if kind in key.types:
        return bare
    shown = f'The "{word}" key has a type, {kind}, that is not valid;'
    if len(key.types) > 1:
        raise _refusal(call, f"{shown} expected types are {_list(key.types)}.", "DictionaryKeyIllegalValue1")
    raise _refusal(call, f"{shown} expected type is {key.types[0]}.", "DictionaryKeyIllegalValue2")


def _table(call: Call, table: PSHashtable, command: str) -> ColumnSpec:
    found: dict[str, object] = {}
    for word, value in table.items():
        key = _key(call, word, _KEYS[command])
        if key.name in found:
            text = f'The duplicated key "{to_text(word)}" conflicts with "{key.name}".'
            raise _refusal(call, text, "DictionaryKeyDuplicate")
        found[key.name] = _checked(call, to_text(word), key, value)
    if "expression" not in found:
        raise _refusal(call, "A mandatory entry for expression is missing.", "DictionaryKeyMandatoryEntry")
    expression = found["expression"]
    block = expression if isinstance(expression, ScriptBlock) else None
    text = block.text if block is not None else to_text(expression)
    if block is None:
        _check_expression(call, text, command, True)
    label = to_text(found.get("name", found.get("label")))
    return ColumnSpec(
        label or text,
        "" if block is not None else text,
        block,
        width=_width(call, found),
        alignment=_alignment(call, found),
        format_code=_format_code(call, found),
        descending=to_bool(found["descending"]) if "descending" in found else None,
        ascending=to_bool(found["ascending"]) if "ascending" in found else None,
        labelled=bool(label),
        depth=_whole(found.get("depth")),
    )


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _width(call: Call, found: dict[str, object]) -> int:
    width = _whole(found.get("width"))
    if width is not None and width <= 0:
        text = f'The value "{width}" for key "width" should be greater than 0.'
        raise _refusal(call, text, "WidthOutOfRange")
    return width or 0


def _alignment(call: Call, found: dict[str, object]) -> str:
    if "alignment" not in found:
        return ""
    word = to_text(found["alignment"])
    side = next((one for one in _SIDES if word and one.startswith(word.lower())), None)
    if side is None:
        text = f'The value "{word}" for key "alignment" is not valid; valid values are {_list(_SIDES)}.'
        raise _refusal(call, text, "AlignmentIllegalValue")
    return side


def _format_code(call: Call, found: dict[str, object]) -> str:
    code = to_text(found.get("formatString"))
    if "formatString" in found and not code:
        raise _refusal(call, 'Cannot have an empty formatting string for key "formatString".', "FormatStringEmpty")
    return code


__all__ = ["ColumnSpec", "read_column"]
