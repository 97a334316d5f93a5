"""Errors that know where in a piece of text they lie, and the nearest known word.

Triggers, targets, durations and limits are short texts inside YAML scalars.  Their parsers raise `TextError` with the
offset of the offending character; the loader adds the position of the scalar and shows the line with a caret.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class TextError(ValueError):
    """A text does not follow its grammar.  Correct the text at `offset`; `suggestion` is the nearest known word.

    `conceal` keeps the line of the file out of the message, where it may hold a secret.
    """

    def __init__(self, message: str, *, offset: int = 0, suggestion: str | None = None, conceal: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.suggestion = suggestion
        self.conceal = conceal


@dataclass(frozen=True, slots=True)
class Objection:
    """A complaint about the part at `path` below a value; `at_key` points at the part's key instead of its value."""

    path: tuple[str | int, ...]
    message: str
    suggestion: str | None = None
    offset: int = 0
    at_key: bool = False


class Objections(ValueError):  # noqa: N818 - a collection of complaints, raised once
    """Several complaints about parts of one value, raised together so that a person sees them together."""

    def __init__(self, items: Iterable[Objection]) -> None:
        self.items = tuple(items)
        super().__init__("; ".join(item.message for item in self.items))


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that a person probably meant, or None when nothing is near."""
    matches = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def describe(value: object) -> str:
    """A value as an error message names it: its YAML kind and, when short, its text."""
    match value:
        case None:
            return "nothing (null)"
        case bool():
            return f"the truth value {str(value).lower()}"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text '{value}'"
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case _:
            return f"a {type(value).__name__}"


def require_text(value: object, example: str) -> str:
    """The value itself when it is text; otherwise a TextError that shows an example."""
    if isinstance(value, str):
        return value
    raise TextError(f"expected text such as '{example}', found {describe(value)}")
