"""How a pending WinRM request of a virtual clock waits: in lab time, not in the client's wall time."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from harness.twin.engine import LabEngine

COMPUTE_AT_MOST_S: Final = 120.0
"""Wall time for which a program may compute without output before the request is answered with its time-out."""

SAME_INSTANT_S: Final = 0.5
"""Wall time for which output waits, at least, for what the program writes at the same lab instant: computing costs no
lab time, and how output is cut into replies must not depend on who was faster."""

LOOP_ANSWERS_WITHIN_S: Final = 10.0
"""Wall time for which the server's loop may be busy elsewhere."""


class VirtualWaiter:
    """Waits for output.  While a program computes, that is a matter of milliseconds of wall time; once it waits for
    lab time, the request itself is the grant, up to its own deadline (virtual clock, rules 3 and 5)."""

    def __init__(self, engine: LabEngine, threads: ThreadPoolExecutor) -> None:
        self._engine = engine
        self._threads = threads
        self._pending: set[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = set()
        engine.on_blocked(self._tell)

    def _tell(self) -> None:
        for loop, blocked in tuple(self._pending):
            with contextlib.suppress(RuntimeError):  # a loop that was closed meanwhile
                loop.call_soon_threadsafe(_complete, blocked)

    @property
    def settled(self) -> bool:
        """No program computes."""
        return not self._engine.busy

    async def wait(self, ready: asyncio.Event, timeout_s: float) -> bool:
        """True when `ready`, False when the request's lab deadline passed."""
        if ready.is_set() and self.settled:
            return True
        loop = asyncio.get_running_loop()
        if await self._until_ready_or_blocked(loop, ready):
            return True

        def has_output() -> bool:
            return ready.is_set() or (_let_callbacks_run(loop) and ready.is_set())

        return await loop.run_in_executor(self._threads, self._engine.serve, has_output, timeout_s)

    async def _until_ready_or_blocked(self, loop: asyncio.AbstractEventLoop, ready: asyncio.Event) -> bool:
        blocked: asyncio.Future[None] = loop.create_future()
        entry = (loop, blocked)
        self._pending.add(entry)
        try:
            if not self._engine.busy:
                blocked.set_result(None)
            give_up_s = loop.time() + COMPUTE_AT_MOST_S
            while not blocked.done() and loop.time() < give_up_s:
                was_ready = ready.is_set()
                await asyncio.wait([blocked], timeout=SAME_INSTANT_S)
                if was_ready:
                    break
            await asyncio.sleep(0)
            return ready.is_set()
        finally:
            self._pending.discard(entry)


def _complete(blocked: asyncio.Future[None]) -> None:
    if not blocked.done():
        blocked.set_result(None)


def _let_callbacks_run(loop: asyncio.AbstractEventLoop) -> bool:
    """Output travels to the loop by a callback of its own: wait until those that are under way have arrived."""
    arrived = threading.Event()
    try:
        loop.call_soon_threadsafe(arrived.set)
    except RuntimeError:
        return False  # the loop is closed: nobody reads any more
    return arrived.wait(timeout=LOOP_ANSWERS_WITHIN_S)
