"""State of the simulated plant: machines, clustered groups, guests and storage.

Plain, mutable, public objects.  The model's processes change them; cmdlets only read them.  All ``*_ns`` fields are
nanoseconds of lab time since the lab epoch (``ModelSpec.epoch``); negative values lie before it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from harness.twin.model.files import NodeFiles
from harness.twin.model.nodekept import NodeKept
from harness.twin.model.reachability import Reachability
from harness.twin.model.registry import Registry
from harness.twin.model.states import (
    ClusterGroupState,
    ClusterNodeState,
    DetachedReason,
    DrainStatus,
    NodePhase,
    NodeStatusInformation,
    PhysicalDiskStatus,
    PoolStatus,
    PowerState,
    StorageJobState,
    VirtualDiskStatus,
    VmState,
    VolumeHealth,
    WinRmState,
)
from harness.twin.units import NS_PER_S

if TYPE_CHECKING:
    from harness.twin.model.network.state import NodeNetwork


@dataclass(frozen=True, slots=True, order=True)
class OsBuild:
    """Windows build and update revision, as in ``26100.6899``."""

    build: int
    ubr: int

    @classmethod
    def parse(cls, text: str) -> OsBuild:
        """Read ``build.ubr``; a leading ``10.0.`` is accepted.  Raises ValueError on anything else."""
        build, ubr = text.removeprefix("10.0.").split(".")
        return cls(int(build), int(ubr))

    def __str__(self) -> str:
        return f"{self.build}.{self.ubr}"

    @property
    def release(self) -> str:
        """The three-field form of WMI and of WinRM's Identify, ``10.0.26100``."""
        return f"10.0.{self.build}"

    @property
    def version(self) -> str:
        """The four-field form which the product prints, ``10.0.26100.6899``."""
        return f"10.0.{self.build}.{self.ubr}"


@dataclass(frozen=True, slots=True)
class InstalledKb:
    """One row of ``Get-HotFix``."""

    kb: str
    installed_ns: int


@dataclass(slots=True)
class NodeSbe:
    """Solution Builder Extension of one machine; survives restart and power loss."""

    installed: str = ""
    """Version whose drivers and firmware the machine runs; empty where no vendor's extension is modelled."""
    staged: str = ""
    """Version which the next restarts complete."""
    restarts_left: int = 0


@dataclass(slots=True)
class PhysicalDisk:
    """One capacity drive of one node."""

    friendly_name: str
    serial: str
    node: str
    size_bytes: int
    status: PhysicalDiskStatus = PhysicalDiskStatus.OK

    @property
    def health(self) -> VolumeHealth:
        """Healthy only while the drive is in normal use."""
        return VolumeHealth.Healthy if self.status is PhysicalDiskStatus.OK else VolumeHealth.Warning


@dataclass(slots=True)
class Node:
    """One machine.  Fields marked *volatile* are reset by power loss or restart, the others survive it."""

    name: str
    number: int
    """Cluster node id, from 1, in ``(Get-ClusterNode).Name`` order."""
    os_build: OsBuild
    kbs: list[InstalledKb]
    files: NodeFiles
    memory_mib: int
    logical_processors: int
    disks: list[PhysicalDisk]

    power: PowerState = PowerState.On
    phase: NodePhase = NodePhase.Running
    """Volatile."""
    winrm: WinRmState = WinRmState.Answering
    """Volatile."""
    boot_id: int = 1
    """Number of the current (or last) start of the operating system."""
    last_boot_ns: int = 0
    """When the operating system started to load (``LastBootUpTime``)."""
    staged_build: OsBuild | None = None
    """Build which the next start of the operating system completes."""
    staged_kbs: tuple[str, ...] = ()
    pending_reboot: bool = False
    sbe: NodeSbe = field(default_factory=NodeSbe)
    variables: dict[str, str] = field(default_factory=dict)
    """Environment variables of the machine, beside those of every Windows."""
    stopped_services: set[str] = field(default_factory=set)
    """Volatile: Windows services which somebody stopped, by their names in lower case."""
    restarted_services: dict[str, int] = field(default_factory=dict)
    """Volatile: when somebody restarted a service, by its name in lower case."""
    service_events: list[tuple[int, str, bool]] = field(default_factory=list)
    """Durable: when which service (its display name) was stopped (False) or started by command."""
    service_starts: dict[str, str] = field(default_factory=dict)
    """Durable: start types which somebody set, by the services' names in lower case."""
    registry: Registry = field(default_factory=Registry)
    """Durable: what somebody wrote there."""
    kept: NodeKept = field(default_factory=NodeKept)
    """Durable: accounts, tasks and modules as somebody changed them."""
    network_up: bool = True
    """False while the node's cluster and guest networks are cut off from the others."""
    network: NodeNetwork | None = None
    """Adapters and addresses; None until somebody asks (``Networks.of``): they are then as deployment left them."""

    cluster_service: bool = True
    """Volatile: the cluster service runs."""
    cluster_state: ClusterNodeState = ClusterNodeState.Up
    paused: bool = False
    """Durable: set by suspend, cleared by resume; a paused node comes back Paused after a restart."""
    drain_status: DrainStatus = DrainStatus.NotInitiated
    status_information: NodeStatusInformation = NodeStatusInformation.Normal
    node_weight: int = 1
    dynamic_weight: int = 1
    unplanned_exits_ns: list[int] = field(default_factory=list)
    quarantined_until_ns: int | None = None

    @property
    def free_c_gb(self) -> float:
        """Free space of the drive C: in GB (2^30 bytes)."""
        return self.files.free_gb

    @property
    def management_up(self) -> bool:
        """Others reach the node under its management address, as far as its own adapters are concerned."""
        return self.network is None or self.network.management_up

    @property
    def os_running(self) -> bool:
        """The operating system is up with all services started."""
        return self.phase is NodePhase.Running

    @property
    def member(self) -> bool:
        """The cluster counts the node as an active member (Up or Paused)."""
        return self.cluster_state in (ClusterNodeState.Up, ClusterNodeState.Paused)

    @property
    def places(self) -> bool:
        """Groups and guests may be placed on the node."""
        return self.cluster_state is ClusterNodeState.Up


class GroupType(StrEnum):
    """``(Get-ClusterGroup).GroupType`` as displayed [GK]."""

    Cluster = "Cluster"
    AvailableStorage = "AvailableStorage"
    GenericService = "GenericService"
    VirtualMachine = "VirtualMachine"
    Pool = "ClusterStoragePool"
    Sddc = "InfrastructureFileServer"


@dataclass(slots=True)
class ClusterGroup:
    """One clustered group.  Rows of guests are derived from the guests, see ``ClusterModel.cluster_groups``."""

    name: str
    group_type: GroupType
    owner: str
    state: ClusterGroupState = ClusterGroupState.Online
    service: str | None = None
    """Windows service behind a generic-service group."""
    wanted: bool = True
    """Durable (the cluster's persistent state): False after a stop; the group then stays Offline wherever it moves."""
    hung: bool = False
    """The service answers nobody although the group is Online; a new process (move, restart, failover) answers."""


@dataclass(slots=True)
class Guest:
    """One virtual machine."""

    name: str
    vm_id: str
    ram_mib: int
    dirty_rate_mib_s: int
    """Memory which the guest dirties per second while it is copied."""
    volume: str
    preferred_owner: str
    owner: str
    reachability: Reachability
    migratable: bool = True
    state: VmState = VmState.Running
    boot_id: int = 1
    started_ns: int = 0
    """When the current boot began."""
    paused_ns: int = 0
    """Total time of this boot in which guest time stood still."""
    paused_since_ns: int | None = None
    drained_from: str | None = None
    """Node which a drain took the guest from; failback goes there."""
    wanted: bool = True
    """The cluster tries to keep the guest running."""
    unmonitored: bool = False
    """The owner is isolated: the guest runs, but the cluster cannot see it."""
    migrating_to: str | None = None
    settings: dict[str, object] = field(default_factory=dict)
    """Settings of the virtual machine which somebody made, by the names that ``Set-VM`` has for them."""
    checkpoints: dict[str, int] = field(default_factory=dict)
    """When checkpoints were made, by their names."""

    @property
    def running(self) -> bool:
        """The guest executes, or would if it were not frozen."""
        return self.state is VmState.Running

    def uptime_ns(self, now_ns: int) -> int:
        """Running time of the current boot; 0 while the guest is off."""
        if self.state in (VmState.Off, VmState.OffCritical, VmState.Other):
            return 0
        frozen = self.paused_ns + (now_ns - self.paused_since_ns if self.paused_since_ns is not None else 0)
        return now_ns - self.started_ns - frozen


@dataclass(slots=True)
class VirtualDisk:
    """One virtual disk with its cluster shared volume."""

    name: str
    size_bytes: int
    copies: int
    """Data copies: 2 on two nodes, 3 on three and more."""
    tolerance: int
    """Nodes which may be missing at the same time without loss of access."""
    write_bytes_s: int
    """Bytes per second of new data which a missing node falls behind."""
    csv_owner: str
    dirty_bytes: dict[str, int] = field(default_factory=dict)
    """Node name to bytes its copies lack, as of the last change; see ``Storage.dirty_bytes`` for the present value."""
    status: VirtualDiskStatus = VirtualDiskStatus.OK
    health: VolumeHealth = VolumeHealth.Healthy
    detached_reason: DetachedReason = DetachedReason.NONE

    @property
    def online(self) -> bool:
        """Guests can read and write."""
        return self.status not in (VirtualDiskStatus.Detached, VirtualDiskStatus.NoRedundancy)


@dataclass(slots=True)
class StoragePool:
    """The one storage pool."""

    name: str = "SU1_Pool"
    status: PoolStatus = PoolStatus.OK
    health: VolumeHealth = VolumeHealth.Healthy


@dataclass(slots=True)
class StorageJob:
    """One row of ``Get-StorageJob``.  Progress is computed from the clock: use the methods."""

    name: str
    virtual_disk: str | None
    started_ns: int
    bytes_total: int
    rate_bytes_s: int
    state: StorageJobState = StorageJobState.Running
    is_background: bool = True
    processed_bytes: int = 0
    """Bytes done when the job was last started or suspended."""
    running_since_ns: int | None = None

    def bytes_processed(self, now_ns: int) -> int:
        """Bytes done by *now_ns*."""
        if self.running_since_ns is None:
            return self.processed_bytes
        done = self.processed_bytes + (now_ns - self.running_since_ns) * self.rate_bytes_s // NS_PER_S
        return min(self.bytes_total, done)

    def percent_complete(self, now_ns: int) -> int:
        """Whole percent done by *now_ns*."""
        return 100 if self.bytes_total == 0 else self.bytes_processed(now_ns) * 100 // self.bytes_total
