"""The fused state of a guest over time: one state for each instant, with what showed it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from harness.measure.blind import Blind
from harness.measure.conditions import Condition, ConditionKind
from harness.measure.gaps import Gap, State
from harness.measure.samples import Span


@dataclass(frozen=True, slots=True)
class StateSpan:
    """A time in one state; `signals` are those that show it, `reason` says why."""

    start_ns: int
    end_ns: int
    state: State
    reason: str = ""
    signals: tuple[str, ...] = ()


def states_of(
    gaps: Sequence[Gap], conditions: Sequence[Condition], unobserved: Sequence[Blind], span: Span
) -> tuple[StateSpan, ...]:
    """States over `span` without a hole; neighbouring spans differ.

    What was not observed is unobserved, whatever is estimated for it; a gap comes before slowness.
    """
    layers = [
        *(StateSpan(each.start_ns, each.end_ns, State.UNOBSERVED, each.reason) for each in unobserved),
        *(StateSpan(gap.start_ns, gap.end_ns, gap.state, gap.reason, gap.signals) for gap in gaps),
        *(
            StateSpan(each.start_ns, each.end_ns, State.BROWN, each.reason, each.signals)
            for each in conditions
            if each.kind is ConditionKind.BROWN
        ),
    ]
    return tuple(_joined(_pieces(layers, span)))


def _pieces(layers: Sequence[StateSpan], span: Span) -> Iterator[StateSpan]:
    """`span` cut at every edge; each piece in the state of its first layer."""
    edges = sorted({*span, *(t for each in layers for t in (each.start_ns, each.end_ns) if span[0] < t < span[1])})
    for start_ns, end_ns in pairwise(edges):
        top = next((each for each in layers if each.start_ns <= start_ns and end_ns <= each.end_ns), None)
        if top is None:
            yield StateSpan(start_ns, end_ns, State.UP)
        else:
            yield StateSpan(start_ns, end_ns, top.state, top.reason, top.signals)


def _joined(pieces: Iterator[StateSpan]) -> Iterator[StateSpan]:
    last: StateSpan | None = None
    for piece in pieces:
        if last is not None and (last.state, last.reason, last.signals) == (piece.state, piece.reason, piece.signals):
            last = StateSpan(last.start_ns, piece.end_ns, last.state, last.reason, last.signals)
            continue
        if last is not None:
            yield last
        last = piece
    if last is not None:
        yield last
