"""Burst on suspicion: a target that falls silent is probed often until it answers, so that the end of its outage is
known better than by the schedule."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from typing import Final

from harness.clock import NS_PER_MS
from harness.probes.attempts import Attempt, Track
from harness.probes.services import Timing

PATIENCE_NS: Final = 15 * NS_PER_MS
"""A probe older than the usual round trip by this makes its target a suspect [D faults-and-availability §5.2]."""
MOST_SUSPECTS: Final = 256
"""Targets that are probed in bursts at once [D faults-and-availability §5.2]."""
BURST_UNDER_WAY: Final = 8
"""Burst probes of one target that are waited for.  The oldest gives way, without a sample: only those just before the
recovery tell when it was [INF]."""
BURSTS_A_STEP: Final = 8
"""Burst probes of all targets in one step, so that a lost node does not become a flood [INF]."""
_AGE_FOR_INTERVAL: Final = 1000
"""The burst interval stays near a thousandth of the outage: a long one need not be known to 10 ms [INF]."""


class Suspects:
    """Which targets are silent, and whose turn it is.  Only targets whose timing has a burst become suspects."""

    def __init__(self) -> None:
        self._doubts: list[tuple[int, int, Attempt]] = []
        """When to look whether a probe is still unanswered."""
        self._turns: list[tuple[int, int, Track]] = []
        self._numbers = itertools.count(1)
        self._bursting = 0

    def __len__(self) -> int:
        """Targets that are probed in bursts now."""
        return self._bursting

    def sent(self, attempt: Attempt) -> None:
        """A scheduled probe is on its way."""
        if attempt.track.lane.timing.burst_ns and not attempt.extra:
            due_ns = attempt.sent_ns + attempt.track.usual_ns + PATIENCE_NS
            heapq.heappush(self._doubts, (due_ns, next(self._numbers), attempt))

    def answered(self, attempt: Attempt) -> None:
        """Whatever the answer was: its target is no suspect any more."""
        track = attempt.track
        track.answered_ns = max(track.answered_ns, attempt.sent_ns)
        track.suspect_ns = None
        self._rest(track)

    def silent(self, attempt: Attempt) -> None:
        """Not answered by now.  Makes its target a suspect, unless a later probe was answered."""
        track = attempt.track
        known = track.suspect_ns is not None or attempt.sent_ns < track.answered_ns
        if known or not track.lane.timing.burst_ns or self._bursting >= MOST_SUSPECTS:
            return
        track.suspect_ns = attempt.sent_ns
        self._bursting += 1
        self._queue(track, attempt.sent_ns)

    def due(self, now_ns: int) -> Iterator[tuple[Track, int]]:
        """Targets to probe now, those that wait longest first, and the time for which that probe stands."""
        while self._doubts and self._doubts[0][0] <= now_ns:
            attempt = heapq.heappop(self._doubts)[2]
            if attempt.link is not None:
                self.silent(attempt)
        given = 0
        while given < BURSTS_A_STEP and self._turns and self._turns[0][0] <= now_ns:
            _, number, track = heapq.heappop(self._turns)
            if number != track.turn or track.suspect_ns is None:
                continue
            interval_ns = burst_interval_ns(track.lane.timing, now_ns - track.suspect_ns)
            if interval_ns is None:
                self._rest(track)  # Still a suspect; the schedule alone goes on.
                continue
            self._queue(track, now_ns + interval_ns)
            if track.attempts and now_ns - track.attempts[-1].sent_ns < interval_ns // 2:
                continue  # The schedule has just asked.
            given += 1
            yield track, interval_ns

    def _queue(self, track: Track, due_ns: int) -> None:
        track.turn = next(self._numbers)
        heapq.heappush(self._turns, (due_ns, track.turn, track))

    def _rest(self, track: Track) -> None:
        if track.turn:
            track.turn = 0
            self._bursting -= 1


def burst_interval_ns(timing: Timing, age_ns: int) -> int | None:
    """How often a target is probed that is silent for `age_ns`; None when no oftener than by schedule."""
    interval_ns = timing.burst_ns
    while interval_ns * _AGE_FOR_INTERVAL < age_ns:
        interval_ns *= 2
    return interval_ns if interval_ns < timing.interval_ns else None
