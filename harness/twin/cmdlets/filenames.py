"""``Rename-Item``, ``Clear-Content``, ``Unblock-File``, and file objects that .NET makes ([D] PSD 5.1; errors [GK])."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.computer import MANAGEMENT
from harness.twin.cmdlets.fileobjects import (
    EXCLUDE,
    FILE,
    FILTER,
    FOLDER,
    FORCE,
    INCLUDE,
    LITERAL,
    PATH,
    each_path,
    files_of,
    make_item,
    picked,
    resolve,
    write_fault,
)
from harness.twin.cmdlets.starting import UTILITY
from harness.twin.model.files import File, FileError, Folder, NodeFiles, parent_of
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.providers import report_missing
from harness.twin.shell.dotnet.files import full_path
from harness.twin.shell.dotnet.registry import constructor
from harness.twin.shell.objects import PSObject
from harness.twin.shell.session import current
from harness.twin.shell.typesystem import register_type


def _reported(call: Call, path: str) -> Iterator[object]:
    report_missing(call, path)
    yield from ()


@MANAGEMENT.table.cmdlet(
    "Rename-Item",
    module=MANAGEMENT.name,
    parameters=[
        Parameter("Path", "string[]", position=0, mandatory=True, pipeline=("value", "name"), sets=("ByPath",)),
        Parameter(
            "LiteralPath", "string[]", mandatory=True, pipeline="name", aliases=("PSPath",), sets=("ByLiteralPath",)
        ),
        Parameter("NewName", "string", position=1, mandatory=True, pipeline="name"),
        FORCE,
        Parameter("PassThru", "switch"),
    ],
    default_set="ByPath",
    should_process=True,
)
def rename_item(call: Call) -> Iterator[object]:
    """Gives files and folders another name in their folder."""
    yield from each_path(call, _rename, _reported)


def _rename(call: Call, path: str) -> Iterator[object]:
    files = files_of(call)
    entry = files.find(path)
    if entry is None:
        text = f"Cannot rename because item at '{path}' does not exist."
        kind = "System.Management.Automation.PSInvalidOperationException"
        call.write_error(text, "InvalidOperation", "InvalidOperation", path, kind)
        return
    name = call.text("NewName")
    source = files.canonical(path)
    target = name if ":" in name else f"{parent_of(source).rstrip(chr(92))}\\{name}"
    what = "Rename File" if isinstance(entry, File) else "Rename Directory"
    if not call.should_process(f"Item: {source} Destination: {target}", what):
        return
    try:
        files.move(source, target)
    except FileError as error:
        write_fault(call, error, "RenameItemIOError")
        return
    moved = files.find(target)
    if call.switch("PassThru") and moved is not None:
        yield make_item(call.host, target, moved)


@MANAGEMENT.table.cmdlet(
    "Clear-Content",
    module=MANAGEMENT.name,
    parameters=[PATH, LITERAL, FILTER, INCLUDE, EXCLUDE, FORCE],
    default_set="Path",
    should_process=True,
)
def clear_content(call: Call) -> Iterator[object]:
    """Empties files, which stay."""
    yield from each_path(call, _clear, _reported)


def _clear(call: Call, path: str) -> Iterator[object]:
    for place in resolve(call, path):
        wanted = isinstance(place.entry, File) and picked(call, place.entry.name)
        if wanted and call.should_process(f"Item: {place.path}", "Clear Content"):
            files_of(call).write(place.path, b"")
    yield from ()


@UTILITY.table.cmdlet(
    "Unblock-File", module=UTILITY.name, parameters=[PATH, LITERAL], default_set="Path", should_process=True
)
def unblock_file(call: Call) -> Iterator[object]:
    """Takes the mark of the web away: no file here has one, so only a missing file makes a difference."""

    def look(call: Call, path: str) -> Iterator[object]:
        resolve(call, path)
        yield from ()

    yield from each_path(call, look, _reported)


# --- [IO.FileInfo] and [IO.DirectoryInfo]

_INFO: Final = {"System.IO.FileInfo": FILE, "System.IO.DirectoryInfo": FOLDER}


def _info(path: str, kind: str) -> PSObject:
    """A file or folder object for a path, whether or not something is there."""
    host = current().host
    files: NodeFiles = host.node.files  # type: ignore[attr-defined]
    place = full_path(path).rstrip("\\")
    found = files.find(place)
    if isinstance(found, File if kind == "System.IO.FileInfo" else Folder):
        return make_item(host, place, found)
    name = place.rpartition("\\")[2]
    stem, dot, ending = name.rpartition(".")
    common = {"Exists": False, "FullName": place, "Extension": f".{ending}" if dot else "", "Name": name}
    common["BaseName"] = stem if dot and kind == "System.IO.FileInfo" else name
    return PSObject.of_type((kind, *_BASES), common, text=place)


_BASES: Final = ("System.IO.FileSystemInfo", "System.MarshalByRefObject", "System.Object")
register_type("System.IO.FileSystemInfo")
for _kind in _INFO:
    register_type(_kind)
    constructor(_kind, "string fileName")(lambda path, kind=_kind: _info(path, kind))
