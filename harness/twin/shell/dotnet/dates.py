"""Members of ``DateTime``, ``TimeSpan``, ``Version`` and ``Guid``."""

from __future__ import annotations

import calendar
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from harness.twin.shell.dateformat import (
    TICKS_PER_SECOND,
    format_date,
    format_span,
    kind_of,
    span_of_ticks,
    span_parts,
    ticks_of,
    ticks_of_span,
)
from harness.twin.shell.dotnet.registry import constructor, method, prop, static, static_prop
from harness.twin.shell.errors import net_error
from harness.twin.shell.numberformat import BadFormatError
from harness.twin.shell.objects import LOCAL, Int64, PSEnum, Reference
from harness.twin.shell.regional import date_in, region_of
from harness.twin.shell.text import format_guid
from harness.twin.shell.typesystem import ENUMS
from harness.twin.shell.versions import Version

DATE: Final = "System.DateTime"
MIN: Final = datetime(1, 1, 1)  # noqa: DTZ001 - DateTime.MinValue has no zone
MAX: Final = datetime(9999, 12, 31, 23, 59, 59, 999999)  # noqa: DTZ001 - nor has MaxValue
SPAN: Final = "System.TimeSpan"
_DAY = ENUMS["system.dayofweek"]
_KIND = ENUMS["system.datetimekind"]
_ZONES: Final = {"Unspecified": None, "Utc": UTC, "Local": LOCAL}

prop(datetime, "Date", lambda d: d.replace(hour=0, minute=0, second=0, microsecond=0))
prop(datetime, "Day", lambda d: d.day)
prop(datetime, "DayOfWeek", lambda d: PSEnum(_DAY, (d.weekday() + 1) % 7))
prop(datetime, "DayOfYear", lambda d: d.timetuple().tm_yday)
prop(datetime, "Hour", lambda d: d.hour)
prop(datetime, "Kind", lambda d: _KIND(kind_of(d)))
prop(datetime, "Millisecond", lambda d: d.microsecond // 1000)
prop(datetime, "Minute", lambda d: d.minute)
prop(datetime, "Month", lambda d: d.month)
prop(datetime, "Second", lambda d: d.second)
prop(datetime, "Ticks", lambda d: Int64(ticks_of(d)))
prop(
    datetime,
    "TimeOfDay",
    lambda d: timedelta(hours=d.hour, minutes=d.minute, seconds=d.second, microseconds=d.microsecond),
)
prop(datetime, "Year", lambda d: d.year)
prop(datetime, "DateTime", lambda d: f"{format_date(d, 'D')} {format_date(d, 'T')}", member="ScriptProperty")


def _shifted(moment: datetime, span: timedelta) -> datetime:
    try:
        return moment + span
    except OverflowError:
        raise net_error(
            "System.ArgumentOutOfRangeException",
            "The added or subtracted value results in an un-representable DateTime.\r\nParameter name: value",
        ) from None


for _name, _unit in (
    ("AddDays", timedelta(days=1)),
    ("AddHours", timedelta(hours=1)),
    ("AddMinutes", timedelta(minutes=1)),
    ("AddSeconds", timedelta(seconds=1)),
    ("AddMilliseconds", timedelta(milliseconds=1)),
):
    method(datetime, _name, "double value")(lambda d, value, unit=_unit: _shifted(d, unit * value))
method(datetime, "AddTicks", "long value")(lambda d, value: _shifted(d, span_of_ticks(value)))
method(datetime, "Add", "timespan value")(_shifted)


@method(datetime, "AddMonths", "int months")
def add_months(moment: datetime, months: int) -> datetime:
    """The same day of another month, or its last."""
    total = moment.year * 12 + moment.month - 1 + months
    year, month = divmod(total, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last))


method(datetime, "AddYears", "int value")(lambda d, years: add_months(d, years * 12))


@method(datetime, "Subtract", "datetime value", "timespan value")
def subtract(moment: datetime, other: datetime | timedelta) -> object:
    """Difference of dates, or an earlier date."""
    if isinstance(other, timedelta):
        return moment - other
    return moment.replace(tzinfo=None) - other.replace(tzinfo=None)


@method(datetime, "ToString", "", "string format", "object provider", "string format, object provider")
def date_text(moment: datetime, code: object = "G", provider: object = None) -> str:
    """A date as text, in the culture that is given."""
    culture = code if not isinstance(code, str) and provider is None else provider
    try:
        return date_in(region_of(culture), moment, code if isinstance(code, str) else "G")
    except BadFormatError:
        raise net_error("System.FormatException", "Input string was not in a correct format.") from None


for _name, _code in (
    ("ToShortDateString", "d"),
    ("ToLongDateString", "D"),
    ("ToShortTimeString", "t"),
    ("ToLongTimeString", "T"),
):
    method(datetime, _name)(lambda d, code=_code: format_date(d, code))
method(datetime, "ToUniversalTime")(lambda d: d.replace(tzinfo=UTC))
method(datetime, "ToLocalTime")(lambda d: d.replace(tzinfo=LOCAL))
method(datetime, "CompareTo", "datetime value")(
    lambda d, other: (ticks_of(d) > ticks_of(other)) - (ticks_of(d) < ticks_of(other))
)
method(datetime, "Equals", "datetime value")(lambda d, other: ticks_of(d) == ticks_of(other))
method(datetime, "ToFileTime")(lambda d: Int64(ticks_of(d) - 504911232000000000))
method(datetime, "IsDaylightSavingTime")(lambda _d: False)


@constructor(
    DATE,
    "",
    "long ticks",
    "int year, int month, int day",
    "int year, int month, int day, int hour, int minute, int second",
    "int year, int month, int day, int hour, int minute, int second, DateTimeKind kind",
    "int year, int month, int day, int hour, int minute, int second, int millisecond",
    "long ticks, DateTimeKind kind",
)
def new_date(*parts: object) -> datetime:
    """A date of its parts."""
    zone = None
    values = list(parts)
    if values and isinstance(values[-1], PSEnum):
        kind = values.pop()
        zone = _ZONES[kind.name] if isinstance(kind, PSEnum) else None
    numbers = [int(value) for value in values if isinstance(value, int)]
    if len(numbers) <= 1:
        base = datetime(1, 1, 1) + span_of_ticks(numbers[0] if numbers else 0)  # noqa: DTZ001 - the kind is set below
        return base.replace(tzinfo=zone)
    if len(numbers) == 7:
        numbers[6] *= 1000
    try:
        return datetime(*numbers, tzinfo=zone)  # type: ignore[misc,arg-type]
    except ValueError:
        raise net_error(
            "System.ArgumentOutOfRangeException",
            "Year, Month, and Day parameters describe an un-representable DateTime.",
        ) from None


static_prop(DATE, "MinValue", lambda: MIN)
static_prop(DATE, "MaxValue", lambda: MAX)


static(DATE, "SpecifyKind", "datetime value, DateTimeKind kind")(lambda d, kind: d.replace(tzinfo=_ZONES[kind.name]))


@static(DATE, "DaysInMonth", "int year, int month")
def days_in_month(year: int, month: int) -> int:
    """How long a month is."""
    if not 1 <= month <= 12:
        text = "Month must be between one and twelve."
        raise net_error("System.ArgumentOutOfRangeException", f"{text}\r\nParameter name: month")
    return calendar.monthrange(year, month)[1]


static(DATE, "IsLeapYear", "int year")(calendar.isleap)
static(DATE, "FromFileTime", "long fileTime")(lambda ticks: datetime(1601, 1, 1, tzinfo=LOCAL) + span_of_ticks(ticks))
static(DATE, "FromFileTimeUtc", "long fileTime")(lambda ticks: datetime(1601, 1, 1, tzinfo=UTC) + span_of_ticks(ticks))

# ------------------------------------------------------------------------------------------------------- time spans


def _span_part(at: int) -> Callable[[timedelta], int]:
    return lambda span: span_parts(span)[at]


def _span_total(seconds: float) -> Callable[[timedelta], float]:
    ticks = seconds * TICKS_PER_SECOND
    return lambda span: ticks_of_span(span) / ticks


for _at, _name in enumerate(("Days", "Hours", "Minutes", "Seconds", "Milliseconds")):
    prop(timedelta, _name, _span_part(_at))
prop(timedelta, "Ticks", lambda span: Int64(ticks_of_span(span)))
for _name, _seconds in (
    ("TotalDays", 86400.0),
    ("TotalHours", 3600.0),
    ("TotalMinutes", 60.0),
    ("TotalSeconds", 1.0),
    ("TotalMilliseconds", 0.001),
):
    prop(timedelta, _name, _span_total(_seconds))
method(timedelta, "Add", "timespan ts")(lambda span, other: span + other)
method(timedelta, "Subtract", "timespan ts")(lambda span, other: span - other)
method(timedelta, "Negate")(lambda span: -span)
method(timedelta, "Duration")(abs)
method(timedelta, "CompareTo", "timespan value")(lambda span, other: (span > other) - (span < other))


@method(timedelta, "ToString", "", "string format", "string format, object provider")
def span_text(span: timedelta, code: str = "c", _provider: object = None) -> str:
    """A span as text."""
    try:
        return format_span(span, code)
    except BadFormatError:
        raise net_error("System.FormatException", "Input string was not in a correct format.") from None


@constructor(
    SPAN,
    "",
    "long ticks",
    "int hours, int minutes, int seconds",
    "int days, int hours, int minutes, int seconds",
    "int days, int hours, int minutes, int seconds, int milliseconds",
)
def new_span(*parts: int) -> timedelta:
    """A span of its parts."""
    if len(parts) < 2:
        return span_of_ticks(parts[0] if parts else 0)
    values = (0, *parts) if len(parts) == 3 else parts
    days, hours, minutes, seconds = values[:4]
    return timedelta(
        days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=values[4] if len(values) > 4 else 0
    )


for _name, _unit in (
    ("FromDays", timedelta(days=1)),
    ("FromHours", timedelta(hours=1)),
    ("FromMinutes", timedelta(minutes=1)),
    ("FromSeconds", timedelta(seconds=1)),
    ("FromMilliseconds", timedelta(milliseconds=1)),
):
    static(SPAN, _name, "double value")(lambda value, unit=_unit: unit * value)
static(SPAN, "FromTicks", "long value")(span_of_ticks)
static_prop(SPAN, "Zero", timedelta)
static_prop(SPAN, "MaxValue", lambda: span_of_ticks(2**63 - 1))
static_prop(SPAN, "MinValue", lambda: span_of_ticks(-(2**63)))
for _name, _ticks in (
    ("TicksPerDay", 864_000_000_000),
    ("TicksPerHour", 36_000_000_000),
    ("TicksPerMinute", 600_000_000),
    ("TicksPerSecond", TICKS_PER_SECOND),
    ("TicksPerMillisecond", 10_000),
):
    static_prop(SPAN, _name, partial(Int64, _ticks))


# ---------------------------------------------------------------------------------------------- versions and guids

VERSION: Final = "System.Version"
prop(Version, "Major", lambda version: version.major)
prop(Version, "Minor", lambda version: version.minor)
prop(Version, "Build", lambda version: version.build)
prop(Version, "Revision", lambda version: version.revision)
prop(Version, "MajorRevision", lambda version: version.revision >> 16 if version.revision >= 0 else -1)
prop(Version, "MinorRevision", lambda version: version.revision & 0xFFFF if version.revision >= 0 else -1)
method(Version, "ToString", "", "int fieldCount")(
    lambda version, count=None: str(version) if count is None else ".".join(str(part) for part in version.parts[:count])
)
method(Version, "CompareTo", "version value")(lambda version, other: (version > other) - (version < other))


@constructor(
    VERSION,
    "string version",
    "int major, int minor",
    "int major, int minor, int build",
    "int major, int minor, int build, int revision",
)
def new_version(*parts: object) -> Version:
    """A version of its parts."""
    if isinstance(parts[0], str):
        return _read_version(parts[0])
    return Version(*[int(part) for part in parts if isinstance(part, int)])


def _read_version(text: str) -> Version:
    try:
        return Version.parse(text)
    except ValueError as fault:
        raise net_error(
            "System.ArgumentException" if "portion" in str(fault) else "System.FormatException", str(fault)
        ) from None


static(VERSION, "Parse", "string input")(_read_version)


@static(VERSION, "TryParse", "string input, ref result")
def try_parse_version(text: str, result: Reference) -> bool:
    """Whether a text is a version."""
    try:
        result.setter(Version.parse(text))
    except ValueError:
        result.setter(None)
        return False
    return True


GUID: Final = "System.Guid"
_counter = iter(range(1, 2**62))


def new_guid() -> uuid.UUID:
    """The next identifier; runs repeat."""
    return uuid.uuid5(uuid.NAMESPACE_OID, str(next(_counter)))


prop(uuid.UUID, "Guid", str)


@method(uuid.UUID, "ToString", "", "string format")
def guid_text(value: uuid.UUID, code: str = "D") -> str:
    """A GUID in one of its forms."""
    try:
        return format_guid(value, code or "D")
    except BadFormatError:
        text = 'Format String can be only "D", "d", "N", "n", "P", "p", "B", "b", "X" or "x".'
        raise net_error("System.FormatException", text) from None


method(uuid.UUID, "ToByteArray")(lambda value: list(value.bytes_le))
static(GUID, "NewGuid")(new_guid)
static_prop(GUID, "Empty", lambda: uuid.UUID(int=0))


def _guid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        shape = "Guid should contain 32 digits with 4 dashes (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx)."
        raise net_error("System.FormatException", shape) from None


constructor(GUID, "string g")(_guid)
static(GUID, "Parse", "string input")(_guid)


@static(GUID, "TryParse", "string input, ref result")
def try_parse_guid(text: str, result: Reference) -> bool:
    """Whether a text is a GUID."""
    try:
        result.setter(uuid.UUID(text))
    except ValueError:
        result.setter(uuid.UUID(int=0))
        return False
    return True
