"""Edges of outages against the truth: on samples and on output of fping that are written down here."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.bench.edges import (
    Edge,
    fping_edges,
    ledger_edges,
    lost_stretches,
    node_errors,
    sampled_edges,
    single_errors,
    told_share,
)
from harness.bench.peers.fping import parse
from harness.clock import NS_PER_MS, NS_PER_S
from harness.measure.ledger import build_ledger
from harness.probes.runs import RunBuilder
from harness.testing.outages.script import Kind
from harness.testing.outages.truth import Silence
from harness.values import Answer, ControlHealth, SampleRun, SampleWindow, Signal

MS = NS_PER_MS
INTERVAL = 100 * MS


def silence(vm: str, start_ms: float, end_ms: float) -> Silence:
    return Silence(vm, Kind.FROZEN, "ping", round(start_ms * MS), round(end_ms * MS))


def sampled(vm: str, phase_ms: float, silences: list[Silence], last_ms: float = 5000) -> list[SampleRun]:
    """What a sampler with this phase sees, without bursts."""
    builder = RunBuilder(vm, Signal.ICMP, INTERVAL)
    at_ns = round(phase_ms * MS)
    while at_ns < last_ms * MS:
        away = any(one.vm == vm and one.start_ns <= at_ns < one.end_ns for one in silences)
        builder.take(at_ns, Answer.LOST if away else Answer.OK)
        at_ns += INTERVAL
    return builder.flush()


def window(*runs: SampleRun, stalls: tuple[tuple[int, int], ...] = ()) -> SampleWindow:
    return SampleWindow(0, 5 * NS_PER_S, runs, ControlHealth(0, 0, stalls))


@given(st.floats(0, 99), st.floats(1000, 1100), st.floats(101, 900))
def test_an_edge_is_within_half_an_interval_of_the_truth(phase_ms: float, start_ms: float, length_ms: float) -> None:
    truth = [silence("a", start_ms, start_ms + length_ms)]
    runs = sampled("a", phase_ms, truth)
    errors = single_errors(sampled_edges([window(*runs[:2]), window(*runs[2:])], Signal.ICMP), truth)
    assert errors.unseen == 0
    assert max(*errors.down_ns, *errors.up_ns) <= INTERVAL / 2


@settings(deadline=None)
@given(st.floats(1000, 1100), st.floats(150, 900))
def test_guests_of_a_node_show_its_edge_more_closely_together(start_ms: float, length_ms: float) -> None:
    truth = [silence(f"vm{at}", start_ms, start_ms + length_ms) for at in range(50)]
    runs = [run for at in range(50) for run in sampled(f"vm{at}", at * 2, truth)]
    edges = sampled_edges([window(*runs)], Signal.ICMP)
    errors = node_errors(edges, [truth])
    assert max(*errors.down_ns, *errors.up_ns) <= 1 * MS
    assert errors.unseen == 0


@settings(deadline=None)
@given(st.floats(0, 99), st.floats(1000, 1100), st.floats(400, 900))
def test_the_ledger_has_the_edges_of_the_samples(phase_ms: float, start_ms: float, length_ms: float) -> None:
    windows = [window(*sampled("a", phase_ms, [silence("a", start_ms, start_ms + length_ms)]))]
    (own,), (told,) = sampled_edges(windows, Signal.ICMP).values(), ledger_edges(build_ledger(windows)).values()
    assert [edge.down for edge in told] == [edge.down for edge in own] == [True, False]
    assert [edge.at_ns for edge in told] == pytest.approx([edge.at_ns for edge in own], abs=1)


def test_an_outage_that_nobody_saw_counts_with_its_length() -> None:
    truth = [silence("a", 1010, 1090), silence("b", 1010, 1090)]
    edges = sampled_edges([window(*sampled("a", 0, truth))], Signal.ICMP)
    for errors in (single_errors(edges, truth), node_errors(edges, [truth, truth])):
        assert errors.unseen == 2
        assert set(errors.down_ns) == set(errors.up_ns) == {80 * MS}


def test_each_outage_is_compared_with_the_edges_of_its_own() -> None:
    truth = [silence("a", 1010, 1390), silence("a", 2010, 2390), silence("b", 1000, 1300)]
    runs = sampled("a", 0, truth) + sampled("b", 50, truth)
    errors = single_errors(sampled_edges([window(*runs)], Signal.ICMP), truth)
    assert errors.down_ns == (40 * MS, 40 * MS, 0)
    assert errors.up_ns == (40 * MS, 40 * MS, 0)


def test_other_signals_and_late_answers_make_no_edge() -> None:
    run = SampleRun("a", 0, INTERVAL, 3, Answer.OK, 0, -1, -1, Signal.ICMP)
    late = SampleRun("a", 3 * INTERVAL, INTERVAL, 1, Answer.SLOW, 0, -1, -1, Signal.ICMP)
    other = SampleRun("a", 0, INTERVAL, 3, Answer.LOST, 0, -1, -1, Signal.UDP)
    assert sampled_edges([window(run, late, other)], Signal.ICMP) == {"a": []}


def test_losses_inside_a_stall_are_none() -> None:
    lost = SampleRun("a", 10 * INTERVAL, INTERVAL, 2, Answer.LOST, 0, -1, -1, Signal.ICMP)
    assert lost_stretches([window(lost)], Signal.ICMP) == 1
    assert lost_stretches([window(lost, stalls=((10 * INTERVAL, 11 * INTERVAL),))], Signal.ICMP) == 0
    assert lost_stretches([window(lost, stalls=((10 * INTERVAL, 11 * INTERVAL - 1),))], Signal.ICMP) == 1
    assert lost_stretches([window(lost)], Signal.UDP) == 0


def test_stops_must_be_told_whole() -> None:
    stops = [(1000, 1700), (3000, 3700), (5000, 5040)]
    assert told_share(stops, [(1001, 1702), (2990, 3650)], 50) == 1
    assert told_share(stops, [(1001, 1702), (2990, 3649)], 50) == 0.5
    assert told_share(stops, [], 50) == 0
    with pytest.raises(ValueError, match="long enough"):
        told_share([(0, 49)], [], 50)


FPING = """\
[1000.000500] 10.77.1.1 : [0], 64 bytes, 0.500 ms (0.5 avg, 0% loss)
[1000.000700] 10.77.1.2 : [0], 64 bytes, 0.600 ms (0.6 avg, 0% loss)
[1000.100700] 10.77.1.2 : [1], 64 bytes, 0.600 ms (0.6 avg, 0% loss)
[1000.300500] 10.77.1.1 : [3], 64 bytes, 0.500 ms (0.5 avg, 50% loss)
[1001.100000] 10.77.1.1 : [1], timed out (0.5 avg, 50% loss)
[1001.200000] 10.77.1.1 : [2], timed out (0.5 avg, 50% loss)
[1001.300000] 10.77.1.2 : [2], timed out (0.5 avg, 33% loss)

10.77.1.1 : xmt/rcv/%loss = 4/2/50%, min/avg/max = 0.500/0.500/0.500
"""


def test_fping_tells_its_edges_by_when_its_probes_left() -> None:
    pings = parse(FPING, INTERVAL)
    edges = fping_edges(pings, {"10.77.1.1": "a", "10.77.1.2": "b"}, 1000 * NS_PER_S)
    assert edges["a"] == [Edge(0, INTERVAL, True), Edge(2 * INTERVAL, 3 * INTERVAL, False)]
    assert edges["b"] == [Edge(100_000 + INTERVAL, 100_000 + 2 * INTERVAL, True)]
