"""Runs of neighbouring windows as one: nothing is lost, ends and instants stay."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.measure.joining import EVENNESS, RunJoiner
from harness.values import Answer, SampleRun, Signal

INTERVAL = 100_000_000


def run(first_ns: int, count: int, answer: Answer = Answer.OK, vm: str = "web1", boot: int = 0) -> SampleRun:
    return SampleRun(vm, first_ns, INTERVAL, count, answer, boot, first_ns, first_ns + count - 1, Signal.ICMP, count)


def joined(*runs: SampleRun) -> tuple[SampleRun, ...]:
    joiner = RunJoiner()
    for each in runs:
        joiner.add(each)
    return joiner.runs()


def test_what_goes_on_is_one() -> None:
    (one,) = joined(run(0, 100), run(100 * INTERVAL + 1000, 100), run(200 * INTERVAL - 1000, 100))
    assert (one.first_ns, one.count, one.error_ns) == (0, 300, 100)
    assert abs(one.last_ns - (299 * INTERVAL - 1000)) <= 300
    assert (one.heartbeat_first, one.heartbeat_last) == (0, 200 * INTERVAL - 1000 + 99)


def test_a_hole_another_answer_and_another_boot_are_not() -> None:
    apart = [run(0, 10), run(11 * INTERVAL, 10), run(21 * INTERVAL, 1, Answer.LOST), run(22 * INTERVAL, 5, boot=2)]
    assert joined(*apart) == tuple(apart)


def test_every_guest_has_its_own() -> None:
    rows = [run(0, 10), run(0, 10, vm="web2"), run(10 * INTERVAL, 10), run(10 * INTERVAL, 10, vm="web2")]
    assert [(each.vm, each.count) for each in joined(*rows)] == [("web1", 20), ("web2", 20)]


def test_what_is_late_again_and_again_does_not_drift_away() -> None:
    rows = [run(0, 100), *(run(100 * INTERVAL + n * INTERVAL * 104 // 100, 1) for n in range(40))]
    made = joined(*rows)
    found = [each.first_ns + n * each.interval_ns for each in made for n in range(each.count)]
    meant = [each.first_ns + n * INTERVAL for each in rows for n in range(each.count)]
    assert all(abs(one - other) <= INTERVAL // EVENNESS + len(meant) for one, other in zip(found, meant, strict=True))


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(-20, 20), st.sampled_from(Answer)), max_size=30))
def test_no_sample_is_lost_and_none_is_far_from_where_it_was(parts: list[tuple[int, int, Answer]]) -> None:
    at_ns, runs, instants = 0, [], []
    for count, off, answer in parts:
        runs.append(run(at_ns + off * INTERVAL // 100, count, answer))
        instants += [(runs[-1].first_ns + n * INTERVAL, answer) for n in range(count)]
        at_ns = runs[-1].first_ns + count * INTERVAL
    found = [(each.first_ns + n * each.interval_ns, each.answer) for each in joined(*runs) for n in range(each.count)]
    assert len(found) == len(instants)
    for (was_ns, answer), (is_ns, told) in zip(instants, found, strict=True):
        assert told is answer
        assert abs(was_ns - is_ns) <= INTERVAL // EVENNESS + len(instants)
