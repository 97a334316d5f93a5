"""Holding a node at an event: the machine that owns it stands still until it is let go.

What the event says happened on the node goes no further there.  The cluster goes on, and misses the node when it stands
still for longer than a cluster waits.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Protocol

from harness.clock import NS_PER_S
from harness.errors import HarnessError

log = logging.getLogger("hil.nested.hold")


class HeldEvent(Protocol):
    """What a hold looks at of an event."""

    @property
    def kind(self) -> str: ...
    @property
    def path(self) -> str | None: ...
    @property
    def node(self) -> str | None: ...
    @property
    def t_ns(self) -> int: ...


class Holds:
    """Patterns of events, and the machines that they stopped.

    `stop(hold, node)` freezes a machine and `let_go(hold, node)` lets it go on; `now_ns` is lab time.  `take` is called
    with each event, in the thread that brings it about, and only notes it: a thread of its own stops the machine.
    """

    def __init__(
        self, stop: Callable[[str, str], None], let_go: Callable[[str, str], None], now_ns: Callable[[], int]
    ) -> None:
        self._stop, self._let_go, self._now_ns = stop, let_go, now_ns
        self._guard = threading.Lock()
        self._acting = threading.Lock()
        self._patterns: dict[str, tuple[str, str]] = {}
        self._due: dict[str, str] = {}
        """Of each hold whose event came: the node that is to stand still, or does."""
        self._lags_ns: dict[str, int] = {}
        self._work: queue.SimpleQueue[tuple[str, str, int] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._hold_what_is_due, name="holds", daemon=True)
        self._thread.start()

    def hold(self, hold: str, kind: str, path: str) -> None:
        """Stop the owner of the next event of this kind and path (shell-style patterns; brackets are literal)."""
        with self._guard:
            self._lags_ns.pop(hold, None)
            self._patterns[hold] = (kind, path.replace("[", "[[]"))

    def unhold(self, hold: str) -> None:
        """Forget a hold and let its node go on; harmless when it is unknown."""
        with self._guard:
            self._patterns.pop(hold, None)
            node = self._due.pop(hold, None)
        if node is not None:
            with self._acting:
                self._let_go(hold, node)

    def lag_ns(self, hold: str) -> int | None:
        """Lab time from the event of a hold until its node stood still, None when it does not stand."""
        with self._guard:
            return self._lags_ns.get(hold)

    def take(self, event: HeldEvent) -> None:
        """One more event of the cluster."""
        if event.node is None:
            return
        with self._guard:
            for hold, (kind, path) in self._patterns.items():
                if fnmatchcase(event.kind, kind) and fnmatchcase(event.path or "", path):
                    del self._patterns[hold]
                    self._due[hold] = event.node
                    self._work.put((hold, event.node, event.t_ns))
                    return

    def clear(self) -> None:
        """Forget all holds and let everybody go on."""
        with self._guard:
            holds = {*self._patterns, *self._due}
        for hold in holds:
            self.unhold(hold)

    def close(self) -> None:
        """Stop nothing any more, and let everybody go on."""
        self._work.put(None)
        self._thread.join()
        self.clear()

    def _hold_what_is_due(self) -> None:
        while (due := self._work.get()) is not None:
            hold, node, event_ns = due
            with self._acting:
                if self._is_due(hold):
                    self._hold_now(hold, node, event_ns)

    def _is_due(self, hold: str) -> bool:
        with self._guard:
            return hold in self._due

    def _hold_now(self, hold: str, node: str, event_ns: int) -> None:
        try:
            self._stop(hold, node)
        except HarnessError as error:
            log.warning("%s cannot be held: %s", node, error)
            return
        lag_ns = self._now_ns() - event_ns
        with self._guard:
            self._lags_ns[hold] = lag_ns
        log.info("%s is held for '%s', %.0f ms after the event", node, hold, lag_ns * 1000 / NS_PER_S)
