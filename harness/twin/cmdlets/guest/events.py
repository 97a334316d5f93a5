"""``Get-WinEvent -FilterHashtable`` and ``-LogName`` over a guest's event logs ([D] PSD 5.1)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from harness.twin.cmdlets.declaring import selects
from harness.twin.cmdlets.guest.modules import DIAGNOSTICS, local_time, machine_of
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.windows.state import LogEntry
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.formatting import register_view
from harness.twin.shell.objects import Int64, PSHashtable, PSObject
from harness.twin.shell.text import to_text

EVENT: Final = Shape(
    (
        "System.Diagnostics.Eventing.Reader.EventLogRecord",
        "System.Diagnostics.Eventing.Reader.EventRecord",
        "System.Object",
    ),
    "TimeCreated Id Level LevelDisplayName LogName ProviderName RecordId MachineName Message Properties",
)
_LEVELS: Final = {1: "Critical", 2: "Error", 3: "Warning", 4: "Information"}
_KEYS: Final = ("logname", "id", "providername", "starttime", "endtime", "level")
_LOGS: Final = ("System", "Setup", "Application")
_NONE: Final = "No events were found that match the specified selection criteria."


def register_event_views() -> None:
    """Tell the formatter how events look."""
    register_view(EVENT.type_name, table=["TimeCreated", "Id", "LevelDisplayName", "Message"])


@DIAGNOSTICS.cmdlet(
    "Get-WinEvent",
    Parameter("FilterHashtable", "hashtable", position=0, mandatory=True, sets=("Table",)),
    Parameter("LogName", "string[]", position=0, mandatory=True, sets=("Log",)),
    Parameter("MaxEvents", "int"),
    Parameter("Oldest", "switch"),
    default_set="Log",
)
def get_win_event(call: Call) -> Iterator[object]:
    """Events, newest first; an error when there is none."""
    table: PSHashtable = call.get("FilterHashtable") or PSHashtable({"LogName": call.texts("LogName")})
    for key in table:
        if to_text(key).lower() not in _KEYS:
            raise limitation(f"the key '{to_text(key)}' of -FilterHashtable is not simulated")
    logs = _texts(table.get("LogName"))
    for name in logs:
        if not any(selects([name], log) for log in _LOGS):
            text = f'There is not an event log on the localhost computer that matches "{name}".'
            kind = "System.Exception"
            call.write_error(text, "NoMatchingLogsFound", "ObjectNotFound", name, kind)
    found = [entry for entry in machine_of(call).log if _matches(call.host, table, entry)]
    if not found:
        call.write_error(_NONE, "NoMatchingEventsFound", "ObjectNotFound", exception="System.Exception")
    if not call.switch("Oldest"):
        found.reverse()
    for entry in found[: call.number("MaxEvents", len(found))]:
        yield _event(call.host, entry)


def _matches(host: Any, table: PSHashtable, entry: LogEntry) -> bool:
    moment = local_time(host, entry.t_ns)
    start, end = table.get("StartTime"), table.get("EndTime")
    return (
        selects(_texts(table.get("LogName")), entry.log)
        and selects(_texts(table.get("ProviderName")), entry.provider)
        and selects(_texts(table.get("Id")), str(entry.id))
        and selects(_texts(table.get("Level")), str(entry.level))
        and (start is None or _bare(moment) >= _bare(start))
        and (end is None or _bare(moment) <= _bare(end))
    )


def _texts(value: object) -> list[str]:
    if value is None:
        return []
    return [to_text(item) for item in value] if isinstance(value, list) else [to_text(value)]


def _bare(moment: object) -> datetime:
    """A moment of the filter in the guest's time (its zone is UTC)."""
    if not isinstance(moment, datetime):
        raise limitation("StartTime and EndTime of -FilterHashtable must be dates")
    return moment.replace(tzinfo=None)


def _event(host: Any, entry: LogEntry) -> PSObject:
    kind = "System.Diagnostics.Eventing.Reader.EventProperty"
    return EVENT.make(
        local_time(host, entry.t_ns),
        entry.id,
        entry.level,
        _LEVELS[entry.level],
        entry.log,
        entry.provider,
        Int64(entry.record),
        str(host.computer_name),
        entry.message,
        [PSObject.of_type(kind, {"Value": value}) for value in entry.values],
    )
