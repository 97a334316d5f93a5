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
from harness.faults import FaultMode, FaultState, Proof, View, mode_of, undo
from harness.faults.port import LEGAL
from harness.faults.roles import RoleView, seeded_draw
from harness.labs.lease import Lease
from harness.labs.port import Hold, Lab
from harness.plan.guard import check_budget
from harness.plan.models import Fault, Tolerates
from harness.plan.quantity import to_ns
from harness.plan.vocabulary import FAULTS
from harness.run.agenda import Agenda, Ticket
from harness.run.observer import Observer
from harness.run.phases import PhaseTracker
from harness.run.scribe import Scribe
from harness.values import Event, Verdict

LOOK_FOR_EFFECT_S: Final = 5
LOOK_FOR_RECOVERY_S: Final = 15

STILL_THE_MOMENT: Final = timedelta(seconds=1)
"""How late a new process may carry out the injection of a dead one where the plan asks for no precision."""


@dataclass(slots=True)
class FaultMemory:
    """What the journal tells a new process about one fault."""

    state: FaultState = FaultState.NEW
    occurrences: int = 0
    rearmed: int = 0
    targets: tuple[str, ...] = ()
    injected_ns: int | None = None
    hit: tuple[str, ...] = ()
    confirmed: bool = False
    recover_at_ns: int | None = None
    recovering_ns: int | None = None
    entered_ns: dict[FaultState, int] = field(default_factory=dict)
    unserved: list[Event] = field(default_factory=list)
    """Events since the fault was armed, or since it was injected, which a new process has to look at again."""


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
    entered_ns: dict[tuple[str, FaultState], int] = field(default_factory=dict)


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
    _begun: bool = False
    _withdrawn: bool = False

    def __post_init__(self) -> None:
        for state, t_ns in self.memory.entered_ns.items():
            self.around.entered_ns[self.fault.id, state] = t_ns

    @property
    def _mode(self) -> FaultMode:
        return mode_of(self.fault.fault, dict(self.fault.parameters))

    @property
    def state(self) -> FaultState:
        """Where the fault is in its life."""
        return self.memory.state

    @property
    def over(self) -> bool:
        """Nothing of it is left in the lab, or it is known that something is."""
        return self.memory.injected_ns is None or self.state in (FaultState.CLEAN, FaultState.INVALID)

    @property
    def in_place(self) -> bool:
        """Nothing of it is under way: it waits, its effect is proven, or it is over."""
        under_way = self.state is FaultState.READY and self.memory.injected_ns is not None
        return not (self._firing or under_way)

    def begin(self) -> None:
        """Arm the fault, or go on where an earlier process left it."""
        memory = self.memory
        self._begun = True
        if memory.state is FaultState.NEW:
            self._enter(FaultState.READY, "armed")
        resumed_in = memory.state
        unserved, memory.unserved = memory.unserved, []
        if memory.state is FaultState.READY and memory.injected_ns is None:
            self._hold()
            self._wait_for_other()
        else:
            self._unhold()
        for event in unserved:
            self.take(event)
        if memory.injected_ns is None:
            return
        if memory.state is FaultState.READY:
            self._hit_the_rest()
            self._look_for_effect()
        elif memory.state is FaultState.ACTIVE:
            self._plan_recovery()
        elif resumed_in is FaultState.RECOVERING:
            self._look_for_recovery()

    # --- trigger -----------------------------------------------------------------------------------------------------

    def take(self, event: Event) -> None:
        """One more event of the lab: is it the fault's moment, or the end of its time?"""
        until = self.fault.until
        if self.memory.injected_ns is not None:
            if until is not None and until.event.matches(event.kind, event.path, event.attrs):
                self._end_planned()
        elif self._waits:
            self._consider(event)

    def take_fault_state(self, other: str, state: FaultState) -> None:
        """Another fault changed its state: is that this one's moment?"""
        after = self.fault.after
        if after is not None and (after.fault, after.state) == (other, state.value):
            self._wait_for_other()

    def _wait_for_other(self) -> None:
        """Plan to fire if the fault that this one follows has reached the state it waits for."""
        after = self.fault.after
        entered_ns = self.around.entered_ns.get((after.fault, FaultState(after.state))) if after is not None else None
        if after is None or entered_ns is None or not self._waits:
            return
        moment = Event(seq=-1, t_ns=entered_ns + to_ns(after.delay), kind="fault.state", attrs={"fault": after.fault})
        self.around.agenda.plan(moment.t_ns, f"fault {self.fault.id}", lambda: self._fire(moment))

    @property
    def _waits(self) -> bool:
        """Is the fault armed, and its moment not come?"""
        armed = self.state is FaultState.READY and self.memory.injected_ns is None
        return armed and self._begun and not self._firing and not self._withdrawn

    def _consider(self, event: Event) -> None:
        pattern = self.fault.on
        if pattern is None or not pattern.matches(event.kind, event.path, event.attrs):
            return
        self.memory.occurrences += 1
        wanted = {"nth": pattern.number, "every": 1, "last": len(self.around.lab.nodes)}[pattern.which]
        wanted += self.memory.rearmed
        if self.memory.occurrences == wanted or (pattern.which == "every" and self.memory.occurrences > wanted):
            self._fire(event)
        else:
            self._let_go()

    def _fire(self, event: Event) -> None:
        """Get fresh facts first; everything else is decided on them."""
        if not self._waits:
            return
        self._firing = True
        if self.fault.hold and event.node is not None and self.around.lab.clock.flows:
            self.around.observer.avoid(event.node)  # it stands still
        self.around.observer.refresh(lambda: self._inject(event))

    def _inject(self, event: Event) -> None:
        self._firing = False
        if not self._waits:
            return  # withdrawn while the facts were fetched
        view = self.around.observer.view()
        why = self._why_not(event, view)
        targets = self._resolve(event, view) if why is None else ()
        if why is None and not targets:
            why = f"nobody plays the role '{self.fault.target}' now"
        for target in targets:
            why = why or self._mode.check(target, view)
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
        lag_ns = self._lag_ns(event)
        precision = self.fault.precision
        if precision is not None and lag_ns > to_ns(precision):
            return f"seen {lag_ns / NS_PER_S:.3f} s late, allowed {precision}"
        return None

    def _lag_ns(self, event: Event) -> int:
        """From the event until the lab stood still at it, or until now where it did not."""
        held_ns = self.around.lab.held_ns(self.fault.id) if self.fault.hold else None
        return max(0, self.around.lab.clock.now_ns() - event.t_ns) if held_ns is None else held_ns

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
        self.around.scribe.finding(
            "guard-refused", "scenario", Verdict.INCONCLUSIVE, summary, at_ns=view.now_ns, fault=self.fault.id
        )
        self._unhold()
        self._enter(FaultState.INVALID, "the guard refused")
        return True

    def _miss(self, why: str, *, may_rearm: bool = True) -> None:
        rearm = may_rearm and self.memory.rearmed < self.fault.rearm
        self.around.scribe.fault_missed(self.fault.id, why, rearmed=rearm)
        if rearm:
            self.memory.rearmed += 1
            self._let_go()
            return
        self.around.scribe.finding(
            "fault-missed",
            "harness",
            Verdict.INCONCLUSIVE,
            f"fault '{self.fault.id}' missed its moment: {why}",
            fault=self.fault.id,
        )
        self._unhold()
        self._enter(FaultState.INVALID, "missed")

    # --- life --------------------------------------------------------------------------------------------------------

    def _carry_out(self, event: Event, targets: tuple[str, ...]) -> None:
        now_ns, mode = self.around.lab.clock.now_ns(), self._mode
        recover_at_ns = self._ends_at_ns(now_ns)
        trigger = {
            "event_number": event.seq,
            "t_source_ns": event.t_ns,
            "t_seen_ns": now_ns,
            "lag_ns": self._lag_ns(event),
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
        self._hit(targets)
        self._unhold()
        self._look_for_effect()

    def _ends_at_ns(self, now_ns: int) -> int | None:
        """When the fault is to be reverted: a pulse, which leaves nothing to revert, as soon as its effect is proven,
        so that the proof of healing is looked for from then on."""
        if FAULTS[self.fault.fault].lifetime == "pulse":
            return now_ns
        lasts = self.fault.lasts or (self.fault.until.or_after if self.fault.until else None)
        return now_ns + to_ns(lasts) if lasts is not None else None

    def _hit(self, targets: tuple[str, ...]) -> None:
        for target in targets:
            self._mode.inject(target, self.around.lab, self.around.lease)
            self.around.scribe.fault_effect(self.fault.id, target)
            self.memory.hit += (target,)

    def _hit_the_rest(self) -> None:
        """An earlier process died between its intent and the effect: do it, if this is still the moment.

        Where it is not, no proof will be found, and what may have been done all the same is reverted.
        """
        late_ns = self.around.lab.clock.now_ns() - (self.memory.injected_ns or 0)
        if late_ns <= to_ns(self.fault.precision or STILL_THE_MOMENT):
            self._hit(tuple(target for target in self.memory.targets if target not in self.memory.hit))

    def _look_for_effect(self) -> None:
        if self.state is not FaultState.READY:
            return  # reverted meanwhile
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
                "fault-not-confirmed", "harness", Verdict.INCONCLUSIVE, summary, at_ns=injected_ns, fault=self.fault.id
            )
            self._recover("not confirmed")
        else:
            self._look_again(LOOK_FOR_EFFECT_S, self._look_for_effect)

    def _end_planned(self) -> None:
        """The event came that ends the fault: revert it, or, while its effect is not proven, do so right after."""
        if self.state is FaultState.ACTIVE:
            self._recover("planned")
        elif self.state is FaultState.READY:
            self.memory.recover_at_ns = self.around.lab.clock.now_ns()

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
            undo(self._mode.undo_record(target), self.around.lab, self.around.lease)
        self._enter(FaultState.RECOVERING, why)
        self._look_again(LOOK_FOR_RECOVERY_S, self._look_for_recovery)

    def _look_for_recovery(self) -> None:
        if self.state is not FaultState.RECOVERING:
            return
        since_ns = self.memory.recovering_ns or 0
        proofs = self._proofs("recovery", since_ns)
        if proofs:
            self.around.scribe.fault_clean(self.fault.id, proofs)
            self._enter(FaultState.CLEAN, "healing proven")
        elif self.around.lab.clock.now_ns() - since_ns > to_ns(self.fault.recover.within):
            within = self.fault.recover.within
            summary = f"{self._whom()} did not heal within {within} after fault '{self.fault.id}' was reverted"
            self.around.scribe.finding(
                "fault-not-clean", "lab", Verdict.INCONCLUSIVE, summary, at_ns=since_ns, fault=self.fault.id
            )
            self._enter(FaultState.INVALID, "no proof of healing")
        else:
            self._look_again(LOOK_FOR_RECOVERY_S, self._look_for_recovery)

    def abort(self) -> None:
        """The run ends early: revert what is active, at once."""
        self._withdrawn = True
        if self.memory.injected_ns is None:
            self._unhold()
        elif self.state is FaultState.RECOVERING and not self._begun:
            self._look_again(LOOK_FOR_RECOVERY_S, self._look_for_recovery)
        else:
            self._recover("abort")

    def close(self) -> None:
        """The update has ended: a fault whose moment never came is missed."""
        if self.state is FaultState.READY and self.memory.injected_ns is None:
            self._withdrawn = True
            self._miss("the update ended before its trigger came", may_rearm=False)

    # --- small parts -------------------------------------------------------------------------------------------------

    def _proofs(self, which: str, since_ns: int) -> list[Proof]:
        """Proof for every target, or none at all."""
        mode, view = self._mode, self.around.observer.view()
        look = mode.effect if which == "effect" else mode.recovery
        found = [look(target, since_ns, view) for target in self.memory.targets]
        return [proof for proofs in found for proof in proofs] if all(found) else []

    def _look_again(self, after_s: int, then: Callable[[], None]) -> None:
        """Ask the cluster, and the targets themselves, then look; on the agenda, so that nothing waits for it."""

        def ask() -> None:
            for target in self.memory.targets:
                self.around.observer.touch(target)
            questions = [self._mode.question(target) for target in self.memory.targets]
            self.around.observer.refresh(then, [asked for asked in questions if asked is not None])

        now_ns = self.around.lab.clock.now_ns()
        self.around.agenda.plan(now_ns + after_s * NS_PER_S, f"look at {self.fault.id}", ask)

    def _hold(self) -> None:
        pattern = self.fault.on
        if self.fault.hold and pattern is not None:
            path = str(pattern.path) if pattern.path is not None else "*"
            self.around.lab.hold(Hold(self.fault.id, pattern.kind, path), self.around.lease)

    def _unhold(self) -> None:
        if self.fault.hold:
            self.around.lab.unhold(self.fault.id, self.around.lease)

    def _let_go(self) -> None:
        """The lab may stand still at an event that was not the one: let it go on to the next."""
        if self.fault.hold:
            self._unhold()
            self._hold()

    def _enter(self, state: FaultState, why: str) -> None:
        before = self.memory.state
        if state not in LEGAL[before]:
            raise AssertionError(f"fault '{self.fault.id}' cannot go from {before} to {state}")
        self.memory.state = state
        self.memory.entered_ns[state] = self.around.entered_ns[self.fault.id, state] = self.around.lab.clock.now_ns()
        self.around.scribe.fault_state(self.fault.id, before, state, why)
        self.around.on_state(self.fault.id, state)

    def _whom(self) -> str:
        return " and ".join(self.memory.targets)
