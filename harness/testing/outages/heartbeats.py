"""Guests that push heartbeats, in the form of `harness.probes.heartbeat_wire`."""

from __future__ import annotations

import heapq
import itertools
import socket
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harness.clock import NS_PER_MS, monotonic_ns, wall_minus_monotonic_ns
from harness.probes.heartbeat_wire import Heartbeat, boot_number, encode, guest_id
from harness.testing.outages import datagrams
from harness.testing.outages.behaviour import Behaviour, Bools, Ints
from harness.testing.outages.datagrams import Batch
from harness.testing.outages.script import Kind, Setup
from harness.testing.outages.truth import Ledger

HEAD: Final = np.dtype(
    [("head", "<u8"), ("guest", "<u8"), ("boot", "<i8"), ("number", "<i8"), ("monotonic_ns", "<i8"), ("wall_ns", "<i8")]
)
"""The datagram as `heartbeat_wire` documents it, for many at once."""
_BATCH: Final = 512
_PLAIN: Final = encode(Heartbeat(guest=1, boot=1, number=0, monotonic_ns=0, wall_ns=0))
_UPTIME_NS: Final = 3600 * 10**9
"""How long each guest has been up when it is first heard."""


class Heartbeats:
    """All guests' agents: each sends every `heartbeat_ms`, the guests spread evenly over that time.

    An agent sends to the address that the setup names, from its guest's own address.
    """

    def __init__(self, setup: Setup, behaviour: Behaviour, to: tuple[str, int], now_ns: int) -> None:
        count = len(setup.guests)
        self.ledger = Ledger("heartbeat", behaviour, count)
        self._setup, self._behaviour = setup, behaviour
        self._interval_ns = setup.heartbeat_ms * NS_PER_MS
        self._next_ns: Ints = now_ns + np.arange(count) * self._interval_ns // count
        self._ids = np.array([guest_id(guest.vm) for guest in setup.guests], dtype=np.uint64)
        self._boots = np.array([self._boot(guest, 0) for guest in range(count)], dtype=np.int64)
        self._numbers = np.zeros(count, dtype=np.int64)
        self._clock_ns: Ints = np.full(count, _UPTIME_NS - now_ns, dtype=np.int64)
        """What each guest's monotonic clock is ahead of this machine's."""
        self._lived: list[int] = [int(np.searchsorted(behaviour.guest, guest)) for guest in range(count)]
        """The first outage of each guest that it has not come through yet."""
        self._sources = np.array([datagrams.number(guest.address) for guest in setup.guests], dtype=np.uint32)
        self._batch = Batch(_BATCH, HEAD.itemsize)
        self._batch.names[:] = datagrams.peer_names(np.full(_BATCH, datagrams.number(to[0]), dtype=np.uint32), to[1])
        self._late: list[tuple[int, int, bytes, int]] = []
        self._order = itertools.count()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    @property
    def next_ns(self) -> int:
        """When the next one is due."""
        due_ns = int(self._next_ns.min())
        return min(due_ns, self._late[0][0]) if self._late else due_ns

    def push(self, now_ns: int, begin_ns: int) -> None:
        """Send what is due.  A beat that could not be sent in its time is left out, as an agent does."""
        due = np.flatnonzero(self._next_ns <= now_ns)
        for at in range(0, len(due), _BATCH):
            self._beat(due[at : at + _BATCH], now_ns, begin_ns)
        missed = (now_ns - self._next_ns[due]) // self._interval_ns
        self._next_ns[due] += (missed + 1) * self._interval_ns
        while self._late and self._late[0][0] <= now_ns:
            _, _, row, source = heapq.heappop(self._late)
            self._send(np.frombuffer(row, dtype=np.uint8)[None], np.array([source], dtype=np.uint32))

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _beat(self, guests: Ints, now_ns: int, begin_ns: int) -> None:
        at_ns = np.full(len(guests), now_ns - begin_ns, dtype=np.int64)
        current = self._behaviour.current(guests, at_ns)
        silent, late = self._behaviour.silent(current, ping=False), self._behaviour.late(current)
        self._come_through(guests[~silent], now_ns - begin_ns)
        rows = self._rows(guests, now_ns)
        self._numbers[guests[~silent | self._runs_on(current)]] += 1
        met = silent | late
        self._send(rows[~met], self._sources[guests[~met]])
        # On their way by now at the latest: that may be a moment after the outage that they just escaped began.
        sent_ns = np.full(int(np.count_nonzero(~met)), monotonic_ns() - begin_ns, dtype=np.int64)
        self.ledger.take(guests[met], at_ns[met], met[met])
        self.ledger.take(guests[~met], sent_ns, met[~met])
        for row in np.flatnonzero(late):
            due_ns = now_ns + self._setup.late_ns
            source = int(self._sources[guests[row]])
            heapq.heappush(self._late, (due_ns, next(self._order), rows[row].tobytes(), source))

    def _runs_on(self, current: Ints) -> Bools:
        """Guests that count unheard."""
        outages = self._behaviour.outages
        return np.array([at >= 0 and outages[at].kind is Kind.ISOLATED for at in current], dtype=np.bool_)

    def _come_through(self, guests: Ints, at_ns: int) -> None:
        """What the outages that are over have done to these guests."""
        latest = self._behaviour.latest(guests, np.full(len(guests), at_ns, dtype=np.int64))
        for guest, last in zip(guests.tolist(), latest.tolist(), strict=True):
            while self._lived[guest] <= last and self._behaviour.end_ns[self._lived[guest]] <= at_ns:
                outage = self._behaviour.outages[self._lived[guest]]
                if outage.kind is Kind.RESTARTED:
                    self._boots[guest] = self._boot(guest, self._lived[guest] + 1)
                    self._numbers[guest] = 0
                elif outage.kind is Kind.FROZEN:
                    self._clock_ns[guest] -= outage.length_ns
                self._lived[guest] += 1

    def _boot(self, guest: int, after: int) -> int:
        return boot_number(f"{self._setup.seed}/{self._setup.guests[guest].vm}/{after}")

    def _rows(self, guests: Ints, now_ns: int) -> NDArray[np.uint8]:
        head = np.frombuffer(_PLAIN * len(guests), dtype=HEAD).copy()
        head["guest"], head["boot"], head["number"] = self._ids[guests], self._boots[guests], self._numbers[guests]
        head["monotonic_ns"] = now_ns + self._clock_ns[guests]
        head["wall_ns"] = now_ns + wall_minus_monotonic_ns()
        return head.view(np.uint8).reshape(len(guests), HEAD.itemsize)

    def _send(self, rows: NDArray[np.uint8], sources: NDArray[np.uint32]) -> None:
        count = len(rows)
        self._batch.data[:count] = rows
        self._batch.set_sources(sources)
        lengths = np.full(count, HEAD.itemsize, dtype=np.int64)
        self._batch.send(self._socket.fileno(), np.arange(count), lengths, with_source=True)
