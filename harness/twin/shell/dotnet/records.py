"""``[InformationRecord]``: what stands in the information stream."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from harness.twin.shell.conversion import convert
from harness.twin.shell.dotnet.registry import constructor, prop
from harness.twin.shell.objects import LOCAL, NetList, UInt32
from harness.twin.shell.records import InformationRecord, TagList
from harness.twin.shell.session import current
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import TypeRef

_DATE: Final = TypeRef("System.DateTime")
_PROCESS: Final = 4712
_THREAD: Final = 21


def _tags(this: InformationRecord) -> NetList:
    if not isinstance(this.tags, TagList):
        this.tags = TagList(this.tags)
    return this.tags


def _text(name: str) -> Any:
    return lambda this, value: setattr(this, name, to_text(value))


def _number(name: str) -> Any:
    return lambda this, value: setattr(this, name, int(to_text(value)))


def _set_time(this: InformationRecord, value: object) -> None:
    moment = convert(value, _DATE)
    this.time = moment if isinstance(moment, datetime) else None


prop(InformationRecord, "MessageData", lambda this: this.data)
prop(InformationRecord, "Source", lambda this: this.source, _text("source"))
prop(InformationRecord, "TimeGenerated", lambda this: this.time or current().local_now, _set_time)
prop(InformationRecord, "Tags", _tags)
prop(
    InformationRecord,
    "User",
    lambda this: (
        this.user
        or f"{current().environment.get('USERDOMAIN', current().host.computer_name)}\\"
        f"{current().environment.get('USERNAME', '')}"
    ),
    _text("user"),
)
prop(InformationRecord, "Computer", lambda this: this.computer or current().host.computer_name, _text("computer"))
prop(InformationRecord, "ProcessId", lambda this: UInt32(this.process or _PROCESS), _number("process"))
prop(InformationRecord, "NativeThreadId", lambda this: UInt32(this.native_thread or _THREAD), _number("native_thread"))
prop(InformationRecord, "ManagedThreadId", lambda this: UInt32(this.thread or _THREAD), _number("thread"))


@constructor("System.Management.Automation.InformationRecord", "object messageData, string source")
def new_record(data: object, source: str) -> InformationRecord:
    """A record of a message, made now."""
    return InformationRecord(data, source=source, time=current().local_now.replace(tzinfo=LOCAL))
