"""The connection prober on a virtual clock and a network that answers as it is told."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.clock import NS_PER_MS
from harness.errors import ConfigError
from harness.probes.connections import ConnectionProber
from harness.probes.services import TIMINGS, Service, Timing
from harness.probes.sockets import FAILED, UNDER_WAY, WRITABLE
from harness.probes.suspects import BURST_UNDER_WAY, burst_interval_ns
from harness.values import Answer, SampleRun, Signal
from tests.examples import examples

STEP_MS = 2


@dataclass(frozen=True)
class Reply:
    """What a connect brings after `after_ms`: 0 or the number of an error; None for nothing at all."""

    error: int = 0
    after_ms: float | None = 1
    at_once: bool = False


OK = Reply()
SILENCE = Reply(after_ms=None)


@dataclass
class FakeLink:
    number: int
    reply: Reply
    ready_ns: float
    open: bool = True

    def fileno(self) -> int:
        return self.number

    def getsockopt(self, level: int, name: int) -> int:
        return self.reply.error

    def send(self, data: bytes) -> int:
        return len(data)

    def recv(self, most: int) -> bytes:
        raise BlockingIOError

    def close(self) -> None:
        self.open = False


@dataclass
class FakeNetwork:
    """`reply` tells what a connect to an address at a time (ms) meets."""

    reply: Callable[[str, float], Reply]
    now_ns: int = 0
    sent: list[tuple[str, float]] = field(default_factory=list)
    links: dict[int, FakeLink] = field(default_factory=dict)
    full: bool = False
    blind: bool = False
    complete: bool = True
    made: int = 0

    def connect(self, family: int, address: Any) -> tuple[FakeLink, int]:
        if self.full:
            raise OSError(errno.EMFILE, "too many open files")
        now_ms = self.now_ns / NS_PER_MS
        reply = self.reply(address[0], now_ms)
        self.sent.append((address[0], now_ms))
        self.made += 1
        after_ns = float("inf") if reply.after_ms is None else reply.after_ms * NS_PER_MS
        link = FakeLink(self.made, reply, self.now_ns + after_ns)
        return link, reply.error if reply.at_once else UNDER_WAY

    def watch(self, link: Any, events: int) -> None:
        if self.blind:
            raise OSError(errno.ENOSPC, "no room for a watch")
        self.links[link.number] = link

    def change(self, link: Any, events: int) -> None:
        pass

    def look(self) -> tuple[list[tuple[int, int]], bool]:
        self.links = {number: link for number, link in self.links.items() if link.open}
        ready = [link for link in self.links.values() if link.ready_ns <= self.now_ns]
        return [(link.number, WRITABLE | FAILED if link.reply.error else WRITABLE) for link in ready], self.complete

    def close(self) -> None:
        self.links.clear()


@dataclass
class Bed:
    """A prober of TCP services on the fake network; time goes on by `run`."""

    reply: Callable[[str, float], Reply]
    count: int = 1
    timing: Timing = TIMINGS[Signal.TCP]
    most_under_way: int | None = None

    def __post_init__(self) -> None:
        self.network = FakeNetwork(self.reply)
        services = [Service(f"vm{n}", Signal.TCP, f"10.0.0.{n}", 22) for n in range(1, self.count + 1)]
        self.prober = ConnectionProber(
            services,
            timings={Signal.TCP: self.timing},
            network=self.network,
            clock=lambda: self.network.now_ns,
            most_under_way=self.most_under_way,
        )

    def run(self, to_ms: int, step_ms: int = STEP_MS) -> None:
        while self.network.now_ns < to_ms * NS_PER_MS:
            self.prober.step(self.network.now_ns)
            self.network.now_ns += step_ms * NS_PER_MS

    def runs(self, until_ms: int = 10**9) -> list[SampleRun]:
        return self.prober.runs(until_ms * NS_PER_MS)


def samples(runs: list[SampleRun], vm: str = "vm1") -> list[tuple[float, Answer]]:
    """Instants in ms and answers of single samples."""
    return [
        ((run.first_ns + n * run.interval_ns) / NS_PER_MS, run.answer)
        for run in runs
        if run.vm == vm
        for n in range(run.count)
    ]


def plain(timing: Timing = TIMINGS[Signal.TCP]) -> Timing:
    """Without bursts."""
    return Timing(timing.interval_ns, timing.slow_ns, timing.late_ns)


class TestAnswers:
    @pytest.mark.parametrize(
        ("reply", "answer", "error_ms"),
        [
            (Reply(0, 5), Answer.OK, 6),
            (Reply(0, 300), Answer.SLOW, 300),
            (Reply(errno.ECONNREFUSED, 3), Answer.REFUSED, 4),
            (Reply(errno.ECONNRESET, 3), Answer.REFUSED, 4),
            (Reply(errno.EHOSTUNREACH, 30), Answer.LOST, 0),
            (Reply(0, at_once=True), Answer.OK, 0),
            (Reply(errno.ECONNREFUSED, at_once=True), Answer.REFUSED, 0),
            (SILENCE, Answer.LOST, 0),
        ],
    )
    def test_what_comes_back_is_told(self, reply: Reply, answer: Answer, error_ms: int) -> None:
        bed = Bed(lambda *_: reply, timing=plain())
        bed.run(3000)
        runs = bed.runs(2000)
        assert {run.answer for run in runs} == {answer}
        assert [(run.first_ns // NS_PER_MS, run.count) for run in runs] == [(0, 1), (100, 19), (2000, 1)]
        assert {run.error_ns for run in runs} == {error_ms * NS_PER_MS}
        assert {(run.signal, run.interval_ns) for run in runs} == {(Signal.TCP, 100 * NS_PER_MS)}
        assert bed.prober.missed == 0

    def test_a_lost_probe_carries_the_usual_round_trip(self) -> None:
        bed = Bed(lambda _, now_ms: Reply(0, 20) if now_ms < 1000 else SILENCE, timing=plain())
        bed.run(3000)
        lost = [run for run in bed.runs(1900) if run.answer is Answer.LOST]
        assert {run.error_ns for run in lost} == {20 * NS_PER_MS}

    def test_an_answer_after_the_late_limit_does_not_count(self) -> None:
        bed = Bed(lambda *_: Reply(0, 950), timing=plain())
        bed.run(2500)
        assert {answer for _, answer in samples(bed.runs())} == {Answer.LOST}

    def test_all_links_are_closed_at_the_end(self) -> None:
        bed = Bed(lambda *_: SILENCE, count=5)
        bed.run(500)
        links = list(bed.network.links.values())
        assert bed.prober.under_way > 20
        bed.prober.close()
        bed.prober.close()
        assert bed.prober.under_way == 0
        assert not any(link.open for link in links)
        bed.prober.step(bed.network.now_ns)
        assert bed.runs() == []


class TestSchedule:
    def test_targets_take_turns_over_the_interval(self) -> None:
        bed = Bed(lambda *_: OK, count=50)
        bed.run(1000)
        assert len(bed.network.sent) == 500 == bed.prober.due
        assert Counter(now_ms for _, now_ms in bed.network.sent).most_common(1)[0][1] == 1

    def test_late_steps_skip_probes_and_count_them(self) -> None:
        bed = Bed(lambda *_: OK, count=10)
        bed.run(200)
        bed.network.now_ns += 500 * NS_PER_MS
        bed.run(1000)
        told = sum(run.count for run in bed.runs())
        assert bed.prober.missed_by == {"late": 45}
        assert told == bed.prober.due - 45 == len(bed.network.sent)

    def test_the_cap_is_kept_and_what_it_costs_is_missed(self) -> None:
        bed = Bed(lambda *_: SILENCE, count=10, most_under_way=30)
        bed.run(1000)
        assert bed.prober.under_way == 30
        assert bed.prober.missed_by["cap"] == bed.prober.missed > 0

    def test_by_default_all_targets_may_be_silent_at_once(self) -> None:
        bed = Bed(lambda *_: SILENCE, count=50)
        bed.run(3000)
        assert bed.prober.missed == 0
        assert {answer for _, answer in samples(bed.runs())} == {Answer.LOST}

    @pytest.mark.parametrize("error", [errno.EADDRNOTAVAIL, errno.ENETUNREACH, errno.EPERM])
    def test_errors_of_our_own_side_are_missed_and_no_sample(self, error: int) -> None:
        bed = Bed(lambda *_: Reply(error, at_once=True))
        bed.run(1000)
        assert bed.runs() == []
        assert bed.prober.missed_by == {errno.errorcode[error]: 10}

    def test_without_descriptors_nothing_is_told_and_it_goes_on_later(self) -> None:
        bed = Bed(lambda *_: OK)
        bed.network.full = True
        bed.run(1000)
        bed.network.full = False
        bed.run(2000)
        assert bed.prober.missed_by == {"EMFILE": 10}
        assert samples(bed.runs()) == [(1000 + 100 * n, Answer.OK) for n in range(10)]

    def test_a_connection_that_cannot_be_watched_is_missed_and_closed(self) -> None:
        bed = Bed(lambda *_: OK)
        bed.network.blind = True
        bed.run(500)
        assert bed.runs() == []
        assert bed.prober.missed_by == {"ENOSPC": 5}
        assert bed.prober.under_way == 0

    def test_nothing_is_lost_while_answers_may_be_unread(self) -> None:
        bed = Bed(lambda *_: SILENCE, timing=plain(), most_under_way=100)
        bed.network.complete = False
        bed.run(3000)
        assert bed.runs() == []
        bed.network.complete = True
        bed.run(3002)
        assert len(samples(bed.runs())) == 21


class TestStalls:
    def test_answers_within_a_stall_are_neither_slow_nor_lost(self) -> None:
        bed = Bed(lambda *_: Reply(0, 5), count=20)
        bed.run(1000)
        bed.network.now_ns += 700 * NS_PER_MS
        bed.run(3000)
        assert {answer for n in range(1, 21) for _, answer in samples(bed.runs(), f"vm{n}")} == {Answer.OK}
        assert bed.prober.missed_by["stall"] == 1  # The one that was on its way, sent 5 ms before.

    def test_an_answer_that_is_in_time_even_so_is_told(self) -> None:
        bed = Bed(lambda *_: Reply(0, 5))
        bed.run(402)
        bed.network.now_ns += 60 * NS_PER_MS
        bed.run(1000)
        assert samples(bed.runs()) == [(100 * n, Answer.OK) for n in range(10)]
        assert bed.prober.missed == 0

    def test_refused_stays_refused(self) -> None:
        bed = Bed(lambda *_: Reply(errno.ECONNREFUSED, 5))
        bed.run(402)
        bed.network.now_ns += 600 * NS_PER_MS
        bed.run(1200)
        assert (400, Answer.REFUSED) in samples(bed.runs())

    def test_what_runs_out_within_a_stall_is_left_out(self) -> None:
        bed = Bed(lambda *_: SILENCE, timing=plain())
        bed.run(1000)
        bed.network.now_ns += 5000 * NS_PER_MS
        bed.run(8000)
        told = [t_ms for t_ms, _ in samples(bed.runs(7000))]
        assert [t_ms for t_ms in told if t_ms < 6000] == [0]
        assert bed.prober.missed_by["stall"] == 9
        assert bed.prober.due == 80

    def test_a_delay_below_a_stall_changes_nothing(self) -> None:
        bed = Bed(lambda *_: Reply(0, 30), count=10)
        bed.run(3000, step_ms=45)
        assert {run.answer for run in bed.runs()} == {Answer.OK}
        assert bed.prober.missed == 0


class TestBurst:
    @staticmethod
    def outage(start_ms: float, end_ms: float) -> Callable[[str, float], Reply]:
        return lambda address, now_ms: SILENCE if address == "10.0.0.1" and start_ms <= now_ms < end_ms else OK

    def test_the_end_of_an_outage_is_known_to_the_burst_interval(self) -> None:
        bed = Bed(self.outage(1050, 3333), count=3)
        bed.run(6000)
        told = samples(bed.runs(5000))
        bad = [t_ms for t_ms, answer in told if answer is not Answer.OK]
        good = [t_ms for t_ms, answer in told if answer is Answer.OK]
        assert {answer for _, answer in told} == {Answer.OK, Answer.LOST}
        assert (max(t for t in good if t < 1050), min(bad)) == (1000, 1100)
        assert 0 < min(t for t in good if t > 3333) - max(bad) <= 12
        assert min(t for t in good if t > 3333) <= 3345
        assert bed.prober.missed == 0

    def test_burst_probes_stand_for_their_own_interval_and_runs_stay_in_order(self) -> None:
        bed = Bed(self.outage(1050, 3333))
        bed.run(6000)
        runs = bed.runs(5000)
        assert {run.interval_ns for run in runs} == {10 * NS_PER_MS, 100 * NS_PER_MS}
        assert all(before.last_ns < after.first_ns for before, after in pairwise(runs))

    def test_what_is_waited_for_stays_bounded(self) -> None:
        bed = Bed(self.outage(500, 10**9))
        bed.run(5000)
        assert bed.prober.under_way <= BURST_UNDER_WAY + 10
        sent = [now_ms for _, now_ms in bed.network.sent if 2000 <= now_ms < 3000]
        assert 100 <= len(sent) <= 111

    def test_probes_of_before_the_recovery_that_run_out_later_raise_no_new_suspicion(self) -> None:
        bed = Bed(self.outage(1050, 2000))
        bed.run(5000)
        assert len([now_ms for _, now_ms in bed.network.sent if now_ms >= 2050]) == 29

    def test_a_single_lost_probe_costs_one_sample(self) -> None:
        bed = Bed(lambda _, now_ms: SILENCE if now_ms == 1000 else OK)
        bed.run(3000)
        assert [t_ms for t_ms, answer in samples(bed.runs(2000)) if answer is Answer.LOST] == [1000]

    def test_a_far_target_is_no_suspect(self) -> None:
        bed = Bed(lambda *_: Reply(0, 60))
        bed.run(3000)
        assert len([now_ms for _, now_ms in bed.network.sent if now_ms >= 1000]) == 20

    def test_a_service_that_refuses_answers(self) -> None:
        bed = Bed(lambda *_: Reply(errno.ECONNREFUSED, 1))
        bed.run(1000)
        assert len(bed.network.sent) == 10

    def test_many_suspects_share_what_a_step_may_send(self) -> None:
        bed = Bed(lambda _, now_ms: SILENCE if now_ms >= 500 else OK, count=100)
        bed.run(1500)
        by_step = Counter(now_ms for _, now_ms in bed.network.sent)
        assert 8 <= max(by_step.values()) <= 8 + 2

    def test_long_outages_are_asked_less_often(self) -> None:
        timing = TIMINGS[Signal.TCP]
        found = [burst_interval_ns(timing, age_s * 1000 * NS_PER_MS) for age_s in (0, 10, 11, 21, 41, 81, 10**6)]
        assert [None if ns is None else ns // NS_PER_MS for ns in found] == [10, 10, 20, 40, 80, None, None]
        assert burst_interval_ns(Timing(10**8, 10**8, 10**8, 10**8), 0) is None


class TestRuns:
    def test_each_sample_is_told_once_and_in_order_whenever_one_asks(self) -> None:
        def reply(_: str, now_ms: float) -> Reply:
            return SILENCE if 700 <= now_ms < 1900 else Reply(0, 350) if now_ms > 3000 else OK

        whole, parts = Bed(reply, count=4), Bed(reply, count=4)
        whole.run(6000)
        told: list[SampleRun] = []
        for to_ms in range(300, 6001, 300):
            parts.run(to_ms)
            told += parts.runs(to_ms - 50)
        told += parts.runs()
        at_once = whole.runs()
        for vm in ("vm1", "vm2", "vm3", "vm4"):
            mine = [run for run in told if run.vm == vm]
            assert all(before.last_ns < after.first_ns for before, after in pairwise(mine))
            assert Counter(answer for _, answer in samples(told, vm)) == Counter(a for _, a in samples(at_once, vm))
            assert {run.first_ns for run in at_once if run.vm == vm} <= {run.first_ns for run in mine}
        assert [run.first_ns for run in at_once] == sorted(run.first_ns for run in at_once)

    def test_what_is_on_its_way_holds_back_what_comes_after(self) -> None:
        bed = Bed(lambda _, now_ms: SILENCE if now_ms == 500 else OK, timing=plain())
        bed.run(1000)
        assert max(t_ms for t_ms, _ in samples(bed.runs(900))) == 400
        bed.run(1500)
        assert samples(bed.runs(1000)) == [(500, Answer.LOST)] + [(t, Answer.OK) for t in range(600, 1001, 100)]

    def test_nothing_is_left_behind_after_the_settling_time(self) -> None:
        bed = Bed(lambda *_: SILENCE, timing=plain())
        bed.run(5000)
        until_ms = (bed.network.now_ns - bed.prober.settle_ns) // NS_PER_MS
        assert len(samples(bed.runs(until_ms))) == until_ms // 100 + 1

    @settings(max_examples=examples(30), deadline=None)
    @given(
        outages=st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 1500)), max_size=4),
        delay_ms=st.integers(0, 1200),
        stall_ms=st.integers(0, 900),
        count=st.integers(1, 6),
    )
    def test_every_probe_owed_is_a_sample_or_missed(
        self, outages: list[tuple[int, int]], delay_ms: int, stall_ms: int, count: int
    ) -> None:
        def reply(_: str, now_ms: float) -> Reply:
            down = any(start <= now_ms < start + length for start, length in outages)
            return SILENCE if down else Reply(0, delay_ms)

        bed = Bed(reply, count=count)
        bed.run(2000)
        bed.network.now_ns += stall_ms * NS_PER_MS
        bed.run(4000)
        due, missed = bed.prober.due, bed.prober.missed
        bed.run(4000 + 1000)
        runs = bed.runs(3999)
        owed = sum(run.count for run in runs if run.interval_ns > 50 * NS_PER_MS)  # the others are of bursts
        assert due - missed >= owed >= due - bed.prober.missed
        for vm in {run.vm for run in runs}:
            mine = [run for run in runs if run.vm == vm]
            assert all(before.last_ns < after.first_ns for before, after in pairwise(mine))


def test_one_guest_has_one_service_of_a_signal() -> None:
    services = [Service("vm01", Signal.TCP, "10.0.0.1", port) for port in (22, 23)]
    with pytest.raises(ConfigError, match="vm01 has two services of signal tcp"):
        ConnectionProber(services, network=FakeNetwork(lambda *_: OK))


def test_a_cap_of_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="nothing can be probed"):
        ConnectionProber(
            [Service("vm01", Signal.TCP, "10.0.0.1", 22)], most_under_way=0, network=FakeNetwork(lambda *_: OK)
        )
