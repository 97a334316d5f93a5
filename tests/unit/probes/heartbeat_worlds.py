"""Guests that send, a network that loses, doubles and delays, and what a sink should make of it, one datagram after
another."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from harness.probes.heartbeat import ROOM, HeartbeatSink
from harness.probes.heartbeat_wire import Heartbeat, HeartbeatKey, encode, guest_id
from harness.probes.receiving import Received
from harness.values import Answer, SampleRun

MS = 1_000_000
SETTLED_NS = 2 * MS
"""A sink knows everything that arrived so long ago."""


def no_offset() -> int:
    """Wall time is monotonic time in these worlds."""
    return 0


class Wire:
    """A receiver into which a test puts datagrams."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, bytes]] = []
        self.dropped = 0
        self.drained = True
        self.closed = False
        self.port = 0

    def put(self, at_ns: int, datagram: bytes) -> None:
        """One datagram that arrives at this instant."""
        self._waiting.append((at_ns, datagram))

    def receive(self, now_ns: int) -> Received:
        """What arrived by now."""
        came = [one for one in self._waiting if one[0] <= now_ns]
        self._waiting = [one for one in self._waiting if one[0] > now_ns]
        rows = np.zeros((len(came), ROOM), np.uint8)
        for row, (_, datagram) in zip(rows, came, strict=True):
            row[: min(len(datagram), ROOM)] = np.frombuffer(datagram[:ROOM], np.uint8)
        lengths = np.array([min(len(datagram), ROOM) for _, datagram in came], np.uint32)
        stamps = np.array([at_ns for at_ns, _ in came], np.int64)
        return Received(rows, lengths, stamps, self.dropped, self.drained)

    def close(self) -> None:
        """The port is given back."""
        self.closed = True


@dataclass
class World:
    """A sink and the wire into it."""

    periods_ns: dict[str, int]
    key: HeartbeatKey | None = None
    silence_periods: int = 3
    wire: Wire = field(default_factory=Wire)
    sink: HeartbeatSink = field(init=False)

    def __post_init__(self) -> None:
        self.sink = HeartbeatSink(
            self.periods_ns,
            self.wire,
            key=self.key,
            silence_periods=self.silence_periods,
            wall_offset_ns=no_offset,
        )

    def send(
        self,
        vm: str,
        at_ns: int,
        number: int,
        *,
        boot: int = 1,
        clock_ns: int | None = None,
        wall_ns: int | None = None,
        key: HeartbeatKey | None = None,
    ) -> None:
        """A datagram of a guest that arrives at `at_ns`; its clocks are right unless told otherwise."""
        clock = at_ns if clock_ns is None else clock_ns
        wall = at_ns if wall_ns is None else wall_ns
        self.wire.put(at_ns, encode(Heartbeat(guest_id(vm), boot, number, clock, wall), key or self.key))

    def runs(self, until_ns: int) -> list[SampleRun]:
        """All that is settled by then."""
        self.sink.step(until_ns + SETTLED_NS)
        return self.sink.runs(until_ns)


@dataclass(frozen=True)
class Sample:
    """One sample as it should come out."""

    at_ns: int
    answer: Answer
    boot: int
    number: int
    opens: bool = False
    """First of a stretch."""


@dataclass(frozen=True)
class Arrival:
    """A datagram that arrives.  `order` is its place in the guest's life: boot, agent process, send."""

    at_ns: int
    boot: int
    number: int
    clock_ns: int
    order: tuple[int, int, int]


def expected(arrivals: list[Arrival], period_ns: int, silence_periods: int, end_ns: int) -> list[Sample]:
    """Samples of one guest up to `end_ns`, from its datagrams in order of arrival."""
    found: list[Sample] = []
    newest: Arrival | None = None
    number = at_ns = 0
    for one in arrivals:
        if newest is not None and one.order <= newest.order:
            continue
        if newest is None or one.order[0] != newest.order[0]:
            number = one.number
        elif one.order[1] != newest.order[1]:
            passed = one.clock_ns - newest.clock_ns
            number += max(1, (2 * passed + period_ns) // (2 * period_ns))
        else:
            number += one.number - newest.number
        opens = True
        if newest is not None:
            silence = _silence(found[-1], one.at_ns, period_ns, silence_periods)
            opens = bool(silence) or newest.boot != one.boot or one.at_ns - at_ns > silence_periods * period_ns
            found += silence
        at_ns, newest = one.at_ns, one
        found.append(Sample(at_ns, Answer.OK, one.boot, number, opens))
    if found:
        found += [one for one in _silence(found[-1], end_ns, period_ns, silence_periods) if one.at_ns <= end_ns]
    return found


def _silence(last: Sample, at_ns: int, period_ns: int, silence_periods: int) -> list[Sample]:
    """Lost samples between a heartbeat and the next, or the present."""
    if at_ns - last.at_ns <= silence_periods * period_ns:
        return []
    lost = []
    due_ns = last.at_ns + period_ns
    while 2 * (at_ns - due_ns) >= period_ns:
        lost.append(Sample(due_ns, Answer.LOST, last.boot, last.number, opens=not lost))
        due_ns += period_ns
    return lost


def assert_tells(runs: list[SampleRun], samples: list[Sample], period_ns: int, silence_periods: int) -> None:
    """The runs of one guest say exactly these samples: none more, none less, edges exact, others near."""
    cursor, position = -1, 0
    for run in runs:
        assert run.count > 0
        assert run.interval_ns > 0
        assert run.first_ns > cursor, "runs overlap, or are out of order"
        cursor = run.last_ns
        meant = samples[position : position + run.count]
        assert len(meant) == run.count, f"{run} tells more than there was"
        position += run.count
        assert {(one.answer, one.boot) for one in meant} == {(run.answer, run.boot_id)}
        assert (run.first_ns, run.heartbeat_first) == (meant[0].at_ns, meant[0].number)
        assert run.heartbeat_last == meant[-1].number
        for place, one in enumerate(meant):
            off = abs(run.first_ns + place * run.interval_ns - one.at_ns)
            assert off <= (0 if one.answer is Answer.LOST else silence_periods * period_ns)
        assert not any(one.opens for one in meant[1:]), "a stretch opens within a run"
        if meant[0].opens:
            assert run.count == 1, "a stretch begins with a run of one"
    assert position == len(samples), f"{len(samples) - position} samples were not told: {samples[position:]}"
