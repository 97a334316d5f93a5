"""Fault lanes: armed, injected, confirmed, reverted, clean."""

from __future__ import annotations

from harness.report.fault_story import FaultStory, fault_stories, shown_times
from harness.report.lane import Bar, Lane, Mark, Row
from harness.report.record import RunRecord, seqs_text
from harness.report.wording import span_text


def fault_lane(record: RunRecord) -> Lane | None:
    """One row for each injection; None when the scenario has no fault."""
    rows = tuple(_row(record, story) for story in fault_stories(record))
    return Lane("fault", "Faults", rows) if rows else None


def _row(record: RunRecord, story: FaultStory) -> Row:
    bars = []
    begun_ns = story.injected_ns if story.injected_ns is not None else story.intent_ns
    words = f"{story.kind} {story.target_text}".strip()
    if begun_ns is not None:
        reverted_ns = story.recover_ns if story.recover_ns is not None else story.clean_ns
        active_end = reverted_ns if reverted_ns is not None else record.end_ns
        seqs = seqs_text(story.evidence)
        active = f"{story.id}: {words}, active for {span_text(active_end - begun_ns)}, seq {seqs}"
        still = reverted_ns is None
        bars.append(Bar(begun_ns, active_end, "fault-active", story.id, "active", "", active, open=still))
        if story.recover_ns is not None:
            end_ns = story.clean_ns if story.clean_ns is not None else record.end_ns
            title = f"{story.id}: reverted, not yet proven clean, for {span_text(end_ns - story.recover_ns)}"
            bars.append(
                Bar(
                    story.recover_ns,
                    end_ns,
                    "fault-recovering",
                    story.id,
                    "recovering",
                    "",
                    title,
                    open=story.clean_ns is None,
                )
            )
    moments = sorted(shown_times(story), key=lambda moment: moment[2])
    marks = tuple(
        Mark(
            t_ns,
            glyph,
            story.id,
            glyph,
            f"{story.id} {text} at {record.moment(t_ns)}",
            _words(story) if index == len(moments) - 1 else "",
        )
        for index, (glyph, text, t_ns) in enumerate(moments)
    )
    return Row(story.id, (tuple(bars),), marks, 26.0, f"{story.id}: {words or story.state}")


def _words(story: FaultStory) -> str:
    """What stands beside the last mark of a fault."""
    hit = ", ".join(story.targets) or story.expression
    return " · ".join(part for part in (story.kind, hit, story.state) if part)
