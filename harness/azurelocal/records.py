"""Observations as data of journal records (docs/reference/journal.md)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from harness.azurelocal.cluster import ClusterObservation
from harness.azurelocal.updates import UpdateRunRow
from harness.transports.replies import Json
from harness.values import EnumValue, HealthCheck, LoggedMigration, UpdateObservation


def update_record(seen: UpdateObservation) -> dict[str, Json]:
    """The `update` record."""
    record = asdict(seen)
    if seen.step is not None:
        record["step"]["path"] = list(seen.step.path)
    return {"what": "update", **record}


def cluster_record(seen: ClusterObservation) -> dict[str, Json]:
    """The `cluster` record; guests without uptime, which roles do not tell.  Written out: it is made for every poll."""
    return {
        "what": "cluster",
        "nodes": [
            {"name": row.name, "state": _enum(row.state), "drain": _enum(row.drain), "os_build": row.os_build}
            for row in seen.nodes
        ],
        "groups": [
            {"name": row.name, "owner": row.owner, "state": _enum(row.state), "kind": row.kind} for row in seen.groups
        ],
        "csvs": [{"name": row.name, "owner": row.owner, "state": row.state} for row in seen.csvs],
        "disks": [{"name": row.name, "health": row.health, "operational": row.operational} for row in seen.disks],
        "jobs": [asdict(job) for job in seen.jobs],
        "pool": asdict(seen.pool) if seen.pool is not None else None,
        "guests": [{"name": row.name, "owner": row.owner, "state": _enum(row.state)} for row in seen.guests],
    }


def _enum(value: EnumValue | None) -> Json:
    return None if value is None else {"name": value.name, "value": value.value}


def runs_record(update_id: str, runs: Iterable[UpdateRunRow]) -> dict[str, Json]:
    """The `runs` record: every run of an update."""
    rows: list[Json] = [
        {"id": row.run_id, "state": _enum(row.state), "started": row.started.isoformat() if row.started else None}
        for row in runs
    ]
    return {"what": "runs", "update_id": update_id, "runs": rows}


def migrations_record(events: Iterable[LoggedMigration]) -> dict[str, Json]:
    """The `migrations` record: what a node logged about live migrations."""
    return {"what": "migrations", "events": [asdict(event) for event in events]}


def health_record(scope: str, checks: Iterable[HealthCheck]) -> dict[str, Json]:
    """The `health` record of one scope: `system` or `update`."""
    return {"what": "health", "scope": scope, "checks": [asdict(check) for check in checks]}
