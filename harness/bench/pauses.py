"""When the machine itself stood still: a shared one takes its processors away for some milliseconds now and then.

``python -m harness.bench.pauses`` watches one processor.  It reads which as a line of JSON, says ``ready``, and comes
back to itself every other millisecond, before the processes that are measured.  When its input goes on or ends it
writes the times at which it came much too late.
"""

from __future__ import annotations

import json
import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Final

from harness.clock import NS_PER_MS, monotonic_ns
from harness.probes.priority import PRIORITY
from harness.testing.outages.child import READY, Child, ready_child

TURN_S: Final = 0.002
SHORTEST_NS: Final = 4 * NS_PER_MS
"""From one turn to the next; a turn itself takes two."""

Span = tuple[int, int]
"""Start and end, monotonic ns."""


@contextmanager
def machine_watched() -> Iterator[Callable[[], list[Span]]]:
    """Watch all processors for the length of a block; the call gives their pauses so far and ends the watch.

    Raises LabError when a watcher does not start.
    """
    with ExitStack() as stack:
        command = [sys.executable, "-m", "harness.bench.pauses"]
        watchers = [
            stack.enter_context(ready_child(command, {"processor": processor}, "watcher of the machine"))
            for processor in sorted(os.sched_getaffinity(0))
        ]
        yield lambda: sorted(span for watcher in watchers for span in _pauses(watcher))


def _pauses(watcher: Child) -> list[Span]:
    watcher.commands.write("\n")
    watcher.commands.flush()
    return [(start, end) for start, end in json.loads(watcher.answers.readline())]


def main() -> None:
    """See the module."""
    os.sched_setaffinity(0, {json.loads(sys.stdin.readline())["processor"]})
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY + 1))
    sys.stdout.write(READY)
    sys.stdout.flush()
    found: list[Span] = []
    before_ns = monotonic_ns()
    while not select.select([sys.stdin], [], [], TURN_S)[0]:
        now_ns = monotonic_ns()
        if now_ns - before_ns >= SHORTEST_NS:
            found.append((before_ns, now_ns))
        before_ns = now_ns
    print(json.dumps(found), flush=True)  # noqa: T201 - the protocol of this process


if __name__ == "__main__":
    main()
