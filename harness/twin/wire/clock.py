"""The only module of this package that reads the machine's clock.

WinRM's protocol timers are the client's wall clock, so they stay wall clock even when the twin's model runs faster.
"""

from __future__ import annotations

import asyncio
import time

FILETIME_EPOCH_OFFSET_S = 11_644_473_600
"""Seconds from 1601-01-01 to 1970-01-01 UTC ([D] MS-DTYP FILETIME)."""


def read_utc_s() -> float:
    """Return the wall clock as seconds since 1970-01-01 UTC."""
    return time.time()


def to_filetime(utc_s: float) -> int:
    """Convert seconds since 1970 to a Windows FILETIME (100 ns units since 1601)."""
    return int((utc_s + FILETIME_EPOCH_OFFSET_S) * 10_000_000)


class WallWaiter:
    """Waits on the wall clock: the default of every endpoint."""

    async def wait(self, ready: asyncio.Event, timeout_s: float) -> bool:
        """Return True as soon as `ready` is set, False after `timeout_s` wall seconds."""
        try:
            async with asyncio.timeout(timeout_s):
                await ready.wait()
        except TimeoutError:
            return False
        return True
