"""The sink of heartbeats: guests push, it only receives.

Not hearing a guest says *since when*, and the numbers in its datagrams say *why*: after a gap they go on without a hole
(it was frozen), with one (it ran, and was not heard), or there is a new boot (it was restarted).  The ledger draws
these conclusions; here the numbers are made fit for that.

The sink fits the loop of the other probes: `step` often, `runs` for each window, `close` at the end.  Instants are of
the monotonic clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Final, Protocol

import numpy as np

from harness.clock import NS_PER_MS, wall_minus_monotonic_ns
from harness.errors import ConfigError
from harness.journal import Redactor
from harness.probes.heartbeat_clocks import ClockOffset, GuestClocks
from harness.probes.heartbeat_columns import authentic, read_columns, well_formed
from harness.probes.heartbeat_order import Beats, Ints, Order
from harness.probes.heartbeat_runs import SILENCE_PERIODS, HeartbeatRuns
from harness.probes.heartbeat_wire import MOST_BYTES, HeartbeatKey, guest_id
from harness.probes.receiving import DatagramReceiver, Received
from harness.values import SampleRun

SETTLE_NS: Final = NS_PER_MS
"""[INF] What arrived so long ago is in the socket's queue."""
MOST_PENDING: Final = 1 << 13
"""Datagrams that wait to be looked at, together, before a window asks for them."""
ROOM: Final = MOST_BYTES + 8
"""Of a row: a datagram that is longer than ours is not cut down to one of ours."""


class Receiver(Protocol):
    """Where datagrams come from."""

    def receive(self, now_ns: int) -> Received:
        """What is there; returns at once."""

    def close(self) -> None:
        """Give the port back."""

    @property
    def port(self) -> int:
        """Where guests send to."""


@dataclass(slots=True)
class SinkHealth:
    """What the sink itself met.  `dropped`: by the kernel, for want of room, in the `blind` spans (start, end).
    That may have hit any guest, so a silence there says nothing."""

    received: int = 0
    malformed: int = 0
    wrong_tag: int = 0
    unknown_guest: int = 0
    dropped: int = 0
    fresh: int = 0
    missing: int = 0
    duplicates: int = 0
    overtaken: int = 0
    stragglers: int = 0
    reboots: int = 0
    agent_restarts: int = 0
    rollbacks: int = 0
    blind: tuple[tuple[int, int], ...] = ()
    unheard: tuple[str, ...] = ()


class HeartbeatSink:
    """Receives the heartbeats of the guests that it knows.  A guest speaks for itself from its first heartbeat on."""

    def __init__(
        self,
        periods_ns: Mapping[str, int],
        receiver: Receiver,
        *,
        key: HeartbeatKey | None = None,
        redactor: Redactor | None = None,
        silence_periods: int = SILENCE_PERIODS,
        prober: str = "",
        wall_offset_ns: Callable[[], int] = wall_minus_monotonic_ns,
    ) -> None:
        """`periods_ns` holds each guest's period.  Raises ConfigError for names that cannot be told apart, ValueError
        for a period that is none."""
        self._names = tuple(periods_ns)
        if any(period <= 1 for period in periods_ns.values()) or silence_periods < 1:
            raise ValueError("a heartbeat's period and the silence that is an outage must be positive")
        if key is not None and redactor is not None:
            redactor.register(key.text)
        periods = np.array(list(periods_ns.values()), np.int64)
        self._receiver = receiver
        self._key = key
        self._wall_offset_ns = wall_offset_ns
        self._ids, self._index_of_id = _id_table(self._names)
        self._order = Order(periods)
        self._runs = HeartbeatRuns(self._names, periods, silence_periods=silence_periods, prober=prober)
        self._clocks = GuestClocks(self._names)
        self._health = SinkHealth()
        self._pending: list[Received] = []
        self._pending_count = 0
        self._known_ns = 0
        self._stepped_ns: int | None = None
        self._blind: list[tuple[int, int]] = []

    @property
    def port(self) -> int:
        """The UDP port at which guests are heard."""
        return self._receiver.port

    def step(self, now_ns: int) -> None:
        """Take what arrived; cheap when it is called often.  Raises HarnessError when the socket fails."""
        came = self._receiver.receive(now_ns)
        self._known_ns = max(self._known_ns, _known_after(came, now_ns))
        if came.dropped > self._health.dropped:
            since_ns = now_ns if self._stepped_ns is None else self._stepped_ns
            self._blind.append((min(since_ns, now_ns), now_ns))
            self._health.dropped = came.dropped
        self._stepped_ns = now_ns
        if len(came.rows):
            self._pending.append(came)
            self._pending_count += len(came.rows)
        if self._pending_count >= MOST_PENDING:
            self._look()

    def runs(self, until_ns: int) -> list[SampleRun]:
        """All runs up to `until_ns` that were not given yet, in order of time; of each guest without overlap.

        A silence that may still turn out to be none comes with a later call.
        """
        self._look()
        return self._runs.runs(until_ns, self._known_ns)

    def clock_offsets(self, *, close: bool = False) -> list[ClockOffset]:
        """Records of the guests' clocks that were not given yet; with `close` of windows that are not over too."""
        self._look()
        return self._clocks.records(close=close)

    @property
    def health(self) -> SinkHealth:
        """What the sink met so far."""
        self._look()
        silent = tuple(name for name, heard in zip(self._names, self._order.heard.tolist(), strict=True) if not heard)
        own = asdict(self._health) | asdict(self._order.counts)
        return SinkHealth(**(own | {"blind": tuple(self._blind), "unheard": silent}))

    def close(self) -> None:
        """Give the port back.  What was received can still be asked for."""
        self._receiver.close()

    def _look(self) -> None:
        """Look at all datagrams that wait."""
        if not self._pending:
            return
        pending, self._pending, self._pending_count = self._pending, [], 0
        beats = self._known_guests(
            Received(
                np.concatenate([came.rows for came in pending]),
                np.concatenate([came.lengths for came in pending]),
                np.concatenate([came.stamps_ns for came in pending]),
            )
        )
        fresh = self._order.take(beats, self._runs.told_ns)
        self._clocks.take(fresh, self._wall_offset_ns())
        self._runs.add(fresh)

    def _known_guests(self, came: Received) -> Beats:
        """The heartbeats of our guests; the others are counted."""
        health, key = self._health, self._key
        health.received += len(came.rows)
        columns = read_columns(came.rows)
        good = well_formed(columns, came.lengths, tagged=key is not None)
        place = np.minimum(np.searchsorted(self._ids, columns.guest), len(self._ids) - 1)
        known = good & (self._ids[place] == columns.guest)
        beats = Beats(
            self._index_of_id[place],
            came.stamps_ns,
            columns.number,
            columns.boot,
            columns.monotonic_ns,
            columns.wall_ns,
        )
        if key is None and known.all():
            return beats
        health.malformed += int((~good).sum())
        health.unknown_guest += int(good.sum()) - int(known.sum())
        chosen = np.flatnonzero(known)
        if key is not None:
            signed = np.array(authentic(came.rows, chosen.tolist(), key), np.int64)
            health.wrong_tag += len(chosen) - len(signed)
            chosen = signed
        return beats.pick(chosen)


def open_sink(
    address: str,
    port: int,
    periods_ns: Mapping[str, int],
    *,
    key: HeartbeatKey | None = None,
    redactor: Redactor | None = None,
) -> HeartbeatSink:
    """A sink at a UDP port of this machine.  Raises ConfigError when the port cannot be had."""
    return HeartbeatSink(periods_ns, DatagramReceiver(address, port, ROOM), key=key, redactor=redactor)


def _known_after(came: Received, now_ns: int) -> int:
    """Up to which instant everything that arrived is known after a receive."""
    if came.drained or not len(came.stamps_ns):
        return now_ns - SETTLE_NS
    return int(came.stamps_ns[-1]) - SETTLE_NS


def _id_table(names: tuple[str, ...]) -> tuple[np.ndarray[tuple[int], np.dtype[np.uint64]], Ints]:
    """Ids in order, and the index of each one's guest."""
    ids = np.array([guest_id(name) for name in names], np.uint64)
    if not names or len(set(ids.tolist())) < len(names):
        raise ConfigError(
            f"{len(names)} guests, {len(set(ids.tolist()))} ids: heartbeats of these guests cannot be told apart",
            hint="give the sink at least one guest, and each a name of its own in any case of letters",
        )
    order = np.argsort(ids)
    return ids[order], order.astype(np.int64)
