"""Text to dates and time spans, as .NET reads it in en-US."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from harness.twin.shell.dateformat import DAYS, MONTHS
from harness.twin.shell.objects import LOCAL

_TIME: Final = (
    r"(?P<h>\d{1,2}):(?P<mi>\d{1,2})(?::(?P<s>\d{1,2})(?:[.,](?P<f>\d{1,7})\d*)?)?\s*(?P<ap>[AaPp]\.?[Mm]\.?|[AaPp])?"
)
_HOUR: Final = r"(?P<h>\d{1,2})\s*(?P<ap>[AaPp][Mm])"
_ZONE: Final = r"\s*(?P<z>Z|GMT|UTC|[+-]\d{1,2}(?::?\d{2})?)?"
_MONTH: Final = r"(?P<mon>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATES: Final = (
    r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})",
    r"(?P<m>\d{1,2})[-/.](?P<d>\d{1,2})[-/.](?P<y>\d{4}|\d{2})",
    rf"{_MONTH}\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<y>\d{{4}})",
    rf"(?P<d>\d{{1,2}})[\s-]{_MONTH}[\s,-]\s*(?P<y>\d{{4}}|\d{{2}})",
    rf"(?P<y>\d{{4}})\s+{_MONTH}\s+(?P<d>\d{{1,2}})",
    rf"{_MONTH}\s+(?P<y>\d{{4}})",
    rf"{_MONTH}\s+(?P<d>\d{{1,2}})",
    r"(?P<m>\d{1,2})[-/](?P<d>\d{1,2})",
    r"(?P<y>\d{4})[-/](?P<m>\d{1,2})",
)
_PATTERNS: Final = tuple(
    re.compile(rf"^{date}(?:(?:\s+|T|,\s*)(?:{time}){_ZONE})?$", re.IGNORECASE)
    for date in _DATES
    for time in (_TIME, _HOUR)
)
_TIME_ONLY: Final = tuple(re.compile(rf"^(?:{time}){_ZONE}$", re.IGNORECASE) for time in (_TIME, _HOUR))
_DAY_NAME: Final = re.compile(rf"^(?:{'|'.join(DAYS)}|{'|'.join(day[:3] for day in DAYS)}),?\s+", re.IGNORECASE)


def parse_date(text: str, today: datetime) -> datetime | None:
    """A date, or ``None`` when .NET would not read it. ``today`` completes texts without a date or a year."""
    plain = _DAY_NAME.sub("", text.strip())
    for pattern in _PATTERNS:
        match = pattern.match(plain)
        if match:
            made = _made(match.groupdict(), today)
            if made is not None:
                return made
    for pattern in _TIME_ONLY:
        match = pattern.match(plain)
        if match:
            parts = {"y": str(today.year), "m": str(today.month), "d": str(today.day), **match.groupdict()}
            return _made(parts, today)
    return None


def _year(text: str | None, today: datetime) -> int:
    if text is None:
        return today.year
    year = int(text)
    if len(text) > 2:
        return year
    return year + (2000 if year < 30 else 1900)


def _hour(parts: dict[str, str | None]) -> int | None:
    hour = int(parts.get("h") or 0)
    half = (parts.get("ap") or "").lower()
    if not half:
        return hour
    if not 1 <= hour <= 12:
        return None
    return hour % 12 + (12 if half[0] == "p" else 0)


def _made(parts: dict[str, str | None], today: datetime) -> datetime | None:
    name = parts.get("mon")
    month = (
        next(at for at, full in enumerate(MONTHS, 1) if full.lower().startswith(name.lower()))
        if name
        else int(parts.get("m") or 1)
    )
    hour = _hour(parts)
    if hour is None:
        return None
    fraction = int((parts.get("f") or "0").ljust(7, "0")) // 10
    try:
        moment = datetime(  # noqa: DTZ001 - an unspecified kind
            _year(parts.get("y"), today),
            month,
            int(parts.get("d") or 1),
            hour,
            int(parts.get("mi") or 0),
            int(parts.get("s") or 0),
            fraction,
        )
    except ValueError:
        return None
    zone = parts.get("z")
    return moment if not zone else _shifted(moment, zone)


def _shifted(moment: datetime, zone: str) -> datetime:
    """A text with a zone becomes local time."""
    if zone[0] in "+-":
        digits = zone[1:].replace(":", "")
        hours, minutes = (int(digits), 0) if len(digits) <= 2 else (int(digits[:-2]), int(digits[-2:]))
        offset = timedelta(hours=hours, minutes=minutes)
        moment -= offset if zone[0] == "+" else -offset
    return moment.replace(tzinfo=LOCAL)


_SPAN: Final = re.compile(
    r"^\s*(?P<sign>-)?(?:(?P<d>\d+)[.:](?=\d+:\d+:\d+))?(?:(?P<h>\d+):(?P<mi>\d+)(?::(?P<s>\d+)(?:\.(?P<f>\d{1,7}))?)?|(?P<days>\d+))\s*$"
)


class SpanOverflowError(Exception):
    """A part of a time span is out of range (``OverflowException``)."""


def parse_span(text: str) -> timedelta | None:
    """A time span, or ``None`` when .NET would not read it. Raises ``SpanOverflowError``."""
    match = _SPAN.match(text)
    if match is None:
        dayed = re.match(r"^\s*(-)?(\d+)\.(\d+):(\d+)\s*$", text)
        if dayed is None:
            return None
        days, hours, minutes = (int(part) for part in dayed.groups()[1:])
        span = timedelta(days=days, hours=hours, minutes=minutes)
        return -span if dayed.group(1) else span
    parts = match.groupdict()
    if parts["days"] is not None:
        span = timedelta(days=int(parts["days"]))
    else:
        hours, minutes, seconds = int(parts["h"]), int(parts["mi"]), int(parts["s"] or 0)
        if hours > 23 or minutes > 59 or seconds > 59:
            raise SpanOverflowError
        micro = int((parts["f"] or "0").ljust(7, "0")) // 10
        span = timedelta(int(parts["d"] or 0), seconds, micro, 0, minutes, hours)
    return -span if parts["sign"] else span
