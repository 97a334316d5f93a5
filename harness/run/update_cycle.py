"""The update of a scenario: started at most once, re-attached when found, resumed as often as the plan allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from harness.clock import NS_PER_S, lab_utc
from harness.faults.view import View
from harness.labs.port import Lab
from harness.measure.progress import Fingerprint, ProgressDetector
from harness.measure.update_states import StateClass
from harness.plan.models import Scenario
from harness.plan.quantity import to_ns
from harness.run.endpoints import Answer, Endpoints
from harness.run.guide_cycle import Trouble
from harness.run.loop import Loop
from harness.run.observer import Observer
from harness.run.scribe import Scribe
from harness.values import UpdateObservation, Verdict
from harness.workflows.port import ActiveUpdate, Workflow
from harness.workflows.solution import find_own_run

LOOK_FOR_START_S: Final = 60
LOOKS_FOR_START: Final = 10
SURE_AFTER_LOOKS: Final = 2
"""So many looks in a row must show nothing before a start counts as not received."""

FRESH_POLLS: Final = 3
"""An observation older than so many polls says nothing about progress."""

STARTS_AT_MOST: Final = 3
"""A start whose reply was lost is looked for; only when the product shows no trace of it is it sent again."""

CLOCK_ERROR: Final = timedelta(seconds=120)
"""How much earlier than our intent a run may seem to have started and still be ours [INF: clocks of node and harness
differ]."""


class Ending(StrEnum):
    """How the update stage ended."""

    INSTALLED = "installed"
    PREPARED = "prepared"
    FAILED = "failed"
    BLOCKED = "blocked"
    STUCK = "stuck"
    LATE = "late"
    LOST = "lost"


@dataclass(slots=True)
class UpdateMemory:
    """What the journal tells a new process about the update."""

    starts: int = 0
    unanswered: int = 0
    """Starts in a row of which the product showed no trace."""
    resumes: int = 0
    """Resumes that the product took up."""
    granted: int = 0
    """Resumes that guides ask for and that were not sent yet; they do not count against the plan's own."""
    cared: int = 0
    """Resumes that were sent for guides."""
    pending_number: int | None = None
    pending_t_ns: int = 0
    run_id: str | None = None
    first_start_ns: int | None = None


class UpdateCycle:
    """Starts, watches and resumes one update."""

    def __init__(
        self,
        scenario: Scenario,
        workflow: Workflow,
        lab: Lab,
        loop: Loop,
        endpoints: Endpoints,
        observer: Observer,
        scribe: Scribe,
        memory: UpdateMemory,
    ) -> None:
        self._scenario = scenario
        self._workflow = workflow
        self._lab = lab
        self._loop = loop
        self._endpoints = endpoints
        self._observer = observer
        self._scribe = scribe
        self.memory = memory
        self.ending: Ending | None = None
        self.may_resume: Callable[[], bool] = lambda: True
        self.on_trouble: Callable[[Trouble], bool] = lambda trouble: False
        """Somebody who may take the update's trouble on, before it ends the stage; `go_on` gives it back."""
        self.on_recovered: Callable[[], None] = lambda: None
        self.look_back: Callable[[], None] = lambda: None
        """The final look at the system, where somebody takes one."""
        self._in_care = False
        self._recovering = False
        self._trouble_print: Fingerprint | None = None
        self._progress = ProgressDetector(to_ns(scenario.budgets.stuck_after))
        self._seen_active = memory.run_id is not None
        self._last: UpdateObservation | None = None
        self._last_seq: int | None = None
        self._seen_ns: int | None = None
        self._asked_since_ns: int | None = None
        self._looks = 0
        self._empty_looks = 0
        self._failed_run: str | None = None

    @property
    def starts(self) -> int:
        """How often the update was started or resumed."""
        return self.memory.starts

    def let_go(self) -> None:
        """Nothing of ours is left in the system: an update goes on, or has ended, by itself."""

    # --- starting ----------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start the update, or find out what became of a start that an earlier process was about to send."""
        if self.memory.pending_number is not None:
            self._look_for_start()
        elif self.memory.run_id is None:
            self._start(resume=False)

    def _start(self, *, resume: bool) -> None:
        number = self.memory.starts + 1
        options = self._scenario.workflow.options
        self._scribe.start_intent(
            key=f"{self._scenario.id}/{number}",
            update_id=self._workflow.update_id,
            options={"prepare_only": options.prepare_only, "ignore_warnings": options.ignore_warnings},
            number=number,
            resume=resume,
        )
        now_ns = self._lab.clock.now_ns()
        self.memory.starts = number
        self.memory.unanswered += 1
        self.memory.pending_number, self.memory.pending_t_ns = number, now_ns
        self.memory.first_start_ns = now_ns if self.memory.first_start_ns is None else self.memory.first_start_ns
        self._seen_active = False
        self._looks = self._empty_looks = 0
        self._progress = ProgressDetector(self._progress.limit_ns)
        key = f"{self._scenario.id}/{number}"
        command = self._workflow.resume(key) if resume else self._workflow.start(key)
        node = self._observer.candidates()[0]
        self._endpoints.ask(node, command, self._start_answered)

    def _start_answered(self, answer: Answer) -> None:
        if answer.error is None:
            self._started(str(answer.value), adopted=False, node=answer.node)
        else:
            # The command may have run all the same: never send it again before the product was asked.
            self._look_for_start()

    def _started(self, run_id: str, *, adopted: bool, node: str) -> None:
        self._scribe.start_effect(number=self.memory.pending_number or 0, run_id=run_id, adopted=adopted, node=node)
        self.memory.resumes += self.memory.run_id is not None
        self.memory.run_id = run_id
        self.memory.pending_number = None
        self.memory.unanswered = 0

    def _look_for_start(self) -> None:
        self._looks += 1
        command = self._workflow.find_running()
        self._observer.ask_any(command, self._observer.candidates(), self._found)

    def _found(self, answer: Answer | None) -> None:
        active: tuple[ActiveUpdate, ...] = answer.value if answer is not None else ()
        self._empty_looks = self._empty_looks + 1 if answer is not None and not active else 0
        if answer is not None and active:
            self._adopt(active, answer.node)
        elif self._looks < LOOKS_FOR_START and self._empty_looks < SURE_AFTER_LOOKS:
            self._later(LOOK_FOR_START_S, self._look_for_start)
        elif answer is not None and self.memory.unanswered < STARTS_AT_MOST:
            self.memory.pending_number = None
            self._start(resume=self.memory.run_id is not None)
        else:
            summary = "the start of the update got no answer, and no node can say what became of it"
            self._scribe.finding("start-lost", "lab", Verdict.LAB, summary)
            self._end(Ending.LOST)

    def _adopt(self, active: tuple[ActiveUpdate, ...], node: str) -> None:
        """A run that we find is ours only if it is of our update and began after our intent."""
        intended = lab_utc(self._lab.clock.epoch, self.memory.pending_t_ns)
        own = find_own_run(active, self._workflow.update_id, intended, CLOCK_ERROR)
        if own is not None and own.run_id is not None:
            self._started(own.run_id, adopted=True, node=node)
            return
        unproven = any(found.update_id.lower() == self._workflow.update_id.lower() for found in active)
        if unproven and self._looks < LOOKS_FOR_START:
            # The new run is listed a while after the update left its old state.
            self._later(LOOK_FOR_START_S, self._look_for_start)
            return
        summary = f"an update that is not ours is under way: {', '.join(found.update_id for found in active)}"
        self._scribe.finding("foreign-run", "lab", Verdict.LAB, summary)
        self._end(Ending.LOST)

    def _later(self, after_s: int, then: Callable[[], None]) -> None:
        self._loop.agenda.plan(self._lab.clock.now_ns() + after_s * NS_PER_S, "look for the start", then)

    # --- watching ----------------------------------------------------------------------------------------------------

    @property
    def is_at_work(self) -> bool:
        """Does the update run, as far as was last seen, with nothing asked of it and no trouble taken care of?"""
        at_rest = self.memory.pending_number is None and not (self._in_care or self._recovering)
        last = self._last
        running = last is not None and self._workflow.classify(last) is StateClass.RUNNING
        return self.ending is None and at_rest and running

    def take(self, node: str, seen: UpdateObservation, seq: int) -> None:
        """One more look at the update."""
        del node
        self._last, self._last_seq, self._seen_ns = seen, seq, self._lab.clock.now_ns()
        situation = self._workflow.classify(seen)
        if self._in_care:
            return
        if self._recovering and self._has_recovered(situation, seen):
            self._recovering = False
            self.memory.granted = 0
            self.on_recovered()
        if situation is StateClass.RUNNING:
            self._seen_active = True
        elif self.ending is None and self.memory.pending_number is None and self.memory.run_id is not None:
            self._consider(situation, seen)

    def _consider(self, situation: StateClass, seen: UpdateObservation) -> None:
        options = self._scenario.workflow.options
        if situation is StateClass.INSTALLED:
            self._end(Ending.INSTALLED)
        elif situation is StateClass.READY and options.prepare_only and self._seen_active:
            self._end(Ending.PREPARED)
        elif situation in (StateClass.FAILED, StateClass.BLOCKED) and (self._seen_active or self._is_new_run(seen)):
            self._failed(situation, seen)

    def _is_new_run(self, seen: UpdateObservation) -> bool:
        """Is this the run of our last start?  It may have failed before anybody saw it at work."""
        return seen.run_id is not None and seen.run_id == self.memory.run_id != self._failed_run

    def _has_recovered(self, situation: StateClass, seen: UpdateObservation) -> bool:
        """At work, and not where it was when the trouble began."""
        here = self._fingerprint(seen, View())
        if self._trouble_print is None:  # a new process: what it sees first is where the update stood
            self._trouble_print = here
        moved = here != self._trouble_print
        return situation is StateClass.INSTALLED or (situation is StateClass.RUNNING and moved)

    def _hand_over(self, kind: str, summary: str, still_ns: int = 0) -> bool:
        """Offer the trouble to whoever may take it on."""
        evidence = () if self._last_seq is None else (self._last_seq,)
        seen = self._last
        taken = self.on_trouble(Trouble(kind, summary, seen, evidence, still_ns / NS_PER_S / 60))
        if taken:
            self._in_care = True
            self._failed_run = seen.run_id if seen else None
            self._trouble_print = self._fingerprint(seen, View()) if seen else None
        return taken

    def expect_recovery(self) -> None:
        """An earlier process saw trouble, and a guide followed to its end: tell when the update is at work again."""
        self._recovering = True

    def go_on(self) -> None:
        """The trouble was taken care of: watch again, and resume the update where it has failed or will."""
        self._in_care, self._recovering = False, True
        self.memory.granted += 1
        self._progress = ProgressDetector(self._progress.limit_ns)
        self._seen_ns, self._asked_since_ns = None, self._lab.clock.now_ns()

    def _failed(self, situation: StateClass, seen: UpdateObservation) -> None:
        if self.memory.granted:
            if self.may_resume():
                self.memory.granted -= 1
                self.memory.cared += 1
                self._failed_run = seen.run_id
                self._start(resume=True)
            return
        why = f": {seen.step.error}" if seen.step and seen.step.error else ""
        if self._hand_over(situation.value, f"the update is in state {seen.state.name}{why}"):
            return
        if self.memory.resumes - self.memory.cared < self._scenario.workflow.resume.on_failure:
            if self.may_resume():
                self._failed_run = seen.run_id
                self._start(resume=True)
            return
        step = seen.step
        self._scribe.finding(
            "update-failed",
            "product",
            Verdict.FAIL,
            f"the update ended in state {seen.state.name}" + (f": {step.error}" if step and step.error else ""),
            at_ns=self._lab.clock.now_ns(),
            evidence=[self._last_seq],
            phase=seen.phase,
            step=" / ".join(step.path) if step else "",
            value=f"{self.memory.resumes} resumed",
            limit=f"{self._scenario.workflow.resume.on_failure} resumed",
        )
        self._end(Ending.BLOCKED if situation is StateClass.BLOCKED else Ending.FAILED)

    def check(self, view: View) -> None:
        """At each poll: does the product still answer, has anything moved, is there time left?"""
        now_ns = self._lab.clock.now_ns()
        self._asked_since_ns = now_ns if self._asked_since_ns is None else self._asked_since_ns
        if self.ending is not None or self.memory.pending_number is not None or self._in_care:
            return
        silent_ns = now_ns - (self._seen_ns if self._seen_ns is not None else self._asked_since_ns)
        fresh = self._last is not None and silent_ns <= FRESH_POLLS * to_ns(self._scenario.budgets.poll)
        self._progress.feed(now_ns, self._fingerprint(self._last, view) if fresh and self._last else None)
        if silent_ns > self._progress.limit_ns:
            self._silent(view, silent_ns)
        elif self._last is not None and self._progress.stuck(now_ns):
            self._stuck(self._last, now_ns)
        elif self._is_late(now_ns):
            self._late(now_ns)

    @staticmethod
    def _fingerprint(seen: UpdateObservation, view: View) -> Fingerprint:
        return Fingerprint(
            phase=seen.phase,
            step=seen.step.path if seen.step else (),
            percent=seen.percent,
            run_state=seen.run_state.name if seen.run_state else "",
            nodes=tuple(sorted((name, fact.state) for name, fact in view.nodes.items())),
        )

    def _silent(self, view: View, silent_ns: int) -> None:
        """Nobody could tell the state of the update: the product's doing only where its nodes answer."""
        minutes = f"{silent_ns / NS_PER_S / 60:.0f} min"
        limit = f"{self._progress.limit_ns / NS_PER_S / 60:.0f} min"
        answering = [node for node, contact in view.contact.items() if contact.answers]
        if answering:
            summary = (
                f"the Update Service has not answered for {minutes}, although {', '.join(answering)} can be reached"
            )
            if self._hand_over("silent", summary, silent_ns):
                return
            self._scribe.finding(
                "no-answer", "product", Verdict.STUCK, summary, at_ns=self._seen_ns, value=minutes, limit=limit
            )
            self._end(Ending.STUCK)
        else:
            summary = f"no node has answered for {minutes}"
            self._scribe.finding(
                "no-contact", "lab", Verdict.LAB, summary, at_ns=self._seen_ns, value=minutes, limit=limit
            )
            self._end(Ending.LOST)

    def _is_late(self, now_ns: int) -> bool:
        began_ns = self.memory.first_start_ns  # lab time zero is a time
        return began_ns is not None and now_ns - began_ns > to_ns(self._scenario.budgets.deadline)

    def _stuck(self, seen: UpdateObservation, now_ns: int) -> None:
        still_min = self._progress.still_ns(now_ns) / NS_PER_S / 60
        step = " / ".join(seen.step.path) if seen.step else ""
        summary = f"no progress for {still_min:.0f} min in {seen.phase}" + (f", step '{step}'" if step else "")
        if self._hand_over("stuck", summary, self._progress.still_ns(now_ns)):
            return
        self._scribe.finding(
            "no-progress",
            "product",
            Verdict.STUCK,
            summary,
            at_ns=self._progress.changed_ns,
            evidence=[self._last_seq],
            phase=seen.phase,
            step=step,
            value=f"{still_min:.0f} min",
            limit=f"{self._progress.limit_ns / NS_PER_S / 60:.0f} min",
            last_percent=seen.percent,
            last_state=seen.state.name,
        )
        self._end(Ending.STUCK)

    def _late(self, now_ns: int) -> None:
        budget, seen = self._scenario.budgets.deadline, self._last
        state = f"in state {seen.state.name}" if seen else "in a state that nobody could tell"
        self._scribe.finding(
            "deadline",
            "product",
            Verdict.FAIL,
            f"the update is still {state} after {budget}",
            at_ns=now_ns,
            evidence=[self._last_seq] if self._last_seq is not None else [],
            phase=seen.phase if seen else "",
            value=f"> {budget}",
            limit=str(budget),
        )
        self._end(Ending.LATE)

    def _end(self, ending: Ending) -> None:
        self.ending = ending
