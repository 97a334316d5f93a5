"""How a guest meets a packet at an instant: the script of outages as arrays, for many packets at once."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from harness.testing.outages.script import AWAY, FOREVER_NS, Kind, Setup

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

KINDS: Final = tuple(Kind)
NO_OUTAGE: Final = -1
_AWAY: Final = np.array([kind in AWAY for kind in KINDS])
_NO_PING: Final = np.array([kind in AWAY or kind is Kind.FILTERED for kind in KINDS])
_LATE: Final = np.array([kind is Kind.BROWN for kind in KINDS])


class Behaviour:
    """The script of a responder, asked by guest (its index in the setup) and instant (since the script's beginning).

    An outage lasts from its start, included, to its end, excluded.
    """

    def __init__(self, setup: Setup) -> None:
        index = {guest.vm: at for at, guest in enumerate(setup.guests)}
        self.outages = tuple(sorted(setup.outages, key=lambda one: (index[one.vm], one.start_ns)))
        self.guest = np.array([index[one.vm] for one in self.outages], dtype=np.int64)
        self.start_ns = np.array([one.start_ns for one in self.outages], dtype=np.int64)
        self.end_ns = np.array([one.end_ns for one in self.outages], dtype=np.int64)
        self.kind = np.array([KINDS.index(one.kind) for one in self.outages], dtype=np.int64)
        self._keys = self.guest * FOREVER_NS + self.start_ns

    def latest(self, guests: Ints, at_ns: Ints) -> Ints:
        """The outage of each guest that began last before or at each instant; NO_OUTAGE when there was none."""
        if not self.outages:
            return np.full(len(guests), NO_OUTAGE, dtype=np.int64)
        found = np.searchsorted(self._keys, guests * FOREVER_NS + np.clip(at_ns, 0, FOREVER_NS - 1), "right") - 1
        return np.where((found >= 0) & (self.guest[found] == guests) & (at_ns >= 0), found, NO_OUTAGE)

    def current(self, guests: Ints, at_ns: Ints) -> Ints:
        """The outage in which each guest is at each instant; NO_OUTAGE when in none."""
        latest = self.latest(guests, at_ns)
        if not self.outages:
            return latest
        return np.where((latest >= 0) & (at_ns < self.end_ns[latest]), latest, NO_OUTAGE)

    def silent(self, current: Ints, *, ping: bool) -> Bools:
        """Whether a guest in these outages leaves a datagram (or a ping) without answer."""
        return self._are(current, _NO_PING if ping else _AWAY)

    def late(self, current: Ints) -> Bools:
        """Whether a guest in these outages answers late."""
        return self._are(current, _LATE)

    def kind_at(self, guest: int, at_ns: int) -> Kind | None:
        """In which way one guest is away at an instant; None when in none."""
        current = self.current(np.array([guest]), np.array([at_ns]))[0]
        return None if current < 0 else self.outages[current].kind

    def _are(self, current: Ints, table: Bools) -> Bools:
        if not self.outages:
            return np.zeros(len(current), dtype=np.bool_)
        return (current >= 0) & table[self.kind[current]]
