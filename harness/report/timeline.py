"""The timeline of a run, or of a watch without one: all lanes, as SVG and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from harness.report.drawing import Cursor, draw
from harness.report.fault_lanes import fault_lane
from harness.report.guest_lanes import guest_lane
from harness.report.guest_ledger import conditions_of, end_of, phase_of, signals_of, state_of
from harness.report.lane import Bar, Lane, Mark
from harness.report.node_lanes import node_lane
from harness.report.phase_lanes import phase_lane
from harness.report.prober_lane import prober_bars, prober_lane
from harness.report.record import Plain, RunRecord
from harness.report.run_lanes import conduct_lane, storage_lane
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
    "guest_state",
    "start_error_s",
    "end_error_s",
    "phase",
    "signals",
    "reason",
    "class",
    "host_blackout_s",
    "host_difference_s",
)
"""Columns of `timeline.csv`; a moment has the same start and end."""

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a cell that begins with one of these for a formula."""


def lanes_of(record: RunRecord) -> tuple[Lane, ...]:
    """All lanes from top to bottom.  Without a journal those of the update, of storage and of the harness are left out:
    they could only say that they have nothing to tell."""
    guests, prober, nodes = guest_lane(record), prober_lane(record), node_lane(record)
    if record.watch:
        return (*((nodes,) if any(row.marks for row in nodes.rows) else ()), guests, prober)
    faults, updates = fault_lane(record), update_lane(record)
    return (
        phase_lane(record),
        *((updates,) if updates else ()),
        nodes,
        storage_lane(record),
        *((faults,) if faults else ()),
        guests,
        prober,
        conduct_lane(record),
    )


def timeline_svg(record: RunRecord, lanes: tuple[Lane, ...]) -> str:
    """The picture of `lanes`; stands alone, and inside a page."""
    cause = record.results["cause"]
    cursor = None
    if cause and cause["at_ns"] is not None:
        cursor = Cursor(cause["at_ns"], "first cause", cause["summary"])
    return draw(lanes, record.begin_ns, record.end_ns, record.epoch, record.heading, cursor)


def timeline_csv(record: RunRecord, lanes: tuple[Lane, ...]) -> str:
    """Everything that the picture shows, and what it folds: the rows of lane `guest` are the gaps of the ledger, those
    of lane `condition` its conditions, all of them."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for lane in lanes:
        if lane.name in ("guest", "prober"):
            continue
        for row in lane.rows:
            writer.writerows(_bar(record, lane.name, bar) for bar in row.bars())
            writer.writerows(_mark(record, lane.name, mark) for mark in row.marks)
    writer.writerows(_bar(record, "prober", bar) for bar in prober_bars(record))
    writer.writerows(_gaps(record))
    writer.writerows(_conditions(record))
    return out.getvalue()


def _bar(record: RunRecord, lane: str, bar: Bar) -> dict[str, Any]:
    return _line(record, lane, bar.subject, bar.state, bar.start_ns, bar.end_ns) | {
        "open": _yes(bar.open),
        "reason": _cell(bar.reason),
    }


def _mark(record: RunRecord, lane: str, mark: Mark) -> dict[str, Any]:
    line = _line(record, lane, mark.subject, mark.state, mark.t_ns, mark.t_ns)
    if mark.error_ns is not None:
        line |= {"start_error_s": mark.error_ns / 1e9, "end_error_s": mark.error_ns / 1e9}
    return line


def _gaps(record: RunRecord) -> Iterator[dict[str, Any]]:
    classes = {vm["vm"]: str(vm.get("class") or "") for vm in record.ledger["vms"]}
    for vm, gap in record.gaps:
        yield _line(record, "guest", vm, gap["cause"], gap["start_ns"], gap["end_ns"]) | {
            "open": _yes(gap["open"]),
            "error_s": gap["error_ns"] / 1e9,
            **{name: _cell(gap[name]) for name in ("owner_before", "owner_after", "explained_by")},
            "guest_state": _cell(state_of(gap)),
            **_told(record, gap),
            "class": _cell(classes[vm]),
            "host_blackout_s": _seconds(gap.get("host_blackout_ns")),
            "host_difference_s": _seconds(gap.get("host_difference_ns")),
        }


def _conditions(record: RunRecord) -> Iterator[dict[str, Any]]:
    for vm in record.ledger["vms"]:
        for row in conditions_of(vm):
            kind, end_ns = str(row["kind"]), end_of(row, record.ledger)
            yield _line(record, "condition", vm["vm"], kind, row["start_ns"], end_ns) | {
                "open": _yes(row.get("end_ns") is None),
                "error_s": ((row.get("start_err_ns") or 0) + (row.get("end_err_ns") or 0)) / 1e9,
                "guest_state": "brown" if kind == "brown" else "",
                **_told(record, row),
                "class": _cell(str(vm.get("class") or "")),
            }


def _told(record: RunRecord, row: Plain) -> dict[str, Any]:
    """What a gap and a condition have in common."""
    return {
        "start_error_s": (row.get("start_err_ns") or 0) / 1e9,
        "end_error_s": (row.get("end_err_ns") or 0) / 1e9,
        "phase": _cell(phase_of(row, record.phases)),
        "signals": _cell(" ".join(signals_of(row))),
        "reason": _cell(str(row.get("reason") or "")),
    }


def _line(record: RunRecord, lane: str, subject: str, state: str, start: int, end: int) -> dict[str, Any]:
    return {
        "lane": lane,
        "subject": _cell(subject),
        "state": _cell(state),
        "start_ns": start,
        "end_ns": end,
        "start_utc": record.utc(start),
        "end_utc": record.utc(end),
        "duration_s": (end - start) / 1e9,
    }


def _yes(value: bool) -> str:
    return "yes" if value else ""


def _seconds(span_ns: int | None) -> float | str:
    """Seconds; empty where the host logged nothing.  A negative number is one, and no formula."""
    return "" if span_ns is None else span_ns / 1e9


def _cell(text: str) -> str:
    """A name out of the journal as plain text, also to a spreadsheet: an apostrophe before what it would calculate."""
    return f"'{text}" if text.startswith(FORMULA_SIGNS) else text
