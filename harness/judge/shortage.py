"""Lines that are missing at the end of a journal, which the hash chain alone cannot show.

Each line carries the hash of the one before it, so nothing follows the last one to vouch for it.  `results.json` does:
it records how many lines the judge saw, and the hash of the last of them.  A journal may have grown since then, by
resumed attempts; it can never have become shorter, and what was there is still its beginning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import JournalError
from harness.journal import Journal


@dataclass(frozen=True, slots=True)
class Shortage:
    """A journal that is not the one, or the continuation of the one, that `results.json` was made of.

    `found` and `expected` count whole lines; with enough of them, line `expected` is not the one recorded.
    """

    found: int
    expected: int

    @property
    def missing(self) -> int:
        """Lines that are missing at the end."""
        return max(0, self.expected - self.found)

    def __str__(self) -> str:
        if self.missing:
            lines = "1 line is" if self.missing == 1 else f"{self.missing} lines are"
            return (
                f"the journal was shortened: {self.found} lines found, {self.expected} expected by results.json; "
                f"{lines} missing at its end"
            )
        return (
            f"the journal was shortened and continued: its line {self.expected} is not the one "
            "that was the last when results.json was written"
        )


def shortage_of(journal: Journal, stored: Mapping[str, Any] | None) -> Shortage | None:
    """Compare `journal` with the content of a `results.json`; None when it is whole as far as that file can tell."""
    recorded = (stored or {}).get("journal")
    if not isinstance(recorded, Mapping) or not isinstance(recorded.get("lines"), int):
        return None
    found, expected = len(journal.entries), int(recorded["lines"])
    if found < expected:
        return Shortage(found, expected)
    last = journal.entries[expected].prev_sha256 if found > expected else journal.last_sha256
    return None if last == recorded.get("sha256") else Shortage(found, expected)


def refuse_shortage(journal: Journal, stored: Mapping[str, Any] | None) -> None:
    """Raises JournalError for a journal that lacks lines which `results.json` saw: its results must stay."""
    shortage = shortage_of(journal, stored)
    if shortage is not None:
        raise JournalError(
            f"'{journal.path}': {shortage}",
            hint="restore the file from the run's archive; results.json stays as it is, and nothing was judged anew",
        )
