"""Scanning of strings, here-strings and the variables and subexpressions inside them."""

from __future__ import annotations

import re

from harness.twin.shell.ast import VariablePath
from harness.twin.shell.parser.characters import (
    DOUBLE_QUOTED_RUN,
    DOUBLE_QUOTES,
    FORCED_STARTS,
    GENERIC_RUN,
    HERE_EXPANDABLE_RUN,
    HERE_LITERAL_RUN,
    LINE_ENDS,
    SINGLE_QUOTED_RUN,
    SINGLE_QUOTES,
    SUB_EXPRESSION_RUN,
    VARIABLE_RUN,
    is_variable_start,
    unescape,
)
from harness.twin.shell.parser.cursor import Cursor, Mode
from harness.twin.shell.parser.tokens import (
    GENERIC,
    HERE_EXPANDABLE,
    HERE_LITERAL,
    SPLATTED,
    STRING_EXPANDABLE,
    STRING_LITERAL,
    SUB_EXPRESSION,
    VARIABLE,
    SubText,
    Token,
)

# Pieces of a string in order: literal text and tokens of what is to be expanded.
Pieces = list[str | Token]
_SCOPE = re.compile(r"(global|local|private|script|variable):", re.IGNORECASE)


def split_variable_path(text: str) -> VariablePath:
    """The parts of a variable's name as written after the dollar sign."""
    scope = _SCOPE.match(text)
    colon = scope.end() - 1 if scope else text.find(":")
    if colon <= 0:
        return VariablePath(text, None, text if colon < 0 else text[1:])
    return VariablePath(text, text[:colon].lower(), text[colon + 1 :])


def literal_text(pieces: Pieces) -> str:
    """The string as written, with escapes replaced but nothing expanded."""
    return "".join(piece if isinstance(piece, str) else piece.text for piece in pieces)


class StringScanner(Cursor):
    """Adds strings, variables and words that may hold both."""

    _false_footer = -1  # where an indented footer of the here-string was seen

    def scan_string_literal(self) -> Token:
        """``'…'``; the cursor stands behind the opening quote."""
        value = self._single_quoted()
        return self.make_token(STRING_LITERAL, value)

    def _single_quoted(self) -> str:
        opened = self.pos - 1
        pieces: list[str] = []
        while True:
            end = SINGLE_QUOTED_RUN(self.text, self.pos).end()
            pieces.append(self.text[self.pos : end])
            self.pos = end
            if end >= self.size:
                self.report_open(opened, "TerminatorExpectedAtEndOfString", "'")
                return "".join(pieces)
            self.pos += 1
            if self.peek() not in SINGLE_QUOTES:
                return "".join(pieces)
            pieces.append(self.peek())
            self.pos += 1

    def scan_string_expandable(self) -> Token:
        """``"…"``; the cursor stands behind the opening quote."""
        return self._expandable_token(STRING_EXPANDABLE, self._double_quoted())

    def _expandable_token(self, kind: str, pieces: Pieces) -> Token:
        if len(pieces) == 1 and isinstance(pieces[0], str):
            return self.make_token(kind, pieces[0])
        token = self.make_token(kind, literal_text(pieces))
        if any(isinstance(piece, Token) for piece in pieces):
            token.parts = pieces
        return token

    def _double_quoted(self) -> Pieces:
        opened = self.pos - 1
        pieces: Pieces = []
        while True:
            end = DOUBLE_QUOTED_RUN(self.text, self.pos).end()
            if end > self.pos:
                pieces.append(self.text[self.pos : end])
                self.pos = end
            if end >= self.size:
                self.report_open(opened, "TerminatorExpectedAtEndOfString", '"')
                return pieces
            char = self.text[end]
            self.pos += 1
            if char in DOUBLE_QUOTES:
                if self.peek() not in DOUBLE_QUOTES:
                    return pieces
                pieces.append(self.peek())
                self.pos += 1
            else:
                pieces.append(self._dollar_or_backtick(char, here_string=False))

    def _dollar_or_backtick(self, char: str, *, here_string: bool) -> str | Token:
        """What follows a dollar sign or backtick that has just been passed."""
        if char == "$":
            return self._scan_dollar(here_string=here_string) or char
        following = self.peek()
        if following in ("", "\0"):
            return char
        self.pos += 1
        return unescape(following)

    def _scan_dollar(self, *, here_string: bool) -> Token | None:
        char = self.peek()
        saved_start, saved_mode = self.token_start, self.mode
        self.mode = Mode.EXPRESSION
        self.token_start = self.pos - 1
        try:
            if char == "(":
                self.pos += 1
                return self._scan_sub_expression(here_string=here_string)
            if char == "{" or is_variable_start(char):
                return self.scan_variable(splatted=False, in_string=True)
            return None
        finally:
            self.token_start, self.mode = saved_start, saved_mode

    def _scan_sub_expression(self, *, here_string: bool) -> Token:
        """Find the end of ``$(…)`` by counting parentheses only; in a string, doubled quotes count as one."""
        start = self.token_start
        depth = 1
        skipped: list[int] = []
        while depth:
            self.pos = SUB_EXPRESSION_RUN(self.text, self.pos).end()
            if self.pos >= self.size:
                self.report_open(start, "IncompleteDollarSubexpressionReference")
                break
            char = self.text[self.pos]
            self.pos += 1
            if char == "(":
                depth += 1
            elif char == ")":
                depth -= 1
            elif not here_string and self.peek() in DOUBLE_QUOTES:
                skipped.append(self.pos - 1)
                self.pos += 1
        token = self.make_token(SUB_EXPRESSION)
        token.sub_text = self._sub_text(start, self.pos, skipped)
        return token

    def _sub_text(self, start: int, end: int, skipped: list[int]) -> SubText:
        if not skipped and self.sub.offsets is None:
            return SubText(self.text[start:end], self.sub.offset(start))
        gone = set(skipped)
        kept = [index for index in range(start, end) if index not in gone]
        text = "".join(self.text[index] for index in kept)
        # A doubled quote stands where its first character stands.
        offsets = [self.sub.offset(index - 1 if index - 1 in gone else index) for index in kept]
        return SubText(text, self.sub.offset(start), [*offsets, self.sub.offset(end)])

    # --- here-strings

    def scan_here_string(self, quote: str) -> Token:
        """``@'…'@`` or ``@"…"@``; the cursor stands behind the opening quote."""
        literal = quote in SINGLE_QUOTES
        kind, mark = (HERE_LITERAL, "'") if literal else (HERE_EXPANDABLE, '"')
        header = self.pos - 2
        if not self._here_header(header, mark):
            return self.make_token(kind)
        pieces = self._here_body(header, mark, SINGLE_QUOTES if literal else DOUBLE_QUOTES, expand=not literal)
        return self._expandable_token(kind, pieces)

    def _here_header(self, header: int, mark: str) -> bool:
        self.skip_space()
        char = self.peek()
        if char in LINE_ENDS:
            self.skip_line_end()
            return True
        if char == "":
            self.report_open(header, "TerminatorExpectedAtEndOfString", f"{mark}@")
            return False
        self.report(self.pos, self.pos + 1, "UnexpectedCharactersAfterHereStringHeader")
        while self.pos < self.size and self.peek() not in LINE_ENDS:
            self.pos += 1
            if self.text[self.pos - 1] == mark and self.peek() == "@":
                self.pos += 1
                break
        return False

    def _here_body(self, header: int, mark: str, quotes: frozenset[str], *, expand: bool) -> Pieces:
        pieces: Pieces = []
        self._false_footer = -1
        if self._here_footer(quotes, pieces):
            return []
        run = HERE_EXPANDABLE_RUN if expand else HERE_LITERAL_RUN
        while self.pos < self.size:
            end = run(self.text, self.pos).end()
            pieces.append(self.text[self.pos : end])
            self.pos = end
            char = self.peek()
            if char in LINE_ENDS:
                length = len(pieces)
                self.skip_line_end()
                pieces.append(self.text[end : self.pos])
                if self._here_footer(quotes, pieces):
                    return pieces[:length]
            elif char:
                self.pos += 1
                pieces.append(self._dollar_or_backtick(char, here_string=True))
        if self._false_footer >= 0:
            self.report_open(self._false_footer, "WhitespaceBeforeHereStringFooter")
        else:
            self.report_open(header, "TerminatorExpectedAtEndOfString", f"{mark}@")
        return pieces

    def _here_footer(self, quotes: frozenset[str], pieces: Pieces) -> bool:
        """At the start of a line: pass the footer if it stands here, else note one that is indented."""
        if self.peek() in quotes and self.peek(1) == "@":
            self.pos += 2
            return True
        start = self.pos
        self.skip_space()
        pieces.append(self.text[start : self.pos])
        if self.peek() in quotes and self.peek(1) == "@":
            if self._false_footer < 0:
                self._false_footer = self.pos
            pieces.append(self.text[self.pos : self.pos + 2])
            self.pos += 2
        return False

    # --- variables

    def scan_variable(self, *, splatted: bool, in_string: bool) -> Token:
        """``$name`` or ``@name``; the cursor stands behind the sign, ``token_start`` on it."""
        char = self.peek()
        if char == "{" and not splatted:
            return self._braced_variable(in_string=in_string)
        if not is_variable_start(char):
            return self.scan_generic("$")
        self.pos += 1
        command = self.mode is Mode.COMMAND
        if char in "$?^":
            if command and self.peek() not in FORCED_STARTS:
                return self._again_as_word()
        else:
            self.pos = VARIABLE_RUN(self.text, self.pos).end()
            if command and self.peek() not in FORCED_STARTS and self.peek() not in (".", "[", ":"):
                return self._again_as_word()
        start = self.token_start + 1
        path = split_variable_path(self.text[start : self.pos])
        if not path.name:
            self.report(self.token_start, self.pos, self._bad_variable_id(path))
        return self._variable_token(path, splatted=splatted)

    @staticmethod
    def _bad_variable_id(path: VariablePath) -> str:
        scoped = path.qualifier is None or _SCOPE.match(path.text)
        return "InvalidVariableReference" if scoped else "InvalidVariableReferenceWithDrive"

    def _variable_token(self, path: VariablePath, *, splatted: bool) -> Token:
        token = self.make_token(SPLATTED if splatted else VARIABLE, path.text)
        token.path = path
        return token

    def _again_as_word(self) -> Token:
        self.pos = self.token_start
        return self.scan_generic("")

    def _braced_variable(self, *, in_string: bool) -> Token:
        opened = self.pos
        self.pos += 1
        name, closed = self._braced_name(in_string=in_string)
        if not closed:
            self.report_open(opened, "IncompleteDollarVariableReference")
        elif not name:
            self.report(self.pos - 1, self.pos, "EmptyVariableReference")
        name = name or ":Error:"
        if self.mode is Mode.COMMAND and self.peek() not in FORCED_STARTS and self.peek() not in (".", "["):
            return self._again_as_word()
        path = split_variable_path(name)
        if not path.name:
            self.report(self.token_start, self.pos, "InvalidBracedVariableReference")
        return self._variable_token(path, splatted=False)

    def _braced_name(self, *, in_string: bool) -> tuple[str, bool]:
        name: list[str] = []
        while self.pos < self.size:
            char = self.text[self.pos]
            self.pos += 1
            if char == "}":
                return "".join(name), True
            if char == "`":
                if self.pos >= self.size:
                    break
                char = unescape(self.text[self.pos])
                self.pos += 1
            elif in_string and char in DOUBLE_QUOTES and self.peek() in DOUBLE_QUOTES:
                char = self.peek()
                self.pos += 1
            elif char == "{":
                self.report(self.pos, self.pos + 1, "OpenBraceNeedsToBeBackTickedInVariableName")
            name.append(char)
        return "".join(name), False

    # --- words

    def scan_generic(self, prefix: str) -> Token:
        """A word of a command (name or argument), which may hold quotes, variables and subexpressions.

        ``prefix`` is what has already been read; ``token_start`` is where the word began.
        """
        pieces: Pieces = [prefix] if prefix else []
        while self.pos < self.size:
            end = GENERIC_RUN(self.text, self.pos).end()
            if end > self.pos:
                pieces.append(self.text[self.pos : end])
                self.pos = end
            char = self.peek()
            if char in FORCED_STARTS:
                break
            self.pos += 1
            if char in SINGLE_QUOTES:
                pieces.append(self._single_quoted())
            elif char in DOUBLE_QUOTES:
                pieces.extend(self._double_quoted())
            elif char in ("$", "`"):
                pieces.append(self._dollar_or_backtick(char, here_string=False))
            else:
                pieces.append(char)
        return self._expandable_token(GENERIC, pieces)
