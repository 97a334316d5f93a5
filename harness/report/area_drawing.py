"""Areas as SVG: how many at each moment, to the pixel."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby, pairwise
from math import ceil, floor
from typing import Final

from harness.report.lane import Area, Step
from harness.report.scale import TimeScale
from harness.report.wording import clock_text, printable, span_text

LEAST_PX: Final = 2.5
"""Height of one: a single guest of sixty must still be seen."""

JOINED_PX: Final = 3
"""Stretches that lie nearer to each other than this are one, with one text on hovering."""


def draw_area(area: Area, scale: TimeScale, top: float) -> Iterator[str]:
    """The surface of `area` whose box begins at `top`: one path for each stretch in which there is any."""
    columns = _columns(area.steps, scale)
    foot = top if area.hanging else top + area.height_px
    places = [floor(scale.x(start_ns) - scale.left_px) for start_ns, _, _ in area.steps]
    for first, last in _stretches(columns):
        peak = max(columns[first : last + 1])
        within = area.steps[bisect_left(places, first) : bisect_right(places, last)]
        title = f"{peak} {area.what}"
        if within:
            start_ns, end_ns = within[0][0], max(step[1] for step in within)
            title += f", between {clock_text(start_ns)} and {clock_text(end_ns)} (for {span_text(end_ns - start_ns)})"
        if peak > 1:
            title = f"at most {title}"
        path = _path(area, columns, first, last, scale.left_px, foot)
        yield f'<path class="area {area.look}" d="{path}"><title>{escape(printable(title))}</title></path>'


def _columns(steps: Sequence[Step], scale: TimeScale) -> list[int]:
    """The greatest number in each pixel of the axis; a step that is shorter than a pixel has one."""
    columns = [0] * (ceil(scale.width_px) + 1)
    for start_ns, end_ns, count in steps:
        first = floor(scale.x(start_ns) - scale.left_px)
        last = max(first, ceil(scale.x(end_ns) - scale.left_px) - 1)
        for column in range(first, last + 1):
            columns[column] = max(columns[column], count)
    return columns


def _stretches(columns: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last column of each stretch that is not empty."""
    first: int | None = None
    last = 0
    for column, count in enumerate(columns):
        if not count:
            continue
        if first is not None and column - last > JOINED_PX:
            yield first, last
            first = None
        first, last = column if first is None else first, column
    if first is not None:
        yield first, last


def _path(area: Area, columns: Sequence[int], first: int, last: int, left: float, foot: float) -> str:
    """A closed outline, clockwise from the foot of the first column."""
    parts = [f"M{left + first:.0f} {foot:.1f}"]
    runs = [(count, list(same)) for count, same in groupby(range(first, last + 1), key=lambda column: columns[column])]
    for count, same in runs:
        height = LEAST_PX + (area.height_px - LEAST_PX) * (count - 1) / max(1, area.peak - 1) if count else 0.0
        y = foot + height if area.hanging else foot - height
        parts.append(f"V{y:.1f}H{left + same[-1] + 1:.0f}")
    return "".join([*parts, f"V{foot:.1f}Z"])


def joined_bars(spans: Sequence[tuple[int, int]], least_ns: int) -> Iterator[tuple[int, int]]:
    """Spans in order of time, those joined that lie nearer to each other than `least_ns`."""
    ordered = sorted(spans)
    if not ordered:
        return
    start_ns, end_ns = ordered[0]
    for (_, _), (next_start, next_end) in pairwise(ordered):
        if next_start - end_ns < least_ns:
            end_ns = max(end_ns, next_end)
            continue
        yield start_ns, end_ns
        start_ns, end_ns = next_start, next_end
    yield start_ns, end_ns
