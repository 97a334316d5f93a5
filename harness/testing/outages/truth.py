"""What the responder saw of its own silence: the ground truth of a measurement.

Times are those at which the kernel received a packet, on this machine's monotonic clock, which all processes share.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import numpy as np

from harness.testing.outages.behaviour import Behaviour, Bools, Ints
from harness.testing.outages.script import Kind

_NEVER: Final = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Silence:
    """One outage of one guest as it was played, for one kind of packet (`ping`, `datagram`, `heartbeat`, `kernel`).

    `start_ns` and `end_ns` are its edges: what came from `start_ns` on and before `end_ns` met the outage.  The others
    are packets next to the edges, None where none came: the last one answered before it, the first and the last one
    that met it, the first one answered after it.
    """

    vm: str
    kind: Kind
    packets: str
    start_ns: int
    end_ns: int
    last_answered_ns: int | None = None
    first_met_ns: int | None = None
    last_met_ns: int | None = None
    first_answered_ns: int | None = None
    met: int = 0
    """Packets that met the outage."""
    within_ns: int = 0
    """How exactly its edges are known: how long the worse of the two changes took."""


@dataclass(frozen=True, slots=True)
class Truth:
    """The log of a responder; `stalls` are times (start, end) in which the responder itself did not come to work, so
    that answers and heartbeats of that time are late by no fault of a prober."""

    begin_ns: int
    silences: tuple[Silence, ...]
    stalls: tuple[tuple[int, int], ...] = ()
    answered: Mapping[str, int] | None = None
    """Packets answered, by kind of packet."""

    def of(self, packets: str) -> tuple[Silence, ...]:
        """The silences of one kind of packet."""
        return tuple(one for one in self.silences if one.packets == packets)

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """From JSON."""
        silences = tuple(Silence(**one | {"kind": Kind(one["kind"])}) for one in plain["silences"])
        stalls = tuple((start, end) for start, end in plain["stalls"])
        return cls(int(plain["begin_ns"]), silences, stalls, plain["answered"])


class Ledger:
    """Keeps the packets next to the edges of each outage, for one kind of packet."""

    def __init__(self, packets: str, behaviour: Behaviour, guests: int) -> None:
        self.packets = packets
        self.answered = 0
        self._behaviour = behaviour
        count = len(behaviour.outages)
        self._last_answered = np.full(guests, _NEVER, dtype=np.int64)
        self._before = np.full(count, _NEVER, dtype=np.int64)
        self._first_met = np.full(count, _NEVER, dtype=np.int64)
        self._last_met = np.full(count, _NEVER, dtype=np.int64)
        self._after = np.full(count, _NEVER, dtype=np.int64)
        self._met = np.zeros(count, dtype=np.int64)

    def take(self, guests: Ints, at_ns: Ints, met: Bools) -> None:
        """Packets in order of time, given by guest and instant since the script's beginning.

        `met` tells which of them met an outage, the others were answered as always.
        """
        self.answered += int(np.count_nonzero(~met))
        if self._behaviour.outages:
            latest = self._behaviour.latest(guests, at_ns)
            self._take_met(guests[met], at_ns[met], latest[met])
            after = ~met & (latest >= 0)
            _set_first(self._after, latest[after], at_ns[after])
        self._last_answered[guests[~met]] = at_ns[~met]

    def _take_met(self, guests: Ints, at_ns: Ints, outages: Ints) -> None:
        if not len(outages):
            return
        first = _set_first(self._first_met, outages, at_ns)
        # An answered packet of the same batch lies within the batch's few milliseconds and is not looked for.
        self._before[outages[first]] = self._last_answered[guests[first]]
        self._last_met[outages] = at_ns
        np.add.at(self._met, outages, 1)

    def silences(self, begin_ns: int, until_ns: int) -> Iterator[Silence]:
        """What was seen of each outage that began before `until_ns` (monotonic clock)."""
        for at, outage in enumerate(self._behaviour.outages):
            if begin_ns + outage.start_ns < until_ns:
                yield Silence(
                    outage.vm,
                    outage.kind,
                    self.packets,
                    begin_ns + outage.start_ns,
                    begin_ns + outage.end_ns,
                    _instant(self._before[at], begin_ns),
                    _instant(self._first_met[at], begin_ns),
                    _instant(self._last_met[at], begin_ns),
                    _instant(self._after[at], begin_ns),
                    int(self._met[at]),
                )


def _instant(since_begin_ns: int, begin_ns: int) -> int | None:
    return None if since_begin_ns == _NEVER else begin_ns + int(since_begin_ns)


def _set_first(kept: Ints, at: Ints, values: Ints) -> Ints:
    """Set those entries of `kept` that are not set yet to their first value; returns the positions of these values."""
    new, first = np.unique(at, return_index=True)
    unset = kept[new] == _NEVER
    kept[new[unset]] = values[first[unset]]
    result: Ints = first[unset]
    return result
