"""Offsets, lines and columns."""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass, field

from harness.twin.shell.ast.declaring import value


@value
class Extent:
    """Half-open range of offsets into the source text."""

    start: int
    end: int


@value
class Position:
    """Line and column, both counted from 1."""

    line: int
    column: int


_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True, eq=False)
class SourceText:
    """A parsed text, with the arithmetic between offsets and lines. ``file`` is its path, empty for typed input."""

    text: str
    file: str = ""
    _line_starts: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        starts = (0, *(found.end() for found in _LINE_END.finditer(self.text)))
        object.__setattr__(self, "_line_starts", starts)

    def position(self, offset: int) -> Position:
        """Line and column of an offset; an offset past the end counts as on the last line."""
        line = bisect.bisect_right(self._line_starts, offset)
        return Position(line, offset - self._line_starts[line - 1] + 1)

    def slice(self, extent: Extent) -> str:
        """The text of an extent."""
        return self.text[extent.start : extent.end]

    def line_text(self, line: int) -> str:
        """The text of a line (from 1) without its line end."""
        start = self._line_starts[line - 1]
        end = self._line_starts[line] if line < len(self._line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")

    @property
    def line_count(self) -> int:
        """Number of lines; an empty text has one."""
        return len(self._line_starts)
