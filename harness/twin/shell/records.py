"""What stands in the warning, verbose, debug, information and progress streams."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from harness.twin.shell.errors import Invocation
from harness.twin.shell.objects import NetList
from harness.twin.shell.text import net_text, register_text, to_text
from harness.twin.shell.typesystem import register_value_type

_AUTOMATION: Final = "System.Management.Automation."


@dataclass(slots=True, eq=False)
class MessageRecord:
    """A warning, verbose or debug message."""

    stream: str
    message: str
    invocation: Invocation | None = None

    @property
    def full_name(self) -> str:
        """Its .NET class."""
        return f"{_AUTOMATION}{self.stream.capitalize()}Record"


@dataclass(slots=True, eq=False)
class HostText:
    """What ``Write-Host`` writes: the message of its information record."""

    message: str
    no_newline: bool = False
    foreground: str | None = None
    background: str | None = None


class TagList(NetList):
    """The tags of a record: a list of texts that can be added to."""

    __slots__ = ()

    def __init__(self, items: Iterable[object] = ()) -> None:
        super().__init__(items, "System.Collections.Generic.List`1[System.String]")


@dataclass(slots=True, eq=False)
class InformationRecord:
    """A record of the information stream; ``shown`` on the console when ``Write-Host`` or the preference says so."""

    data: object
    tags: Sequence[object] = field(default_factory=TagList)
    shown: bool = False
    source: str = ""
    time: datetime | None = None
    computer: str = ""
    user: str = ""
    process: int = 0
    native_thread: int = 0
    thread: int = 0


@dataclass(slots=True, eq=False)
class ProgressRecord:
    """A record of the progress stream."""

    activity: str
    status: str
    percent: int = -1
    completed: bool = False
    identity: int = 0
    parent: int = -1
    seconds: int = -1
    operation: str = ""


for _stream in ("Warning", "Verbose", "Debug"):
    _name = f"{_AUTOMATION}{_stream}Record"
    register_value_type(type(None), "System.Object")
register_value_type(MessageRecord, lambda record: record.full_name if isinstance(record, MessageRecord) else "")
register_value_type(TagList, "System.Collections.Generic.List`1[System.String]")
register_value_type(InformationRecord, f"{_AUTOMATION}InformationRecord")
register_value_type(HostText, f"{_AUTOMATION}HostInformationMessage")
register_value_type(ProgressRecord, f"{_AUTOMATION}ProgressRecord")
register_text(MessageRecord, lambda record: record.message if isinstance(record, MessageRecord) else "")
register_text(InformationRecord, lambda record: to_text(record.data) if isinstance(record, InformationRecord) else "")
register_text(HostText, lambda record: record.message if isinstance(record, HostText) else "")
register_text(ProgressRecord, lambda record: net_text(record.activity) if isinstance(record, ProgressRecord) else "")
