"""The port every workflow implements.

A workflow holds no connection and does no waiting.  It hands out `Command` values; the conductor sends them, reads
mutations at most once, and journals intent before effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from harness.azurelocal.command import Command
from harness.azurelocal.updates import ActiveUpdate, UpdateList
from harness.measure.update_states import StateClass
from harness.transports.replies import Json
from harness.values import (
    DirectAccess,
    EnumValue,
    GuestInventory,
    GuestStanding,
    MonthlyUpdate,
    TaskLook,
    UpdateObservation,
)

__all__ = [
    "ActiveUpdate",
    "Command",
    "ContentWorkflow",
    "GuestWorkflow",
    "HostSide",
    "Proof",
    "Readiness",
    "StateClass",
    "UpdateList",
    "Workflow",
]


@dataclass(frozen=True, slots=True)
class Readiness:
    """Can the workflow be started now?  `reason` says why not, in the words of the product where it has any."""

    ready: bool
    reason: str
    state: EnumValue
    current_version: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What one node says after the end."""

    update_state: EnumValue
    current_version: str
    environment_state: EnumValue
    cau_run: str
    cau_report: Mapping[str, Json]
    current_sbe_version: str = ""


class HostSide(Protocol):
    """What a cluster's nodes are asked in every workflow, whatever it changes."""

    @property
    def update_id(self) -> str:
        """The resource id of the solution update that is installed; empty where none is."""

    def readiness(self) -> Command[Readiness]:
        """Can it be started now?"""


@runtime_checkable
class GuestWorkflow(HostSide, Protocol):
    """A change of Windows in guests.  Every command but the first two may be sent twice without harm; each is sent to
    the guest that it is about."""

    def inventory(self) -> Command[GuestInventory]:
        """Everything from which the guest's standing, and what was done to it, can be told."""

    def probe(self) -> Command[DirectAccess]:
        """What Windows Update says to this log-on."""

    def standing(self, seen: GuestInventory) -> GuestStanding:
        """Is the guest to get the update, and which one?  Told from one look, without asking anybody."""

    def install(self, task_name: str, update: MonthlyUpdate) -> Command[TaskLook]:
        """See to it that the task of this name installs the update."""

    def look(self, task_name: str) -> Command[TaskLook]:
        """How far the task is."""

    def remove(self, task_name: str) -> Command[bool]:
        """Remove the task with its file; the answer says whether it is still there."""

    def restart(self, booted: str) -> Command[str]:
        """Restart the guest if it still runs since `booted`."""


class Workflow(HostSide, Protocol):
    """One change of the system: started at most once, observed, resumed, found again, proven."""

    def start(self, key: str) -> Command[str]:
        """Start it and read the run's resource id.  `key` marks the intent; it stands in the transcript."""

    def resume(self, key: str) -> Command[str]:
        """Go on after a failure and read the id of the new run."""

    def observe(self) -> Command[UpdateObservation]:
        """Look at it once."""

    def find_running(self) -> Command[tuple[ActiveUpdate, ...]]:
        """All updates at work with their newest runs: resolves a lost reply to `start`."""

    def classify(self, observation: UpdateObservation) -> StateClass:
        """What the observation means."""

    def prove(self) -> Command[Proof]:
        """Read what shows that it was installed, apart from the builds, which every node is asked for itself."""

    def read_build(self) -> Command[str]:
        """The OS build of the node it is sent to."""


@runtime_checkable
class ContentWorkflow(Workflow, Protocol):
    """A workflow whose content may have to be imported before it can start, and which every node tells its version of.

    Importing changes the system: the conductor writes its intent first and sends it at most once.
    """

    @property
    def content(self) -> str | None:
        """Folder on a node with the vendor's files, None when nothing is to be imported."""

    def find_content(self) -> Command[tuple[str, ...]]:
        """Names of the files that the node it is sent to sees there."""

    def import_content(self, key: str) -> Command[str]:
        """Import them on the node it is sent to."""

    def list_updates(self) -> Command[UpdateList]:
        """All listed updates."""

    def judge_readiness(self, listed: UpdateList) -> Readiness:
        """Readiness from a list of all updates."""

    def read_extension(self) -> Command[str]:
        """The version that the node it is sent to has installed, empty when it does not say."""
