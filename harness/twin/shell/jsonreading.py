"""JSON as 5.1 reads it: ``JavaScriptSerializer`` of .NET Framework ([D]), which takes more than the standard allows
(names without quotes, single quotes, line breaks in strings) and says in its own words what it does not take.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from harness.twin.shell.objects import Int64, NoteProperty, PSObject

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DATE: Final = re.compile(r'"\\/Date\((-?[0-9]+)(?:[a-zA-Z]|[+-][0-9]{4})?\)\\/"')
_TOKEN: Final = re.compile(r"[\w.+-]*")
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$", re.IGNORECASE)
_ESCAPES: Final = {'"': '"', "'": "'", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WORDS: Final[dict[str, object]] = {
    "null": None,
    "true": True,
    "false": False,
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "-Infinity": float("-inf"),
}
_LARGEST: Final = Decimal(79228162514264337593543950335)
"""``[decimal]::MaxValue``."""
_BAD_OBJECT: Final = "Invalid object passed in, ':' or '}' expected."


class BadJsonError(Exception):
    """Text that is no JSON, or means no object, with what 5.1 says: the id, category and exception of its error."""

    def __init__(
        self,
        message: str,
        error_id: str = "System.ArgumentException",
        category: str = "NotSpecified",
        exception: str = "System.ArgumentException",
    ) -> None:
        super().__init__(message)
        self.error_id = error_id
        self.category = category
        self.exception = exception


def _whole(text: str) -> object:
    value = int(text)
    if -(2**31) <= value < 2**31:
        return value
    if -(2**63) <= value < 2**63:
        return Int64(value)
    return Decimal(value) if abs(value) <= _LARGEST else float(value)


def _real(text: str) -> object:
    return Decimal(text) if len(text) < 29 and "e" not in text.lower() else float(text)


def _object(pairs: list[tuple[str, Any]]) -> PSObject:
    made = PSObject()
    for name, value in dict(pairs).items():
        known = made.members.get(name.lower())
        if known is not None:
            raise BadJsonError(
                "Cannot convert the JSON string because a dictionary that was converted from the string contains "
                f"the duplicated keys '{known.name}' and '{name}'.",
                "DuplicateKeysInJsonString",
                "InvalidOperation",
                "System.InvalidOperationException",
            )
        if not name:
            raise BadJsonError(
                'Cannot process argument because the value of argument "name" is not valid. Change the value of the '
                '"name" argument and run the operation again.',
                "Argument",
                "InvalidArgument",
                "System.Management.Automation.PSArgumentException",
            )
        made.members[name.lower()] = NoteProperty(name, value)
    return made


class _Reader:
    """One reading of a text, from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def document(self) -> object:
        """The one value of the text."""
        value = self.value()
        if self.sign():
            raise BadJsonError(f"Invalid JSON primitive: {self.text[self.at :]}.")
        return value

    def bad(self, message: str) -> BadJsonError:
        """What is wrong here, and where."""
        return BadJsonError(f"{message} ({self.at}): {self.text}")

    def sign(self) -> str:
        """The next character that is no blank, taken; empty at the end."""
        while self.at < len(self.text):
            self.at += 1
            if not self.text[self.at - 1].isspace():
                return self.text[self.at - 1]
        return ""

    def value(self) -> object:
        """The value that begins here; nothing is null."""
        sign = self.sign()
        if not sign:
            return None
        self.at -= 1
        date = _DATE.match(self.text, self.at)
        if date:
            self.at = date.end()
            return _EPOCH + timedelta(milliseconds=int(date[1]))
        if sign == "{":
            return self.members()
        if sign == "[":
            return self.items()
        return self.string() if sign in "\"'" else self.primitive()

    def members(self) -> PSObject:
        """The object that begins here."""
        self.at += 1
        pairs: list[tuple[str, object]] = []
        first = True
        while sign := self.sign():
            if sign == "}" and first:
                return _object([])
            self.at -= 1
            if sign == ":":
                raise self.bad("Invalid object passed in, member name expected.")
            name = "" if sign == "}" else self.name()
            pairs.append((name, self.value()))
            first = False
            sign = self.sign()
            if sign == "}":
                return _object(pairs)
            if sign != ",":
                raise self.bad(_BAD_OBJECT)
        raise self.bad(_BAD_OBJECT)

    def name(self) -> str:
        """A member's name, with its colon."""
        name = self.string() if self.text[self.at] in "\"'" else self.token()
        if self.sign() != ":":
            raise self.bad(_BAD_OBJECT)
        return name

    def items(self) -> list[object]:
        """The array that begins here."""
        self.at += 1
        found: list[object] = []
        more = False
        while (sign := self.sign()) and sign != "]":
            self.at -= 1
            found.append(self.value())
            sign = self.sign()
            if sign == "]":
                return found
            if sign != ",":
                raise self.bad("Invalid array passed in, ',' expected.")
            more = True
        if more:
            raise self.bad("Invalid array passed in, extra trailing ','.")
        if sign != "]":
            raise self.bad("Invalid array passed in, ']' expected.")
        return found

    def string(self) -> str:
        """The string that begins here, in double or single quotes."""
        quote = self.text[self.at]
        self.at += 1
        found: list[str] = []
        while self.at < len(self.text):
            letter = self.text[self.at]
            self.at += 1
            if letter == quote:
                return "".join(found)
            found.append(self.escape() if letter == "\\" else letter)
        raise self.bad("Unterminated string passed in.")

    def escape(self) -> str:
        """What stands behind a backslash."""
        letter = self.text[self.at : self.at + 1]
        self.at += 1
        if letter == "\\" or letter in _ESCAPES:
            return _ESCAPES.get(letter, letter)
        if letter == "u" and re.fullmatch(r"[0-9a-fA-F]{4}", self.text[self.at : self.at + 4]):
            self.at += 4
            return chr(int(self.text[self.at - 4 : self.at], 16))
        raise self.bad("Unrecognized escape sequence." if letter else "Unterminated string passed in.")

    def token(self) -> str:
        """Letters, digits and signs of a number or word."""
        match = _TOKEN.match(self.text, self.at)
        word = match[0] if match else ""
        self.at += len(word)
        return word

    def primitive(self) -> object:
        """A number, ``true``, ``false`` or ``null``."""
        word = self.token()
        if word in _WORDS:
            return _WORDS[word]
        number = _NUMBER.match(word)
        if not number:
            raise BadJsonError(f"Invalid JSON primitive: {word}.")
        return _whole(word) if word.lstrip("+-").isdigit() else _real(word)


def read_json(text: str) -> object:
    """A value of JSON text. Raises ``BadJsonError``."""
    if "\\/Date(" in text:
        return _Reader(text).document()
    try:
        return json.loads(text.strip(), object_pairs_hook=_object, parse_float=_real, parse_int=_whole)
    except json.JSONDecodeError:
        return _Reader(text).document()
