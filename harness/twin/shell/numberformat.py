"""Numbers as text: .NET Framework's default forms and its format strings, in en-US."""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Final

from harness.twin.shell.objects import Byte, Int16, Int64, SByte, Single, UInt16, UInt32, UInt64

_BITS: Final[dict[type, int]] = {Byte: 8, SByte: 8, Int16: 16, UInt16: 16, int: 32, UInt32: 32, Int64: 64, UInt64: 64}
_STANDARD: Final = re.compile(r"^([A-Za-z])(\d{0,2})$")

_UNKNOWN_CODE: Final = "Format specifier was invalid."


class BadFormatError(Exception):
    """A format string that .NET rejects (``FormatException``)."""

    def __init__(self, reason: str = "Input string was not in a correct format.") -> None:
        super().__init__(reason)


def double_text(value: float, digits: int = 15) -> str:
    """A double as the console shows it: 15 significant digits (``G15``), 7 for a single."""
    if isinstance(value, Single):
        digits = 7
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == 0:
        return "0"
    mantissa, exponent_text = f"{value:.{digits - 1}e}".split("e")
    exponent = int(exponent_text)
    sign = "-" if mantissa[0] == "-" else ""
    figures = mantissa.lstrip("-").replace(".", "").rstrip("0")
    if -5 < exponent < digits:
        if exponent < 0:
            return f"{sign}0.{'0' * (-exponent - 1)}{figures}"
        whole = figures[: exponent + 1].ljust(exponent + 1, "0")
        rest = figures[exponent + 1 :]
        return f"{sign}{whole}.{rest}" if rest else f"{sign}{whole}"
    tail = f".{figures[1:]}" if len(figures) > 1 else ""
    return f"{sign}{figures[0]}{tail}E{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def decimal_text(value: Decimal) -> str:
    """A decimal with the zeros it carries."""
    return f"{value:f}"


def number_text(value: int | float | Decimal) -> str:
    """Any number as text."""
    if isinstance(value, float):
        return double_text(value)
    return decimal_text(value) if isinstance(value, Decimal) else str(int(value))


def as_decimal(value: int | float | Decimal) -> Decimal:
    """The exact decimal of a number; of a double what its 15 digits say, of a single its 7."""
    digits = 7 if isinstance(value, Single) else 15
    return Decimal(f"{value:.{digits}g}") if isinstance(value, float) else Decimal(value)


def rounded(value: Decimal, places: int) -> Decimal:
    """Half away from zero."""
    with localcontext() as context:
        context.prec = max(60, value.adjusted() + places + 2)
        return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def _grouped(digits: str) -> str:
    return f"{int(digits):,}" if digits else "0"


def _fixed(value: Decimal, places: int, grouping: bool) -> str:
    short = rounded(value.copy_abs(), places)
    whole, _, rest = f"{short:f}".partition(".")
    text = _grouped(whole) if grouping else whole
    if places:
        text += "." + rest.ljust(places, "0")
    return f"-{text}" if value < 0 and short != 0 else text


def _scientific(value: Decimal, letter: str, places: int) -> str:
    if value == 0:
        mantissa, exponent = Decimal(0), 0
    else:
        exponent = value.adjusted()
        mantissa = rounded(value.scaleb(-exponent), places)
        if abs(mantissa) >= 10:
            exponent += 1
            mantissa = rounded(value.scaleb(-exponent), places)
    sign = "-" if exponent < 0 else "+"
    return f"{mantissa:.{places}f}{letter}{sign}{abs(exponent):03d}"


def _general(value: int | float | Decimal, letter: str, digits: int) -> str:
    if digits == 0:
        return number_text(value)
    if isinstance(value, float):
        return double_text(float(value), digits)
    text = double_text(float(value), digits)
    return text.replace("E", letter.upper() if letter.isupper() else "e") if "E" in text else text


def _hexadecimal(value: int | float | Decimal, letter: str, digits: int) -> str:
    if isinstance(value, float | Decimal):
        raise BadFormatError(_UNKNOWN_CODE)
    number = int(value)
    if number < 0:
        kind = type(value)
        bits = _BITS.get(kind, 64)
        if kind is int and number < -(2**31):
            bits = 64
        number += 1 << bits
    return f"{number:{letter}}".rjust(digits, "0")


def format_number(value: int | float | Decimal, code: str) -> str:
    """A number in a format string. Raises ``BadFormatError``."""
    if not code:
        return number_text(value)
    found = _STANDARD.match(code)
    if isinstance(value, float) and (math.isnan(value) or math.isinf(value)):
        return double_text(value)
    if found is None:
        return format_custom(as_decimal(value), code)
    letter, digits = found.group(1), int(found.group(2) or -1)
    places = 2 if digits < 0 else digits
    kind = letter.upper()
    if kind == "D":
        if isinstance(value, float | Decimal):
            raise BadFormatError(_UNKNOWN_CODE)
        text = str(abs(int(value))).rjust(max(digits, 0), "0")
        return f"-{text}" if value < 0 else text
    if kind == "X":
        return _hexadecimal(value, letter, max(digits, 0))
    if kind in "GR":
        return _general(value, letter, 0 if kind == "R" else max(digits, 0))
    exact = as_decimal(value)
    if kind in "NF":
        return _fixed(exact, places, kind == "N")
    if kind == "P":
        return _fixed(exact * 100, places, True) + "%"
    if kind == "C":
        text = _fixed(exact.copy_abs(), places, True)
        return f"(${text})" if exact < 0 else f"${text}"
    if kind == "E":
        return _scientific(exact, letter, 6 if digits < 0 else digits)
    raise BadFormatError(_UNKNOWN_CODE)


def _sections(code: str) -> list[str]:
    sections, current, quote = [], "", ""
    position = 0
    while position < len(code):
        letter = code[position]
        if letter == "\\":
            current += code[position : position + 2]
            position += 2
            continue
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter == ";":
            sections.append(current)
            current = ""
            position += 1
            continue
        current += letter
        position += 1
    return [*sections, current]


_PIECE: Final = re.compile(r"\\(.)|'([^']*)'|\"([^\"]*)\"|([Ee][+-]?0+)|(.)", re.DOTALL)


def _pieces(code: str) -> list[tuple[str, str]]:
    """Literal text and placeholders of one section."""
    found = []
    for match in _PIECE.finditer(code):
        escaped, single, double, exponent, letter = match.groups()
        literal = escaped or single or double
        if literal is not None and letter is None and exponent is None:
            found.append(("text", literal))
        elif exponent:
            found.append(("exponent", exponent))
        elif letter is not None:
            found.append((letter if letter in "0#.,%‰" else "text", letter))
    return found


def format_custom(value: Decimal, code: str) -> str:
    """A number in a custom format (``0.00``, ``#,##0``, ``+0;-0;zero``)."""
    sections = _sections(code)
    negative = value < 0
    section = sections[0]
    if len(sections) > 2 and value == 0 and sections[2]:
        section = sections[2]
    elif len(sections) > 1 and negative and sections[1]:
        section, value, negative = sections[1], -value, False
    pieces = _pieces(section)
    kinds = [kind for kind, _ in pieces]
    value *= Decimal(100) ** kinds.count("%") * Decimal(1000) ** kinds.count("‰")
    point = kinds.index(".") if "." in kinds else len(kinds)
    before, after = kinds[:point], kinds[point + 1 :]
    places = sum(kind in "0#" for kind in after)
    value, grouping = _scaled(value, kinds, point)
    if "exponent" in kinds:
        text = _exponential(pieces, value.copy_abs(), sum(kind in "0#" for kind in before), places)
        return f"-{text}" if negative else text
    short = rounded(value.copy_abs(), places)
    if len(sections) > 2 and short == 0 and section is sections[0] and sections[2]:
        return format_custom(Decimal(0), sections[2])
    text = _place(pieces, point, short, grouping, places)
    return f"-{text}" if negative and short != 0 else text


def _scaled(value: Decimal, kinds: list[str], point: int) -> tuple[Decimal, bool]:
    """What commas do: right before the point (or at the end) each divides by 1000, between digits they group."""
    digits = "".join(kind for kind in kinds if kind in ("0", "#", ",", "."))
    before, _, after = digits.partition(".")
    scale = len(before) - len(before.rstrip(",")) + len(after) - len(after.rstrip(","))
    return value.scaleb(-3 * scale), "," in before.strip(",")


def _exponential(pieces: list[tuple[str, str]], value: Decimal, whole: int, places: int) -> str:
    """A section with ``E+0``: as many digits before the point as it has places there."""
    exponent = value.adjusted() - max(whole, 1) + 1 if value else 0
    mantissa = rounded(value.scaleb(-exponent), places)
    if value and mantissa.adjusted() >= max(whole, 1):
        exponent += 1
        mantissa = rounded(value.scaleb(-exponent), places)
    at = [kind for kind, _ in pieces].index("exponent")
    mark = pieces[at][1]
    sign = "-" if exponent < 0 else "+" if "+" in mark else ""
    tail = f"{mark[0]}{sign}{abs(exponent):0{mark.count('0')}d}"
    digits = "".join(kind if kind in "0#." else "" for kind, _ in pieces[:at])
    literal = "".join(text for kind, text in pieces[at + 1 :] if kind == "text")
    return format_custom(mantissa, digits or "0") + tail + literal


def _place(pieces: list[tuple[str, str]], point: int, short: Decimal, grouping: bool, places: int) -> str:
    whole, _, rest = f"{short:.{places}f}".partition(".")
    whole = whole.lstrip("0")
    slots = [kind for kind, _ in pieces[:point] if kind in "0#"]
    first_zero = slots.index("0") if "0" in slots else len(slots)
    whole = whole.rjust(len(slots) - first_zero, "0")
    shown = list(whole)
    if grouping:
        shown = [
            digit + ("," if (left := len(whole) - 1 - at) and left % 3 == 0 else "") for at, digit in enumerate(whole)
        ]
    extra = max(len(shown) - len(slots), 0)
    result, slot, started = "", 0, False
    for kind, text in pieces[:point]:
        if kind in "0#":
            if not started:
                result += "".join(shown[:extra])
                started = True
            index = slot - len(slots) + len(shown)
            result += shown[index] if index >= 0 else ""
            slot += 1
        elif kind in ("text", "%", "‰"):
            result += text
    last_zero = max(
        (at for at, (kind, _) in enumerate(k for k in pieces[point + 1 :] if k[0] in "0#") if kind == "0"), default=-1
    )
    kept = rest[: max(last_zero + 1, len(rest.rstrip("0")))]
    if kept:
        result += "."
    taken = 0
    for kind, text in pieces[point + 1 :]:
        if kind in "0#":
            result += kept[taken] if taken < len(kept) else ""
            taken += 1
        elif kind in ("text", "%", "‰"):
            result += text
    return result
