"""Lanes as values: how many at a time, and many bars made few."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.clock import NS_PER_S
from harness.report.area_drawing import LEAST_PX, draw_area, joined_bars
from harness.report.lane import Area, Bar, depth, thinned
from harness.report.scale import TimeScale
from harness.report.wording import length_text

spans = st.lists(st.tuples(st.integers(0, 200), st.integers(1, 60)).map(lambda each: (each[0], sum(each))), max_size=30)


@given(spans)
def test_depth_counts_the_spans_at_each_moment(given_spans: list[tuple[int, int]]) -> None:
    steps = depth(given_spans)
    for t_ns in range(270):
        wanted = sum(start <= t_ns < end for start, end in given_spans)
        assert sum(count for start, end, count in steps if start <= t_ns < end) == wanted
    assert all(a[1] <= b[0] for a, b in pairwise(steps))
    assert all(start < end and count > 0 for start, end, count in steps)


def test_a_span_without_length_is_seen() -> None:
    assert depth([(5, 5), (5, 5)]) == ((5, 6, 2),)


@given(spans, st.integers(1, 20), st.lists(st.sampled_from(("a", "b")), min_size=30, max_size=30))
def test_thinned_bars_cover_what_all_covered(given_spans: list[tuple[int, int]], most: int, looks: list[str]) -> None:
    bars = [Bar(start, end, look, "vm", "x") for (start, end), look in zip(given_spans, looks, strict=False)]
    found = thinned(bars, most)
    assert len(found) <= max(most, 2)
    for look in ("a", "b"):
        for bar in (bar for bar in bars if bar.look == look):
            assert any(
                each.look == look and each.start_ns <= bar.start_ns and bar.end_ns <= each.end_ns for each in found
            )
    if len(bars) <= most:
        assert sorted(map(id, found)) == sorted(map(id, bars))


def test_a_thinned_bar_says_how_many_it_stands_for() -> None:
    bars = [Bar(10 * i, 10 * i + 1, "gap-frozen", "vm01", "frozen") for i in range(5000)]
    (first, *_) = thinned(bars, 100)
    assert first.end_ns > bars[1].start_ns
    assert first.title.startswith("vm01: ")
    assert first.title.endswith("× frozen; each for itself in timeline.csv")


@given(spans, st.integers(1, 50))
def test_joined_spans_lie_apart(given_spans: list[tuple[int, int]], least: int) -> None:
    found = list(joined_bars(given_spans, least))
    assert all(b[0] - a[1] >= least for a, b in pairwise(found))
    assert all(any(a <= start and end <= b for a, b in found) for start, end in given_spans)


def outlines(area: Area) -> list[tuple[str, str]]:
    """Path and title of each stretch, on an axis of one pixel a second."""
    scale = TimeScale(0, 1000 * NS_PER_S, 100.0, 1000.0)
    parts = [ET.fromstring(part) for part in draw_area(area, scale, 50.0)]  # noqa: S314 - our own text
    return [(str(part.get("d")), part.findtext("title", "")) for part in parts]


def seconds(*steps: tuple[float, float, int]) -> tuple[tuple[int, int, int], ...]:
    return tuple((round(a * NS_PER_S), round(b * NS_PER_S), count) for a, b, count in steps)


def test_an_area_is_as_high_as_its_number_and_one_is_seen() -> None:
    ((path, title),) = outlines(Area("away", "of 41 VMs away", seconds((10, 20, 1), (20, 30, 41)), 20.0, most=41))
    assert path == f"M110 70.0V{70 - LEAST_PX:.1f}H120V50.0H130V70.0Z"
    assert title == "at most 41 of 41 VMs away, between 0:00:10 and 0:00:30 (for 20.0 s)"


def test_a_moment_has_a_pixel_and_stretches_have_their_own_texts() -> None:
    told = outlines(Area("away", "away", seconds((10.2, 10.21, 1), (500, 500.001, 2)), 20.0, hanging=True))
    assert [title.partition(",")[0] for _, title in told] == ["1 away", "at most 2 away"]
    assert told[0][0] == f"M110 50.0V{50 + LEAST_PX:.1f}H111V50.0Z"


@pytest.mark.parametrize(
    ("span_ns", "text"),
    [
        (412_345_678, "0.412 s"),
        (400_000_000, "0.40 s"),
        (1_000_000, "0.001 s"),
        (75_300_000_000, "75.3 s"),
        (0, "0.00 s"),
    ],
)
def test_lengths_are_told_as_exactly_as_a_prober_knows_them(span_ns: int, text: str) -> None:
    assert length_text(span_ns) == text
