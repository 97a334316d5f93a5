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
        heads = starts[opens[starts]]
        tails = ends[(ends > starts) | ~opens[starts]]
        between = starts + opens[starts]
        inner = between < ends
        from_, to, spacing = self._even_parts(beats, between[inner], ends[inner] - 1)
        alone = np.concatenate([heads, tails])
        starts, ends = np.concatenate([alone, from_]), np.concatenate([alone, to])
        spacing = np.concatenate([self._periods_ns[beats.guest[alone]], spacing])
        rows = zip(
            beats.guest[starts].tolist(),
            beats.at_ns[starts].tolist(),
            spacing.tolist(),
            (ends - starts + 1).tolist(),
            beats.boot[starts].tolist(),
            beats.number[starts].tolist(),
            beats.number[ends].tolist(),
            strict=True,
        )
        names, prober = self._names, self._prober
        found += [
            SampleRun(names[guest], at, interval, count, Answer.OK, boot, low, high, Signal.HEARTBEAT, 0, prober)
            for guest, at, interval, count, boot, low, high in rows
        ]

    def _even_parts(self, beats: Beats, starts: Ints, ends: Ints) -> tuple[Ints, Ints, Ints]:
        """Cut stretches (first and last element) into halves and halves of halves, until each is even enough; first
        and last element of the parts, and their mean distance."""
        done: list[tuple[Ints, Ints, Ints]] = [(starts[:0], starts[:0], starts[:0])]
        while len(starts):
            sizes = ends - starts + 1
            spread_ns = beats.at_ns[ends] - beats.at_ns[starts]
            spacing = np.where(sizes > 1, spread_ns // np.maximum(sizes - 1, 1), self._periods_ns[beats.guest[starts]])
            part = np.repeat(np.arange(len(starts)), sizes)
            place = np.arange(len(part)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
            off_ns = beats.at_ns[starts[part] + place] - (beats.at_ns[starts][part] + place * spacing[part])
            crooked = np.zeros(len(starts), np.bool_)
            crooked[part[np.abs(off_ns) > self._limits_ns[beats.guest[starts]][part]]] = True
            done.append((starts[~crooked], ends[~crooked], spacing[~crooked]))
            starts, ends = starts[crooked], ends[crooked]
            middle = starts + (ends - starts) // 2
            starts, ends = np.concatenate([starts, middle + 1]), np.concatenate([middle, ends])
        first, last, spacing = (np.concatenate(parts) for parts in zip(*done, strict=True))
        return first, last, spacing

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
