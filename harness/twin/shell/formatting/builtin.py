"""Views of the engine's own types ([D] PowerShell source of 2016, DotNetTypes and PowerShellCore format data)."""

from __future__ import annotations

from datetime import datetime

from harness.twin.shell.dateformat import format_date
from harness.twin.shell.dotnet.regularexpressions import Group, Match
from harness.twin.shell.dotnet.xmlnodes import NODES
from harness.twin.shell.enginecontext import PATH_INFO
from harness.twin.shell.formatting.cells import UNNAMED
from harness.twin.shell.formatting.renderer import Packet
from harness.twin.shell.formatting.views import Column, register_text_view, register_view
from harness.twin.shell.members import LISTED
from harness.twin.shell.objects import PSObject, bare_value
from harness.twin.shell.text import to_text

_ENTRY = [Column("Name", "Key", 30), Column("Value", "Value")]
register_view("System.Collections.DictionaryEntry", table=_ENTRY, list=[Column("Name", "Key"), "Value"], auto=False)
UNNAMED.update({Group, Match, *NODES})


def _moment(value: object) -> str:
    """A date as its ``DisplayHint`` wants it."""
    moment = bare_value(value)
    assert isinstance(moment, datetime)  # noqa: S101 - the view of dates
    hint = to_text(value.get("DisplayHint")) if isinstance(value, PSObject) else ""
    parts = {"Date": ("D",), "Time": ("T",)}.get(hint, ("D", "T"))
    return " ".join(format_date(moment, part) for part in parts)


register_text_view("System.DateTime", _moment)
register_view(PATH_INFO, table=["Path"], auto=False)
register_view(
    "System.Version",
    table=[Column("Major", width=6), Column("Minor", width=6), Column("Build", width=6), Column("Revision", width=8)],
)
register_view("System.Management.Automation.PSVariable", table=[Column("Name", width=30), Column("Value")], auto=False)
register_view(
    "Microsoft.PowerShell.Commands.GroupInfo",
    table=[Column("Count", width=5, right=True), Column("Name", width=25), Column("Group")],
    list=["Name", "Count", "Group", "Values"],
    auto=False,
)
register_view(
    "Microsoft.PowerShell.Commands.GroupInfoNoElement",
    table=[Column("Count", width=5, right=True), Column("Name", width=25)],
    list=["Name", "Count", "Values"],
    auto=False,
)
register_view(
    "System.Management.Automation.AliasInfo",
    table=[
        Column("CommandType", width=15),
        Column("Name", "DisplayName", 50),
        Column("Version", width=10),
        Column("Source"),
    ],
    list=["DisplayName", "CommandType", "Definition", "ReferencedCommand", "ResolvedCommand"],
    auto=False,
)
for _kind in ("CmdletInfo", "FunctionInfo", "ApplicationInfo", "FilterInfo"):
    register_view(
        f"System.Management.Automation.{_kind}",
        table=[
            Column("CommandType", width=15),
            Column("Name", width=50),
            Column("Version", width=10),
            Column("Source"),
        ],
        list=["Name", "CommandType", "Definition"] if _kind in ("FunctionInfo", "FilterInfo") else None,
        auto=False,
    )
register_view("System.Management.Automation.PSCredential", table=[Column("UserName"), Column("Password", right=True)])
register_view(
    "System.RuntimeType",
    table=[
        Column("IsPublic", width=8),
        Column("IsSerial", "IsSerializable", 8),
        Column("Name", width=40),
        Column("BaseType"),
    ],
    auto=False,
)
_SPAN = ["Days", "Hours", "Minutes", "Seconds", "Milliseconds"]
_TOTALS = ["Ticks", "TotalDays", "TotalHours", "TotalMinutes", "TotalSeconds", "TotalMilliseconds"]
register_view("System.TimeSpan", table=_SPAN, list=[*_SPAN, *_TOTALS], default="list")
register_view(
    "Microsoft.PowerShell.Commands.MemberDefinition",
    table=[Column("Name"), Column("MemberType"), Column("Definition")],
    group_by="TypeName",
)

# What a format command emits, as those see it who send it on to something else ([D] the source of 2016).
_CLASS_ID = "ClassId2e4f51ef21dd47e99d3c952918aff9cd"
_CLASSES = {
    "start": "033ecb2bc07a4d43b5ef94ed5a35d280",
    "group": "9e210fe47d09416682b841769c78b8a3",
    "entry": "27c87ef9bbda4f709f6b4002fa4af63c",
    "text": "27c87ef9bbda4f709f6b4002fa4af63c",
    "groupend": "4ec4f0187cb04f4cb6973460dfe252df",
    "end": "cf522b78d86c486691226b40aa69e95c",
}
_PARTS = {
    "start": ("pageHeaderEntry", "pageFooterEntry", "autosizeInfo", "shapeInfo", "groupingEntry"),
    "group": ("shapeInfo", "groupingEntry"),
    "entry": ("formatEntryInfo", "outOfBand", "writeStream"),
    "text": ("formatEntryInfo", "outOfBand", "writeStream"),
    "groupend": ("groupingEntry",),
    "end": ("groupingEntry",),
}
_SHAPES = {"table": "TableHeaderInfo", "list": "ListViewHeaderInfo", "wide": "WideViewHeaderInfo"}


def _packet_properties(packet: Packet) -> list[tuple[str, object]]:
    kind = _SHAPES.get(packet.shape.kind, "ComplexViewHeaderInfo") if packet.shape is not None else ""
    known: dict[str, object] = {"outOfBand": packet.kind == "text", "writeStream": "None"}
    if packet.kind == "start":
        known["shapeInfo"] = f"Microsoft.PowerShell.Commands.Internal.Format.{kind}"
    return [(_CLASS_ID, _CLASSES[packet.kind]), *((name, known.get(name)) for name in _PARTS[packet.kind])]


LISTED[Packet] = _packet_properties
