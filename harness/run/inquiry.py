"""One question, put to one node after another until one can tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from harness.azurelocal.command import Question
from harness.errors import CredentialRejectedError
from harness.run.endpoints import Answer, Endpoints

ASKED_AT_MOST: Final = 8
"""Nodes that are asked the same question."""


class Inquiry:
    """Asks on trouble the next node, and when `hedged` also beside one whose answer is overdue; the first good answer
    counts, and `answered(None)` says that nobody could tell."""

    def __init__(
        self,
        endpoints: Endpoints,
        note: Callable[[Answer], None],
        question: Question[Any],
        nodes: Sequence[str],
        answered: Callable[[Answer | None], None],
        *,
        hedged: bool,
    ) -> None:
        self._endpoints, self._note = endpoints, note
        self._question, self._answered = question, answered
        self._left = list(nodes)[:ASKED_AT_MOST]
        self._late = self._look_further if hedged else None
        self._waiting = 0
        self._closed = False

    def go_on(self) -> None:
        """Ask the next node that does not hang; nobody could tell when none is left and no answer is awaited."""
        node = next((node for node in self._left if not self._endpoints.is_hanging(node)), None)
        if node is not None:
            self._left = self._left[self._left.index(node) + 1 :]
            self._waiting += 1
            self._endpoints.ask(node, self._question, self._came, late=self._late)
        elif not self._waiting:
            self._close(None)

    def _look_further(self) -> None:
        if not self._closed:
            self.go_on()

    def _came(self, answer: Answer) -> None:
        self._waiting -= 1
        self._note(answer)
        if self._closed:
            return
        if answer.error is None:
            self._close(answer)
        elif isinstance(answer.error, CredentialRejectedError):
            self._close(None)
        else:
            self.go_on()

    def _close(self, answer: Answer | None) -> None:
        self._closed = True
        self._answered(answer)
