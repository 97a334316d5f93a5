"""The timeline of a run: all lanes, as SVG and as CSV."""

from __future__ import annotations

import csv
import io
from typing import Any

from harness.report.drawing import Cursor, draw
from harness.report.fault_lanes import fault_lane
from harness.report.guest_lanes import guest_lane
from harness.report.lane import Lane
from harness.report.node_lanes import node_lane
from harness.report.phase_lanes import phase_lane
from harness.report.record import RunRecord
from harness.report.run_lanes import conduct_lane, prober_lane, storage_lane
from harness.report.update_lane import update_lane

COLUMNS = (
    "lane",
    "subject",
    "state",
    "start_ns",
    "end_ns",
    "start_utc",
    "end_utc",
    "duration_s",
    "open",
    "error_s",
    "owner_before",
    "owner_after",
    "explained_by",
)
"""Columns of `timeline.csv`; a moment has the same start and end."""

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a cell that begins with one of these for a formula."""


def lanes_of(record: RunRecord) -> tuple[Lane, ...]:
    """All lanes from top to bottom."""
    faults, updates = fault_lane(record), update_lane(record)
    return (
        phase_lane(record),
        *((updates,) if updates else ()),
        node_lane(record),
        storage_lane(record),
        *((faults,) if faults else ()),
        guest_lane(record),
        prober_lane(record),
        conduct_lane(record),
    )


def timeline_svg(record: RunRecord, lanes: tuple[Lane, ...]) -> str:
    """The picture of `lanes`; stands alone, and inside a page."""
    cause = record.results["cause"]
    cursor = None
    if cause and cause["at_ns"] is not None:
        cursor = Cursor(cause["at_ns"], "first cause", cause["summary"])
    heading = f"Timeline of {record.results['scenario']}: {record.results['verdict']} · {record.results['label']}"
    return draw(lanes, record.begin_ns, record.end_ns, record.epoch, heading, cursor)


def timeline_csv(record: RunRecord, lanes: tuple[Lane, ...]) -> str:
    """Everything that the picture shows; the rows of lane `guest` are the gaps of the ledger, all of them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for lane in lanes:
        if lane.name == "guest":
            continue
        for row in lane.rows:
            for bar in (bar for track in row.tracks for bar in track):
                writer.writerow(_line(record, lane.name, bar.subject, bar.state, bar.start_ns, bar.end_ns, bar.open))
            for mark in row.marks:
                writer.writerow(_line(record, lane.name, mark.subject, mark.state, mark.t_ns, mark.t_ns, False))
    for vm, gap in record.gaps:
        line = _line(record, "guest", vm, gap["cause"], gap["start_ns"], gap["end_ns"], gap["open"])
        owners = [_cell(gap[name]) for name in ("owner_before", "owner_after", "explained_by")]
        writer.writerow([*line, gap["error_ns"] / 1e9, *owners])
    return out.getvalue()


def _line(record: RunRecord, lane: str, subject: str, state: str, start: int, end: int, still: bool) -> list[Any]:
    utc = (record.utc(start), record.utc(end))
    return [lane, _cell(subject), _cell(state), start, end, *utc, (end - start) / 1e9, "yes" if still else ""]


def _cell(text: str) -> str:
    """A name out of the journal as plain text, also to a spreadsheet: an apostrophe before what it would calculate."""
    return f"'{text}" if text.startswith(FORMULA_SIGNS) else text
