"""A journal as typed, ordered facts.

Only what the judge needs is read, and every key that older journals may lack has a meaning when it is missing.  A
record that cannot be read is kept as a `problem`; it is never skipped in silence.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from harness.journal import Entry, Journal
from harness.judge.faults import FaultEpisode, MissedFault, fault_history
from harness.judge.sights import (
    AttemptRecord,
    ClusterSight,
    EndpointSight,
    StartRecord,
    read_cluster,
    read_endpoint,
    read_event,
    read_finding,
    read_update,
)
from harness.measure.samples import window_from_record
from harness.values import Event, Finding, SampleWindow, UpdateObservation

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seen(Generic[T]):
    """A fact with the journal line (`seq`) that holds it and the lab time at which it was true."""

    seq: int
    t_ns: int
    value: T


def last_before(rows: Sequence[Seen[T]], t_ns: int) -> Seen[T] | None:
    """The last fact at or before `t_ns` of rows in order of time."""
    index = bisect_right(rows, t_ns, key=lambda row: row.t_ns)
    return rows[index - 1] if index else None


def first_after(rows: Sequence[Seen[T]], t_ns: int) -> Seen[T] | None:
    """The first fact after `t_ns` of rows in order of time."""
    index = bisect_right(rows, t_ns, key=lambda row: row.t_ns)
    return rows[index] if index < len(rows) else None


@dataclass(slots=True)
class Timeline:
    """Everything the judge reads from one journal, in order of lab time."""

    header: Mapping[str, Any]
    first: Entry
    last: Entry
    end_ns: int = 0
    updates: list[Seen[UpdateObservation]] = field(default_factory=list)
    clusters: list[Seen[ClusterSight]] = field(default_factory=list)
    events: list[Seen[Event]] = field(default_factory=list)
    endpoints: list[Seen[EndpointSight]] = field(default_factory=list)
    health: list[Seen[Mapping[str, Any]]] = field(default_factory=list)
    runs: list[Seen[Mapping[str, Any]]] = field(default_factory=list)
    finals: list[Seen[Mapping[str, Any]]] = field(default_factory=list)
    migrations: list[Seen[Mapping[str, Any]]] = field(default_factory=list)
    """What hosts logged about live migrations."""
    windows: list[Seen[SampleWindow]] = field(default_factory=list)
    stages: list[Seen[str]] = field(default_factory=list)
    starts: list[Seen[StartRecord]] = field(default_factory=list)
    started: list[Seen[StartRecord]] = field(default_factory=list)
    baselines: list[Seen[Mapping[str, Any]]] = field(default_factory=list)
    findings: list[Seen[Finding]] = field(default_factory=list)
    evidence: list[Seen[Mapping[str, Any]]] = field(default_factory=list)
    takeovers: list[Seen[Mapping[str, Any]]] = field(default_factory=list)
    handovers: list[Seen[Mapping[str, Any]]] = field(default_factory=list)
    """What a leg of a campaign took over from the one before, and left to the next."""
    guides: list[Seen[Mapping[str, Any]]] = field(default_factory=list)
    """All `guide.*` records."""
    guest_updates: list[Seen[Mapping[str, Any]]] = field(default_factory=list)
    """All `guest.*` records."""
    attempts: list[AttemptRecord] = field(default_factory=list)
    faults: tuple[FaultEpisode, ...] = ()
    missed: tuple[MissedFault, ...] = ()
    problems: list[Seen[str]] = field(default_factory=list)

    @property
    def lab(self) -> Mapping[str, Any]:
        """The lab's part of the header."""
        return _mapping(self.header.get("lab"))

    @property
    def scenario(self) -> Mapping[str, Any]:
        """Plain data of the resolved scenario."""
        return _mapping(self.header.get("scenario"))

    @property
    def final(self) -> Seen[Mapping[str, Any]] | None:
        """The last final look at the system, None when there was none."""
        return self.finals[-1] if self.finals else None

    @property
    def completed(self) -> bool:
        """Did the last attempt come to its planned end?"""
        return bool(self.attempts) and self.attempts[-1].reason == "completed"

    @property
    def begun(self) -> Seen[Any] | None:
        """Where the update came into our hands: its first start, what an earlier leg left, or the beginning of updates
        in guests; None when it never did."""
        guests = [row for row in self.guest_updates if row.value["what"] == "guest.begin"]
        rows: list[Seen[Any]] = [*self.takeovers, *self.starts, *guests]
        return rows[0] if rows else None

    @property
    def installed(self) -> Seen[UpdateObservation] | None:
        """The first look at which the update was Installed after it was started."""
        begin_ns = self.begun.t_ns if self.begun else 0
        return next((row for row in self.updates if row.t_ns >= begin_ns and row.value.state.name == "Installed"), None)

    def resumed_between(self, start_ns: int, end_ns: int) -> bool:
        """Did we start or resume the update in that time?"""
        return any(start_ns <= row.t_ns <= end_ns for row in self.starts)

    def doing(self, t_ns: int | None) -> tuple[str, str]:
        """Phase and step at `t_ns`: as the lab's events told, else as the last look showed."""
        if t_ns is None:
            return "", ""
        row = last_before(self.updates, t_ns)
        step = " / ".join(row.value.step.path) if row and row.value.step else ""
        phase = row.value.phase if row else ""
        told = self._open_path(t_ns).split("/")[1:]
        return (told[0], " / ".join(told[1:]) or step) if told else (phase, step)

    def _open_path(self, t_ns: int) -> str:
        """The deepest phase path that was open at `t_ns`, the one entered last; empty when the lab told of none."""
        open_paths: list[str] = []
        for row in self.events:
            if row.t_ns > t_ns:
                break
            if row.value.kind == "phase.enter":
                open_paths.append(row.value.path)
            elif row.value.kind == "phase.exit" and row.value.path in open_paths:
                open_paths.remove(row.value.path)
        return max(reversed(open_paths), key=lambda path: path.count("/"), default="")

    def names(self, what: str) -> tuple[str, ...]:
        """Names of the `nodes` or `guests` of the lab, as the header lists them."""
        rows = self.lab.get(what) or ()
        return tuple(str(row["name"]) if isinstance(row, Mapping) else str(row) for row in rows)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


GUIDE_RECORDS: Final = ("trouble", "diagnosis", "step", "step.done", "verified", "done", "recovered")

GUEST_RECORDS: Final = (
    "begin",
    "inventory",
    "access",
    "contact",
    "standing",
    "install",
    "installing",
    "task",
    "result",
    "task.remove",
    "task.removed",
    "restart",
    "restarting",
    "restarted",
    "done",
)

Reader = Callable[[Timeline, Entry, int], None]


def _seen(rows: str, read: Callable[[Mapping[str, Any]], object]) -> Reader:
    def add(timeline: Timeline, entry: Entry, t_ns: int) -> None:
        getattr(timeline, rows).append(Seen(entry.seq, t_ns, read(entry.data)))

    return add


def _add_event(timeline: Timeline, entry: Entry, t_ns: int) -> None:
    event = read_event(entry.data)
    timeline.events.append(Seen(entry.seq, event.t_ns, event))


def _begin_attempt(timeline: Timeline, entry: Entry, t_ns: int) -> None:
    timeline.attempts.append(AttemptRecord.begun(entry, t_ns))


def _end_attempt(timeline: Timeline, entry: Entry, t_ns: int) -> None:
    if timeline.attempts:
        timeline.attempts[-1] = timeline.attempts[-1].ended(entry, t_ns)


READERS: Mapping[str, Reader] = {
    "update": _seen("updates", read_update),
    "cluster": _seen("clusters", read_cluster),
    "endpoint": _seen("endpoints", read_endpoint),
    "final": _seen("finals", dict),
    "health": _seen("health", dict),
    "runs": _seen("runs", dict),
    "migrations": _seen("migrations", dict),
    "samples": _seen("windows", window_from_record),
    "stage": _seen("stages", lambda data: str(data["stage"])),
    "update.start": _seen("starts", StartRecord.of),
    "update.started": _seen("started", StartRecord.of),
    "leg.taken_over": _seen("takeovers", dict),
    "leg.handed_over": _seen("handovers", dict),
    "baseline": _seen("baselines", dict),
    "finding": _seen("findings", read_finding),
    "evidence": _seen("evidence", dict),
    **{f"guide.{part}": _seen("guides", dict) for part in GUIDE_RECORDS},
    **{f"guest.{part}": _seen("guest_updates", dict) for part in GUEST_RECORDS},
    "event": _add_event,
    "attempt.begin": _begin_attempt,
    "attempt.end": _end_attempt,
}
"""How each record is read; records of other names say nothing to the judge."""


def timeline_of(journal: Journal) -> Timeline:
    """The facts of a verified journal.  Raises BrokenJournalError when it has no header of a known schema."""
    header = journal.header
    timeline = Timeline(header.data, header, journal.entries[-1])
    t_ns = 0
    for entry in journal:
        # Lab time stands still where no lab is attached: the line belongs to the instant before it.
        t_ns = entry.t_lab_ns if entry.t_lab_ns is not None else t_ns
        timeline.end_ns = max(timeline.end_ns, t_ns)
        reader = READERS.get(entry.what)
        if reader is None:
            continue
        try:
            reader(timeline, entry, t_ns)
        except (KeyError, TypeError, ValueError) as error:
            text = f"record '{entry.what}' cannot be read: {type(error).__name__} {error}"
            timeline.problems.append(Seen(entry.seq, t_ns, text))
    timeline.events = _in_order(timeline.events)
    timeline.faults, timeline.missed = fault_history(journal)
    return timeline


def _in_order(events: Iterable[Seen[Event]]) -> list[Seen[Event]]:
    """Each event once, by source time: a new attempt may have asked for events that were already journalled."""
    once: dict[int, Seen[Event]] = {}
    for row in events:
        once.setdefault(row.value.seq, row)
    return sorted(once.values(), key=lambda row: (row.t_ns, row.value.seq))
