"""How CLIXML writes and reads texts and numbers, and how its elements are laid out in lines."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from harness.twin.shell.dateformat import kind_of
from harness.twin.shell.errors import net_error
from harness.twin.shell.numberformat import double_text
from harness.twin.shell.objects import LOCAL, Single
from harness.twin.shell.spans import LAST_TICKS, TICKS_PER_SECOND, is_last, span_of_ticks, ticks_of_span

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\U00010000-\U0010ffff]|_(?=[xX])")
_IMPOSSIBLE: Final = re.compile(r"[\ufffe\uffff]")
_ESCAPED: Final = re.compile(r"_[xX]([0-9A-Fa-f]{4})_")
_PAIR: Final = re.compile(r"([\ud800-\udbff])([\udc00-\udfff])")
_MARKUP: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_LARGEST: Final = 3.4028234663852886e38
_DATE: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,7}))?(Z|[+-]\d\d:\d\d)?")
_SPAN: Final = re.compile(r"(-)?P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d+))?S)?)?")


def _code_units(found: re.Match[str]) -> str:
    data = found.group(0)[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"_x{data[at]:02X}{data[at + 1]:02X}_" for at in range(0, len(data), 2))


def escaped(text: str, attribute: bool = False) -> str:
    """Text of CLIXML: control characters as ``_x000A_``, then XML's own escapes.

    Raises ``NetError`` for the two characters that XML cannot hold [measured].
    """
    bad = _IMPOSSIBLE.search(text)
    if bad is not None:
        code = f"{ord(bad.group(0)):X}"
        raise net_error("System.ArgumentException", f"'.', hexadecimal value 0x{code}, is an invalid character.")
    plain = _CONTROL.sub(_code_units, text)
    plain = re.sub(r"[&<>]", lambda found: _MARKUP[found.group(0)], plain)
    return plain.replace('"', "&quot;") if attribute else plain


def unescaped(text: str) -> str:
    """What an escaped text stands for; halves of a character beyond the plane are put together."""
    if "_" not in text:
        return text
    plain = _ESCAPED.sub(lambda found: chr(int(found.group(1), 16)), text)
    return _PAIR.sub(
        lambda found: found.group(0).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"), plain
    )


def element(name: str, text: str | None) -> str:
    """An element that holds a text; one without a text has no end tag."""
    return f"<{name}>{escaped(text)}</{name}>" if text else f"<{name} />"


def date_text(moment: datetime) -> str:
    """XML's form of a date."""
    parts = moment.microsecond * 10 + (LAST_TICKS if is_last(moment) else 0)
    fraction = f".{parts:07d}".rstrip("0") if parts else ""
    zone = {"Utc": "Z", "Local": "+00:00"}.get(kind_of(moment), "")
    return f"{moment:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + fraction + zone


def read_date(text: str) -> datetime:
    """A date of XML's form; an offset makes it local. Raises ``ValueError``."""
    found = _DATE.fullmatch(text.strip())
    if found is None:
        raise ValueError(text)
    year, month, day, hour, minute, second = (int(found[at]) for at in range(1, 7))
    micro = int((found[7] or "0").ljust(6, "0")[:6])
    zone = found[8]
    moment = datetime(year, month, day, hour, minute, second, micro, UTC if zone == "Z" else None)
    if zone and zone != "Z":
        hours, minutes = int(zone[1:3]), int(zone[4:])
        shift = timedelta(hours=hours, minutes=minutes)
        return (moment - shift if zone[0] == "+" else moment + shift).replace(tzinfo=LOCAL)
    return moment


def span_text(span: timedelta) -> str:
    """XML's form of a duration."""
    ticks = ticks_of_span(span)
    rest, parts = divmod(abs(ticks), TICKS_PER_SECOND)
    days, rest = divmod(rest, 86400)
    hours, minutes, seconds = rest // 3600, rest // 60 % 60, rest % 60
    fraction = f"{parts:07d}".rstrip("0") if parts else ""
    text = "P" + (f"{days}D" if days else "")
    time = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    if seconds or fraction:
        time += f"{seconds}{f'.{fraction}' if fraction else ''}S"
    if time:
        text += f"T{time}"
    if text == "P":
        text = "PT0S"
    return f"-{text}" if ticks < 0 else text


def read_span(text: str) -> timedelta:
    """A duration of XML's form. Raises ``ValueError``."""
    found = _SPAN.fullmatch(text.strip())
    if found is None or text.strip().lstrip("-") in ("P", "PT"):
        raise ValueError(text)
    days, hours, minutes, seconds = (int(found[at] or 0) for at in range(2, 6))
    whole = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    ticks = whole * TICKS_PER_SECOND + int((found[6] or "0").ljust(7, "0")[:7])
    return span_of_ticks(-ticks if found[1] else ticks)


def real_text(value: float) -> str:
    """XML's form of a real number: the shortest text that .NET Framework reads back as the same value."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "INF" if value > 0 else "-INF"
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    if not isinstance(value, Single):
        text = double_text(value, 15)
        return text if float(text) == value else double_text(value, 17)
    text = double_text(float(value), 7)
    return text if _single(float(text)) == _single(value) else double_text(float(value), 9)


def _single(value: float) -> bytes:
    return struct.pack("<f", min(max(value, -_LARGEST), _LARGEST))


def read_real(text: str) -> float:
    """A real number of XML's form. Raises ``ValueError``."""
    plain = text.strip()
    special = {"INF": math.inf, "-INF": -math.inf, "NaN": math.nan}.get(plain)
    if special is not None:
        return special
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", plain):
        raise ValueError(text)
    return float(plain)


# ------------------------------------------------------------------------------------------------------------ layout

_TOKEN: Final = re.compile(r"<[^>]*>|[^<]+")


def laid_out(xml: str, newline: str = "\r\n") -> str:
    """A document in lines, two blanks per level; an element that holds text stays on its line."""
    return "".join(_lines(xml, newline))


def _lines(xml: str, newline: str) -> Iterator[str]:
    level = 0
    nested: list[bool] = []
    for token in _TOKEN.findall(xml):
        if token.startswith("</"):
            level -= 1
            if nested.pop():
                yield f"{newline}{'  ' * level}"
        elif token.startswith("<"):
            if nested:
                nested[-1] = True
                yield f"{newline}{'  ' * level}"
            if not token.endswith("/>"):
                level += 1
                nested.append(False)
        yield token
