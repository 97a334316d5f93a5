"""The sampler in virtual time: what it says of guests, and what of itself."""

from __future__ import annotations

import errno
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import ConfigError
from harness.probes.runs import RunBuilder
from harness.probes.sampler import Sampler
from harness.probes.settings import BurstStage, SamplerSettings
from harness.probes.target import ProbeSignal, ProbeTarget
from harness.probes.wire import Replies
from harness.values import Answer, SampleRun, SampleWindow, Signal
from tests.examples import examples
from tests.unit.probes.virtual_network import (
    MS,
    REFUSES,
    RTT,
    Behaviour,
    S,
    VirtualClock,
    VirtualWire,
    counts,
    guests,
    runs_of,
)

INTERVAL = 100 * MS
START = 5 * S


def answering(vm: str, t_ns: int) -> int | None:
    return RTT


def away(start_ns: int, end_ns: int, only: str = "vm0") -> Behaviour:
    return lambda vm, t_ns: None if vm == only and start_ns <= t_ns < end_ns else RTT


def sample(
    behaviour: Behaviour,
    *,
    until_ns: int = START + 10 * S,
    clock: VirtualClock | None = None,
    targets: list[ProbeTarget] | None = None,
    chosen: SamplerSettings | None = None,
    wires: list[VirtualWire] | None = None,
) -> tuple[list[SampleWindow], Sampler, VirtualWire]:
    clock = clock or VirtualClock()
    wires = wires or [VirtualWire(clock, behaviour)]
    sampler = Sampler(targets or guests(5), chosen, (), clock=clock, wires=wires)
    sampler.run(until_ns=until_ns)
    return sampler.windows(), sampler, wires[0]


def gap(runs: list[SampleRun]) -> tuple[int, int, int, int]:
    """Last answered before, first lost, last lost, and first answered after the only outage."""
    lost = [run for run in runs if run.answer is Answer.LOST]
    before = [run for run in runs if run.last_ns < lost[0].first_ns]
    after = [run for run in runs if run.first_ns > lost[-1].last_ns]
    return before[-1].last_ns, lost[0].first_ns, lost[-1].last_ns, after[0].first_ns


def test_every_probe_is_one_sample() -> None:
    windows, sampler, wire = sample(answering)
    assert counts(windows) == {"ok": len(wire.sent)} == {"ok": 5 * 100}
    assert sampler.health().due == 500
    assert sampler.health().missed == 0
    assert {run.error_ns for window in windows for run in window.runs} <= set(range(RTT - MS // 10, RTT + MS // 10))


def test_guests_of_one_node_are_asked_evenly_spread() -> None:
    _, _, wire = sample(answering, until_ns=START + 202 * MS)
    first = sorted(t_ns for _, t_ns in wire.sent[:5])
    assert all(abs(b - a - INTERVAL // 5) <= SamplerSettings().regular_ns for a, b in itertools.pairwise(first))


def test_an_outage_ends_within_a_slot() -> None:
    start, end = START + 3 * S + 41 * MS, START + 5 * S + 17 * MS
    windows, _, wire = sample(away(start, end))
    before, first, last, after = gap(runs_of(windows, "vm0"))
    assert before < start <= first <= before + INTERVAL + MS
    assert last < end <= after <= last + 2 * MS + MS // 10
    assert wire.chosen == pytest.approx((end - first - 20 * MS) / (2 * MS), abs=12)
    assert set(counts([SampleWindow(w.from_ns, w.to_ns, tuple(runs_of([w], "vm1")), w.control) for w in windows])) == {
        "ok"
    }


def test_all_signals_of_a_suspect_are_asked() -> None:
    clock = VirtualClock()
    start, end = START + 3 * S, START + 4 * S + 31 * MS
    wires = [VirtualWire(clock, away(start, end), signal) for signal in (Signal.ICMP, Signal.UDP)]
    windows, _, _ = sample(answering, clock=clock, wires=wires, targets=guests(3, Signal.ICMP, Signal.UDP))
    for signal in (Signal.ICMP, Signal.UDP):
        *_, last, after = gap(runs_of(windows, "vm0", signal))
        assert after - last <= 3 * MS


def test_late_is_slow_and_very_late_is_lost() -> None:
    def behaviour(vm: str, t_ns: int) -> int | None:
        if vm == "vm1":
            return 700 * MS if t_ns > START + 8 * S else RTT
        return 6 * S if vm == "vm2" and t_ns > START + 8 * S else RTT

    windows, _, _ = sample(behaviour)
    slow = [run for run in runs_of(windows, "vm1") if run.answer is not Answer.OK]
    assert {run.answer for run in slow} == {Answer.SLOW}
    assert all(abs(run.error_ns - 700 * MS) < MS for run in slow)
    assert {run.answer for run in runs_of(windows, "vm2")} == {Answer.OK, Answer.LOST}


def test_slow_is_told_from_the_own_baseline() -> None:
    def behaviour(vm: str, t_ns: int) -> int | None:
        usual = 40 * MS if vm == "vm1" else RTT
        return 90 * MS if t_ns > START + 30 * S else usual

    windows, _, _wire = sample(behaviour, until_ns=START + 33 * S)
    assert {run.answer for run in runs_of(windows, "vm1")} == {Answer.OK}
    assert {run.answer for run in runs_of(windows, "vm0")} == {Answer.OK, Answer.SLOW}


def test_a_far_guest_is_no_suspect() -> None:
    _, _, wire = sample(lambda vm, t_ns: 40 * MS)
    assert wire.chosen == 0


def test_a_stop_of_the_prober_is_a_stall_and_no_loss() -> None:
    stop = (START + 3 * S + 55 * MS, START + 3 * S + 755 * MS)
    windows, sampler, wire = sample(answering, clock=VirtualClock(stops=[stop]))
    assert set(counts(windows)) == {"ok"}
    ((start, end),) = sampler.health().stalls
    assert abs(start - stop[0]) <= SamplerSettings().regular_ns
    assert abs(end - stop[1]) <= MS
    assert sum(len(window.control.stalls) for window in windows) == 1
    assert sampler.health().missed == pytest.approx(5 * 7, abs=1)
    assert sum(window.control.missed for window in windows) == sampler.health().missed
    assert sum(window.control.due for window in windows) == 500
    assert wire.chosen == 0


@pytest.mark.parametrize("offset_ns", range(0, 2 * MS, MS // 4))
def test_every_stop_above_the_threshold_is_told(offset_ns: int) -> None:
    start = START + 3 * S + 40 * MS + offset_ns
    _, sampler, _ = sample(answering, clock=VirtualClock(stops=[(start, start + 50 * MS + MS // 8)]))
    assert len(sampler.health().stalls) == 1


def test_a_stop_longer_than_the_ring_of_rounds() -> None:
    windows, sampler, _ = sample(
        answering, clock=VirtualClock(stops=[(START + 3 * S, START + 33 * S)]), until_ns=START + 40 * S
    )
    assert set(counts(windows)) == {"ok"}
    assert sampler.health().missed == pytest.approx(5 * 300, abs=5)
    assert sampler.health().due == 5 * 400


def test_short_lateness_is_caught_up() -> None:
    stops = [(START + n * S, START + n * S + 40 * MS) for n in range(2, 8)]
    windows, sampler, _ = sample(answering, clock=VirtualClock(stops=stops))
    assert counts(windows) == {"ok": 500}
    assert sampler.health().stalls == ()


@pytest.mark.parametrize("by_ns", [10 * S, -10 * S, 40 * MS, -40 * MS, 3600 * S])
def test_a_step_of_the_clock_changes_nothing(by_ns: int) -> None:
    start, end = START + 4 * S, START + 5 * S
    steps = [(START + 3 * S + 17 * MS, by_ns), (START + 4 * S + 503 * MS, -by_ns // 2)]
    plain, _, _ = sample(away(start, end))
    stepped, sampler, _ = sample(away(start, end), clock=VirtualClock(steps=steps))
    assert runs_of(stepped, "vm0") == runs_of(plain, "vm0")
    assert set(counts(stepped)) == {"ok", "lost"}
    assert [step.by_ns for step in sampler.health().clock_steps] == pytest.approx([by_ns, -by_ns // 2], abs=MS)


def test_more_rounds_than_the_icmp_sequence_has_numbers() -> None:
    stop = (START + S, START + 6_550 * S)
    windows, sampler, _ = sample(answering, clock=VirtualClock(stops=[stop]), until_ns=START + 6_560 * S)
    assert sampler.health().due == 5 * 65_600
    assert counts(windows) == {"ok": pytest.approx(5 * 110, abs=5)}


@pytest.mark.parametrize("number", [errno.ENETUNREACH, errno.ENETDOWN, errno.EPERM])
def test_what_the_kernel_does_not_take_is_missed_not_lost(number: int) -> None:
    clock = VirtualClock()
    down = (START + 3 * S, START + 4 * S)
    wire = VirtualWire(clock, answering, refuse=lambda t_ns: number if down[0] <= t_ns < down[1] else 0)
    windows, sampler, _ = sample(answering, clock=clock, wires=[wire])
    assert set(counts(windows)) == {"ok"}
    assert sampler.health().missed == sum(sampler.health().not_taken.values()) == 50
    assert wire.chosen == 0


def test_refusals_are_answers() -> None:
    start, end = START + 3 * S, START + 4 * S
    windows, _, wire = sample(lambda vm, t_ns: RTT + (REFUSES if start <= t_ns < end else 0))
    assert counts(windows) == {"ok": 450, "refused": 50}
    assert wire.chosen == 0


def test_the_burst_has_a_cap() -> None:
    chosen = SamplerSettings(burst_cap=2)
    _windows, sampler, wire = sample(
        lambda vm, t_ns: RTT if t_ns < START + 3 * S else None, chosen=chosen, until_ns=START + 5 * S
    )
    assert sampler.health().suspects == 2
    assert wire.chosen <= 2 * 1000


@pytest.mark.parametrize("burst_ms", [2, 20, 50])
def test_suspects_are_asked_as_often_as_chosen(burst_ms: int) -> None:
    chosen = SamplerSettings(burst_ns=burst_ms * MS)
    windows, _, wire = sample(away(START + 3 * S, START + 4 * S), chosen=chosen)
    assert wire.chosen == pytest.approx(1000 // burst_ms, rel=0.1)
    *_, last, after = gap(runs_of(windows, "vm0"))
    assert after - last == pytest.approx(burst_ms * MS, abs=MS)


@pytest.mark.parametrize(("burst_ms", "recovers"), [(2, False), (50, True)])
def test_a_guest_with_little_time_comes_back_when_it_is_asked_less_often(burst_ms: int, recovers: bool) -> None:
    """An emulated guest takes 20 ms for an answer and stood still for a second: what it is asked waits in a row of 200,
    and what finds no room there is lost."""
    free_ns = START

    def emulated(vm: str, t_ns: int) -> int | None:
        nonlocal free_ns
        if START + 3 * S <= t_ns < START + 4 * S:
            free_ns = max(free_ns, START + 4 * S)
        if free_ns - t_ns > 200 * 20 * MS:
            return None
        free_ns = max(free_ns, t_ns) + 20 * MS
        return free_ns - t_ns

    chosen = SamplerSettings(patience_ns=500 * MS, burst_ns=burst_ms * MS)
    windows, sampler, _ = sample(emulated, targets=guests(1), chosen=chosen, until_ns=START + 20 * S)
    assert (sampler.health().suspects == 0) is recovers
    last = runs_of(windows, "vm0")[-1]
    assert (last.answer is Answer.OK) is recovers


def test_long_outages_are_asked_less_often_and_then_as_all_others() -> None:
    chosen = SamplerSettings(burst_stages=(BurstStage(0, 1), BurstStage(S, 5), BurstStage(2 * S, 0)))
    windows, sampler, wire = sample(
        away(START + 3 * S, START + 9 * S + 50 * MS), chosen=chosen, until_ns=START + 12 * S
    )
    assert wire.chosen == pytest.approx(500 + 100, abs=10)
    assert sampler.health().suspects == 0
    *_, last, after = gap(runs_of(windows, "vm0"))
    assert after - last == pytest.approx(INTERVAL, abs=MS)


def test_a_guest_that_never_answered_is_asked_as_all_others() -> None:
    windows, _, wire = sample(lambda vm, t_ns: None if vm == "vm0" else RTT)
    assert wire.chosen == 0
    assert sum(run.count for run in runs_of(windows, "vm0")) == 100


def test_control_targets_stand_apart() -> None:
    clock = VirtualClock()
    sampler = Sampler(
        guests(2),
        None,
        [ProbeTarget("switch", "192.0.2.250")],
        clock=clock,
        wires=[VirtualWire(clock, answering)],
    )
    sampler.run(until_ns=START + S)
    (window,) = sampler.windows()
    assert {run.vm for run in window.runs} == {"vm0", "vm1"}
    assert {run.vm for run in window.control.targets} == {"switch"}


def test_windows_follow_each_other_and_are_given_once() -> None:
    windows, sampler, _ = sample(answering, until_ns=START + 60 * S)
    assert len(windows) >= 5
    assert all(a.to_ns == b.from_ns for a, b in itertools.pairwise(windows))
    assert sampler.windows() == []
    # A stretch that goes on is one run in each window, but for its first sample.
    assert all(len(window.runs) == 5 for window in windows[1:])


def test_samples_since_an_instant() -> None:
    clock = VirtualClock()
    sampler = Sampler(guests(5), None, (), clock=clock, wires=[VirtualWire(clock, answering)])
    assert sampler.samples(START).runs == ()
    sampler.run(until_ns=START + 35 * S)
    whole = sampler.samples(START)
    assert sum(run.count for run in whole.runs) == whole.control.due == 5 * 350
    middle = whole.from_ns + 12 * S
    assert sampler.samples(middle).to_ns == whole.to_ns
    assert sampler.samples(whole.to_ns).runs == ()


class Doubling(VirtualWire):
    """A network that delivers each reply twice, the second one later."""

    def gathered(self) -> Replies | None:
        once = super().gathered()
        if once is None:
            return None
        return Replies(
            np.concatenate([once.columns] * 2),
            np.concatenate([once.numbers] * 2),
            np.concatenate([once.stamps, once.stamps + MS]),
            False,
        )


def test_of_two_replies_the_first_counts() -> None:
    clock = VirtualClock()
    windows, _, _ = sample(answering, clock=clock, wires=[Doubling(clock, answering)])
    assert counts(windows) == {"ok": 500}
    assert all(run.error_ns < RTT + MS // 10 for window in windows for run in window.runs)


class Pusher:
    """A source that gives one sample each second."""

    def __init__(self) -> None:
        self.builder = RunBuilder("vm9", Signal.HEARTBEAT, S)
        self.next_ns = START + S
        self.closed = False

    def step(self, now_ns: int) -> None:
        if now_ns >= self.next_ns:
            self.builder.take(now_ns, Answer.OK)
            self.next_ns += S

    def runs(self, until_ns: int) -> list[SampleRun]:
        return self.builder.flush()

    def close(self) -> None:
        self.closed = True


def test_other_sources_are_stepped_in_the_same_loop() -> None:
    clock, source = VirtualClock(), Pusher()
    sampler = Sampler(guests(1), None, (), clock=clock, wires=[VirtualWire(clock, answering)], sources=[source])
    sampler.run(until_ns=START + 5 * S + MS)
    windows = sampler.windows()
    sampler.close()
    beats = runs_of(windows, "vm9", Signal.HEARTBEAT)
    assert sum(run.count for run in beats) == 5
    assert beats[0].first_ns - START - S <= 2 * MS
    assert source.closed


def test_a_second_run_goes_on_and_what_lies_between_is_missed() -> None:
    clock = VirtualClock()
    sampler = Sampler(guests(5), None, (), clock=clock, wires=[VirtualWire(clock, answering)])
    sampler.run(until_ns=START + S)
    clock.sleep_until(START + 4 * S)
    sampler.run(until_ns=START + 6 * S)
    windows = sampler.windows()
    assert set(counts(windows)) == {"ok"}
    assert windows[-1].from_ns == windows[0].to_ns
    assert counts(windows)["ok"] + sampler.health().missed == sampler.health().due == pytest.approx(300, abs=5)
    assert sampler.health().missed == pytest.approx(150, abs=5)


def test_sources_change_now_and_then() -> None:
    _, _, wire = sample(answering, chosen=SamplerSettings(source_change_ns=2 * S))
    assert wire.sources == 4


def test_names_must_differ() -> None:
    twice = [ProbeTarget("vm0", "192.0.2.1"), ProbeTarget("vm0", "192.0.2.2")]
    with pytest.raises(ConfigError, match="'vm0'"):
        Sampler(twice, wires=[VirtualWire(VirtualClock(), answering)])


def test_ipv6_is_refused() -> None:
    with pytest.raises(ConfigError, match="IPv6"):
        ProbeTarget("vm0", "2001:db8::1", (ProbeSignal(Signal.ICMP),))


times = st.integers(START, START + 12 * S)


@settings(max_examples=examples(25), deadline=None)
@given(
    st.lists(st.tuples(times, st.integers(1, 900), st.sampled_from([None, 8 * MS, 300 * MS])), max_size=5),
    st.lists(st.tuples(times, st.integers(1, 1500)), max_size=4),
    st.lists(st.tuples(times, st.integers(-5_000, 5_000)), max_size=3),
)
def test_whatever_happens_samples_are_complete_and_in_order(
    outages: list[tuple[int, int, int | None]], stops: list[tuple[int, int]], steps: list[tuple[int, int]]
) -> None:
    def behaviour(vm: str, t_ns: int) -> int | None:
        for start, length, trip in outages:
            if vm != "vm2" and start <= t_ns < start + length * MS:
                return trip
        return RTT

    clock = VirtualClock(
        stops=[(start, start + length * MS) for start, length in stops], steps=[(at, by * MS) for at, by in steps]
    )
    windows, sampler, wire = sample(
        behaviour, clock=clock, targets=guests(3), chosen=SamplerSettings(window_ns=2 * S), until_ns=START + 12 * S
    )
    # A clock that is set back while the prober stands still makes stamps from before look like later ones.
    doubtful = any(by < 0 and start <= at <= start + length * MS for at, by in steps for start, length in stops)
    for vm in ("vm0", "vm1", "vm2"):
        runs = runs_of(windows, vm)
        truth = sorted(t_ns for name, t_ns in wire.sent if name == vm)
        assert sum(run.count for run in runs) == len(truth)
        assert all(a.last_ns < b.first_ns for a, b in itertools.pairwise(runs))
        lost = [t_ns for t_ns in truth if behaviour(vm, t_ns) is None]
        assert sum(run.count for run in runs if run.answer is Answer.LOST) == len(lost)
        slow = {run.answer for run in runs if run.answer is not Answer.LOST}
        assert vm != "vm2" or slow <= {Answer.OK} or doubtful
    for window in windows:
        assert all(window.from_ns < run.first_ns and run.last_ns <= window.to_ns for run in window.runs)
    assert sum(window.control.missed for window in windows) == sampler.health().missed
    assert sum(w.control.due - w.control.missed for w in windows) == len(wire.sent) - wire.chosen
