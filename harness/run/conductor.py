"""The conductor: one scenario on one leased lab, from preflight to release.

It alone decides, journals and sends mutations, one at a time.  What it knows stands in the journal, so that another
process can go on at any line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.azurelocal.evidence import evidence_commands
from harness.azurelocal.health import read_system_health, read_update_health
from harness.azurelocal.records import health_record, runs_record
from harness.azurelocal.releases import expected_build
from harness.azurelocal.updates import list_runs
from harness.clock import NS_PER_S
from harness.errors import CredentialRejectedError, HarnessError
from harness.faults import FaultState
from harness.labs.lease import Lease
from harness.labs.port import BaselineSpec, Lab
from harness.plan.models import Scenario
from harness.plan.quantity import to_ns
from harness.run.change import Change
from harness.run.collection import collect_consoles, collect_evidence, collect_migrations
from harness.run.content_import import content_import_of
from harness.run.endpoints import Answer, Endpoints
from harness.run.fault_cycle import FaultCycle, FaultMemory, Surroundings
from harness.run.guest_cycle import GuestCycle
from harness.run.guide_cycle import GuideCycle, Trouble, guide_event
from harness.run.independence import Independence
from harness.run.job import Job
from harness.run.leg_cycle import LegCycle
from harness.run.legs import Handover
from harness.run.loop import Loop, StopRequestedError
from harness.run.memory import RunMemory
from harness.run.observer import Observer
from harness.run.phases import PhaseTracker
from harness.run.sampling import Sampling
from harness.run.scribe import Scribe, plain
from harness.run.stop import StopFlag
from harness.run.update_cycle import Ending, UpdateCycle
from harness.values import Event, Verdict
from harness.workflows.port import Command, ContentWorkflow, GuestWorkflow, HostSide, Workflow
from harness.workflows.sbe import extension_record
from harness.workflows.solution import final_record

ASK_BUILDS_FOR_S: Final = 600
ASK_AGAIN_S: Final = 30
"""Lab time: how long, and how often, a node that does not answer is asked for its build at the end."""

UNDO_WITHIN_S: Final = 2 * 3600
"""Lab time that an aborted run gives its faults to heal."""


class Conductor:
    """Conducts one attempt of one run."""

    def __init__(
        self,
        job: Job,
        scenario: Scenario,
        lab: Lab,
        lease: Lease,
        scribe: Scribe,
        endpoints: Endpoints,
        workflow: Workflow | GuestWorkflow,
        memory: RunMemory,
        stop: StopFlag,
    ) -> None:
        self._job, self._scenario = job, scenario
        self._lab, self._lease = lab, lease
        self._scribe, self._memory = scribe, memory
        self._endpoints = endpoints
        self._workflow: HostSide = workflow
        self._phases = PhaseTracker()
        self.handover: Handover | None = None
        """What this run leaves to the next leg, once it has ended."""
        self._loop = Loop(lab, endpoints, stop)
        self._loop.on_event = self._take_event
        self._loop.last_event = memory.last_event
        solution = None if isinstance(workflow, GuestWorkflow) else workflow
        self._observer = Observer(lab, endpoints, scribe, solution)
        self._observer.on_rejected = self._credential_rejected
        self._rejected: HarnessError | None = None
        self._around = self._surroundings()
        self._faults = [
            FaultCycle(fault, self._around, memory.faults.get(fault.id, FaultMemory())) for fault in scenario.faults
        ]
        self._go_on: Callable[[], None] = lambda: None
        self._update = self._guest_cycle(workflow) if isinstance(workflow, GuestWorkflow) else self._cycle(workflow)
        solution_update = self._update if isinstance(self._update, UpdateCycle) else None
        self._leg = LegCycle(scenario, lab, self._observer, self._phases, solution_update, memory.received)
        self._guides = GuideCycle(
            scenario.guides,
            workflow.update_id,
            lab,
            self._loop,
            endpoints,
            self._observer,
            scribe,
            job.folder,
            memory.guides,
            self._guide_done,
        )
        self._content = content_import_of(
            workflow, scenario, lab, self._loop, endpoints, self._observer, scribe, memory.content
        )
        self._sampling = Sampling(lab, self._loop, scribe, memory, self._leg.take_samples)
        self._independence = Independence(lab, self._loop, endpoints, self._observer, scribe)
        self._watching = False

    def _surroundings(self) -> Surroundings:
        """What all faults of the run share."""
        return Surroundings(
            self._lab,
            self._lease,
            self._scribe,
            self._loop.agenda,
            self._observer,
            self._phases,
            self._job.seed,
            self._scenario.tolerates,
            self._fault_state,
        )

    def _cycle(self, workflow: Workflow) -> Change:
        """The update of the system, with whoever may take its trouble on."""
        update = UpdateCycle(
            self._scenario,
            workflow,
            self._lab,
            self._loop,
            self._endpoints,
            self._observer,
            self._scribe,
            self._memory.update,
        )
        update.may_resume = lambda: all(fault.over for fault in self._faults)
        update.on_trouble = self._trouble
        update.on_recovered = self._recovered
        update.look_back = lambda: self._final_look(workflow)
        self._observer.on_update = update.take
        self._go_on = update.go_on
        if self._memory.guides.done and not self._memory.guides.recovered:
            update.expect_recovery()
        return update

    def _guest_cycle(self, workflow: GuestWorkflow) -> Change:
        """Updates in guests."""
        return GuestCycle(
            self._scenario,
            workflow,
            self._lab,
            self._loop,
            self._endpoints,
            self._scribe,
            self._memory.guests,
            self._job.run_id,
        )

    def before_step(self, callback: Callable[[], None]) -> None:
        """Call `callback` before every step of the loop (keeping the lease)."""
        self._loop.before_step = callback

    def conduct(self) -> str:
        """Go through the stages; return how the attempt ended: completed or aborted."""
        try:
            if not self._memory.begun and not self._reach_baseline():
                return "completed"
            self._watch()
            if self._memory.started or self._is_ready():
                self._run_update()
                if not self._leg.over:
                    self._settle()
            self._finish()
            if self._leg.over:
                self._hand_over()
        except StopRequestedError as stop:
            self._abort(str(stop))
            return "aborted"
        except CredentialRejectedError as error:
            summary = f"{error}; its use was stopped everywhere"
            self._scribe.finding("credential-rejected", "lab", Verdict.LAB, summary, at_ns=self._lab.clock.now_ns())
            self._undo()
            self._finish()
        return "completed"

    # --- stages ------------------------------------------------------------------------------------------------------

    def _reach_baseline(self) -> bool:
        self._scribe.stage("baseline")
        start = self._scenario.start
        provoke = [cause.model_dump(mode="json", by_alias=True) for cause in self._scenario.provoke]
        spec = BaselineSpec(start.model_dump() if start else {}, self._job.seed, provoke)
        reached = self._lab.baseline(spec, self._lease)
        self._scribe.baseline(ready=reached.ready, reason=reached.reason, versions=reached.versions)
        if not reached.ready:
            self._scribe.finding(
                "not-at-baseline", "lab", Verdict.LAB, f"the baseline cannot be reached: {reached.reason}"
            )
        self._loop.last_event = self._memory.last_event = -1
        self._memory.sampled_to_ns = 0
        self._memory.guests.forget()
        return reached.ready

    def _watch(self) -> None:
        """Probes on: poll rounds and samples from now on."""
        self._scribe.stage("probes-on")
        self._catch_up()
        self._watching = True
        self._poll()
        self._sampling.fetch_while(lambda: self._watching)

    def _is_ready(self) -> bool:
        """Preflight: can the workflow start now?  What speaks against it is the lab's doing, not the product's."""
        self._scribe.stage("preflight")
        answers: list[Answer | None] = []
        self._observer.ask_any(self._workflow.readiness(), self._observer.candidates(), answers.append)
        self._loop.run_until(lambda: bool(answers) or self._rejected is not None)
        self._raise_rejected()
        reason = "no node of the lab answers"
        if answers[0] is not None:
            readiness = answers[0].value
            self._scribe.observed(answers[0].node, "readiness", "readiness", plain(readiness))
            reason = readiness.reason
            if not self._is_independent():
                return False
            if self._content is not None and self._content.is_wanted(readiness):
                return self._bring_content()
        if not reason:
            return True
        summary = f"the workflow cannot start: {reason}"
        self._scribe.finding("precheck-failed", "lab", Verdict.LAB, summary, at_ns=self._lab.clock.now_ns())
        return False

    def _is_independent(self) -> bool:
        """May this machine watch the lab?  Asked when one node has taken the account, before anything is changed."""
        holds = self._independence.holds(lambda: self._rejected is not None)
        self._raise_rejected()
        return holds

    def _bring_content(self) -> bool:
        """Import what the update asks for; True when it can be started then."""
        content = self._content
        if content is not None:
            content.begin()
            self._loop.run_until(lambda: content.over or self._rejected is not None)
            self._raise_rejected()
        return content is not None and content.ready

    def _catch_up(self) -> None:
        """Replay the events that an earlier attempt journalled, so that phases and turns are known."""
        for event in self._lab.events(-1):
            if event.seq <= self._memory.last_event:
                self._phases.take(event)
                self._leg.replay(event)

    def _run_update(self) -> None:
        self._scribe.stage("update")
        self._loop.run_until(
            lambda: bool(self._observer.view().nodes) or self._rejected is not None or self._update.ending is not None
        )
        self._raise_rejected()
        if self._update.ending is None:
            for fault in self._faults:
                fault.begin()
            if not self._update.starts:
                self._tell_faults(Event(seq=-1, t_ns=self._lab.clock.now_ns(), kind="update.starting"))
                self._loop.run_until(lambda: all(fault.in_place for fault in self._faults))
            self._update.begin()
        self._loop.run_until(lambda: self._rejected is not None or self._update_over() or self._leg_is_over())
        self._raise_rejected()
        for fault in self._faults:
            fault.close()
        if self._leg.is_followed and not self._leg.over:
            summary = f"the leg could not hand the update over: {self._leg.why_not(self.tainted)}"
            at_ns = self._lab.clock.now_ns()
            self._scribe.finding("leg-not-over", "harness", Verdict.INCONCLUSIVE, summary, at_ns=at_ns)

    def _update_over(self) -> bool:
        ending = self._update.ending
        if ending is None:
            return self._leg.is_late
        if ending in (Ending.STUCK, Ending.LATE, Ending.LOST):
            return True
        return all(fault.over for fault in self._faults)

    def _leg_is_over(self) -> bool:
        """May another leg go on from here?"""
        faults_over = all(fault.over and fault.in_place for fault in self._faults) and self.tainted is None
        if not self._leg.over and self._leg.may_end and faults_over:
            self._sampling.fetch()
            self._leg.end()
        return self._leg.over

    def _hand_over(self) -> None:
        """The last word about the lab: from here the next leg goes on."""
        self.handover = self._leg.handover(self._job.run_id, self._loop.last_event, self._memory.sampled_to_ns)
        self._scribe.leg_handed_over(self.handover)

    def _settle(self) -> None:
        """Give the cluster its time to come to rest, and take the final look."""
        self._undo()
        self._update.let_go()
        if self._update.ending in (None, Ending.STUCK, Ending.LATE, Ending.LOST):
            return
        self._scribe.stage("settle")
        deadline_ns = self._lab.clock.now_ns() + to_ns(self._scenario.budgets.settle)
        since_ns = self._lab.clock.now_ns()
        self._loop.run_until(
            lambda: self._lab.clock.now_ns() >= deadline_ns or self._at_rest(since_ns) or self._rejected is not None
        )
        self._update.look_back()

    def _at_rest(self, since_ns: int) -> bool:
        view = self._observer.view()
        fresh = all(fact.t_ns > since_ns for fact in view.nodes.values())
        return fresh and not (view.nodes_down or view.resyncing or view.offline_groups or view.guests_down)

    def _final_look(self, workflow: Workflow) -> None:
        """The proof of success, or what speaks against it: asked of one node, the build of every node of itself."""
        builds = self._ask_every_node(workflow.read_build())
        extensions = self._ask_every_node(workflow.read_extension()) if isinstance(workflow, ContentWorkflow) else {}
        proofs: list[Answer | None] = []
        self._observer.ask_any(workflow.prove(), self._observer.candidates(), proofs.append)
        self._loop.run_until(lambda: bool(proofs))
        target = self._scenario.workflow.target
        if proofs[0] is not None and target is not None:
            solution = target.solution or ""
            record = final_record(proofs[0].value, solution, dict(sorted(builds.items())), expected_build(solution))
            if target.sbe is not None:
                record["sbe"] = extension_record(proofs[0].value, target.sbe, extensions)
            self._scribe.observed(proofs[0].node, "final", "final", record)
        if self._scenario.leg is not None:
            self._list_runs()

    def _list_runs(self) -> None:
        """Every run that the legs of the campaign made of their update: one must have completed it."""
        update_id, answers = self._workflow.update_id, list[Answer | None]()
        self._observer.ask_any(list_runs(update_id), self._observer.candidates(), answers.append)
        self._loop.run_until(lambda: bool(answers))
        if answers[0] is not None:
            record = runs_record(update_id, answers[0].value)
            self._scribe.observed(answers[0].node, "runs", "runs", record)

    def _ask_every_node(self, question: Command[str]) -> dict[str, str]:
        """Each node's own word; one that does not answer is asked again for a while, then its answer is empty."""
        told: dict[str, str] = {}
        deadline_ns = self._lab.clock.now_ns() + ASK_BUILDS_FOR_S * NS_PER_S

        def seen(answer: Answer) -> None:
            self._observer.note_contact(answer)
            if answer.error is None:
                told[answer.node] = answer.value
            elif self._lab.clock.now_ns() < deadline_ns:
                again_ns = self._lab.clock.now_ns() + ASK_AGAIN_S * NS_PER_S
                self._loop.agenda.plan(again_ns, f"{question.name} again", lambda: ask(answer.node))
            else:
                told[answer.node] = ""

        def ask(node: str) -> None:
            self._endpoints.ask(node, question, seen)

        for node in self._lab.nodes:
            ask(node)
        self._loop.run_until(lambda: len(told) == len(self._lab.nodes))
        return told

    def _finish(self) -> None:
        """Probes off, the last samples, the evidence."""
        self._watching = False
        self._scribe.stage("probes-off")
        self._sampling.fetch_rest()
        self._scribe.stage("evidence")
        self._read_health()
        collect_consoles(self._lab, self._scribe, self._job.folder)
        collect_migrations(self._loop, self._endpoints, self._lab, self._scribe)
        collect_evidence(
            self._loop, self._observer, evidence_commands(self._workflow.update_id), self._scribe, self._job.folder
        )

    def _read_health(self) -> None:
        """Results of the product's own health checks: those of the system, and those of the update's readiness."""
        commands = {"system": read_system_health()}
        if self._workflow.update_id:
            commands["update"] = read_update_health(self._workflow.update_id)
        for scope, command in commands.items():
            answers: list[Answer | None] = []
            self._observer.ask_any(command, self._observer.candidates(), answers.append)
            self._loop.run_until(lambda answers=answers: bool(answers), heed_stop=False)  # type: ignore[misc]
            if answers[0] is not None:
                self._scribe.observed(answers[0].node, "health", "health", health_record(scope, answers[0].value))

    # --- undo --------------------------------------------------------------------------------------------------------

    def _undo(self) -> None:
        """Revert whatever is active and wait for the proof of healing, heeding no further stop."""
        for fault in self._faults:
            fault.abort()
        if all(fault.over for fault in self._faults):
            return
        deadline_ns = self._lab.clock.now_ns() + UNDO_WITHIN_S * NS_PER_S
        self._loop.run_until(
            lambda: all(fault.over for fault in self._faults) or self._lab.clock.now_ns() >= deadline_ns,
            heed_stop=False,
        )

    def _abort(self, reason: str) -> None:
        self._scribe.finding(
            "aborted", "harness", Verdict.INCONCLUSIVE, f"the run was {reason}", at_ns=self._lab.clock.now_ns()
        )
        if self._watching:
            self._undo()
            self._update.let_go()
            self._sampling.fetch_rest()

    @property
    def tainted(self) -> str | None:
        """What is left in the lab although it was to be undone, None when nothing is."""
        left = [
            cycle.fault.id
            for cycle in self._faults
            if cycle.memory.injected_ns is not None and cycle.state is not FaultState.CLEAN
        ]
        return f"fault {', '.join(left)} is not proven clean" if left else None

    # --- watching ----------------------------------------------------------------------------------------------------

    def _poll(self) -> None:
        if self._watching and self._rejected is None:
            self._around.seen_attempts = self._update.starts
            self._update.check(self._observer.view())
            self._observer.poll()
            self._loop.agenda.plan(self._lab.clock.now_ns() + to_ns(self._scenario.budgets.poll), "poll", self._poll)

    def _take_event(self, event: Event) -> None:
        self._scribe.event(event, self._lab.clock.now_ns())
        self._phases.take(event)
        self._leg.take(event)
        for fault in self._faults:
            fault.take(event)

    def _trouble(self, trouble: Trouble) -> bool:
        return self._guides.take_on(trouble)

    def _guide_done(self, guide: str, outcome: str) -> None:
        self._tell_faults(guide_event(self._lab.clock.now_ns(), guide, outcome))
        self._go_on()

    def _tell_faults(self, event: Event) -> None:
        """An event that the harness itself makes."""
        for fault in self._faults:
            fault.take(event)

    def _recovered(self) -> None:
        guides = self._guides.memory
        guides.recovered = True
        self._scribe.guide_recovered(guides.done, self._lab.clock.now_ns() - guides.trouble_ns)

    def _fault_state(self, fault_id: str, state: FaultState) -> None:
        for fault in self._faults:
            if fault.fault.id != fault_id:
                fault.take_fault_state(fault_id, state)

    def _credential_rejected(self, error: HarnessError) -> None:
        self._rejected = self._rejected or error

    def _raise_rejected(self) -> None:
        if self._rejected is not None:
            raise self._rejected
