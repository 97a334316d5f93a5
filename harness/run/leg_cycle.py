"""The end of a leg that another one follows: it comes with an event, and counts once the system is sound again.

What one leg leaves behind would be charged to the next.  So the update is handed over while it is at work, with every
fault healed, every guest answering, and no node away but the one whose turn it is.
"""

from __future__ import annotations

from harness.clock import NS_PER_S
from harness.labs.port import Lab
from harness.plan.models import Scenario
from harness.run.legs import Handover
from harness.run.observer import Observer
from harness.run.phases import PhaseTracker
from harness.run.update_cycle import UpdateCycle
from harness.values import Answer, Event, SampleWindow


class LegCycle:
    """Watches for the end of a run's leg; for a scenario that is no leg, or the last one, it never comes.

    `received` is what the leg before left, None for the first; `update` is None where no update of the system is under
    way.
    """

    def __init__(
        self,
        scenario: Scenario,
        lab: Lab,
        observer: Observer,
        phases: PhaseTracker,
        update: UpdateCycle | None,
        received: Handover | None,
    ) -> None:
        self._leg = scenario.leg
        self._until = scenario.leg.until if scenario.leg else None
        self._settle_ns = round(scenario.budgets.settle.total_seconds() * NS_PER_S)
        self._lab = lab
        self._observer = observer
        self._phases = phases
        self._update = update
        self._received = received
        self._matches = 0
        self._reached_ns: int | None = None
        self._silent: tuple[str, ...] = ()
        self.over = False

    @property
    def is_followed(self) -> bool:
        """Must the update be handed over?"""
        return self._until is not None

    def replay(self, event: Event) -> None:
        """An event that was journalled already; those of earlier legs count for nothing."""
        if self._received is None or event.seq > self._received.last_event:
            self.take(event)

    def take(self, event: Event) -> None:
        """One more event: is it the end?"""
        until = self._until
        if until is None or not until.matches(event.kind, event.path, event.attrs):
            return
        self._matches += 1
        wanted = {"nth": until.number, "every": 1, "last": len(self._lab.nodes)}[until.which]
        if self._matches == wanted:
            self._reached_ns = event.t_ns

    def take_samples(self, window: SampleWindow) -> None:
        """Who did not answer when last asked?"""
        last = {run.vm: run.answer is not Answer.LOST for run in sorted(window.runs, key=lambda run: run.first_ns)}
        self._silent = tuple(sorted(vm for vm, ok in last.items() if not ok))

    @property
    def may_end(self) -> bool:
        """Has the end come, is the update at work, and the cluster sound, as seen after that event?"""
        since_ns = self._reached_ns
        if since_ns is None or self._update is None or not self._update.is_at_work:
            return False
        nodes = self._observer.view().nodes.values()
        return bool(nodes) and all(fact.t_ns > since_ns for fact in nodes) and not self._unsound()

    def end(self) -> None:
        """The leg is over, if every guest answered in the last samples."""
        self.over = not self._silent

    @property
    def is_late(self) -> bool:
        """Has the end come, and the time passed in which the system should have become sound?"""
        return self._reached_ns is not None and self._lab.clock.now_ns() - self._reached_ns > self._settle_ns

    def why_not(self, tainted: str | None) -> str:
        """What keeps the leg from being handed over."""
        if self._reached_ns is None:
            return f"its end, '{self._until}', was never seen"
        left = [*self._unsound(), *(f"guest {name} does not answer" for name in self._silent)]
        left += [tainted] if tainted else []
        return "; ".join(left) or "the update was no longer at work"

    def _unsound(self) -> list[str]:
        view, updating = self._observer.view(), self._phases.turn.updating
        found = [
            f"node {name} is {fact.state}" for name, fact in view.nodes.items() if name != updating and not fact.is_up
        ]
        found += [f"group '{name}' is offline" for name in view.offline_groups]
        if view.guests_down:
            found.append(f"{view.guests_down} virtual machines do not run")
        return found

    def handover(self, run: str, last_event: int, sampled_to_ns: int) -> Handover:
        """What `run` leaves to the next leg, with events and samples up to here."""
        if self._update is None:
            raise RuntimeError("only an update of the system can be handed over")
        memory, received = self._update.memory, self._received
        first_ns = received.first_start_ns if received else memory.first_start_ns
        return Handover(
            campaign=self._leg.campaign if self._leg else "",
            run=run,
            instance=self._lab.instance,
            update_run=memory.run_id or "",
            starts=memory.starts,
            resumes=memory.resumes + (received.resumes if received else 0),
            first_start_ns=first_ns or 0,
            last_event=last_event,
            sampled_to_ns=sampled_to_ns,
        )
