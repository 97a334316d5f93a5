"""Cluster-Aware Updating: the run in progress and the last report ([D] WPD ClusterAwareUpdating; statuses [D] W32).

Clients of the cluster name need a credential that can hop (CredSSP) on hardware ([T]); a refusal is read as `error`,
since a missing report must not hide the rest of what is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from harness.azurelocal.command import Command
from harness.transports.powershell import script_json
from harness.transports.replies import Json, as_list, as_record, as_text

RUNNING: Final = "RunInProgress"

READ_BODY: Final = """$d=@{}
try{$d.run=@(Get-CauRun|ForEach-Object{
if($_.RunId){@{id="$($_.RunId)";orchestrator="$($_.CurrentOrchestrator)"}}else{"$_"}})
$r=(Get-CauReport -Last -Detailed).ClusterResult
if($r){$d.report=@{id="$($r.RunId)";status="$($r.Status)";nodes=@($r.NodeResults|ForEach-Object{
@{name="$($_.Node.NodeName)";status="$($_.Status)"}})}}
}catch{$d.error=$_.Exception.Message}
$d"""


@dataclass(frozen=True, slots=True)
class CauStatus:
    """`run` is the state of the run (`RunNotInProgress` …), empty where it could not be read: then `error` says why.

    `report_status` and `node_statuses` are of the last report: Succeeded, PartiallyFailed, Failed, Canceled.
    """

    run: str
    orchestrator: str = ""
    report_id: str = ""
    report_status: str = ""
    node_statuses: Mapping[str, str] = field(default_factory=dict)
    error: str = ""


def read_cau() -> Command[CauStatus]:
    """Run and last report."""
    return Command("read-cau", script_json(READ_BODY, depth=6), parse_cau, second_hop=True)


def parse_cau(document: Json) -> CauStatus:
    """The answer to `read_cau`."""
    record = as_record(document)
    run, orchestrator = "", ""
    for item in as_list(record.get("run")):
        if isinstance(item, Mapping):
            run, orchestrator = RUNNING, as_text(item.get("orchestrator"))
        else:
            run = run or as_text(item)
    report = as_record(record.get("report"))
    nodes = (as_record(row) for row in as_list(report.get("nodes")))
    return CauStatus(
        run=run,
        orchestrator=orchestrator,
        report_id=as_text(report.get("id")),
        report_status=as_text(report.get("status")),
        node_statuses={as_text(row.get("name")): as_text(row.get("status")) for row in nodes},
        error=as_text(record.get("error")),
    )
