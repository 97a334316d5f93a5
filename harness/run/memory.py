"""What a new process learns from the journal of a run that another process began."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.faults import FaultState
from harness.journal import Entry
from harness.run.content_import import ImportMemory
from harness.run.fault_cycle import FaultMemory
from harness.run.guest_memory import GuestsMemory, take_guest
from harness.run.guide_cycle import Following, GuideMemory, guide_event
from harness.run.legs import Handover
from harness.run.update_cycle import UpdateMemory
from harness.values import Event


@dataclass(slots=True)
class RunMemory:
    """State of a run, folded from its lines.  `begun`: the system may have been changed, so the lab must not be reset.
    `started`: it was ready, and the update or a fault may have begun.  `received`: what the leg before left; `let_go`:
    this leg handed the update over."""

    last_event: int = -1
    sampled_to_ns: int = 0
    update: UpdateMemory = field(default_factory=UpdateMemory)
    faults: dict[str, FaultMemory] = field(default_factory=dict)
    guides: GuideMemory = field(default_factory=GuideMemory)
    guests: GuestsMemory = field(default_factory=GuestsMemory)
    content: ImportMemory = field(default_factory=ImportMemory)
    received: Handover | None = None
    let_go: bool = False
    ended: str | None = None

    def take_over(self, handover: Handover) -> None:
        """Go on where the leg before let go; the budgets of this leg begin now."""
        self.received = handover
        self.last_event, self.sampled_to_ns = handover.last_event, handover.sampled_to_ns
        self.update.starts, self.update.run_id = handover.starts, handover.update_run

    @property
    def begun(self) -> bool:
        """Was an intent to change the system written?"""
        return self.started or self.content.sent > 0

    @property
    def started(self) -> bool:
        """Was an intent written that follows the preflight?"""
        changed = self.update.starts > 0 or self.guests.begun_ns is not None
        return changed or any(fault.injected_ns is not None for fault in self.faults.values())


def remember(entries: Iterable[Entry]) -> RunMemory:
    """Fold the lines of a journal."""
    memory = RunMemory()
    for entry in entries:
        _take(memory, entry)
    return memory


def _take(memory: RunMemory, entry: Entry) -> None:
    data = entry.data
    match entry.what:
        case "baseline":
            memory.last_event, memory.sampled_to_ns = -1, 0
            memory.guests.forget()
            for fault in memory.faults.values():
                fault.unserved.clear()
        case "event":
            memory.last_event = max(memory.last_event, data["number"])
            for fault in memory.faults.values():
                _take_event(fault, data)
        case "leg.taken_over":
            memory.take_over(Handover.of(entry))
            memory.update.first_start_ns = entry.t_lab_ns
        case "leg.handed_over":
            memory.let_go = True
        case "samples":
            memory.sampled_to_ns = max(memory.sampled_to_ns, data["to_ns"])
        case "attempt.begin":
            memory.ended = None
        case "attempt.end":
            memory.ended = data["reason"]
        case "update.start":
            memory.update.starts = data["number"]
            memory.update.unanswered += 1
            memory.update.pending_number = data["number"]
            memory.update.pending_t_ns = entry.t_lab_ns or 0
            if memory.update.first_start_ns is None:
                memory.update.first_start_ns = entry.t_lab_ns
        case "update.started":
            memory.update.resumes += memory.update.run_id is not None
            memory.update.run_id, memory.update.pending_number = data["run_id"], None
            memory.update.unanswered = 0
            memory.update.cared += memory.update.granted > 0
            memory.update.granted = 0
        case "content.import":
            memory.content = ImportMemory(data["number"], entry.t_lab_ns or 0, before=tuple(data["before"]))
        case "content.imported":
            memory.content.answered, memory.content.error = True, data["error"]
            memory.content.since_ns = entry.t_lab_ns or 0
        case "guide.done":
            memory.update.granted += 1
            for fault in memory.faults.values():
                _take_guide_end(fault, entry)
            _take_guide(memory.guides, entry)
        case what if what.startswith("guide."):
            _take_guide(memory.guides, entry)
        case what if what.startswith("guest."):
            take_guest(memory.guests, entry)
        case what if what.startswith("fault."):
            _take_fault(memory.faults.setdefault(entry.subject.removeprefix("fault/"), FaultMemory()), entry)


def _take_fault(fault: FaultMemory, entry: Entry) -> None:
    data = entry.data
    match entry.what:
        case "fault.state":
            fault.state = FaultState(data["to"])
            fault.entered_ns[fault.state] = entry.t_lab_ns or 0
        case "fault.inject":
            target = data["target"]
            fault.targets = (target,) if isinstance(target, str) else tuple(target)
            fault.injected_ns = entry.t_lab_ns
            fault.recover_at_ns = data["recover_at_ns"]
            fault.occurrences = data["occurrence"]
            fault.unserved.clear()
        case "fault.injected":
            fault.hit = (*fault.hit, data["target"])
        case "fault.confirmed":
            fault.confirmed = True
        case "fault.recover":
            fault.recovering_ns = entry.t_lab_ns
        case "fault.missed":
            fault.rearmed += bool(data["rearmed"])


def _take_guide(guides: GuideMemory, entry: Entry) -> None:
    data = entry.data
    match entry.what:
        case "guide.trouble":
            guides.trouble_ns, guides.recovered = entry.t_lab_ns or 0, False
        case "guide.diagnosis" if data["follow"]:
            guides.following = Following.from_plain(data["follow"])
        case "guide.step":
            guides.pending = set(data["nodes"])
        case "guide.step.done":
            guides.pending.discard(data["node"])
            if not guides.pending and not data["error"]:
                guides.taken.add(data["step"])
        case "guide.done":
            guides.done, guides.following = data["number"], None
            guides.taken.clear()
        case "guide.recovered":
            guides.recovered = True


def _take_guide_end(fault: FaultMemory, entry: Entry) -> None:
    """The end of a guide is an event to those faults that last until then."""
    if fault.state in (FaultState.READY, FaultState.ACTIVE):
        fault.unserved.append(guide_event(entry.t_lab_ns or 0, entry.data["guide"], entry.data["outcome"]))


def _take_event(fault: FaultMemory, data: Mapping[str, Any]) -> None:
    """Keep what an armed or an injected fault waits for; the rest of its life needs no events."""
    if fault.state in (FaultState.READY, FaultState.ACTIVE):
        keys = ("t_ns", "kind", "path", "node", "vm", "source", "t_err_ns", "attrs")
        fault.unserved.append(Event(seq=data["number"], **{key: data[key] for key in keys}))
