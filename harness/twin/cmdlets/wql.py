"""Conditions of WMI's query language, as ``-Filter`` and ``-Query`` have them ([D] W32 WMI WQL WHERE)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from harness.twin.cmdlets.declaring import property_of
from harness.twin.shell.text import to_text

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\")|(?P<number>-?\d+(?:\.\d+)?)|(?P<mark><>|!=|<=|>=|[=<>()])|"
    r"(?P<word>\w+))"
)
_QUERY: Final = re.compile(
    r"\s*select\s+(?P<what>[\w*,\s]+?)\s+from\s+(?P<name>\w+)(?:\s+where\s+(?P<where>.+))?\s*", re.I | re.S
)
Test = Callable[[object], bool]


class WqlError(ValueError):
    """The text is no condition that is understood here; the message is the text."""


def split_query(text: str) -> tuple[str, str]:
    """Class and condition of ``SELECT … FROM … WHERE …``.  Raises WqlError."""
    found = _QUERY.fullmatch(text)
    if found is None:
        raise WqlError(text)
    return found["name"], found["where"] or ""


def parse_condition(text: str) -> Test:
    """A test of instances.  Raises WqlError."""
    words = _words(text)
    test, rest = _either(words)
    if rest:
        raise WqlError(text)
    return test


def _words(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise WqlError(text)
        found.append((match.lastgroup or "", match[match.lastgroup or ""]))
        at = match.end()
    return found


def _either(words: list[tuple[str, str]]) -> tuple[Test, list[tuple[str, str]]]:
    left, rest = _both(words)
    while rest and rest[0][1].lower() == "or":
        right, rest = _both(rest[1:])
        left = _combined(left, right, any)
    return left, rest


def _both(words: list[tuple[str, str]]) -> tuple[Test, list[tuple[str, str]]]:
    left, rest = _one(words)
    while rest and rest[0][1].lower() == "and":
        right, rest = _one(rest[1:])
        left = _combined(left, right, all)
    return left, rest


def _combined(left: Test, right: Test, how: Callable[[Sequence[bool]], bool]) -> Test:
    return lambda item: how([left(item), right(item)])


def _one(words: list[tuple[str, str]]) -> tuple[Test, list[tuple[str, str]]]:
    if words and words[0][1].lower() == "not":
        inner, rest = _one(words[1:])
        return lambda item: not inner(item), rest
    if words and words[0][1] == "(":
        inner, rest = _either(words[1:])
        if not rest or rest[0][1] != ")":
            raise WqlError("(")
        return inner, rest[1:]
    if len(words) < 3 or words[0][0] != "word":
        raise WqlError(" ".join(word for _, word in words))
    return _comparison(words[0][1], words[1][1].lower(), words[2]), words[3:]


def _comparison(name: str, sign: str, given: tuple[str, str]) -> Test:
    kind, word = given
    wanted = re.sub(r"\\(.)", r"\1", word[1:-1]) if kind == "text" else word
    if sign == "like":
        pattern = re.compile("".join(_like(letter) for letter in wanted), re.I | re.S)
        return lambda item: pattern.fullmatch(to_text(property_of(item, name))) is not None
    if sign not in ("=", "<>", "!=", "<", ">", "<=", ">="):
        raise WqlError(f"{name} {sign}")
    return lambda item: _compare(property_of(item, name), sign, wanted)


def _like(letter: str) -> str:
    return {"%": ".*", "_": "."}.get(letter, re.escape(letter))


def _compare(value: object, sign: str, wanted: str) -> bool:
    if wanted.lower() == "null":
        return (value is None) == (sign == "=")
    if isinstance(value, bool):
        left: float | str = float(value)
        right: float | str = float(wanted.lower() in ("true", "1"))
    elif isinstance(value, int | float):
        try:
            left, right = float(value), float(wanted)
        except ValueError:
            raise WqlError(wanted) from None
    else:
        left, right = to_text(value).lower(), wanted.lower()
    equal, less = left == right, left < right  # type: ignore[operator]
    return {"=": equal, "<>": not equal, "!=": not equal, "<": less, ">": not less and not equal}.get(
        sign, equal or (less if sign == "<=" else not less)
    )
