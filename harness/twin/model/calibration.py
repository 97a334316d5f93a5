"""Durations, sizes, rates and limits of the twin, read from ``fixtures/catalogs/calibration.yaml``.

The code holds no such number itself.  Each entry of the file is ``{value, unit, source}`` and may carry ``spread``, the
half width of an even distribution relative to the value.  The source begins with the evidence tag: [D] documented,
[T] troubleshooting guide, [C] code, [INF] inferred, [GK] general platform knowledge.  The sections below name every
entry and its dimension; a missing or unknown entry, a wrong dimension or a source without tag is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self, TypeVar, get_type_hints

_TAG = re.compile(r"\[(D|T|C|S|INF|GK)\] \S")


class CalibrationError(ValueError):
    """The calibration file does not say what it must: the message names the entry; correct it there."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its origin."""

    UNITS: ClassVar[Mapping[str, float]] = {}
    value: float
    unit: str
    source: str
    spread: float = 0.0

    @classmethod
    def read(cls, name: str, entry: object) -> Self:
        """Build from one entry of the file.  Raises CalibrationError."""
        if not isinstance(entry, Mapping) or not {"value", "unit", "source"} <= set(entry) <= {
            "value",
            "unit",
            "source",
            "spread",
        }:
            raise CalibrationError(f"{name}: expected {{value, unit, source}} and perhaps spread, got {entry!r}")
        value, unit, source, spread = entry["value"], entry["unit"], entry["source"], entry.get("spread", 0.0)
        if unit not in cls.UNITS:
            raise CalibrationError(f"{name}: unit '{unit}' does not fit, expected one of {', '.join(cls.UNITS)}")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            raise CalibrationError(f"{name}: value must be a number not below 0, got {value!r}")
        if not isinstance(spread, (int, float)) or not 0 <= spread < 1:
            raise CalibrationError(f"{name}: spread must be in [0, 1), got {spread!r}")
        if not isinstance(source, str) or not _TAG.match(source):
            raise CalibrationError(f"{name}: source must begin with an evidence tag such as '[INF] reason'")
        return cls(value, unit, source, spread)

    @property
    def base(self) -> int:
        """The value in the smallest unit of its dimension, a whole number."""
        return round(self.value * self.UNITS[self.unit])


class Duration(Quantity):
    """A time; ``ns`` is whole nanoseconds."""

    __slots__ = ()
    UNITS: ClassVar[Mapping[str, float]] = {"ms": 1e6, "s": 1e9, "min": 60e9, "h": 3600e9}

    @property
    def ns(self) -> int:
        """Nanoseconds."""
        return self.base


class Size(Quantity):
    """An amount of data; ``bytes``."""

    __slots__ = ()
    UNITS: ClassVar[Mapping[str, float]] = {"MiB": 2**20, "GiB": 2**30, "TiB": 2**40}

    @property
    def bytes(self) -> int:
        """Bytes."""
        return self.base


class Rate(Quantity):
    """Data per time; ``bytes_s``."""

    __slots__ = ()
    UNITS: ClassVar[Mapping[str, float]] = {"MiB/s": 2**20, "GiB/s": 2**30}

    @property
    def bytes_s(self) -> int:
        """Bytes per second."""
        return self.base


class Count(Quantity):
    """A whole number; ``n``."""

    __slots__ = ()
    UNITS: ClassVar[Mapping[str, float]] = {"count": 1}

    @property
    def n(self) -> int:
        """The number."""
        return self.base


class Amount(Quantity):
    """A plain real number (a ratio, or gigabytes of free space as the product prints them)."""

    __slots__ = ()
    UNITS: ClassVar[Mapping[str, float]] = {"ratio": 1, "GB": 1, "MiB/s": 1, "MiB": 1}


@dataclass(frozen=True, slots=True)
class NodeValues:
    """Machines: boot timeline, inventory."""

    post: Duration
    os_load: Duration
    winrm_refused: Duration
    winrm_unauthorized: Duration
    winrm_unavailable: Duration
    services_rest: Duration
    shutdown: Duration
    servicing_shutdown: Duration
    servicing_boot: Duration
    power_button: Duration
    uptime_before: Duration
    free_c_gb: Amount
    memory_mib: Count
    logical_processors: Count
    disks: Count
    disk_size: Size


@dataclass(frozen=True, slots=True)
class ClusterValues:
    """Failover cluster."""

    heartbeat_delay: Duration
    heartbeat_threshold: Count
    regroup: Duration
    join: Duration
    form: Duration
    quarantine_threshold: Count
    quarantine_window: Duration
    quarantine_duration: Duration
    resiliency_period: Duration
    group_failover: Duration
    orchestrator_failover: Duration
    group_move: Duration
    group_start: Duration


@dataclass(frozen=True, slots=True)
class StorageValues:
    """Storage Spaces Direct."""

    infrastructure_volume: Size
    user_volume: Size
    write_rate_base: Rate
    write_rate_per_guest: Rate
    repair_rate: Rate
    repair_start: Duration
    maintenance_enter: Duration
    maintenance_leave: Duration
    optimize_every: Duration
    optimize_bytes: Size
    optimize_rate: Rate


@dataclass(frozen=True, slots=True)
class GuestValues:
    """Virtual machines."""

    ram_mib_small: Count
    ram_mib_large: Count
    dirty_mib_s_low: Count
    dirty_mib_s_high: Count
    migration_setup: Duration
    migration_bandwidth: Rate
    migration_rounds: Count
    migration_stop_bytes: Size
    blackout_overhead: Duration
    concurrent_migrations: Count
    restart_delay: Duration
    restart_stagger: Duration
    start: Duration
    boot: Duration
    save_bandwidth: Rate
    uptime_before: Duration


@dataclass(frozen=True, slots=True)
class WindowsValues:
    """Operating systems of guests: Windows Update and restarts."""

    search: Duration
    download_rate: Rate
    hotpatch_size: Size
    cumulative_size: Size
    hotpatch_install: Duration
    cumulative_install: Duration
    task_start: Duration
    still_answering: Duration
    shutdown: Duration
    servicing_shutdown: Duration
    servicing_boot: Duration
    installed_after_release: Duration


@dataclass(frozen=True, slots=True)
class UpdateValues:
    """Update Service: discovery, preparation, health."""

    discovery: Duration
    device_info: Duration
    download_rate: Rate
    download_poll: Duration
    prepare: Duration
    readiness_base: Duration
    readiness_per_node: Duration
    system_health: Duration
    system_health_every: Duration
    free_space_gb: Amount
    switch_run: Duration
    settle_check: Duration


@dataclass(frozen=True, slots=True)
class EceValues:
    """Action plan engine."""

    failover_attempts: Count
    remote_attempts: Count
    reload: Duration


@dataclass(frozen=True, slots=True)
class CauValues:
    """Cluster-Aware Updating."""

    initial_attempts: Count
    attempts_cap: Count
    recovery: Duration
    max_failed_ratio: Amount
    reboot_timeout: Duration
    storage_timeout: Duration
    suspend_timeout: Duration
    suspend_retry: Duration
    settle: Duration
    scan: Duration
    stage: Duration
    install: Duration
    report: Duration


@dataclass(frozen=True, slots=True)
class SbeValues:
    """Solution Builder Extensions: the vendor's part of a CAU run."""

    scan: Duration
    stage: Duration
    install: Duration
    flash: Duration
    reboot_timeout: Duration


@dataclass(frozen=True, slots=True)
class FileValues:
    """What the system drive holds."""

    system_drive: Size
    windows: Size
    component_store: Size
    component_store_reclaimable: Size


@dataclass(frozen=True, slots=True)
class CauseValues:
    """How strong a planted cause is when nothing else is said."""

    orphan_plan_age_days: Count
    system_drive_free_gb: Amount


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything the model takes time, size or probability from."""

    node: NodeValues
    cluster: ClusterValues
    storage: StorageValues
    guest: GuestValues
    windows: WindowsValues
    update: UpdateValues
    ece: EceValues
    cau: CauValues
    sbe: SbeValues
    files: FileValues
    causes: CauseValues
    steps: Mapping[str, Duration]

    def with_overrides(self, overrides: Mapping[str, float]) -> Calibration:
        """A copy with other values, ``{"node.post": 120}`` in the entry's own unit.  Raises CalibrationError."""
        result = self
        for name, value in overrides.items():
            section, _, entry = name.partition(".")
            part: Any = getattr(result, section, None)
            if section == "steps" and entry in result.steps:
                result = replace(result, steps={**result.steps, entry: _changed(result.steps[entry], value)})
            elif section != "steps" and isinstance(getattr(part, entry, None), Quantity):
                changes: dict[str, Any] = {section: replace(part, **{entry: _changed(getattr(part, entry), value)})}
                result = replace(result, **changes)
            else:
                raise CalibrationError(f"override '{name}': no such calibration entry")
        return result


_Q = TypeVar("_Q", bound=Quantity)


def _changed(quantity: _Q, value: float) -> _Q:
    return replace(quantity, value=value, spread=0.0, source="[INF] override of this run")


def read_calibration(document: Mapping[str, Any]) -> Calibration:
    """Build the calibration from the parsed file.  Raises CalibrationError naming the first bad entry."""
    hints = get_type_hints(Calibration)
    if set(document) != {*hints, "schema"}:
        raise CalibrationError(f"calibration: sections must be {', '.join(hints)} and schema, got {sorted(document)}")
    parts: dict[str, Any] = {}
    for section, kind in hints.items():
        entries = document[section]
        if section == "steps":
            parts[section] = {name: Duration.read(f"steps.{name}", entry) for name, entry in entries.items()}
            continue
        kinds = get_type_hints(kind)
        if set(entries) != set(kinds):
            wrong = sorted(set(entries) ^ set(kinds))
            raise CalibrationError(f"calibration section '{section}': missing or unknown entries {', '.join(wrong)}")
        parts[section] = kind(**{name: kinds[name].read(f"{section}.{name}", entries[name]) for name in kinds})
    return Calibration(**parts)
