"""What is usual for each column: its round trip, and the one above which an answer is slow."""

from __future__ import annotations

from typing import Final

import numpy as np

from harness.probes.schedule import Flags, Ints
from harness.probes.settings import SamplerSettings

PER_OCTAVE_BITS: Final = 2
"""Four classes of round trips for each doubling."""
SHIFT: Final = 23 - PER_OCTAVE_BITS
"""A single-precision number has 23 bits behind its exponent; the upper ones of those make the class."""
LOWEST: Final = 1024.0
"""Round trips below about a microsecond fall in class 0."""
CLASSES: Final = 96
"""Up to 16 s."""
FORGET: Final = 65_536
"""After so many answers all counts are halved, so that the baseline follows. [INF]"""
PARTS: Final = 10
"""The limits are computed for a tenth of the columns at a time."""

_LOWEST_CLASS: Final = int(np.float32(LOWEST).view(np.int32)) >> SHIFT


def classes(round_trips: Ints) -> Ints:
    """The class of each round trip, in ns, on a logarithmic scale."""
    found = (round_trips.astype(np.float32).view(np.int32) >> SHIFT) - _LOWEST_CLASS
    clipped: Ints = np.minimum(np.maximum(found, 0), CLASSES - 1).astype(np.int64)
    return clipped


def upper_edge(number: Ints) -> Ints:
    """The round trip at which class `number` ends."""
    edge: Ints = ((number + 1 + _LOWEST_CLASS) << SHIFT).astype(np.int32).view(np.float32).astype(np.int64)
    return edge


class Baseline:
    """Round trips of all columns: a histogram each, an average that follows quickly, and the limit for slow."""

    def __init__(self, size: int, settings: SamplerSettings) -> None:
        self._settings = settings
        self._counts = np.zeros((size, CLASSES), np.uint32)
        self._flat = self._counts.reshape(-1)
        self._row = np.arange(size, dtype=np.int64) * CLASSES
        self._part = 0
        self._unheard = size
        """Columns that never answered."""
        self.usual = np.zeros(size, np.int64)
        """Round trip as it usually is, 0 while the column has never answered."""
        self.slow_above = np.full(size, settings.slow_unknown_ns, np.int64)

    def begin(self, columns: Ints, round_trips: Ints) -> None:
        """Answers that just came: the first one of a column is its usual round trip for the time being."""
        if self._unheard:
            new = self.usual[columns] == 0
            if new.any():
                self.usual[columns[new]] = np.maximum(round_trips[new], 1)
                self._unheard = self.usual.size - int(np.count_nonzero(self.usual))

    def count(self, where: slice | Ints, round_trips: Ints, usual: Flags) -> None:
        """Put those round trips of the columns `where` that are `usual` (neither lost nor slow) into their histograms
        and averages."""
        places = self._row[where] + classes(round_trips)
        before = self.usual[where]
        moved = before + ((round_trips - before) >> 3)
        if usual.all():
            self._flat[places] += 1
            self.usual[where] = np.maximum(moved, 1)
        else:
            self._flat[places[usual]] += 1
            self.usual[where] = np.where(usual, np.maximum(moved, 1), before)

    def renew(self) -> None:
        """Compute the limit for slow anew for the next tenth of the columns."""
        size = self._row.size
        start, stop = self._part * size // PARTS, (self._part + 1) * size // PARTS
        self._part = (self._part + 1) % PARTS
        if start == stop:
            return
        counts = self._counts[start:stop]
        summed = counts.cumsum(axis=1, dtype=np.int64)
        total = summed[:, -1]
        highest = (summed * 100 < total[:, None] * 99).sum(axis=1)
        limit = np.maximum(upper_edge(highest) * self._settings.slow_factor, self._settings.slow_floor_ns)
        self.slow_above[start:stop] = np.where(
            total >= self._settings.baseline_least, limit, self._settings.slow_unknown_ns
        )
        counts[total > FORGET] >>= 1
