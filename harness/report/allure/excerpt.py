"""The journal lines around what decided, as text for people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final

from harness.journal import Entry
from harness.judge.case import elapsed
from harness.report.record import RunRecord
from harness.report.wording import printable, shortened

AROUND: Final = 3
"""Lines shown before and after each decisive one."""
MOST_DECISIVE: Final = 20
NAMED_CHARS: Final = 600
OTHER_CHARS: Final = 160
ENDS: Final = 10
"""First and last lines of a journal in which nothing decided."""


def journal_excerpt(record: RunRecord) -> str:
    """Lines around those that the findings and faults name, at most some 150; without any, the first and last ones.

    A `>` marks a line that is named.  Number n is line n + 1 of `journal.jsonl`.
    """
    entries = record.journal.entries
    named = _named(record)
    shown = sorted(
        {near for seq in named for near in range(seq - AROUND, seq + AROUND + 1) if 0 <= near < len(entries)}
    )
    if not shown:
        shown = sorted({*range(min(ENDS, len(entries))), *range(max(0, len(entries) - ENDS), len(entries))})
    head = f"{len(shown)} of {len(entries)} lines of {record.results['folder']}/{record.journal.path.name}\n"
    return head + "\n".join(_lines(entries, shown, frozenset(named))) + "\n"


def _named(record: RunRecord) -> list[int]:
    """Sequence numbers that findings name, those of the deciding one first; else the ones of the faults."""
    cause = record.results["cause"]
    findings = [cause, *record.results["because"]] if cause else []
    faults = [] if findings else record.results["faults"]
    seqs = [int(seq) for row in (*findings, *faults) for seq in row["evidence"]]
    return list(dict.fromkeys(seqs))[:MOST_DECISIVE]


def _lines(entries: Sequence[Entry], shown: Sequence[int], named: frozenset[int]) -> Iterator[str]:
    before = -1
    for seq in shown:
        if seq != before + 1:
            yield "   …"
        yield _line(entries[seq], marked=seq in named)
        before = seq
    if before + 1 < len(entries):
        yield "   …"


def _line(entry: Entry, *, marked: bool) -> str:
    content = {key: value for key, value in entry.data.items() if key != "what"}
    if entry.what == "samples":
        content["runs"] = [run for run in content.get("runs") or () if not run[3]]
    time = "-" if entry.t_lab_ns is None else elapsed(entry.t_lab_ns)
    who = f"{entry.actor} {entry.kind.value} {entry.subject} {entry.what}"
    text = shortened(json.dumps(content, ensure_ascii=False), NAMED_CHARS if marked else OTHER_CHARS)
    return printable(f"{'>' if marked else ' '}  {entry.seq:>6}  {time:>13}  {who}  {text}")
