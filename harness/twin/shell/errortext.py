"""How error records look: category line, position lines, the whole block of text."""

from __future__ import annotations

from harness.twin.shell.errors import ErrorRecord, Invocation
from harness.twin.shell.objects import PSObject
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import is_null, type_name

_MAX_TARGET = 40
_KEPT = 15
_MAX_LINE = 69
_BEFORE = 12
_BEHIND = 8


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
    text = source.line_text(start.line).rstrip()
    last = end.column if end.line == start.line else len(text) + 1
    place = f"{source.file}:{start.line}" if source.file else f"line:{start.line}"
    head = f"At {place} char:{start.column}"
    if not text:
        return head
    line, column, size = _excerpt(text, start.column - 1, last - start.column)
    return f"{head}\n+ {line}\n+ {' ' * column}{'~' * max(size, 1)}"


def _excerpt(text: str, at: int, size: int) -> tuple[str, int, int]:
    """What is shown of a line, where its marks begin and how many there are.

    Of a long line 69 characters stay: 12 before the marks and 8 after them, and what room is left goes to those
    before, then to those after ([D] PowerShell, PositionUtilities of 2016).
    """
    if "\t" in text:
        parts = [part.replace("\t", "    ") for part in (text[:at], text[at : at + size], text[at + size :])]
        text, at, size = "".join(parts), len(parts[0]), len(parts[1])
    if len(text) <= _MAX_LINE:
        return text, at, size
    after = len(text) - size - at
    before, behind = min(at, _BEFORE), min(after, _BEHIND)
    room = _MAX_LINE - before - size - behind
    if room <= 0:
        size = min(size, _MAX_LINE - before)
        more = True
    else:
        moved = min(at - before, room)
        before += moved
        behind += min(after, room - moved)
        more = behind < after
    start = at - before
    shown = text[start : start + _MAX_LINE]
    dots = "... " if before < at else ""
    return f"{dots}{shown}{' ...' if more else ''}", len(dots) + before, min(size, _MAX_LINE - before)


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
