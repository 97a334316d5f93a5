"""When each phase and step began and ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from harness.judge.guest_updates import DONE, GuestStory, GuestUpdates, guest_updates_of
from harness.judge.timeline import Timeline

GUESTS_PATH: Final = "update/guests"
"""Path of updates in guests; below it lies each guest, with its installation and its restart."""


@dataclass(frozen=True, slots=True)
class PhaseSpan:
    """One phase or step; `end_ns` None means: not seen to end.  `source` is `event` (exact) or `observation`
    (polled)."""

    path: str
    node: str
    start_ns: int
    end_ns: int | None
    status: str
    source: str
    evidence: tuple[int, ...]


def phases_of(timeline: Timeline) -> tuple[PhaseSpan, ...]:
    """All phases and steps in order of their start; those that the lab told by events are not taken from looks.

    Updates in guests are told from what was asked of each guest, and what it answered.
    """
    told = list(_told(timeline))
    exact = {span.path.removeprefix("update/").partition("/")[0] for span in told if span.path.count("/") <= 1}
    seen = [span for span in _seen(timeline) if span.path.removeprefix("update/") not in exact]
    updates = guest_updates_of(timeline)
    guests = () if updates is None else tuple(_guests(updates))
    return tuple(sorted((*told, *seen, *guests), key=lambda span: (span.start_ns, span.path, span.evidence)))


def _told(timeline: Timeline) -> Iterator[PhaseSpan]:
    open_spans: dict[str, PhaseSpan] = {}
    for row in timeline.events:
        event = row.value
        if event.kind == "phase.enter":
            if event.path in open_spans:
                # The lab did not tell of its end; it ended at the latest where the same begins again.
                before = open_spans.pop(event.path)
                yield replace(before, end_ns=row.t_ns, evidence=(*before.evidence, row.seq))
            open_spans[event.path] = PhaseSpan(event.path, event.node or "", row.t_ns, None, "", "event", (row.seq,))
        elif event.kind == "phase.exit" and event.path in open_spans:
            begun = open_spans.pop(event.path)
            status = str(event.attrs.get("status") or "")
            yield PhaseSpan(
                begun.path, begun.node, begun.start_ns, row.t_ns, status, "event", (*begun.evidence, row.seq)
            )
    yield from open_spans.values()


def _seen(timeline: Timeline) -> Iterator[PhaseSpan]:
    begun: PhaseSpan | None = None
    for row in timeline.updates:
        path = f"update/{row.value.phase}"
        if not row.value.phase or (begun is not None and begun.path == path):
            continue
        if begun is not None:
            yield PhaseSpan(begun.path, "", begun.start_ns, row.t_ns, "", "observation", (*begun.evidence, row.seq))
        begun = PhaseSpan(path, "", row.t_ns, None, "", "observation", (row.seq,))
    if begun is not None:
        yield begun


def _guests(updates: GuestUpdates) -> Iterator[PhaseSpan]:
    """The whole workflow, and below it each guest that was to get the update, with its installation and its restart."""
    begun_ns, chosen = updates.begun_ns, updates.chosen
    if begun_ns is None or updates.seq is None:
        return
    ends = [story.done_ns for story in chosen]
    end_ns = None if None in ends else max((end for end in ends if end is not None), default=begun_ns)
    sound = all(story.outcome in DONE for story in chosen)
    yield PhaseSpan(GUESTS_PATH, "", begun_ns, end_ns, _status(end_ns, sound), "observation", (updates.seq,))
    for story in chosen:
        yield from _guest(story)


def _guest(story: GuestStory) -> Iterator[PhaseSpan]:
    if story.install_ns is None:
        return
    path, sound = f"{GUESTS_PATH}/{story.name}", story.outcome in DONE
    lines = tuple(story.lines("standing", "done"))
    yield PhaseSpan(path, "", story.install_ns, story.done_ns, _status(story.done_ns, sound), "observation", lines)
    end_ns = story.result.t_ns if story.result else story.done_ns
    installed = story.result is not None and story.outcome not in ("failed", "not-offered")
    lines = tuple(story.lines("install", "result"))
    status = _status(end_ns, installed)
    yield PhaseSpan(f"{path}/install", "", story.install_ns, end_ns, status, "observation", lines)
    for one in story.restarts:
        end_ns = one.back_ns if one.back_ns is not None else story.done_ns
        status = _status(end_ns, one.back_ns is not None)
        lines = tuple(story.lines("restart", "restarted"))
        yield PhaseSpan(f"{path}/restart", "", one.ordered_ns, end_ns, status, "observation", lines)


def _status(end_ns: int | None, sound: bool) -> str:
    """The words with which the product's own steps end."""
    return "" if end_ns is None else "Success" if sound else "Failed"
