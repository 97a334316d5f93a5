"""Journals of updates in guests, told by a builder: a sound month with changes, for tests of judge and reports.

story = GuestStoryTeller(folder, month="2025-12")
story.guest("vm01")                                  # hotpatched, as it should be
story.guest("vm02", standing="cumulative")           # left alone
journal = story.tell()
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from harness.journal import Journal, Kind
from harness.measure.guest_records import plain
from harness.plan.guest_calendar import update_for
from harness.testing.journals import GuestSamples, JournalBuilder, Outage, ns
from harness.values import GuestEvent, GuestInventory, GuestService, InstallResult, MonthlyUpdate, TrainUpdate

BUILD: Final = 26100
BOOTED: Final = "2025-11-09T22:00:00Z"
INSTALL_S: Final = 60.0
DONE_S: Final = 240.0
RESTART_S: Final = 1800.0
AWAY_S: Final = 90.0
END_S: Final = 3600.0
WINDOW_S: Final = (1800.0, 9000.0)


def booted_at(t_s: float) -> str:
    """UTC of a start at that lab time, on the builder's epoch (2025-11-12T22:00:00Z)."""
    hours, rest = divmod(round(t_s), 3600)
    minutes, seconds = divmod(rest, 60)
    return f"2025-11-12T{22 + hours:02}:{minutes:02}:{seconds:02}Z"


def look(**changes: Any) -> GuestInventory:
    """A guest on October's baseline."""
    seen = GuestInventory(
        computer="VM",
        product="Windows",
        edition="ServerTurbineCor",
        installation="Server Core",
        build=BUILD,
        revision=6899,
        booted=BOOTED,
        kbs=("KB5066835",),
        vbs=2,
        vbs_configured=True,
        hotpatch_table=4096,
        enrolment="Hotpatch Enrollment Package",
        secure_boot=True,
        pending=(),
        pending_soft=(),
        services=(GuestService("Workload", "Running", 400, BOOTED), GuestService("wuauserv", "Running", 500, BOOTED)),
        events=(),
        history=None,
    )
    return replace(seen, **changes)


@dataclass
class GuestStoryTeller:
    """Tells a run of one month's update.  `begun` False: the workflow never began."""

    folder: Path
    month: str = "2025-12"
    begun: bool = True
    limits: Sequence[Mapping[str, Any]] = ()
    guests: list[str] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)

    def __post_init__(self) -> None:
        workflow = {"kind": "hotpatch", "guest_updates": {"month": self.month, "guests": "all", "window": None}}
        scenario = {"id": "HP-001", "title": "Guests", "workflow": workflow}
        self.builder = JournalBuilder(
            self.folder, nodes=("NODE01", "NODE02"), scenario=scenario, limits=self.limits, guests=()
        )
        self._updated: list[str] = []

    @property
    def update(self) -> MonthlyUpdate:
        """The month's update."""
        found = update_for(BUILD, self.month)
        if found is None:
            raise ValueError(self.month)
        return found

    @property
    def is_baseline(self) -> bool:
        """Does the month need a restart?"""
        return self.update.kind is TrainUpdate.BASELINE

    def guest(
        self,
        name: str,
        *,
        standing: str = "eligible",
        outcome: str = "",
        detail: str = "",
        restart_s: float = RESTART_S,
        away_s: float = AWAY_S,
        before: GuestInventory | None = None,
        after: GuestInventory | None = None,
        unseen: Sequence[str] = (),
        result: Mapping[str, Any] | None = None,
    ) -> None:
        """One guest; without changes it ends as it should.  `unseen` names the looks that are missing."""
        self.guests.append(name)
        chosen = standing == "eligible"
        if "before" not in unseen:
            self._look(1, name, "before", before or look())
        reasons = [] if chosen else ["a reason"]
        self._add(2, Kind.NOTE, name, "guest.standing", standing=standing, reasons=reasons, update=plain(self.update))
        if not chosen:
            self._done(2, name, "left-alone", "a reason")
        else:
            self._updated.append(name)
            self._install(name, result or {})
            self._complete(name, outcome, detail, restart_s, away_s)
        if "after" not in unseen:
            self._look(END_S - 100, name, "after", after or self._sound_end(chosen, restart_s))

    def _install(self, name: str, changes: Mapping[str, Any]) -> None:
        update = self.update
        self._add(INSTALL_S, Kind.INTENT, name, "guest.install", number=1, kb=update.kb, build=update.shown_build)
        restart = self.is_baseline
        done = InstallResult(update.kb, 2, 0, (update.kb,), update.kb, False, 2 * restart, restart, restart)
        told = {**plain(done), **changes}
        self._add(DONE_S, Kind.OBSERVATION, name, "guest.result", number=1, result=told)

    def _complete(self, name: str, outcome: str, detail: str, restart_s: float, away_s: float) -> None:
        if not self.is_baseline or outcome in ("failed", "not-offered", "restart-pending"):
            self._done(DONE_S, name, outcome or "installed", detail or self.update.kb)
            return
        back_s = restart_s + away_s + 10
        self._add(restart_s, Kind.INTENT, name, "guest.restart", booted=BOOTED)
        self._add(restart_s, Kind.EFFECT, name, "guest.restarting", answer="ordered")
        self.outages.append(Outage(name, restart_s + 5, restart_s + 5 + away_s, "restart"))
        if outcome != "not-back":
            booted = booted_at(restart_s + away_s)
            self._add(back_s, Kind.EFFECT, name, "guest.restarted", booted=booted, build=self.update.shown_build)
        self._done(back_s, name, outcome or "restarted", detail or self.update.kb)

    def _sound_end(self, chosen: bool, restart_s: float) -> GuestInventory:
        if not chosen:
            return look()
        kbs = ("KB5066835", self.update.kb)
        if not self.is_baseline:
            return look(kbs=kbs, revision=self.update.revision)
        booted = booted_at(restart_s + AWAY_S)
        events = (
            GuestEvent(1, "User32", 1074, booted, "wsmprovhost.exe"),
            GuestEvent(2, "EventLog", 6006, booted),
            GuestEvent(3, "EventLog", 6005, booted),
        )
        services = (GuestService("Workload", "Running", 404, booted),)
        return look(kbs=kbs, revision=self.update.revision, booted=booted, events=events, services=services)

    def _look(self, t_s: float, name: str, round_: str, seen: GuestInventory) -> None:
        self._add(t_s, Kind.OBSERVATION, name, "guest.inventory", round=round_, seen=plain(seen))

    def _done(self, t_s: float, name: str, outcome: str, detail: str) -> None:
        self._add(t_s, Kind.NOTE, name, "guest.done", outcome=outcome, detail=detail)

    def _add(self, t_s: float, kind: Kind, name: str, what: str, **data: Any) -> None:
        actor = f"guest/{name}" if kind is Kind.OBSERVATION else "conductor"
        self.builder.add(t_s, kind, actor, f"guest/{name}", what, guest=name, **data)

    def tell(self) -> Journal:
        """Write the journal."""
        builder = self.builder
        builder.guests = tuple(self.guests)
        if self.begun:
            window = [ns(edge) for edge in WINDOW_S] if self.is_baseline else None
            told = {"month": self.month, "guests": list(self.guests), "updated": self._updated, "window_ns": window}
            builder.add(3, Kind.INTENT, "conductor", "guests", "guest.begin", **told)
        builder.note(0, "attempt.begin", resumed=False, torn_sha256=None, host={})
        builder.add(0, Kind.NOTE, "conductor", "lab", "baseline", outcome="ready", reason="", versions={})
        builder.samples(0, END_S, GuestSamples(tuple(self.guests), builder.interval_ns, self.outages))
        builder.note(END_S, "attempt.end", reason="completed", detail="")
        return builder.write()
