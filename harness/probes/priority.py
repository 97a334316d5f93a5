"""The sampler's thread before others on this machine: late slots are unobserved time.

The lowest real-time priority is enough.  Niceness is not: where processes are scheduled by session, it only tells the
processes of one session apart.  The kernel leaves a twentieth of each second to others whatever a real-time thread does
(`kernel.sched_rt_runtime_us`).
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Final

PRIORITY: Final = 1
"""The lowest of the real-time priorities."""

SWITCH_S: Final = 0.0001
"""A twentieth of a slot.  With a quarter, 5,000 guests missed some thousand probes at each window that was written
[measured]."""


@contextlib.contextmanager
def raised() -> Iterator[bool]:
    """The calling thread comes before ordinary ones meanwhile, threads and processes that it starts do not; gives False
    when the machine does not allow it."""
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(PRIORITY))
    except PermissionError:
        yield False
        return
    try:
        yield True
    finally:
        os.sched_setscheduler(0, policy, parameters)


def may_be_raised() -> bool:
    """True when this machine lets the calling thread come before others."""
    with raised() as allowed:
        return allowed


@contextlib.contextmanager
def quick_switches() -> Iterator[None]:
    """Another thread of this process keeps the sampler waiting for the interpreter for SWITCH_S at most meanwhile."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
