"""The evidence sweep: every fact that guides look at, asked for before anything is touched.

What cannot be had is left out, so that a matcher on it neither holds nor fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from harness.azurelocal.command import Command
from harness.guides.evidence import SOURCES, questions
from harness.run.endpoints import Answer
from harness.run.observer import Observer

Facts = dict[str, Any]


class Sweep:
    """Asks one question after another and hands over what came back."""

    def __init__(self, observer: Observer, nodes: Iterable[str], then: Callable[[Facts], None]) -> None:
        self._observer = observer
        self._nodes = tuple(nodes)
        self._then = then
        self._facts: Facts = {}
        self._left: list[tuple[str, Command[Any], str | None]] = []

    def begin(self, names: Iterable[str], update_id: str) -> None:
        """Ask for the facts of these names; of one that each node tells of itself, every node is asked."""
        for name, question in questions(names, update_id).items():
            for node in self._nodes if SOURCES[name].per_node else (None,):
                self._left.append((name, question, node))
        self._next()

    def _next(self) -> None:
        if not self._left:
            self._then(self._facts)
            return
        name, question, node = self._left.pop(0)

        def told(answer: Answer | None) -> None:
            if answer is not None and node is not None:
                self._facts.setdefault(name, []).append(answer.value)
            elif answer is not None:
                self._facts[name] = answer.value
            self._next()

        self._observer.ask_any(question, [node] if node else self._observer.candidates(), told)
