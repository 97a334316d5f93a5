"""``Get-WinEvent`` and ``Get-EventLog`` over the event logs of a machine, node or guest ([D] PSD 5.1; texts [GK])."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from harness.twin.cmdlets.declaring import property_of, selects
from harness.twin.cmdlets.shapes import Shape
from harness.twin.cmdlets.windows import local_time
from harness.twin.model.windows.state import LogEntry
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.dotnet.xmlnodes import parse_xml
from harness.twin.shell.errors import limitation
from harness.twin.shell.formatting import Column, register_view
from harness.twin.shell.objects import Int64, PSHashtable, PSMethod, PSObject
from harness.twin.shell.regexes import has_wildcard
from harness.twin.shell.text import to_text
from harness.twin.shell.xpath import BadXPathError, select

EVENT: Final = Shape(
    (
        "System.Diagnostics.Eventing.Reader.EventLogRecord",
        "System.Diagnostics.Eventing.Reader.EventRecord",
        "System.Object",
    ),
    "TimeCreated Id Level LevelDisplayName LogName ProviderName RecordId MachineName Message Properties",
)
ENTRY: Final = Shape(
    ("System.Diagnostics.EventLogEntry", "System.ComponentModel.Component", "System.Object"),
    "Index TimeGenerated TimeWritten EntryType Source InstanceId EventID MachineName Message ReplacementStrings",
)
LOG: Final = Shape(
    "System.Diagnostics.Eventing.Reader.EventLogConfiguration",
    "LogName LogMode MaximumSizeInBytes RecordCount IsEnabled IsClassicLog",
)
_LARGEST: Final = 20 * 2**20
"""[GK] Bytes that a log of Windows grows to before it begins to overwrite."""
_LEVELS: Final = {1: "Critical", 2: "Error", 3: "Warning", 4: "Information"}
_TYPES: Final = {1: "Error", 2: "Error", 3: "Warning", 4: "Information"}
"""The old interface has no critical events [GK]."""
_KEYS: Final = ("logname", "id", "providername", "starttime", "endtime", "level")
_NONE: Final = "No events were found that match the specified selection criteria."
_NAMESPACE: Final = "http://schemas.microsoft.com/win/2004/08/events/event"
WIN_EVENT: Final = (
    Parameter("FilterHashtable", "hashtable", position=0, mandatory=True, sets=("Table",)),
    Parameter("LogName", "string[]", position=0, mandatory=True, sets=("Log",)),
    Parameter("ProviderName", "string[]", mandatory=True, sets=("Provider",)),
    Parameter("ListLog", "string[]", position=0, mandatory=True, sets=("ListLog",)),
    Parameter("FilterXPath", "string", sets=("Log", "Provider")),
    Parameter("MaxEvents", "int", minimum=1),
    Parameter("Oldest", "switch"),
    Parameter("Force", "switch"),
)


def register_event_views() -> None:
    """Tell the formatter how events look."""
    register_view(
        EVENT.type_name,
        table=[
            Column("TimeCreated", width=26),
            Column("Id", width=8, right=True),
            Column("LevelDisplayName", width=16),
            Column("Message"),
        ],
        auto=False,
        group_by="ProviderName",
    )
    register_view(
        LOG.type_name,
        table=[
            Column("LogMode", width=9),
            Column("MaximumSizeInBytes", width=18, right=True),
            Column("RecordCount", width=11, right=True),
            Column("LogName"),
        ],
        auto=False,
    )
    register_view(
        ENTRY.type_name,
        table=[
            Column("Index", width=8, right=True),
            Column("Time", lambda value: f"{property_of(value, 'TimeGenerated'):%b %d %H:%M}", 13),
            Column("EntryType", width=11),
            Column("Source", width=20),
            Column("InstanceID", width=12, right=True),
            Column("Message"),
        ],
        auto=False,
    )


def win_events(call: Call, entries: Sequence[LogEntry], logs: Sequence[str], *, all_logs: bool) -> Iterator[object]:
    """Events, newest first; an error when there is none.

    ``all_logs``: the machine has no other logs; else asking for one that is not simulated raises PSError.
    """
    if call.has("ListLog"):
        yield from _logs(call, entries, logs)
        return
    table: PSHashtable = call.get("FilterHashtable") or PSHashtable(
        {name: call.texts(name) for name in ("LogName", "ProviderName") if call.has(name)}
    )
    for key in table:
        if to_text(key).lower() not in _KEYS:
            raise limitation(f"the key '{to_text(key)}' of -FilterHashtable is not simulated")
    for name in _texts(table.get("LogName")):
        if not any(selects([name], log) for log in logs):
            if not all_logs:
                raise limitation(f"the event log '{name}' is not simulated")
            text = f'There is not an event log on the localhost computer that matches "{name}".'
            call.write_error(text, "NoMatchingLogsFound", "ObjectNotFound", name, "System.Exception")
    found = [entry for entry in entries if _matches(call.host, table, entry)]
    if call.has("FilterXPath"):
        found = [entry for entry in found if _holds(call.host, call.text("FilterXPath"), entry)]
    if not found:
        call.write_error(_NONE, "NoMatchingEventsFound", "ObjectNotFound", exception="System.Exception")
    if not call.switch("Oldest"):
        found.reverse()
    for entry in found[: call.number("MaxEvents", len(found))]:
        yield _event(call.host, entry)


def _logs(call: Call, entries: Sequence[LogEntry], logs: Sequence[str]) -> Iterator[object]:
    """The logs themselves; a name that fits none is an error."""
    for wanted in call.texts("ListLog"):
        found = [log for log in logs if selects([wanted], log)]
        if not found:
            text = f'There is not an event log on the localhost computer that matches "{wanted}".'
            call.write_error(text, "NoMatchingLogsFound", "ObjectNotFound", wanted, "System.Exception")
        for log in found:
            count = sum(entry.log == log for entry in entries)
            yield LOG.make(log, "Circular", Int64(_LARGEST), Int64(count), True, "/" not in log)


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
    """A moment of the filter in the machine's time (its zone is UTC)."""
    if not isinstance(moment, datetime):
        raise limitation("StartTime and EndTime of -FilterHashtable must be dates")
    return moment.replace(tzinfo=None)


def _holds(host: Any, path: str, entry: LogEntry) -> bool:
    """Whether an event's XML has what an XPath wants.  Raises PSError for functions that are not simulated."""
    plain = path.replace("timediff(@SystemTime)", "@Age").replace('timediff("@SystemTime")', "@Age")
    document = parse_xml(_xml(host, entry, for_search=True))
    try:
        return bool(select(document, plain))
    except BadXPathError:
        raise limitation(f"-FilterXPath '{path}' is not simulated") from None


def _xml(host: Any, entry: LogEntry, *, for_search: bool = False) -> str:
    """An event as XML ([D] W32 event schema); for searching without namespace, and with its age in milliseconds."""
    moment = host.model.datetime_at(entry.t_ns)
    age = f" Age='{(host.model.now_ns - entry.t_ns) // 1_000_000}'" if for_search else ""
    head = "<Event>" if for_search else f"<Event xmlns='{_NAMESPACE}'>"
    data = "".join(f"<Data>{_escaped(value)}</Data>" for value in entry.values)
    return (
        f"{head}<System><Provider Name='{entry.provider}'/><EventID>{entry.id}</EventID><Level>{entry.level}</Level>"
        f"<TimeCreated SystemTime='{moment:%Y-%m-%dT%H:%M:%S.%f}Z'{age}/><EventRecordID>{entry.record}</EventRecordID>"
        f"<Channel>{entry.log}</Channel><Computer>{host.computer_name}</Computer></System>"
        f"<EventData>{data}</EventData></Event>"
    )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _event(host: Any, entry: LogEntry) -> PSObject:
    kind = "System.Diagnostics.Eventing.Reader.EventProperty"
    made = EVENT.make(
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
    made.members["toxml"] = PSMethod("ToXml", lambda _this: _xml(host, entry))
    return made


# --- the old interface

EVENT_LOG: Final = (
    Parameter("LogName", "string", position=0, mandatory=True, aliases=("LN",)),
    Parameter("InstanceId", "long[]", position=1),
    Parameter("Newest", "int", minimum=1),
    Parameter("After", "datetime"),
    Parameter("Before", "datetime"),
    Parameter("EntryType", "string[]", values=("Error", "Information", "FailureAudit", "SuccessAudit", "Warning")),
    Parameter("Source", "string[]", aliases=("ABO",)),
    Parameter("Message", "string", aliases=("MSG",)),
)
_CLASSIC: Final = ("system", "application", "security", "windows powershell")


def log_entries(call: Call, entries: Sequence[LogEntry], logs: Sequence[str]) -> Iterator[object]:
    """Entries of a classic log, newest first."""
    name = call.text("LogName")
    if name.lower() not in _CLASSIC or has_wildcard(name):
        kind = "System.InvalidOperationException"
        text = f"The event log '{name}' on computer '.' does not exist."
        raise call.fail(text, kind, "NotSpecified", None, kind)
    if not any(log.lower() == name.lower() for log in logs):
        raise limitation(f"the event log '{name}' is not simulated")
    found = [entry for entry in entries if entry.log.lower() == name.lower() and _wanted(call, entry)]
    if not found:
        call.write_error(
            "No matches found", "GetEventLogNoEntriesFound", "ObjectNotFound", exception="System.ArgumentException"
        )
    found.reverse()
    for entry in found[: call.number("Newest", len(found))]:
        moment = local_time(call.host, entry.t_ns)
        yield ENTRY.make(
            entry.record,
            moment,
            moment,
            _TYPES[entry.level],
            entry.provider,
            Int64(entry.id),
            entry.id,
            str(call.host.computer_name),
            entry.message,
            list(entry.values),
        )


def _wanted(call: Call, entry: LogEntry) -> bool:
    moment = local_time(call.host, entry.t_ns).replace(tzinfo=None)
    after, before = call.moment("After"), call.moment("Before")
    ids = [int(number) for number in call.get("InstanceId") or []]
    return (
        selects(call.texts("Source"), entry.provider)
        and selects(call.texts("EntryType"), _TYPES[entry.level])
        and (not ids or entry.id in ids)
        and (not call.has("Message") or selects([call.text("Message")], entry.message))
        and (after is None or moment > after.replace(tzinfo=None))
        and (before is None or moment < before.replace(tzinfo=None))
    )
