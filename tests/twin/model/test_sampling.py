"""Run-length samples against a sampler that really looks at every instant."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.twin.model.reachability import Reachability
from harness.twin.model.states import Signal
from harness.twin.sampling import SampleRun, phase_ns, sample
from tests.examples import examples

from .conftest import MINUTE, SECOND, Plant

Make = Callable[..., Plant]


@st.composite
def timelines(draw: st.DrawFn) -> Reachability:
    """A timeline of up to a dozen changes, boots included."""
    line, t_ns, boot = Reachability(), 0, 1
    for _ in range(draw(st.integers(0, 12))):
        t_ns += draw(st.integers(0, 60))
        signal = draw(st.sampled_from(list(Signal)))
        if signal is Signal.Off and draw(st.booleans()):
            boot += 1
        line.record(t_ns, signal, boot)
    return line


def _guest_clock(line: Reachability, t_ns: int) -> tuple[int, int]:
    """Boot and running time at *t_ns*, counted nanosecond by nanosecond."""
    running, boot = 0, line.at(0).boot_id
    for instant in range(t_ns):
        here = line.at(instant)
        if here.boot_id != boot:
            running, boot = 0, here.boot_id
        running += here.signal in (Signal.Answering, Signal.Isolated)
    here = line.at(t_ns)
    return here.boot_id, 0 if here.boot_id != boot else running


def _brute_force(
    lines: dict[str, Reachability], t0: int, t1: int, interval: int, heartbeat: int
) -> list[tuple[str, int, bool, int, int | None]]:
    answers = []
    for index, (vm, line) in enumerate(lines.items()):
        phase = index * interval // len(lines)
        for t_ns in range(t0 + 1, t1 + 1):
            if t_ns >= 0 and (t_ns - phase) % interval == 0:
                boot, running = _guest_clock(line, t_ns)
                ok = line.at(t_ns).signal is Signal.Answering
                answers.append((vm, t_ns, ok, boot, running // heartbeat if ok else None))
    return answers


def _unfold(runs: list[SampleRun]) -> list[tuple[str, int, bool, int]]:
    return [(run.vm, run.first_ns + k * run.interval_ns, run.ok, run.boot_id) for run in runs for k in range(run.count)]


@settings(max_examples=examples(50), deadline=None)
@given(
    st.lists(timelines(), min_size=1, max_size=4),
    st.integers(0, 300),
    st.integers(0, 300),
    st.integers(1, 40),
    st.integers(1, 40),
)
def test_equals_a_brute_force_sampler(
    lines: list[Reachability], t0: int, length: int, interval: int, heartbeat: int
) -> None:
    named = {f"VM{index}": line for index, line in enumerate(lines)}
    runs = sample(named, t0, t0 + length, interval_ns=interval, heartbeat_ns=heartbeat)
    expected = _brute_force(named, t0, t0 + length, interval, heartbeat)
    assert _unfold(runs) == [item[:4] for item in expected]
    numbers = {(vm, t_ns): number for vm, t_ns, _, _, number in expected}
    for run in runs:
        assert run.count > 0
        assert run.heartbeat_first == numbers[run.vm, run.first_ns]
        assert run.heartbeat_last == numbers[run.vm, run.last_ns]


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(timelines(), min_size=1, max_size=3), st.lists(st.integers(0, 400), min_size=2, max_size=6))
def test_windows_join_without_gap_or_overlap(lines: list[Reachability], cuts: list[int]) -> None:
    named = {f"VM{index}": line for index, line in enumerate(lines)}
    edges = sorted(cuts)
    whole = _unfold(sample(named, edges[0], edges[-1], interval_ns=7))
    parts = [item for t0, t1 in pairwise(edges) for item in _unfold(sample(named, t0, t1, interval_ns=7))]
    assert sorted(parts) == sorted(whole)


@settings(max_examples=examples(60), deadline=None)
@given(timelines(), st.integers(1, 40))
def test_neighbouring_runs_differ(line: Reachability, interval: int) -> None:
    runs = sample({"VM": line}, 0, 800, interval_ns=interval, heartbeat_ns=1)
    for one, two in pairwise(runs):
        assert two.first_ns == one.last_ns + interval
        if one.ok and two.ok and one.boot_id == two.boot_id:
            # split only where guest time did not keep up with lab time
            assert two.heartbeat_first is not None
            assert one.heartbeat_last is not None
            assert two.heartbeat_first - one.heartbeat_last != interval


def test_phases_are_staggered_evenly() -> None:
    assert [phase_ns(index, 4, 100) for index in range(4)] == [0, 25, 50, 75]


def _gap(plant: Plant, vm: str) -> tuple[SampleRun, SampleRun, SampleRun]:
    lines = {name: guest.reachability for name, guest in plant.model.guests.items()}
    runs = [run for run in sample(lines, 0, plant.model.now_ns) if run.vm == vm]
    assert [run.ok for run in runs] == [True, False, True]
    return runs[0], runs[1], runs[2]


def test_frozen_guest_misses_no_number(make_plant: Make) -> None:
    plant = make_plant(guests=4, overrides={"guest.blackout_overhead": 700})
    plant.model.move_guest("VM01", "NODE02")
    plant.advance(MINUTE)
    before, _, after = _gap(plant, "VM01")
    assert before.heartbeat_last is not None
    assert after.heartbeat_first is not None
    assert after.heartbeat_first - before.heartbeat_last in (0, 1)
    assert after.first_ns - before.last_ns >= 7 * 100_000_000


def test_isolated_guest_jumps_by_the_gap(make_plant: Make) -> None:
    plant = make_plant(guests=4)
    plant.advance(SECOND)
    plant.model.isolate("NODE02")
    plant.advance(5 * SECOND)
    plant.model.reconnect("NODE02")
    plant.advance(SECOND)
    before, gap, after = _gap(plant, "VM02")
    assert before.heartbeat_last is not None
    assert after.heartbeat_first is not None
    assert (after.heartbeat_first - before.heartbeat_last) * 100_000_000 == after.first_ns - before.last_ns
    assert gap.boot_id == after.boot_id == 1


def test_restarted_guest_has_a_new_boot_and_counts_from_zero(make_plant: Make) -> None:
    plant = make_plant(guests=4)
    plant.model.power_off("NODE02")
    plant.advance(10 * MINUTE)
    lines = {name: guest.reachability for name, guest in plant.model.guests.items()}
    runs = [run for run in sample(lines, 0, plant.model.now_ns) if run.vm == "VM02"]
    assert runs[-1].ok
    assert (runs[-1].boot_id, runs[-1].heartbeat_first) == (2, 0)


def test_a_whole_update_is_a_handful_of_runs(make_plant: Make) -> None:
    plant = make_plant()
    plant.start()
    plant.finish()
    lines = {name: guest.reachability for name, guest in plant.model.guests.items()}
    runs = sample(lines, 0, plant.model.now_ns)
    assert sum(run.count for run in runs) > 9_000_000
    assert len(runs) < 400


def test_interval_must_be_positive() -> None:
    with pytest.raises(ValueError, match="at least 1 ns"):
        sample({}, 0, 1, interval_ns=0)
