"""When each guest is asked: staggered phases, cut into slots.

A *column* is one signal of one target.  Columns are numbered in the order in which they are asked within an interval,
so that the probes of a slot, and those of a signal within a slot, are neighbours: a *segment*.  All tables of the
sampler are arrays over columns, and a slot is a slice of them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from harness.probes.settings import SamplerSettings
from harness.probes.target import ProbeTarget
from harness.values import Signal

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

GOLDEN: Final = 0.6180339887498949
"""Multiples of the golden section, taken modulo one, spread groups of any number about evenly."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Columns `start` up to `stop` (exclusive): what one signal sends in one slot."""

    index: int
    slot: int
    signal: Signal
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Column:
    """One signal of one target; `target` is the target's place in the schedule's tuple."""

    target: int
    signal: Signal
    port: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """All columns in the order of their slots, and the tables that tell of each where it stands."""

    targets: tuple[ProbeTarget, ...]
    columns: tuple[Column, ...]
    segments: tuple[Segment, ...]
    by_slot: tuple[tuple[Segment, ...], ...]
    """The segments of each slot of an interval."""
    slot_start: Ints
    """First column of each slot, and the number of columns at the end."""
    segment_of: Ints
    place_in: Ints
    """Place of each column within its segment."""
    target_of: Ints

    @property
    def size(self) -> int:
        """Number of columns."""
        return len(self.columns)


def build_schedule(targets: Sequence[ProbeTarget], settings: SamplerSettings, signals: Collection[Signal]) -> Schedule:
    """The schedule of those signals of `targets` that are among `signals`."""
    placed = sorted(_placed(targets, settings, signals))
    columns = tuple(Column(target, signal, port) for _, _, target, signal, port in placed)
    segments: list[Segment] = []
    for number, (slot, _, _, signal, _) in enumerate(placed):
        if segments and (segments[-1].slot, segments[-1].signal) == (slot, signal):
            last = segments[-1]
            segments[-1] = Segment(last.index, slot, signal, last.start, number + 1)
        else:
            segments.append(Segment(len(segments), slot, signal, number, number + 1))
    by_slot = [tuple(s for s in group) for group in _grouped(segments, settings.slots)]
    return Schedule(
        targets=tuple(targets),
        columns=columns,
        segments=tuple(segments),
        by_slot=tuple(by_slot),
        slot_start=np.searchsorted(
            np.array([entry[0] for entry in placed], np.int64), np.arange(settings.slots + 1)
        ).astype(np.int64),
        segment_of=np.array([s.index for s in segments for _ in range(s.start, s.stop)], np.int64),
        place_in=np.array([place for s in segments for place in range(s.stop - s.start)], np.int64),
        target_of=np.array([column.target for column in columns], np.int64),
    )


def _grouped(segments: Sequence[Segment], slots: int) -> list[list[Segment]]:
    by_slot: list[list[Segment]] = [[] for _ in range(slots)]
    for segment in segments:
        by_slot[segment.slot].append(segment)
    return by_slot


def _placed(
    targets: Sequence[ProbeTarget], settings: SamplerSettings, signals: Collection[Signal]
) -> list[tuple[int, str, int, Signal, int]]:
    """Slot, signal's name, target, signal and port of each column.

    The targets of a group stand evenly in the interval, the groups offset against each other by less than one such
    step; the signals of a target stand evenly too, so that a guest with two is asked twice as often.
    """
    turns = settings.turns
    groups: dict[str, list[int]] = {}
    for number, target in enumerate(targets):
        groups.setdefault(target.group, []).append(number)
    placed: list[tuple[int, str, int, Signal, int]] = []
    for ordinal, members in enumerate(groups.values()):
        offset = (ordinal * GOLDEN) % 1.0
        for place, number in enumerate(members):
            asked = [entry for entry in targets[number].signals if entry.signal in signals]
            for nth, entry in enumerate(asked):
                phase = ((place + offset) / len(members) + nth / len(asked)) % 1.0
                slot = turns[min(int(phase * len(turns)), len(turns) - 1)]
                placed.append((slot, entry.signal.value, number, entry.signal, entry.port))
    return placed
