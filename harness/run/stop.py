"""Requests to stop: Ctrl-C, SIGTERM and a lost terminal become one flag that the conductor looks at between two
steps."""

from __future__ import annotations

import signal
from types import FrameType

_REASONS: dict[int, str] = {signal.SIGINT: "stopped by the operator"}  # Ctrl-C and `hil run stop` send it


class StopFlag:
    """Set once, with the reason of the first request; later ones change nothing, so that an undo is never
    interrupted."""

    def __init__(self) -> None:
        # No lock here: a signal may interrupt the handler of another one.
        self._is_set = False
        self.reason = ""

    def set(self, reason: str) -> None:
        """Ask the conductor to undo and end."""
        if not self._is_set:
            self.reason = reason
            self._is_set = True

    def __bool__(self) -> bool:
        return self._is_set

    def on_signals(self) -> None:
        """Listen to SIGINT, SIGTERM and SIGHUP of this process."""

        def received(number: int, _frame: FrameType | None) -> None:
            self.set(_REASONS.get(number) or f"stopped by {signal.Signals(number).name}")

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, received)
