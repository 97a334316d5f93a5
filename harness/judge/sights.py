"""Single records of a journal as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from harness.journal import Entry
from harness.values import (
    EnumValue,
    Event,
    Finding,
    GroupState,
    NodeStatus,
    PoolState,
    StepStatus,
    StorageJob,
    UpdateObservation,
    Verdict,
    VirtualDisk,
    VmStatus,
)

Plain = Mapping[str, Any]

OPTIMIZE = "optimize"
"""A background pool optimisation may run at any time and repairs nothing ([C] Get-AzsSupportStorageJob hides it)."""

FINISHED_JOBS = frozenset({"completed", "terminated", "killed", "exception"})


@dataclass(frozen=True, slots=True)
class ClusterSight:
    """One look at the cluster."""

    nodes: tuple[NodeStatus, ...]
    groups: tuple[GroupState, ...]
    disks: tuple[VirtualDisk, ...]
    jobs: tuple[StorageJob, ...]
    pool: PoolState | None
    guests: tuple[VmStatus, ...]

    @property
    def not_up(self) -> tuple[NodeStatus, ...]:
        """Nodes in any state but Up."""
        return tuple(node for node in self.nodes if node.state.name.lower() != "up")

    @property
    def repairs(self) -> tuple[StorageJob, ...]:
        """Storage jobs that are not finished, without the background optimisation of the pool."""
        return tuple(
            job for job in self.jobs if OPTIMIZE not in job.name.lower() and job.state.lower() not in FINISHED_JOBS
        )

    @property
    def ailing(self) -> tuple[VirtualDisk, ...]:
        """Virtual disks that are not Healthy/OK."""
        return tuple(disk for disk in self.disks if disk.health != "Healthy" or compact(disk.operational) != "ok")

    def owners(self) -> Mapping[str, str]:
        """Owner node of each virtual machine."""
        if self.guests:
            return {guest.name: guest.owner for guest in self.guests}
        return {group.name: group.owner for group in self.groups if compact(group.kind) == "virtualmachine"}


def compact(text: str) -> str:
    """Lower case without blanks and hyphens: the product writes `No redundancy`, `NoRedundancy`, `Read-only`."""
    return text.lower().replace(" ", "").replace("-", "")


@dataclass(frozen=True, slots=True)
class EndpointSight:
    """Whether a node answered."""

    node: str
    reachable: bool


@dataclass(frozen=True, slots=True)
class StartRecord:
    """An intent to start (or resume) the update, or its effect."""

    number: int
    resume: bool

    @classmethod
    def of(cls, data: Plain) -> StartRecord:
        """From `update.start` or `update.started`."""
        return cls(int(data.get("number") or 1), bool(data.get("resume", False)))


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One process that wrote to the journal; `reason` is empty when it died before its last line."""

    number: int
    resumed: bool
    begin_seq: int
    begin_ns: int
    wall_begin: str
    end_seq: int | None = None
    end_ns: int | None = None
    wall_end: str | None = None
    reason: str = ""
    detail: str = ""

    @classmethod
    def begun(cls, entry: Entry, t_ns: int) -> AttemptRecord:
        """From `attempt.begin`."""
        return cls(entry.attempt, bool(entry.data.get("resumed", False)), entry.seq, t_ns, entry.t_wall)

    def ended(self, entry: Entry, t_ns: int) -> AttemptRecord:
        """With `attempt.end`."""
        return replace(
            self,
            end_seq=entry.seq,
            end_ns=t_ns,
            wall_end=entry.t_wall,
            reason=str(entry.data.get("reason", "")),
            detail=str(entry.data.get("detail") or ""),
        )


def read_enum(value: object) -> EnumValue:
    """`{name, value}`, or a bare name."""
    if isinstance(value, dict | Mapping):
        number = value.get("value")
        return _enum(str(value.get("name", "")), int(number) if number is not None else None)
    return _enum(str(value), None)


@lru_cache(maxsize=1024)
def _enum(name: str, number: int | None) -> EnumValue:
    """One object for each member: a journal names the same few states tens of thousands of times."""
    return EnumValue(name, number)


def _optional_enum(value: object) -> EnumValue | None:
    return None if value is None else read_enum(value)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _rows(value: object) -> Sequence[Plain]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


def read_update(data: Plain) -> UpdateObservation:
    """From an `update` observation."""
    step = data.get("step")
    percent = data.get("percent")
    return UpdateObservation(
        update_id=_text(data.get("update_id")),
        state=read_enum(data["state"]),
        phase=_text(data.get("phase")),
        percent=None if percent is None else float(percent),
        run_id=data.get("run_id"),
        run_state=_optional_enum(data.get("run_state")),
        step=StepStatus(tuple(step.get("path") or ()), _text(step.get("status")), _text(step.get("error")))
        if step
        else None,
        current_version=_text(data.get("current_version")),
        environment_state=_optional_enum(data.get("environment_state")),
        health_state=_optional_enum(data.get("health_state")),
        node=data.get("node"),
    )


def read_cluster(data: Plain) -> ClusterSight:
    """From a `cluster` observation."""
    pool = data.get("pool")
    return ClusterSight(
        nodes=tuple(
            NodeStatus(row["name"], read_enum(row["state"]), _optional_enum(row.get("drain")), row.get("os_build"))
            for row in _rows(data.get("nodes"))
        ),
        groups=tuple(
            GroupState(row["name"], _text(row.get("owner")), read_enum(row.get("state")), _text(row.get("kind")))
            for row in _rows(data.get("groups"))
        ),
        disks=tuple(
            VirtualDisk(row["name"], _text(row.get("health")), _text(row.get("operational")))
            for row in _rows(data.get("disks"))
        ),
        jobs=tuple(_job(row) for row in _rows(data.get("jobs"))),
        pool=PoolState(
            _text(pool.get("name")),
            _text(pool.get("health")),
            _text(pool.get("operational")),
            bool(pool.get("read_only", False)),
        )
        if pool
        else None,
        guests=tuple(
            VmStatus(row["name"], _text(row.get("owner")), read_enum(row.get("state")), row.get("uptime_s"))
            for row in _rows(data.get("guests"))
        ),
    )


def _job(row: Plain) -> StorageJob:
    state = row.get("state")
    return StorageJob(
        name=_text(row.get("name")),
        state=read_enum(state).name if isinstance(state, Mapping) else _text(state),
        percent=float(row.get("percent") or 0),
        bytes_processed=int(row.get("bytes_processed") or 0),
        bytes_total=int(row.get("bytes_total") or 0),
    )


def read_endpoint(data: Plain) -> EndpointSight:
    """From an `endpoint` observation."""
    return EndpointSight(_text(data.get("node")), bool(data["reachable"]))


def read_event(data: Plain) -> Event:
    """From an `event` observation."""
    return Event(
        seq=int(data["number"]),
        t_ns=int(data["t_ns"]),
        kind=str(data["kind"]),
        path=_text(data.get("path")),
        node=data.get("node") or None,
        vm=data.get("vm") or None,
        source=_text(data.get("source")) or "lab",
        t_err_ns=int(data.get("t_err_ns") or 0),
        attrs=dict(data.get("attrs") or {}),
    )


def read_finding(data: Plain) -> Finding:
    """From a `finding` that the conductor wrote."""
    return Finding(
        id=str(data["id"]),
        about=str(data["about"]),
        outcome=Verdict(data["outcome"]),
        summary=_text(data.get("summary")),
        at_ns=data.get("at_ns"),
        evidence=tuple(int(seq) for seq in data.get("evidence") or ()),
        phase=_text(data.get("phase")),
        step=_text(data.get("step")),
        node=_text(data.get("node")),
        value=_text(data.get("value")),
        limit=_text(data.get("limit")),
        attrs=dict(data.get("attrs") or {}),
    )
