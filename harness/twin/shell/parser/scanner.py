"""The scanner: one token at a time, in the mode the parser asks for.

The same characters are different tokens in different places (``-eq`` is an operator in an expression and a parameter
in a command), so the parser sets ``mode`` and scans a token again when the mode changes.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.twin.shell.ast import RedirectionStream
from harness.twin.shell.parser.characters import (
    ASSEMBLY_NAME_ENDS,
    DASHES,
    DOUBLE_QUOTES,
    FORCED_STARTS,
    IDENTIFIER_RUN,
    LINE_ENDS,
    MEMBER_SPACE,
    SINGLE_QUOTES,
    SPACES,
    TRIVIA_STARTS,
    TYPE_NAME_RUN,
    is_decimal_digit,
    is_identifier_start,
    is_variable_start,
    unescape,
)
from harness.twin.shell.parser.cursor import Mode
from harness.twin.shell.parser.number_scanner import NumberScanner
from harness.twin.shell.parser.tokens import (
    DASH_OPERATORS,
    END,
    GENERIC,
    IDENTIFIER,
    INPUT_REDIRECTION,
    KEYWORDS,
    LABEL,
    NEW_LINE,
    PARAMETER,
    REDIRECTION,
    UNKNOWN,
    Token,
)

_MEMBER_STARTS = frozenset(".:[")


class Scanner(NumberScanner):
    """All tokens."""

    def next_token(self) -> Token:
        """The next token of the text in the present mode; ``END`` again and again at the end."""
        while True:
            self.skip_space()
            self.token_start = self.pos
            if self.pos >= self.size:
                offset = self.sub.offset(self.pos) + 1
                return Token(END, offset, offset, self.pos, "")
            char = self.text[self.pos]
            if char not in TRIVIA_STARTS or not self._skip_trivia_at(char):
                break
        scan = _SCANNERS.get(char)
        self.pos += 1
        if scan is not None:
            return scan(self, char)
        return self._scan_identifier() if is_identifier_start(char) else self.scan_generic(char)

    def _skip_trivia_at(self, char: str) -> bool:
        """Pass the comment or continued line that ``char`` begins, if it begins one."""
        if char == "#":
            self.skip_line_comment()
        elif char == "<" and self.peek(1) == "#":
            self.skip_block_comment()
        elif char == "`" and (self.peek(1).isspace() or self.pos + 1 == self.size):
            self._skip_backtick()
        else:
            return False
        return True

    def _skip_backtick(self) -> None:
        self.pos += 1
        if self.peek() in LINE_ENDS:
            self.skip_line_end()
        elif self.pos >= self.size:
            self.report_open(self.pos, "IncompleteString")
        else:
            self.pos += 1

    def _scan_line_end(self, _: str) -> Token:
        self.pos = self.token_start
        self.skip_line_end()
        return self.make_token(NEW_LINE)

    def _either(self, kind: str) -> Token:
        """An operator; in a command only if the word ends here, else the word goes on."""
        if self.mode is Mode.COMMAND and self.peek() not in FORCED_STARTS:
            return self.scan_generic(self.text[self.token_start : self.pos])
        return self.make_token(kind)

    # --- names and words

    def _scan_identifier(self) -> Token:
        self.pos = IDENTIFIER_RUN(self.text, self.pos).end()
        if self.mode is Mode.TYPE_NAME:
            return self._scan_type_name()
        if self.want_simple_name:
            return self.make_token(IDENTIFIER)
        command = self.mode is Mode.COMMAND
        if command and self.peek() not in FORCED_STARTS:
            return self.scan_generic(self.text[self.token_start : self.pos])
        if command or self.mode is Mode.SIGNATURE:
            word = self.text[self.token_start : self.pos].lower()
            if word in KEYWORDS and (word != "inlinescript" or self.in_workflow):
                return self.make_token(word)
        return self.make_token(IDENTIFIER)

    def _scan_type_name(self) -> Token:
        self.pos = TYPE_NAME_RUN(self.text, self.pos).end()
        return self.make_token(IDENTIFIER)

    def scan_assembly_name(self) -> str:
        """The assembly part of a type name, behind its comma."""
        parts = [self._assembly_word()]
        while self.peek() == ",":
            self.pos += 1
            parts.append(", " + self._assembly_word())
            if self.peek() == "=":
                self.pos += 1
                parts.append("=" + self._assembly_word())
        return "".join(parts)

    def _assembly_word(self) -> str:
        self.skip_space()
        start = self.pos
        while self.peek() not in ASSEMBLY_NAME_ENDS:
            self.pos += 1
        word = self.text[start : self.pos]
        self.skip_space()
        return word

    def _scan_label(self, _: str) -> Token:
        if self.peek() == ":":
            return self._scan_colons()
        if self.mode is not Mode.COMMAND:
            return self.make_token(":")
        if not is_identifier_start(self.peek()):
            return self.scan_generic(":")
        self.pos = IDENTIFIER_RUN(self.text, self.pos).end()
        name = self.text[self.token_start + 1 : self.pos]
        if self.peek() not in FORCED_STARTS:
            return self.scan_generic(":" + name)
        return self.make_token(LABEL, name)

    def _scan_colons(self) -> Token:
        self.pos += 1
        word_goes_on = self.peek() not in FORCED_STARTS and not self.want_simple_name
        if self.mode is Mode.COMMAND and word_goes_on:
            return self.scan_generic("::")
        return self.make_token("::")

    def _scan_at(self, _: str) -> Token:
        char = self.peek()
        if char in ("{", "("):
            self.pos += 1
            return self.make_token("@" + char)
        if char in SINGLE_QUOTES or char in DOUBLE_QUOTES:
            self.pos += 1
            return self.scan_here_string(char)
        if is_variable_start(char):
            return self.scan_variable(splatted=True, in_string=False)
        self.report(self.token_start, self.pos, "UnrecognizedToken")
        return self.make_token(UNKNOWN)

    def _scan_dollar_sign(self, _: str) -> Token:
        if self.peek() == "(":
            self.pos += 1
            return self.make_token("$(")
        return self.scan_variable(splatted=False, in_string=False)

    def _scan_backtick(self, _: str) -> Token:
        self.pos += 1
        return self.scan_generic(unescape(self.text[self.pos - 1]))

    # --- operators

    def _scan_assignable(self, char: str) -> Token:
        if self.peek() == "=" and char != "=":
            self.pos += 1
            return self._either(char + "=")
        return self._either(char)

    def _scan_plus(self, char: str) -> Token:
        following = self.peek()
        if following == "+":
            self.pos += 1
            return self._either("++")
        if self.allow_signed_numbers and following != "=" and (is_decimal_digit(following) or following == "."):
            return self.scan_number(char)
        return self._scan_assignable(char)

    def _scan_dash(self, char: str) -> Token:
        following = self.peek()
        if following in DASHES:
            self.pos += 1
            return self._either("--")
        if following == "=":
            self.pos += 1
            return self._either("-=")
        if following.isalpha() or following in ("_", "?"):
            return self._scan_parameter()
        if self.allow_signed_numbers and (is_decimal_digit(following) or following == "."):
            return self.scan_number(char)
        return self._either("-")

    def _scan_star(self, char: str) -> Token:
        if self.peek() != ">":
            return self._scan_assignable(char)
        self.pos += 1
        return self._redirection(RedirectionStream.ALL, explicit=False, merge_targets="1")

    def _scan_exclaim(self, _: str) -> Token:
        following = self.peek()
        if self.mode is Mode.COMMAND and following not in FORCED_STARTS:
            return self.scan_generic("!")
        if self.mode is Mode.EXPRESSION:
            if is_identifier_start(following):
                return self.scan_generic("!")
            if (is_decimal_digit(following) or following == ".") and not self.is_number_ahead():
                return self.scan_generic("!")
        return self.make_token("!")

    def _scan_pair(self, char: str) -> Token:
        if self.peek() == char:
            self.pos += 1
            return self.make_token(char + char)
        return self.make_token(char)

    def _scan_dot(self, _: str) -> Token:
        following = self.peek()
        if following == ".":
            self.pos += 1
            if self.mode is Mode.COMMAND and self.peek() not in FORCED_STARTS:
                return self.scan_generic("..")
            return self.make_token("..")
        if is_decimal_digit(following):
            return self.scan_number(".")
        if self.mode is Mode.COMMAND and following not in FORCED_STARTS and following not in ("$", '"', "'"):
            return self.scan_generic(".")
        return self.make_token(".")

    # --- redirections

    def _scan_greater(self, _: str) -> Token:
        return self._redirection(RedirectionStream.OUTPUT, explicit=False, merge_targets="")

    def _scan_input(self, _: str) -> Token:
        return self.make_token(INPUT_REDIRECTION)

    def _scan_digit(self, char: str) -> Token:
        if char in "123456" and self.peek() == ">":
            self.pos += 1
            return self._redirection(RedirectionStream(int(char)), explicit=True, merge_targets="12")
        return self.scan_number(char)

    def _redirection(self, stream: RedirectionStream, *, explicit: bool, merge_targets: str) -> Token:
        """A redirection whose ``>`` has been passed."""
        append = self.peek() == ">"
        if append:
            self.pos += 1
        elif merge_targets and self.peek() == "&" and self.peek(1) and self.peek(1) in merge_targets:
            self.pos += 2
            token = self.make_token(REDIRECTION)
            token.from_stream = stream
            token.to_stream = RedirectionStream(int(self.text[self.pos - 1]))
            return token
        if explicit and self.mode is Mode.EXPRESSION:
            self.pos = self.token_start + 1
            return self.integer_token(int(stream))
        token = self.make_token(REDIRECTION)
        token.from_stream, token.append = stream, append
        return token

    # --- parameters and dashed operators

    def _scan_parameter(self) -> Token:
        command = self.mode is Mode.COMMAND
        while True:
            char = self.peek()
            if char in FORCED_STARTS or char in (".", "["):
                break
            if char == ":":
                return self._parameter_with_colon(command=command)
            quoted = char in SINGLE_QUOTES or char in DOUBLE_QUOTES
            if quoted and command:
                return self.scan_generic(self.text[self.token_start : self.pos])
            if quoted or not (command or (char.isascii() and char.isalpha())):
                break
            self.pos += 1
        return self._parameter_or_operator()

    def _parameter_with_colon(self, *, command: bool) -> Token:
        token = self._parameter_or_operator()
        if command:
            self.pos += 1
            token = self.make_token(PARAMETER, token.value)
        token.colon = True
        return token

    def _parameter_or_operator(self) -> Token:
        name = self.text[self.token_start + 1 : self.pos]
        if self.mode is Mode.EXPRESSION:
            kind = DASH_OPERATORS.get(name.lower())
            if kind is not None:
                return self.make_token(kind)
        return self.make_token(PARAMETER, name) if name else self.make_token("-")

    # --- tokens that depend on what stands right before them

    def member_operator(self, *, brackets: bool) -> Token | None:
        """``.``, ``::`` or ``[`` right behind an expression, else ``None`` with nothing passed."""
        while (char := self.peek()) == "<" and self.peek(1) == "#":
            self.skip_block_comment()
        if char not in _MEMBER_STARTS:
            return None
        self.token_start = self.pos
        command = self.mode is Mode.COMMAND
        if char == ".":
            if self.peek(1) == "." or (command and self.peek(1) in MEMBER_SPACE):
                return None
            self.pos += 1
            return self.make_token(".")
        if char == ":" and self.peek(1) == ":":
            if command and self.peek(2) in MEMBER_SPACE:
                return None
            self.pos += 2
            return self.make_token("::")
        if char == "[" and brackets:
            self.pos += 1
            return self.make_token("[")
        return None

    def call_opening(self) -> Token | None:
        """``(`` or ``{`` right behind a member's name."""
        if self.peek() not in ("(", "{"):
            return None
        self.token_start = self.pos
        self.pos += 1
        return self.make_token(self.text[self.token_start])

    def attribute_bracket(self) -> Token | None:
        """``[`` behind blanks and comments; blanks before a member operator are not passed."""
        start = self.pos
        spaced = False
        while True:
            char = self.peek()
            if char in SPACES:
                spaced = True
                self.skip_space()
            elif char == "#":
                spaced = True
                self.skip_line_comment()
            elif char == "<" and self.peek(1) == "#":
                spaced = False
                self.skip_block_comment()
            else:
                break
        self.token_start = self.pos
        if char == "[":
            self.pos += 1
            return self.make_token("[")
        if char in (".", ":") and spaced:
            self.pos = start
        return None

    def verbatim_argument(self) -> Token:
        """The rest of the command behind ``--%``."""
        self.skip_space()
        self.token_start = self.pos
        quoted = False
        while self.pos < self.size and self.peek() not in LINE_ENDS:
            char = self.peek()
            if char in DOUBLE_QUOTES:
                quoted = not quoted
            elif not quoted and (char == "|" or self.text.startswith("&&", self.pos)):
                break
            self.pos += 1
        return self.make_token(GENERIC, self.text[self.token_start : self.pos])


def _scan_single(scanner: Scanner, _: str) -> Token:
    return scanner.scan_string_literal()


def _scan_double(scanner: Scanner, _: str) -> Token:
    return scanner.scan_string_expandable()


_SCANNERS: dict[str, Callable[[Scanner, str], Token]] = {
    **dict.fromkeys("(){},;]", Scanner.make_token),
    **dict.fromkeys(LINE_ENDS, Scanner._scan_line_end),
    **dict.fromkeys(SINGLE_QUOTES, _scan_single),
    **dict.fromkeys(DOUBLE_QUOTES, _scan_double),
    **dict.fromkeys("0123456789", Scanner._scan_digit),
    **dict.fromkeys(DASHES, Scanner._scan_dash),
    **dict.fromkeys("=/%", Scanner._scan_assignable),
    **dict.fromkeys("&|", Scanner._scan_pair),
    "@": Scanner._scan_at,
    "$": Scanner._scan_dollar_sign,
    "`": Scanner._scan_backtick,
    "+": Scanner._scan_plus,
    "*": Scanner._scan_star,
    "!": Scanner._scan_exclaim,
    ".": Scanner._scan_dot,
    ":": Scanner._scan_label,
    "<": Scanner._scan_input,
    ">": Scanner._scan_greater,
    "[": Scanner._either,
}
