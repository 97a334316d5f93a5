"""The staggered schedule: nobody twice, nobody forgotten, nothing late."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.probes.stagger import Stagger

START = 1_000_000


def due_ns(number: int, count: int, interval_ns: int) -> int:
    rounds, index = divmod(number, count)
    return START + rounds * interval_ns + index * interval_ns // count


def test_targets_are_spread_over_the_interval() -> None:
    stagger = Stagger(4, 100)
    taken = {t_ns: stagger.take(START + t_ns, 9) for t_ns in range(0, 200, 5)}
    assert {t_ns: found for t_ns, found in taken.items() if found} == {
        0: [0],
        25: [1],
        50: [2],
        75: [3],
        100: [0],
        125: [1],
        150: [2],
        175: [3],
    }
    assert (stagger.due, stagger.missed) == (8, 0)


def test_half_an_interval_late_is_probed_and_more_is_missed() -> None:
    stagger = Stagger(2, 100)
    stagger.take(START, 9)
    assert stagger.take(START + 150, 9) == [0, 1]  # Due at 100 and 150; that of 50 is skipped.
    assert (stagger.due, stagger.missed) == (4, 1)


def test_a_long_stall_is_counted_without_walking_through_it() -> None:
    stagger = Stagger(1000, 10**8)
    stagger.take(START, 1)
    assert len(stagger.take(START + 10**17, 2000)) == 501
    assert stagger.due - stagger.missed == 1 + 501
    assert stagger.due == 10**17 // 10**8 * 1000 + 1


def test_nothing_is_due_without_targets() -> None:
    stagger = Stagger(0, 100)
    assert stagger.take(START, 9) == []
    assert stagger.take(START + 1000, 9) == []
    assert stagger.due == 0


@given(
    count=st.integers(1, 40),
    interval_ns=st.integers(1, 300),
    most=st.integers(1, 50),
    waits=st.lists(st.integers(0, 400), max_size=60),
)
def test_each_probe_is_taken_once_in_time_or_missed(count: int, interval_ns: int, most: int, waits: list[int]) -> None:
    stagger, now_ns, expected, missed = Stagger(count, interval_ns), START, 0, 0
    for wait_ns in [0, *waits]:
        now_ns += wait_ns
        taken = stagger.take(now_ns, most)
        while due_ns(expected, count, interval_ns) < now_ns - interval_ns // 2:
            expected, missed = expected + 1, missed + 1
        wanted = []
        while due_ns(expected, count, interval_ns) <= now_ns and len(wanted) < most:
            wanted.append(expected % count)
            expected += 1
        assert taken == wanted
        assert (stagger.due, stagger.missed) == (expected, missed)
