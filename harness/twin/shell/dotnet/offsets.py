"""``[datetimeoffset]``: a moment with the offset of its clock ([D] .NET reference)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from harness.twin.shell.conversion import bad_cast, caster, no_cast
from harness.twin.shell.dateformat import format_date, ticks_of
from harness.twin.shell.dateparse import parse_date
from harness.twin.shell.dotnet.registry import NetProperty, constructor, members_of, method, prop, static, static_prop
from harness.twin.shell.errors import NetException, net_error
from harness.twin.shell.objects import LOCAL, Int64, Reference
from harness.twin.shell.session import current
from harness.twin.shell.text import register_text
from harness.twin.shell.typesystem import TypeRef, is_null, register_value_type

OFFSET: Final = "System.DateTimeOffset"
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - a reading of the clock in UTC
_ZONE: Final = re.compile(r"(Z|[+-]\d\d:?\d\d)\s*$")
_UNREADABLE: Final = "String was not recognized as a valid DateTime."


class Moment:
    """A reading of the clock and its offset from UTC."""

    __slots__ = ("clock", "offset")

    def __init__(self, clock: datetime, offset: timedelta = timedelta(0)) -> None:
        self.clock = clock.replace(tzinfo=None)
        self.offset = offset

    @property
    def utc(self) -> datetime:
        """The reading of a clock in UTC."""
        return self.clock - self.offset

    def moved(self, span: timedelta) -> Moment:
        """The same offset, later."""
        return Moment(self.clock + span, self.offset)

    def at(self, offset: timedelta) -> Moment:
        """The same moment by a clock with another offset."""
        return Moment(self.utc + offset, offset)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Moment) and self.utc == other.utc

    def __lt__(self, other: Moment) -> bool:
        return self.utc < other.utc

    def __gt__(self, other: Moment) -> bool:
        return self.utc > other.utc

    def __hash__(self) -> int:
        return hash(self.utc)

    def shown(self, code: str = "") -> str:
        """The moment in a format; ``z`` and ``K`` are the offset."""
        sign = "-" if self.offset < timedelta(0) else "+"
        minutes = abs(self.offset) // timedelta(minutes=1)
        zone = f"{sign}{minutes // 60:02d}:{minutes % 60:02d}"
        if code in ("o", "O"):
            return format_date(self.clock, code) + zone
        if code in ("u", "r", "R"):
            return format_date(self.utc, code)
        if not code:
            return f"{format_date(self.clock, 'G')} {zone}"
        plain = re.sub(r"zzz|K", f"'{zone}'", code)
        return format_date(self.clock, plain.replace("zz", f"'{zone[:3]}'"))


def read_moment(text: str) -> Moment | None:
    """A moment of text; without an offset it is local."""
    found = _ZONE.search(text)
    bare = parse_date(_ZONE.sub("", text) if found else text, current().host.now())
    if bare is None:
        return None
    if found is None or found[1] == "Z":
        return Moment(bare)
    digits = found[1].replace(":", "")
    span = timedelta(hours=int(digits[1:3]), minutes=int(digits[3:]))
    return Moment(bare, -span if digits[0] == "-" else span)


register_value_type(Moment, OFFSET, (OFFSET, "System.ValueType", "System.Object"))
register_text(Moment, lambda value: value.shown() if isinstance(value, Moment) else "")
prop(Moment, "DateTime", lambda this: this.clock)
prop(Moment, "UtcDateTime", lambda this: this.utc.replace(tzinfo=UTC))
prop(Moment, "LocalDateTime", lambda this: this.utc.replace(tzinfo=LOCAL))


def _clock_part(name: str) -> None:
    member = members_of(datetime).get(name.lower())
    if isinstance(member, NetProperty):
        read = member.getter
        prop(Moment, name, lambda this: read(this.clock))


for _name in ("Date", "Day", "DayOfWeek", "DayOfYear", "Hour", "Millisecond", "Minute", "Month"):
    _clock_part(_name)
prop(Moment, "Offset", lambda this: this.offset)
_clock_part("Second")
prop(Moment, "Ticks", lambda this: Int64(ticks_of(this.clock)))
prop(Moment, "UtcTicks", lambda this: Int64(ticks_of(this.utc)))
_clock_part("TimeOfDay")
_clock_part("Year")
method(Moment, "ToString", "", "string format", "string format, object provider")(
    lambda this, code="", _provider=None: this.shown(code or "")
)
method(Moment, "ToUniversalTime")(lambda this: this.at(timedelta(0)))
method(Moment, "ToLocalTime")(lambda this: this.at(timedelta(0)))
method(Moment, "ToOffset", "timespan offset")(lambda this, offset: this.at(offset))
method(Moment, "ToUnixTimeSeconds")(lambda this: Int64((this.utc - _EPOCH) // timedelta(seconds=1)))
method(Moment, "ToUnixTimeMilliseconds")(lambda this: Int64((this.utc - _EPOCH) // timedelta(milliseconds=1)))
method(Moment, "Add", "timespan timeSpan")(lambda this, span: this.moved(span))
method(Moment, "Subtract", "datetimeoffset value")(lambda this, other: this.utc - other.utc)
method(Moment, "Subtract", "timespan value")(lambda this, span: this.moved(-span))
method(Moment, "CompareTo", "object other")(lambda this, other: (this > other) - (this < other))
for _name, _unit in (("Days", "days"), ("Hours", "hours"), ("Minutes", "minutes"), ("Seconds", "seconds")):
    method(Moment, f"Add{_name}", "double value")(
        lambda this, value, unit=_unit: this.moved(timedelta(**{unit: value}))
    )
static_prop(OFFSET, "Now", lambda: Moment(current().host.now()))
static_prop(OFFSET, "UtcNow", lambda: Moment(current().host.now()))
static(OFFSET, "FromUnixTimeSeconds", "long seconds")(lambda value: Moment(_EPOCH + timedelta(seconds=int(value))))
static(OFFSET, "FromUnixTimeMilliseconds", "long milliseconds")(
    lambda value: Moment(_EPOCH + timedelta(milliseconds=int(value)))
)
constructor(OFFSET, "datetime dateTime", "datetime dateTime, timespan offset")(Moment)


@static(OFFSET, "Parse", "string input", "string input, object provider")
def parse_moment(text: str, _provider: object = None) -> Moment:
    """A moment of text."""
    found = read_moment(text)
    if found is None:
        raise net_error("System.FormatException", _UNREADABLE)
    return found


@static(OFFSET, "TryParse", "string input, ref result")
def try_parse_moment(text: str, result: Reference) -> bool:
    """A moment, if the text is one."""
    found = read_moment(text or "")
    result.setter(found or Moment(datetime(1, 1, 1)))  # noqa: DTZ001 - the least value
    return found is not None


@caster(OFFSET)
def to_moment(value: object, target: TypeRef) -> object:
    """``[datetimeoffset]`` of text or of a date."""
    if isinstance(value, Moment):
        return value
    if isinstance(value, datetime):
        return Moment(value)
    if isinstance(value, str):
        found = read_moment(value)
        if found is not None:
            return found
        inner = NetException("System.FormatException", _UNREADABLE)
        raise bad_cast(value, target, "InvalidCastParseTargetInvocation", _UNREADABLE, inner)
    if is_null(value):
        return Moment(datetime(1, 1, 1))  # noqa: DTZ001 - the least value
    raise no_cast(value, target)
