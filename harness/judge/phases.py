"""When each phase and step began and ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from harness.judge.timeline import Timeline


@dataclass(frozen=True, slots=True)
class PhaseSpan:
    """One phase or step; `end_ns` None means: not seen to end.  `source` is `event` (exact) or `observation`
    (polled)."""

    path: str
    node: str
    start_ns: int
    end_ns: int | None
    status: str
    source: str
    evidence: tuple[int, ...]


def phases_of(timeline: Timeline) -> tuple[PhaseSpan, ...]:
    """All phases and steps in order of their start; those that the lab told by events are not taken from looks."""
    told = list(_told(timeline))
    exact = {span.path.removeprefix("update/").partition("/")[0] for span in told if span.path.count("/") <= 1}
    seen = [span for span in _seen(timeline) if span.path.removeprefix("update/") not in exact]
    return tuple(sorted((*told, *seen), key=lambda span: (span.start_ns, span.path, span.evidence)))


def _told(timeline: Timeline) -> Iterator[PhaseSpan]:
    open_spans: dict[str, PhaseSpan] = {}
    for row in timeline.events:
        event = row.value
        if event.kind == "phase.enter":
            if event.path in open_spans:
                # The lab did not tell of its end; it ended at the latest where the same begins again.
                before = open_spans.pop(event.path)
                yield replace(before, end_ns=row.t_ns, evidence=(*before.evidence, row.seq))
            open_spans[event.path] = PhaseSpan(event.path, event.node or "", row.t_ns, None, "", "event", (row.seq,))
        elif event.kind == "phase.exit" and event.path in open_spans:
            begun = open_spans.pop(event.path)
            status = str(event.attrs.get("status") or "")
            yield PhaseSpan(
                begun.path, begun.node, begun.start_ns, row.t_ns, status, "event", (*begun.evidence, row.seq)
            )
    yield from open_spans.values()


def _seen(timeline: Timeline) -> Iterator[PhaseSpan]:
    begun: PhaseSpan | None = None
    for row in timeline.updates:
        path = f"update/{row.value.phase}"
        if not row.value.phase or (begun is not None and begun.path == path):
            continue
        if begun is not None:
            yield PhaseSpan(begun.path, "", begun.start_ns, row.t_ns, "", "observation", (*begun.evidence, row.seq))
        begun = PhaseSpan(path, "", row.t_ns, None, "", "observation", (row.seq,))
    if begun is not None:
        yield begun
