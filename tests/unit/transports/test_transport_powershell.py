"""Writing scripts: literals that read back as the value, templates, the JSON wrapper, the command line."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.transports.powershell import MAX_INLINE_UNITS, Value, command_line, fill, literal, script_json

QUOTES = "'\u2018\u2019\u201a\u201b"
TEXTS = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"))
TEXTS_WITH_QUOTES = TEXTS | st.text(alphabet=st.sampled_from(QUOTES + '"$`\u201c\u201da\n;)(#'))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | TEXTS_WITH_QUOTES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS_WITH_QUOTES, inner, max_size=3),
    max_leaves=12,
)


class LiteralReader:
    """Reads the few constructs a literal may consist of, by PowerShell's rules for quotes; anything else fails."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def read(self) -> Value:
        value = self._value()
        assert self.at == len(self.text), f"left over: {self.text[self.at :]!r}"
        return value

    def _take(self, token: str) -> bool:
        if self.text.startswith(token, self.at):
            self.at += len(token)
            return True
        return False

    def _value(self) -> Value:
        if self.text[self.at] in QUOTES:
            return self._string()
        for token, value in (("$null", None), ("$true", True), ("$false", False)):
            if self._take(token):
                return value
        if self._take("@("):
            return self._array()
        if self._take("@{"):
            return self._table()
        number = re.compile(r"\((-\d+)\)|(\d+)").match(self.text, self.at)
        assert number, self.text[self.at :]
        self.at = number.end()
        return int(number.group(1) or number.group(2))

    def _string(self) -> str:
        self.at += 1
        found = ""
        while True:
            character = self.text[self.at]
            self.at += 1
            if character in QUOTES:
                if self.at >= len(self.text) or self.text[self.at] not in QUOTES:
                    return found
                self.at += 1
            found += character

    def _array(self) -> list[Value]:
        single = self._take(",")
        found: list[Value] = []
        while not self._take(")"):
            found.append(self._value())
            self._take(",")
        assert single == (len(found) == 1)
        return found

    def _table(self) -> dict[str, Value]:
        found: dict[str, Value] = {}
        while not self._take("}"):
            key = self._string()
            assert self._take("=")
            found[key] = self._value()
            self._take(";")
        return found


@given(VALUES)
def test_a_literal_reads_back_as_the_value(value: Value) -> None:
    assert LiteralReader(literal(value)).read() == value


@pytest.mark.parametrize("bad", ["a\0b", "\ud800", float("inf"), float("nan"), ["\0"]])
def test_what_no_script_can_carry_is_refused(bad: Value) -> None:
    with pytest.raises(ValueError, match="cannot carry"):
        literal(bad)


def test_other_types_are_refused() -> None:
    with pytest.raises(TypeError, match="bytes"):
        literal(b"x")


def test_fill_puts_literals_and_nothing_else_into_a_template() -> None:
    assert fill("f <<a>> <<b>>", a="x'; rm '", b=[1]) == "f 'x''; rm ''' @(,1)"
    assert fill("<<a>>", a="<<a>>") == "'<<a>>'"


@pytest.mark.parametrize("values", [{}, {"a": 1, "b": 2}])
def test_template_and_values_must_agree(values: dict[str, Value]) -> None:
    with pytest.raises(ValueError, match="names"):
        fill("x <<a>>", **values)


def test_equal_bodies_make_equal_scripts_and_others_other_marks() -> None:
    assert script_json("Get-A") == script_json("Get-A")
    marks = {re.search(r"\[hil:(\w{8})\]", script_json(body)).group(1) for body in ("Get-A", "Get-B")}  # type: ignore[union-attr]
    assert len(marks) == 2


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=0, max_size=200), st.integers(0, 40))
def test_every_script_reaches_the_node_unchanged_within_a_command_line(text: str, repeat: int) -> None:
    script = text * repeat
    line, standard_input = command_line(script)
    assert len(line) + len("C:\\Windows\\System32\\cmd.exe /C ") < 8191
    encoded = line.rsplit(" ", 1)[1]
    inline = base64.b64decode(encoded).decode("utf-16-le")
    if standard_input is None:
        assert inline == script
        assert len(script.encode("utf-16-le")) // 2 <= MAX_INLINE_UNITS
    else:
        assert "$input" in inline
        assert base64.b64decode(standard_input).decode() == script


def test_the_longest_inline_script_fits_a_command_line() -> None:
    line, standard_input = command_line("x" * MAX_INLINE_UNITS)
    assert standard_input is None and len(line) < 8191 - 50
    assert command_line("x" * (MAX_INLINE_UNITS + 1))[1] is not None
