"""Faults by their cause: something that the lab can plant and lift at any time, and that the product's own words prove.

The lab plants the cause by whatever means it has; the proof comes from a node that is asked over WinRM.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.azurelocal.command import Command
from harness.azurelocal.conditions import DRIVE, GROUPS, PLANS, SERVICE
from harness.faults.port import Proof
from harness.faults.view import Told, View
from harness.labs.lease import Lease
from harness.labs.port import Lab

READINESS_GB: Final = 30.0
"""Free space on the system drive below which readiness fails ([T] Test-SystemDrive-Free-Space)."""

STALE_H: Final = 24.0
"""Age from which a device-info plan counts as left over: it gathers data for minutes ([T] the guide says months)."""

WEDGED_S: Final = 60.0
"""An answer of the Update Service that takes longer counts as none ([T] Get-SolutionUpdate-GatewayTimeout)."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What the lab plants, and how it shows.

    `shows` reads the answer to `question` and says in words what is wrong, empty when nothing is.  `on_node`: the cause
    belongs to one node, which is asked itself; else any node can tell.
    """

    name: str
    on_node: bool
    question: Command[Any]
    shows: Callable[[Any], str]


def _full_drive(row: Mapping[str, Any]) -> str:
    free_gb = float(row["free_gb"])
    return f"{row['node']} has {free_gb:.1f} GB free on C:" if free_gb < READINESS_GB else ""


def _left_over_plan(rows: list[Mapping[str, Any]]) -> str:
    stale = [
        row
        for row in rows
        if row["name"] == "GetCauDeviceInfo" and row["status"] == "Running" and (row["age_h"] or 0.0) > STALE_H
    ]
    return f"plan {stale[0]['name']} runs for {stale[0]['age_h'] / 24:.0f} days" if stale else ""


def _bridge_offline(rows: list[Mapping[str, Any]]) -> str:
    down = [row for row in rows if "control-plan" in str(row["name"]).lower() and row["state"] != "Online"]
    return f"group {down[0]['name']} is {down[0]['state']}" if down else ""


def _wedged(row: Mapping[str, Any]) -> str:
    slow = (row["answer_s"] or 0.0) > WEDGED_S
    return f"no answer: {row['error']}" if row["error"] else f"answered after {row['answer_s']:.0f} s" if slow else ""


CAUSES: Final[Mapping[str, Cause]] = {
    "node.fill_system_drive": Cause("system-drive-full", True, DRIVE, _full_drive),
    "update.orphan_plan": Cause("orphan-device-info-plan", False, PLANS, _left_over_plan),
    "resource_bridge.stop": Cause("resource-bridge-offline", False, GROUPS, _bridge_offline),
    "update_service.wedge": Cause("update-service-wedged", False, SERVICE, _wedged),
}


@dataclass(frozen=True, slots=True)
class PlantedCause:
    """Implements `harness.faults.port.FaultMode` for a cause of the lab."""

    cause: Cause
    parameters: Mapping[str, Any]

    def check(self, target: str, view: View) -> str | None:
        """A node that is away shows nothing."""
        fact = view.nodes.get(target)
        if self.cause.on_node and (fact is None or not fact.is_up):
            return f"'{target}' is {'unknown' if fact is None else fact.state}"
        return None

    def undo_record(self, target: str) -> dict[str, str]:
        """Lift the cause."""
        return {"verb": "lift", "cause": self.cause.name, "node": target if self.cause.on_node else ""}

    def inject(self, target: str, lab: Lab, lease: Lease) -> None:
        """Plant it."""
        lab.plant(self.cause.name, target if self.cause.on_node else None, self.parameters, lease)

    def question(self, target: str) -> tuple[Command[Any], str | None]:
        """What to ask, and the node that must answer it (None: any)."""
        return self.cause.question, target if self.cause.on_node else None

    def effect(self, target: str, since_ns: int, view: View) -> tuple[Proof, ...]:
        """A node must see what is wrong."""
        told = self._told(target, since_ns, view)
        seen = self.cause.shows(told.value) if told is not None else ""
        return (Proof("winrm", told.node, seen),) if told is not None and seen else ()

    def recovery(self, target: str, since_ns: int, view: View) -> tuple[Proof, ...]:
        """A node must see that nothing is wrong any more."""
        told = self._told(target, since_ns, view)
        if told is None or self.cause.shows(told.value):
            return ()
        return (Proof("winrm", told.node, f"{self.cause.name} does not show any more"),)

    def _told(self, target: str, since_ns: int, view: View) -> Told | None:
        told = view.told.get((self.cause.question.name, target if self.cause.on_node else ""))
        return told if told is not None and told.t_ns > since_ns else None
