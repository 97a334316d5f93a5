"""Heartbeats to runs of samples.

A guest is heard at the instants at which its heartbeats arrive.  Silence of up to `silence_periods` periods is part of
that.  A longer one is an outage: one lost sample at each instant at which a heartbeat was due, from the first one
missing, up to half a period before the next that comes; boot and number are the last ones known.

First and last sample of a stretch are runs of one with their exact instants.  Those between them are one run for each
call, evenly spaced: with the mean distance, and none further than `silence_periods` periods from its true instant.

What is told does not depend on how often one asks: a lost sample is told once nothing that comes can change it.  So the
samples of a silence that is not yet an outage come with a later call, and then lie before its window.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from harness.probes.heartbeat_order import Beats, Ints, group_starts, joined, nothing
from harness.values import Answer, SampleRun, Signal

SILENCE_PERIODS: Final = 3
"""[INF] Two heartbeats may be lost, and a third be late, on a network that is in order."""

_NEVER: Final = np.iinfo(np.int64).max


class HeartbeatRuns:
    """The runs of all guests."""

    def __init__(
        self, names: Sequence[str], periods_ns: Ints, *, silence_periods: int = SILENCE_PERIODS, prober: str = ""
    ) -> None:
        count = len(names)
        self._names = names
        self._periods_ns = periods_ns
        self._periods = periods_ns.tolist()
        self._limits_ns = periods_ns * silence_periods
        self._prober = prober
        self._heard = np.zeros(count, np.bool_)
        self._at_ns = np.zeros(count, np.int64)
        self._number = np.zeros(count, np.int64)
        self._boot = np.zeros(count, np.int64)
        self._lost = np.zeros(count, np.int64)
        """How many lost samples were told of after the last heartbeat."""
        self._held: list[Beats] = []

    @property
    def told_ns(self) -> Ints:
        """Up to which instant each guest was told of; -1 for one from which nothing was heard."""
        return np.where(self._heard, self._at_ns + self._lost * self._periods_ns, -1)

    def add(self, beats: Beats) -> None:
        """Fresh heartbeats, as `Order` gives them."""
        if len(beats):
            self._held.append(beats)

    def runs(self, until_ns: int, known_ns: int) -> list[SampleRun]:
        """All runs up to `until_ns` that were not given yet, ordered by their first instants.

        No heartbeat will come that arrived at `known_ns` or before and was not yet added.
        """
        held = joined(self._held) if self._held else nothing()
        held = held.pick(np.argsort(held.guest, kind="stable"))
        due = held.at_ns <= until_ns
        later = held.pick(~due)
        self._held = [later] if len(later) else []
        next_ns = np.full(len(self._names), _NEVER, np.int64)
        starts = group_starts(later.guest)
        next_ns[later.guest[starts]] = later.at_ns[starts]
        found: list[SampleRun] = []
        self._tell_heard(held.pick(due), found)
        self._tell_silence(until_ns, known_ns, next_ns, found)
        found.sort(key=lambda run: run.first_ns)
        return found

    # --- heard

    def _tell_heard(self, beats: Beats, found: list[SampleRun]) -> None:
        """Runs of what was heard, and of the silences that it ended."""
        if not len(beats):
            return
        guest, at_ns = beats.guest, beats.at_ns
        first = group_starts(guest)
        after_ns = before_ns(beats, first, self._at_ns)
        known = ~first | self._heard[guest]
        told = np.where(first, self._lost[guest], 0)
        silent = known & ((at_ns - after_ns > self._limits_ns[guest]) | (told > 0))
        boot_before = np.where(first, self._boot[guest], np.roll(beats.boot, 1))
        opens = ~known | silent | (boot_before != beats.boot)
        for index in np.flatnonzero(silent).tolist():
            self._tell_ended_silence(beats, index, bool(first[index]), found)
        self._tell_stretches(beats, opens, first, found)
        last = np.flatnonzero(np.append(first[1:], True))
        owner = guest[last]
        self._heard[owner] = True
        self._at_ns[owner], self._number[owner], self._boot[owner] = at_ns[last], beats.number[last], beats.boot[last]
        self._lost[owner] = 0

    def _tell_ended_silence(self, beats: Beats, index: int, from_memory: bool, found: list[SampleRun]) -> None:
        guest = int(beats.guest[index])
        if from_memory:
            since, number, boot = int(self._at_ns[guest]), int(self._number[guest]), int(self._boot[guest])
            told = int(self._lost[guest])
        else:
            since, number, boot = (int(part[index - 1]) for part in (beats.at_ns, beats.number, beats.boot))
            told = 0
        missing = _missing(int(beats.at_ns[index]) - since, self._periods[guest])
        self._lose(guest, since, number, boot, told, missing, found, ended=True)

    def _tell_stretches(
        self, beats: Beats, opens: npt.NDArray[np.bool_], first: npt.NDArray[np.bool_], found: list[SampleRun]
    ) -> None:
        """Each part of a stretch that is told now: its first sample where it opens, those between, its last."""
        starts = np.flatnonzero(opens | first)
        ends = np.append(starts[1:], len(beats)) - 1
        between = starts + opens[starts]
        sizes = np.maximum(ends - between, 0)
        spread = np.where(sizes > 1, beats.at_ns[np.maximum(ends - 1, 0)] - beats.at_ns[np.minimum(between, ends)], 0)
        spacing = np.where(sizes > 1, spread // np.maximum(sizes - 1, 1), self._periods_ns[beats.guest[starts]])
        crooked = self._crooked(beats, starts, ends, between, spacing)
        at_ns, number = beats.at_ns.tolist(), beats.number.tolist()
        rows = zip(
            beats.guest[starts].tolist(),
            beats.boot[starts].tolist(),
            starts.tolist(),
            between.tolist(),
            ends.tolist(),
            sizes.tolist(),
            spacing.tolist(),
            crooked.tolist(),
            strict=True,
        )
        for guest, boot, start, inner, end, size, interval, bent in rows:
            if start < inner:
                found.append(self._heard_run(guest, boot, at_ns[start], self._periods[guest], 1, number[start], None))
            if bent:
                self._tell_crooked(guest, boot, at_ns[inner:end], number[inner:end], found)
            elif size:
                last = number[end - 1]
                found.append(self._heard_run(guest, boot, at_ns[inner], interval, size, number[inner], last))
            if inner <= end:
                found.append(self._heard_run(guest, boot, at_ns[end], self._periods[guest], 1, number[end], None))

    def _crooked(self, beats: Beats, starts: Ints, ends: Ints, between: Ints, spacing: Ints) -> npt.NDArray[np.bool_]:
        """In which parts an evenly spaced sample would lie too far from its true instant."""
        part = np.repeat(np.arange(len(starts)), ends - starts + 1)
        place = np.arange(len(beats)) - between[part]
        even_ns = beats.at_ns[np.minimum(between, ends)][part] + place * spacing[part]
        inside = (place >= 0) & (np.arange(len(beats)) < ends[part])
        far = inside & (np.abs(beats.at_ns - even_ns) > self._limits_ns[beats.guest])
        crooked = np.zeros(len(starts), np.bool_)
        crooked[part[far]] = True
        return crooked

    def _tell_crooked(self, guest: int, boot: int, at_ns: list[int], number: list[int], found: list[SampleRun]) -> None:
        """Halves of halves, until each is even enough."""
        size = len(at_ns)
        interval = (at_ns[-1] - at_ns[0]) // (size - 1) if size > 1 else self._periods[guest]
        limit = int(self._limits_ns[guest])
        if any(abs(t_ns - at_ns[0] - place * interval) > limit for place, t_ns in enumerate(at_ns)):
            half = size // 2
            self._tell_crooked(guest, boot, at_ns[:half], number[:half], found)
            self._tell_crooked(guest, boot, at_ns[half:], number[half:], found)
            return
        found.append(self._heard_run(guest, boot, at_ns[0], interval, size, number[0], number[-1]))

    def _heard_run(
        self, guest: int, boot: int, first_ns: int, interval_ns: int, count: int, number: int, last: int | None
    ) -> SampleRun:
        return SampleRun(
            self._names[guest],
            first_ns,
            interval_ns,
            count,
            Answer.OK,
            boot,
            number,
            number if last is None else last,
            Signal.HEARTBEAT,
            0,
            self._prober,
        )

    # --- not heard

    def _tell_silence(self, until_ns: int, known_ns: int, next_ns: Ints, found: list[SampleRun]) -> None:
        """Silences that go on at `until_ns`."""
        quiet_ns = np.where(next_ns < _NEVER, next_ns, known_ns) - self._at_ns
        outage = self._heard & (quiet_ns > self._limits_ns)
        for guest in np.flatnonzero(outage).tolist():
            since, period = int(self._at_ns[guest]), self._periods[guest]
            missing = min(_missing(int(quiet_ns[guest]), period), (until_ns - since) // period)
            told = int(self._lost[guest])
            if missing > told:
                self._lose(guest, since, int(self._number[guest]), int(self._boot[guest]), told, missing, found)
                self._lost[guest] = missing

    def _lose(
        self,
        guest: int,
        since_ns: int,
        number: int,
        boot: int,
        told: int,
        missing: int,
        found: list[SampleRun],
        *,
        ended: bool = False,
    ) -> None:
        """The lost samples after number `told` up to number `missing` since a heartbeat; where the silence `ended` its
        last one stands alone."""
        period = self._periods[guest]
        cuts = [told, missing]
        if told == 0 and missing > 1:
            cuts.insert(1, 1)
        if ended and missing - cuts[-2] > 1:
            cuts.insert(-1, missing - 1)
        for start, end in pairwise(cuts):
            if end > start:
                first_ns = since_ns + (start + 1) * period
                found.append(
                    SampleRun(
                        self._names[guest],
                        first_ns,
                        period,
                        end - start,
                        Answer.LOST,
                        boot,
                        number,
                        number,
                        Signal.HEARTBEAT,
                        0,
                        self._prober,
                    )
                )


def before_ns(beats: Beats, first: npt.NDArray[np.bool_], at_first: Ints) -> Ints:
    """When the heartbeat before each one arrived; the first of a guest follows the one remembered in `at_first`."""
    return np.where(first, at_first[beats.guest], np.roll(beats.at_ns, 1))


def _missing(quiet_ns: int, period_ns: int) -> int:
    """How many heartbeats were due in a silence; one that comes within half a period of its instant is itself."""
    return (2 * quiet_ns + period_ns) // (2 * period_ns) - 1
