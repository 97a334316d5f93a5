"""Durations, sizes, counts and limits as a person writes them: `10m`, `500ms`, `4GiB`, `>= 3`, `<= 2s`.

Each kind has a parser, one canonical text (so that a plan has one spelling and one hash) and a pydantic type.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Annotated, Final

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from harness.plan.text import TextError, describe, require_text

_DURATION_UNITS_US: Final = {
    "d": 86_400_000_000,
    "h": 3_600_000_000,
    "m": 60_000_000,
    "s": 1_000_000,
    "ms": 1_000,
    "us": 1,
}
_SIZE_UNITS_B: Final = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
_BINARY_UNITS: Final = ("TiB", "GiB", "MiB", "KiB")
_PART = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)(?P<unit>[A-Za-z]*)")
_COMPARISON = re.compile(r"\s*(?P<sign><=|>=|==|<|>|=)?\s*(?P<rest>.*?)\s*$", re.DOTALL)
TIME_UNITS: Final = frozenset({"ns", "us", "ms", "s", "min", "h", "d"})
PLAIN_UNITS: Final = frozenset({"count", "ratio"})

_MICROSECOND: Final = timedelta(microseconds=1)
_LONGEST: Final = timedelta(days=365)


def to_ns(duration: timedelta) -> int:
    """A duration in nanoseconds, exactly."""
    return duration // _MICROSECOND * 1000


def parse_duration(text: str) -> timedelta:
    """`1h30m`, `2.5s`, `500ms` as a timedelta (units d h m s ms us, largest first, each once); at most a year.

    Raises TextError with the offset of the part that is wrong.
    """
    position, total_us, last_unit_us = 0, Fraction(0), None
    while position < len(text):
        part = _PART.match(text, position)
        if part is None:
            raise TextError(f"'{text}' is no duration; write for example '10m', '500ms' or '1h30m'", offset=position)
        number, unit = part["number"], part["unit"]
        if unit not in _DURATION_UNITS_US:
            wrong = f"has the unknown unit '{unit}'" if unit else "has no unit"
            raise TextError(
                f"the duration '{text}' {wrong}; units are d, h, m, s, ms, us, for example '10m'",
                offset=part.start("unit"),
            )
        unit_us = _DURATION_UNITS_US[unit]
        if last_unit_us is not None and unit_us >= last_unit_us:
            raise TextError(f"the duration '{text}' must name each unit once, the largest first", offset=part.start())
        total_us += Fraction(number) * unit_us
        position, last_unit_us = part.end(), unit_us
    if last_unit_us is None:
        raise TextError("a duration must not be empty; write for example '10m'")
    if total_us.denominator != 1:
        raise TextError(f"the duration '{text}' is finer than a microsecond")
    if total_us > _LONGEST // _MICROSECOND:
        raise TextError(f"the duration '{text}' is longer than a year")
    return timedelta(microseconds=int(total_us))


def format_duration(duration: timedelta) -> str:
    """The canonical text of a duration: `1h30m`, `500ms`, `0s`."""
    rest_us, parts = duration // _MICROSECOND, []
    for unit, unit_us in _DURATION_UNITS_US.items():
        count, rest_us = divmod(rest_us, unit_us)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def parse_size(text: str) -> int:
    """`4GiB`, `512MiB`, `30GB` in bytes.  Raises TextError."""
    part = _PART.fullmatch(text.replace(" ", ""))
    if part is None or part["unit"] not in _SIZE_UNITS_B:
        raise TextError(f"'{text}' is no size; write for example '4GiB', '512MiB' or '30GB'")
    size = Fraction(part["number"]) * _SIZE_UNITS_B[part["unit"]]
    if size.denominator != 1:
        raise TextError(f"the size '{text}' is no whole number of bytes")
    return int(size)


def format_size(size_b: int) -> str:
    """The canonical text of a size: the largest binary unit that divides it, else bytes."""
    for unit in _BINARY_UNITS:
        if size_b and size_b % _SIZE_UNITS_B[unit] == 0:
            return f"{size_b // _SIZE_UNITS_B[unit]}{unit}"
    return f"{size_b}B"


@dataclass(frozen=True, slots=True)
class CountRange:
    """How many of something a scenario needs: between `at_least` and `at_most` (None = no upper bound)."""

    at_least: int
    at_most: int | None = None

    def __contains__(self, count: int) -> bool:
        return self.at_least <= count and (self.at_most is None or count <= self.at_most)

    def __str__(self) -> str:
        if self.at_most is None:
            return f">= {self.at_least}"
        if self.at_most == self.at_least:
            return f"== {self.at_least}"
        return f"<= {self.at_most}" if self.at_least == 0 else f"{self.at_least}..{self.at_most}"


def parse_count(value: object) -> CountRange:
    """`>= 3`, `<= 16`, `== 1`, `2..16`; a bare number means at least that many.  Raises TextError."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return CountRange(value)
    text = require_text(value, ">= 3")
    if bounds := re.fullmatch(r"\s*([0-9]+)\s*\.\.\s*([0-9]+)\s*", text):
        low, high = int(bounds[1]), int(bounds[2])
        if low > high:
            raise TextError(f"the range '{text}' ends before it begins")
        return CountRange(low, high)
    found = _COMPARISON.match(text)
    if found is None or not found["rest"].isdecimal() or found["sign"] in ("<", ">", "="):
        raise TextError(f"'{text}' is no count; write '>= 3', '<= 16', '== 1' or '2..16'")
    count = int(found["rest"])
    match found["sign"]:
        case "<=":
            return CountRange(0, count)
        case "==":
            return CountRange(count, count)
        case _:
            return CountRange(count)


def parse_bound(value: object, unit: str, *, default_sign: str) -> tuple[str, float]:
    """`<= 2s` for a measurement in `unit` (`s`, `%`, `ratio` or `count`) as ("<=", 2.0); signs are `<=`, `>=`, `==`.

    Raises TextError when the value is of another dimension.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        if unit not in PLAIN_UNITS:
            raise TextError(f"the limit {value} needs a unit, for example '{default_sign} {_example(unit)}'")
        return default_sign, _at_least_zero(float(value))
    text = require_text(value, f"{default_sign} {_example(unit)}")
    found = _COMPARISON.match(text)
    if found is None or found["sign"] not in ("<=", ">=", "==", None):
        raise TextError(f"'{text}' is no limit; write '<= {_example(unit)}', '>= …' or '== …'")
    return found["sign"] or default_sign, parse_value(found["rest"], unit, found.start("rest"))


def parse_value(text: str, unit: str, offset: int = 0) -> float:
    """A value in the unit of its measurement: `1500ms` is 1.5 in `s`, `99.9%` is 0.999 in `ratio`.

    Raises TextError.
    """
    if unit == "s":
        try:
            return parse_duration(text).total_seconds()
        except TextError as error:
            raise TextError(error.message, offset=offset + error.offset) from None
    number, percent = text.removesuffix("%").strip(), text.endswith("%")
    allowed = {"%": (True,), "ratio": (True, False)}.get(unit, (False,))
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", number) or percent not in allowed:
        raise TextError(f"'{text}' is no value such as '{_example(unit)}'", offset=offset)
    return float(Fraction(number) / 100) if percent and unit == "ratio" else float(number)


def format_value(value: float, unit: str) -> str:
    """A limiting value as a plan spells it: `1.5s`, `99.9%`, `0.999`, `3`."""
    if unit == "s":
        return format_duration(timedelta(seconds=value))
    return f"{value:.15g}%" if unit == "%" else f"{value:.15g}"


def _at_least_zero(number: float) -> float:
    if number < 0:
        raise TextError(f"a limit must not be negative, found {number:g}")
    return number


def _example(unit: str) -> str:
    return {"s": "2s", "%": "99.9%", "ratio": "0.999"}.get(unit, "3")


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise TextError(f"a duration needs a unit: '{value}s', '{value}m' or '{value}h'?")
    return parse_duration(require_text(value, "10m"))


def _ceiling(value: object) -> timedelta:
    """`<= 500ms` or `500ms`: the largest allowed duration."""
    if not isinstance(value, str):
        return _duration(value)
    found = _COMPARISON.match(value)
    if found is None or found["sign"] not in ("<=", None):
        raise TextError(f"'{value}' must be an upper bound such as '<= 500ms'")
    return parse_duration(found["rest"])


def _count(value: object) -> CountRange:
    return value if isinstance(value, CountRange) else parse_count(value)


def _size(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        raise TextError(f"a size needs a unit: '{value}GiB' or '{value}B'?")
    if isinstance(value, str):
        return parse_size(value)
    raise TextError(f"expected a size such as '4GiB', found {describe(value)}")


Duration = Annotated[
    timedelta,
    PlainValidator(_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(
        {"type": "string", "pattern": r"^([0-9]+(\.[0-9]+)?(d|h|m|s|ms|us))+$", "examples": ["10m", "500ms"]}
    ),
]
Ceiling = Annotated[
    timedelta,
    PlainValidator(_ceiling),
    PlainSerializer(lambda value: f"<= {format_duration(value)}", return_type=str),
    WithJsonSchema({"type": "string", "examples": ["<= 500ms"]}),
]
Count = Annotated[
    CountRange,
    PlainValidator(_count),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": ["string", "integer"], "examples": [">= 3", 3]}),
]
Size = Annotated[
    int,
    PlainValidator(_size),
    PlainSerializer(format_size, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["4GiB"]}),
]
