"""Ctrl-C as a number that a loop looks at: how often did the operator ask?"""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any, Final, Self

_NUMBERS: Final = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Counts SIGINT and SIGTERM while it is entered; the handlers found are put back afterwards.

    A lost terminal (SIGHUP) is left alone: it ends the looker-on, while the runs, in OS sessions of their own, go on.
    """

    def __init__(self) -> None:
        self.count = 0
        self._before: list[tuple[signal.Signals, Any]] = []

    def __enter__(self) -> Self:
        self._before = [(number, signal.signal(number, self._received)) for number in _NUMBERS]
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before:
            signal.signal(number, handler)

    def _received(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1


class FirstInterrupt(Interrupts):
    """The first SIGINT or SIGTERM ends what is going on, as KeyboardInterrupt; later ones only count, so that they
    disturb no tidying up."""

    def __init__(self) -> None:
        super().__init__()
        self.spared = False
        """Whether even the first one only counts from now on."""

    def _received(self, number: int, frame: FrameType | None) -> None:
        super()._received(number, frame)
        if self.count == 1 and not self.spared:
            raise KeyboardInterrupt
