"""Every column once in an interval, guests of a group evenly spread."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.clock import NS_PER_MS
from harness.errors import ConfigError
from harness.probes.schedule import build_schedule
from harness.probes.settings import BurstStage, SamplerSettings
from harness.probes.target import ProbeSignal, ProbeTarget
from harness.values import Signal

ICMP, UDP = ProbeSignal(Signal.ICMP), ProbeSignal(Signal.UDP, 7)
SETTINGS = SamplerSettings()


def targets(groups: list[int], *signals: ProbeSignal) -> list[ProbeTarget]:
    return [
        ProbeTarget(f"vm{group}-{n}", f"10.{group}.{n // 250}.{n % 250 + 1}", signals or (ICMP,), f"node{group}")
        for group, count in enumerate(groups)
        for n in range(count)
    ]


@settings(deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=12), st.booleans())
def test_each_column_is_in_one_segment_of_its_slot(groups: list[int], both: bool) -> None:
    asked = targets(groups, *((ICMP, UDP) if both else (ICMP,)))
    schedule = build_schedule(asked, SETTINGS, {Signal.ICMP, Signal.UDP})
    assert schedule.size == len(asked) * (2 if both else 1)
    assert len({(column.target, column.signal) for column in schedule.columns}) == schedule.size
    places = [place for slot in schedule.by_slot for segment in slot for place in range(segment.start, segment.stop)]
    assert places == list(range(schedule.size))
    for segment in schedule.segments:
        assert {schedule.columns[place].signal for place in range(segment.start, segment.stop)} == {segment.signal}
        assert schedule.slot_start[segment.slot] <= segment.start
        assert segment.stop <= schedule.slot_start[segment.slot + 1]
        assert schedule.place_in[segment.start : segment.stop].tolist() == list(range(segment.stop - segment.start))


@settings(deadline=None)
@given(st.integers(2, 50))
def test_a_group_is_spread_over_the_interval(count: int) -> None:
    schedule = build_schedule(targets([3, count]), SETTINGS, {Signal.ICMP})
    slots = sorted(
        segment.slot
        for segment in schedule.segments
        for place in range(segment.start, segment.stop)
        if schedule.targets[schedule.columns[place].target].group == "node1"
    )
    apart = [b - a for a, b in itertools.pairwise([*slots, slots[0] + SETTINGS.slots])]
    widest = max(b - a for a, b in itertools.pairwise([*SETTINGS.turns, SETTINGS.slots]))
    assert widest * SETTINGS.slot_ns <= SETTINGS.regular_ns
    assert all(abs(step - SETTINGS.slots / count) <= widest for step in apart)


def test_slots_are_about_equally_full() -> None:
    schedule = build_schedule(targets([50] * 20), SETTINGS, {Signal.ICMP})
    sizes = [sum(s.stop - s.start for s in schedule.by_slot[turn]) for turn in SETTINGS.turns]
    assert sum(sizes) == schedule.size
    assert max(sizes) - min(sizes) <= 2


def test_signals_that_nothing_carries_are_left_out() -> None:
    schedule = build_schedule(targets([3], ICMP, ProbeSignal(Signal.HTTP, 80)), SETTINGS, {Signal.ICMP})
    assert {column.signal for column in schedule.columns} == {Signal.ICMP}


@pytest.mark.parametrize(
    "wrong",
    [
        {"interval_ns": 101 * NS_PER_MS},
        {"slot_ns": 0},
        {"late_limit_ns": 50 * NS_PER_MS},
        {"drain_ns": NS_PER_MS},
        {"burst_ns": NS_PER_MS},
        {"burst_ns": 3 * NS_PER_MS},
        {"burst_ns": 102 * NS_PER_MS},
        {"burst_stages": ()},
        {"burst_stages": (BurstStage(5, 1),)},
    ],
)
def test_settings_that_do_not_go_together(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        SamplerSettings(**wrong)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: ProbeTarget("vm1", "guest.example"), "is no address"),
        (lambda: ProbeTarget("vm1", "10.0.0.1", ()), "no signal"),
        (lambda: ProbeTarget("vm1", "10.0.0.1", (ICMP, ICMP)), "twice"),
        (lambda: ProbeSignal(Signal.UDP), "has port 0"),
        (lambda: ProbeSignal(Signal.ICMP, 7), "knows no ports"),
    ],
)
def test_targets_that_cannot_be_asked(make: object, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        make()  # type: ignore[operator]
