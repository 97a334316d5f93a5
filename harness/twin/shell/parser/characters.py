"""What single characters mean to the scanner.

Typographic quotes and dashes and the no-break space count as their plain forms, as in the source of PowerShell 5.1
([D] PowerShell, CharTraits of 2016). The empty string stands for the end of the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, cast

SINGLE_QUOTES: Final = frozenset("'\u2018\u2019\u201a\u201b")
DOUBLE_QUOTES: Final = frozenset('"\u201c\u201d\u201e')
DASHES: Final = frozenset("-\u2013\u2014\u2015")

_SPACES = " \t\f\v\xa0\x85\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
SPACES: Final = frozenset(
    [*" \t\f\v\xa0\x85\u1680\u2028\u2029\u202f\u205f\u3000", *(chr(code) for code in range(0x2000, 0x200B))]
)
LINE_ENDS: Final = frozenset("\r\n")
# What may begin a comment or a continued line.
TRIVIA_STARTS: Final = frozenset("#<`")
END_OR_NUL: Final = frozenset(["", "\0"])

# A character that ends any token, whatever the mode.
FORCED_STARTS: Final = SPACES | LINE_ENDS | END_OR_NUL | frozenset("&(),;{|}")
# Additional characters that end a number in an expression.
NUMBER_ENDS: Final = FORCED_STARTS | DASHES | frozenset("!#%*+./<=>]")
ASSEMBLY_NAME_ENDS: Final = SPACES | LINE_ENDS | END_OR_NUL | frozenset(",=]")
MEMBER_SPACE: Final = SPACES | LINE_ENDS | END_OR_NUL


def _run(pattern: str) -> Callable[[str, int], re.Match[str]]:
    """What finds the longest run from a place on; ``pattern`` is one that matches an empty run too."""
    return cast("Callable[[str, int], re.Match[str]]", re.compile(pattern).match)


BLANK: Final = f"[{_SPACES}]"  # regular expression of one blank
SPACE_RUN: Final = _run(f"[{_SPACES}]*")
SEPARATOR_RUN: Final = _run(f"[{_SPACES}\r\n;]*")
LINE_END_RUN: Final = _run(f"[{_SPACES}\r\n]*")
IDENTIFIER_RUN: Final = _run(r"\w*")
TYPE_NAME_RUN: Final = _run(r"[\w.`+#\\]*")
VARIABLE_RUN: Final = _run(r"(?:[\w?]|:(?!:))*")
LINE_RUN: Final = _run(r"[^\r\n]*")
DIGIT_RUN: Final = _run(r"[0-9]*")
HEX_RUN: Final = _run(r"[0-9A-Fa-f]*")
SINGLE_QUOTED_RUN: Final = _run("[^'\u2018\u2019\u201a\u201b]*")
DOUBLE_QUOTED_RUN: Final = _run('[^"\u201c\u201d\u201e$`]*')
HERE_LITERAL_RUN: Final = _run(r"[^\r\n]*")
HERE_EXPANDABLE_RUN: Final = _run(r"[^\r\n$`]*")
GENERIC_RUN: Final = _run("[^`'\u2018\u2019\u201a\u201b\"\u201c\u201d\u201e$\\0\r\n&(),;{|}" + _SPACES + "]*")
SUB_EXPRESSION_RUN: Final = _run('[^()`"\u201c\u201d\u201e]*')

_ESCAPES = {"0": "\0", "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def unescape(char: str) -> str:
    """The character that a backtick before ``char`` stands for."""
    return _ESCAPES.get(char, char)


def is_variable_start(char: str) -> bool:
    """Whether ``char`` may follow the dollar sign of a variable."""
    return char.isalnum() or (char != "" and char in "_$?:^")


def is_identifier_start(char: str) -> bool:
    """Whether ``char`` may begin a name."""
    return char.isalpha() or char == "_"


def is_decimal_digit(char: str) -> bool:
    """Whether ``char`` is an ASCII digit."""
    return char.isdecimal() and char.isascii()
