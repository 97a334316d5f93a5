"""Several signals of one guest: what counts as an absence, what does not, and that no edge is outside its error bar."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.measure.blind import Blind
from harness.measure.conditions import ConditionKind
from harness.measure.gaps import Cause, State
from harness.measure.ledger import Ledger, build_ledger
from harness.measure.ownership import Ownership
from harness.measure.samples import window_from_record, window_record
from harness.measure.states import states_of
from harness.testing.watched import Trouble, Watched
from harness.values import Answer, ControlHealth, SampleRun, SampleWindow, Signal
from tests.examples import examples

MS = 1_000_000
S = 1000 * MS
PROBES = {Signal.ICMP: 100 * MS, Signal.TCP: 100 * MS}
WITH_BEATS = {**PROBES, Signal.HEARTBEAT: 20 * MS}
PHASES = {Signal.ICMP: 30 * MS, Signal.TCP: 80 * MS}


def guest(*troubles: Trouble, intervals: dict[Signal, int] | None = None, vm: str = "web1") -> Watched:
    return Watched(vm, 20 * S, intervals or WITH_BEATS, troubles, PHASES)


def ledger_of(*guests: Watched, **control: object) -> Ledger:
    runs = tuple(run for each in guests for run in each.runs())
    health = ControlHealth(100, 0, **control)  # type: ignore[arg-type]
    return build_ledger([SampleWindow(0, guests[0].to_ns, runs, health)])


class TestWhatIsAnAbsence:
    @pytest.mark.parametrize(
        ("kind", "cause", "state"),
        [
            ("frozen", Cause.FROZEN, State.FROZEN),
            ("isolated", Cause.ISOLATED, State.ISOLATED),
            ("restarted", Cause.RESTART, State.RESTARTED),
        ],
    )
    def test_heartbeats_tell_what_the_guest_did(self, kind: str, cause: Cause, state: State) -> None:
        (gap,) = ledger_of(guest(Trouble(kind, 5 * S, 7 * S))).gaps  # type: ignore[arg-type]
        assert (gap.cause, gap.state) == (cause, state)
        assert gap.signals == ("heartbeat", "icmp", "tcp")
        assert abs(gap.start_ns - 5 * S) <= gap.start_err_ns <= 25 * MS
        assert abs(gap.end_ns - 7 * S) <= gap.end_err_ns <= 1 * MS

    def test_without_heartbeats_nobody_knows_why(self) -> None:
        (gap,) = ledger_of(guest(Trouble("frozen", 5 * S, 7 * S), intervals=PROBES)).gaps
        assert (gap.cause, gap.state) == (Cause.UNKNOWN, State.DOWN)

    def test_one_that_does_not_come_back_is_down(self) -> None:
        (gap,) = ledger_of(guest(Trouble("isolated", 15 * S, 30 * S))).gaps
        assert gap.open
        assert gap.state is State.DOWN

    def test_pause_between_two_probes_is_seen_by_heartbeats(self) -> None:
        (gap,) = ledger_of(
            guest(
                Trouble("frozen", 5 * S + 31 * MS, 5 * S + 109 * MS),
                intervals={
                    Signal.ICMP: 100 * MS,
                    Signal.HEARTBEAT: 20 * MS,
                },
            )
        ).gaps
        assert gap.signals == ("heartbeat",)
        assert abs(gap.duration_ns - 78 * MS) <= gap.error_ns


class TestWhatIsNone:
    def test_a_single_loss(self) -> None:
        runs = tuple(
            SampleRun("web1", first_ns, 100 * MS, count, answer, 0, -1, -1, Signal.ICMP)
            for first_ns, count, answer in ((0, 50, Answer.OK), (5 * S, 1, Answer.LOST), (5100 * MS, 90, Answer.OK))
        )
        ledger = build_ledger([SampleWindow(0, 20 * S, runs, ControlHealth(1, 0))])
        assert ledger.gaps == ()
        assert ledger.vms[0].conditions == ()

    def test_filtered_pings(self) -> None:
        (vm,) = ledger_of(guest(Trouble("filtered", 5 * S, 9 * S, frozenset({Signal.ICMP})))).vms
        assert vm.gaps == ()
        (condition,) = vm.conditions
        assert (condition.kind, condition.signals) == (ConditionKind.FILTERED, ("icmp",))
        assert abs(condition.start_ns - 5 * S) <= condition.start_err_ns
        assert vm.visible_ns == 0

    def test_absence_while_pings_are_filtered_is_seen_by_the_others(self) -> None:
        filtered = Trouble("filtered", 4 * S, 9 * S, frozenset({Signal.ICMP}))
        (vm,) = ledger_of(guest(filtered, Trouble("frozen", 6 * S, 7 * S))).vms
        (gap,) = vm.gaps
        assert "icmp" not in gap.signals
        assert abs(gap.start_ns - 6 * S) <= gap.start_err_ns
        assert abs(gap.end_ns - 7 * S) <= gap.end_err_ns
        assert {each.kind for each in vm.conditions} == {ConditionKind.FILTERED}

    def test_refused_service(self) -> None:
        (vm,) = ledger_of(guest(Trouble("refused", 5 * S, 9 * S, frozenset({Signal.TCP})))).vms
        assert vm.gaps == ()
        (condition,) = vm.conditions
        assert condition.kind is ConditionKind.SERVICE_DOWN
        assert vm.visible_ns == pytest.approx(4 * S, abs=100 * MS)

    def test_broken_connections(self) -> None:
        both = {**PROBES, Signal.HTTP: S, Signal.HTTP_REUSED: S}
        broken = Trouble("filtered", 5 * S, 9 * S, frozenset({Signal.HTTP_REUSED}))
        (condition,) = ledger_of(guest(broken, intervals=both)).vms[0].conditions
        assert condition.kind is ConditionKind.CONNECTIONS_BROKEN

    def test_no_probe_reaches_a_guest_that_makes_itself_heard(self) -> None:
        (vm,) = ledger_of(guest(Trouble("filtered", 5 * S, 9 * S, frozenset(PROBES)))).vms
        assert vm.gaps == ()
        (condition,) = vm.conditions
        assert (condition.kind, condition.signals) == (ConditionKind.UNREACHABLE, ("icmp", "tcp"))

    def test_stopped_agent(self) -> None:
        (vm,) = ledger_of(guest(Trouble("filtered", 5 * S, 9 * S, frozenset({Signal.HEARTBEAT})))).vms
        assert vm.gaps == ()
        (condition,) = vm.conditions
        assert (condition.kind, condition.signals) == (ConditionKind.SERVICE_DOWN, ("heartbeat",))

    def test_slow_answers(self) -> None:
        slow = Trouble("slow", 5 * S, 6 * S, frozenset(PROBES))
        (vm,) = ledger_of(Watched("web1", 20 * S, PROBES, [slow], PHASES, rtt_ns=300 * MS)).vms
        assert vm.gaps == ()
        assert {each.kind for each in vm.conditions} == {ConditionKind.BROWN}
        spans = states_of(vm.gaps, vm.conditions, (), (0, 20 * S))
        assert [span.state for span in spans] == [State.UP, State.BROWN, State.UP]

    def test_pings_that_a_frozen_guest_answers_late_do_not_hide_that_it_stood(self) -> None:
        """They waited in its queue: each answer comes when it runs again."""
        beats = guest(Trouble("frozen", 5 * S, 6 * S), intervals={Signal.HEARTBEAT: 20 * MS}).runs()
        pings = [
            SampleRun("web1", 0, 100 * MS, 51, Answer.OK, 0, -1, -1, Signal.ICMP),
            *(
                SampleRun("web1", t_ns, 100 * MS, 1, Answer.SLOW, 0, -1, -1, Signal.ICMP, 6 * S - t_ns)
                for t_ns in range(5 * S + 100 * MS, 6 * S, 100 * MS)
            ),
            SampleRun("web1", 6 * S, 100 * MS, 140, Answer.OK, 0, -1, -1, Signal.ICMP),
        ]
        (gap,) = build_ledger([SampleWindow(0, 20 * S, (*beats, *pings), ControlHealth(1, 0))]).gaps
        assert gap.cause is Cause.FROZEN
        assert abs(gap.duration_ns - S) <= gap.error_ns + 20 * MS


class TestOwnFaults:
    def test_lost_canary_is_the_probers_own_fault(self) -> None:
        away = Trouble("isolated", 5 * S, 6 * S)
        canary = Watched("canary", 20 * S, {Signal.UDP: 100 * MS}, [away]).runs()
        ledger = ledger_of(guest(away), targets=tuple(canary))
        assert ledger.gaps == ()
        (blind,) = ledger.unobserved
        assert "canary" in blind.reason

    def test_path_is_blamed_when_a_control_target_and_all_guests_are_away(self) -> None:
        away = Trouble("isolated", 5 * S, 6 * S)
        switch = Watched("switch1", 20 * S, {Signal.ICMP: 100 * MS}, [away]).runs()
        every = ledger_of(guest(away), guest(away, vm="web2"), targets=tuple(switch))
        assert every.gaps == ()
        assert "switch1" in every.unobserved[0].reason
        some = ledger_of(guest(away), guest(vm="web2"), targets=tuple(switch))
        assert [gap.vm for gap in some.gaps] == ["web1"]
        assert some.unobserved == ()

    def test_second_prober_that_sees_the_guest_makes_it_a_matter_of_the_path(self) -> None:
        pings = {Signal.ICMP: 100 * MS}
        one = Watched("web1", 20 * S, pings, [Trouble("isolated", 5 * S, 7 * S)])
        other = Watched("web1", 20 * S, pings, prober="b", phases_ns={Signal.ICMP: 50 * MS})
        (vm,) = ledger_of(one, other).vms
        assert vm.gaps == ()
        (condition,) = vm.conditions
        assert condition.kind is ConditionKind.PATH
        assert vm.visible_ns > 0

    def test_states_have_no_hole_and_own_blindness_comes_first(self) -> None:
        (vm,) = ledger_of(guest(Trouble("frozen", 5 * S, 7 * S))).vms
        spans = states_of(vm.gaps, vm.conditions, [Blind(6 * S, 8 * S, "stall")], (0, 20 * S))
        assert [span.state for span in spans] == [State.UP, State.FROZEN, State.UNOBSERVED, State.UP]
        assert all(one.end_ns == other.start_ns for one, other in pairwise(spans))


class TestNodes:
    def test_guests_of_a_lost_node_share_its_instant(self) -> None:
        fallen = [
            Watched(
                f"vm{number:02}",
                20 * S,
                {Signal.ICMP: 100 * MS},
                [Trouble("restarted", 5 * S + 1_234_567, 12 * S + number * 70 * MS)],
                {Signal.ICMP: (number * 2 + 1) * MS},
            )
            for number in range(50)
        ]
        runs = tuple(run for each in fallen for run in each.runs())
        owners = Ownership.of([(each.vm, 0, "NODE01") for each in fallen])
        ledger = build_ledger([SampleWindow(0, 20 * S, runs, ControlHealth(1, 0))], owners)
        (edge,) = [each for each in ledger.node_edges if each.kind == "down"]
        assert edge.node == "NODE01"
        assert len(edge.vms) == 50
        assert abs(edge.at_ns - (5 * S + 1_234_567)) <= edge.err_ns <= 2 * MS


STEP = 5 * MS


@st.composite
def troubled(draw: st.DrawFn) -> tuple[Watched, list[Trouble]]:
    """A guest with absences of 0.1 s to 2 s, at least a second between them, and filtered signals at other times."""
    at, absences, others = S, [], []
    for _ in range(draw(st.integers(0, 5))):
        at += draw(st.integers(200, 600)) * STEP
        length = draw(st.integers(21, 400)) * STEP
        kind = draw(st.sampled_from(["frozen", "isolated", "restarted"]))
        absences.append(Trouble(kind, at, at + length))
        at += length
    for _ in range(draw(st.integers(0, 2))):
        start = draw(st.integers(0, 3000)) * STEP
        end = start + draw(st.integers(1, 800)) * STEP
        signal = draw(st.sampled_from([Signal.ICMP, Signal.TCP]))
        # A probe lost for another reason just before an absence, or just after, cannot be told from one lost in it.
        edges = [edge for each in absences for edge in (each.start_ns, each.end_ns)]
        if all(abs(mine - edge) > 300 * MS for mine in (start, end) for edge in edges):
            others.append(Trouble("filtered", start, end, frozenset({signal})))
    phases = {signal: draw(st.integers(1, 99)) * MS for signal in PROBES}
    return Watched("web1", at + 3 * S, WITH_BEATS, [*absences, *others], phases), absences


@settings(max_examples=examples(60), deadline=None)
@given(troubled())
def test_every_absence_is_found_inside_its_error_bars_and_none_is_invented(
    drawn: tuple[Watched, list[Trouble]],
) -> None:
    watched, absences = drawn
    gaps = ledger_of(watched).gaps
    assert len(gaps) == len(absences)
    names = {"frozen": State.FROZEN, "isolated": State.ISOLATED, "restarted": State.RESTARTED}
    for gap, truth in zip(gaps, absences, strict=True):
        assert abs(gap.start_ns - truth.start_ns) <= gap.start_err_ns
        assert abs(gap.end_ns - truth.end_ns) <= gap.end_err_ns
        assert gap.state is names[truth.kind]


@settings(max_examples=examples(40), deadline=None)
@given(st.integers(0, 100), st.integers(0, 400), st.booleans())
def test_what_is_seen_for_sure(start_ms: int, more_ms: int, two_ways: bool) -> None:
    """An interval and what the burst needs by one way, an interval by two, whatever the phase."""
    least_ns = 100 * MS if two_ways else 141 * MS
    away = Trouble("isolated", 5 * S + start_ms * MS, 5 * S + start_ms * MS + least_ns + more_ms * MS)
    probes = PROBES if two_ways else {Signal.ICMP: 100 * MS}
    (gap,) = ledger_of(guest(away, intervals=probes)).gaps
    assert abs(gap.start_ns - away.start_ns) <= gap.start_err_ns
    assert abs(gap.end_ns - away.end_ns) <= gap.end_err_ns


def test_one_lost_probe_by_one_way_is_too_little() -> None:
    """The price of not taking chance for an absence."""
    away = Trouble("isolated", 5 * S, 5 * S + 60 * MS)
    assert ledger_of(guest(away, intervals={Signal.ICMP: 100 * MS})).gaps == ()


@settings(max_examples=examples(15), deadline=None)
@given(troubled(), st.lists(st.integers(1, 200), max_size=4))
def test_stored_samples_give_the_same_ledger(drawn: tuple[Watched, list[Trouble]], cuts: Sequence[int]) -> None:
    """Whatever the windows in which they came."""
    watched, _ = drawn
    runs = sorted(watched.runs(), key=lambda run: (run.first_ns, run.signal))
    edges = [0, *sorted({min(cut, len(runs)) for cut in cuts}), len(runs)]
    whole = build_ledger([SampleWindow(0, watched.to_ns, tuple(runs), ControlHealth(1, 0))])
    parts = [
        SampleWindow(0, watched.to_ns, tuple(runs[first:last]), ControlHealth(int(not first), 0))
        for first, last in pairwise(edges)
    ]
    stored = [window_from_record(window_record(window, 100 * MS)) for window in parts]
    assert build_ledger(stored).vms == whole.vms
