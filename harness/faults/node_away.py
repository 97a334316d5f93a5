"""A node that is gone for its cluster, whatever took it away.

The signs to expect: the cluster finds the node Down, and nobody answers at its address [win].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.azurelocal.command import Command
from harness.faults.port import Proof
from harness.faults.view import View
from harness.labs.lease import Lease
from harness.labs.port import Lab


class NodeAway:
    """What proves that a node went away, and that it is back: the half of `FaultMode` that such faults share."""

    def check(self, target: str, view: View) -> str | None:
        """The target must be known, and up or paused: a node that is already down cannot go away visibly."""
        fact = view.nodes.get(target)
        if fact is None:
            return f"nobody knows the state of '{target}'"
        if fact.state not in ("Up", "Paused"):
            return f"'{target}' is already {fact.state}"
        return None

    def question(self, target: str) -> tuple[Command[Any], str | None] | None:
        """The cluster's own view tells enough."""
        return None

    def effect(self, target: str, since_ns: int, view: View) -> tuple[Proof, ...]:
        """Another node must have lost the target from the cluster; a refused management connection supports it."""
        fact = view.nodes.get(target)
        if fact is None or fact.t_ns <= since_ns or fact.state != "Down" or fact.seen_by == target:
            return ()
        proofs = [Proof("cluster", fact.seen_by, f"{target} is Down")]
        contact = view.contact.get(target)
        if contact is not None and contact.t_ns > since_ns and not contact.answers:
            proofs.append(Proof("winrm", target, f"{target} does not answer"))
        return tuple(proofs)

    def recovery(self, target: str, since_ns: int, view: View) -> tuple[Proof, ...]:
        """The cluster must have the target up again, or paused where a drain of the update caught it."""
        fact = view.nodes.get(target)
        if fact is None or fact.t_ns <= since_ns or fact.state not in ("Up", "Paused"):
            return ()
        return (Proof("cluster", fact.seen_by, f"{target} is {fact.state}"),)


@dataclass(frozen=True, slots=True)
class CausedAbsence(NodeAway):
    """A node is taken away by a cause that the lab brings about from outside, and comes back when that is lifted."""

    cause: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def undo_record(self, target: str) -> dict[str, str]:
        """Lift the cause; of a pulse nothing is left to lift, and lifting it is harmless."""
        return {"verb": "lift", "cause": self.cause, "node": target}

    def inject(self, target: str, lab: Lab, lease: Lease) -> None:
        """Plant it."""
        lab.plant(self.cause, target, self.parameters, lease)
