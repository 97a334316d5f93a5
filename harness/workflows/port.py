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
from harness.values import EnumValue, UpdateObservation

__all__ = ["ActiveUpdate", "Command", "ContentWorkflow", "Proof", "Readiness", "StateClass", "UpdateList", "Workflow"]


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


class Workflow(Protocol):
    """One change of the system: started at most once, observed, resumed, found again, proven."""

    @property
    def update_id(self) -> str:
        """The resource id of what is installed."""

    def readiness(self) -> Command[Readiness]:
        """Can it be started now?"""

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
