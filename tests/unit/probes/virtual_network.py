"""A clock that jumps and a network that answers as told: the sampler in virtual time."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from harness.clock import NS_PER_MS, NS_PER_S
from harness.probes.schedule import Ints, Schedule, Segment
from harness.probes.target import ProbeSignal, ProbeTarget
from harness.probes.wire import BURST, Replies, Unsent
from harness.values import SampleRun, SampleWindow, Signal

MS, S = NS_PER_MS, NS_PER_S
RTT = 200_000
REFUSES = 1 << 60
"""Added to a round trip by guests that refuse."""

Behaviour = Callable[[str, int], int | None]
"""Round trip of a probe of a guest that leaves at an instant; None when it is lost."""


@dataclass
class VirtualClock:
    """Monotonic time that moves by sleeping, and by `tick_ns` with each look."""

    t_ns: int = 5 * S
    tick_ns: int = 1_000
    stops: list[tuple[int, int]] = field(default_factory=list)
    """Spans in which the process is stopped."""
    steps: list[tuple[int, int]] = field(default_factory=list)
    """CLOCK_REALTIME is set: instant, and by how much."""

    def now_ns(self) -> int:
        self._move(self.t_ns + self.tick_ns)
        return self.t_ns

    def real_ns(self) -> int:
        return self.stamp(self.t_ns)

    def sleep_until(self, at_ns: int) -> None:
        self._move(max(self.t_ns, at_ns))

    def stamp(self, t_ns: int) -> int:
        return t_ns + 1_700_000_000 * S + sum(by for at, by in self.steps if at <= t_ns)

    def _move(self, to_ns: int) -> None:
        for start, end in self.stops:
            if self.t_ns <= start < to_ns:
                to_ns = max(to_ns, end)
        self.t_ns = to_ns


@dataclass
class VirtualWire:
    """Guests that answer as `behaviour` says."""

    clock: VirtualClock
    behaviour: Behaviour
    signal: Signal = Signal.ICMP
    refuse: Callable[[int], int] = lambda t_ns: 0
    """errno with which the kernel takes no probe at an instant, 0 when it does."""
    sent: list[tuple[str, int]] = field(default_factory=list)
    chosen: int = 0
    """Probes out of turn."""
    sources: int = 0

    def prepare(self, schedule: Schedule, burst_room: int) -> None:
        self._names = [schedule.targets[column.target].vm for column in schedule.columns]
        self._under_way: list[tuple[int, int, int, bool]] = []
        self._arrived: list[tuple[int, int, int, bool]] = []
        self._columns: Ints = np.zeros(0, np.int64)

    def begin(self, number: int) -> None:
        self._number = number

    def sender(self, segment: Segment) -> Callable[[], int]:
        def send() -> int:
            self._unsent = self._send(range(segment.start, segment.stop), self._number)
            return segment.stop - segment.start if not self._unsent else -1

        return send

    def send_rest(self, segment: Segment, done: int) -> Unsent:
        return self._unsent

    def choose(self, columns: Ints) -> None:
        self._columns = columns.copy()

    def send_chosen(self, start: int, stop: int, number: int) -> Unsent:
        self.chosen += stop - start
        return self._send(self._columns[start:stop].tolist(), number | BURST)

    def _send(self, columns: Iterable[int], number: int) -> Unsent:
        t_ns, unsent = self.clock.t_ns, []
        for place, column in enumerate(columns):
            error = self.refuse(t_ns)
            if error:
                unsent.append((place, error))
                continue
            self.sent.append((self._names[column], t_ns))
            trip = self.behaviour(self._names[column], t_ns)
            if trip is not None:
                refused = trip >= REFUSES
                heapq.heappush(self._under_way, (t_ns + trip % REFUSES, column, number, refused))
        return unsent

    def gather(self) -> int:
        before = len(self._arrived)
        while self._under_way and self._under_way[0][0] <= self.clock.t_ns:
            self._arrived.append(heapq.heappop(self._under_way))
        return len(self._arrived) - before

    def gathered(self) -> Replies | None:
        arrived, self._arrived = self._arrived, []
        if not arrived:
            return None
        stamps = [self.clock.stamp(at) for at, *_ in arrived]
        columns, numbers, refused = ([entry[n] for entry in arrived] for n in (1, 2, 3))
        return Replies(
            np.array(columns, np.int64),
            np.array(numbers, np.int64),
            np.array(stamps, np.int64),
            False,
            np.array(refused, np.bool_) if any(refused) else None,
        )

    def change_source(self) -> None:
        self.sources += 1

    def capabilities_lost(self) -> tuple[str, ...]:
        return ()

    def close(self) -> None:
        pass


def guests(count: int, *signals: Signal, group: str = "node1") -> list[ProbeTarget]:
    """Guests vm0, vm1 and so on, all of one node."""
    asked = tuple(ProbeSignal(s, 0 if s is Signal.ICMP else 7) for s in signals or (Signal.ICMP,))
    return [ProbeTarget(f"vm{n}", f"192.0.2.{n + 1}", asked, group) for n in range(count)]


def runs_of(windows: Sequence[SampleWindow], vm: str, signal: Signal = Signal.ICMP) -> list[SampleRun]:
    """All runs of a guest and signal."""
    return [run for window in windows for run in window.runs if (run.vm, run.signal) == (vm, signal)]


def counts(windows: Sequence[SampleWindow]) -> dict[str, int]:
    """Samples by answer."""
    found: dict[str, int] = {}
    for window in windows:
        for run in window.runs:
            found[run.answer.value] = found.get(run.answer.value, 0) + run.count
    return found
