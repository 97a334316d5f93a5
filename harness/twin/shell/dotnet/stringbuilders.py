"""``[Text.StringBuilder]``."""

from __future__ import annotations

from typing import Final

from harness.twin.shell.dotnet.registry import constructor, method, prop
from harness.twin.shell.errors import net_error
from harness.twin.shell.objects import NOTHING, Char
from harness.twin.shell.text import net_text, register_text
from harness.twin.shell.textops import format_text
from harness.twin.shell.typesystem import register_value_type

BUILDER: Final = "System.Text.StringBuilder"
_LEAST: Final = 16


class StringBuilder:
    """A text that grows; room doubles when it is used up."""

    __slots__ = ("room", "text")

    def __init__(self, text: str = "", room: int = _LEAST) -> None:
        self.text = text
        self.room = max(room or _LEAST, len(text))

    def put(self, text: str) -> StringBuilder:
        """Replace the text."""
        self.text = text
        if len(text) > self.room:
            self.room = max(len(text), self.room * 2)
        return self

    def add(self, more: str) -> StringBuilder:
        """Append."""
        return self.put(self.text + more)


@constructor(BUILDER, "", "string value", "int capacity", "string value, int capacity", "int capacity, int maxCapacity")
def new_builder(first: object = "", second: int = 0) -> StringBuilder:
    """With a text, with room, or with both."""
    if isinstance(first, int):
        return StringBuilder("", first)
    return StringBuilder(first if isinstance(first, str) else "", second)


def _set_length(this: StringBuilder, value: object) -> None:
    size = int(net_text(value))
    this.put(this.text[:size].ljust(size, "\0"))


def _range(this: StringBuilder, start: int, count: int) -> None:
    if start < 0 or count < 0 or start + count > len(this.text):
        raise net_error(
            "System.ArgumentOutOfRangeException",
            "Index was out of range. Must be non-negative and less than the size of the collection.\r\n"
            "Parameter name: index",
        )


register_value_type(StringBuilder, BUILDER)
register_text(StringBuilder, lambda value: value.text if isinstance(value, StringBuilder) else "")
prop(StringBuilder, "Capacity", lambda this: this.room)
prop(StringBuilder, "MaxCapacity", lambda _this: 2**31 - 1)
prop(StringBuilder, "Length", lambda this: len(this.text), _set_length)
method(StringBuilder, "Append", "object value", "char value, int repeatCount")(
    lambda this, value, count=1: this.add(net_text(value) * count)
)
method(StringBuilder, "AppendLine", "", "string value")(lambda this, value="": this.add((value or "") + "\r\n"))
method(StringBuilder, "AppendFormat", "string format, params object[] args")(
    lambda this, code, values: this.add(format_text(code, values))
)
method(StringBuilder, "ToString")(lambda this: this.text)
method(StringBuilder, "ToString", "int startIndex, int length")(lambda this, at, count: this.text[at : at + count])
method(StringBuilder, "Clear")(lambda this: this.put(""))
method(StringBuilder, "Replace", "string oldValue, string newValue", "char oldChar, char newChar")(
    lambda this, old, new: this.put(this.text.replace(old, new or ""))
)
method(StringBuilder, "EnsureCapacity", "int capacity")(lambda this, _room: this.room)
method(StringBuilder, "Equals", "object obj")(lambda this, other: this is other)


@method(StringBuilder, "Insert", "int index, object value")
def insert(this: StringBuilder, at: int, value: object) -> StringBuilder:
    """Put a text in."""
    _range(this, at, 0)
    return this.put(this.text[:at] + net_text(value) + this.text[at:])


@method(StringBuilder, "Remove", "int startIndex, int length")
def remove(this: StringBuilder, at: int, count: int) -> StringBuilder:
    """Take a part out."""
    _range(this, at, count)
    return this.put(this.text[:at] + this.text[at + count :])


@method(StringBuilder, "get_Item", "int index")
def character(this: StringBuilder, at: int) -> Char:
    """One character."""
    _range(this, at, 1)
    return Char(this.text[at])


method(StringBuilder, "get_Chars", "int index")(character)
method(StringBuilder, "Chars", "int index")(character)


@method(StringBuilder, "set_Item", "int index, char value")
def set_character(this: StringBuilder, at: int, value: str) -> object:
    """Replace one character."""
    _range(this, at, 1)
    this.put(this.text[:at] + value + this.text[at + 1 :])
    return NOTHING
