"""Node power loss: fail-stop, dirty.  The signs to expect: the cluster finds the node Down, and nobody answers at its
address [win]."""

from __future__ import annotations

from harness.faults.port import Proof
from harness.faults.view import View
from harness.labs.lease import Lease
from harness.labs.port import Lab


class NodePowerLoss:
    """The power of a node is cut, and later switched on again."""

    def check(self, target: str, view: View) -> str | None:
        """The target must be known, and up or paused: a node that is already down cannot lose power visibly."""
        fact = view.nodes.get(target)
        if fact is None:
            return f"nobody knows the state of '{target}'"
        if fact.state not in ("Up", "Paused"):
            return f"'{target}' is already {fact.state}"
        return None

    def undo_record(self, target: str) -> dict[str, str]:
        """Switch the node on."""
        return {"verb": "power_on", "node": target}

    def inject(self, target: str, lab: Lab, lease: Lease) -> None:
        """Cut the power."""
        lab.power_off(target, lease)

    def question(self, target: str) -> None:
        """The cluster's own view tells enough."""

    def effect(self, target: str, since_ns: int, view: View) -> tuple[Proof, ...]:
        """Another node must have lost the target from the cluster; a refused management connection supports it."""
        fact = view.nodes.get(target)
        if fact is None or fact.t_ns <= since_ns or fact.state != "Down":
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
