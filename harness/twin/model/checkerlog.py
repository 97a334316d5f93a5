"""The event log of the environment checker: one event for each result of a health check ([T] azure-local-updates 1.6).

The body of an event is the result as JSON, with status and severity as words ([P] guide of the TPM check).  The model
keeps the newest results of the system and of each update, so the log holds no older ones.  [INF] A result that names a
machine is written there, any other on every machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from harness.twin.model.cluster import ClusterModel
from harness.twin.model.content import HealthResult
from harness.twin.model.entities import Node

CHECKER_LOG: Final = "AzStackHciEnvironmentChecker"
RESULT: Final = 17205


def checker_results(model: ClusterModel, node: Node) -> Iterator[tuple[int, str]]:
    """When a result came, and its JSON, as this node's log has them."""
    kept = [model.environment.health_results, *(row.health_results for row in model.updates.rows)]
    others = [name.lower() for name in model.nodes if name != node.name]
    for result in dict.fromkeys(one for results in kept for one in results):
        about = f"{result.target_resource_name} {result.detail}".lower()
        if node.name.lower() in about or not any(name in about for name in others):
            yield result.timestamp_ns, _body(model, result)


def _body(model: ClusterModel, result: HealthResult) -> str:
    when = model.datetime_at(result.timestamp_ns)
    return json.dumps(
        {
            "Name": result.name,
            "DisplayName": result.display_name,
            "Title": result.title,
            "Status": result.status.name,
            "Severity": result.severity.name.capitalize(),
            "Description": result.description,
            "Remediation": result.remediation,
            "TargetResourceID": result.target_resource_id,
            "TargetResourceName": result.target_resource_name,
            "TargetResourceType": result.target_resource_type,
            "Timestamp": f"{when:%Y-%m-%dT%H:%M:%SZ}",
            "AdditionalData": {
                "Source": result.source,
                "Resource": result.resource,
                "Detail": result.detail,
                "Status": result.status.name,
                "TimeStamp": f"{when:%m/%d/%Y %H:%M:%S}",
            },
            "HealthCheckSource": result.source,
        },
        indent=2,
    ).replace("\n", "\r\n")
