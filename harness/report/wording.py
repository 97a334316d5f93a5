"""How numbers, times and names are spelt on a page."""

from __future__ import annotations

import re
from typing import Final

from harness.clock import NS_PER_S

# What XML 1.0 cannot hold, not even escaped; a lab may call a guest anything.
_UNPRINTABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable(text: object) -> str:
    """`text` without the characters that no XML document may contain; each becomes a replacement character."""
    return _UNPRINTABLE.sub("\ufffd", str(text))


def duration_text(seconds: float) -> str:
    """A duration as people say it: `0.41 s`, `75.3 s`, `12 min 5 s`, `3 h 12 min`."""
    if seconds < 0:
        return "-" + duration_text(-seconds)
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 120:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 7200:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def span_text(span_ns: int) -> str:
    """A duration in nanoseconds as people say it."""
    return duration_text(span_ns / NS_PER_S)


def length_text(span_ns: int) -> str:
    """A measured length: with milliseconds below ten seconds (`0.412 s`), unless it has whole hundredths."""
    exact = abs(span_ns) < 10 * NS_PER_S and span_ns % (NS_PER_S // 100)
    return f"{span_ns / NS_PER_S:.3f} s" if exact else span_text(span_ns)


def clock_text(t_ns: int, *, with_seconds: bool = True) -> str:
    """Lab time since the epoch: `1:23:45`, or `1:23` without seconds."""
    text = ("-" if t_ns < 0 else "") + hours_text(abs(t_ns) // NS_PER_S)
    return text if with_seconds else text.rpartition(":")[0]


def hours_text(seconds: float) -> str:
    """Hours, minutes and whole seconds: `3:04:05`."""
    minutes, second = divmod(int(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02d}:{second:02d}"


def counted(number: int, noun: str) -> str:
    """`1 VM`, `3 VMs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def shortened(text: str, most: int) -> str:
    """`text` cut to at most `most` characters, with an ellipsis where something is missing."""
    return text if len(text) <= most else text[: max(0, most - 1)] + "…"
