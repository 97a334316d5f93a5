"""The text being scanned and the place in it: the lowest layer of the scanner."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from harness.twin.shell.ast import Extent
from harness.twin.shell.parser.characters import LINE_END_RUN, LINE_RUN, SEPARATOR_RUN, SPACE_RUN, SPACES, TRIVIA_STARTS
from harness.twin.shell.parser.errors import ErrorLog
from harness.twin.shell.parser.tokens import SubText, Token


class Mode(Enum):
    """What the scanner takes characters for; the parser sets it."""

    COMMAND = "command"
    EXPRESSION = "expression"
    TYPE_NAME = "type name"
    SIGNATURE = "signature"


_REQUIRES = re.compile("#requires", re.IGNORECASE)
_SIGNATURE: Final = re.compile(r"#\s*SIG\s*#\s*Begin\s+signature\s+block\s*$", re.IGNORECASE)


class Cursor:
    """Reads characters of one text; a subexpression inside a string is a text of its own, scanned in between."""

    def __init__(self, text: str, errors: ErrorLog) -> None:
        self.errors = errors
        self.source = text
        self.sub = SubText(text)
        self.text = text
        self.size = len(text)
        self.pos = 0
        self.token_start = 0
        self.mode = Mode.COMMAND
        self.allow_signed_numbers = False
        self.want_simple_name = False
        self.in_workflow = False
        self.requires: dict[int, Extent] = {}
        self.signature_start: int | None = None

    def enter(self, sub: SubText) -> tuple[SubText, int, int]:
        """Go on scanning in ``sub``; returns what ``leave`` needs to come back."""
        saved = (self.sub, self.pos, self.token_start)
        self._use(sub)
        self.pos = self.token_start = 0
        return saved

    def leave(self, saved: tuple[SubText, int, int]) -> None:
        """Come back from ``enter``."""
        self._use(saved[0])
        self.pos, self.token_start = saved[1], saved[2]

    def _use(self, sub: SubText) -> None:
        self.sub = sub
        self.text = sub.text
        self.size = len(sub.text)

    def peek(self, ahead: int = 0) -> str:
        """The character at the cursor (or some characters on), empty at the end."""
        index = self.pos + ahead
        return self.text[index] if index < self.size else ""

    def make_token(self, kind: str, value: str = "") -> Token:
        """A token from ``token_start`` to the cursor."""
        sub = self.sub
        if sub.offsets is None:
            start, end = sub.base + self.token_start, sub.base + self.pos
        else:
            start, end = sub.span(self.token_start, self.pos)
        return Token(kind, start, end, self.token_start, self.source[start:end], value)

    def report(self, start: int, end: int, error_id: str, *arguments: str) -> None:
        """An error at ``text[start:end]``."""
        self.errors.report(Extent(self.sub.offset(start), self.sub.offset(end)), error_id, *arguments)

    def report_open(self, start: int, error_id: str, *arguments: str) -> None:
        """Something that began at ``start`` is still open at the end of the text."""
        self.errors.report_open(Extent(self.sub.offset(start), self.sub.offset(self.pos)), error_id, *arguments)

    def skip_space(self) -> None:
        """Pass blanks, but no line ends."""
        if self.pos < self.size and self.text[self.pos] in SPACES:
            self.pos = SPACE_RUN(self.text, self.pos).end()

    def skip_line_end(self) -> None:
        """Pass one line end, which begins at the cursor."""
        self.pos += 2 if self.text.startswith("\r\n", self.pos) else 1

    def skip_line_comment(self) -> None:
        """Pass the rest of the line; the cursor stands on the ``#``."""
        start, self.pos = self.pos, LINE_RUN(self.text, self.pos).end()
        if self.sub.base == 0 and self.sub.offsets is None:
            if _REQUIRES.match(self.text, start):
                self.requires[start] = Extent(start, self.pos)
            elif _SIGNATURE.match(self.text, start, self.pos):
                self.signature_start = start

    def skip_block_comment(self) -> None:
        """Pass ``<# … #>``; the cursor stands on the ``<``."""
        start = self.pos
        end = self.text.find("#>", start + 2)
        self.pos = self.size if end < 0 else end + 2
        if end < 0:
            self.report_open(start, "MissingTerminatorMultiLineComment")

    def skip_trivia(self, *, semicolons: bool) -> None:
        """Pass blanks, line ends, comments and continued lines, and on request semicolons."""
        run = SEPARATOR_RUN if semicolons else LINE_END_RUN
        while self.pos < self.size:
            self.pos = run(self.text, self.pos).end()
            char = self.peek()
            if char not in TRIVIA_STARTS:
                return
            if char == "#":
                self.skip_line_comment()
            elif char == "<" and self.peek(1) == "#":
                self.skip_block_comment()
            elif char == "`" and self.peek(1) in ("\r", "\n"):
                self.pos += 1
                self.skip_line_end()
            elif char == "`" and self.peek(1).isspace():
                self.pos += 2
            else:
                return
