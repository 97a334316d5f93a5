"""Tables, lists and wide views as lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.twin.shell.formatting.cells import cut, one_line, padded


@dataclass(slots=True)
class TableColumn:
    """A column to lay out."""

    label: str
    width: int = 0
    right: bool = False
    auto: bool = True
    center: bool = False

    @property
    def side(self) -> str:
        """Where its cells stand: ``left``, ``right`` or ``center``."""
        return "center" if self.center else "right" if self.right else "left"


@dataclass(slots=True)
class Row:
    """Cells, or a text that stands between rows."""

    cells: list[str] = field(default_factory=list)
    text: str | None = None


LEAST_WIDTH = 5
"""Narrower than this the engine shows neither tables nor lists ([D] the source of 2016)."""


def table_widths(columns: Sequence[TableColumn], rows: Sequence[Row], width: int) -> list[int]:
    """Widths of the columns; -1 for one that has no room."""
    widths = []
    for at, column in enumerate(columns):
        if column.width:
            widths.append(column.width)
        elif column.auto:
            cells = [len(row.cells[at]) for row in rows if row.text is None]
            widths.append(max([len(column.label), *cells, 1]))
        else:
            widths.append(0)
    free = [at for at, one in enumerate(widths) if one == 0]
    for at in free:
        widths[at] = 1
    room = width - _total(widths)
    if free and room > 0:
        share, rest = divmod(room, len(free))
        for place, at in enumerate(free):
            widths[at] += share + (1 if place < rest else 0)
    _trim(widths, width)
    return widths


def _total(widths: Sequence[int]) -> int:
    shown = [one for one in widths if one > 0]
    return sum(shown) + max(len(shown) - 1, 0)


def _trim(widths: list[int], width: int) -> None:
    while (excess := _total(widths) - width) > 0:
        last = max((at for at, one in enumerate(widths) if one > 0), default=-1)
        if last < 0:
            return
        narrowed = widths[last] - excess
        widths[last] = narrowed if narrowed >= 1 else -1


def _wrapped(text: str, width: int, words: bool) -> list[str]:
    lines: list[str] = []
    for part in text.replace("\r\n", "\n").split("\n"):
        lines.extend(break_line(part, width) if words else _pieces(part, width))
    return lines


def _pieces(text: str, width: int) -> list[str]:
    return [text[at : at + width] for at in range(0, len(text), width)] or [""]


def break_line(text: str, width: int) -> list[str]:
    """A line broken between words; the blank stays at the line's end. A word longer than the width is cut."""
    lines = []
    while len(text) > width:
        at = text.rfind(" ", 0, width)
        if at < 0:
            lines.append(text[:width])
            text = text[width:]
        else:
            lines.append(text[: at + 1])
            text = text[at + 1 :]
    return [*lines, text]


def _band(cells: Sequence[Sequence[str]], widths: Sequence[int], sides: Sequence[str]) -> list[str]:
    """Cells of several lines each, side by side."""
    height = max((len(lines) for lines in cells), default=1)
    found = []
    for row in range(height):
        parts = []
        for lines, width, side in zip(cells, widths, sides, strict=True):
            parts.append(padded(lines[row] if row < len(lines) else "", width, side))
        found.append(" ".join(parts))
    return found


def table_lines(
    columns: Sequence[TableColumn], rows: Sequence[Row], width: int, headers: bool = True, wrap: bool = False
) -> list[str]:
    """A table: header, line under it, rows; nothing at all where there is no room for one."""
    if width < LEAST_WIDTH:
        return []
    widths = table_widths(columns, rows, width)
    shown = [at for at, one in enumerate(widths) if one > 0]
    sizes = [widths[at] for at in shown]
    sides = [columns[at].side for at in shown]
    lines: list[str] = []
    if headers and shown:
        labels = [_wrapped(columns[at].label, widths[at], False) for at in shown]
        lines += _band(labels, sizes, sides)
        lines += _band([["-" * min(len(columns[at].label), widths[at])] for at in shown], sizes, sides)
    for row in rows:
        if row.text is not None:
            lines.extend(row.text.split("\n"))
        elif wrap:
            lines += _band([_wrapped(row.cells[at], widths[at], True) for at in shown], sizes, sides)
        else:
            lines.append(
                " ".join(
                    cut(one_line(row.cells[at]), size, side) for at, size, side in zip(shown, sizes, sides, strict=True)
                )
            )
    return lines


def list_lines(pairs: Sequence[tuple[str, str]], width: int) -> list[str]:
    """``Name : value`` lines of one object; long values go on below the value."""
    if width < LEAST_WIDTH:
        return []
    longest = max((len(name) for name, _ in pairs), default=0)
    room = max(width - 3 - 1, 1)
    size = min(longest, room)
    lines = []
    for name, value in pairs:
        head = name[:size].ljust(size) + " : "
        space = max(width - len(head), 1)
        for at, line in enumerate(_wrapped(value, space, True)):
            lines.append((head if at == 0 else " " * len(head)) + line)
    return lines


def wide_lines(texts: Sequence[str], width: int, columns: int) -> list[str]:
    """Texts in columns of equal width; ``columns`` 0: as many as fit the longest."""
    if columns == 0:
        longest = max((len(text) for text in texts), default=1)
        columns = max((width + 1) // (longest + 1), 1)
    share, rest = divmod(max(width - (columns - 1), columns), columns)
    sizes = [share + (1 if at < rest else 0) for at in range(columns)]
    lines = []
    for at in range(0, len(texts), columns):
        row = [*texts[at : at + columns], *[""] * columns][:columns]
        lines.append(" ".join(cut(one_line(text), size) for text, size in zip(row, sizes, strict=True)))
    return lines
