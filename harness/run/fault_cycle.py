"""One fault of a scenario through its whole life: wait for the trigger, inject, prove, keep, revert, prove again.

Every step is a callback on the loop, so that an endpoint that hangs delays neither observation nor another fault's
undo.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from harness.clock import NS_PER_S
from harness.faults import FaultState, Proof, View, mode_of
from harness.faults.port import LEGAL
from harness.faults.roles import RoleView, seeded_draw
from harness.labs.lease import Lease
from harness.labs.port import Hold, Lab
from harness.plan.guard import check_budget
from harness.plan.models import Fault, Tolerates
from harness.plan.vocabulary import FAULTS
from harness.run.agenda import Agenda, Ticket
from harness.run.observer import Observer
from harness.run.phases import PhaseTracker
from harness.run.scribe import Scribe
from harness.values import Event, Verdict

LOOK_FOR_EFFECT_S: Final = 5
LOOK_FOR_RECOVERY_S: Final = 15


def to_ns(duration: timedelta) -> int:
    """A duration in nanoseconds, exactly."""
    return duration // timedelta(microseconds=1) * 1000


@dataclass(slots=True)
class FaultMemory:
    """What the journal tells a new process about one fault."""

    state: FaultState = FaultState.NEW
    occurrences: int = 0
    rearmed: int = 0
    targets: tuple[str, ...] = ()
    injected_ns: int | None = None
    confirmed: bool = False
    recover_at_ns: int | None = None
    recovering_ns: int | None = None


@dataclass(slots=True)
class Surroundings:
    """What all faults of a run share."""

    lab: Lab
    lease: Lease
    scribe: Scribe
    agenda: Agenda
    observer: Observer
    phases: PhaseTracker
    seed: int
    tolerates: Tolerates
    on_state: Callable[[str, FaultState], None]
    seen_attempts: int = 0


@dataclass(slots=True)
class _LiveFacts:
    """Answers a trigger's guards."""

    view: View
    phases: PhaseTracker
    attempts: int

    def phase_path(self) -> str:
        return self.phases.path

    def fact(self, name: str) -> float:
        facts = {
            "node.down": sum(fact.state != "Up" for fact in self.view.nodes.values()),
            "node.paused": sum(fact.state == "Paused" for fact in self.view.nodes.values()),
            "storage.resync": len(self.view.jobs),
            "vm.down": self.view.guests_down,
            "run.attempts": self.attempts,
        }
        return float(facts[name])


@dataclass(slots=True)
class FaultCycle:
    """The state machine of one fault."""

    fault: Fault
    around: Surroundings
    memory: FaultMemory = field(default_factory=FaultMemory)
    _ticket: Ticket | None = None
    _firing: bool = False

    @property
    def state(self) -> FaultState:
        """Where the fault is in its life."""
        return self.memory.state

    @property
    def over(self) -> bool:
        """Nothing of it is left in the lab, or it is known that something is."""
        return self.memory.injected_ns is None or self.state in (FaultState.CLEAN, FaultState.INVALID)

    def begin(self) -> None:
        """Arm the fault, or go on where an earlier process left it."""
        memory = self.memory
        if memory.state is FaultState.NEW:
            self._enter(FaultState.READY, "armed")
        if memory.state is FaultState.READY and memory.injected_ns is None:
            self._hold()
        elif memory.state is FaultState.READY or (memory.state is FaultState.ACTIVE and not memory.confirmed):
            self._look_for_effect()
        elif memory.state is FaultState.ACTIVE:
            self._plan_recovery()
        elif memory.state is FaultState.RECOVERING:
            self._look_for_recovery()

    # --- trigger -----------------------------------------------------------------------------------------------------

    def take(self, event: Event) -> None:
        """One more event of the lab: is it the fault's moment, or the end of its time?"""
        until = self.fault.until
        if self.state is FaultState.ACTIVE and until is not None:
            if until.event.matches(event.kind, event.path, event.attrs):
                self._recover("planned")
        elif self.state is FaultState.READY and self.memory.injected_ns is None and not self._firing:
            self._consider(event)

    def take_fault_state(self, other: str, state: FaultState) -> None:
        """Another fault changed its state: is that this one's moment?"""
        after = self.fault.after
        if after is None or self.state is not FaultState.READY or self._firing:
            return
        if (after.fault, after.state) == (other, state.value):
            now_ns = self.around.lab.clock.now_ns()
            moment = Event(seq=-1, t_ns=now_ns + to_ns(after.delay), kind="fault.state", attrs={"fault": other})
            self.around.agenda.plan(moment.t_ns, f"fault {self.fault.id}", lambda: self._fire(moment))

    def _consider(self, event: Event) -> None:
        pattern = self.fault.on
        if pattern is None or not pattern.matches(event.kind, event.path, event.attrs):
            return
        self.memory.occurrences += 1
        wanted = pattern.number if pattern.which == "nth" else len(self.around.lab.nodes)
        wanted += self.memory.rearmed
        if pattern.which == "every" or self.memory.occurrences == wanted:
            self._fire(event)

    def _fire(self, event: Event) -> None:
        """Get fresh facts first; everything else is decided on them."""
        self._firing = True
        self.around.observer.refresh(lambda: self._inject(event))

    def _inject(self, event: Event) -> None:
        self._firing = False
        view = self.around.observer.view()
        why = self._why_not(event, view)
        targets = self._resolve(event, view) if why is None else ()
        if why is None and not targets:
            why = f"nobody plays the role '{self.fault.target}' now"
        for target in targets:
            why = why or mode_of(self.fault.fault).check(target, view)
        if why is not None:
            self._miss(why)
        elif not self._refused(targets, view):
            self._carry_out(event, targets)

    def _why_not(self, event: Event, view: View) -> str | None:
        facts = _LiveFacts(view, self.around.phases, self.around.seen_attempts)
        if self.fault.while_ is not None and not self.fault.while_.holds(facts):
            return f"'while {self.fault.while_}' did not hold"
        if self.fault.unless is not None and self.fault.unless.holds(facts):
            return f"'unless {self.fault.unless}' held"
        lag_ns = self.around.lab.clock.now_ns() - event.t_ns
        precision = self.fault.precision
        if precision is not None and lag_ns > to_ns(precision):
            return f"seen {lag_ns / NS_PER_S:.3f} s late, allowed {precision}"
        return None

    def _resolve(self, event: Event, view: View) -> tuple[str, ...]:
        roles = RoleView(self.around.lab.nodes, view, self.around.phases.turn, event.node)
        draw = seeded_draw(self.around.seed, self.fault.id, self.memory.occurrences)
        return self.fault.target.resolve(roles, draw)

    def _refused(self, targets: tuple[str, ...], view: View) -> bool:
        """Ask the guard with live facts; a refusal ends the fault."""
        word = FAULTS[self.fault.fault]
        adds = sum(view.nodes[target].is_up for target in targets) if word.takes_node_down else 0
        refusal = check_budget(
            self.around.tolerates, view.nodes_down, view.resyncing, adds, touches_storage=word.touches_storage
        )
        if refusal is None:
            return False
        summary = f"fault '{self.fault.id}' on {', '.join(targets)} was refused: {refusal}"
        self.around.scribe.finding("guard-refused", "scenario", Verdict.INCONCLUSIVE, summary, at_ns=view.now_ns)
        self._enter(FaultState.INVALID, "the guard refused")
        return True

    def _miss(self, why: str) -> None:
        rearm = self.memory.rearmed < self.fault.rearm
        self.around.scribe.fault_missed(self.fault.id, why, rearmed=rearm)
        if rearm:
            self.memory.rearmed += 1
            return
        self.around.scribe.finding(
            "fault-missed", "harness", Verdict.INCONCLUSIVE, f"fault '{self.fault.id}' missed its moment: {why}"
        )
        self._enter(FaultState.INVALID, "missed")

    # --- life --------------------------------------------------------------------------------------------------------

    def _carry_out(self, event: Event, targets: tuple[str, ...]) -> None:
        lab, now_ns, mode = self.around.lab, self.around.lab.clock.now_ns(), mode_of(self.fault.fault)
        lasts = self.fault.lasts or (self.fault.until.or_after if self.fault.until else None)
        recover_at_ns = now_ns + to_ns(lasts) if lasts is not None else None
        trigger = {
            "event_number": event.seq,
            "t_source_ns": event.t_ns,
            "t_seen_ns": now_ns,
            "lag_ns": max(0, now_ns - event.t_ns),
            "precision_ns": to_ns(self.fault.precision) if self.fault.precision is not None else None,
        }
        self.around.scribe.fault_intent(
            self.fault.id,
            {
                "fault": self.fault.fault,
                "target": targets[0] if len(targets) == 1 else list(targets),
                "target_expression": str(self.fault.target),
                "undo": [mode.undo_record(target) for target in targets],
                "trigger": trigger,
                "occurrence": self.memory.occurrences,
                "recover_at_ns": recover_at_ns,
            },
        )
        self.memory.targets = targets
        self.memory.recover_at_ns = recover_at_ns
        self.memory.injected_ns = now_ns
        for target in targets:
            mode.inject(target, lab, self.around.lease)
            self.around.scribe.fault_effect(self.fault.id, target)
        lab.unhold(self.fault.id, self.around.lease)
        self._look_for_effect()

    def _look_for_effect(self) -> None:
        injected_ns = self.memory.injected_ns or 0
        proofs = self._proofs("effect", injected_ns)
        now_ns = self.around.lab.clock.now_ns()
        if proofs:
            self.memory.confirmed = True
            self.around.scribe.fault_confirmed(self.fault.id, proofs)
            self._enter(FaultState.ACTIVE, "effect proven")
            self._plan_recovery()
        elif now_ns - injected_ns > to_ns(self.fault.confirm.within):
            summary = f"no proof within {self.fault.confirm.within} that fault '{self.fault.id}' hit {self._whom()}"
            self.around.scribe.finding(
                "fault-not-confirmed", "harness", Verdict.INCONCLUSIVE, summary, at_ns=injected_ns
            )
            self._recover("not confirmed")
        else:
            self._look_again(LOOK_FOR_EFFECT_S, self._look_for_effect)

    def _plan_recovery(self) -> None:
        if self.memory.recover_at_ns is not None:
            self._ticket = self.around.agenda.plan(
                self.memory.recover_at_ns, f"revert {self.fault.id}", lambda: self._recover("planned")
            )

    def _recover(self, why: str) -> None:
        """Revert the fault; doing so twice is the same as once."""
        if self.state in (FaultState.RECOVERING, FaultState.CLEAN, FaultState.INVALID):
            return
        if self._ticket is not None:
            self._ticket.cancel()
        self.memory.recovering_ns = self.around.lab.clock.now_ns()
        for target in self.memory.targets:
            self.around.scribe.fault_recover(self.fault.id, why, target)
            mode_of(self.fault.fault).recover(target, self.around.lab, self.around.lease)
        self._enter(FaultState.RECOVERING, why)
        self._look_again(LOOK_FOR_RECOVERY_S, self._look_for_recovery)

    def _look_for_recovery(self) -> None:
        since_ns = self.memory.recovering_ns or 0
        proofs = self._proofs("recovery", since_ns)
        if proofs:
            self.around.scribe.fault_clean(self.fault.id, proofs)
            self._enter(FaultState.CLEAN, "healing proven")
        elif self.around.lab.clock.now_ns() - since_ns > to_ns(self.fault.recover.within):
            within = self.fault.recover.within
            summary = f"{self._whom()} did not heal within {within} after fault '{self.fault.id}' was reverted"
            self.around.scribe.finding("fault-not-clean", "lab", Verdict.INCONCLUSIVE, summary, at_ns=since_ns)
            self._enter(FaultState.INVALID, "no proof of healing")
        else:
            self._look_again(LOOK_FOR_RECOVERY_S, self._look_for_recovery)

    def abort(self) -> None:
        """The run ends early: revert what is active, at once."""
        if self.memory.injected_ns is not None:
            self._recover("abort")
        elif self.state is FaultState.READY:
            self.around.lab.unhold(self.fault.id, self.around.lease)

    def close(self) -> None:
        """The update has ended: a fault whose moment never came is missed."""
        if self.state is FaultState.READY and self.memory.injected_ns is None:
            self.around.lab.unhold(self.fault.id, self.around.lease)
            self.memory.rearmed = self.fault.rearm
            self._miss("the update ended before its trigger came")

    # --- small parts -------------------------------------------------------------------------------------------------

    def _proofs(self, which: str, since_ns: int) -> list[Proof]:
        """Proof for every target, or none at all."""
        mode, view = mode_of(self.fault.fault), self.around.observer.view()
        look = mode.effect if which == "effect" else mode.recovery
        found = [look(target, since_ns, view) for target in self.memory.targets]
        return [proof for proofs in found for proof in proofs] if all(found) else []

    def _look_again(self, after_s: int, then: Callable[[], None]) -> None:
        """Ask the cluster, and the targets themselves, then look; on the agenda, so that nothing waits for it."""

        def ask() -> None:
            for target in self.memory.targets:
                self.around.observer.touch(target)
            self.around.observer.refresh(then)

        now_ns = self.around.lab.clock.now_ns()
        self.around.agenda.plan(now_ns + after_s * NS_PER_S, f"look at {self.fault.id}", ask)

    def _hold(self) -> None:
        pattern = self.fault.on
        if self.fault.hold and pattern is not None:
            path = str(pattern.path) if pattern.path is not None else "*"
            self.around.lab.hold(Hold(self.fault.id, pattern.kind, path), self.around.lease)

    def _enter(self, state: FaultState, why: str) -> None:
        before = self.memory.state
        if state not in LEGAL[before]:
            raise AssertionError(f"fault '{self.fault.id}' cannot go from {before} to {state}")
        self.memory.state = state
        self.around.scribe.fault_state(self.fault.id, before, state, why)
        self.around.on_state(self.fault.id, state)

    def _whom(self) -> str:
        return " and ".join(self.memory.targets)
