"""Phase lane: the update's phases, the steps inside them, and whose turn it is in the rolling part."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from harness.judge.phases import PhaseSpan
from harness.report.lane import Bar, Lane, Row, stacked
from harness.report.record import RunRecord, seqs_text
from harness.report.update_lane import is_guest_step
from harness.report.wording import span_text

ROW_PX: Final = 16.0
THIN_PX: Final = 6.0
"""For steps that run on many nodes at the same time."""

MANY: Final = 2
LEVELS: Final = ("phase", "step", "part", "on nodes", "detail")
"""Names of the rows; levels below the last one are in the table of steps only."""

CAU: Final = "install/cau"
"""Below this path the product goes node by node ([D] WSD cluster-aware-updating)."""

_TURN: Final = re.compile(rf"{CAU}/node\[(?P<node>[^\]]+)\](?:/(?P<stage>.+))?$")


def phase_lane(record: RunRecord) -> Lane:
    """One row for each level of steps; the rolling part in two rows of its own: whose turn, and which stage of it."""
    told = [span for span in record.phases if not is_guest_step(span)]
    spans = [replace(span, path=span.path.removeprefix("update/")) for span in told]
    rows = [
        _row(name, [_bar(record, span, _end_ns(record, span, spans)) for span in spans if _level(span) == level])
        for level, name in enumerate(LEVELS)
    ]
    stages = [span for span in spans if (match := _TURN.match(span.path)) and match["stage"]]
    turns = [span for span in spans if (match := _TURN.match(span.path)) and not match["stage"]]
    rows.append(_row("CAU turn", [_bar(record, span, _end_ns(record, span, spans)) for span in turns]))
    if not turns:
        rows[-1] = _row("CAU turn", list(_turns(record, stages)))
    rows.append(_row("CAU stage", [_bar(record, span, _end_ns(record, span, spans)) for span in stages]))
    shown = tuple(row for row in rows if any(row.tracks))
    return Lane("phase", "Update", shown or (Row(LEVELS[0], empty="no phase was seen"),))


def _level(span: PhaseSpan) -> int | None:
    """Row of a span; None for those of the rolling part."""
    return None if _TURN.match(span.path) else span.path.count("/")


def _end_ns(record: RunRecord, span: PhaseSpan, spans: Sequence[PhaseSpan]) -> int:
    """Its end.  One that was only seen by polling ends at the latest where an event tells of anything else."""
    end_ns = record.end_ns if span.end_ns is None else span.end_ns
    if span.source == "event":
        return end_ns
    return min(
        (end_ns, *(each.start_ns for each in spans if each.source == "event" and each.start_ns >= span.start_ns))
    )


def _row(name: str, bars: Sequence[Bar]) -> Row:
    tracks = stacked(bars)
    return Row(name, tracks, (), ROW_PX if len(tracks) <= MANY else THIN_PX)


def _bar(record: RunRecord, span: PhaseSpan, end_ns: int) -> Bar:
    status = span.status or ("not seen to end" if span.end_ns is None else "")
    failed = span.status.lower() in ("error", "failed")
    polled = "" if span.source == "event" else ", as polled"
    length = span_text(end_ns - span.start_ns)
    seqs = seqs_text(span.evidence)
    words = f"{status}{polled}".lstrip(", ")
    name = span.path.rpartition("/")[2]
    if name.startswith("node["):
        name = name.removeprefix("node[").rstrip("]")
    return Bar(
        span.start_ns,
        end_ns,
        "phase-failed" if failed else f"phase-{span.path.count('/') % 2}",
        f"update/{span.path}",
        status or "done",
        f"{name} ✕" if failed else name,
        f"update/{span.path}: {length} from {record.moment(span.start_ns)}{f', {words}' if words else ''}, seq {seqs}",
        open=span.end_ns is None,
    )


def _turns(record: RunRecord, stages: Sequence[PhaseSpan]) -> Iterator[Bar]:
    """A turn for each stretch of stages of one node, where the lab tells of stages only."""
    current: Bar | None = None
    for span in sorted(stages, key=lambda span: span.start_ns):
        match = _TURN.match(span.path)
        node = match["node"] if match else ""
        end_ns = record.end_ns if span.end_ns is None else span.end_ns
        if current is not None and current.text == node:
            current = replace(current, end_ns=max(end_ns, current.end_ns), open=span.end_ns is None)
            continue
        if current is not None:
            yield _told(record, current)
        path = f"update/{CAU}/node[{node}]"
        current = Bar(span.start_ns, end_ns, "phase-0", path, "turn", node, "", open=span.end_ns is None)
    if current is not None:
        yield _told(record, current)


def _told(record: RunRecord, turn: Bar) -> Bar:
    length = span_text(turn.end_ns - turn.start_ns)
    return replace(turn, title=f"turn of {turn.text}: {length} from {record.moment(turn.start_ns)}")
