"""The time axis: lab time to pixels, and where its ticks stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from harness.clock import NS_PER_S

STEPS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
"""Distances between ticks that people can count in, in seconds."""

TICK_PX: Final = 84.0
"""Least distance between two ticks: room for a label."""


@dataclass(frozen=True, slots=True)
class TimeScale:
    """Lab time `begin_ns` … `end_ns` over `width_px` pixels from `left_px` on."""

    begin_ns: int
    end_ns: int
    left_px: float
    width_px: float

    @property
    def span_ns(self) -> int:
        """Length of the axis, at least one second."""
        return max(NS_PER_S, self.end_ns - self.begin_ns)

    def x(self, t_ns: int) -> float:
        """Pixel of a moment; moments outside the axis stand at its ends."""
        inside = min(max(t_ns, self.begin_ns), self.begin_ns + self.span_ns)
        return self.left_px + self.width_px * (inside - self.begin_ns) / self.span_ns

    def width(self, start_ns: int, end_ns: int) -> float:
        """Pixels between two moments."""
        return self.x(end_ns) - self.x(start_ns)

    @property
    def step_s(self) -> int:
        """Seconds between two ticks: the smallest step that leaves room for labels; days for very long runs."""
        least_s = self.span_ns / NS_PER_S * TICK_PX / self.width_px
        return next((step for step in STEPS_S if step >= least_s), STEPS_S[-1] * (int(least_s // STEPS_S[-1]) + 1))

    def ticks(self) -> Iterator[int]:
        """Moments of the ticks: multiples of the step since the lab's epoch."""
        step_ns = self.step_s * NS_PER_S
        t_ns = -(-self.begin_ns // step_ns) * step_ns
        while t_ns <= self.begin_ns + self.span_ns:
            yield t_ns
            t_ns += step_ns
