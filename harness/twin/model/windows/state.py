"""State of one Windows guest.  The model's processes change it; cmdlets read it.

Fields marked *volatile* begin anew with each start of the operating system; the others are on the guest's disk.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from harness.twin.model.entities import Guest, InstalledKb, OsBuild
from harness.twin.model.windows.catalog import GuestSystem, GuestUpdate, UpdateKind
from harness.twin.model.windows.spec import WindowsGuestSpec


class TaskState(IntEnum):
    """State of a scheduled task ([D] W32 taskschd TASK_STATE)."""

    Unknown = 0
    Disabled = 1
    Queued = 2
    Ready = 3
    Running = 4


TASK_NEVER_RAN = 0x41303
TASK_RUNNING = 0x41301
TASK_TERMINATED = 0x41306
"""SCHED_S_TASK_HAS_NOT_RUN, SCHED_S_TASK_RUNNING and SCHED_S_TASK_TERMINATED ([D] W32 taskschd)."""


@dataclass(slots=True)
class ScheduledTask:
    """One registered task with one action."""

    name: str
    path: str
    execute: str
    arguments: str
    user: str
    logon_type: str
    run_level: str
    description: str = ""
    state: TaskState = TaskState.Ready
    last_run_ns: int | None = None
    last_result: int = TASK_NEVER_RAN
    due_ns: int | None = None
    """When it starts by itself; None: never, or at each start of Windows."""
    at_startup: bool = False
    missed: int = 0
    """How often it was due while the machine did not run."""
    registered: bool = True
    """False once it was removed or replaced: then nothing starts it any more."""
    built_in: bool = False
    """One of Windows' own, whose work is not simulated."""


TASK_ROLE = "task:"


def role_of(task: str) -> str:
    """Role of the process that a scheduled task keeps running."""
    return f"{TASK_ROLE}{task.lower()}"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One event of a Windows event log.  ``record`` counts within the log, from 1."""

    record: int
    t_ns: int
    log: str
    provider: str
    id: int
    level: int
    message: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One entry of the update history: an installation that ended."""

    t_ns: int
    update: GuestUpdate
    result: int
    hresult: int
    client: str


@dataclass(frozen=True, slots=True)
class WindowsProcess:
    """A running process."""

    pid: int
    name: str
    started_ns: int
    role: str
    """What it is here for; tells apart processes of one name."""
    command_line: str = ""
    """Known of those that a scheduled task started."""


@dataclass(slots=True)
class WindowsService:
    """A service; ``stops_ns`` are the instants at which it was stopped in order."""

    name: str
    shown: str
    role: str
    """Role of the process that it runs in."""
    stops_ns: list[int] = field(default_factory=list)


@dataclass(slots=True)
class GuestOs:
    """One guest's Windows."""

    spec: WindowsGuestSpec
    guest: Guest
    system: GuestSystem
    cumulative: GuestUpdate
    """The last cumulative update or baseline that is in force."""
    hotpatch: GuestUpdate | None
    kbs: list[InstalledKb]
    update_ids: dict[str, str]
    """KB to the id under which Windows Update knows it."""
    services: list[WindowsService]

    staged: GuestUpdate | None = None
    """Installed, and completed by the next restart: then the pending-restart keys exist."""
    downloaded: set[str] = field(default_factory=set)
    history: list[HistoryEntry] = field(default_factory=list)
    log: list[LogEntry] = field(default_factory=list)
    tasks: dict[str, ScheduledTask] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    """Full path in lower case to text."""
    folders: set[str] = field(default_factory=set)
    """Folders that somebody made, in lower case; others are there with their files."""

    processes: list[WindowsProcess] = field(default_factory=list)
    """Volatile."""
    installing: bool = False
    """Volatile: the servicing stack works."""
    restarting: bool = False
    """Volatile: a shutdown is under way."""
    orderly: bool = False
    """The last end of the operating system was an orderly one."""

    @property
    def computer_name(self) -> str:
        """NetBIOS name of the guest."""
        return self.guest.name.upper()

    @property
    def build(self) -> OsBuild:
        """The build in force: a hotpatch's own, else the cumulative update's."""
        return self.cumulative.build if self.hotpatch is None else self.hotpatch.build

    @property
    def booted_ns(self) -> int:
        """When the present start began (``LastBootUpTime``)."""
        return self.guest.started_ns

    @property
    def restart_pending(self) -> bool:
        """An installation waits for a restart."""
        return self.staged is not None

    @property
    def baseline(self) -> GuestUpdate | None:
        """The baseline the guest stands on; None after another cumulative update, which is off the hotpatch train."""
        return self.cumulative if self.cumulative.kind is UpdateKind.BASELINE else None

    def has(self, kb: str) -> bool:
        """Whether the update is installed (one that waits for its restart is not)."""
        return any(item.kb == kb for item in self.kbs)

    def write(
        self,
        t_ns: int,
        log: str,
        provider: str,
        number: int,
        message: str,
        values: tuple[str, ...] = (),
        level: int = 4,
    ) -> None:
        """Append an event to a log; level 4 is information, 3 warning, 2 error, 1 critical ([D] winmeta)."""
        record = 1 + sum(entry.log == log for entry in self.log)
        self.log.append(LogEntry(record, t_ns, log, provider, number, level, message, values))
