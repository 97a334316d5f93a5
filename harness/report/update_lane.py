"""Guest update lane: one row for each guest that Windows is updated in, and marks where nothing was to be done."""

from __future__ import annotations

from collections.abc import Iterator

from harness.judge.phases import GUESTS_PATH, PhaseSpan
from harness.report.guest_rows import state_of
from harness.report.lane import Bar, Lane, Row
from harness.report.record import Plain, RunRecord, seqs_text
from harness.report.wording import span_text

ROW_PX = 14.0


def is_guest_step(span: PhaseSpan) -> bool:
    """Is it told in this lane, and so in no other one?"""
    return span.path.startswith(f"{GUESTS_PATH}/")


def update_lane(record: RunRecord) -> Lane | None:
    """The lane; None for a run that updated no guests."""
    rows = tuple(_row(record, each) for each in record.results.get("guest_updates") or ())
    return Lane("guest-update", "Guest updates", rows) if rows else None


def _row(record: RunRecord, guest: Plain) -> Row:
    state = state_of(guest)
    bars = tuple(_bars(record, guest["guest"]))
    why = "; ".join(guest["reasons"])
    return Row(guest["guest"], (bars,), (), ROW_PX, f"{guest['guest']}: {state}{f', {why}' if why else ''}", state)


def _bars(record: RunRecord, name: str) -> Iterator[Bar]:
    """Installation and restarts; between them the guest waits for its window, or for others."""
    parts = [span for span in record.phases if span.path.startswith(f"{GUESTS_PATH}/{name}/")]
    for span in parts:
        end_ns = record.end_ns if span.end_ns is None else span.end_ns
        word = span.path.rpartition("/")[2]
        length = span_text(end_ns - span.start_ns)
        look = "phase-failed" if span.status == "Failed" else "phase-1" if word == "restart" else "phase-0"
        yield Bar(
            span.start_ns,
            end_ns,
            look,
            name,
            word,
            f"{word} {length}",
            f"{name}: {word}, {length} from {record.moment(span.start_ns)}, {span.status or 'not seen to end'}, "
            f"seq {seqs_text(span.evidence)}",
            open=span.end_ns is None,
            short=(word,),
        )
