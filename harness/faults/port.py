"""The contract of a fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from harness.azurelocal.command import Command
from harness.faults.view import View
from harness.labs.lease import Lease
from harness.labs.port import Lab


class FaultState(StrEnum):
    """Where a fault is in its life; `invalid` is final and makes the run worthless as evidence."""

    NEW = "new"
    READY = "ready"
    ACTIVE = "active"
    RECOVERING = "recovering"
    CLEAN = "clean"
    INVALID = "invalid"


LEGAL: Mapping[FaultState, frozenset[FaultState]] = {
    FaultState.NEW: frozenset({FaultState.READY, FaultState.INVALID}),
    FaultState.READY: frozenset({FaultState.ACTIVE, FaultState.RECOVERING, FaultState.READY, FaultState.INVALID}),
    FaultState.ACTIVE: frozenset({FaultState.RECOVERING, FaultState.INVALID}),
    FaultState.RECOVERING: frozenset({FaultState.CLEAN, FaultState.INVALID}),
    FaultState.CLEAN: frozenset(),
    FaultState.INVALID: frozenset(),
}
"""Transitions that may happen.  `ready → recovering` is the undo of an injection whose effect was never proven."""


@dataclass(frozen=True, slots=True)
class Proof:
    """One fact that shows an effect or a recovery, and who reported it."""

    source: str
    node: str
    fact: str

    def plain(self) -> dict[str, str]:
        """As the journal holds it."""
        return {"source": self.source, "node": self.node, "fact": self.fact}


class FaultMode(Protocol):
    """One kind of fault.  Stateless: what it needs to remember stands in the undo record and the journal."""

    def check(self, target: str, view: View) -> str | None:
        """Why the fault cannot be injected into `target` now, None when it can."""

    def undo_record(self, target: str) -> dict[str, str]:
        """All that `harness.faults.undo` needs to revert the fault, in this process or in a new one."""

    def inject(self, target: str, lab: Lab, lease: Lease) -> None:
        """Do it.  Doing it twice is the same as once."""

    def question(self, target: str) -> tuple[Command[Any], str | None] | None:
        """A question whose answer shows effect and recovery, and the node that must answer it (None: any); None when
        the view of the cluster tells enough."""

    def effect(self, target: str, since_ns: int, view: View) -> tuple[Proof, ...]:
        """Proof, newer than `since_ns` and from a source other than the injector, that the fault is there; empty when
        not."""

    def recovery(self, target: str, since_ns: int, view: View) -> tuple[Proof, ...]:
        """Proof, newer than `since_ns`, that the target has healed; empty when not."""
