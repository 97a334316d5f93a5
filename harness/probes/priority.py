"""The sampler's thread before others on this machine: late slots are unobserved time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Final

NICENESS: Final = -15
"""Above ordinary processes, below what the system itself raises. [INF]"""


@contextlib.contextmanager
def raised() -> Iterator[bool]:
    """The calling thread runs with NICENESS meanwhile; gives False when the machine does not allow it."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    try:
        os.setpriority(os.PRIO_PROCESS, 0, min(before, NICENESS))
    except PermissionError:
        yield False
        return
    try:
        yield True
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, before)


def may_be_raised() -> bool:
    """True when this machine lets the calling thread come before others."""
    with raised() as allowed:
        return allowed
