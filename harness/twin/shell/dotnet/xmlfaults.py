"""What .NET says about text that is no well-formed document, from what expat found wrong with it."""

from __future__ import annotations

import re
from typing import Final

_PLAIN: Final = {
    "syntax error": "Data at the root level is invalid.",
    "XML or text declaration not at start of entity": "Unexpected XML declaration. The XML declaration must be the "
    "first node in the document, and no whitespace characters are allowed to appear before it.",
}
_NO_ROOT: Final = "Root element is missing."
_TAG: Final = re.compile(r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<(/?)([\w:.-]+)[^<>]*?(/?)>", re.DOTALL)
_NAME: Final = re.compile(r"[^\s=/>]+")


class _Fault:
    """A place in a text where expat stopped."""

    def __init__(self, text: str, line: int, column: int) -> None:
        self.text = text
        starts = [0, *(at + 1 for at, letter in enumerate(text) if letter == "\n")]
        self.at = starts[min(line, len(starts)) - 1] + column

    def place(self, at: int) -> tuple[int, int]:
        """Line and column, both from one."""
        return self.text.count("\n", 0, at) + 1, at - (self.text.rfind("\n", 0, at) + 1) + 1

    def said(self, message: str, at: int) -> str:
        """A message with its place."""
        line, column = self.place(at)
        return f"{message} Line {line}, position {column}."

    def open_tags(self, end: int) -> list[tuple[str, int]]:
        """Elements that are open at a place, with the places of their tags."""
        found: list[tuple[str, int]] = []
        for tag in _TAG.finditer(self.text[:end]):
            if not tag[2] or tag[3]:
                continue
            if tag[1]:
                del found[-1:]
            else:
                found.append((tag[2], tag.start()))
        return found


def fault_text(text: str, kind: str, line: int, column: int) -> str:
    """The message about a text; ``kind`` and place (line from one, column from zero) are expat's."""
    fault = _Fault(text, line, column)
    if kind in _RULES:
        return _RULES[kind](fault)
    extra = 2 if kind.startswith("XML or text") else 0
    return fault.said(_PLAIN.get(kind, f"{kind[:1].upper()}{kind[1:]}."), fault.at + extra)


def _ended(fault: _Fault) -> str:
    unclosed = fault.open_tags(len(fault.text))
    if not unclosed:
        return _NO_ROOT
    names = ", ".join(name for name, _ in reversed(unclosed))
    message = f"Unexpected end of file has occurred. The following elements are not closed: {names}."
    return fault.said(message, len(fault.text))


def _unclosed(fault: _Fault) -> str:
    if re.fullmatch(r"</?[\w:.-]*", fault.text[fault.at :]):
        return fault.said("Unexpected end of file while parsing Name has occurred.", len(fault.text))
    return _ended(fault) if fault.open_tags(fault.at) else fault.said("Unexpected end of file has occurred.", fault.at)


def _mismatched(fault: _Fault) -> str:
    end = re.compile(r"</([^\s>]*)").search(fault.text, max(fault.at - 2, 0))
    opened = fault.open_tags(end.start()) if end else []
    if end is None or not opened:
        return fault.said("The start tag does not match the end tag.", fault.at)
    name, at = opened[-1]
    line, column = fault.place(at + 1)
    message = f"The '{name}' start tag on line {line} position {column} does not match the end tag of '{end[1]}'."
    return fault.said(message, end.start(1))


def _junk(fault: _Fault) -> str:
    if fault.text.startswith("</", fault.at):
        return fault.said("Unexpected end tag.", fault.at + 2)
    if fault.text.startswith("<", fault.at):
        return fault.said("There are multiple root elements.", fault.at + 1)
    return fault.said(_PLAIN["syntax error"], fault.at)


def _entity(fault: _Fault) -> str:
    name = re.compile(r"&([^;\s<]*)").match(fault.text, fault.at)
    return fault.said(f"Reference to undeclared entity '{name[1] if name else ''}'.", fault.at + 1)


def _duplicate(fault: _Fault) -> str:
    name = _NAME.match(fault.text, fault.at)
    return fault.said(f"'{name[0] if name else ''}' is a duplicate attribute name.", fault.at)


def _prefix(fault: _Fault) -> str:
    found = re.compile(r"[\w.-]+(?=:)").search(fault.text, fault.at)
    at = found.start() if found else fault.at
    return fault.said(f"'{found[0] if found else ''}' is an undeclared prefix.", at)


def _token(fault: _Fault) -> str:
    """A letter where it must not be."""
    text, at = fault.text, fault.at
    letter = text[at : at + 1]
    shown = f"'{letter}' character, hexadecimal value 0x{ord(letter or ' '):02X}"
    before = text[:at].rstrip()
    tag = text.rfind("<", 0, at)
    if text[:at].rpartition("&")[2] == "" and text[:at].endswith("&"):
        return fault.said("An error occurred while parsing EntityName.", at)
    if letter == "/" and before.endswith("<"):
        return fault.said("Unexpected end tag.", at + 1)
    if text[:at].endswith(("<", "</")):
        return fault.said(f"Name cannot begin with the {shown}.", at)
    if tag > text.rfind(">", 0, at):
        expected = "'\"' or '''" if before.endswith("=") else "'='"
        return fault.said(f"'{letter}' is an unexpected token. The expected token is {expected}.", at)
    return fault.said(f"'{letter}', hexadecimal value 0x{ord(letter or ' '):02X}, is an invalid character.", at)


_RULES: Final = {
    "no element found": _ended,
    "unclosed token": _unclosed,
    "mismatched tag": _mismatched,
    "junk after document element": _junk,
    "undefined entity": _entity,
    "duplicate attribute": _duplicate,
    "unbound prefix": _prefix,
    "not well-formed (invalid token)": _token,
}
