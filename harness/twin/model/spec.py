"""What a model is built from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

from harness.twin.model.windows.spec import WindowsGuestSpec

MAX_NODES = 16
"""Machines of a hyperconverged instance: 1 to 16 ([D] ASD system-requirements-23h2)."""

DEFECTS = (
    "cau_skips_storage_wait",
    "no_ha_restart",
    "installed_with_old_build",
    "step_hangs",
    "group_start_without_effect",
    "plan_delete_without_effect",
    "cleanup_without_effect",
    "hotpatch_reboots_guest",
    "sbe_skips_a_node",
)
"""Rules the simulated product can be told to break, to test whoever watches it; ``step_hangs:<step>`` names the step
by slug, name or interface."""


@dataclass(frozen=True, slots=True)
class GuestSpec:
    """One guest where the default ones do not fit."""

    name: str
    ram_mib: int
    dirty_rate_mib_s: int
    preferred_owner: str
    volume: str = "UserStorage_1"
    migratable: bool = True


@dataclass(frozen=True, slots=True)
class PlantedCause:
    """A cause present from lab time 0, as `ClusterModel.plant` takes it."""

    cause: str
    node: str | None = None
    parameters: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A simulated cluster as it stands at lab time 0.

    ``witness=None`` takes the documented default: present on two machines and while their number is even
    ([D] ASD manage/add-server).  ``node_names`` and ``guest_names`` replace the default names, one for each machine or
    guest that is counted.  ``overrides`` change calibration entries for this model, ``{"node.post": 120}``.
    Raises ValueError for a size or defect which does not exist.
    """

    nodes: int = 4
    guests: int | tuple[GuestSpec, ...] = 40
    seed: int = 1
    epoch: datetime = datetime(2025, 10, 20, 6, 0, tzinfo=UTC)
    version: str = "12.2509.1001.22"
    sbe: str | None = None
    """Installed Solution Builder Extension of hardware whose vendor offers newer ones; None: no vendor offers any."""
    witness: bool | None = None
    defects: tuple[str, ...] = ()
    causes: tuple[PlantedCause, ...] = ()
    overrides: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    scale: float = 1.0
    """The share of its time that the work of updates and storage takes; see `scaling`."""
    node_names: tuple[str, ...] = ()
    guest_names: tuple[str, ...] = ()
    windows: tuple[WindowsGuestSpec, ...] = ()
    """Guests that are Windows machines; the others are an address and a heartbeat."""
    cluster_name: str = "CLUSTER01"
    domain: str = "lab.local"
    list_recalled: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.nodes <= MAX_NODES:
            raise ValueError(f"a cluster has 1 to {MAX_NODES} machines, not {self.nodes}")
        if self.node_names and len(self.node_names) != self.nodes:
            raise ValueError(f"{len(self.node_names)} node names for {self.nodes} machines")
        if self.guest_names and len(self.guest_names) != self.guests:
            raise ValueError(f"{len(self.guest_names)} guest names for {self.guests} guests")
        managed = [item.guest for item in self.windows]
        if len(set(managed)) != len(managed):
            raise ValueError(f"a guest is twice among the Windows guests: {', '.join(managed)}")
        if self.epoch.tzinfo is None:
            raise ValueError("epoch needs a time zone")
        for defect in self.defects:
            name, _, step = defect.partition(":")
            if name not in DEFECTS or bool(step) != (name == "step_hangs"):
                raise ValueError(f"defect '{defect}' does not exist; expected one of {', '.join(DEFECTS)}:<step>")

    @property
    def has_witness(self) -> bool:
        """Whether a cloud or file share witness exists."""
        return self.nodes % 2 == 0 if self.witness is None else self.witness

    def has_defect(self, name: str) -> bool:
        """Whether the product breaks the rule *name*."""
        return name in self.defects

    @property
    def hanging_steps(self) -> frozenset[str]:
        """Slugs, names or interfaces of steps which never end."""
        return frozenset(item.partition(":")[2] for item in self.defects if item.startswith("step_hangs:"))
