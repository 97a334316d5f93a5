"""Lanes of the run itself: its stages and attempts, and storage repair."""

from __future__ import annotations

from collections.abc import Iterator

from harness.judge.drains import resyncs_of, seen_repairs
from harness.report.lane import Bar, Lane, Mark, Row, stacked
from harness.report.record import RunRecord


def conduct_lane(record: RunRecord) -> Lane:
    """Stages of the run, and where each attempt began and ended."""
    stages = record.timeline.stages
    bars = [
        Bar(
            row.t_ns,
            stages[index + 1].t_ns if index + 1 < len(stages) else record.end_ns,
            "stage",
            "run",
            row.value,
            row.value,
            f"stage {row.value}, seq {row.seq}",
            open=index + 1 == len(stages),
        )
        for index, row in enumerate(stages)
    ]
    return Lane("run", "Harness", (Row("stages", (tuple(bars),), tuple(_attempt_marks(record)), 16.0),))


def _attempt_marks(record: RunRecord) -> Iterator[Mark]:
    attempts = record.timeline.attempts
    for each in attempts:
        word = f"attempt {each.number} {'resumes' if each.resumed else 'begins'}"
        if each.resumed:
            yield Mark(each.begin_ns, "resume", "run", word, f"{word}, seq {each.begin_seq}")
        if each.end_ns is None:
            # A process that died wrote no last line; where the next one took over is the nearest that is known.
            later = [other.begin_ns for other in attempts if other.number > each.number]
            text = f"attempt {each.number} ended without a last line"
            yield Mark(min(later, default=record.end_ns), "missed", "run", text, text)
        elif each.reason != "completed":
            yield Mark(each.end_ns, "missed", "run", f"attempt {each.number} {each.reason}", each.detail or each.reason)


def storage_lane(record: RunRecord) -> Lane:
    """Times in which storage repaired itself: one row for each virtual disk, or one for all where only looks tell."""
    told = resyncs_of(record.timeline)
    rows: list[Row] = []
    for disk in sorted({each.disk for each in told}):
        bars = [
            Bar(
                each.begin_ns,
                record.end_ns if each.end_ns is None else each.end_ns,
                "repair",
                each.disk,
                "repair",
                "repair",
                f"{each.disk or 'storage'} repairs from {record.moment(each.begin_ns)}, seq {each.seq}",
                open=each.end_ns is None,
            )
            for each in told
            if each.disk == disk
        ]
        rows.append(Row(disk or "repair", (tuple(bars),), (), 14.0))
    if not told:
        bars = [
            Bar(start, end, "repair", "storage", "repair", "repair", f"repair jobs seen from {record.moment(start)}")
            for start, end in seen_repairs(record.timeline)
        ]
        rows.append(Row("repair", (tuple(bars),), (), 14.0, empty="no repair was seen"))
    return Lane("storage", "Storage repair", _merged(rows))


def _merged(rows: list[Row]) -> tuple[Row, ...]:
    """Rows of disks that repaired at the same times in one row: a node's restart makes every volume repair."""
    if len(rows) <= 4:
        return tuple(rows)
    bars = [bar for row in rows for track in row.tracks for bar in track]
    return (Row(f"{len(rows)} disks", stacked(bars), (), 5.0, "one track for each repair that runs beside others"),)
