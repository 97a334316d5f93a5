"""Windows of samples, cut and put together."""

from __future__ import annotations

import pytest

from harness.measure.windows import begun_at, joined, shifted
from harness.values import Answer, ControlHealth, SampleRun, SampleWindow


def run(first_ns: int, count: int, interval_ns: int = 100) -> SampleRun:
    return SampleRun("vm1", first_ns, interval_ns, count, Answer.OK, 0, -1, -1)


def window(from_ns: int, to_ns: int, *runs: SampleRun, **control: object) -> SampleWindow:
    return SampleWindow(from_ns, to_ns, runs, ControlHealth(10, 1, **control))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("from_ns", "first_ns", "count"),
    [(-1000, 50, 5), (0, 50, 5), (49, 50, 5), (50, 150, 4), (51, 150, 4), (449, 450, 1)],
)
def test_what_was_sampled_later_stays(from_ns: int, first_ns: int, count: int) -> None:
    cut = begun_at(window(0, 500, run(50, 5)), from_ns)
    assert [(each.first_ns, each.count) for each in cut.runs] == [(first_ns, count)]
    assert (cut.from_ns, cut.to_ns) == (max(0, from_ns), 500)


def test_what_was_sampled_before_is_gone() -> None:
    whole = window(0, 500, run(50, 5), targets=(run(0, 5),), stalls=((10, 20), (400, 480)), blind=((0, 460, "dark"),))
    cut = begun_at(whole, 450)
    assert cut.runs == ()
    assert cut.control.targets == ()
    assert cut.control.stalls == ((450, 480),)
    assert cut.control.blind == ((450, 460, "dark"),)


def test_windows_that_follow_each_other_are_one() -> None:
    first = window(0, 500, run(50, 5), stalls=((1, 2),))
    second = window(500, 900, run(550, 4), blind=((600, 700, "dark"),))
    whole = joined([first, second], 0)
    assert (whole.from_ns, whole.to_ns, whole.runs) == (0, 900, (*first.runs, *second.runs))
    assert (whole.control.due, whole.control.missed) == (20, 2)
    assert (whole.control.stalls, whole.control.blind) == (((1, 2),), ((600, 700, "dark"),))


def test_a_missing_window_is_never_bridged() -> None:
    with pytest.raises(ValueError, match="follow"):
        joined([window(0, 500), window(501, 900)], 0)
    assert joined([], 7) == SampleWindow(7, 7, (), ControlHealth(0, 0))


def test_shifting_there_and_back_changes_nothing() -> None:
    whole = window(0, 500, run(50, 5), targets=(run(0, 5),), stalls=((10, 20),), blind=((0, 460, "dark"),))
    assert shifted(shifted(whole, 1234), -1234) == whole
