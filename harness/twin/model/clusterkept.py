"""What somebody set in the cluster and its update stack beyond what the model goes by; it outlives restarts."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class CauRole:
    """The clustered role of Cluster-Aware Updating: self-updating on a schedule."""

    enabled: bool = True
    settings: dict[str, object] = field(default_factory=dict)
    """By their names as the cmdlets have them."""


@dataclass(frozen=True, slots=True)
class LogCollection:
    """One collection of diagnostic data."""

    collection_id: str
    started_ns: int
    ended_ns: int
    from_ns: int
    to_ns: int
    directory: str
    """Where it was saved; empty when it was sent."""


@dataclass(slots=True)
class AddedResource:
    """A cluster resource that somebody added; it never comes online by itself."""

    name: str
    group: str
    kind: str


@dataclass(slots=True)
class ClusterKept:
    """Settings by those who made them."""

    parameters: dict[tuple[str, str], tuple[str, object]] = field(default_factory=dict)
    """Private properties: (object, name) in lower case to name and value."""
    common: dict[str, object] = field(default_factory=dict)
    """Settings of services that nothing here goes by, by name in lower case."""
    cau_role: CauRole | None = None
    storage_settings: dict[str, str] = field(default_factory=dict)
    """Settings of the health service that differ from their defaults."""
    pool_settings: dict[str, object] = field(default_factory=dict)
    collections: list[LogCollection] = field(default_factory=list)
    secrets_set_ns: dict[str, int] = field(default_factory=dict)
    """When a secret of the orchestrator was last set, by its container; secrets themselves are not kept."""
    features: set[str] = field(default_factory=set)
    """Feature flags that were enabled, in lower case."""
    oem_update_uri: str = ""
    """Where extensions are looked for instead of at the vendor's address."""
    synced_ns: int | None = None
    """When the registration was last synchronised by command."""
    moc_removed: set[str] = field(default_factory=set)
    """Machines that were taken out of the list of the virtual machine management."""
    resources: dict[str, AddedResource] = field(default_factory=dict)
    """Added resources by their names in lower case."""
