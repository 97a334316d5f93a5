"""What a run changes, as the conductor sees it: an update of the system, or updates in guests."""

from __future__ import annotations

from typing import Protocol

from harness.faults.view import View
from harness.run.update_cycle import Ending


class Change(Protocol):
    """Begun once, checked at every poll, over when `ending` is set."""

    ending: Ending | None

    @property
    def starts(self) -> int:
        """How often the system was asked to change, by this process or an earlier one; 0 while nothing was touched."""

    def begin(self) -> None:
        """Begin, or go on where an earlier process stopped."""

    def check(self, view: View) -> None:
        """Has anything moved, is there time left?"""

    def look_back(self) -> None:
        """Take the final look, once everything has come to rest: proof of success, or what speaks against it."""

    def let_go(self) -> None:
        """Take back what only serves the change itself; called when it is over, or not wanted any more."""
