"""One question to many nodes: who is asked when, and which answer counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.azurelocal.command import Command
from harness.errors import CredentialRejectedError, HarnessError, TransportError
from harness.run.endpoints import Answer
from harness.run.inquiry import Inquiry

ASK = Command("ask", "ask", lambda document: document)


class Nodes:
    """Endpoints whose answers come when the test says so."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.hanging: set[str] = set()
        self.noted: list[str] = []
        self.answers: list[Answer | None] = []
        self._came: dict[str, Callable[[Answer], None]] = {}
        self._late: dict[str, Callable[[], None] | None] = {}

    def ask(self, node: str, question: Any, answered: Any, *, late: Any = None) -> None:
        self.asked.append(node)
        self._came[node], self._late[node] = answered, late

    def is_hanging(self, node: str) -> bool:
        return node in self.hanging

    def answer(self, node: str, error: HarnessError | None = None) -> None:
        self._came[node](Answer(1, node, "ask", node, error))

    def be_late(self, node: str) -> None:
        late = self._late[node]
        assert late is not None
        late()

    def inquire(self, *, hedged: bool = True) -> None:
        note = lambda answer: self.noted.append(answer.node)  # noqa: E731
        Inquiry(self, note, ASK, ["A", "B", "C"], self.answers.append, hedged=hedged).go_on()  # type: ignore[arg-type]

    @property
    def told_by(self) -> list[str | None]:
        return [answer and answer.node for answer in self.answers]


def test_trouble_goes_to_the_next_and_none_left_is_an_answer() -> None:
    nodes = Nodes()
    nodes.inquire()
    for node in ("A", "B", "C"):
        nodes.answer(node, TransportError("gone"))
    assert (nodes.asked, nodes.told_by, nodes.noted) == (["A", "B", "C"], [None], ["A", "B", "C"])


def test_overdue_answer_has_the_next_asked_too_and_the_first_one_counts() -> None:
    nodes = Nodes()
    nodes.inquire()
    nodes.be_late("A")
    assert nodes.asked == ["A", "B"]
    nodes.answer("B")
    nodes.answer("A")
    assert nodes.told_by == ["B"]
    assert nodes.noted == ["B", "A"], "also the late answer says that its node lives"


def test_one_that_is_late_may_still_be_the_only_one_to_tell() -> None:
    nodes = Nodes()
    nodes.inquire()
    nodes.be_late("A")
    for node in ("B", "C"):
        nodes.answer(node, TransportError("gone"))
    assert nodes.told_by == []
    nodes.answer("A")
    assert nodes.told_by == ["A"]


def test_lateness_after_the_answer_asks_nobody() -> None:
    nodes = Nodes()
    nodes.inquire()
    nodes.answer("A")
    nodes.be_late("A")
    assert nodes.asked == ["A"]


def test_hanging_nodes_are_left_out_and_rejected_credentials_end_it() -> None:
    nodes = Nodes()
    nodes.hanging = {"A"}
    nodes.inquire()
    assert nodes.asked == ["B"]
    nodes.answer("B", CredentialRejectedError("refused"))
    assert (nodes.asked, nodes.told_by) == (["B"], [None])


def test_unhedged_question_waits_for_its_node() -> None:
    nodes = Nodes()
    nodes.inquire(hedged=False)
    assert nodes._late["A"] is None
