"""How error records look: category line, position lines, the whole block of text."""

from __future__ import annotations

from harness.twin.shell.errors import ErrorRecord, Invocation
from harness.twin.shell.objects import PSObject
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import is_null, type_name

_MAX_TARGET = 40
_KEPT = 15
_MAX_LINE = 69


def target_name_of(record: ErrorRecord) -> str:
    """``CategoryInfo.TargetName``."""
    if record.target_name is not None:
        return record.target_name
    return "" if is_null(record.target) else to_text(record.target)


def target_type_of(record: ErrorRecord) -> str:
    """``CategoryInfo.TargetType``."""
    if record.target_type is not None:
        return record.target_type
    if is_null(record.target):
        return ""
    if isinstance(record.target, PSObject) and record.target.net_type is None and record.target.base is None:
        return "PSObject"
    name = type_name(record.target)
    return "Object[]" if name == "System.Object[]" else name.rpartition(".")[2]


def _short(text: str) -> str:
    return text if len(text) <= _MAX_TARGET else f"{text[:_KEPT]}...{text[-_KEPT:]}"


def category_text(record: ErrorRecord) -> str:
    """``Category: (target:type) [activity], reason``."""
    name, kind = target_name_of(record), target_type_of(record)
    reason = record.reason or record.exception.short_name
    return f"{record.category}: ({_short(name)}:{_short(kind)}) [{record.activity}], {reason}"


def position_message(invocation: Invocation) -> str:
    """``At line:1 char:1`` with the line and the marks under it."""
    source, extent = invocation.source, invocation.extent
    if source is None or extent is None:
        return ""
    start = source.position(extent.start)
    end = source.position(max(extent.end, extent.start))
    text = source.line_text(start.line)
    last = end.column if end.line == start.line else len(text) + 1
    size = max(last - start.column, 1)
    line, column = _excerpt(text, start.column - 1, size)
    place = f"{source.file}:{start.line}" if source.file else f"line:{start.line}"
    marks = "~" * size
    return f"At {place} char:{start.column}\n+ {line}\n+ {' ' * column}{marks}"


def _excerpt(text: str, at: int, size: int) -> tuple[str, int]:
    """A long line is cut around the marks (at most 69 characters stay)."""
    if len(text) <= _MAX_LINE:
        return text, at
    room = max(_MAX_LINE - size, 0)
    before = text[:at]
    after = text[at + size :]
    half = room // 2
    if len(before) <= half:
        left, right = len(before), min(len(after), room - len(before))
    elif len(after) <= half:
        left, right = min(len(before), room - len(after)), len(after)
    else:
        left, right = half, room - half
    shown = before[len(before) - left :] if left else ""
    prefix = "" if left == len(before) else "... "
    suffix = "" if right == len(after) else " ..."
    return f"{prefix}{shown}{text[at : at + size]}{after[:right]}{suffix}", len(prefix) + len(shown)


def error_lines(record: ErrorRecord) -> str:
    """The text of an error before it is broken at the width of the console."""
    invocation = record.invocation
    category, full_id = category_text(record), record.full_id
    parse_error = record.exception.type_name.endswith(("ParentContainsErrorRecordException", "ParseException"))
    place = position_message(invocation) if invocation is not None else ""
    head = record.message
    if parse_error and not (invocation and invocation.command):
        body = f"{head}\n"
    else:
        name = invocation.command if invocation is not None else ""
        shown = f"{name} : {head}" if name and name != "<ScriptBlock>" and _named(record) else head
        body = f"{shown}\n{place}\n" if place else f"{shown}\n"
    tail = f"    + CategoryInfo          : {category}\n    + FullyQualifiedErrorId : {full_id}\n"
    return body + tail + (" \n" if record.details is None else "")


def _named(record: ErrorRecord) -> bool:
    """Errors of commands start with the command's name; those of the language do not."""
    return bool(record.activity) or record.error_id == "CommandNotFoundException" or bool(record.command_class)
