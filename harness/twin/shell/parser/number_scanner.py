"""Scanning of numeric literals."""

from __future__ import annotations

from harness.twin.shell.ast import NumberKind
from harness.twin.shell.parser.characters import (
    DASHES,
    DIGIT_RUN,
    FORCED_STARTS,
    HEX_RUN,
    NUMBER_ENDS,
    is_decimal_digit,
)
from harness.twin.shell.parser.cursor import Mode
from harness.twin.shell.parser.numbers import MULTIPLIERS, Literal
from harness.twin.shell.parser.strings import StringScanner
from harness.twin.shell.parser.tokens import NUMBER, Token


class NumberScanner(StringScanner):
    """Adds numbers. What begins like a number and goes on like a word is a word."""

    def scan_number(self, first: str) -> Token:
        """A number (or word) whose first character has been passed."""
        literal = self._literal(first)
        value = literal.value() if literal else None
        if literal is None or (value is None and self.mode is not Mode.EXPRESSION):
            self.pos = self.token_start
            return self.scan_generic("")
        if value is None:
            self.report(self.pos, self.pos + 1, "BadNumericConstant", self.text[self.token_start : self.pos])
            value = (0, NumberKind.INT32)
        token = self.make_token(NUMBER)
        token.number = value
        return token

    def integer_token(self, value: int) -> Token:
        """A token for a small number already passed."""
        token = self.make_token(NUMBER)
        token.number = (value, NumberKind.INT32)
        return token

    def is_number_ahead(self) -> bool:
        """Whether a number stands at the cursor; nothing is passed."""
        saved = self.pos
        self.pos += 1
        found = self._literal(self.text[saved])
        self.pos = saved
        return found is not None

    def _run(self, run: str) -> str:
        start = self.pos
        self.pos = (HEX_RUN if run == "hex" else DIGIT_RUN)(self.text, start).end()
        return self.text[start : self.pos]

    def _literal(self, first: str) -> Literal | None:
        sign = ""
        if first in DASHES or first == "+":
            sign = "-" if first in DASHES else ""
            first = self.peek()
            self.pos += 1
        hexadecimal = real = False
        if first == ".":
            digits, real = (self._fraction("0.") if is_decimal_digit(self.peek()) else ""), True
        elif first == "0" and self.peek() in ("x", "X"):
            self.pos += 1
            digits, hexadecimal = self._run("hex"), True
        else:
            digits = first + self._run("decimal")
            if self.peek() == "." and self.peek(1) != ".":
                self.pos += 1
                digits, real = self._fraction(digits + "."), True
            elif self.peek() in ("e", "E"):
                digits, real = self._exponent(digits), True
        suffix, multiplier = self._suffix(), self._multiplier()
        cut_exponent = real and digits.endswith("e")
        if not digits or cut_exponent or not multiplier or not self._ends_here():
            return None
        return Literal(sign + digits, hexadecimal, real, suffix, multiplier)

    def _fraction(self, digits: str) -> str:
        digits += self._run("decimal")
        return self._exponent(digits) if self.peek() in ("e", "E") else digits

    def _exponent(self, digits: str) -> str:
        """Digits with an exponent, ending in ``e`` when the exponent has no digits."""
        self.pos += 1
        sign = self.peek()
        if sign == "+" or sign in DASHES:
            self.pos += 1
        power = self._run("decimal")
        return f"{digits}e{'-' if sign in DASHES else ''}{power}" if power else digits + "e"

    def _suffix(self) -> str:
        char = self.peek().lower()
        if char not in ("d", "l"):
            return ""
        self.pos += 1
        return char

    def _multiplier(self) -> int:
        """The multiplier, 0 when it begins but is none."""
        factor = MULTIPLIERS.get(self.peek().lower())
        if factor is None:
            return 1
        if self.peek(1).lower() != "b":
            return 0
        self.pos += 2
        return factor

    def _ends_here(self) -> bool:
        return self.peek() in (NUMBER_ENDS if self.mode is Mode.EXPRESSION else FORCED_STARTS)
