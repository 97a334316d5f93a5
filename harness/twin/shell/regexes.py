"""Regular expressions of .NET on top of Python's, and wildcard patterns."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from harness.twin.shell.errors import PSError, runtime_error

IGNORE_CASE: Final = 1
MULTILINE: Final = 2
SINGLE_LINE: Final = 16
IGNORE_BLANKS: Final = 32


class BadPatternError(Exception):
    """A pattern that .NET rejects; the text is .NET's."""


@dataclass(frozen=True, slots=True)
class NetRegex:
    """A compiled pattern and .NET's numbering of its groups: unnamed ones first, named ones after them."""

    pattern: re.Pattern[str]
    source: str
    names: tuple[str, ...]
    options: int = 0

    def group(self, match: re.Match[str], name: str) -> int:
        """Python's number of the group that .NET calls ``name``; -1 for none."""
        return self.numbers.get(name, -1)

    @property
    def numbers(self) -> dict[str, int]:
        """Python's group number by .NET's name."""
        return _numbers(self.pattern, self.names)


@functools.lru_cache(maxsize=1024)
def _numbers(pattern: re.Pattern[str], names: tuple[str, ...]) -> dict[str, int]:
    named = dict(pattern.groupindex)
    unnamed = [number for number in range(1, pattern.groups + 1) if number not in named.values()]
    found = {"0": 0}
    found.update({str(at): number for at, number in enumerate(unnamed, 1)})
    for at, name in enumerate(named, len(unnamed) + 1):
        shown = name[4:] if name.startswith("num_") else name
        found[shown] = named[name]
        found.setdefault(str(at), named[name])
    return found


_CLASSES: Final[dict[str, str]] = {
    "L": "a-zA-ZÀ-ÖØ-öø-ʯͰ-ϿЀ-ӿ",
    "Lu": "A-ZÀ-ÖØ-Þ",
    "Ll": "a-zß-öø-ÿ",
    "N": "0-9",
    "Nd": "0-9",
    "P": r"!-#%-*,-/:;?@\[-\]_{}",
}


def _translate(source: str) -> str:
    """A pattern of .NET in Python's syntax."""
    out: list[str] = []
    at, in_class = 0, False
    flags_open = 0
    while at < len(source):
        letter = source[at]
        if letter == "\\" and at + 1 < len(source):
            piece, at = _escape(source, at, in_class)
            out.append(piece)
            continue
        if in_class:
            out.append("\\[" if letter == "[" else letter)
            in_class = letter != "]"
            at += 1
            continue
        if letter == "[":
            in_class = True
            out.append("[")
            at += 1
            if source[at : at + 1] == "^":
                out.append("^")
                at += 1
            if source[at : at + 1] == "]":
                out.append("\\]")
                at += 1
            continue
        piece, at, opened = _group(source, at)
        flags_open += opened
        out.append(piece)
    return "".join(out) + ")" * flags_open


def _escape(source: str, at: int, in_class: bool) -> tuple[str, int]:
    pair = source[at : at + 2]
    if pair in ("\\p", "\\P"):
        match = re.match(r"\{(\w+)\}", source[at + 2 :])
        if match:
            members = _CLASSES.get(match[1], r"\w")
            end = at + 2 + match.end()
            if in_class:
                return members, end
            return (f"[{members}]" if pair == "\\p" else f"[^{members}]"), end
    if pair == "\\k":
        match = re.match(r"[<'](\w+)[>']", source[at + 2 :])
        if match:
            return f"(?P={match[1]})", at + 2 + match.end()
    if pair == "\\z":
        return r"\Z", at + 2
    if pair == "\\Z":
        return r"(?=\n?\Z)", at + 2
    if pair == "\\e":
        return "\\x1b", at + 2
    if pair == "\\h":
        return "h", at + 2
    if pair[1] in "#-/:;<=>@!\"%&',`~_ " or (pair[1].isalpha() and pair[1] not in "abBdDfnrsStuvwWxAGck"):
        return re.escape(pair[1]), at + 2
    return pair, at + 2


_NAMED: Final = re.compile(r"\(\?(?:<|')(\w+)(?:>|')")
_FLAGS: Final = re.compile(r"\(\?([imsnx]*)(?:-([imsnx]+))?\)")


def _group(source: str, at: int) -> tuple[str, int, int]:
    match = _NAMED.match(source, at)
    if match:
        name = match[1] if not match[1].isdigit() else f"num_{match[1]}"
        return f"(?P<{name}>", match.end(), 0
    match = _FLAGS.match(source, at)
    if match and (match[1] or match[2]):
        on = match[1].replace("n", "")
        off = (match[2] or "").replace("n", "")
        if on or off:
            return f"(?{on}{f'-{off}' if off else ''}:", match.end(), 1
        return "", match.end(), 0
    return source[at], at + 1, 0


@functools.lru_cache(maxsize=2048)
def compile_regex(source: str, options: int = 0) -> NetRegex:
    """A pattern compiled. Raises ``BadPatternError`` with .NET Framework's text."""
    flags = (
        (re.IGNORECASE if options & IGNORE_CASE else 0)
        | (re.MULTILINE if options & MULTILINE else 0)
        | (re.DOTALL if options & SINGLE_LINE else 0)
        | (re.VERBOSE if options & IGNORE_BLANKS else 0)
    )
    try:
        pattern = re.compile(_translate(source), flags)
    except (re.error, OverflowError) as fault:
        raise BadPatternError(f'parsing "{source}" - {_fault(source, str(fault))}') from None
    return NetRegex(pattern, source, tuple(pattern.groupindex), options)


def _fault(source: str, text: str) -> str:
    if "missing )" in text or "unterminated subpattern" in text:
        return "Not enough )'s."
    if "unbalanced parenthesis" in text:
        return "Too many )'s."
    if "unterminated character set" in text:
        return "Unterminated [] set."
    if "nothing to repeat" in text or "multiple repeat" in text:
        first = re.search(r"[*+?{]", source)
        return (
            "Quantifier {x,y} following nothing."
            if first is None or source[first.start()] != "{"
            else "Nested quantifier {."
        )
    if "bad escape" in text:
        return "Illegal \\ at end of pattern." if source.endswith("\\") else "Unrecognized escape sequence."
    return text


def operator_regex(source: str, ignore_case: bool) -> NetRegex:
    """The pattern of ``-match`` and the like. Raises ``PSError`` for a bad one."""
    try:
        return compile_regex(source, IGNORE_CASE if ignore_case else 0)
    except BadPatternError as fault:
        raise runtime_error(
            str(fault), "System.ArgumentException", "OperationStopped", type_name="System.ArgumentException"
        ) from None


_REPLACEMENT: Final = re.compile(r"\$(?:(\d+)|\{(\w+)\}|(\$)|(&)|(`)|(')|(\+)|(_))")


def expand_replacement(regex: NetRegex, template: str) -> Callable[[re.Match[str]], str]:
    """A replacement of .NET (``$1``, ``${name}``, ``$&`` …) as a function of the match."""
    if "$" not in template:
        return lambda _match: template
    numbers = regex.numbers

    def expand(match: re.Match[str]) -> str:
        def part(found: re.Match[str]) -> str:
            number, name, dollar, whole, before, after, _last, text = found.groups()
            key = number or name
            if key is not None:
                while number and key not in numbers and len(key) > 1:
                    key = key[:-1]
                if key in numbers:
                    tail = number[len(key) :] if number else ""
                    return (match.group(numbers[key]) or "") + tail
                return found.group(0)
            if dollar:
                return "$"
            if whole:
                return match.group(0)
            if before:
                return match.string[: match.start()]
            if after:
                return match.string[match.end() :]
            return match.string if text else match.group(match.lastindex or 0) or ""

        return _REPLACEMENT.sub(part, template)

    return expand


# ------------------------------------------------------------------------------------------------------- wildcards


@functools.lru_cache(maxsize=2048)
def wildcard(pattern: str, ignore_case: bool = True) -> re.Pattern[str]:
    """A wildcard pattern (``*``, ``?``, ``[a-c]``, backtick escapes). Raises ``PSError`` for an open bracket."""
    out, at = [], 0
    while at < len(pattern):
        letter = pattern[at]
        if letter == "`" and at + 1 < len(pattern):
            out.append(re.escape(pattern[at + 1]))
            at += 2
            continue
        if letter == "*":
            out.append(".*")
        elif letter == "?":
            out.append(".")
        elif letter == "[":
            end = pattern.find("]", at + 1)
            if end < 0:
                raise bad_wildcard(pattern)
            inside = pattern[at + 1 : end].replace("\\", "\\\\").replace("^", "\\^").replace("[", "\\[")
            out.append(_set(inside))
            at = end
        else:
            out.append(re.escape(letter))
        at += 1
    return re.compile("".join(out) + r"\Z", re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _set(inside: str) -> str:
    if not inside:
        return "(?!)"
    try:
        re.compile(f"[{inside}]")
    except re.error:
        return f"[{re.escape(inside)}]"
    return f"[{inside}]"


def bad_wildcard(pattern: str) -> PSError:
    """The pattern is not valid."""
    text = f"The specified wildcard character pattern is not valid: {pattern}"
    return runtime_error(
        text, "RuntimeException", "NotSpecified", type_name="System.Management.Automation.WildcardPatternException"
    )


def has_wildcard(text: str) -> bool:
    """Whether a text contains ``*``, ``?`` or ``[``, not escaped."""
    return re.search(r"(?<!`)[*?\[]", text) is not None


def matches_wildcard(pattern: str, text: str) -> bool:
    """Whether a text matches, without regard to case."""
    return wildcard(pattern).match(text) is not None
