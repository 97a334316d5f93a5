"""Single samples to runs: nothing is lost, edges keep their instants."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.probes.runs import RunBuilder
from harness.values import Answer, Signal

INTERVAL = 100


def test_first_and_last_of_a_stretch_are_exact() -> None:
    builder = RunBuilder("vm001", Signal.UDP, INTERVAL)
    for t_ns in (3, 101, 204, 299, 402):
        builder.take(t_ns, Answer.OK, t_ns % 10)
    builder.take(503, Answer.LOST)
    runs = builder.flush()
    assert [(run.first_ns, run.count, run.answer, run.error_ns) for run in runs] == [
        (3, 1, Answer.OK, 3),
        (101, 3, Answer.OK, 9),
        (402, 1, Answer.OK, 2),
        (503, 1, Answer.LOST, 0),
    ]
    assert builder.flush() == []


def test_a_hole_ends_a_stretch() -> None:
    builder = RunBuilder("vm001", Signal.UDP, INTERVAL)
    for t_ns in (0, 100, 500, 600):
        builder.take(t_ns, Answer.OK)
    assert [(run.first_ns, run.count) for run in builder.flush()] == [(0, 1), (100, 1), (500, 1), (600, 1)]


@given(st.lists(st.tuples(st.integers(1, 180), st.sampled_from(Answer), st.booleans(), st.integers(0, 2)), max_size=80))
def test_every_sample_is_in_one_run(steps: list[tuple[int, Answer, bool, int]]) -> None:
    builder, t_ns, taken, runs = RunBuilder("vm001", Signal.HEARTBEAT, INTERVAL), 0, [], []
    for number, (step, answer, flush, boot) in enumerate(steps):
        t_ns += step
        taken.append((t_ns, answer, boot))
        builder.take(t_ns, answer, boot_id=boot, heartbeat=number)
        if flush:
            runs += builder.flush()
    runs += builder.flush()
    assert sum(run.count for run in runs) == len(taken)
    at = 0
    for run in runs:
        mine = taken[at : at + run.count]
        assert mine[0][0] == run.first_ns
        assert {(answer, boot) for _, answer, boot in mine} == {(run.answer, run.boot_id)}
        assert (run.heartbeat_first, run.heartbeat_last) == (at, at + run.count - 1)
        at += run.count
