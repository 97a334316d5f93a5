"""Power of a node: lost until it is switched on again, or cycled at once."""

from __future__ import annotations

from typing import Any

from harness.azurelocal.command import Command
from harness.azurelocal.conditions import UPTIME
from harness.clock import NS_PER_S
from harness.faults.node_away import CausedAbsence, NodeAway
from harness.faults.port import Proof
from harness.faults.view import View
from harness.labs.lease import Lease
from harness.labs.port import Lab


class NodePowerLoss(NodeAway):
    """The power of a node is cut (fail-stop, dirty), and later switched on again."""

    def undo_record(self, target: str) -> dict[str, str]:
        """Switch the node on."""
        return {"verb": "power_on", "node": target}

    def inject(self, target: str, lab: Lab, lease: Lease) -> None:
        """Cut the power."""
        lab.power_off(target, lease)


class NodePowerCycle(CausedAbsence):
    """A node is reset (fail-stop, dirty) and starts again by itself.

    A machine that starts quickly may be back between two looks at the cluster, or before the cluster missed it.  So its
    own word counts too: an operating system that started after the reset was ordered.
    """

    def question(self, target: str) -> tuple[Command[Any], str | None]:
        """How long the target runs; while it is away, nothing is told."""
        return UPTIME, target

    def effect(self, target: str, since_ns: int, view: View) -> tuple[Proof, ...]:
        """Another node lost the target, or the target started later than `since_ns`."""
        return (*super().effect(target, since_ns, view), *self._restarted(target, since_ns, view))

    def _restarted(self, target: str, since_ns: int, view: View) -> tuple[Proof, ...]:
        """Counted back from the asking, not from the answer: a slow answer must not make a start look younger."""
        told = view.told.get((UPTIME.name, target))
        up_s = told.value["up_s"] if told is not None else None
        if told is None or up_s is None or told.asked_ns - up_s * NS_PER_S <= since_ns:
            return ()
        return (Proof("winrm", told.node, f"{target} started anew and has run for {up_s:.0f} s"),)
