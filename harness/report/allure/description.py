"""The description of a case: what it is evidence of, what counts, how long it took, where the run folder is."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from datetime import datetime

from harness.measure.units import spoken
from harness.report.record import RunRecord
from harness.report.wording import duration_text


def description_of(record: RunRecord, left_out: Sequence[str]) -> str:
    """Markdown.  Whatever a plan or a journal says is escaped; `left_out` are files that could not be attached."""
    return "\n\n".join(html.escape(text, quote=False) for text in _paragraphs(record, left_out))


def milliseconds_of(moment: str) -> int:
    """An ISO 8601 moment as milliseconds since 1970 UTC."""
    return round(datetime.fromisoformat(moment).timestamp() * 1000)


def _paragraphs(record: RunRecord, left_out: Sequence[str]) -> Iterator[str]:
    results = record.results
    yield f"**{results['label']}** · subject: {results['subject']} · machines: {results['machines']}"
    verdict = f"Verdict: **{results['verdict']}**"
    yield verdict + (f", counts as **{results['effective']}**: waived" if results["waived"] else "")
    yield from (f"Waived: {row['id']} by {row['waived_by']}" for row in results["because"] if row["waived_by"])
    wall_s = (milliseconds_of(results["ended"]) - milliseconds_of(results["started"])) / 1000
    clock = str(record.timeline.lab.get("clock") or "")
    yield (
        f"Lab time: {duration_text(results['lab_duration_s'])}{f' ({clock} clock)' if clock else ''}; "
        f"wall time: {duration_text(wall_s)}. Steps show lab time, the test itself wall time."
    )
    worst = [f"{row['vm']} {spoken(row['longest_s'], 's')} ({row['cause']})" for row in results["worst_guests"][:3]]
    if worst:
        yield "Longest gaps: " + ", ".join(worst)
    journal, judge = results["journal"], results["judge"]
    yield f"Run folder: {results['folder']} · journal sha256 {journal['sha256']} · judge {judge['version']}"
    yield from (f"Not attached: {reason}" for reason in left_out)
