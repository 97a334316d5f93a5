"""Processors that do not fall asleep while the cost of probing is measured.

A virtual processor that has nothing to do goes back to its host, and finds its caches cold some milliseconds later.  A
prober that wakes often and does little pays for that, one that is always busy does not: on a quiet host the same prober
cost a quarter more than on a busy one, and its peer a fifth less [measured].  So each processor has a loop of the
kernel's idle class beside it, which runs when nobody else wants to: for sampler and peers alike.

``python -m harness.bench.awake PROCESSOR`` is such a loop; it ends with its parent, or after an hour.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from harness.clock import Deadline

LONGEST_S: Final = 3600
TURN: Final = range(100_000)


@contextmanager
def awake_processors() -> Iterator[None]:
    """All processors awake for the length of a block."""
    loops = [
        subprocess.Popen([sys.executable, "-m", "harness.bench.awake", str(processor)])
        for processor in sorted(os.sched_getaffinity(0))
    ]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def main(processor: int) -> None:
    """See the module."""
    parent, deadline = os.getppid(), Deadline.after(LONGEST_S)
    os.sched_setaffinity(0, {processor})
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    while os.getppid() == parent and not deadline.expired():
        for _ in TURN:
            pass


if __name__ == "__main__":
    main(int(sys.argv[1]))
