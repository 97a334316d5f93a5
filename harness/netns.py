"""Entering a network namespace, for the calling thread only: how a nested lab's networks are reached."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Final

from harness.errors import LabError

NAMESPACES: Final = Path("/run/netns")
"""Where `ip netns` keeps named namespaces."""

_CLONE_NEWNET: Final = 0x4000_0000


@contextmanager
def entered(namespace: str) -> Iterator[None]:
    """This thread in a named network namespace (`setns(2)`), then back.

    Sockets opened and processes started inside the block belong to the namespace and stay there.  Raises LabError when
    there is none of this name or this process may not enter it.
    """
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(descriptor: int) -> None:
        if libc.setns(descriptor, _CLONE_NEWNET):
            code = ctypes.get_errno()
            raise LabError(
                f"cannot enter network namespace {namespace}: {os.strerror(code)}", hint="entering one needs root"
            )

    if not (path := NAMESPACES / namespace).exists():
        raise LabError(
            f"there is no network namespace '{namespace}'",
            hint="see: ip netns list; a lab makes its own when it starts",
        )
    with Path("/proc/thread-self/ns/net").open() as home, path.open() as there:
        enter(there.fileno())
        try:
            yield
        finally:
            enter(home.fileno())


def inside(namespace: str) -> AbstractContextManager[None]:
    """As `entered`; without a name the calling thread stays where it is."""
    return entered(namespace) if namespace else nullcontext()
