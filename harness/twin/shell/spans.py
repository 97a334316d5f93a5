"""Spans of time to 100 nanoseconds, where Python's end at a microsecond."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

TICKS_PER_SECOND: Final = 10_000_000
LAST_TICKS: Final = 9
"""What the greatest date has beyond Python's."""


class Span(timedelta):
    """A span with a rest of up to nine ticks. Calculating with it gives plain spans without the rest."""

    __slots__ = ("rest",)
    rest: int

    @classmethod
    def of(cls, ticks: int) -> Span:
        """A span of so many ticks."""
        made = cls(microseconds=ticks // 10)
        made.rest = ticks % 10
        return made


def ticks_of_span(span: timedelta) -> int:
    """A span in steps of 100 nanoseconds."""
    whole = (span.days * 86400 + span.seconds) * TICKS_PER_SECOND + span.microseconds * 10
    return whole + span.rest if isinstance(span, Span) else whole


def span_of_ticks(ticks: int) -> timedelta:
    """A span of steps of 100 nanoseconds."""
    return Span.of(ticks) if ticks % 10 else timedelta(microseconds=ticks // 10)


def is_last(moment: datetime) -> bool:
    """Whether a date is the greatest one: a tick before the year 10,000."""
    return moment.microsecond == 999_999 and moment.replace(tzinfo=None) == datetime.max  # noqa: DTZ901 - a reading
