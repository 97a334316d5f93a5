"""Read-only questions about known conditions: groups, action plans, health rows, drives, the Update Service's answer.

Fault proofs and guides ask the same ones.  Sources: [D] ASD update pages, [T] TSG Update and EnvironmentValidator.
"""

from __future__ import annotations

from typing import Any, Final

from harness.azurelocal.command import Command
from harness.azurelocal.health import parse_checks
from harness.transports.powershell import fill, script_json
from harness.transports.replies import Json, as_list, as_number, as_record, as_text, as_time

GIB: Final = 2**30

_GROUPS: Final = """@(Get-ClusterGroup|ForEach-Object{
@{name=$_.Name;owner="$($_.OwnerNode)";state="$($_.State)";kind="$($_.GroupType)"}})"""
_PLANS: Final = """Import-Module ECEClient -DisableNameChecking
$now=[DateTime]::UtcNow
@(Get-ActionPlanInstances|ForEach-Object{
@{id="$($_.InstanceID)";name=$_.ActionPlanName;status="$($_.Status)";started=$_.StartDateTime;now=$now}})"""
_HEALTH: Final = """$e=Get-SolutionUpdateEnvironment -FullHealthCheckDetails
$u=Get-SolutionUpdate -Id <<id>> -FullHealthCheckDetails
@(foreach($h in @(@{s='system';r=$e.HealthCheckResult},@{s='update';r=$u.HealthCheckResult})){
$h.r|Where-Object{$_}|ForEach-Object{@{scope=$h.s;name=$_.Name;status="$($_.Status)";severity="$($_.Severity)"
target="$($_.TargetResourceName)";description=$_.Description;extra=$_.AdditionalData}}})"""
_DRIVE: Final = """$d=Get-PSDrive C
$t=0;Get-ChildItem C:\\Windows\\Temp -Recurse -File -Force -ErrorAction SilentlyContinue|ForEach-Object{$t+=$_.Length}
@{node=$env:COMPUTERNAME;free=$d.Free;used=$d.Used;temp=$t}"""
_UPTIME: Final = """$o=Get-CimInstance Win32_OperatingSystem
@{node=$o.CSName;up_s=($o.LocalDateTime-$o.LastBootUpTime).TotalSeconds}"""
_SERVICE: Final = """$begun=[DateTime]::UtcNow;$e=''
try{$null=Get-SolutionUpdateEnvironment}catch{$e="$($_.Exception.Message)"}
@{answer_s=([DateTime]::UtcNow-$begun).TotalSeconds;error=$e}"""


def _rows(document: Json) -> list[dict[str, Json]]:
    return [dict(as_record(row)) for row in as_list(document)]


def _read_plans(document: Json) -> list[dict[str, Json]]:
    rows: list[dict[str, Json]] = []
    for row in map(as_record, as_list(document)):
        started, now = as_time(row.get("started")), as_time(row.get("now"))
        age_h = (now - started).total_seconds() / 3600 if started and now else None
        names = {key: as_text(row.get(key)) for key in ("id", "name", "status")}
        rows.append({**names, "age_h": age_h})
    return rows


def _read_health(document: Json) -> list[dict[str, Json]]:
    scopes = [as_text(as_record(row).get("scope")) for row in as_list(document)]
    checks = parse_checks(document)
    return [
        {
            "scope": scope,
            "name": check.name,
            "status": check.status,
            "severity": check.severity,
            "target": check.target,
            "detail": check.detail,
        }
        for scope, check in zip(scopes, checks, strict=True)
    ]


def _read_drive(document: Json) -> dict[str, Json]:
    row = as_record(document)
    return {
        "node": as_text(row.get("node")),
        "free_gb": (as_number(row.get("free")) or 0.0) / GIB,
        "temp_gb": (as_number(row.get("temp")) or 0.0) / GIB,
    }


def _read_uptime(document: Json) -> dict[str, Json]:
    row = as_record(document)
    return {"node": as_text(row.get("node")), "up_s": as_number(row.get("up_s"))}


def _read_service(document: Json) -> dict[str, Json]:
    row = as_record(document)
    return {"answer_s": as_number(row.get("answer_s")), "error": as_text(row.get("error"))}


GROUPS: Final[Command[Any]] = Command("groups", script_json(_GROUPS, depth=2), _rows)
"""Clustered groups: rows of name, owner, state, kind."""

PLANS: Final[Command[Any]] = Command("plans", script_json(_PLANS, depth=2), _read_plans)
"""Action plan instances: rows of id, name, status, age_h (hours since their start)."""

DRIVE: Final[Command[Any]] = Command("drives", script_json(_DRIVE, depth=2), _read_drive)
"""The system drive of the node that is asked: node, free_gb, temp_gb."""

UPTIME: Final[Command[Any]] = Command("uptime", script_json(_UPTIME, depth=1), _read_uptime, within_s=20.0)
"""How long the operating system of the node that is asked runs, by the node's own clock: node, up_s.

The wait is short, since it is asked of nodes that may be away.  Names: [D] Win32_OperatingSystem.
"""

SERVICE: Final[Command[Any]] = Command("service", script_json(_SERVICE, depth=1), _read_service, within_s=180.0)
"""How the Update Service answers: answer_s, error."""


def read_health(update_id: str) -> Command[Any]:
    """Health check rows of system and update: scope, name, status, severity, target, detail."""
    return Command("health", script_json(fill(_HEALTH, id=update_id), depth=5), _read_health)
