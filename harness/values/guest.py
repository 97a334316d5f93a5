"""What Windows in a managed guest said of itself, and the monthly update that it is to get.

Moments are UTC texts in ISO 8601, as the guest's own clock has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Standing(StrEnum):
    """Where a guest stands with respect to a month's update of the hotpatch train.

    `eligible`: it is to get the update.  `current`: it has it, or something newer.  `cumulative`: it is not on the
    hotpatch train and gets the ordinary cumulative update, which needs a restart ([D] WSD get-started/hotpatch).
    `unmanageable`: it does not answer, or cannot install anything now.
    """

    ELIGIBLE = "eligible"
    CURRENT = "current"
    CUMULATIVE = "cumulative"
    UNMANAGEABLE = "unmanageable"


class TrainUpdate(StrEnum):
    """Kinds of updates of the hotpatch train: one that begins a quarter and needs a restart, one that needs none."""

    BASELINE = "baseline"
    HOTPATCH = "hotpatch"


@dataclass(frozen=True, slots=True)
class MonthlyUpdate:
    """The update of one month for one build of Windows: `build` 26100, `revision` 7392 (UBR), `kb` with its letters.

    Never decide by one of `kb` and `revision` alone: different updates had the same build ([D/P] October 2025).
    """

    month: str
    kind: TrainUpdate
    kb: str
    build: int
    revision: int

    @property
    def shown_build(self) -> str:
        """`26100.7392`."""
        return f"{self.build}.{self.revision}"


@dataclass(frozen=True, slots=True)
class GuestService:
    """A service that starts by itself; `started` is the start of its process, empty where it has none."""

    name: str
    state: str
    pid: int
    started: str


@dataclass(frozen=True, slots=True)
class GuestEvent:
    """One event of the System log; `record` counts within the log."""

    record: int
    provider: str
    id: int
    at: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class PastInstallation:
    """One entry of Windows Update's history."""

    title: str
    result: int
    hresult: int
    client: str


@dataclass(frozen=True, slots=True)
class GuestInventory:
    """One look at a guest.

    `booted`: `LastBootUpTime`.  `vbs`: 0 not enabled, 1 enabled but not running, 2 running ([D] Win32_DeviceGuard).
    `pending` are keys that say that a restart is pending, `pending_soft` those that other software sets too.
    `history` is None where Windows Update does not tell it to a network log-on.
    """

    computer: str
    product: str
    edition: str
    installation: str
    build: int
    revision: int
    booted: str
    kbs: tuple[str, ...]
    vbs: int
    vbs_configured: bool
    hotpatch_table: int
    enrolment: str
    secure_boot: bool | None
    pending: tuple[str, ...]
    pending_soft: tuple[str, ...]
    services: tuple[GuestService, ...]
    events: tuple[GuestEvent, ...]
    history: tuple[PastInstallation, ...] | None

    @property
    def shown_build(self) -> str:
        """`26100.7392`."""
        return f"{self.build}.{self.revision}"


@dataclass(frozen=True, slots=True)
class GuestStanding:
    """Where a guest stands, why, and the month's update for its build (None: there is none)."""

    standing: Standing
    reasons: tuple[str, ...]
    update: MonthlyUpdate | None = None


@dataclass(frozen=True, slots=True)
class DirectAccess:
    """What Windows Update says to a network log-on that wants to install: refused is what is documented."""

    refused: bool
    hresult: int
    message: str
    search_refused: bool


@dataclass(frozen=True, slots=True)
class TaskLook:
    """One look at the scheduled task that installs: its state, its last result, and what it has written so far.

    `exists` False and no `phase`: the guest knows nothing of it.  `phase` is search, download, install or done; empty
    until the task wrote something.
    """

    exists: bool
    state: str
    last_result: int
    phase: str
    result: InstallResult | None = None


@dataclass(frozen=True, slots=True)
class InstallResult:
    """How the task ended.  `code` is the OperationResultCode (2 succeeded), -1 where nothing was installed.

    `offered` are all KBs that the search found, `title` that of the one installed, `present` that it was there before,
    `restart_behavior` the update's InstallationRebootBehavior, `restart_required` the result's own word and
    `system_restart_required` that of Microsoft.Update.SystemInfo afterwards.
    """

    kb: str
    code: int
    hresult: int
    offered: tuple[str, ...]
    title: str
    present: bool
    restart_behavior: int
    restart_required: bool
    system_restart_required: bool
    error: str = ""
