"""``Parse`` and ``TryParse`` of the number types, with their styles ([D] .NET reference)."""

from __future__ import annotations

import re
from typing import Final

from harness.twin.shell.conversion import INTEGERS, convert, to_integer
from harness.twin.shell.dotnet import enums
from harness.twin.shell.dotnet.registry import static
from harness.twin.shell.errors import NetError, PSError, net_error
from harness.twin.shell.objects import PSEnum, Reference
from harness.twin.shell.regional import plain_number, region_of
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import ENUMS, TypeRef

STYLES: Final = ENUMS["system.globalization.numberstyles"]
_BAD: Final = "Input string was not in a correct format."
_PARTS: Final = re.compile(r"([+-])?\$?([+-])?(\d*)((?:,\d+)*)(\.\d*)?([eE][+-]?\d+)?([+-])?$", re.ASCII)


def _digits(text: str, style: int) -> str:
    """The number that a text holds, in plain digits.  Raises ``NetError`` for what the style does not allow."""
    plain = text.lstrip() if style & 1 else text
    plain = plain.rstrip() if style & 2 else plain
    negative = bool(style & 16) and plain.startswith("(") and plain.endswith(")")
    if negative:
        plain = plain[1:-1]
    found = _PARTS.match(plain)
    if found is None or not (found[3] or found[5]) or ("$" in plain and not style & 256):
        raise net_error("System.FormatException", _BAD)
    before, after = found[1] or found[2], found[7]
    needs = ((before, 4), (after, 8), (found[4], 64), (found[5], 32), (found[6], 128))
    if any(part and not style & flag for part, flag in needs) or (before and after):
        raise net_error("System.FormatException", _BAD)
    sign = "-" if negative or "-" in (before, after) else ""
    return sign + (found[3] + found[4]).replace(",", "") + (found[5] or "") + (found[6] or "")


def _of_bits(text: str, full_name: str) -> int:
    """Hexadecimal digits; the highest bit is the sign."""
    kind, low, high = INTEGERS[full_name]
    plain = text.strip()
    if not re.fullmatch("[0-9a-fA-F]+", plain):
        raise net_error("System.FormatException", _BAD)
    number = int(plain, 16)
    if low < 0 and high < number <= high - low:
        number -= high - low + 1
    if not low <= number <= high:
        raise net_error("System.OverflowException", f"Value was either too large or too small for {_named(full_name)}.")
    return kind(number)


def _named(full_name: str) -> str:
    short = full_name.rpartition(".")[2]
    if short in ("Byte", "SByte"):
        return "an unsigned byte" if short == "Byte" else "a signed byte"
    return f"an {short}" if short[0] in "IU" else f"a {short}"


def _parsed(text: str | None, full_name: str, style: int) -> object:
    if text is None:
        raise net_error("System.ArgumentNullException", "Value cannot be null.\r\nParameter name: String")
    if style & 512:
        return _of_bits(text, full_name)
    plain = _digits(text, style)
    if full_name in INTEGERS:
        plain = plain.partition(".")[0] if not plain.partition(".")[2].strip("0") else plain
    try:
        return convert(plain, TypeRef(full_name))
    except PSError:
        text = f"Value was either too large or too small for {_named(full_name)}."
        raise net_error("System.OverflowException", text) from None


def _style_of(style: object, usual: int) -> int:
    if style is None:
        return usual
    if isinstance(style, PSEnum):
        return style.value
    return (
        STYLES(to_text(style)).value if not isinstance(style, int) else int(to_integer(style, TypeRef("System.Int32")))
    )


def _declare(full_name: str) -> None:
    usual = 7 if full_name in INTEGERS else 111 if full_name == "System.Decimal" else 231

    @static(
        full_name,
        "Parse",
        "string s",
        "string s, System.Globalization.NumberStyles style",
        "string s, CultureInfo provider",
        "string s, System.Globalization.NumberStyles style, CultureInfo provider",
    )
    def parse(text: str | None, style: object = None, provider: object = None) -> object:
        culture = style if provider is None and not isinstance(style, PSEnum) else provider
        plain = text if text is None else plain_number(region_of(culture), text)
        return _parsed(plain, full_name, _style_of(style if isinstance(style, PSEnum) else None, usual))

    @static(
        full_name,
        "TryParse",
        "string s, ref result",
        "string s, System.Globalization.NumberStyles style, object provider, ref result",
    )
    def try_parse(text: str | None, *rest: object) -> bool:
        result = rest[-1]
        assert isinstance(result, Reference)  # noqa: S101 - the overload says so
        plain = text if text is None or len(rest) == 1 else plain_number(region_of(rest[1]), text)
        try:
            result.setter(_parsed(plain, full_name, _style_of(rest[0] if len(rest) > 1 else None, usual)))
        except NetError:
            result.setter(convert(0, TypeRef(full_name)))
            return False
        return True


for _full in (*INTEGERS, "System.Double", "System.Single", "System.Decimal"):
    _declare(_full)

__all__ = ["enums"]
