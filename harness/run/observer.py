"""Looking at the product, politely: one round, to one node, each time the poll budget allows.

A round looks at cluster and update in one process of the node.  Two nodes take turns, so that connections to two are
kept; where one half of a round fails, other nodes are asked that half alone.  Management sessions break whenever their
node restarts; that is a normal event, and another node is asked.  Nodes that are updated last are asked first ([D] ASD
update-via-powershell-23h2: attach to the machine that is updated last).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from harness.azurelocal.cluster import VM_GROUP, observe_cluster
from harness.azurelocal.command import Command, Question, Round
from harness.azurelocal.records import cluster_record, update_record
from harness.clock import NS_PER_S
from harness.errors import CredentialRejectedError, HarnessError, ProductError
from harness.faults.view import Contact, NodeFact, Told, View
from harness.labs.port import Lab
from harness.run.endpoints import Answer, Endpoints
from harness.run.inquiry import Inquiry
from harness.run.scribe import Scribe
from harness.transports.powershell import script_json
from harness.workflows.port import Workflow

ALIVE: Final[Command[Any]] = Command("alive", script_json("1", depth=1), lambda document: document)
"""A sign of life, as cheap as possible."""

OFFLINE_AT_REST: Final = frozenset({"AvailableStorage"})
"""Kinds of groups that are offline on a healthy cluster: nothing is in them [GK]."""

AVOID_FOR_S: Final = 120
"""Lab time for which a node that did not answer, or is not expected to, is asked last."""


class Observer:
    """Asks, journals what is answered, and keeps the newest facts."""

    def __init__(self, lab: Lab, endpoints: Endpoints, scribe: Scribe, workflow: Workflow | None) -> None:
        """Without a `workflow` there is no update to look at, only the cluster."""
        self._lab = lab
        self._endpoints = endpoints
        self._scribe = scribe
        self._workflow = workflow
        self._view = View()
        self._avoid_until_ns: dict[str, int] = {}
        self._rounds = 0
        self.on_update: Callable[[str, Any, int], None] = lambda node, value, seq: None
        self.on_rejected: Callable[[HarnessError], None] = lambda error: None

    def view(self) -> View:
        """The newest facts."""
        return replace(self._view, now_ns=self._lab.clock.now_ns())

    def poll(self) -> None:
        """One round.  The cluster comes first: the update service may be slow, or hang."""
        self._rounds += 1
        halves: list[tuple[Command[Any], Callable[[Answer | None], None]]] = [(observe_cluster(), self._take_cluster)]
        if self._workflow is not None:
            halves.append((self._workflow.observe(), self._take_update))
        nodes = self.candidates(spare_first=self._rounds % 2 == 0)

        def came(answer: Answer | None) -> None:
            if answer is None:
                return
            others = [node for node in nodes if node != answer.node]
            for (command, take), value in zip(halves, answer.value, strict=True):
                if isinstance(value, HarnessError):
                    self._note_trouble(answer.node, command.name, value)
                    self.ask_any(command, others, take, hedged=False)
                else:
                    take(replace(answer, name=command.name, value=value))

        # Not hedged: the next round comes soon, and goes to another node.
        self.ask_any(Round(tuple(command for command, _ in halves)), nodes, came, hedged=False)

    def refresh(self, then: Callable[[], None], questions: Sequence[tuple[Question[Any], str | None]] = ()) -> None:
        """Ask for the cluster now, and then each of `questions` (of the node named, or of any); `then` is called with
        fresh facts, or when no node could tell."""

        def next_one(left: Sequence[tuple[Question[Any], str | None]]) -> None:
            if not left:
                then()
                return
            (question, node), *rest = left
            asked_ns = self._lab.clock.now_ns()

            def told(answer: Answer | None) -> None:
                if answer is not None:
                    self._keep(question.name, node or "", answer, asked_ns)
                next_one(rest)

            self.ask_any(question, [node] if node else self.candidates(), told)

        def answered(answer: Answer | None) -> None:
            if answer is not None:
                self._take_cluster(answer)
            next_one(questions)

        self.ask_any(observe_cluster(), self.candidates(spare_first=True), answered)

    def _keep(self, question: str, about: str, answer: Answer, asked_ns: int) -> None:
        told = Told(answer.value, answer.node, self._lab.clock.now_ns(), asked_ns)
        self._view = replace(self._view, told={**self._view.told, (question, about): told})

    def avoid(self, node: str) -> None:
        """Ask other nodes first for a while: this one is expected not to answer."""
        self._avoid_until_ns[node] = self._lab.clock.now_ns() + AVOID_FOR_S * NS_PER_S

    def touch(self, node: str) -> None:
        """Ask `node` itself for a sign of life; only whether it answers is kept."""
        if not self._endpoints.is_busy(node):
            self._endpoints.ask(node, ALIVE, self.note_contact)

    def ask_any(
        self,
        question: Question[Any],
        nodes: Sequence[str],
        answered: Callable[[Answer | None], None],
        *,
        hedged: bool = True,
    ) -> None:
        """Ask the first of `nodes` that does not hang, on trouble the next; `answered(None)` when none could tell.

        `hedged`: when the answer is overdue, the next one is asked too, and the first answer counts.
        """
        Inquiry(self._endpoints, self.note_contact, question, nodes, answered, hedged=hedged).go_on()

    def candidates(self, *, spare_first: bool = False) -> list[str]:
        """All nodes in the order in which they should be asked: those that were no trouble lately and are free before
        all others, and among equals those that are updated last; `spare_first` puts the best one second, to spread the
        questions."""
        now_ns = self._lab.clock.now_ns()

        def rank(node: str) -> tuple[bool, ...]:
            return (
                self._endpoints.is_hanging(node),
                self._avoid_until_ns.get(node, 0) > now_ns,
                self._endpoints.is_busy(node),
            )

        last_first = list(reversed(self._lab.nodes))
        ranked = sorted(last_first, key=rank)
        if spare_first and len(ranked) > 1 and rank(ranked[0]) == rank(ranked[1]):
            ranked[0], ranked[1] = ranked[1], ranked[0]
        return ranked

    def note_contact(self, answer: Answer) -> None:
        """Keep whether the node answered; journal every change."""
        now_ns = self._lab.clock.now_ns()
        error = answer.error
        if isinstance(error, CredentialRejectedError):
            self.on_rejected(error)
        answers = error is None or isinstance(error, ProductError)
        before = self._view.contact.get(answer.node)
        if before is None or before.answers != answers:
            self._scribe.endpoint(answer.node, reachable=answers, reason="" if error is None else str(error))
        if error is not None and answers:
            self._note_trouble(answer.node, answer.name, error)
        if error is not None or answer.slow:
            self._avoid_until_ns[answer.node] = now_ns + AVOID_FOR_S * NS_PER_S
        else:
            self._avoid_until_ns.pop(answer.node, None)
        self._view = replace(self._view, contact={**self._view.contact, answer.node: Contact(answers, now_ns)})

    def _note_trouble(self, node: str, question: str, error: HarnessError) -> None:
        """A node that was reached could not answer."""
        self._scribe.observed(node, "trouble", "trouble", {"question": question, "error": str(error)})

    def _take_update(self, answer: Answer | None) -> None:
        if answer is not None:
            entry = self._scribe.observed(answer.node, "update", "update", update_record(answer.value))
            self.on_update(answer.node, answer.value, entry.seq)

    def _take_cluster(self, answer: Answer | None) -> None:
        if answer is None:
            return
        record = self._with_guests_under_test(cluster_record(answer.value))
        self._scribe.observed(answer.node, "cluster", "cluster", record)
        self._view = self._seen(answer.node, record)

    def _with_guests_under_test(self, record: dict[str, Any]) -> dict[str, Any]:
        """Virtual machines that are no guests of the lab (the resource bridge) count as groups of the cluster."""
        known = frozenset(self._lab.guests)
        others = [row for row in record["guests"] if row["name"] not in known]
        groups = [
            {"name": row["name"], "owner": row["owner"], "state": row["state"], "kind": VM_GROUP} for row in others
        ]
        guests = [row for row in record["guests"] if row["name"] in known]
        return {**record, "guests": guests, "groups": [*record["groups"], *groups]}

    def _seen(self, by: str, record: dict[str, Any]) -> View:
        now_ns = self._lab.clock.now_ns()
        nodes = {
            row["name"]: NodeFact(row["state"]["name"], (row["drain"] or {"name": ""})["name"], by, now_ns)
            for row in record["nodes"]
        }
        return replace(
            self._view,
            nodes=nodes,
            csv_owner={row["name"]: row["owner"] for row in record["csvs"]},
            group_owner={row["name"]: row["owner"] for row in record["groups"]},
            offline_groups=tuple(
                row["name"]
                for row in record["groups"]
                if row["state"]["name"] != "Online" and row["kind"] not in OFFLINE_AT_REST
            ),
            guests_down=sum(row["state"]["name"] != "Online" for row in record["guests"]),
            jobs=tuple(row["name"] for row in record["jobs"]),
            unhealthy_disks=tuple(row["name"] for row in record["disks"] if row["health"] != "Healthy"),
        )
