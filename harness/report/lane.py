"""Lanes of the timeline as values: what is drawn, and what the CSV beside it says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that lasted; times are nanoseconds of lab time.

    `look` names its colour and pattern, `text` stands in it where there is room (the first of `short` that fits where
    there is little), `title` is shown on hovering.
    `subject`, `state` and `reason` are its words in the CSV; `open` means that its end was not seen, `explained` that a
    fault explains it.  `errors_ns` are the error bars of its two edges.
    """

    start_ns: int
    end_ns: int
    look: str
    subject: str
    state: str
    text: str = ""
    title: str = ""
    open: bool = False
    short: tuple[str, ...] = ()
    reason: str = ""
    explained: bool = False
    errors_ns: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment; `glyph` names its shape, `text` stands beside it, `error_ns` is how surely the moment is known."""

    t_ns: int
    glyph: str
    subject: str
    state: str
    title: str = ""
    text: str = ""
    error_ns: int | None = None


Step = tuple[int, int, int]
"""Start, end, and how many at that time."""


@dataclass(frozen=True, slots=True)
class Area:
    """How many at each moment, drawn as a surface of `height_px`, which `most` fill (0: the greatest number that
    `steps` have); one is always to be seen.  `what` is said of a stretch on hovering, after its greatest number."""

    look: str
    what: str
    steps: tuple[Step, ...]
    height_px: float
    hanging: bool = False
    most: int = 0

    @property
    def peak(self) -> int:
        """The number that fills the height."""
        return self.most or max((count for _, _, count in self.steps), default=0)


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled row, from top to bottom: room for marks (`marks_px`; 0: they stand over the tracks), areas, tracks
    of bars above each other, `track_px` high each, and `thin` bars, `thin_px` high.  Areas that follow each other lie
    on each other where they have the same direction.  `empty` is said where there is nothing;
    `below` stands below the label of a row that is the head of those that follow.
    """

    label: str
    tracks: tuple[tuple[Bar, ...], ...] = ((),)
    marks: tuple[Mark, ...] = ()
    track_px: float = 16.0
    title: str = ""
    empty: str = ""
    areas: tuple[Area, ...] = ()
    thin: tuple[Bar, ...] = ()
    thin_px: float = 4.0
    marks_px: float = 0.0
    below: str = ""

    @property
    def standing_px(self) -> float:
        """Height of the areas that stand on their foot."""
        return max((area.height_px for area in self.areas if not area.hanging), default=0.0)

    @property
    def areas_px(self) -> float:
        """Height of all areas: those that stand, and below them those that hang."""
        return self.standing_px + max((area.height_px for area in self.areas if area.hanging), default=0.0)

    @property
    def height_px(self) -> float:
        """Height of everything."""
        tracks = 0.0 if self.areas and not any(self.tracks) else self.track_px * max(1, len(self.tracks))
        return self.marks_px + self.areas_px + tracks + (self.thin_px if self.thin else 0.0)

    def bars(self) -> Iterator[Bar]:
        """All bars, track by track."""
        for track in self.tracks:
            yield from track
        yield from self.thin


@dataclass(frozen=True, slots=True)
class Lane:
    """Rows about one thing; `name` is its word in the CSV.  `shades` go through all its rows, behind them."""

    name: str
    title: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = field(default=())
    shades: tuple[Bar, ...] = field(default=())


def stacked(bars: Iterable[Bar]) -> tuple[tuple[Bar, ...], ...]:
    """Bars on as few tracks as keep them from lying on each other, in order of their start."""
    tracks: list[list[Bar]] = []
    for bar in sorted(bars, key=lambda bar: (bar.start_ns, bar.end_ns)):
        free = next((track for track in tracks if track[-1].end_ns <= bar.start_ns), None)
        if free is None:
            tracks.append([bar])
        else:
            free.append(bar)
    return tuple(tuple(track) for track in tracks) or ((),)


def thinned(bars: Sequence[Bar], most: int) -> tuple[Bar, ...]:
    """Bars in order of time, no more than about `most`.

    Where there are more, those of one look that lie near each other become one, which says how many it stands for.
    """
    if len(bars) <= most:
        return tuple(sorted(bars, key=lambda bar: (bar.start_ns, bar.end_ns)))
    span_ns = max(bar.end_ns for bar in bars) - min(bar.start_ns for bar in bars)
    looks: dict[str, list[Bar]] = {}
    for bar in sorted(bars, key=lambda bar: (bar.start_ns, bar.end_ns)):
        looks.setdefault(bar.look, []).append(bar)
    least_ns = max(1, span_ns // 1000)
    while True:
        found = [bar for alike in looks.values() for bar in _joined(alike, least_ns)]
        if len(found) <= max(most, len(looks)) or least_ns > span_ns:
            return tuple(sorted(found, key=lambda bar: (bar.start_ns, bar.end_ns)))
        least_ns *= 2


def _joined(bars: Sequence[Bar], least_ns: int) -> Iterator[Bar]:
    """Bars of one look in order of time, those joined that lie nearer to each other than `least_ns`."""
    alike: list[Bar] = []
    end_ns = 0
    for bar in bars:
        if alike and bar.start_ns - end_ns >= least_ns:
            yield _one(alike, end_ns)
            alike = []
        end_ns = max(end_ns, bar.end_ns) if alike else bar.end_ns
        alike.append(bar)
    if alike:
        yield _one(alike, end_ns)


def _one(alike: Sequence[Bar], end_ns: int) -> Bar:
    first = alike[0]
    if len(alike) == 1:
        return first
    states = ", ".join(sorted({bar.state for bar in alike}))
    text = f"{first.subject}: {len(alike)} × {states}; each for itself in timeline.csv"
    return replace(first, end_ns=end_ns, text=f"{len(alike)} ×", short=(), title=text, errors_ns=(0, 0))


def joined_states(changes: Sequence[tuple[int, str, str]], end_ns: int) -> tuple[tuple[int, int, str, str], ...]:
    """Start, end, state and reason of each stretch between `changes` (time, state, reason) until `end_ns`."""
    found: list[tuple[int, int, str, str]] = []
    for index, (t_ns, state, why) in enumerate(changes):
        until_ns = changes[index + 1][0] if index + 1 < len(changes) else end_ns
        if found and found[-1][2:] == (state, why):
            found[-1] = (found[-1][0], until_ns, state, why)
        elif until_ns > t_ns:
            found.append((t_ns, until_ns, state, why))
    return tuple(found)


def depth(spans: Iterable[tuple[int, int]]) -> tuple[Step, ...]:
    """How many of `spans` there are at each moment: steps in order of time, without those of none.

    A span without length counts for a moment of one nanosecond.
    """
    edges: dict[int, int] = {}
    for start_ns, end_ns in spans:
        end_ns = max(end_ns, start_ns + 1)
        edges[start_ns] = edges.get(start_ns, 0) + 1
        edges[end_ns] = edges.get(end_ns, 0) - 1
    found: list[Step] = []
    count, since_ns = 0, 0
    for t_ns, change in sorted(edges.items()):
        if change == 0:
            continue
        if count:
            found.append((since_ns, t_ns, count))
        count, since_ns = count + change, t_ns
    return tuple(found)
