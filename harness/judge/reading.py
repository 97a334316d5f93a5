"""One measurement as it is taken, before its limit is looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """A value in the catalogue's unit (None: not measurable), the lines it rests on, and what to say about it.

    `at_ns` is the first cause: when the worst of it began.
    """

    value: float | None
    evidence: tuple[int, ...] = ()
    detail: str = ""
    at_ns: int | None = None


UNSET = Reading(None)
