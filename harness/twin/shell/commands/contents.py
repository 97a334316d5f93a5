"""How ``Get-Content`` hands out what is in a file: as lines, in parts, with the notes about where it came from
([D] PSD 5.1; [D] PowerShell, GetContentCommand of 2016).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.pathparts import leaf_of, parent_of
from harness.twin.shell.commands.providers import SESSION_DRIVES, full_path, items_at, report_missing, split_drive
from harness.twin.shell.commands.table import CORE, MANAGEMENT
from harness.twin.shell.objects import Int64, PSObject
from harness.twin.shell.regexes import has_wildcard
from harness.twin.shell.storage import storage_of, text_of
from harness.twin.shell.typesystem import type_chain

_HOW_MUCH: Final = (
    Parameter("ReadCount", "long"),
    Parameter("TotalCount", "long", aliases=("First", "Head")),
    Parameter("Tail", "int", aliases=("Last",)),
)
CONTENT_PARAMETERS: Final = (
    *(replace(one, pipeline="name") for one in _HOW_MUCH),
    Parameter("Raw", "switch"),
    Parameter("Delimiter", "string"),
    Parameter("Encoding", "string"),
)
"""What ``Get-Content`` takes beside the path and what picks files."""

_LINE_END: Final = re.compile(r"\r\n|\n|\r")


def lines_of(text: str) -> list[str]:
    """The lines of a text as a reader of .NET sees them; the end of the last line begins no other."""
    lines = _LINE_END.split(text)
    return lines if lines[-1] else lines[:-1]


def pieces_of(call: Call, text: str) -> list[str]:
    """What of a text comes one by one: lines, with ``-Delimiter`` the parts with their delimiter, with ``-Raw`` all."""
    if call.switch("Raw"):
        return [text] if text else []
    delimiter = call.text("Delimiter")
    if not delimiter:
        return lines_of(text)
    *parts, last = text.split(delimiter)
    return [f"{part}{delimiter}" for part in parts] + ([last] if last else [])


def contradicts(call: Call) -> bool:
    """Whether head and tail are asked for at once; that is reported."""
    if not (call.has("TotalCount") and call.has("Tail")):
        return False
    text = "The parameters TotalCount and Tail cannot be used together. Please specify only one parameter."
    kind = "System.InvalidOperationException"
    call.write_error(text, "TailAndHeadCannotCoexist", "InvalidOperation", None, kind)
    return True


def handed_out(call: Call, pieces: Sequence[object], path: str, drive: PSObject) -> Iterator[object]:
    """Pieces of the file at *path*: as many as asked for, one by one or ``-ReadCount`` at once, each with its notes."""
    chosen = _chosen(call, pieces)
    step = call.number("ReadCount") if call.has("ReadCount") else 1
    about: dict[str, object] = {
        "PSPath": path,
        "PSParentPath": parent_of(path),
        "PSChildName": leaf_of(path),
        "PSDrive": drive,
        "PSProvider": drive.get("Provider"),
    }
    if step == 1:
        for count, one in enumerate(chosen, 1):
            yield PSObject({**about, "ReadCount": Int64(count)}, type_chain(one), base=one)
        return
    step = step if step > 0 else max(len(chosen), 1)
    for at in range(0, len(chosen), step):
        yield list(chosen[at : at + step])


def _chosen(call: Call, pieces: Sequence[object]) -> Sequence[object]:
    if call.has("TotalCount") and call.number("TotalCount") >= 0:
        return pieces[: call.number("TotalCount")]
    if call.has("Tail") and call.number("Tail") >= 0:
        return pieces[-call.number("Tail") :] if call.number("Tail") else []
    return pieces


def drive_of(path: str) -> PSObject:
    """The drive of a file, as content names it in its notes."""
    name = path.partition(":")[0]
    provider = PSObject.of_type(
        "System.Management.Automation.ProviderInfo",
        {"Name": "FileSystem", "ModuleName": "Microsoft.PowerShell.Core"},
        text="Microsoft.PowerShell.Core\\FileSystem",
    )
    found = {"Name": name, "Provider": provider, "Root": f"{name}:\\"}
    return PSObject.of_type("System.Management.Automation.PSDriveInfo", found, text=name)


@CORE.cmdlet(
    "Get-Content",
    module=MANAGEMENT,
    parameters=[
        Parameter("Path", "string[]", position=0, mandatory=True, pipeline="name", sets=("Path",)),
        Parameter(
            "LiteralPath", "string[]", mandatory=True, pipeline="name", aliases=("PSPath",), sets=("LiteralPath",)
        ),
        *CONTENT_PARAMETERS,
    ],
    default_set="Path",
)
def get_content(call: Call) -> Iterable[object]:
    """The content of a session's files and of items of its drives."""
    if contradicts(call):
        return
    for path in call.texts("LiteralPath") or call.texts("Path"):
        if split_drive(path)[0] in SESSION_DRIVES:
            yield from _of_items(call, path)
            continue
        for full in files_at(call, path):
            pieces = pieces_of(call, text_of(storage_of(call.rs).read(full)))
            yield from handed_out(call, pieces, full, drive_of(full))


def files_at(call: Call, path: str) -> Iterator[str]:
    """The full paths of the files that a path means; one that is not there is reported."""
    full, files = full_path(call, path), storage_of(call.rs)
    if has_wildcard(path) and not call.has("LiteralPath"):
        yield from (one for one in files.expand(full) if files.kind(one) == "file")
    elif files.kind(full) == "file":
        yield full
    else:
        report_missing(call, path)


def _of_items(call: Call, path: str) -> Iterator[object]:
    found = items_at(call, path)
    if not found:
        report_missing(call, path)
    for item in found:
        value = item.get("Value", item.get("Definition")) if isinstance(item, PSObject) else item
        yield from value if isinstance(value, list) else [value]
