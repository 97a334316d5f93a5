"""The twin's only look at the wall clock.

WinRM's protocol timers are the client's wall clock, so they stay wall clock even when the twin's model runs faster.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

FILETIME_EPOCH_OFFSET_S: Final = 11_644_473_600
"""Seconds from 1601-01-01 to 1970-01-01 UTC ([D] MS-DTYP FILETIME)."""


def wall_ns() -> int:
    """Monotonic wall time in nanoseconds."""
    return time.monotonic_ns()


def read_utc_s() -> float:
    """The wall clock as seconds since 1970-01-01 UTC."""
    return time.time()


def to_filetime(utc_s: float) -> int:
    """Seconds since 1970 as a Windows FILETIME (100 ns units since 1601)."""
    return int((utc_s + FILETIME_EPOCH_OFFSET_S) * 10_000_000)


def pause_briefly() -> None:
    """Long enough for another thread to take its turn."""
    time.sleep(0.0005)


@dataclass(frozen=True, slots=True)
class ClockMode:
    """How lab time moves: `virtual` (only when granted) or flowing at `rate` lab seconds per wall second (1 is
    `real`)."""

    rate: float | None

    @property
    def flows(self) -> bool:
        """Does lab time move by itself?"""
        return self.rate is not None

    @classmethod
    def parse(cls, text: str) -> ClockMode:
        """`virtual`, `real` or `scaled:N`.  Raises ValueError for anything else."""
        if text == "virtual":
            return cls(None)
        if text == "real":
            return cls(1.0)
        kind, _, number = text.partition(":")
        if kind == "scaled" and float(number) > 0:
            return cls(float(number))
        raise ValueError(f"clock '{text}' is none of: virtual, real, scaled:N with N > 0")

    def __str__(self) -> str:
        if self.rate is None:
            return "virtual"
        return "real" if self.rate == 1.0 else f"scaled:{self.rate:g}"
