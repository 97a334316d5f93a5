"""Which of many targets are due: each once an interval, evenly spread over it."""

from __future__ import annotations


class Stagger:
    """Target k of `count` is due at start + k × interval / count and each `interval_ns` from then on.

    The schedule never drifts.  What is late by more than half an interval is skipped and counted: to catch up would ask
    the targets in a rush, and lose answers by that [D faults-and-availability §5.4].  `due` counts all probes that were
    owed, `missed` those that were skipped.
    """

    def __init__(self, count: int, interval_ns: int) -> None:
        self.count = count
        self.interval_ns = interval_ns
        self.due = 0
        self.missed = 0
        self._start_ns: int | None = None
        self._next = 0
        """Number of the next probe, counted over all targets and rounds."""

    def take(self, now_ns: int, most: int) -> list[int]:
        """Indexes of the targets to probe now, at most `most`; the first call starts the schedule.

        The others stay due for the next call.
        """
        if self._start_ns is None:
            self._start_ns = now_ns
        if not self.count:
            return []
        first = max(self._next, self._first_from(now_ns - self.interval_ns // 2))
        end = max(first, min(self._end_at(now_ns), first + most))
        self.missed += first - self._next
        self.due += end - self._next
        self._next = end
        return [number % self.count for number in range(first, end)]

    def _first_from(self, t_ns: int) -> int:
        """Number of the first probe that is due at `t_ns` or later."""
        rounds, rest = divmod(max(0, t_ns - (self._start_ns or 0)), self.interval_ns)
        return rounds * self.count - (-rest * self.count // self.interval_ns)

    def _end_at(self, t_ns: int) -> int:
        """Number after the last probe that is due at `t_ns` or earlier."""
        rounds, rest = divmod(t_ns - (self._start_ns or 0), self.interval_ns)
        return rounds * self.count - (-(rest + 1) * self.count // self.interval_ns)
