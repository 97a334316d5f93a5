"""Time.  The only module of the harness that reads a clock or sleeps.

Two kinds of time meet here.  *Wall* time is the harness' own (`WallClock`); *lab* time is the lab's, an integer
number of nanoseconds since the lab's epoch, and belongs to the lab (`harness.labs.port.LabClock`).  On a virtual lab
clock no wall time passes while lab time does.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

import tenacity

NS_PER_S: Final = 1_000_000_000
NS_PER_MS: Final = 1_000_000

T = TypeVar("T")


def monotonic_ns() -> int:
    """Wall monotonic time in nanoseconds; comparable within one boot of this machine."""
    return time.monotonic_ns()


def wall_minus_monotonic_ns() -> int:
    """Wall time since 1970 less wall monotonic time, in nanoseconds: converts stamps of the kernel.

    Of three readings the one that took least: another process may get the processor in between.
    """
    readings = []
    for _ in range(3):
        before = time.monotonic_ns()
        wall = time.time_ns()
        after = time.monotonic_ns()
        readings.append((after - before, wall - (before + after) // 2))
    return min(readings)[1]


def utc_now() -> datetime:
    """Wall time in UTC."""
    return datetime.now(UTC)


def utc_text(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds, e.g. `2025-11-12T22:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def lab_utc(epoch: datetime, t_lab_ns: int) -> datetime:
    """The lab's own UTC at `t_lab_ns` nanoseconds after its `epoch` (microseconds are enough for a page)."""
    return epoch + timedelta(microseconds=t_lab_ns // 1000)


def pause(seconds: float) -> None:
    """Sleep on the wall clock."""
    time.sleep(seconds)


def realtime_ns() -> int:
    """Wall CLOCK_REALTIME in nanoseconds; somebody may set it at any time."""
    return time.time_ns()


def sleep_until(at_ns: int) -> None:
    """Sleep until `at_ns` on the wall's monotonic clock; returns at once when that is past."""
    remaining_ns = at_ns - time.monotonic_ns()
    if remaining_ns > 0:
        time.sleep(remaining_ns / NS_PER_S)


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point on the wall's monotonic clock."""

    at_ns: int

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """The deadline `seconds` from now."""
        return cls(monotonic_ns() + int(seconds * NS_PER_S))

    def remaining_s(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, (self.at_ns - monotonic_ns()) / NS_PER_S)

    def expired(self) -> bool:
        """True once the moment has passed."""
        return monotonic_ns() >= self.at_ns


def slow_collector() -> None:
    """Have the garbage collector run seldom: first thing in a process that loads much.

    What is loaded stays; walking through it again and again is a tenth of the time that loading takes.
    """
    gc.set_threshold(20_000, 50, 100)


def spare_collector() -> None:
    """Keep the garbage collector away from what a process with a large, lasting heap has loaded so far.

    Those objects live as long as the process; walking through them again and again makes its answers late.
    """
    gc.freeze()
    slow_collector()


class DeadlineExpiredError(TimeoutError):
    """`wait_until` gave up: the message names what was awaited, for how long, and what was seen last."""


def wait_until(
    probe: Callable[[], T | None],
    *,
    within_s: float,
    what: str,
    poll_s: float = 0.05,
    tolerate: tuple[type[Exception], ...] = (),
) -> T:
    """Call `probe` every `poll_s` wall seconds until it returns something other than None; return that.

    Exceptions of the types in `tolerate` count as None.  Raises DeadlineExpiredError after `within_s` seconds.
    """
    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_delay(within_s),
        wait=tenacity.wait_fixed(poll_s),
        retry=tenacity.retry_if_result(lambda value: value is None) | tenacity.retry_if_exception_type(tolerate),
        sleep=pause,
    )
    try:
        value = retrying(probe)
    except tenacity.RetryError as error:
        last = error.last_attempt.exception()
        seen = f"; last error: {last}" if last else ""
        raise DeadlineExpiredError(f"waited {within_s:g} s in vain for {what}{seen}") from last
    if value is None:
        raise DeadlineExpiredError(f"{what} gave nothing")
    return value
