"""What the product said, as typed data.  Enumerations keep the number and the name, since the product prints either."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EnumValue:
    """An enumeration member as the product named it; `value` is None where only the name is known."""

    name: str
    value: int | None


@dataclass(frozen=True, slots=True)
class StepStatus:
    """The deepest step that is in progress or failed: path of step names from the top, status and error text."""

    path: tuple[str, ...]
    status: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class UpdateObservation:
    """One look at the update: `phase` uses the product's names (discovery … install, settled)."""

    update_id: str
    state: EnumValue
    phase: str
    percent: float | None
    run_id: str | None
    run_state: EnumValue | None
    step: StepStatus | None
    current_version: str
    environment_state: EnumValue | None
    health_state: EnumValue | None
    node: str | None = None


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One row of Get-ClusterNode with the build of its operating system where known."""

    name: str
    state: EnumValue
    drain: EnumValue | None
    os_build: str | None = None


@dataclass(frozen=True, slots=True)
class GroupState:
    """One clustered role."""

    name: str
    owner: str
    state: EnumValue
    kind: str = ""


@dataclass(frozen=True, slots=True)
class VirtualDisk:
    """Health of one virtual disk."""

    name: str
    health: str
    operational: str


@dataclass(frozen=True, slots=True)
class StorageJob:
    """A running storage job; sizes in bytes, percent 0–100."""

    name: str
    state: str
    percent: float
    bytes_processed: int
    bytes_total: int


@dataclass(frozen=True, slots=True)
class PoolState:
    """Health of the storage pool."""

    name: str
    health: str
    operational: str
    read_only: bool


@dataclass(frozen=True, slots=True)
class CsvVolume:
    """One cluster shared volume."""

    name: str
    owner: str
    state: str


@dataclass(frozen=True, slots=True)
class VmStatus:
    """One guest as the hosts see it; `uptime_s` since its last start."""

    name: str
    owner: str
    state: EnumValue
    uptime_s: float | None = None


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One result record of a health check."""

    name: str
    status: str
    severity: str
    target: str
    detail: str = ""
