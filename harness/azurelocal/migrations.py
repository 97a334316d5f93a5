"""Live migrations as the hosts logged them: a second opinion about how long a guest stood still.

Events 20415 (migration completed) and 20417 (completed, the blackout longer than expected) of the log
Microsoft-Windows-Hyper-V-VMMS-Admin tell guest and seconds ([P] guest-and-host-maintenance 6.5).  In which order their
data stand is not documented: the first text that is no identifier is taken for the guest's name and the last number for
the seconds [INF]; without data both are looked for in the message.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from harness.azurelocal.command import Command
from harness.transports.powershell import fill, script_json
from harness.transports.replies import Json, as_list, as_number, as_record, as_text, as_time
from harness.values import LoggedMigration

LOG: Final = "Microsoft-Windows-Hyper-V-VMMS-Admin"
EVENTS: Final = (20415, 20417)
EVENTS_AT_MOST: Final = 4000
"""Of one node and run: a drain moves all its guests, and a run has a drain for each node."""

_READ: Final = """$which=@{LogName=<<log>>;Id=<<ids>>;StartTime=[datetime]<<since>>}
@(Get-WinEvent -FilterHashtable $which -MaxEvents <<most>> -ErrorAction SilentlyContinue|ForEach-Object{
@{id=$_.Id;at=$_.TimeCreated.ToUniversalTime().ToString('o')
values=@($_.Properties|ForEach-Object{"$($_.Value)"});text=$_.Message}})"""

_IDENTIFIER: Final = re.compile(r"\{?[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?")
_QUOTED: Final = re.compile(r"'([^']+)'")
_SECONDS: Final = re.compile(r"(\d+(?:[.,]\d+)?) sec")


def read_migrations(since: datetime) -> Command[tuple[LoggedMigration, ...]]:
    """What the node it is sent to logged since `since` (UTC)."""
    stamp = since.isoformat().replace("+00:00", "Z")
    body = fill(_READ, log=LOG, ids=list(EVENTS), since=stamp, most=EVENTS_AT_MOST)
    return Command("read-migrations", script_json(body, depth=4), parse_migrations)


def parse_migrations(document: Json) -> tuple[LoggedMigration, ...]:
    """Events that tell a guest and a length, oldest first; others say nothing about a blackout."""
    found = [event for row in as_list(document) if (event := _event(row)) is not None]
    return tuple(sorted(found, key=lambda event: (event.at, event.vm, event.event_id)))


def _event(row: Json) -> LoggedMigration | None:
    record = as_record(row)
    values = [as_text(value).strip() for value in as_list(record.get("values"))]
    text = as_text(record.get("text"))
    at, number = as_time(record.get("at")), as_number(record.get("id"))
    vm, seconds = _guest(values, text), _seconds(values, text)
    if at is None or number is None or not vm or seconds is None:
        return None
    return LoggedMigration(vm, at.isoformat(), int(number), seconds)


def _guest(values: Sequence[str], text: str) -> str:
    named = next((value for value in values if value and not _IDENTIFIER.fullmatch(value)), "")
    if named:
        return named
    quoted = _QUOTED.search(text)
    return quoted[1].removeprefix("Virtual Machine ") if quoted else ""


def _seconds(values: Sequence[str], text: str) -> float | None:
    for value in reversed(values[1:]):
        number = as_number(value)
        if number is not None:
            return number
    told = _SECONDS.search(text)
    return float(told[1].replace(",", ".")) if told else None
