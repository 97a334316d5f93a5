"""Sample windows in their journal form, and back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from harness.values import Answer, ControlHealth, SampleRun, SampleWindow, Signal

Span = tuple[int, int]
"""Start and end in nanoseconds of lab time, both included."""

ROWS_AT_ONCE: Final = 100
"""Rows that `window_line` makes in one call: a fifth of a millisecond [INF]."""

_PLAIN: Final[Mapping[Answer, bool | str]] = {Answer.OK: True, Answer.LOST: False}
"""Answers that stand in a record as what they always were; the others stand there by name."""


def window_line(window: SampleWindow, interval_ns: int) -> Iterator[str]:
    """The JSON text of `window_record`, in pieces: a window of thousands of guests made in one call lets no other
    thread of the process run meanwhile, and a sampler cannot wait so long."""
    record = window_record(window, interval_ns)
    rows = record.pop("runs")
    yield json.dumps(record, separators=(",", ":"), ensure_ascii=False)[:-1] + ',"runs":['
    for at in range(0, len(rows), ROWS_AT_ONCE):
        piece = json.dumps(rows[at : at + ROWS_AT_ONCE], separators=(",", ":"), ensure_ascii=False)
        yield ("," if at else "") + piece[1:-1]
    yield "]}"


def window_record(window: SampleWindow, interval_ns: int) -> dict[str, Any]:
    """The journal form of a window: the data of a `samples` record, and one line of a prober's sample file."""
    control: dict[str, Any] = {
        "due": window.control.due,
        "missed": window.control.missed,
        "stalls": [list(span) for span in window.control.stalls],
    }
    if window.control.targets:
        control["targets"] = [_row(run, interval_ns) for run in window.control.targets]
    if window.control.blind:
        control["blind"] = [list(each) for each in window.control.blind]
    return {
        "what": "samples",
        "from_ns": window.from_ns,
        "to_ns": window.to_ns,
        "interval_ns": interval_ns,
        "runs": [_row(run, interval_ns) for run in window.runs],
        "control": control,
    }


def _row(run: SampleRun, interval_ns: int) -> list[Any]:
    """Seven columns; of the other four as many as tell something."""
    row: list[Any] = [run.vm, run.first_ns, run.count, _PLAIN.get(run.answer, run.answer.value)]
    row += [run.boot_id, run.heartbeat_first, run.heartbeat_last]
    more: list[Any] = [run.signal.value, run.interval_ns, run.error_ns, run.prober]
    usual: list[Any] = [Signal.GUEST.value, interval_ns, 0, ""]
    while more and more[-1] == usual[len(more) - 1]:
        more.pop()
    return row + more


def window_from_record(data: Mapping[str, Any]) -> SampleWindow:
    """The window of a `samples` record.  Raises KeyError, TypeError or ValueError when it is not of the documented
    form."""
    interval_ns = int(data["interval_ns"])
    if interval_ns <= 0:
        raise ValueError(f"sample interval {interval_ns} ns")
    control = data["control"]
    return SampleWindow(
        int(data["from_ns"]),
        int(data["to_ns"]),
        tuple(_run(row, interval_ns) for row in data["runs"]),
        ControlHealth(
            int(control["due"]),
            int(control["missed"]),
            tuple((int(start), int(end)) for start, end in control.get("stalls", ())),
            tuple(_run(row, interval_ns) for row in control.get("targets", ())),
            tuple((int(start), int(end), str(reason)) for start, end, reason in control.get("blind", ())),
        ),
    )


def _run(row: Sequence[Any], interval_ns: int) -> SampleRun:
    vm, first, count, told, boot, hb_first, hb_last, *more = row
    answer = Answer(told) if isinstance(told, str) else Answer.OK if told else Answer.LOST
    usual: list[Any] = [Signal.GUEST, interval_ns, 0, ""]
    signal, own_ns, error_ns, prober = [*more, *usual[len(more) :]]
    if int(own_ns) <= 0:
        raise ValueError(f"sample interval {own_ns} ns")
    return SampleRun(
        str(vm),
        int(first),
        int(own_ns),
        int(count),
        answer,
        int(boot),
        int(hb_first),
        int(hb_last),
        Signal(signal),
        int(error_ns),
        str(prober),
    )
