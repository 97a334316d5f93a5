"""Careful use of a credential: a rejected one is never tried again, a booting node is given time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from harness.clock import NS_PER_S, monotonic_ns
from harness.transports.trouble import Diagnosis, EndpointCredentialError, EndpointError, Trouble

BOOT_SPACING_S: Final = 10.0
"""[INF] First pause after a 401 in a boot window; doubled after each further one, not to lock the account."""
BOOT_ATTEMPTS: Final = 6
"""[INF] This many log-ons refused in one boot window (about five minutes of pauses) count as a rejected credential."""
TURN_AT_MOST_S: Final = 1.5
"""Wall time after which a log-on no longer waits for the one before it: that node hangs, and must not delay the others
by more than two seconds [INF]."""


@dataclass(slots=True)
class _Node:
    """What is known of one node: did it fall silent since it last accepted us, and how often has it refused since?"""

    accepted: bool = False
    down: bool = False
    refusals: int = 0
    not_before_ns: int = 0


@dataclass(slots=True)
class CredentialWatch:
    """Shared by all shells of one account; every method is thread-safe.

    A 401 is ambiguous: a wrong password, or a node whose domain controller cannot be reached yet after boot.  It
    counts as the latter only where the same credential was accepted before, and this node was down since or is new to
    us.  `now_ns` is the clock of the spacing: the lab's where lab time is virtual.
    """

    account: str
    now_ns: Callable[[], int] = monotonic_ns
    _nodes: dict[str, _Node] = field(default_factory=dict)
    _rejected_by: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def log_on(self, node: str) -> Iterator[None]:
        """A log-on to `node`, and what is made of its outcome.  Raises as `check` does.

        One at a time: when the credential has gone bad, the first one finds out, and all others never try.
        """
        mine = self._turn.acquire(timeout=TURN_AT_MOST_S)
        try:
            self.check(node)
            yield
        finally:
            if mine:
                self._turn.release()

    def check(self, node: str) -> None:
        """May `node` be tried?  Raises EndpointCredentialError once rejected, EndpointError while too early."""
        with self._lock:
            if self._rejected_by is not None:
                raise self._rejection(node)
            wait_s = (self._nodes.setdefault(node, _Node()).not_before_ns - self.now_ns()) / NS_PER_S
        if wait_s > 0:
            detail = f"log-on was refused while the node boots; the next try is due in {wait_s:.0f} s"
            diagnosis = Diagnosis(Trouble.UNAUTHORIZED, detail, delivered=False)
            raise EndpointError(f"node '{node}': {detail}", node=node, diagnosis=diagnosis)

    def note_accepted(self, node: str) -> None:
        """The node accepted the credential."""
        with self._lock:
            self._nodes[node] = _Node(accepted=True)

    def note_down(self, node: str) -> None:
        """The node fell silent, refused the connection or closed it: it may be booting."""
        with self._lock:
            self._nodes.setdefault(node, _Node()).down = True

    def judge_refusal(self, node: str) -> Diagnosis:
        """The node answered 401: booting (UNAUTHORIZED, spaced) or rejected for good (CREDENTIAL_REJECTED, latched)."""
        with self._lock:
            state = self._nodes.setdefault(node, _Node())
            state.refusals += 1
            known_good = any(other.accepted for other in self._nodes.values())
            may_boot = known_good and (state.down or not state.accepted)
            if may_boot and state.refusals < BOOT_ATTEMPTS:
                pause_s = BOOT_SPACING_S * 2 ** (state.refusals - 1)
                state.not_before_ns = self.now_ns() + int(pause_s * NS_PER_S)
                return Diagnosis(Trouble.UNAUTHORIZED, "log-on refused while the node boots", delivered=False)
            self._rejected_by = node
            return Diagnosis(Trouble.CREDENTIAL_REJECTED, "the credential was rejected", delivered=False)

    def rejection(self, node: str) -> EndpointCredentialError:
        """The error to raise at `node` after the credential was rejected."""
        with self._lock:
            return self._rejection(node)

    def _rejection(self, node: str) -> EndpointCredentialError:
        diagnosis = Diagnosis(Trouble.CREDENTIAL_REJECTED, "the credential was rejected", delivered=False)
        return EndpointCredentialError(
            f"node '{node}': account '{self.account}' is not used any more: node '{self._rejected_by}' rejected it",
            node=node,
            diagnosis=diagnosis,
            hint="Check the secret reference of the lab file, and whether the account is locked; then start again.",
        )
