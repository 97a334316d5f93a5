"""The product's state names with the product's integers.

A cmdlet prints the member's name in a table and its integer in JSON, so the members keep the product's own spelling.
Where the sources give a text but no number (virtual disk, physical disk and pool states), the enumeration is a
``StrEnum`` holding the displayed text.  Tags: [D] documented, [C] seen in published code, [INF] inferred,
[GK] general platform knowledge.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag, StrEnum


class UpdateState(IntEnum):
    """State of one row of ``Get-SolutionUpdate``; ordinals as in the product's UpdateState.cs [C]."""

    HasPrerequisite = 0
    Obsolete = 1
    Ready = 2
    NotApplicableBecauseAnotherUpdateIsInProgress = 3
    Preparing = 4
    Installing = 5
    Installed = 6
    PreparationFailed = 7
    InstallationFailed = 8
    Invalid = 9
    Recalled = 10
    Downloading = 11
    DownloadFailed = 12
    HealthChecking = 13
    HealthCheckFailed = 14
    ReadyToInstall = 15
    AdditionalContentRequired = 16


class UpdateRunState(IntEnum):
    """State of one update run [C]; HealthCheckSucceeded is the result of a ``-PrepareOnly`` run [INF]."""

    Unknown = 0
    Succeeded = 1
    InProgress = 2
    Failed = 3
    HealthCheckSucceeded = 4


class EnvironmentState(IntEnum):
    """State of ``Get-SolutionUpdateEnvironment``; names and order [C][D], integers by that order [INF]."""

    Unknown = 0
    AppliedSuccessfully = 1
    UpdateAvailable = 2
    UpdateInProgress = 3
    UpdateFailed = 4
    NeedsAttention = 5
    PreparationInProgress = 6
    PreparationFailed = 7


class HealthState(IntEnum):
    """Roll-up of health results; names and order [C][D], integers by that order [INF]."""

    Unknown = 0
    Success = 1
    Failure = 2
    Warning = 3
    Error = 4
    InProgress = 5


class CheckStatus(IntEnum):
    """Outcome of one health check: printed as text, 0 and 1 in JSON [T]."""

    SUCCESS = 0
    FAILURE = 1


class Severity(IntEnum):
    """Severity of one health check [T]."""

    INFORMATIONAL = 0
    WARNING = 1
    CRITICAL = 2


class StepStatus(StrEnum):
    """Status of a step of an update run or of an action plan task (``Skipped`` at plan level only) [T]."""

    NotStarted = "NotStarted"
    InProgress = "InProgress"
    Success = "Success"
    Error = "Error"
    Skipped = "Skipped"


class ActionPlanStatus(StrEnum):
    """Status of an action plan instance [T]; the last name is [INF]."""

    Pending = "Pending"
    Running = "Running"
    Waiting = "Waiting"
    Failed = "Failed"
    Completed = "Completed"


class CauRunState(StrEnum):
    """What ``Get-CauRun`` reports [D]."""

    RunNotInProgress = "RunNotInProgress"
    RunInProgress = "RunInProgress"
    RunFailed = "RunFailed"


class SummaryStatus(StrEnum):
    """Result of a CAU run or of one of its nodes (CAU ``SummaryStatus``)."""

    Succeeded = "Succeeded"
    PartiallyFailed = "PartiallyFailed"
    Failed = "Failed"
    Canceled = "Canceled"


class CauStage(StrEnum):
    """Stages of CAU on one node; the words are the model's own path segments [INF]."""

    WaitStorage = "wait-storage"
    Drain = "drain"
    Install = "install"
    Reboot = "reboot"
    Resume = "resume"


class PowerState(StrEnum):
    """Chassis power as a management controller reports it."""

    On = "On"
    Off = "Off"


class NodePhase(StrEnum):
    """Where a node is on its boot timeline (model's own words)."""

    Off = "off"
    Post = "post"
    OsLoading = "os-loading"
    Services = "services"
    Running = "running"
    ShuttingDown = "shutting-down"


class WinRmState(StrEnum):
    """What a WinRM client meets: TCP refused, HTTP 401, HTTP 503, or answers."""

    Answering = "answering"
    Refusing = "refusing"
    Unauthorized = "unauthorized"
    Unavailable = "unavailable"


class ClusterNodeState(IntEnum):
    """CLUSTER_NODE_STATE, ``(Get-ClusterNode).State`` [D]."""

    Unknown = -1
    Up = 0
    Down = 1
    Paused = 2
    Joining = 3


class NodeStatusInformation(IntFlag):
    """``(Get-ClusterNode).StatusInformation`` flags [D]."""

    Normal = 0
    Isolated = 0x1
    Quarantined = 0x2
    DrainInProgress = 0x4
    DrainCompleted = 0x8
    DrainFailed = 0x10
    AvoidPlacement = 0x20


class DrainStatus(IntEnum):
    """``(Get-ClusterNode).DrainStatus`` [D]."""

    NotInitiated = 0
    InProgress = 1
    Completed = 2
    Failed = 3


class ClusterGroupState(IntEnum):
    """``(Get-ClusterGroup).State`` [D]."""

    Unknown = -1
    Online = 0
    Offline = 1
    Failed = 2
    PartialOnline = 3
    Pending = 4


class VmState(IntEnum):
    """Hyper-V ``VMState``; integers [GK], those of the ``*Critical`` members hold for Windows Server 2019 and later."""

    Other = 1
    Running = 2
    Off = 3
    Stopping = 4
    Saved = 6
    Paused = 9
    Starting = 10
    Reset = 11
    Saving = 32773
    Pausing = 32776
    Resuming = 32777
    RunningCritical = 32785
    OffCritical = 32786
    PausedCritical = 32789


class VolumeHealth(StrEnum):
    """HealthStatus of a virtual disk or pool [D]."""

    Healthy = "Healthy"
    Warning = "Warning"
    Unhealthy = "Unhealthy"
    Unknown = "Unknown"


class VirtualDiskStatus(StrEnum):
    """OperationalStatus of a virtual disk [D]."""

    OK = "OK"
    Suboptimal = "Suboptimal"
    InService = "In service"
    Incomplete = "Incomplete"
    Degraded = "Degraded"
    NoRedundancy = "No redundancy"
    Detached = "Detached"


class DetachedReason(StrEnum):
    """DetachedReason of a virtual disk [D]."""

    NONE = "None"
    ByPolicy = "By Policy"
    MajorityDisksUnhealthy = "Majority Disks Unhealthy"
    Incomplete = "Incomplete"
    Timeout = "Timeout"


class PoolStatus(StrEnum):
    """OperationalStatus of a storage pool [D]."""

    OK = "OK"
    Degraded = "Degraded"
    ReadOnly = "Read-only"


class PhysicalDiskStatus(StrEnum):
    """OperationalStatus of a physical disk [D]."""

    OK = "OK"
    InService = "In service"
    LostCommunication = "Lost communication"
    StartingMaintenanceMode = "Starting maintenance mode"
    InMaintenanceMode = "In maintenance mode"
    StoppingMaintenanceMode = "Stopping maintenance mode"


class StorageJobState(IntEnum):
    """``(Get-StorageJob).JobState``: names [D], integers as in the CIM concrete job class [GK]."""

    New = 2
    Starting = 3
    Running = 4
    Suspended = 5
    ShuttingDown = 6
    Completed = 7
    Terminated = 8
    Killed = 9
    Exception = 10
    Service = 11
    QueryPending = 12


class Signal(StrEnum):
    """What an outside sampler gets from a guest at one instant.

    ``frozen``: paused, guest time stands still; ``isolated``: runs, network lost; ``off``: not running or booting.
    """

    Answering = "answering"
    Frozen = "frozen"
    Isolated = "isolated"
    Off = "off"
