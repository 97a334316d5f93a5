"""What is worth keeping of a run, in the product's own words ([T] TSGs ask for run steps, CAU and storage state)."""

from __future__ import annotations

from typing import Any, Final

from harness.azurelocal.command import Command
from harness.transports.powershell import fill, script_json
from harness.transports.replies import Json

_RUNS: Final = "@(Get-SolutionUpdate -Id <<id>>|Get-SolutionUpdateRun)"
_ENVIRONMENT: Final = "Get-SolutionUpdateEnvironment"
_STORAGE: Final = "@{disks=@(Get-VirtualDisk);jobs=@(Get-StorageJob);pools=@(Get-StoragePool)}"
_CLUSTER: Final = "@{nodes=@(Get-ClusterNode);groups=@(Get-ClusterGroup)}"


def _as_it_is(document: Json) -> Any:
    return document


def evidence_commands(update_id: str) -> tuple[Command[Any], ...]:
    """Runs of an update (none without an id) with all their steps, environment with health, storage, cluster: each kept
    as one JSON file."""
    runs = Command("update-runs", script_json(fill(_RUNS, id=update_id), depth=12), _as_it_is)
    return (
        *((runs,) if update_id else ()),
        Command("update-environment", script_json(_ENVIRONMENT, depth=4), _as_it_is),
        Command("storage", script_json(_STORAGE, depth=3), _as_it_is),
        Command("cluster", script_json(_CLUSTER, depth=3), _as_it_is),
    )
