"""Numbers and dates in the forms of a culture other than the machine's ([D] the patterns that Windows ships)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from harness.twin.shell.dateformat import DAYS, MONTHS, PATTERNS, format_date
from harness.twin.shell.errors import limitation
from harness.twin.shell.numberformat import format_number

_GERMAN_MONTHS: Final = (
    *("Januar", "Februar", "März", "April", "Mai", "Juni"),
    *("Juli", "August", "September", "Oktober", "November", "Dezember"),
)
_GERMAN_DAYS: Final = ("Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag")
_FRENCH_MONTHS: Final = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)
_FRENCH_DAYS: Final = ("dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi")


@dataclass(frozen=True, slots=True)
class Region:
    """How a culture writes: decimal and group sign, money and percent with ``n`` for the number, dates."""

    point: str = "."
    group: str = ","
    money: str = "$n"
    debt: str = "($n)"
    percent: str = "n%"
    patterns: dict[str, str] = field(default_factory=lambda: PATTERNS)
    months: tuple[str, ...] = MONTHS
    days: tuple[str, ...] = DAYS
    short: int = 3
    day_first: bool = False


def _patterns(short: str, long: str, time: str, full_time: str, month_day: str = "MMMM d") -> dict[str, str]:
    own = {"d": short, "D": long, "t": time, "T": full_time, "m": month_day, "M": month_day}
    joined = {"f": f"{long} {time}", "F": f"{long} {full_time}", "U": f"{long} {full_time}"}
    return {**PATTERNS, **own, **joined, "g": f"{short} {time}", "G": f"{short} {full_time}"}


_ENGLISH: Final = Region()
_REGIONS: Final[dict[str, Region]] = {
    "": Region(
        money="¤n",
        debt="(¤n)",
        percent="n %",
        patterns={
            **_patterns("MM/dd/yyyy", "dddd, dd MMMM yyyy", "HH:mm", "HH:mm:ss", "MMMM dd"),
            "y": "yyyy MMMM",
            "Y": "yyyy MMMM",
        },
    ),
    "en": _ENGLISH,
    "en-US": _ENGLISH,
    "en-GB": Region(
        money="£n",
        debt="-£n",
        patterns=_patterns("dd/MM/yyyy", "dd MMMM yyyy", "HH:mm", "HH:mm:ss", "d MMMM"),
        day_first=True,
    ),
    "de-DE": Region(
        ",",
        ".",
        "n €",
        "-n €",
        "n %",
        _patterns("dd.MM.yyyy", "dddd, d. MMMM yyyy", "HH:mm", "HH:mm:ss", "d. MMMM"),
        _GERMAN_MONTHS,
        _GERMAN_DAYS,
        2,
        True,
    ),
    "fr-FR": Region(
        ",",
        "\u00a0",
        "n €",
        "-n €",
        "n %",
        _patterns("dd/MM/yyyy", "dddd d MMMM yyyy", "HH:mm", "HH:mm:ss", "d MMMM"),
        _FRENCH_MONTHS,
        _FRENCH_DAYS,
        4,
        True,
    ),
}


def region_of(provider: object) -> Region:
    """The forms of a culture; without one those of the machine.  Raises ``PSError`` for one that is not known."""
    name = getattr(provider, "name", "en-US")
    found = _REGIONS.get(name)
    if found is None:
        raise limitation(f"numbers and dates in the culture '{name}' are not simulated")
    return found


def number_in(region: Region, value: int | float | Decimal, code: str) -> str:
    """A number in a format string.  Raises ``BadFormatError``."""
    kind = code[:1].upper() if len(code) <= 3 and not code[1:].strip("0123456789") else ""
    if kind == "C":
        text = format_number(value, "N" + (code[1:] or "2")).lstrip("-")
        shape = region.debt if value < 0 and text.strip("0.,") else region.money
        return shape.replace("n", _separated(region, text))
    if kind == "P":
        return region.percent.replace("n", _separated(region, format_number(value, code).removesuffix("%")))
    text = format_number(value, code)
    return text if kind in ("X", "R") and kind else _separated(region, text)


def _separated(region: Region, text: str) -> str:
    return text.translate(str.maketrans(".,", region.point + region.group))


def plain_number(region: Region, text: str) -> str:
    """A text in the culture's signs as the machine's own would write it."""
    return text.translate(str.maketrans(region.point + region.group, ".,"))


def date_in(region: Region, moment: datetime, code: str) -> str:
    """A date in a standard or custom format.  Raises ``BadFormatError``."""
    if region is _ENGLISH:
        return format_date(moment, code)
    pattern = region.patterns.get(code or "G", code) if len(code) <= 1 else code
    day, month = region.days[(moment.weekday() + 1) % 7], region.months[moment.month - 1]
    names = {"dddd": day, "ddd": day[: region.short], "MMMM": month, "MMM": month[: region.short]}
    for token, name in names.items():
        pattern = pattern.replace(token, f'"{name}"')
    return format_date(moment, pattern if len(pattern) != 1 else f"%{pattern}")
