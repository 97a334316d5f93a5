"""Observations as data of journal records (docs/reference/journal.md)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Literal

from harness.azurelocal.cluster import ClusterObservation
from harness.transports.replies import Json
from harness.values import HealthCheck, UpdateObservation


def update_record(seen: UpdateObservation) -> dict[str, Json]:
    """The `update` record."""
    record = asdict(seen)
    if seen.step is not None:
        record["step"]["path"] = list(seen.step.path)
    return {"what": "update", **record}


def cluster_record(seen: ClusterObservation) -> dict[str, Json]:
    """The `cluster` record; guests without uptime, which roles do not tell."""
    record = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(seen).items()}
    record["guests"] = [{key: guest[key] for key in ("name", "owner", "state")} for guest in record["guests"]]
    return {"what": "cluster", **record}


def health_record(scope: Literal["system", "update"], checks: Iterable[HealthCheck]) -> dict[str, Json]:
    """The `health` record of one scope."""
    return {"what": "health", "scope": scope, "checks": [asdict(check) for check in checks]}
