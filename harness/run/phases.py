"""Where the update is, as told by the event stream: open phases, and whose turn it is in the node-by-node part."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from harness.faults.roles import Turn
from harness.values import Event

_TURN: Final = re.compile(r"update/install/cau/node\[(?P<node>[^\]]+)\]/(?P<step>[a-z-]+)")
_LAST_STEP: Final = "resume"


class PhaseTracker:
    """Folds `phase.enter` and `phase.exit` events."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self.turn = Turn()

    def take(self, event: Event) -> None:
        """One more event."""
        if event.kind == "phase.enter":
            self._open.append(event.path)
        elif event.kind == "phase.exit" and event.path in self._open:
            self._open.remove(event.path)
        turn = _TURN.fullmatch(event.path)
        if turn is None:
            return
        node = turn["node"]
        if event.kind == "phase.enter":
            self.turn = replace(self.turn, updating=node)
        elif event.kind == "phase.exit" and turn["step"] == _LAST_STEP:
            done = self.turn.updated if node in self.turn.updated else (*self.turn.updated, node)
            self.turn = Turn(updating=None, last_updated=node, updated=done)

    @property
    def path(self) -> str:
        """The deepest open phase that was entered last, empty when none is open."""
        return max(reversed(self._open), key=lambda path: path.count("/"), default="")
