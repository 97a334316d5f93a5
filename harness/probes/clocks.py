"""The clocks of the sampler, and the kernel's receive stamps on its own.

Windows live on the monotonic clock.  The kernel stamps packets with CLOCK_REALTIME, which somebody may set while a
sampler runs.  Their difference is taken with every reading of replies (it only changes by such a step, since both
clocks are slewed alike); a stamp is converted with the difference under which it falls between the former reading and
this one.  So a step moves no edge and makes no answer slow, unless the clock is set back while the prober stands still:
then a stamp may fall there by either difference, and the later time is taken, which makes the answer's error wider.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

from harness import clock
from harness.probes.schedule import Ints

STEP_NS: Final = 200_000
"""A change of the difference above this is a step; below, it is how exactly two clocks can be read. [INF]"""
APART_NS: Final = 50_000
"""Readings of the two clocks further apart than this are repeated. [INF]"""
TRIES: Final = 4


class ProbeClock(Protocol):
    """Time for a sampler."""

    def now_ns(self) -> int:
        """Monotonic time."""

    def real_ns(self) -> int:
        """CLOCK_REALTIME."""

    def sleep_until(self, at_ns: int) -> None:
        """Sleep until monotonic `at_ns`; return at once when that is past."""


class MachineClock:
    """The clocks of this machine."""

    now_ns = staticmethod(clock.monotonic_ns)
    real_ns = staticmethod(clock.realtime_ns)
    sleep_until = staticmethod(clock.sleep_until)


@dataclass(frozen=True, slots=True)
class ClockStep:
    """CLOCK_REALTIME was set: noticed at `at_ns` (monotonic), ahead by `by_ns`."""

    at_ns: int
    by_ns: int


@dataclass(slots=True)
class StampConverter:
    """Kernel stamps to monotonic time."""

    clock: ProbeClock
    steps: list[ClockStep] = field(default_factory=list)
    _ahead_ns: int = 0
    """CLOCK_REALTIME less monotonic time, as last read."""
    _before_ns: int = 0
    """The same before the last step."""
    _compared: tuple[int, int] = (0, 0)
    """The difference as just compared, and by how much it may be wrong."""
    _read_ns: int = 0
    """When replies were last read."""

    def __post_init__(self) -> None:
        self._compared = self._difference()
        self._ahead_ns = self._before_ns = self._compared[0]
        self._read_ns = self.clock.now_ns()

    def _difference(self) -> tuple[int, int]:
        """The difference, and by how much it may be wrong."""
        best, error = 0, 1 << 62
        for _ in range(TRIES):
            start = self.clock.now_ns()
            real = self.clock.real_ns()
            end = self.clock.now_ns()
            if end - start < error:
                best, error = real - (start + end) // 2, end - start
            if error <= APART_NS:
                break
        return best, error

    def compare(self) -> bool:
        """Compare the clocks; once before each reading of replies.  True when CLOCK_REALTIME was set: replies that were
        read before must be converted before `adopt`."""
        self._compared = ahead, error = self._difference()
        return abs(ahead - self._ahead_ns) > STEP_NS + error

    def adopt(self) -> int:
        """Convert by the difference compared last from now on.  Gives the monotonic time."""
        ahead, error = self._compared
        now = self.clock.now_ns()
        change = ahead - self._ahead_ns
        if abs(change) > STEP_NS + error:
            self.steps.append(ClockStep(now, change))
            self._before_ns = self._ahead_ns
            self._ahead_ns = ahead
        elif error <= APART_NS:
            self._ahead_ns = ahead
        return now

    def convert(self, stamps: Ints) -> Ints:
        """Monotonic receive times of replies that were waiting since the former reading; those without a stamp, or
        with one that no difference explains, were received at the latest now."""
        now = self.clock.now_ns()
        earliest, latest = self._read_ns - STEP_NS, now + STEP_NS
        times: Ints = stamps - self._ahead_ns
        if int(times.min()) < earliest or int(times.max()) > latest:
            wrong = (times < earliest) | (times > latest)
            former = stamps[wrong] - self._before_ns
            times[wrong] = np.where((former < earliest) | (former > latest), now, former)
        return times

    def done(self, at_ns: int) -> None:
        """All replies that had arrived by `at_ns` have been read."""
        self._read_ns = at_ns
