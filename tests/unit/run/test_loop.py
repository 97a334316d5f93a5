"""Agenda, endpoints and loop: order that does not depend on threads, and nobody who delays somebody else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.azurelocal.command import Command
from harness.clock import NS_PER_S, monotonic_ns
from harness.errors import HarnessError, TransportError
from harness.labs.port import Hold
from harness.run import endpoints as endpoints_module
from harness.run.agenda import Agenda
from harness.run.endpoints import Answer, Endpoints
from harness.run.loop import Loop, StopRequestedError
from harness.run.stop import StopFlag
from harness.testing.lab import ScriptedLab, lease_of
from harness.transports.replies import Reply
from harness.values import Event

ASK = Command("ask", "ask", lambda document: document)


class TestAgenda:
    @given(st.lists(st.integers(0, 20), max_size=30))
    def test_actions_run_in_order_of_time_then_of_planning(self, dues: list[int]) -> None:
        agenda, done = Agenda(), list[tuple[int, int]]()
        for number, due in enumerate(dues):
            agenda.plan(due, "x", lambda due=due, number=number: done.append((due, number)))  # type: ignore[misc]
        while agenda.carry_out(20):
            pass
        assert done == sorted((due, number) for number, due in enumerate(dues))

    def test_nothing_is_done_before_its_time(self) -> None:
        agenda, done = Agenda(), list[int]()
        agenda.plan(10, "x", lambda: done.append(1))
        assert not agenda.carry_out(9)
        assert agenda.next_due_ns() == 10
        assert agenda.carry_out(10)
        assert not agenda.carry_out(10)
        assert (done, agenda.next_due_ns()) == ([1], None)

    def test_cancelled_action_is_gone(self) -> None:
        agenda, done = Agenda(), list[int]()
        tickets = [agenda.plan(due, "x", lambda due=due: done.append(due)) for due in (1, 2, 3)]  # type: ignore[misc]
        tickets[0].cancel()
        tickets[2].cancel()
        assert agenda.next_due_ns() == 2
        while agenda.carry_out(9):
            pass
        tickets[1].cancel()
        assert done == [2]

    def test_action_may_plan_the_next(self) -> None:
        agenda, done = Agenda(), list[int]()

        def again() -> None:
            done.append(len(done))
            if len(done) < 3:
                agenda.plan(5, "again", again)

        agenda.plan(5, "again", again)
        while agenda.carry_out(5):
            pass
        assert done == [0, 1, 2]


class Line:
    """A session whose answers come when the test says so."""

    def __init__(self, node: str, gates: dict[str, threading.Event], log: list[str]) -> None:
        self.node, self.gates, self.log = node, gates, log

    def run(self, script: str, *, within_s: float = 60.0, repeatable: bool = True, second_hop: bool = False) -> Reply:
        del within_s, repeatable
        self.log.append(f"{self.node} {script}")
        if self.node in self.gates:
            self.gates[self.node].wait(5)
        if script == "refuse":
            raise TransportError("no")
        if script == "break":
            raise ZeroDivisionError("a defect")
        return Reply(f"[hil:00000000]{len(self.log)}[/hil:00000000]", "", 0)

    def close(self) -> None:
        self.log.append(f"{self.node} closed")


@pytest.fixture
def gates() -> dict[str, threading.Event]:
    return {}


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def endpoints(gates: dict[str, threading.Event], log: list[str]) -> Iterator[Endpoints]:
    made = Endpoints(lambda node: Line(node, gates, log))
    yield made
    for gate in gates.values():
        gate.set()
    made.close()


def nothing(answer: Answer) -> None:
    del answer


class TestEndpoints:
    def test_gathered_answers_are_in_order_of_node_and_number_whatever_came_first(
        self, endpoints: Endpoints, gates: dict[str, threading.Event]
    ) -> None:
        gates["A"] = threading.Event()
        for node in ("C", "A", "B", "A"):
            endpoints.ask(node, ASK, nothing)
        threading.Timer(0.05, gates["A"].set).start()
        answers = [answer for _, answer in endpoints.gather()]
        assert [(answer.node, answer.number) for answer in answers] == [("A", 2), ("A", 4), ("B", 3), ("C", 1)]
        assert endpoints.outstanding == 0

    def test_in_turn_a_question_is_sent_when_the_one_before_is_answered(
        self, endpoints: Endpoints, gates: dict[str, threading.Event], log: list[str]
    ) -> None:
        endpoints.in_turn = True
        gates["A"] = threading.Event()
        for node in ("B", "A", "C"):
            endpoints.ask(node, ASK, nothing)
        assert log == []
        threading.Timer(0.05, lambda: (log.append("gate"), gates["A"].set())).start()
        answers = [answer for _, answer in endpoints.gather()]
        assert log == ["A ask", "gate", "B ask", "C ask"]
        assert [answer.node for answer in answers] == ["A", "B", "C"]

    def test_hanging_endpoint_delays_nobody(
        self, endpoints: Endpoints, gates: dict[str, threading.Event], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gates["A"] = threading.Event()
        endpoints.ask("A", ASK, nothing)
        endpoints.ask("B", ASK, nothing)
        assert [answer.node for _, answer in endpoints.arrived(2)] == ["B"]
        assert endpoints.is_busy("A")
        assert not endpoints.is_busy("B")
        assert not endpoints.is_hanging("A")
        monkeypatch.setattr(endpoints_module, "HANGS_AFTER_S", 0.0)
        assert endpoints.is_hanging("A")
        assert not endpoints.is_hanging("B")
        endpoints.ask("B", ASK, nothing)
        assert [answer.node for _, answer in endpoints.arrived(2)] == ["B"]
        gates["A"].set()
        assert [answer.node for _, answer in endpoints.arrived(2)] == ["A"]

    def test_nothing_arrives(self, endpoints: Endpoints) -> None:
        began_ns = monotonic_ns()
        assert endpoints.arrived(0.02) == []
        assert monotonic_ns() - began_ns >= 0.02 * NS_PER_S

    def test_answers_that_stay_away_are_given_up(
        self, endpoints: Endpoints, gates: dict[str, threading.Event], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(endpoints_module, "GATHER_AT_MOST_S", 0.05)
        gates["A"] = threading.Event()
        endpoints.ask("A", ASK, nothing)
        assert endpoints.gather() == []
        assert endpoints.outstanding == 1

    def test_errors_are_answers(self, endpoints: Endpoints) -> None:
        endpoints.ask("A", Command("r", "refuse", lambda document: document), nothing)
        endpoints.ask("A", Command("b", "break", lambda document: document), nothing)
        endpoints.ask("A", Command("p", "ask", lambda document: document["no such"]), nothing)
        endpoints.ask("A", ASK, nothing)
        refused, broken, unread, sound = (answer for _, answer in endpoints.gather())
        assert isinstance(refused.error, TransportError)
        for answer in (broken, unread):
            assert type(answer.error) is HarnessError
            assert "'A'" in str(answer.error)
            assert answer.error.__cause__ is not None
        assert (sound.error, sound.value) == (None, 4)

    def test_session_is_kept_and_closed_at_the_end(self, endpoints: Endpoints, log: list[str]) -> None:
        for _ in range(2):
            endpoints.ask("A", ASK, nothing)
            endpoints.gather()
        endpoints.close()
        for thread in threading.enumerate():
            if thread.name == "endpoint-A":
                thread.join(2)
        assert log == ["A ask", "A ask", "A closed"]


def loop_of(lab: ScriptedLab, stop: StopFlag | None = None) -> tuple[Loop, Endpoints]:
    endpoints = Endpoints(lab.open_session)
    return Loop(lab, endpoints, StopFlag() if stop is None else stop), endpoints


class TestVirtualLoop:
    def test_time_moves_to_the_next_due_action_and_no_further(self) -> None:
        lab = ScriptedLab()
        loop, _ = loop_of(lab)
        done: list[int] = []
        for due_s in (30, 10, 20):
            loop.agenda.plan(due_s * NS_PER_S, "x", lambda: done.append(lab.clock.now_ns()))
        loop.run_until(lambda: len(done) == 3)
        assert done == [10 * NS_PER_S, 20 * NS_PER_S, 30 * NS_PER_S]

    def test_replies_are_handled_before_time_moves(self) -> None:
        lab = ScriptedLab()
        loop, endpoints = loop_of(lab)
        seen: list[tuple[str, int]] = []

        def ask_again(answer: Answer) -> None:
            seen.append((answer.node, lab.clock.now_ns()))
            if len(seen) < 6:
                endpoints.ask(answer.node, ASK, ask_again)

        endpoints.ask("NODE02", ASK, ask_again)
        endpoints.ask("NODE01", ASK, ask_again)
        loop.agenda.plan(NS_PER_S, "x", lambda: seen.append(("due", lab.clock.now_ns())))
        loop.run_until(lambda: ("due", NS_PER_S) in seen)
        assert [t_ns for node, t_ns in seen if node != "due"] == [0] * (len(seen) - 1)
        assert seen[:2] == [("NODE01", 0), ("NODE02", 0)]
        endpoints.close()

    def test_request_that_waited_in_the_lab_has_moved_its_time(self) -> None:
        """What is journalled about the reply must carry the time at which the lab really is."""
        lab = ScriptedLab()
        loop, endpoints = loop_of(lab)
        caught_up: list[int] = []
        catch_up = lab.clock.catch_up
        lab.clock.catch_up = lambda: (caught_up.append(endpoints.outstanding), catch_up())[1]  # type: ignore[method-assign]
        answered: list[int] = []
        endpoints.ask("NODE01", ASK, lambda answer: answered.append(len(caught_up)))
        loop.run_until(lambda: bool(answered))
        assert (caught_up, answered) == ([0], [1])
        endpoints.close()

    def test_events_come_once_in_order_and_held_ones_at_their_instant(self) -> None:
        lab = ScriptedLab()
        lab.say_at(5, "a", "x")
        lab.say_at(7, "b", "y")
        lab.hold(Hold("h", "b", "*"), lease_of())
        loop, _ = loop_of(lab)
        seen: list[tuple[int, int]] = []

        def take(event: Event) -> None:
            seen.append((event.seq, lab.clock.now_ns()))

        loop.on_event = take
        loop.agenda.plan(60 * NS_PER_S, "x", lambda: None)
        loop.run_until(lambda: lab.clock.now_ns() >= 60 * NS_PER_S)
        assert seen == [(0, 7 * NS_PER_S), (1, 7 * NS_PER_S)]

    def test_stop_is_heeded_between_steps_unless_an_undo_runs(self) -> None:
        lab, stop = ScriptedLab(), StopFlag()
        loop, _ = loop_of(lab, stop)
        done: list[int] = []
        loop.agenda.plan(NS_PER_S, "x", lambda: stop.set("stopped by SIGINT"))
        loop.agenda.plan(2 * NS_PER_S, "y", lambda: done.append(1))
        with pytest.raises(StopRequestedError, match="SIGINT"):
            loop.run_until(lambda: bool(done))
        assert done == []
        loop.run_until(lambda: bool(done), heed_stop=False)
        assert done == [1]


class TestFlowingLoop:
    def test_hanging_node_delays_neither_replies_nor_actions(self) -> None:
        lab = ScriptedLab(rate=100)
        gates = {"NODE01": threading.Event()}
        endpoints = Endpoints(lambda node: Line(node, gates, []))
        loop = Loop(lab, endpoints, StopFlag())
        seen: list[Any] = []
        endpoints.ask("NODE01", ASK, lambda answer: seen.append(answer.node))
        endpoints.ask("NODE02", ASK, lambda answer: seen.append(answer.node))
        loop.agenda.plan(lab.clock.now_ns() + 20 * NS_PER_S, "x", lambda: seen.append("due"))
        lab.say_at(25, "a")
        loop.on_event = lambda event: seen.append(event.kind)
        loop.run_until(lambda: "a" in seen)
        assert seen == ["NODE02", "due", "a"]
        gates["NODE01"].set()
        loop.run_until(lambda: "NODE01" in seen)
        endpoints.close()

    def test_action_is_not_carried_out_early(self) -> None:
        lab = ScriptedLab(rate=50)
        loop, _ = loop_of(lab)
        late: list[int] = []
        due_ns = lab.clock.now_ns() + 5 * NS_PER_S
        loop.agenda.plan(due_ns, "x", lambda: late.append(lab.clock.now_ns() - due_ns))
        loop.run_until(lambda: bool(late))
        assert late[0] >= 0


class TestStopFlag:
    def test_first_reason_stays(self) -> None:
        stop = StopFlag()
        assert not stop
        stop.set("one")
        stop.set("two")
        assert stop
        assert stop.reason == "one"

    def test_signal_within_a_signal_handler_neither_hangs_nor_interrupts(self) -> None:
        import signal

        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        stop = StopFlag()
        try:
            stop.on_signals()
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGHUP)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        assert stop.reason == "stopped by SIGTERM"
