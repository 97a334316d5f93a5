"""All input and output with the lab's endpoints: one worker thread each, one queue for all answers.

An endpoint that hangs delays nobody else: it keeps its own worker busy, and nothing new is asked of it until it
answers or its socket deadline passes.  Only the conductor asks, and only the conductor reads the queue.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from harness.azurelocal.command import Question
from harness.clock import NS_PER_S, Deadline, monotonic_ns
from harness.errors import HarnessError
from harness.transports.replies import Reply
from harness.transports.trouble import OverdueError

GATHER_AT_MOST_S: Final = 180.0
"""Wall time after which outstanding answers of a clock that does not flow are given up; protocol deadlines are far
below."""


HANGS_AFTER_S: Final = 5.0
"""Wall time after which a node counts as hanging; small hosts need a couple of seconds for a command [INF]."""


class Session(Protocol):
    """A kept connection to one endpoint, used by one thread only."""

    def run(self, script: str, *, within_s: float = 60.0, repeatable: bool = True, second_hop: bool = False) -> Reply:
        """Run a script and return the reply; with `second_hop` in a log-on that other machines accept too.

        Raises HarnessError.
        """

    def close(self) -> None:
        """Let go; never raises."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One question: what to run and how to read the reply, in the worker's thread."""

    number: int
    node: str
    question: Question[Any]
    asked_ns: int
    answered: Callable[[Answer], None]
    late: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a value, or the error instead.  `slow`: it took so long that the node counted as hanging."""

    number: int
    node: str
    name: str
    value: Any
    error: HarnessError | None
    slow: bool = False


class Endpoints:
    """The workers of one run."""

    def __init__(self, open_session: Callable[[str], Session]) -> None:
        self._open = open_session
        self._inboxes: dict[str, queue.SimpleQueue[Ask | None]] = {}
        self._answers: queue.SimpleQueue[tuple[Ask, Answer]] = queue.SimpleQueue()
        self._outstanding: dict[int, Ask] = {}
        self._patient: dict[int, Ask] = {}
        self._number = 0
        self.in_turn = False
        """Send a question only when the one before it is answered: a question that waits in the lab moves a virtual
        clock, and what another one finds there must not depend on which of them was faster."""

    def ask(
        self,
        node: str,
        question: Question[Any],
        answered: Callable[[Answer], None],
        *,
        late: Callable[[], None] | None = None,
    ) -> None:
        """Have `question` put to `node`; `answered` is called by the loop, in the conductor's thread.

        `late` is called once when the answer is overdue, on a clock that flows; the answer may still come.
        """
        self._number += 1
        ask = Ask(self._number, node, question, monotonic_ns(), answered, late)
        self._outstanding[ask.number] = ask
        if late is not None:
            self._patient[ask.number] = ask
        if not self.in_turn:
            self._inbox(node).put(ask)

    def is_busy(self, node: str) -> bool:
        """Has `node` an unanswered question?"""
        return any(ask.node == node for ask in self._outstanding.values())

    def is_hanging(self, node: str) -> bool:
        """Has `node` left a question unanswered for so long that nothing more should be queued behind it?"""
        return any(ask.node == node and _is_overdue(ask) for ask in self._outstanding.values())

    def call_late(self) -> None:
        """Tell those whose answer is overdue."""
        for ask in [ask for ask in self._patient.values() if _is_overdue(ask)]:
            del self._patient[ask.number]
            if ask.late is not None:
                ask.late()

    @property
    def outstanding(self) -> int:
        """How many questions are unanswered."""
        return len(self._outstanding)

    def gather(self) -> list[tuple[Ask, Answer]]:
        """Wait for all outstanding answers; in (node, number) order, so that arrival order never matters."""
        deadline = Deadline.after(GATHER_AT_MOST_S)
        came: list[tuple[Ask, Answer]] = []
        for ask in sorted(self._outstanding.values(), key=lambda ask: (ask.node, ask.number)) if self.in_turn else ():
            self._inbox(ask.node).put(ask)
            while ask.number in self._outstanding:
                came.extend(self._next(GATHER_AT_MOST_S))
        while self._outstanding and not deadline.expired():
            came.extend(self._next(deadline.remaining_s()))
        return sorted(came, key=lambda pair: (pair[1].node, pair[1].number))

    def arrived(self, timeout_s: float) -> list[tuple[Ask, Answer]]:
        """Answers that arrive within `timeout_s` wall seconds; returns with the first, and all that are there then."""
        came = self._next(timeout_s)
        while more := self._next(0.0):
            came.extend(more)
        return came

    def _next(self, timeout_s: float) -> list[tuple[Ask, Answer]]:
        try:
            pair = self._answers.get(timeout=timeout_s) if timeout_s > 0 else self._answers.get_nowait()
        except queue.Empty:
            return []
        del self._outstanding[pair[0].number]
        self._patient.pop(pair[0].number, None)
        return [pair]

    def _inbox(self, node: str) -> queue.SimpleQueue[Ask | None]:
        if node not in self._inboxes:
            inbox: queue.SimpleQueue[Ask | None] = queue.SimpleQueue()
            self._inboxes[node] = inbox
            threading.Thread(target=self._work, args=(node, inbox), name=f"endpoint-{node}", daemon=True).start()
        return self._inboxes[node]

    def _work(self, node: str, inbox: queue.SimpleQueue[Ask | None]) -> None:
        session: Session | None = None
        while (ask := inbox.get()) is not None:
            value: Any = None
            error: HarnessError | None = None
            try:
                session = session or self._open(node)
                value = _put(ask.question, session)
            except HarnessError as problem:
                error = problem
            except Exception as problem:  # noqa: BLE001 - a worker must never die silently: the conductor decides
                error = HarnessError(
                    f"asking '{ask.question.name}' of '{node}' failed: {problem!r}", hint="a defect of the harness"
                )
                error.__cause__ = problem
            self._answers.put((ask, Answer(ask.number, node, ask.question.name, value, error, _is_overdue(ask))))
        if session is not None:
            session.close()

    def close(self) -> None:
        """Tell the workers to end; those that hang end with the process."""
        for inbox in self._inboxes.values():
            inbox.put(None)


def _is_overdue(ask: Ask) -> bool:
    return monotonic_ns() - ask.asked_ns > HANGS_AFTER_S * NS_PER_S


def _put(question: Question[Any], session: Session) -> Any:
    try:
        reply = session.run(
            question.script,
            within_s=question.within_s,
            repeatable=question.repeatable,
            second_hop=question.second_hop,
        )
    except OverdueError as overdue:
        return question.read_part(overdue)
    return question.read(reply)
