"""Prober lane: what the measuring side itself saw and missed, and what its control targets answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from harness.judge.timeline import Seen
from harness.report.guest_ledger import Blind, blind_spans
from harness.report.lane import Area, Bar, Lane, Mark, Row, stacked, thinned
from harness.report.record import RunRecord
from harness.report.wording import counted, span_text
from harness.values import Answer, SampleRun, SampleWindow

ROW_PX: Final = 14.0
MARKS_PX: Final = 12.0
TICKS_PX: Final = 14.0
TARGET_PX: Final = 10.0
MOST_TARGETS: Final = 6
"""Control targets with a row of their own; more share one."""

MOST_IN_ROW: Final = 200
FEW_MARKS: Final = 12
"""Windows with missed ticks that are marked one by one; of more, a surface tells how many ticks were missed."""

LOOKS: Final = {
    Answer.OK: "control-ok",
    Answer.SLOW: "control-slow",
    Answer.REFUSED: "control-lost",
    Answer.LOST: "control-lost",
}


def prober_lane(record: RunRecord) -> Lane:
    """Coverage and missed ticks, times without sight with their reasons, and control targets."""
    missed = [row for row in record.timeline.windows if row.value.control.missed]
    marks, probed = _marks(record, missed), tuple(_probed(record))
    rows = [Row("health", (probed,), marks, ROW_PX, empty="nothing was probed", marks_px=MARKS_PX if marks else 0.0)]
    if len(missed) > FEW_MARKS:
        rows.append(_ticks(missed))
    blind = thinned(tuple(_blind(record)), MOST_IN_ROW)
    if blind:
        rows.append(Row("no sight", stacked(blind), (), ROW_PX))
    return Lane("prober", "Prober", (*rows, *_target_rows(record)))


def prober_bars(record: RunRecord) -> Iterator[Bar]:
    """All that the lane tells, and what it folds, for the CSV: also each window with missed ticks."""
    yield from _probed(record)
    for row in record.timeline.windows:
        control, window = row.value.control, row.value
        if control.missed:
            reason = f"{control.missed} of {control.due} ticks{_seq(row)}"
            yield Bar(window.from_ns, window.to_ns, "ticks", "prober", "ticks missed", reason=reason)
    yield from _blind(record)
    for bars in _targets(record).values():
        yield from bars


def _blind(record: RunRecord) -> Iterator[Bar]:
    return (_blind_bar(record, each) for each in blind_spans(record.ledger))


def _probed(record: RunRecord) -> Iterator[Bar]:
    """The sampled time, with how much of it was seen."""
    ledger = record.ledger
    if ledger["to_ns"] <= ledger["from_ns"] or not ledger["interval_ns"]:
        return
    due, missed, coverage = ledger["control"]["due"], ledger["control"]["missed"], ledger["coverage"]
    share = "" if coverage is None else f", coverage {coverage * 100:.4g} %"
    ticks = f", {missed:,} of {due:,} ticks missed" if missed else ""
    text = f"{counted(len(ledger['vms']), 'VM')} every {span_text(ledger['interval_ns'])}{share}{ticks}"
    title = f"{text}; {missed:,} of {due:,} ticks missed" if not missed else text
    yield Bar(ledger["from_ns"], ledger["to_ns"], "probed", "prober", "probing", text, title)


def _marks(record: RunRecord, missed: Sequence[Seen[SampleWindow]]) -> tuple[Mark, ...]:
    if len(missed) > FEW_MARKS:
        return ()
    marks = []
    for row in missed:
        control, to_ns = row.value.control, row.value.to_ns
        text = f"{control.missed} of {control.due} ticks missed until {record.moment(to_ns)}{_seq(row)}"
        marks.append(Mark(to_ns, "missed", "prober", "ticks missed", text))
    return tuple(marks)


def _seq(row: Seen[SampleWindow]) -> str:
    """Where the journal tells it; a watch has no journal."""
    return f", seq {row.seq}" if row.seq >= 0 else ""


def _ticks(missed: Sequence[Seen[SampleWindow]]) -> Row:
    steps = tuple((row.value.from_ns, row.value.to_ns, row.value.control.missed) for row in missed)
    area = Area("ticks", "ticks missed in a window", steps, TICKS_PX)
    total = sum(count for _, _, count in steps)
    return Row("missed ticks", areas=(area,), title=f"{total} ticks missed in {counted(len(steps), 'window')}")


def _blind_bar(record: RunRecord, blind: Blind) -> Bar:
    reason = f": {blind.reason}" if blind.reason else ""
    return Bar(
        blind.start_ns,
        blind.end_ns,
        "blind",
        "prober",
        "unobserved",
        blind.reason or "blind",
        f"unobserved for {span_text(blind.end_ns - blind.start_ns)}{reason}\nfrom {record.moment(blind.start_ns)}",
        reason=blind.reason,
    )


def _targets(record: RunRecord) -> dict[str, tuple[Bar, ...]]:
    """What each control target answered; equal answers of windows that follow each other in one bar."""
    runs: dict[str, list[SampleRun]] = {}
    for row in record.timeline.windows:
        for run in row.value.control.targets:
            runs.setdefault(run.vm, []).append(run)
    return {name: tuple(_target_bars(record, name, of)) for name, of in sorted(runs.items())}


def _target_rows(record: RunRecord) -> tuple[Row, ...]:
    """A row for each control target, or one for what all of many did not answer."""
    bars = _targets(record)
    if len(bars) > MOST_TARGETS:
        bad = [bar for each in bars.values() for bar in each if bar.look != "control-ok"]
        label = f"{len(bars)} control targets"
        tracks = stacked(thinned(bad, MOST_IN_ROW))
        return (Row(label, tracks, (), TARGET_PX, label, empty="all answered throughout"),)
    return tuple(
        Row(f"control {name}", (_well_below(each),), (), TARGET_PX, f"control target {name}")
        for name, each in bars.items()
    )


def _well_below(bars: Sequence[Bar]) -> tuple[Bar, ...]:
    """What is not well lies over what is."""
    return tuple(sorted(thinned(bars, MOST_IN_ROW), key=lambda bar: (bar.look != "control-ok", bar.start_ns)))


def _target_bars(record: RunRecord, name: str, runs: Sequence[SampleRun]) -> Iterator[Bar]:
    """Stretches of equal answers; signals that ask the same target at the same time are told apart by their worst."""
    spans: list[tuple[int, int, Answer]] = []
    for run in sorted(runs, key=lambda run: (run.first_ns, run.signal)):
        if run.count <= 0:
            continue
        start_ns, end_ns = run.first_ns, run.last_ns + run.interval_ns
        if spans and spans[-1][2] is run.answer and start_ns <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end_ns, spans[-1][1]), run.answer)
        else:
            spans.append((start_ns, end_ns, run.answer))
    for start_ns, end_ns, answer in spans:
        state = "answers" if answer is Answer.OK else answer.value
        yield Bar(
            start_ns,
            end_ns,
            LOOKS[answer],
            name,
            f"control {state}",
            "",
            f"control target {name} {state} for {span_text(end_ns - start_ns)}, from {record.moment(start_ns)}",
        )
