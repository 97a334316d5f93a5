"""The exit codes of every command, in one place.  `docs/reference/exit-codes.md` explains them to users.

They answer one question of the calling script: whose turn is it?  The product's (1, 13), the lab's (10, 11), the
harness' (3), the author's of the plan (4, 5), or the operator's (2, 12, 14, 15).  pytest's own codes mean other things
and are translated, never forwarded.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Final


class Exit(IntEnum):
    """Exit code of a process; the names are what `HarnessError.code` holds."""

    PASS = 0, "every verdict is pass"
    PRODUCT = 1, "fail or stuck: the product missed a limit, or made no progress beyond its budget"
    INTERRUPTED = 2, "interrupted by the operator; everything injected was undone"
    HARNESS = 3, "the harness itself failed; says nothing about the product"
    USAGE = 4, "wrong usage or configuration; nothing was touched"
    NOTHING_SELECTED = 5, "the selection names no scenario"
    LAB = 10, "the lab could not do its part, or a scenario could not run on it (not-run)"
    LEASE = 11, "the lab instance is leased to somebody else"
    INCONCLUSIVE = 12, "too little evidence for a verdict"
    GUIDE_GAP = 13, "recovered, but not as the published guide says"
    TAINTED = 14, "something injected could not be undone; the lab is tainted"
    DETACHED = 15, "the harness let go while the update still runs; resume the run"

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Exit:
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member


OF_VERDICT: Final = {
    "pass": Exit.PASS,
    "fail": Exit.PRODUCT,
    "stuck": Exit.PRODUCT,
    "guide-gap": Exit.GUIDE_GAP,
    "lab": Exit.LAB,
    "harness": Exit.HARNESS,
    "inconclusive": Exit.INCONCLUSIVE,
    "not-run": Exit.LAB,
}
"""Exit code of each verdict."""

SEVERITY: Final = (
    Exit.TAINTED,
    Exit.PRODUCT,
    Exit.HARNESS,
    Exit.LAB,
    Exit.INCONCLUSIVE,
    Exit.GUIDE_GAP,
    Exit.LEASE,
    Exit.DETACHED,
    Exit.INTERRUPTED,
    Exit.USAGE,
    Exit.NOTHING_SELECTED,
    Exit.PASS,
)
"""Mixed results: the first of these that occurs is the exit code of the whole.  `USAGE` and `NOTHING_SELECTED` end a
command before anything runs, so they meet others only where several sessions are summed up."""

BEFORE_ANYTHING: Final = frozenset({Exit.USAGE, Exit.NOTHING_SELECTED})
"""What a command ends with that did not come as far as a run: it leaves no session."""

OF_PYTEST: Final = {
    0: Exit.PASS,
    1: Exit.PRODUCT,
    2: Exit.INTERRUPTED,
    3: Exit.HARNESS,
    4: Exit.USAGE,
    5: Exit.NOTHING_SELECTED,
}
"""What pytest's own exit code means where no verdict says more; any other code is `HARNESS`."""


def exit_of(code: int) -> Exit:
    """The member with this number; `HARNESS` for a number that is none of ours (killed, or Python's own)."""
    return next((member for member in Exit if member == code), Exit.HARNESS)


def worst(exits: Iterable[Exit]) -> Exit:
    """The exit code of several results together; of none at all it is `NOTHING_SELECTED`."""
    return min(exits, key=SEVERITY.index, default=Exit.NOTHING_SELECTED)
