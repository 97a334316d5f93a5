"""Frozen data that travels between the rooms.  No behaviour, no imports from other rooms."""

from harness.values.event import Event
from harness.values.evidence import NO_EVIDENCE_LABEL, Machines, Subject, evidence_label
from harness.values.guest import (
    DirectAccess,
    GuestEvent,
    GuestInventory,
    GuestService,
    GuestStanding,
    InstallResult,
    MonthlyUpdate,
    PastInstallation,
    Standing,
    TaskLook,
    TrainUpdate,
)
from harness.values.migration import LoggedMigration
from harness.values.observation import (
    CsvVolume,
    EnumValue,
    GroupState,
    HealthCheck,
    NodeStatus,
    PoolState,
    StepStatus,
    StorageJob,
    UpdateObservation,
    VirtualDisk,
    VmStatus,
)
from harness.values.sample import NO_BOOT, NO_HEARTBEAT, Answer, ControlHealth, SampleRun, SampleWindow, Signal
from harness.values.verdict import Finding, Measurement, Verdict

__all__ = [
    "NO_BOOT",
    "NO_EVIDENCE_LABEL",
    "NO_HEARTBEAT",
    "Answer",
    "ControlHealth",
    "CsvVolume",
    "DirectAccess",
    "EnumValue",
    "Event",
    "Finding",
    "GroupState",
    "GuestEvent",
    "GuestInventory",
    "GuestService",
    "GuestStanding",
    "HealthCheck",
    "InstallResult",
    "LoggedMigration",
    "Machines",
    "Measurement",
    "MonthlyUpdate",
    "NodeStatus",
    "PastInstallation",
    "PoolState",
    "SampleRun",
    "SampleWindow",
    "Signal",
    "Standing",
    "StepStatus",
    "StorageJob",
    "Subject",
    "TaskLook",
    "TrainUpdate",
    "UpdateObservation",
    "Verdict",
    "VirtualDisk",
    "VmStatus",
    "evidence_label",
]
