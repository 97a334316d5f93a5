"""Reading dates and spans by formats and styles, and their conversions to numbers ([D] .NET reference)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from harness.twin.shell.conversion import to_enum
from harness.twin.shell.dateexact import ASSUME_LOCAL, ASSUME_UNIVERSAL, parse_exact, with_styles
from harness.twin.shell.dateformat import format_date, ticks_of
from harness.twin.shell.dateparse import SpanOverflowError, parse_date, parse_span
from harness.twin.shell.dotnet import enums
from harness.twin.shell.dotnet.registry import method, static
from harness.twin.shell.errors import NetError, net_error
from harness.twin.shell.objects import Int64, PSArray, PSEnum, Reference
from harness.twin.shell.regional import region_of
from harness.twin.shell.session import current
from harness.twin.shell.spans import span_of_ticks
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import ENUMS

DATE: Final = "System.DateTime"
SPAN: Final = "System.TimeSpan"
_STYLES: Final = ENUMS["system.globalization.datetimestyles"]
_EPOCH: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - days of OLE automation have no zone
_UNIX_FILE: Final = 504911232000000000
_DAY: Final = 864_000_000_000
_BAD: Final = "String was not recognized as a valid DateTime."


def _number(styles: object) -> int:
    return styles.value if isinstance(styles, PSEnum) else to_enum(styles, _STYLES).value if styles else 0


def _today() -> datetime:
    return current().host.now().replace(tzinfo=None)


def _exact(text: str, formats: object, styles: object) -> datetime | None:
    codes = formats if isinstance(formats, list) else [formats]
    found = (parse_exact(text, to_text(code), _today(), _number(styles)) for code in codes)
    return next((moment for moment in found if moment is not None), None)


@static(
    DATE,
    "ParseExact",
    "string s, string format, object provider",
    "string s, string format, object provider, object style",
    "string s, string[] formats, object provider, object style",
)
def exact(text: str, formats: object, _provider: object, styles: object = None) -> datetime:
    """A date in one of the formats."""
    moment = _exact(text, formats, styles)
    if moment is None:
        raise net_error("System.FormatException", _BAD)
    return moment


@static(
    DATE,
    "TryParseExact",
    "string s, string format, object provider, object style, ref result",
    "string s, string[] formats, object provider, object style, ref result",
)
def try_exact(text: str | None, formats: object, _provider: object, styles: object, result: Reference) -> bool:
    """Whether a text is in one of the formats; the date goes into the reference."""
    moment = _exact(text, formats, styles) if text else None
    result.setter(moment if moment is not None else datetime(1, 1, 1))  # noqa: DTZ001 - DateTime.MinValue has no zone
    return moment is not None


def _read(text: str | None, provider: object, styles: object) -> datetime | None:
    if not text:
        return None
    if region_of(provider).day_first:
        short = _exact(text, [region_of(provider).patterns[code] for code in "dgG"], styles)
        if short is not None:
            return short
    moment = parse_date(text, _today())
    number = _number(styles)
    if moment is not None and (moment.tzinfo is not None or number & (ASSUME_LOCAL | ASSUME_UNIVERSAL)):
        return with_styles(moment, number)
    return moment


@static(DATE, "Parse", "string s", "string s, object provider", "string s, object provider, object styles")
def read(text: str, provider: object = None, styles: object = None) -> datetime:
    """Text to a date."""
    moment = _read(text, provider, styles)
    if moment is None:
        raise net_error("System.FormatException", _BAD)
    return moment


@static(DATE, "TryParse", "string s, ref result", "string s, object provider, object styles, ref result")
def try_read(text: str | None, *rest: object) -> bool:
    """Whether a text is a date; the date goes into the reference."""
    result = rest[-1]
    assert isinstance(result, Reference)  # noqa: S101 - the overload says so
    moment = _read(text, *rest[:2]) if len(rest) == 3 else _read(text, None, None)
    result.setter(moment if moment is not None else datetime(1, 1, 1))  # noqa: DTZ001 - DateTime.MinValue has no zone
    return moment is not None


def _order(left: int, right: int) -> int:
    return (left > right) - (left < right)


static(DATE, "Compare", "datetime t1, datetime t2")(lambda one, two: _order(ticks_of(one), ticks_of(two)))
static(DATE, "Equals", "datetime t1, datetime t2")(lambda one, two: ticks_of(one) == ticks_of(two))
static(DATE, "FromOADate", "double d")(lambda days: _EPOCH + timedelta(milliseconds=round(days * 86_400_000)))
static(DATE, "FromBinary", "long dateData")(
    lambda data: datetime(1, 1, 1) + span_of_ticks(int(data) & (2**62 - 1))  # noqa: DTZ001 - a reading
)
method(datetime, "ToOADate")(lambda d: (ticks_of(d) - ticks_of(_EPOCH)) / _DAY)
method(datetime, "ToFileTimeUtc")(lambda d: Int64(ticks_of(d) - _UNIX_FILE))
method(datetime, "ToBinary")(lambda d: Int64(ticks_of(d) | (2**62 if d.tzinfo is UTC else 0)))
method(datetime, "GetDateTimeFormats", "", "char format")(
    lambda d, code=None: PSArray([format_date(d, one) for one in (code or "dDfFgGmorstTuUy")], "System.String")
)
method(datetime, "GetTypeCode")(lambda _d: ENUMS["system.typecode"]("DateTime"))


def _span(text: str | None) -> timedelta:
    try:
        found = parse_span(text) if text else None
    except SpanOverflowError:
        text = (
            "The TimeSpan could not be parsed because at least one of the numeric components is out of range or "
            "contains too many digits."
        )
        raise net_error("System.OverflowException", text) from None
    if found is None:
        raise net_error("System.FormatException", "String was not recognized as a valid TimeSpan.")
    return found


@static(SPAN, "TryParse", "string s, ref result", "string input, object provider, ref result")
def try_span(text: str | None, *rest: object) -> bool:
    """Whether a text is a span; the span goes into the reference."""
    result = rest[-1]
    assert isinstance(result, Reference)  # noqa: S101 - the overload says so
    try:
        result.setter(_span(text))
    except NetError:
        result.setter(timedelta())
        return False
    return True


static(SPAN, "Parse", "string s", "string input, object provider")(lambda text, _provider=None: _span(text))
static(SPAN, "Compare", "timespan t1, timespan t2")(lambda one, two: (one > two) - (one < two))
static(SPAN, "Equals", "timespan t1, timespan t2")(lambda one, two: one == two)
method(timedelta, "Equals", "object value")(lambda one, two: isinstance(two, timedelta) and one == two)
__all__ = ["enums"]
