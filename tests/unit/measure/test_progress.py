"""The no-progress detector."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.measure.progress import Fingerprint, ProgressDetector

STEP = Fingerprint("install", ("Update Host OS",), 40.0, "InProgress", (("NODE01", "Up"),))
NEXT = Fingerprint("install", ("Update Host OS",), 41.0, "InProgress", (("NODE01", "Up"),))


def test_stuck_only_beyond_the_budget() -> None:
    detector = ProgressDetector(100)
    detector.feed(0, STEP)
    assert detector.feed(100, STEP) == 100
    assert not detector.stuck(100)
    assert detector.stuck(101)


def test_any_change_is_progress() -> None:
    detector = ProgressDetector(100)
    detector.feed(0, STEP)
    assert detector.feed(90, NEXT) == 0
    assert not detector.stuck(190)
    assert detector.longest_ns == 0


def test_node_state_alone_is_progress() -> None:
    detector = ProgressDetector(100)
    detector.feed(0, STEP)
    moved = Fingerprint(STEP.phase, STEP.step, STEP.percent, STEP.run_state, (("NODE01", "Down"),))
    assert detector.feed(90, moved) == 0


def test_time_in_which_nobody_could_look_does_not_count() -> None:
    detector = ProgressDetector(100)
    detector.feed(0, STEP)
    detector.feed(50, STEP)
    detector.feed(500, None)
    assert detector.feed(540, STEP) == 90
    assert not detector.stuck(550)
    assert detector.stuck(551)


def test_before_the_first_look_nothing_is_known() -> None:
    detector = ProgressDetector(1)
    assert detector.feed(10, None) == 0
    assert not detector.stuck(10_000)


@given(st.lists(st.tuples(st.integers(1, 50), st.sampled_from([STEP, NEXT, None])), min_size=1, max_size=40))
def test_still_time_is_never_more_than_the_time_since_the_last_change(
    looks: list[tuple[int, Fingerprint | None]],
) -> None:
    detector, t_ns, changed, last = ProgressDetector(1000), 0, None, None
    for gap, seen in looks:
        t_ns += gap
        if seen is not None and seen != last:
            last, changed = seen, t_ns
        still = detector.feed(t_ns, seen)
        assert 0 <= still <= (t_ns - changed if changed is not None else 0)
