"""Health check results of the system and of an update ([D] ASD update/update-troubleshooting-23h2; fields [T])."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from harness.azurelocal.command import Command
from harness.transports.powershell import fill, script_json
from harness.transports.replies import Json, as_list, as_record, as_text
from harness.values import HealthCheck

STATUSES: Final[Mapping[int, str]] = {0: "SUCCESS", 1: "FAILURE"}
"""[T] Numbers seen in ConvertTo-Json output."""
SEVERITIES: Final[Mapping[int, str]] = {0: "INFORMATIONAL", 1: "WARNING", 2: "CRITICAL"}

_PRINT: Final = """.HealthCheckResult|Where-Object{$_}|ForEach-Object{
@{name=$_.Name;status="$($_.Status)";severity="$($_.Severity)"
target="$($_.TargetResourceName)";description=$_.Description;extra=$_.AdditionalData}})"""
_SYSTEM: Final = f"@((Get-SolutionUpdateEnvironment -FullHealthCheckDetails){_PRINT}"
_UPDATE: Final = f"@((Get-SolutionUpdate -Id <<id>> -FullHealthCheckDetails){_PRINT}"


def read_system_health() -> Command[tuple[HealthCheck, ...]]:
    """Results of the last system health check."""
    return Command("read-system-health", script_json(_SYSTEM, depth=5), parse_checks)


def read_update_health(update_id: str) -> Command[tuple[HealthCheck, ...]]:
    """Results of the last readiness check of one update."""
    return Command("read-update-health", script_json(fill(_UPDATE, id=update_id), depth=5), parse_checks)


def parse_checks(document: Json) -> tuple[HealthCheck, ...]:
    """The answer to one of the readers, in the product's order."""
    rows = (as_record(row) for row in as_list(document))
    return tuple(
        HealthCheck(
            name=as_text(row.get("name")),
            status=_read_word(row.get("status"), STATUSES),
            severity=_read_word(row.get("severity"), SEVERITIES),
            target=as_text(row.get("target")),
            detail=_read_detail(row.get("extra")) or as_text(row.get("description")),
        )
        for row in rows
    )


def _read_word(value: Json, words: Mapping[int, str]) -> str:
    text = as_text(value).strip()
    return words.get(int(text), text) if text.isdecimal() else text.upper()


def _read_detail(extra: Json) -> str:
    """`Detail` of AdditionalData, which is an object or a list of keys and values."""
    for item in as_list(extra):
        record = as_record(item)
        if "Detail" in record:
            return as_text(record["Detail"])
        if as_text(record.get("Key")) == "Detail":
            return as_text(record.get("Value"))
    return ""
