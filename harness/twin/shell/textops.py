"""``-like -match -replace -split -join -f``."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Final

from harness.twin.shell.conversion import to_integer
from harness.twin.shell.errors import PSError, runtime_error
from harness.twin.shell.numberformat import BadFormatError
from harness.twin.shell.objects import Enumerator, PSArray, PSHashtable, PSObject, bare_value
from harness.twin.shell.regexes import (
    IGNORE_CASE,
    MULTILINE,
    NetRegex,
    compile_regex,
    expand_replacement,
    operator_regex,
    wildcard,
)
from harness.twin.shell.regional import Region, date_in, number_in
from harness.twin.shell.text import formatted, net_text, to_text
from harness.twin.shell.typesystem import TypeRef, is_null

_INT: Final = TypeRef("System.Int32")


def like(left: object, right: object, ignore_case: bool, negate: bool) -> object:
    """``-like`` and ``-notlike``; a list on the left is filtered."""
    pattern = wildcard(to_text(right), ignore_case)
    items = bare_value(left)
    if isinstance(items, list):
        return [item for item in items if (pattern.match(to_text(item)) is None) is negate]
    return (pattern.match(to_text(left)) is None) is negate


def groups_of(regex: NetRegex, match: re.Match[str]) -> PSHashtable:
    """``$Matches``."""
    table = PSHashtable()
    named = set(regex.pattern.groupindex.values())
    for name, number in regex.numbers.items():
        text = match.group(number)
        if text is None or (name.isdigit() and number in named and f"num_{name}" not in regex.pattern.groupindex):
            continue
        table[int(name) if name.isdigit() else name] = text
    return table


def match(left: object, right: object, ignore_case: bool, negate: bool, store: Callable[[PSHashtable], None]) -> object:
    """``-match`` and ``-notmatch``; a single left side sets ``$Matches`` through ``store``."""
    source = right.source if isinstance(right, NetRegex) else to_text(right)
    regex = right if isinstance(right, NetRegex) else operator_regex(source, ignore_case)
    items = bare_value(left)
    if isinstance(items, list):
        return [item for item in items if (regex.pattern.search(to_text(item)) is None) is negate]
    found = regex.pattern.search(to_text(left))
    if found is not None:
        store(groups_of(regex, found))
    return (found is None) is negate


def checked_regex(source: str, ignore_case: bool) -> NetRegex:
    """A pattern of ``-replace`` or ``switch -Regex``, which name it when it is bad; ``-match`` does not [GK]."""
    try:
        return operator_regex(source, ignore_case)
    except PSError:
        text = f"The regular expression pattern {source} is not valid."
        raise runtime_error(text, "InvalidRegularExpression", "InvalidOperation", source) from None


def replace(left: object, right: object, ignore_case: bool) -> object:
    """``-replace pattern[, replacement]``."""
    parts = bare_value(right)
    arguments = parts if isinstance(parts, list) else [parts]
    if len(arguments) > 2:
        text = f"The -ireplace operator allows only two elements to follow it, not {len(arguments)}."
        raise runtime_error(text, "BadReplaceArgument", "InvalidOperation", right)
    pattern = arguments[0] if arguments else None
    regex = pattern if isinstance(pattern, NetRegex) else checked_regex(to_text(pattern), ignore_case)
    template = expand_replacement(regex, to_text(arguments[1]) if len(arguments) > 1 else "")
    items = bare_value(left)
    if isinstance(items, list):
        return [regex.pattern.sub(template, to_text(item)) for item in items]
    return regex.pattern.sub(template, to_text(left))


def split(left: object, right: object, ignore_case: bool, call_block: Callable[[object, str], bool]) -> PSArray:
    """``-split delimiter[, limit[, options]]``; a script block decides letter by letter."""
    parts = bare_value(right)
    arguments = parts if isinstance(parts, list) else [parts]
    limit = to_integer(arguments[1], _INT) if len(arguments) > 1 else 0
    options = to_text(arguments[2]).lower() if len(arguments) > 2 else ""
    delimiter = arguments[0] if arguments else None
    items = bare_value(left)
    texts = [to_text(item) for item in items] if isinstance(items, list) else [to_text(left)]
    found: list[object] = []
    for text in texts:
        if type(delimiter).__name__ == "ScriptBlock":
            found.extend(_split_by(text, delimiter, limit, call_block))
            continue
        source = to_text(delimiter)
        if "simplematch" in options:
            source = re.escape(source)
        flags = (IGNORE_CASE if ignore_case else 0) | (MULTILINE if "multiline" in options else 0)
        regex = operator_regex(source, ignore_case) if not flags & MULTILINE else compile_regex(source, flags)
        found.extend(split_regex(regex, text, limit))
    return PSArray(found, "System.String")


def split_regex(regex: NetRegex, text: str, limit: int) -> list[str]:
    """As ``Regex.Split``: captured groups are part of the result; a negative limit counts from the end."""
    pieces: list[str] = []
    start = 0
    found = list(regex.pattern.finditer(text))
    if limit < 0:
        found = found[len(found) + limit + 1 :] if -limit <= len(found) else found
    elif limit > 0:
        found = found[: limit - 1]
    for one in found:
        pieces.append(text[start : one.start()])
        pieces.extend(group for group in one.groups() if group is not None)
        start = one.end()
    return [*pieces, text[start:]]


def _split_by(text: str, block: object, limit: int, call_block: Callable[[object, str], bool]) -> list[str]:
    pieces: list[str] = []
    current = ""
    for at, letter in enumerate(text):
        if limit > 0 and len(pieces) == limit - 1:
            return [*pieces, current + text[at:]]
        if call_block(block, letter):
            pieces.append(current)
            current = ""
        else:
            current += letter
    return [*pieces, current]


def split_blanks(value: object) -> PSArray:
    """Unary ``-split``."""
    items = bare_value(value)
    if not isinstance(items, list):
        items = [value]
    return PSArray([word for item in items for word in (to_text(item).split() or [""])], "System.String")


def join(left: object, separator: str) -> str:
    """``-join``."""
    items = bare_value(left)
    if isinstance(items, Enumerator):
        items = list(items.items)
    if not isinstance(items, list):
        return to_text(left)
    return separator.join([net_text(item) for item in items])


def _regional(value: object, code: str, region: Region) -> str:
    bare = bare_value(value)
    if isinstance(bare, datetime):
        return date_in(region, bare, code)
    if isinstance(bare, int | float | Decimal) and not isinstance(bare, bool):
        return number_in(region, bare, code)
    return formatted(value, code)


_HOLE: Final = re.compile(r"\{\{|\}\}|\{(\d+)\s*(?:,\s*(-?\d+)\s*)?(?::((?:[^{}]|\{\{|\}\})*))?\}|[{}]")


def format_text(template: str, arguments: list[object], region: Region | None = None) -> str:
    """``String.Format``, perhaps in the forms of another culture.

    Raises ``BadFormatError`` for a bad template, ``IndexError`` for too few arguments.
    """

    def hole(found: re.Match[str]) -> str:
        text = found.group(0)
        if text in ("{{", "}}"):
            return text[0]
        if text in "{}":
            raise BadFormatError
        index, width, code = found.groups()
        value = arguments[int(index)]
        code = (code or "").replace("{{", "{").replace("}}", "}")
        shown = formatted(value, code) if region is None else _regional(value, code, region)
        if width:
            shown = shown.rjust(int(width)) if int(width) > 0 else shown.ljust(-int(width))
        return shown

    return _HOLE.sub(hole, template)


def _argument(item: object) -> object:
    """An argument of ``-f``.  One that came from another machine with a text of its own, as an enum does, is that text
    whatever the format code says ([D] source of 2016, MshObject)."""
    if is_null(item):
        return None
    if isinstance(item, PSObject) and item.base is not None and isinstance(item.text, str):
        return item.text
    return item


def format_operator(left: object, right: object) -> str:
    """``-f``."""
    template = to_text(left)
    parts = bare_value(right)
    arguments = list(parts) if isinstance(parts, list) else [right]
    try:
        return format_text(template, [_argument(item) for item in arguments])
    except IndexError:
        reason = "Index (zero based) must be greater than or equal to zero and less than the size of the argument list."
    except BadFormatError as fault:
        reason = str(fault)
    raise runtime_error(
        f"Error formatting a string: {reason}.",
        "FormatError",
        "InvalidOperation",
        template,
        target_name=template,
        target_type="String",
    )


__all__ = [
    "format_operator",
    "format_text",
    "groups_of",
    "join",
    "like",
    "match",
    "net_text",
    "replace",
    "split",
    "split_blanks",
    "split_regex",
]
