"""Kernel stamps on the monotonic clock, whatever happens to CLOCK_REALTIME."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.probes.clocks import STEP_NS, StampConverter
from tests.unit.probes.virtual_network import MS, VirtualClock


def converted(clock: VirtualClock, converter: StampConverter, received: list[int], read_ns: int) -> list[int]:
    stamps = np.array([clock.stamp(t_ns) for t_ns in received], np.int64)
    clock.sleep_until(read_ns)
    converter.compare()
    at_ns = converter.adopt()
    times = converter.convert(stamps)
    converter.done(at_ns)
    return times.tolist()


def test_without_a_step() -> None:
    clock = VirtualClock()
    converter = StampConverter(clock)
    received = [clock.t_ns + n * MS for n in range(20)]
    assert converted(clock, converter, received, clock.t_ns + 20 * MS) == pytest.approx(received, abs=2_000)
    assert converter.steps == []


@settings(deadline=None)
@given(st.integers(100, 10**9) | st.integers(-(10**9), -100), st.integers(1, 19))
def test_stamps_before_and_behind_a_step(by_ms: int, at_ms: int) -> None:
    clock = VirtualClock()
    start = clock.t_ns
    clock.steps.append((start + at_ms * MS, by_ms * MS))
    converter = StampConverter(clock)
    received = [start + n * MS + MS // 2 for n in range(20)]
    assert converted(clock, converter, received, start + 20 * MS) == pytest.approx(received, abs=2_000)
    (step,) = converter.steps
    assert step.by_ns == pytest.approx(by_ms * MS, abs=STEP_NS)


def test_a_stamp_that_nothing_explains_is_now() -> None:
    clock = VirtualClock()
    converter = StampConverter(clock)
    clock.sleep_until(clock.t_ns + 20 * MS)
    converter.compare()
    converter.adopt()
    (time,) = converter.convert(np.array([0], np.int64)).tolist()
    assert time == pytest.approx(clock.t_ns, abs=5_000)
