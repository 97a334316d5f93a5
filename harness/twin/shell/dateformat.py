"""Dates and time spans as text, in the patterns that Windows ships for en-US."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from harness.twin.shell.numberformat import BadFormatError
from harness.twin.shell.objects import LOCAL
from harness.twin.shell.spans import LAST_TICKS, TICKS_PER_SECOND, is_last, span_of_ticks, ticks_of_span

MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
DAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")

PATTERNS: Final[dict[str, str]] = {
    "d": "M/d/yyyy",
    "D": "dddd, MMMM d, yyyy",
    "t": "h:mm tt",
    "T": "h:mm:ss tt",
    "f": "dddd, MMMM d, yyyy h:mm tt",
    "F": "dddd, MMMM d, yyyy h:mm:ss tt",
    "g": "M/d/yyyy h:mm tt",
    "G": "M/d/yyyy h:mm:ss tt",
    "m": "MMMM d",
    "M": "MMMM d",
    "y": "MMMM yyyy",
    "Y": "MMMM yyyy",
    "s": "yyyy'-'MM'-'dd'T'HH':'mm':'ss",
    "u": "yyyy'-'MM'-'dd HH':'mm':'ss'Z'",
    "r": "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'",
    "R": "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'",
    "o": "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK",
    "O": "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK",
    "U": "dddd, MMMM d, yyyy h:mm:ss tt",
}
INVARIANT: Final = "MM/dd/yyyy HH:mm:ss"
_TOKEN: Final = re.compile(
    r"\\(.)|'([^']*)'|\"([^\"]*)\"|%?(d+|M+|y+|h+|H+|m+|s+|f+|F+|t+|z+|K|g+)|(.)",
    re.DOTALL,
)


def ticks_of(moment: datetime) -> int:
    """100-nanosecond steps since year 1, of the clock's reading."""
    span = moment.replace(tzinfo=None) - datetime(1, 1, 1)  # noqa: DTZ001 - a reading without a zone
    whole = (span.days * 86400 + span.seconds) * TICKS_PER_SECOND + span.microseconds * 10
    return whole + LAST_TICKS if is_last(moment) else whole


def kind_of(moment: datetime) -> str:
    """``Unspecified``, ``Utc`` or ``Local``."""
    if moment.tzinfo is None:
        return "Unspecified"
    return "Local" if moment.tzinfo is LOCAL else "Utc"


def _fraction(moment: datetime, digits: int) -> str:
    return f"{moment.microsecond * 10 + (LAST_TICKS if is_last(moment) else 0):07d}"[:digits]


def _zone(moment: datetime, token: str) -> str:
    if token == "K":  # noqa: S105 - a format letter
        return {"Utc": "Z", "Local": "+00:00"}.get(kind_of(moment), "")
    return {"z": "+0", "zz": "+00"}.get(token, "+00:00")


def _token(moment: datetime, token: str) -> str:
    letter, width = token[0], len(token)
    if letter == "d" and width > 2:
        name = DAYS[(moment.weekday() + 1) % 7]
        return name if width > 3 else name[:3]
    if letter == "M" and width > 2:
        name = MONTHS[moment.month - 1]
        return name if width > 3 else name[:3]
    if letter == "y":
        return str(moment.year).rjust(width, "0") if width > 2 else str(moment.year % 100).rjust(width, "0")
    if letter == "f":
        return _fraction(moment, width)
    if letter == "F":
        return _fraction(moment, width).rstrip("0")
    if letter == "t":
        return ("AM" if moment.hour < 12 else "PM")[: 1 if width == 1 else 2]
    if letter in "zK":
        return _zone(moment, token)
    if letter == "g":
        return "A.D."
    number = {
        "d": moment.day,
        "M": moment.month,
        "H": moment.hour,
        "h": moment.hour % 12 or 12,
        "m": moment.minute,
        "s": moment.second,
    }[letter]
    return str(number).rjust(min(width, 2), "0")


def format_date(moment: datetime, code: str = "G") -> str:
    """A date in a standard or custom format. Raises ``BadFormatError``."""
    code = code or "G"
    if len(code) == 1:
        pattern = PATTERNS.get(code)
        if pattern is None:
            raise BadFormatError
        code = pattern
    pieces: list[str] = []
    for match in _TOKEN.finditer(code):
        escaped, single, double, token, other = match.groups()
        if token:
            text = _token(moment, token)
            if token[0] == "F" and not text and pieces and pieces[-1] == ".":
                pieces.pop()
            pieces.append(text)
        else:
            pieces.append(next((part for part in (escaped, single, double, other) if part is not None), ""))
    return "".join(pieces)


def _span_parts(span: timedelta) -> tuple[bool, int, int, int, int, int]:
    ticks = ticks_of_span(span)
    negative, ticks = ticks < 0, abs(ticks)
    seconds, fraction = divmod(ticks, TICKS_PER_SECOND)
    days, seconds = divmod(seconds, 86400)
    return negative, days, seconds // 3600, seconds // 60 % 60, seconds % 60, fraction


def span_parts(span: timedelta) -> tuple[int, int, int, int, int]:
    """Days, hours, minutes, seconds, milliseconds, each with the sign of the span."""
    negative, days, hours, minutes, seconds, fraction = _span_parts(span)
    sign = -1 if negative else 1
    return sign * days, sign * hours, sign * minutes, sign * seconds, sign * (fraction // 10_000)


_SPAN_TOKEN: Final = re.compile(r"\\(.)|'([^']*)'|\"([^\"]*)\"|%?(d+|h+|m+|s+|f+|F+)|(.)", re.DOTALL)


def format_span(span: timedelta, code: str = "c") -> str:
    """A span in a standard or custom format; literal characters must be escaped. Raises ``BadFormatError``."""
    negative, days, hours, minutes, seconds, fraction = _span_parts(span)
    sign = "-" if negative else ""
    if code in ("", "c", "t", "T"):
        text = f"{hours:02d}:{minutes:02d}:{seconds:02d}" + (f".{fraction:07d}" if fraction else "")
        return f"{sign}{days}.{text}" if days else sign + text
    if code == "g":
        rest = f".{fraction:07d}".rstrip("0") if fraction else ""
        return f"{sign}{f'{days}:' if days else ''}{hours}:{minutes:02d}:{seconds:02d}{rest}"
    if code == "G":
        return f"{sign}{days}:{hours:02d}:{minutes:02d}:{seconds:02d}.{fraction:07d}"
    if len(code) == 1:
        raise BadFormatError
    numbers = {"d": days, "h": hours, "m": minutes, "s": seconds}
    pieces = []
    for match in _SPAN_TOKEN.finditer(code):
        escaped, single, double, token, other = match.groups()
        if other is not None:
            raise BadFormatError
        if token and token[0] in "fF":
            digits = f"{fraction:07d}"[: len(token)]
            pieces.append(digits if token[0] == "f" else digits.rstrip("0"))
        elif token:
            pieces.append(str(numbers[token[0]]).rjust(len(token), "0"))
        else:
            pieces.append(next(part for part in (escaped, single, double) if part is not None))
    return "".join(pieces)


__all__ = [
    "DAYS",
    "INVARIANT",
    "MONTHS",
    "PATTERNS",
    "TICKS_PER_SECOND",
    "format_date",
    "format_span",
    "kind_of",
    "span_of_ticks",
    "span_parts",
    "ticks_of",
    "ticks_of_span",
]
