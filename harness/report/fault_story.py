"""The life of each fault as the journal tells it, from armed to clean, with what proved it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from harness.clock import NS_PER_S
from harness.journal import Entry
from harness.report.record import RunRecord
from harness.report.wording import duration_text, shortened

SUBJECT: Final = "fault/"


@dataclass(slots=True)
class FaultStory:
    """One injection, or a fault that never came; times are nanoseconds of lab time, None where it did not happen."""

    id: str
    kind: str = ""
    trigger: str = ""
    targets: tuple[str, ...] = ()
    expression: str = ""
    undo: str = ""
    armed_ns: int | None = None
    source_ns: int | None = None
    intent_ns: int | None = None
    injected_ns: int | None = None
    confirmed_ns: int | None = None
    recover_ns: int | None = None
    clean_ns: int | None = None
    missed_ns: int | None = None
    invalid_ns: int | None = None
    lag_ns: int | None = None
    precision_ns: int | None = None
    confirm_proof: str = ""
    clean_proof: str = ""
    why_recover: str = ""
    why_missed: str = ""
    state: str = "planned"
    evidence: list[int] = field(default_factory=list)

    @property
    def target_text(self) -> str:
        """Who was hit, and by which expression."""
        hit = ", ".join(self.targets)
        return f"{self.expression} → {hit}" if self.expression and hit else self.expression or hit

    @property
    def lag_text(self) -> str:
        """Lag behind the trigger's event, against what the plan allows."""
        if self.lag_ns is None:
            return ""
        allowed = "" if self.precision_ns is None else f" (allowed {duration_text(self.precision_ns / NS_PER_S)})"
        return f"{self.lag_ns / NS_PER_S:.3f} s{allowed}"


def fault_stories(record: RunRecord) -> tuple[FaultStory, ...]:
    """All faults in the order in which the plan or the journal names them; a fault that came twice is two stories."""
    planned = _planned(record.timeline.scenario)
    stories: list[FaultStory] = [FaultStory(name, kind, trigger) for name, (kind, trigger) in planned.items()]
    t_ns = record.begin_ns
    for entry in record.journal:
        t_ns = entry.t_lab_ns if entry.t_lab_ns is not None else t_ns
        if entry.subject.startswith(SUBJECT):
            story = _story_of(stories, entry, planned)
            story.evidence.append(entry.seq)
            _tell(story, entry, t_ns)
    return tuple(stories)


def _planned(scenario: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Kind and trigger of each fault of the scenario."""
    found = {}
    for row in scenario.get("faults") or ():
        trigger = row.get("on") or row.get("after") or row.get("at") or ""
        text = trigger if isinstance(trigger, str) else json.dumps(trigger, ensure_ascii=False)
        found[str(row.get("id"))] = (str(row.get("fault") or ""), text)
    return found


def _story_of(stories: list[FaultStory], entry: Entry, planned: Mapping[str, tuple[str, str]]) -> FaultStory:
    name = entry.subject.removeprefix(SUBJECT)
    story = next((each for each in reversed(stories) if each.id == name), None)
    again = story is not None and entry.what == "fault.inject" and story.intent_ns is not None
    if story is None or again:
        kind, trigger = planned.get(name, ("", ""))
        story = FaultStory(name, kind, trigger)
        stories.append(story)
    return story


def _tell(story: FaultStory, entry: Entry, t_ns: int) -> None:
    data = entry.data
    match entry.what:
        case "fault.inject":
            _tell_intent(story, data, t_ns)
        case "fault.injected":
            story.injected_ns, story.state = t_ns, "injected"
        case "fault.confirmed":
            story.confirmed_ns, story.state, story.confirm_proof = t_ns, "active", _proof(data.get("by"))
        case "fault.recover":
            story.recover_ns, story.state, story.why_recover = t_ns, "recovering", str(data.get("why") or "")
        case "fault.clean":
            story.clean_ns, story.state, story.clean_proof = t_ns, "clean", _proof(data.get("by"))
        case "fault.missed":
            story.missed_ns, story.why_missed = t_ns, str(data.get("why") or "")
            story.state = "armed again" if data.get("rearmed") else "missed"
        case "fault.state" if data.get("to") == "ready":
            story.armed_ns = story.armed_ns if story.armed_ns is not None else t_ns
            story.state = "armed"
        case "fault.state" if data.get("to") == "invalid":
            story.invalid_ns, story.state = t_ns, "invalid" if not story.why_missed else "missed"


def _tell_intent(story: FaultStory, data: Mapping[str, Any], t_ns: int) -> None:
    target, trigger = data.get("target"), data.get("trigger") or {}
    story.intent_ns, story.state = t_ns, "intended"
    story.kind = str(data.get("fault") or story.kind)
    story.targets = (target,) if isinstance(target, str) else tuple(str(each) for each in target or ())
    story.expression = str(data.get("target_expression") or "")
    story.source_ns, story.lag_ns = trigger.get("t_source_ns"), trigger.get("lag_ns")
    story.precision_ns = trigger.get("precision_ns")
    undo = data.get("undo")
    steps = undo if isinstance(undo, list) else [undo] if undo else []
    story.undo = "; ".join(" ".join(str(value) for value in step.values()) for step in steps if isinstance(step, dict))


def _proof(by: object) -> str:
    """Who showed it: `cluster NODE02: NODE03 is Down`."""
    rows: Sequence[Any] = by if isinstance(by, list) else []
    texts = [
        f"{row.get('source', '')} {row.get('node', '')}: {row.get('fact', '')}".strip()
        for row in rows
        if isinstance(row, Mapping)
    ]
    return "; ".join(texts)


def shown_times(story: FaultStory) -> Iterator[tuple[str, str, int]]:
    """Glyph, words and lab time of each moment of a fault that happened, in order."""
    moments = (
        ("armed", "armed", story.armed_ns),
        ("injected", "injected", story.injected_ns if story.injected_ns is not None else story.intent_ns),
        ("confirmed", f"confirmed by {shortened(story.confirm_proof, 160)}", story.confirmed_ns),
        ("reverted", f"reverted ({story.why_recover})", story.recover_ns),
        ("clean", f"clean: {shortened(story.clean_proof, 160)}", story.clean_ns),
        ("missed", f"missed: {story.why_missed}", story.missed_ns),
        ("missed", "invalid", story.invalid_ns if story.missed_ns is None else None),
    )
    yield from ((glyph, text, t_ns) for glyph, text, t_ns in moments if t_ns is not None)
