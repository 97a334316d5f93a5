"""Lanes of the timeline as values: what is drawn, and what the CSV beside it says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that lasted; times are nanoseconds of lab time.

    `look` names its colour and pattern, `text` stands in it where there is room (the first of `short` that fits where
    there is little), `title` is shown on hovering.
    `subject` and `state` are its words in the CSV; `open` means that its end was not seen.
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


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment; `glyph` names its shape, `text` stands beside it."""

    t_ns: int
    glyph: str
    subject: str
    state: str
    title: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled row: tracks of bars above each other, `track_px` high each, and marks over them; `empty` is said
    where there is neither."""

    label: str
    tracks: tuple[tuple[Bar, ...], ...] = ((),)
    marks: tuple[Mark, ...] = ()
    track_px: float = 16.0
    title: str = ""
    empty: str = ""

    @property
    def height_px(self) -> float:
        """Height of all tracks."""
        return self.track_px * max(1, len(self.tracks))


@dataclass(frozen=True, slots=True)
class Lane:
    """Rows about one thing; `name` is its word in the CSV."""

    name: str
    title: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = field(default=())


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
