"""Replies are counted often, looked at seldom, and each is converted by the clocks of its time."""

from __future__ import annotations

import pytest

from harness.probes.gathering import LOOK_COUNT, Gathering
from harness.probes.schedule import build_schedule
from harness.probes.settings import SamplerSettings
from harness.values import Signal
from tests.unit.probes.virtual_network import MS, RTT, VirtualClock, VirtualWire, guests

SETTINGS = SamplerSettings()


class Asking:
    """One guest that is asked at will and answers as told."""

    def __init__(self, clock: VirtualClock, *, count: int = 1) -> None:
        self.clock = clock
        self.answers = True
        self.wire = VirtualWire(clock, lambda vm, t_ns: RTT if self.answers else None)
        schedule = build_schedule(guests(count), SETTINGS, {Signal.ICMP})
        self.wire.prepare(schedule, 1)
        self.wire.begin(0)
        self._senders = [self.wire.sender(segment) for segment in schedule.segments]
        self.gathering = Gathering((self.wire,), clock, SETTINGS)
        self.look()

    def ask(self) -> int:
        """Ask all guests now; gives the time."""
        for send in self._senders:
            self.gathering.asked += send()
        return self.clock.t_ns

    def pause(self, ms: int = 20) -> bool:
        """Whether replies are to be looked at after so long."""
        self.clock.sleep_until(self.clock.t_ns + ms * MS)
        return self.gathering.gather()

    def look(self) -> list[int]:
        """When the replies came that nobody had looked at."""
        return [int(time) for _, times in self.gathering.replies() for time in times]


def test_replies_are_looked_at_seldom_while_none_is_missing() -> None:
    asking = Asking(VirtualClock())
    asking.pause(100)
    asking.look()
    sent, looks = [], []
    for _ in range(4):
        sent.append(asking.ask())
        looks.append(asking.pause())
    sent.append(asking.ask())
    looks.append(asking.pause(21))
    assert looks == [False, False, False, False, True]
    assert asking.look() == pytest.approx([t_ns + RTT for t_ns in sent], abs=2_000)


def test_a_missing_answer_is_looked_for_until_patience_is_over() -> None:
    asking = Asking(VirtualClock())
    asking.pause(100)
    asking.look()
    asking.answers = False
    asking.ask()
    looks = []
    for _ in range(4):
        looks.append(asking.pause())
        if looks[-1]:
            asking.look()
    assert looks == [True, True, False, False], "it was looked for when it had had its time, and is known then"
    asking.ask()
    assert asking.pause(), "another one"


def test_so_many_replies_are_looked_at_early() -> None:
    asking = Asking(VirtualClock(), count=200)
    asking.pause(100)
    asking.look()
    rounds = LOOK_COUNT // 200
    for _ in range(rounds):
        asking.ask()
    assert not asking.pause()
    asking.ask()
    assert asking.pause()
    assert len(asking.look()) == (rounds + 1) * 200


@pytest.mark.parametrize("by_ms", [50, -50, 3_600_000, -3_600_000])
def test_the_clock_is_set_between_gathering_and_looking(by_ms: int) -> None:
    clock = VirtualClock()
    asking = Asking(clock)
    asking.pause(100)
    asking.look()
    sent = [asking.ask()]
    assert not asking.pause(30)
    sent.append(asking.ask())
    assert not asking.pause(1)
    clock.steps.append((clock.t_ns + MS, by_ms * MS))
    clock.sleep_until(clock.t_ns + 2 * MS)
    sent.append(asking.ask())
    assert asking.pause(3)
    assert asking.look() == pytest.approx([t_ns + RTT for t_ns in sent], abs=2_000)
    (step,) = asking.gathering.converter.steps
    assert step.by_ns == pytest.approx(by_ms * MS, abs=10_000)
