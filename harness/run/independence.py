"""Preflight: does this machine lean on the cluster that it is to watch?

A machine that is a guest of the cluster under test, or that needs one as name server, domain controller or gateway,
goes blind with the faults that it is to measure.  Every node is asked which guests it has and where they are; whoever
cannot tell is no reason to refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from harness.azurelocal.guest_addresses import read_guest_addresses
from harness.clock import NS_PER_S
from harness.labs.port import Lab
from harness.probes.independence import ClusterUnderTest, Surroundings, objections, surroundings
from harness.run.endpoints import Answer, Endpoints
from harness.run.loop import Loop
from harness.run.observer import Observer
from harness.run.scribe import Scribe
from harness.values import Verdict

WAIT_S: Final = 60
"""Lab time after which a node whose answer is overdue is not waited for any more [INF]."""

REMEDY: Final = "start the run on a machine outside of the cluster that needs no server inside it"


@dataclass(slots=True)
class _Told:
    """Who has answered, and whose answer is overdue."""

    answers: dict[str, Answer] = field(default_factory=dict)
    late: set[str] = field(default_factory=set)

    def is_enough(self, nodes: Sequence[str], *, waited: bool) -> bool:
        return all(node in self.answers or (waited and node in self.late) for node in nodes)

    def guests(self, known: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Addresses by guest; none for those `known` of which no node told."""
        found: dict[str, tuple[str, ...]] = dict.fromkeys(known, ())
        for answer in self.answers.values():
            for guest, addresses in () if answer.error else answer.value.items():
                found[guest] = tuple(dict.fromkeys((*found.get(guest, ()), *addresses)))
        return dict(sorted(found.items()))


class Independence:
    """Asks, journals and refuses."""

    def __init__(self, lab: Lab, loop: Loop, endpoints: Endpoints, observer: Observer, scribe: Scribe) -> None:
        self._lab, self._loop = lab, loop
        self._endpoints, self._observer = endpoints, observer
        self._scribe = scribe

    def holds(self, given_up: Callable[[], bool]) -> bool:
        """May this machine watch the lab?  Journals what was found, and a finding where it may not.

        Ends early, without a word, once `given_up()`.
        """
        told = self._ask(given_up)
        if given_up():
            return False
        around = surroundings(kerberos=self._logs_on_by_kerberos())
        guests = told.guests(self._lab.guests)
        against = objections(ClusterUnderTest(guests, self._lab.nodes), around)
        silent = [node for node in self._lab.nodes if node not in told.answers or told.answers[node].error is not None]
        seq = self._scribe.independence(_counted(guests), silent, against, _needs(around)).seq
        if against:
            summary = f"this machine must not watch the lab: {'; '.join(against)}; {REMEDY}"
            at_ns = self._lab.clock.now_ns()
            self._scribe.finding("prober-inside", "lab", Verdict.LAB, summary, at_ns=at_ns, evidence=[seq])
        return not against

    def _ask(self, given_up: Callable[[], bool]) -> _Told:
        told = _Told()
        until_ns = self._lab.clock.now_ns() + WAIT_S * NS_PER_S

        def came(answer: Answer) -> None:
            told.answers[answer.node] = answer
            self._observer.note_contact(answer)

        def overdue(node: str) -> Callable[[], None]:
            return lambda: told.late.add(node)

        for node in self._lab.nodes:
            self._endpoints.ask(node, read_guest_addresses(), came, late=overdue(node))
        self._loop.run_until(
            lambda: given_up() or told.is_enough(self._lab.nodes, waited=self._lab.clock.now_ns() >= until_ns)
        )
        return told

    def _logs_on_by_kerberos(self) -> bool:
        return self._lab.endpoint(self._lab.nodes[0], "winrm").transport == "kerberos"


def _counted(guests: Mapping[str, Sequence[str]]) -> dict[str, int]:
    return {guest: len(addresses) for guest, addresses in guests.items()}


def _needs(around: Surroundings) -> dict[str, int]:
    kinds = [need.what for need in around.needs]
    return {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
