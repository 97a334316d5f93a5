"""Lab time of the twin: granted, held, paid, waited for by programs in threads, never a nanosecond too far."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from harness.clock import wait_until
from harness.twin import engine as engine_module
from harness.twin.clock import ClockMode
from harness.twin.engine import EngineEvent, HoldPattern, LabEngine
from harness.twin.units import NS_PER_S

S = NS_PER_S
VIRTUAL = ClockMode(None)


@dataclass(frozen=True)
class Happening:
    t_ns: int
    kind: str
    path: str = ""


class Plant:
    """A simulation that is a list of events."""

    def __init__(self, *events: tuple[float, str, str]) -> None:
        self.now_ns = 0
        self.told: list[Happening] = []
        self.stops: list[int] = []
        self._ahead = [(round(t_s * S), kind, path) for t_s, kind, path in events]
        heapq.heapify(self._ahead)

    def run_until(self, t_ns: int, stop: Callable[[EngineEvent], bool] | None = None) -> EngineEvent | None:
        assert t_ns >= self.now_ns, "time went back"
        while self._ahead and self._ahead[0][0] <= t_ns:
            event = Happening(*heapq.heappop(self._ahead))
            self.now_ns = event.t_ns
            self.told.append(event)
            if stop is not None and stop(event):
                self.stops.append(event.t_ns)
                return event
        self.now_ns = t_ns
        return None


class Rig:
    def __init__(self, plant: Plant, mode: ClockMode = VIRTUAL) -> None:
        self.plant = plant
        self.engine = LabEngine(plant, mode)
        self.threads = ThreadPoolExecutor(64)

    def start(self, program: Callable[[], Any]) -> Future[Any]:
        """As a shell does: announced at once, run when a thread is free."""
        self.engine.announce()

        def run() -> Any:
            with self.engine.computing():
                return program()

        return self.threads.submit(run)

    def sleeper(self, seconds: float, ready: Callable[[], bool] | None = None) -> Future[tuple[bool, float]]:
        """A program that waits for lab time; whether it was ready, and when it woke up."""

        def program() -> tuple[bool, float]:
            was_ready = self.engine.wait(seconds, ready)
            return was_ready, self.plant.now_ns / S

        future = self.start(program)
        self.at_rest()
        return future

    def at_rest(self) -> None:
        """Until no program computes."""
        with self.engine._turn:
            assert self.engine._turn.wait_for(lambda: not self.engine.busy, timeout=5)

    def serve(self, timeout_s: float, ready: Callable[[], bool] = lambda: False) -> Future[tuple[bool, float]]:
        def request() -> tuple[bool, float]:
            served = self.engine.serve(ready, timeout_s)
            return served, self.plant.now_ns / S

        return self.threads.submit(request)

    def close(self) -> None:
        self.engine.close()
        self.threads.shutdown()


@pytest.fixture
def rig() -> Iterator[Callable[..., Rig]]:
    rigs: list[Rig] = []

    def built(*events: tuple[float, str, str], mode: ClockMode = VIRTUAL) -> Rig:
        rigs.append(Rig(Plant(*events), mode))
        return rigs[-1]

    yield built
    for one in rigs:
        one.close()


class TestGrant:
    def test_time_reaches_the_target_exactly_and_never_goes_back(self, rig: Callable[..., Rig]) -> None:
        one = rig((3, "a", ""))
        assert one.engine.advance(5 * S) == one.engine.now_ns == 5 * S
        assert one.engine.advance(2 * S) == 5 * S
        assert one.engine.advance(5 * S + 1) == 5 * S + 1

    def test_what_commands_cost_is_paid_by_the_next_grant(self, rig: Callable[..., Rig]) -> None:
        one = rig()
        one.engine.advance(10 * S)
        one.engine.charge(3 * S)
        one.engine.charge(1 * S)
        assert one.engine.now_ns == 10 * S
        assert one.engine.advance(11 * S) == 13 * S
        assert one.engine.advance(14 * S) == 14 * S

    def test_new_baseline_owes_nothing_and_begins_at_zero(self, rig: Callable[..., Rig]) -> None:
        one = rig()
        one.engine.hold("x", HoldPattern("a", "*"))
        one.engine.charge(100 * S)
        one.engine.replace(Plant((1, "a", "")))
        assert one.engine.now_ns == 0
        assert one.engine.advance(2 * S) == 2 * S

    def test_no_grant_while_a_program_computes(self, rig: Callable[..., Rig]) -> None:
        one = rig()
        go_on = threading.Event()
        inside = threading.Event()

        def compute() -> int:
            inside.set()
            go_on.wait(5)
            return one.plant.now_ns

        program = one.start(compute)
        inside.wait(5)
        grant = one.threads.submit(one.engine.advance, 9 * S)
        assert not grant.done()
        go_on.set()
        assert program.result(5) == 0
        assert grant.result(5) == 9 * S

    def test_no_grant_between_announcement_and_start(self, rig: Callable[..., Rig]) -> None:
        """The program counts from the moment it was asked for, not from when a thread is free."""
        one = rig()
        one.engine.announce()
        grant = one.threads.submit(one.engine.advance, 9 * S)
        with pytest.raises(TimeoutError):
            grant.result(0.1)
        assert one.engine.now_ns == 0
        with one.engine.computing():
            assert one.engine.now_ns == 0
        assert grant.result(5) == 9 * S

    def test_programs_that_never_come_to_rest_are_an_error_and_no_grant(
        self, rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(engine_module, "COMPUTE_AT_MOST_S", 0.05)
        one = rig()
        one.engine.announce()
        with pytest.raises(TimeoutError, match="1 programs still compute"):
            one.engine.advance(S)
        assert one.engine.now_ns == 0

    def test_program_that_waits_for_its_input_lets_others_go_on(self, rig: Callable[..., Rig]) -> None:
        one = rig()
        arrived = threading.Event()

        def program() -> int:
            with one.engine.outside():
                arrived.wait(5)
            return one.plant.now_ns

        future = one.start(program)
        assert one.engine.advance(4 * S) == 4 * S
        arrived.set()
        assert future.result(5) == 4 * S
        one.at_rest()


class TestHold:
    def test_time_stops_at_the_very_event_and_the_next_grant_goes_on(self, rig: Callable[..., Rig]) -> None:
        one = rig((1, "b", "x"), (2.5, "a", "x/y"), (2.5, "a", "x/z"), (4, "a", "other"))
        one.engine.hold("h", HoldPattern("a", "x/*"))
        assert one.engine.advance(9 * S) == round(2.5 * S)
        assert [event.path for event in one.plant.told] == ["x", "x/y"]
        assert one.engine.advance(9 * S) == round(2.5 * S)
        assert one.engine.advance(9 * S) == 9 * S

    def test_brackets_in_a_path_are_literal(self) -> None:
        pattern = HoldPattern("phase.*", "update/node[*]/reboot")
        assert pattern.matches(Happening(0, "phase.enter", "update/node[NODE01]/reboot"))
        assert not pattern.matches(Happening(0, "phase.enter", "update/nodeN/reboot"))
        assert not HoldPattern("a", "node[12]").matches(Happening(0, "a", "node1"))

    def test_forgotten_hold_stops_nothing(self, rig: Callable[..., Rig]) -> None:
        one = rig((2, "a", ""))
        one.engine.hold("h", HoldPattern("a", "*"))
        one.engine.unhold("h")
        one.engine.unhold("never there")
        assert one.engine.advance(5 * S) == 5 * S

    def test_debts_do_not_carry_time_past_a_hold(self, rig: Callable[..., Rig]) -> None:
        one = rig((2, "a", ""))
        one.engine.hold("h", HoldPattern("a", "*"))
        one.engine.charge(30 * S)
        assert one.engine.advance(S) == 2 * S

    def test_request_that_waits_does_not_go_past_a_hold(self, rig: Callable[..., Rig]) -> None:
        one = rig((2, "a", ""))
        one.engine.hold("h", HoldPattern("a", "*"))
        request = one.serve(10)
        with pytest.raises(TimeoutError):
            request.result(0.2)
        assert one.engine.now_ns == 2 * S
        one.engine.unhold("h")
        assert request.result(5) == (False, 10.0)

    def test_flowing_clock_stands_still_until_it_is_let_go(self, rig: Callable[..., Rig]) -> None:
        one = rig((100, "a", ""), mode=ClockMode(2000))
        one.engine.hold("h", HoldPattern("a", "*"))
        assert reaches(one, 100 * S)
        threading.Event().wait(0.1)
        assert one.engine.now_ns == 100 * S
        one.engine.unhold("h")
        assert reaches(one, 101 * S)
        assert one.engine.now_ns < 160 * S, "the time of the hold must not be caught up with"

    def test_flowing_clock_lets_go_of_a_hold_that_nobody_serves(
        self, rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(engine_module, "HOLD_AT_MOST_S", 0.1)
        one = rig((100, "a", ""), mode=ClockMode(2000))
        one.engine.hold("h", HoldPattern("a", "*"))
        assert reaches(one, 101 * S)
        assert "not served" in caplog.text


def reaches(one: Rig, t_ns: int) -> bool:
    for _ in range(500):
        if one.engine.now_ns >= t_ns:
            return True
        threading.Event().wait(0.01)
    return False


class TestPrograms:
    def test_they_wake_at_their_own_instant_whatever_is_granted(self, rig: Callable[..., Rig]) -> None:
        one = rig()
        futures = [one.sleeper(seconds) for seconds in (7, 1, 3.5, 3.5)]
        assert one.engine.advance(20 * S) == 20 * S
        assert [future.result(5) for future in futures] == [(False, 7.0), (False, 1.0), (False, 3.5), (False, 3.5)]

    def test_they_wake_at_their_own_instant_while_a_request_waits(self, rig: Callable[..., Rig]) -> None:
        one = rig()
        futures = [one.sleeper(seconds) for seconds in (7, 1, 30)]
        assert one.serve(20).result(5) == (False, 20.0)
        assert [future.result(5) for future in futures[:2]] == [(False, 7.0), (False, 1.0)]
        assert not futures[2].done()
        assert one.engine.advance(31 * S) == 31 * S
        assert futures[2].result(5) == (False, 30.0)

    def test_program_that_wakes_up_may_wait_again(self, rig: Callable[..., Rig]) -> None:
        one = rig()
        woken: list[float] = []

        def program() -> None:
            for _ in range(4):
                one.engine.wait(2)
                woken.append(one.plant.now_ns / S)

        future = one.start(program)
        one.engine.advance(7 * S)
        assert woken == [2, 4, 6]
        one.engine.advance(8 * S)
        future.result(5)
        assert woken == [2, 4, 6, 8]

    def test_what_a_program_waits_for_wakes_it_at_the_event(self, rig: Callable[..., Rig]) -> None:
        one = rig((1, "x", ""), (2, "bell", ""), (3, "x", ""))
        future = one.sleeper(60, lambda: any(event.kind == "bell" for event in one.plant.told))
        assert one.engine.advance(50 * S) == 50 * S
        assert future.result(5) == (True, 2.0)

    def test_close_wakes_everybody(self, rig: Callable[..., Rig]) -> None:
        one = rig()
        program = one.sleeper(1000)
        one.engine.hold("h", HoldPattern("*", "*"))
        request = one.serve(5000, lambda: False)
        one.engine.close()
        program.result(5)
        request.result(5)


class TestRequests:
    def test_no_answer_comes_exactly_at_the_deadline(self, rig: Callable[..., Rig]) -> None:
        one = rig((3, "a", ""))
        assert one.serve(12.5).result(5) == (False, 12.5)

    def test_each_of_several_has_its_own_deadline(self, rig: Callable[..., Rig]) -> None:
        for _ in range(20):
            one = rig()

            def request(seconds: float, one: Rig = one) -> tuple[bool, float]:
                return one.engine.serve(lambda: False, seconds), seconds

            one.engine.announce()  # a program computes: nobody moves time before all are there
            futures = [one.threads.submit(request, seconds) for seconds in (5, 2, 9, 2)]
            wait_until(lambda one=one: len(one.engine._serving) == 4 or None, within_s=10, what="all requests")
            with one.engine.computing():
                pass
            assert [future.result(5) for future in futures] == [(False, 5), (False, 2), (False, 9), (False, 2)]
            assert one.engine.now_ns == 9 * S

    def test_answer_of_a_program_is_served_when_it_is_there(self, rig: Callable[..., Rig]) -> None:
        one = rig()
        output: list[str] = []

        def program() -> None:
            one.engine.wait(21)
            output.append("done")

        one.start(program)
        assert one.serve(60, lambda: bool(output)).result(5) == (True, 21.0)

    def test_time_stands_still_when_the_answer_is_there_already(self, rig: Callable[..., Rig]) -> None:
        one = rig()
        assert one.serve(60, lambda: True).result(5) == (True, 0.0)

    def test_blocked_listeners_hear_that_nobody_computes_any_more(self, rig: Callable[..., Rig]) -> None:
        one = rig()
        heard: list[int] = []
        one.engine.on_blocked(lambda: heard.append(one.engine.busy))
        one.start(lambda: None).result(5)
        one.sleeper(1)
        assert heard == [False, False]


class TestStress:
    @pytest.mark.parametrize("seed", range(3))
    def test_many_programs_and_requests_end_at_their_instants(self, rig: Callable[..., Rig], seed: int) -> None:
        one = rig(*[(float(t_s), "tick", "") for t_s in range(1, 200, 7)])
        wakes: list[tuple[float, float]] = []

        def program(number: int) -> None:
            for round_ in range(5):
                seconds = 1 + (number * 13 + round_ * 7 + seed) % 11
                due_ns = one.plant.now_ns + seconds * S
                one.engine.wait(seconds)
                wakes.append((due_ns, one.plant.now_ns))

        programs = [one.start(lambda number=number: program(number)) for number in range(24)]
        requests = [one.serve(5 + number % 3) for number in range(8)]
        done = threading.Event()

        def controller() -> None:
            while not done.is_set() and one.engine.now_ns < 500 * S:
                one.engine.advance(one.engine.now_ns + 3 * S)

        grants = one.threads.submit(controller)
        for future in [*programs, *requests]:
            future.result(10)
        done.set()
        grants.result(10)
        assert len(wakes) == 24 * 5
        assert [due for due, _ in wakes] == [woke for _, woke in wakes]
