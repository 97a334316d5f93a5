"""Trouble of the update through its guide: evidence, diagnosis, remedy, verification.

The guide that the plan expects must rank first, or nothing is done.  Every step has its intent in the journal before it
is taken; steps that the guide calls destructive wait for the plan's approval.  Success is what nodes say afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness.azurelocal.command import Command
from harness.clock import NS_PER_S
from harness.guides import Candidate, Diagnosis, Guide, RemedyStep, diagnose, find_guide, load_catalogue
from harness.guides.evidence import update_facts
from harness.guides.matching import match
from harness.labs.port import Lab
from harness.plan.models import GuidePolicy
from harness.plan.quantity import to_ns
from harness.run.collection import store_evidence
from harness.run.endpoints import Answer, Endpoints
from harness.run.loop import Loop
from harness.run.observer import Observer
from harness.run.scribe import Scribe
from harness.run.sweep import Facts, Sweep
from harness.transports.powershell import fill, script_json
from harness.values import Event, UpdateObservation

VERIFY_EVERY_S: Final = 60
"""Lab time between two looks whether the remedy has helped: no more often than the product may be polled."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a guide is wanted: `stuck`, `failed`, `blocked` or `silent`; what was seen, how long nothing has moved."""

    kind: str
    summary: str
    seen: UpdateObservation | None
    evidence: tuple[int, ...]
    still_min: float


def guide_event(t_ns: int, guide: str, outcome: str) -> Event:
    """The end of a guide, as faults see it."""
    return Event(seq=-1, t_ns=t_ns, kind="guide.done", attrs={"guide": guide, "outcome": outcome})


@dataclass(frozen=True, slots=True)
class Following:
    """The guide that is followed, with what its steps need of the diagnosis: values for scripts, nodes by step."""

    guide: str
    values: Mapping[str, str]
    nodes: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, candidate: Candidate, update_id: str) -> Following:
        """From a diagnosis."""
        bound = {name: str(candidate.rows(row)[0]) for name, row in candidate.guide.bind.items()}
        nodes = {step.id: tuple(map(str, candidate.rows(step.on))) for step in candidate.guide.remedy if "." in step.on}
        return cls(candidate.guide.guide, {**bound, "update_id": update_id}, nodes)

    def plain(self) -> dict[str, Any]:
        """As the journal holds it."""
        return {
            "guide": self.guide,
            "values": dict(self.values),
            "nodes": {step: list(nodes) for step, nodes in self.nodes.items()},
        }

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> Following:
        """From a journal."""
        return cls(data["guide"], data["values"], {step: tuple(nodes) for step, nodes in data["nodes"].items()})


@dataclass(slots=True)
class GuideMemory:
    """What the journal tells a new process.

    `done`: guides that were followed to their end.  `following`, `taken` (ids of finished steps) and `pending` (nodes
    that the step under way still has before it) tell of one that was not.  `trouble_ns` is when the last trouble
    began, `recovered` whether the update was seen at work after it.
    """

    done: int = 0
    following: Following | None = None
    taken: set[str] = field(default_factory=set)
    pending: set[str] = field(default_factory=set)
    trouble_ns: int = 0
    recovered: bool = True


@dataclass(slots=True)
class GuideCycle:
    """Takes the update's trouble on, one after another, as far as the plan expects guides.

    `on_done(guide, outcome)` is called when a guide has been followed to its end, whatever that was.
    """

    policy: GuidePolicy | None
    update_id: str
    lab: Lab
    loop: Loop
    endpoints: Endpoints
    observer: Observer
    scribe: Scribe
    folder: Path
    memory: GuideMemory = field(default_factory=GuideMemory)
    on_done: Callable[[str, str], None] = lambda guide, outcome: None
    _catalogue: tuple[Guide, ...] = ()
    _trouble: Trouble | None = None
    _steps: list[RemedyStep] = field(default_factory=list)
    _remedied_ns: int = 0
    _verify_until_ns: int = 0

    @property
    def number(self) -> int:
        """Which consultation this is, from 1."""
        return self.memory.done + 1

    @property
    def _expected(self) -> str:
        return self.policy.expect[self.memory.done] if self.policy is not None else ""

    def take_on(self, trouble: Trouble) -> bool:
        """Begin with the evidence; False when the plan expects no (further) guide."""
        if self.policy is None or self.memory.done >= len(self.policy.expect):
            return False
        self._trouble = trouble
        if self.memory.following is not None:
            self._follow(self.memory.following)
            return True
        self._catalogue = self._catalogue or load_catalogue()
        self.memory.trouble_ns, self.memory.recovered = self.lab.clock.now_ns(), False
        self.scribe.guide_trouble(self.number, trouble.kind, trouble.summary, self._expected, list(trouble.evidence))
        self._sweep({name for guide in self._catalogue for name in guide.facts}, self._swept)
        return True

    def _sweep(self, names: set[str], then: Callable[[Facts], None]) -> None:
        trouble = self._trouble

        def told(facts: Facts) -> None:
            facts["update"] = update_facts(trouble.seen if trouble else None, trouble.still_min if trouble else 0.0)
            then(facts)

        Sweep(self.observer, self.lab.nodes, told).begin(names, self.update_id)

    # --- diagnosis ---------------------------------------------------------------------------------------------------

    def _swept(self, facts: Facts) -> None:
        store_evidence(
            self.scribe, self.folder, f"guide-{self.number}.json", facts, "what guides look at, before anything is done"
        )
        found = diagnose(self._catalogue, facts)
        outcome = self._refusal(found)
        following = Following.of(found.first, self.update_id) if found.first and not outcome else None
        self.scribe.guide_diagnosis(
            self.number,
            self._expected,
            found.first.guide.guide if found.first else "",
            ambiguous=found.ambiguous,
            candidates=[one.plain(rank) for rank, one in enumerate(found.candidates, 1)],
            follow=following.plain() if following else None,
        )
        if following is None:
            self._end(outcome)
        else:
            self.memory.following = following
            self._follow(following)

    def _refusal(self, found: Diagnosis) -> str:
        """Why no guide is followed, empty when the first one is."""
        first = found.first
        if first is None:
            return "no-diagnosis"
        if found.ambiguous or first.guide.guide != self._expected:
            return "not-first"
        destructive = any(step.destructive for step in first.guide.remedy)
        return "not-approved" if destructive and "destructive" not in self._approved else ""

    @property
    def _approved(self) -> tuple[str, ...]:
        return self.policy.approve if self.policy is not None else ()

    # --- remedy ------------------------------------------------------------------------------------------------------

    def _follow(self, following: Following) -> None:
        """Take the steps that are left; scripts may be run twice, so one that was begun is begun again."""
        remedy = find_guide(following.guide).remedy
        self._steps = [step for step in remedy if step.script is not None and step.id not in self.memory.taken]
        self._next_step()

    @property
    def _following(self) -> Following:
        if self.memory.following is None:
            raise AssertionError("no guide is being followed")
        return self.memory.following

    def _next_step(self) -> None:
        if not self._steps:
            self._remedied_ns = self.lab.clock.now_ns()
            recovers = find_guide(self._following.guide).recovers
            self._verify_until_ns = self._remedied_ns + (to_ns(recovers) if recovers else 0)
            self._look()
            return
        step = self._steps.pop(0)
        nodes = self._nodes_of(step)
        script = _filled(step.script or "", self._following.values)
        self.scribe.guide_step(self.number, self._following.guide, step.id, step.does, nodes, script)
        command: Command[Any] = Command(
            f"guide-{step.id}", script_json(script, depth=2), lambda document: document, False, _seconds(step)
        )
        self._take(step, command, list(nodes))

    def _nodes_of(self, step: RemedyStep) -> tuple[str, ...]:
        if step.on == "each":
            return self.lab.nodes
        if step.on == "any":
            return (self.observer.candidates()[0],)
        return self._following.nodes[step.id]

    def _take(self, step: RemedyStep, command: Command[Any], nodes: list[str]) -> None:
        """One node after another; the first that cannot do it ends the remedy."""
        if not nodes:
            self.memory.taken.add(step.id)
            self._next_step()
            return
        node = nodes.pop(0)

        def answered(answer: Answer) -> None:
            self.observer.note_contact(answer)
            error = "" if answer.error is None else str(answer.error)
            self.scribe.guide_step_done(self.number, step.id, node, error)
            if error:
                self._end("step-failed")
            else:
                self._take(step, command, nodes)

        self.endpoints.ask(node, command, answered)

    # --- verification ------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        verify = find_guide(self._following.guide).verify
        self._sweep({matcher.fact.partition(".")[0] for matcher in verify}, self._verify)

    def _verify(self, facts: Facts) -> None:
        matches = [match(matcher, facts) for matcher in find_guide(self._following.guide).verify]
        holds = all(one.holds for one in matches)
        now_ns = self.lab.clock.now_ns()
        self.scribe.guide_verified(
            self.number, [one.plain() for one in matches], holds=holds, since_ns=self._remedied_ns
        )
        if holds:
            self._end("verified")
        elif now_ns >= self._verify_until_ns:
            self._end("not-verified")
        else:
            self.loop.agenda.plan(now_ns + VERIFY_EVERY_S * NS_PER_S, "verify the remedy", self._look)

    def _end(self, outcome: str) -> None:
        guide = self.memory.following.guide if self.memory.following is not None else ""
        self.scribe.guide_done(self.number, guide, outcome)
        self.memory.done += 1
        self.memory.following, self._trouble = None, None
        self.memory.taken.clear()
        self.on_done(guide, outcome)


def _filled(template: str, values: Mapping[str, str]) -> str:
    """The script with the values that it names."""
    return fill(template, **{name: value for name, value in values.items() if f"<<{name}>>" in template})


def _seconds(step: RemedyStep) -> float:
    return step.within.total_seconds() if step.within is not None else 120.0
