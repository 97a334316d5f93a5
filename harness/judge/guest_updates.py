"""Updates in guests, told from the journal: for each guest what it was, what was done to it, and what it is.

Judge, results, run page and Allure all read these stories; none of them reads the records itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from harness.judge.timeline import Seen, Timeline
from harness.measure.guest_changes import boots_between
from harness.measure.guest_records import read_inventory, read_result, read_update
from harness.measure.samples import Span
from harness.values import GuestInventory, InstallResult, MonthlyUpdate, Standing, TrainUpdate

DONE: Final = frozenset({"installed", "present", "restarted"})
"""Outcomes of a guest that has the update, by the conductor's word; the last look proves it."""

RESTART_TOLERANCE_NS: Final = 30_000_000_000
"""How far before its order, or after the guest was found back, a restart's gap may lie: two looks of 15 s [INF]."""


@dataclass(frozen=True, slots=True)
class OrderedRestart:
    """A restart that the harness ordered; `back_ns` is when the guest was found in service again (None: it was not)."""

    vm: str
    ordered_ns: int
    back_ns: int | None
    seq: int
    back_seq: int | None = None

    def covers(self, start_ns: int, end_ns: int) -> bool:
        """Does a time without answer belong to this restart?"""
        begins = end_ns >= self.ordered_ns - RESTART_TOLERANCE_NS
        return begins and (self.back_ns is None or start_ns <= self.back_ns + RESTART_TOLERANCE_NS)


@dataclass(slots=True)
class GuestStory:
    """One guest.  Times are lab time; `seqs` are the journal lines by the name of their record."""

    name: str
    standing: Standing | None = None
    reasons: tuple[str, ...] = ()
    update: MonthlyUpdate | None = None
    refused: str = ""
    """What Windows Update said to the network log-on that wanted to install."""
    before: Seen[GuestInventory] | None = None
    after: Seen[GuestInventory] | None = None
    result: Seen[InstallResult] | None = None
    install_ns: int | None = None
    done_ns: int | None = None
    outcome: str = ""
    detail: str = ""
    restarts: list[OrderedRestart] = field(default_factory=list)
    seqs: dict[str, list[int]] = field(default_factory=dict)

    @property
    def chosen(self) -> bool:
        """The guest was to get the update."""
        return self.standing is Standing.ELIGIBLE

    @property
    def hotpatched(self) -> bool:
        """It was to get an update that needs no restart."""
        return self.chosen and self.update is not None and self.update.kind is TrainUpdate.HOTPATCH

    @property
    def proven(self) -> bool:
        """KB and build of the last look are the update's: one of them alone proves nothing ([D/P] October 2025)."""
        if self.update is None or self.after is None:
            return False
        seen = self.after.value
        same = (seen.build, seen.revision) == (self.update.build, self.update.revision)
        return same and self.update.kb in seen.kbs

    @property
    def boots(self) -> int | None:
        """How often it started between the first look and the last; None without both."""
        if self.before is None or self.after is None:
            return None
        return boots_between(self.before.value, self.after.value)

    def lines(self, *whats: str) -> list[int]:
        """Lines of these records, of all without any."""
        return sorted(seq for what, seqs in self.seqs.items() if not whats or what in whats for seq in seqs)


@dataclass(frozen=True, slots=True)
class GuestUpdates:
    """The workflow: when it began (None: it never did), which window its restarts had, and every guest's story."""

    month: str
    begun_ns: int | None
    window: Span | None
    seq: int | None
    stories: tuple[GuestStory, ...]

    @property
    def chosen(self) -> tuple[GuestStory, ...]:
        """Guests that were to get the update."""
        return tuple(story for story in self.stories if story.chosen)


def guest_updates_of(timeline: Timeline) -> GuestUpdates | None:
    """The stories of all guests in the order in which the journal names them; None for a run of another kind."""
    wanted = (timeline.scenario.get("workflow") or {}).get("guest_updates")
    if not timeline.guest_updates and not wanted:
        return None
    rows = _since_baseline(timeline)
    begin = next((row for row in rows if row.value["what"] == "guest.begin"), None)
    stories: dict[str, GuestStory] = {}
    for row in rows:
        name = row.value.get("guest")
        if name:
            _take(stories.setdefault(str(name), GuestStory(str(name))), row)
    window = begin.value["window_ns"] if begin else None
    return GuestUpdates(
        month=str((wanted or {}).get("month") or (begin.value["month"] if begin else "")),
        begun_ns=None if begin is None else begin.t_ns,
        window=(int(window[0]), int(window[1])) if window else None,
        seq=None if begin is None else begin.seq,
        stories=tuple(stories.values()),
    )


def _since_baseline(timeline: Timeline) -> Sequence[Seen[Mapping[str, Any]]]:
    """A process that died before anything was changed leaves looks that a new baseline makes worthless."""
    last = timeline.baselines[-1].seq if timeline.baselines else -1
    return [row for row in timeline.guest_updates if row.seq > last]


def _take(story: GuestStory, row: Seen[Mapping[str, Any]]) -> None:
    data, what = row.value, str(row.value["what"]).removeprefix("guest.")
    story.seqs.setdefault(what, []).append(row.seq)
    match what:
        case "inventory":
            seen = Seen(row.seq, row.t_ns, read_inventory(data["seen"]))
            if data["round"] == "before":
                story.before = seen
            elif data["round"] == "after":
                story.after = seen
        case "access":
            story.refused = str(data["message"]) if data["refused"] else ""
        case "standing":
            story.standing, story.update = Standing(data["standing"]), read_update(data["update"])
            story.reasons = tuple(str(reason) for reason in data["reasons"])
        case "install":
            story.install_ns = row.t_ns if story.install_ns is None else story.install_ns
        case "result":
            story.result = Seen(row.seq, row.t_ns, read_result(data["result"]))
        case "restart":
            story.restarts.append(OrderedRestart(story.name, row.t_ns, None, row.seq))
        case "restarted" if story.restarts:
            one = story.restarts[-1]
            story.restarts[-1] = OrderedRestart(one.vm, one.ordered_ns, row.t_ns, one.seq, row.seq)
        case "done":
            story.outcome, story.detail, story.done_ns = str(data["outcome"]), str(data["detail"]), row.t_ns


def ordered_restarts(updates: GuestUpdates | None) -> Iterable[OrderedRestart]:
    """All restarts that were ordered."""
    return () if updates is None else tuple(one for story in updates.stories for one in story.restarts)
