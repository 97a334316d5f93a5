"""Text in one given format to a date (``ParseExact``), as .NET reads it in en-US."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from harness.twin.shell.dateformat import DAYS, MONTHS, PATTERNS
from harness.twin.shell.objects import LOCAL

ADJUST_TO_UNIVERSAL: Final = 16
ASSUME_LOCAL: Final = 32
ASSUME_UNIVERSAL: Final = 64
ROUND_TRIP: Final = 128
_WHITE: Final = 7
_TOKEN: Final = re.compile(r"\\(.)|'([^']*)'|\"([^\"]*)\"|%?(d+|M+|y+|h+|H+|m+|s+|f+|F+|t+|z+|K)|(.)", re.DOTALL)
_ZONE: Final = r"(?P<zone>Z|[+-]\d{1,2}(?::?\d{2})?)"


def _names(names: tuple[str, ...], length: int | None = None) -> str:
    return "|".join(name[:length] for name in names)


def _digits(letter: str, width: int) -> str:
    least, most = (1, 2) if width == 1 else (2, 2)
    return rf"(?P<{letter}>\d{{{least},{most}}})"


_PIECES: Final[dict[str, Callable[[int], str]]] = {
    "d": lambda n: _digits("day", n) if n < 3 else f"(?:{_names(DAYS, 3 if n == 3 else None)})",
    "M": lambda n: _digits("month", n) if n < 3 else f"(?P<name>{_names(MONTHS, 3 if n == 3 else None)})",
    "y": lambda n: rf"(?P<year>\d{{{1 if n == 1 else 2},2}})" if n < 3 else rf"(?P<year>\d{{{n}}})",
    "h": lambda n: _digits("half", n),
    "H": lambda n: _digits("hour", n),
    "m": lambda n: _digits("minute", n),
    "s": lambda n: _digits("second", n),
    "f": lambda n: rf"(?P<fraction>\d{{{n}}})",
    "F": lambda n: rf"(?P<fraction>\d{{0,{n}}})",
    "t": lambda n: "(?P<noon>[AP])" if n == 1 else "(?P<noon>[AP]M)",
    "z": lambda _n: _ZONE,
    "K": lambda _n: f"{_ZONE}?",
}


def _expression(code: str) -> str:
    pattern = PATTERNS.get(code, code) if len(code) == 1 else code
    pieces = []
    for match in _TOKEN.finditer(pattern):
        escaped, single, double, token, other = match.groups()
        if token:
            pieces.append(_PIECES[token[0]](len(token)))
        else:
            pieces.append(re.escape(next(part for part in (escaped, single, double, other) if part is not None)))
    return "".join(pieces)


def parse_exact(text: str, code: str, today: datetime, styles: int = 0) -> datetime | None:
    """The date, or ``None`` when the text is not in that format.  ``today`` gives what the format leaves out."""
    plain = text.strip() if styles & _WHITE else text
    try:
        found = re.fullmatch(_expression(code), plain, re.IGNORECASE | re.ASCII)
    except re.error:  # the same part twice: .NET wants both to agree, which no usual format asks for
        return None
    if found is None:
        return None
    parts = {name: value for name, value in found.groupdict().items() if value is not None}
    try:
        return _zoned(_moment(parts, today), parts.get("zone"), styles, utc=code in ("u", "r", "R"))
    except ValueError:
        return None


def _moment(parts: dict[str, str], today: datetime) -> datetime:
    month = int(parts.get("month", 0))
    if "name" in parts:
        month = next(at for at, full in enumerate(MONTHS, 1) if full.lower().startswith(parts["name"].lower()))
    year = int(parts["year"]) if "year" in parts else today.year
    if "year" in parts and len(parts["year"]) < 3:
        year += 2000 if year < 30 else 1900
    dated = bool(month or "day" in parts or "year" in parts)
    hour = int(parts.get("hour", parts.get("half", 0)))
    if "noon" in parts:
        hour = hour % 12 + (12 if parts["noon"][0].lower() == "p" else 0)
    fraction = int((parts.get("fraction") or "0").ljust(7, "0")) // 10
    return datetime(  # noqa: DTZ001 - an unspecified kind
        year,
        month or (1 if dated else today.month),
        int(parts.get("day", 1 if dated else today.day)),
        hour,
        int(parts.get("minute", 0)),
        int(parts.get("second", 0)),
        fraction,
    )


def _zoned(moment: datetime, zone: str | None, styles: int, utc: bool) -> datetime:
    """The kind of the result: what a zone, a style or the format itself says of it."""
    if zone is not None and zone[0] in "+-":
        digits = zone[1:].replace(":", "")
        hours, minutes = (int(digits), 0) if len(digits) <= 2 else (int(digits[:-2]), int(digits[-2:]))
        offset = timedelta(hours=hours, minutes=minutes)
        moment -= offset if zone[0] == "+" else -offset
    if zone is None and not styles & (ASSUME_LOCAL | ASSUME_UNIVERSAL):
        return moment
    return with_styles(moment, styles, utc or (zone in ("Z", "z") and bool(styles & ROUND_TRIP)))


def with_styles(moment: datetime, styles: int, utc: bool = False) -> datetime:
    """A moment as the styles want it: universal, or local time (the clock of a lab machine shows the same)."""
    return moment.replace(tzinfo=UTC if utc or styles & ADJUST_TO_UNIVERSAL else LOCAL)
