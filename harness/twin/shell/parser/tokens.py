"""Tokens. A kind is a string: the keyword or operator itself (``if``, ``-ieq``, ``(``), or one of the names below."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from harness.twin.shell.ast import (
    AssignmentOperator,
    BinaryOperator,
    Extent,
    NumberKind,
    RedirectionStream,
    UnaryOperator,
    VariablePath,
)

VARIABLE: Final = "variable"
SPLATTED: Final = "splatted variable"
PARAMETER: Final = "parameter"
NUMBER: Final = "number"
LABEL: Final = "label"
IDENTIFIER: Final = "identifier"
GENERIC: Final = "generic"
UNKNOWN: Final = "unknown"
NEW_LINE: Final = "new line"
END: Final = "end of input"
STRING_LITERAL: Final = "string literal"
STRING_EXPANDABLE: Final = "expandable string"
HERE_LITERAL: Final = "here-string literal"
HERE_EXPANDABLE: Final = "expandable here-string"
REDIRECTION: Final = "redirection"
INPUT_REDIRECTION: Final = "input redirection"
SUB_EXPRESSION: Final = "unscanned subexpression"

KEYWORDS: Final = frozenset(
    [
        "elseif",
        "if",
        "else",
        "switch",
        "foreach",
        "from",
        "in",
        "for",
        "while",
        "until",
        "do",
        "try",
        "catch",
        "finally",
        "trap",
        "data",
        "return",
        "continue",
        "break",
        "exit",
        "throw",
        "begin",
        "process",
        "end",
        "dynamicparam",
        "function",
        "filter",
        "param",
        "class",
        "define",
        "var",
        "using",
        "workflow",
        "parallel",
        "sequence",
        "inlinescript",
        "configuration",
        "public",
        "private",
        "static",
        "interface",
        "enum",
        "namespace",
        "module",
        "type",
        "assembly",
        "command",
        "hidden",
        "base",
    ]
)
BLOCK_NAMES: Final = frozenset(["begin", "process", "end", "dynamicparam"])
# Keywords before which attributes make no sense.
STATEMENTS_WITHOUT_ATTRIBUTES: Final = frozenset(
    [
        "break",
        "continue",
        "data",
        "define",
        "do",
        "exit",
        "filter",
        "for",
        "foreach",
        "from",
        "function",
        "if",
        "return",
        "switch",
        "throw",
        "trap",
        "try",
        "until",
        "var",
        "while",
        "workflow",
        "parallel",
        "sequence",
        "using",
    ]
)

_CASED = "eq ne ge gt lt le like notlike match notmatch replace contains notcontains in notin split"
_PLAIN = "bnot not isnot is as and band or bor xor bxor join shl shr"
DASH_OPERATORS: Final[dict[str, str]] = {
    **{name: f"-{name}" for name in _PLAIN.split()},
    **{name: f"-i{name}" for name in _CASED.split()},
    **{f"i{name}": f"-i{name}" for name in _CASED.split()},
    **{f"c{name}": f"-c{name}" for name in _CASED.split()},
    "f": "-f",
}

BINARY_OPERATORS: Final[dict[str, BinaryOperator]] = {operator.value: operator for operator in BinaryOperator}
_PRECEDENCE_GROUPS = (
    ("-and", "-or", "-xor"),
    ("-band", "-bor", "-bxor"),
    (),
    ("+", "-"),
    ("*", "/", "%"),
    ("-f",),
    ("..",),
)
_COMPARISON = 3
PRECEDENCE: Final[dict[str, int]] = {
    **dict.fromkeys(BINARY_OPERATORS, _COMPARISON),
    **{kind: level for level, group in enumerate(_PRECEDENCE_GROUPS, start=1) for kind in group},
    "&&": 0,
    "||": 0,
}
UNARY_OPERATORS: Final[dict[str, UnaryOperator]] = {
    ",": UnaryOperator.COMMA,
    "--": UnaryOperator.PREFIX_DECREMENT,
    "++": UnaryOperator.PREFIX_INCREMENT,
    "!": UnaryOperator.EXCLAIM,
    "+": UnaryOperator.PLUS,
    "-": UnaryOperator.MINUS,
    "-not": UnaryOperator.NOT,
    "-bnot": UnaryOperator.BNOT,
    "-join": UnaryOperator.JOIN,
    "-isplit": UnaryOperator.ISPLIT,
    "-csplit": UnaryOperator.CSPLIT,
}
ASSIGNMENT_OPERATORS: Final[dict[str, AssignmentOperator]] = {member.value: member for member in AssignmentOperator}

# Kinds that are scanned alike in all modes.
MODE_INVARIANT: Final = frozenset(
    [
        *(NEW_LINE, END, STRING_LITERAL, STRING_EXPANDABLE, HERE_LITERAL, HERE_EXPANDABLE, INPUT_REDIRECTION),
        *("(", ")", "{", "}", "]", "@(", "@{", "$(", ";", "&&", "||", "&", "|", ","),
    ]
)


class Token:
    """A token: ``start`` and ``end`` are offsets into the whole source, ``local`` the index in the text being scanned.

    ``value`` is what a string token says, a parameter's name or a label; ``parts`` the pieces of an expandable string.
    """

    # Most tokens never set these, so they are defaults of the class.
    parts: list[str | Token] | None = None
    path: VariablePath | None = None
    number: tuple[int | float | Decimal, NumberKind] | None = None
    colon = False
    from_stream: RedirectionStream | None = None
    to_stream: RedirectionStream | None = None
    append = False
    sub_text: SubText | None = None

    def __init__(self, kind: str, start: int, end: int, local: int, text: str, value: str = "") -> None:
        self.kind = kind
        self.start = start
        self.end = end
        self.local = local
        self.text = text
        self.value = value

    @property
    def extent(self) -> Extent:
        """Where it is in the source."""
        return Extent(self.start, self.end)


class SubText:
    """A piece of the source to be scanned on its own, with the way back to offsets of the source.

    ``offsets`` has one entry for each character and one for the end; it is ``None`` while the piece is a plain slice
    beginning at ``base``.
    """

    __slots__ = ("base", "offsets", "text")

    def __init__(self, text: str, base: int = 0, offsets: list[int] | None = None) -> None:
        self.text = text
        self.base = base
        self.offsets = offsets

    def offset(self, index: int) -> int:
        """The offset in the source of the character at ``index``; the end counts as behind the last character."""
        if self.offsets is None:
            return self.base + index
        last = len(self.offsets) - 1
        return self.offsets[index] if index <= last else self.offsets[last] + index - last

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Offsets in the source of ``text[start:end]``."""
        return self.offset(start), self.offset(end)
