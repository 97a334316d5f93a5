"""Lanes as SVG.  Knows pixels, colours and patterns, and nothing of clusters.

Nothing is told by colour alone: each state has a pattern or a shape, and words in it where there is room or on
hovering.  The colours follow the reader's light or dark scheme.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Final

from harness.clock import lab_utc
from harness.report.area_drawing import draw_area
from harness.report.glyphs import GLYPHS, LEGEND, PATTERNS, STYLE
from harness.report.lane import Bar, Lane, Mark, Row
from harness.report.scale import TimeScale
from harness.report.wording import clock_text, printable, shortened

WIDTH_PX: Final = 1216.0
LEFT_PX: Final = 196.0
RIGHT_PX: Final = 24.0
TOP_PX: Final = 46.0
LANE_GAP_PX: Final = 9.0
TITLE_PX: Final = 17.0
ROW_GAP_PX: Final = 3.0
LEGEND_ROW_PX: Final = 20.0
CHAR_PX: Final = 6.4
"""Width of an average character of the small text."""

LEAST_BAR_PX: Final = 1.0
LEAST_GAP_PX: Final = 3.0
"""Gaps and bars are drawn to scale, but never narrower than this: half a second in ten hours must still be seen."""

SEEN_AS_GAPS: Final = frozenset({"blind", "brown", "control-lost", "control-slow"})
"""Looks of short bars that must be seen as gaps must."""

LEAST_SHADE_PX: Final = 1.5
STEM_PX: Final = 4.0
"""How far the line of a mark goes into what stands below the marks: it must not strike through words."""

GLYPH_PX: Final = 11.0
TEXT_TRACK_PX: Final = 12.0
"""Least height of a track with words in it."""

LEAST_ROW_PX: Final = 12.0
LEAST_WHISKER_PX: Final = 2.0
LEAST_CHARS: Final = 4
"""A shortened word of fewer characters says nothing."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A moment that goes through all lanes."""

    t_ns: int
    text: str
    title: str


def text_of(value: object) -> str:
    """Text for between tags or for an attribute in double quotes."""
    return escape(printable(value))


def draw(
    lanes: Sequence[Lane], begin_ns: int, end_ns: int, epoch: datetime, heading: str, cursor: Cursor | None
) -> str:
    """The whole picture as one `<svg>` element."""
    scale = TimeScale(begin_ns, end_ns, LEFT_PX, WIDTH_PX - LEFT_PX - RIGHT_PX)
    body: list[str] = []
    y = TOP_PX
    for lane in lanes:
        parts, y = _lane(lane, scale, y)
        body.extend(parts)
    height = y + LEGEND_ROW_PX * (len(_legend_rows(lanes)) + 0.6)
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="timeline" viewBox="0 0 {WIDTH_PX:.0f} {height:.0f}" '
        f'width="{WIDTH_PX:.0f}" height="{height:.0f}" role="img" '
        f'data-begin-ns="{begin_ns}" data-end-ns="{begin_ns + scale.span_ns}" '
        f'data-left="{LEFT_PX:.0f}" data-width="{scale.width_px:.0f}">',
        f"<title>{text_of(heading)}</title>",
        f"<style>{STYLE}</style>",
        f"<defs>{PATTERNS}</defs>",
        f'<rect class="paper" x="0" y="0" width="{WIDTH_PX:.0f}" height="{height:.0f}"/>',
    ]
    marked = list(_cursor(cursor, scale, y)) if cursor else []
    return "\n".join([*head, *_axis(scale, epoch, y), *body, *marked, *_legend(lanes, y), "</svg>", ""])


def _axis(scale: TimeScale, epoch: datetime, bottom: float) -> Iterator[str]:
    fine = scale.step_s < 60
    yield '<g class="axis">'
    yield '<text class="axis-name" x="4" y="16">lab time</text>'
    yield '<text class="axis-name" x="4" y="31">UTC of the lab</text>'
    day = ""
    for t_ns in scale.ticks():
        x, utc = scale.x(t_ns), lab_utc(epoch, t_ns)
        today = f"{utc:%Y-%m-%d}"
        shown = f"{utc:%H:%M:%S}" if fine else f"{utc:%H:%M}"
        label = shown if today == day else f"{utc:%m-%d} {shown}"
        day = today
        yield f'<line class="grid" x1="{x:.2f}" x2="{x:.2f}" y1="36" y2="{bottom:.1f}"/>'
        yield f'<text class="tick" x="{x:.2f}" y="16" text-anchor="middle">{clock_text(t_ns, with_seconds=fine)}</text>'
        yield f'<text class="tick utc" x="{x:.2f}" y="31" text-anchor="middle">{label}</text>'
    yield "</g>"


def _lane(lane: Lane, scale: TimeScale, y: float) -> tuple[list[str], float]:
    """The parts of a lane that begins at `y`, and where the next one begins."""
    y += LANE_GAP_PX
    parts = [
        f'<g class="lane" data-lane="{text_of(lane.name)}">',
        f'<line class="rule" x1="0" x2="{WIDTH_PX:.0f}" y1="{y:.1f}" y2="{y:.1f}"/>',
        f'<text class="lane-title" x="4" y="{y + 13:.1f}">{text_of(lane.title)}</text>',
    ]
    if lane.notes:
        x = 14 + 9 * len(lane.title)
        parts.append(f'<text class="note" x="{x:.1f}" y="{y + 13:.1f}">{text_of("; ".join(lane.notes))}</text>')
    single = len(lane.rows) == 1 and not lane.notes
    y += 3.0 if single else TITLE_PX
    rows: list[str] = []
    top = y
    for row in lane.rows:
        used = 7.4 * len(lane.title) if single else 0.0
        rows.extend(_row(lane, row, scale, y, LEFT_PX - 16 - used))
        y += max(row.height_px, LEAST_ROW_PX) + ROW_GAP_PX
    parts.extend(_shade(bar, scale, top, y - ROW_GAP_PX) for bar in lane.shades)
    parts.extend([*rows, "</g>"])
    return parts, y


def _shade(bar: Bar, scale: TimeScale, top: float, bottom: float) -> str:
    """A bar behind all rows of a lane."""
    width = max(scale.width(bar.start_ns, bar.end_ns), LEAST_SHADE_PX)
    return (
        f'<rect class="bar shade {bar.look}" x="{scale.x(bar.start_ns):.2f}" y="{top:.1f}" width="{width:.2f}" '
        f'height="{bottom - top:.1f}"><title>{text_of(bar.title)}</title></rect>'
    )


def _row(lane: Lane, row: Row, scale: TimeScale, y: float, label_px: float) -> Iterator[str]:
    height = max(row.height_px, LEAST_ROW_PX)
    label = shortened(printable(row.label), int(label_px / CHAR_PX))
    first_px = row.standing_px or (row.track_px if len(row.tracks) == 1 else min(row.height_px, 20.0))
    middle = y + row.marks_px + max(first_px, LEAST_ROW_PX) / 2 + 4
    tip = f"<title>{text_of(row.title)}</title>" if row.title else ""
    name = "label"
    if row.below:
        name, middle = "label head", y + 10.0
        below = text_of(shortened(printable(row.below), int(label_px / CHAR_PX)))
        yield f'<text class="note" x="{LEFT_PX - 8:.0f}" y="{y + 22:.1f}" text-anchor="end">{below}{tip}</text>'
    yield f'<text class="{name}" x="{LEFT_PX - 8:.0f}" y="{middle:.1f}" text-anchor="end">{text_of(label)}{tip}</text>'
    yield f'<rect class="bed" x="{LEFT_PX:.0f}" y="{y:.1f}" width="{scale.width_px:.0f}" height="{height:.1f}"/>'
    top = y + row.marks_px
    for area in row.areas:
        yield from draw_area(area, scale, top + (row.standing_px if area.hanging else row.standing_px - area.height_px))
    top += row.areas_px
    for index, track in enumerate(row.tracks):
        yield from _track(track, scale, top + index * row.track_px, row.track_px, outside=lane.name == "guest")
    if row.thin:
        yield from _track(row.thin, scale, y + height - row.thin_px, row.thin_px, outside=True)
    if row.empty and not row.marks and not row.areas and not any(row.tracks):
        yield f'<text class="note" x="{LEFT_PX + 4:.0f}" y="{y + height / 2 + 4:.1f}">{text_of(row.empty)}</text>'
    yield from _marks(row.marks, scale, y, row.marks_px or height, height)


def _track(bars: Sequence[Bar], scale: TimeScale, top: float, track_px: float, *, outside: bool) -> Iterator[str]:
    for number, bar in enumerate(bars):
        following = bars[number + 1].start_ns if number + 1 < len(bars) else None
        yield from _bar(bar, scale, top, track_px, following, outside=outside)


def _bar(
    bar: Bar, scale: TimeScale, y: float, track_px: float, following_ns: int | None, *, outside: bool
) -> Iterator[str]:
    gap = bar.look.startswith("gap-")
    x = scale.x(bar.start_ns)
    least = LEAST_GAP_PX if gap or bar.look in SEEN_AS_GAPS else LEAST_BAR_PX
    width = max(scale.width(bar.start_ns, bar.end_ns), least)
    inset = 1.0 if track_px >= 8 else min(0.5, track_px / 8)
    name = bar.look + (" open" if bar.open else "") + (" explained" if bar.explained else "")
    data = f' data-vm="{text_of(bar.subject)}"' if gap else ""
    whiskers = "".join(_whiskers(bar, scale, y + track_px / 2))
    if whiskers:
        yield '<g class="edges">'
    yield (
        f'<rect class="bar {name}" x="{x:.2f}" y="{y + inset:.1f}" width="{width:.2f}" '
        f'height="{track_px - 2 * inset:.1f}" data-start-ns="{bar.start_ns}" data-end-ns="{bar.end_ns}"{data}>'
        f"<title>{text_of(bar.title)}</title></rect>"
    )
    if whiskers:
        yield f"{whiskers}</g>"
    if bar.text and track_px >= TEXT_TRACK_PX:
        room_ns = following_ns if outside else bar.end_ns
        room = (scale.x(room_ns) if room_ns is not None else WIDTH_PX - 4) - (x + width)
        yield from _bar_text(bar, x, width, y + track_px / 2 + 4, room)


def _whiskers(bar: Bar, scale: TimeScale, middle: float) -> Iterator[str]:
    """Error bars of both edges, shown on hovering; none where they are narrower than can be seen."""
    for t_ns, error_ns in zip((bar.start_ns, bar.end_ns), bar.errors_ns, strict=True):
        left, right = scale.x(t_ns - error_ns), scale.x(t_ns + error_ns)
        if right - left >= LEAST_WHISKER_PX:
            ends = f"M{left:.2f} {middle - 4:.1f}V{middle + 4:.1f}M{right:.2f} {middle - 4:.1f}V{middle + 4:.1f}"
            yield f'<path class="whisker" d="M{left:.2f} {middle:.1f}H{right:.2f}{ends}"/>'


def _bar_text(bar: Bar, x: float, width: float, baseline: float, room: float) -> Iterator[str]:
    """The words of a bar: in it, else beside it where `room` allows, else shortened in it, else nowhere."""
    name = f"{bar.look} explained" if bar.explained else bar.look
    spelt = [printable(bar.text), *map(printable, bar.short)]
    inside = [words for words in spelt if CHAR_PX * len(words) + 6 <= width]
    beside = [words for words in spelt if CHAR_PX * len(words) + 6 <= room]
    if spelt[0] not in inside and beside and (spelt[0] in beside or not inside):
        yield f'<text class="beside {name}" x="{x + width + 4:.2f}" y="{baseline:.1f}">{text_of(beside[0])}</text>'
        return
    most = int((width - 6) / CHAR_PX)
    if not inside and most >= LEAST_CHARS and not bar.short:
        inside = [shortened(spelt[0], most)]
    if inside:
        yield f'<text class="in {name}" x="{x + 4:.2f}" y="{baseline:.1f}">{text_of(inside[0])}</text>'


def _marks(marks: Sequence[Mark], scale: TimeScale, y: float, room: float, height: float) -> Iterator[str]:
    """A line at the exact moment, and a shape beside the one before when the two would lie on each other.

    The shapes stand in the upper `room` pixels of a row of `height`; the lines end in what stands below.
    """
    last = float("-inf")
    foot = y + (height if room >= height else room + STEM_PX)
    for mark in sorted(marks, key=lambda mark: mark.t_ns):
        exact = scale.x(mark.t_ns)
        x = min(max(exact, last + GLYPH_PX + 1), WIDTH_PX - GLYPH_PX / 2 - 1)
        last = x
        top = y + min(GLYPH_PX / 2 + 1, room / 2)
        yield (
            f'<g class="mark {mark.glyph}" data-t-ns="{mark.t_ns}"><title>{text_of(mark.title)}</title>'
            f'<path class="stem" d="M{exact:.2f} {foot:.1f}V{top:.1f}H{x:.2f}"/>'
            f'<path class="shape" transform="translate({x:.2f} {top:.1f})" d="{GLYPHS[mark.glyph]}"/></g>'
        )
        if mark.text:
            text = printable(mark.text)
            right = x + GLYPH_PX / 2 + 5
            fits = right + CHAR_PX * len(text) < WIDTH_PX
            place = f'x="{right:.2f}"' if fits else f'x="{exact - GLYPH_PX:.2f}" text-anchor="end"'
            yield f'<text class="beside" {place} y="{y + room / 2 + 4:.1f}">{text_of(text)}</text>'


def _cursor(cursor: Cursor, scale: TimeScale, bottom: float) -> Iterator[str]:
    x = scale.x(cursor.t_ns)
    text = f"{cursor.text} {clock_text(cursor.t_ns)}"
    width = CHAR_PX * len(text) + 10
    left = min(max(x - width / 2, LEFT_PX), WIDTH_PX - width - 2)
    yield f'<g class="cursor" data-t-ns="{cursor.t_ns}"><title>{text_of(cursor.title)}</title>'
    yield f'<line x1="{x:.2f}" x2="{x:.2f}" y1="52" y2="{bottom:.1f}"/>'
    yield f'<rect x="{left:.2f}" y="37" width="{width:.1f}" height="16" rx="3"/>'
    yield f'<text x="{left + 5:.2f}" y="49">{text_of(text)}</text></g>'


def _legend_rows(lanes: Sequence[Lane]) -> list[list[tuple[str, str, str]]]:
    """Kind, look and words of what occurs in `lanes`, in rows that fit."""
    looks = {bar.look for lane in lanes for row in lane.rows for bar in row.bars()}
    looks |= {area.look for lane in lanes for row in lane.rows for area in row.areas}
    looks |= {bar.look for lane in lanes for bar in lane.shades}
    glyphs = {mark.glyph for lane in lanes for row in lane.rows for mark in row.marks}
    rows: list[list[tuple[str, str, str]]] = [[]]
    used = 0.0
    for kind, look, words in LEGEND:
        if look not in (looks if kind == "bar" else glyphs):
            continue
        needed = 40 + CHAR_PX * len(words)
        if used + needed > WIDTH_PX - LEFT_PX - RIGHT_PX:
            rows.append([])
            used = 0.0
        rows[-1].append((kind, look, words))
        used += needed
    return rows


def _legend(lanes: Sequence[Lane], y: float) -> Iterator[str]:
    yield '<g class="legend">'
    for row in _legend_rows(lanes):
        x = LEFT_PX
        y += LEGEND_ROW_PX
        for kind, look, words in row:
            if kind == "bar":
                yield f'<rect class="bar {look}" x="{x:.1f}" y="{y - 10:.1f}" width="22" height="12"/>'
            else:
                yield (
                    f'<g class="mark {look}"><path class="shape" transform="translate({x + 11:.1f} {y - 4:.1f})" '
                    f'd="{GLYPHS[look]}"/></g>'
                )
            yield f'<text class="key" x="{x + 27:.1f}" y="{y:.1f}">{text_of(words)}</text>'
            x += 40 + CHAR_PX * len(words)
    yield "</g>"
