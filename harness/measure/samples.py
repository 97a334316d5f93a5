"""Sample windows from their journal form, and the stretches that a ledger reads from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.values import Answer, ControlHealth, SampleRun, SampleWindow, Signal

Span = tuple[int, int]
"""Start and end in nanoseconds of lab time, both included."""

_PLAIN: Final[Mapping[Answer, bool | str]] = {Answer.OK: True, Answer.LOST: False}
"""Answers that stand in a record as what they always were; the others stand there by name."""


def window_record(window: SampleWindow, interval_ns: int) -> dict[str, Any]:
    """The journal form of a window: the data of a `samples` record, and one line of a prober's sample file."""
    control: dict[str, Any] = {
        "due": window.control.due,
        "missed": window.control.missed,
        "stalls": [list(span) for span in window.control.stalls],
    }
    if window.control.targets:
        control["targets"] = [_row(run, interval_ns) for run in window.control.targets]
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


@dataclass(frozen=True, slots=True)
class Stretch:
    """Equal samples of one guest without an excluded one among them; `first_ns` and `last_ns` are sampling instants."""

    first_ns: int
    last_ns: int
    interval_ns: int
    count: int
    ok: bool
    boot_id: int
    heartbeat_first: int
    heartbeat_last: int

    @property
    def covered_ns(self) -> int:
        """Lab time for which these samples stand."""
        return self.count * self.interval_ns


def unobserved(windows: Iterable[SampleWindow]) -> tuple[Span, ...]:
    """All stalls of the measuring side, sorted, overlapping ones joined."""
    joined: list[Span] = []
    for start, end in sorted(stall for window in windows for stall in window.control.stalls):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)


def stretches(runs: Sequence[SampleRun], excluded: Sequence[Span]) -> tuple[Stretch, ...]:
    """The samples of one guest in order of time: repeated instants once, those inside `excluded` spans left out."""
    found: list[Stretch] = []
    cursor: int | None = None
    for run in sorted(runs, key=lambda run: run.first_ns):
        if run.count <= 0:
            continue
        first = 0 if cursor is None else max(0, (cursor - run.first_ns) // run.interval_ns + 1)
        last_ns = run.first_ns + (run.count - 1) * run.interval_ns
        found.extend(_slice(run, start, end) for start, end in _kept(run, first, excluded))
        cursor = last_ns if cursor is None else max(cursor, last_ns)
    return tuple(found)


def _kept(run: SampleRun, first: int, excluded: Sequence[Span]) -> Iterable[Span]:
    """Index ranges of `run` from `first` on that lie in no excluded span."""
    start, last = first, run.count - 1
    for span_start, span_end in excluded:
        if start > last:
            return
        cut_first = max(start, -((run.first_ns - span_start) // run.interval_ns))
        cut_last = min(last, (span_end - run.first_ns) // run.interval_ns)
        if cut_first > cut_last:
            continue
        if cut_first > start:
            yield start, cut_first - 1
        start = cut_last + 1
    if start <= last:
        yield start, last


def _slice(run: SampleRun, start: int, end: int) -> Stretch:
    return Stretch(
        first_ns=run.first_ns + start * run.interval_ns,
        last_ns=run.first_ns + end * run.interval_ns,
        interval_ns=run.interval_ns,
        count=end - start + 1,
        ok=run.answer is Answer.OK,
        boot_id=run.boot_id,
        heartbeat_first=heartbeat_at(run, start),
        heartbeat_last=heartbeat_at(run, end),
    )


def heartbeat_at(run: SampleRun, index: int) -> int:
    """Heartbeat number at sample `index` of `run`: the guest counts evenly between the two numbers that are known."""
    if run.count == 1:
        return run.heartbeat_last if index else run.heartbeat_first
    return run.heartbeat_first + (run.heartbeat_last - run.heartbeat_first) * index // (run.count - 1)
