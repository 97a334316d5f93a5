"""Names and paths of files, and archives: ``Rename-Item``, ``Compress-Archive`` … ([D] PSD 5.1; texts [GK]).

Archives are real ones.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.computer import MANAGEMENT
from harness.twin.cmdlets.declaring import Module
from harness.twin.cmdlets.fileobjects import (
    LITERAL,
    PATH,
    Place,
    files_of,
    make_item,
    paths_given,
    resolve,
    write_fault,
)
from harness.twin.cmdlets.files import content_of
from harness.twin.cmdlets.shapes import Shape
from harness.twin.cmdlets.starting import UTILITY
from harness.twin.model.files import File, FileError, NodeFiles, parent_of
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.providers import full_path
from harness.twin.shell.errors import PSError

ARCHIVE: Final = Module("Microsoft.PowerShell.Archive", lambda name: name)
PATH_INFO: Final = Shape("System.Management.Automation.PathInfo", "Drive Provider ProviderPath Path")
_DESTINATION: Final = Parameter("DestinationPath", "string", position=1)
_PASS: Final = Parameter("PassThru", "switch")


def _places(call: Call) -> list[Place]:
    return [place for given in paths_given(call) for place in resolve(call, full_path(call, given))]


@MANAGEMENT.cmdlet(
    "Rename-Item",
    Parameter("Path", "string", position=0, pipeline=("value", "name"), aliases=("PSPath",)),
    Parameter("NewName", "string", position=1, mandatory=True, pipeline="name"),
    Parameter("LiteralPath", "string", aliases=("FullName",)),
    Parameter("Force", "switch"),
    _PASS,
    aliases=("ren", "rni"),
    should_process=True,
)
def rename_item(call: Call) -> Iterator[object]:
    """Gives a file or folder another name in its folder."""
    path = full_path(call, call.text("LiteralPath") or call.text("Path"))
    files, name = files_of(call), call.text("NewName").removeprefix(".\\")
    if not files.exists(path):
        text = f"Cannot rename because item at '{path}' does not exist."
        kind = "System.Management.Automation.PSInvalidOperationException"
        call.write_error(text, "InvalidOperation", "InvalidOperation", path, kind)
        return
    target = f"{parent_of(path).rstrip(chr(92))}\\{name}"
    if not call.should_process(f"Item: {path} Destination: {target}", "Rename File"):
        return
    try:
        entry = files.move(path, target)
    except FileError as error:
        write_fault(call, error, "RenameItemIOError")
        return
    if call.switch("PassThru"):
        yield make_item(call.host, target, entry)


@MANAGEMENT.cmdlet("Resolve-Path", PATH, LITERAL, Parameter("Relative", "switch"), aliases=("rvpa",))
def resolve_path(call: Call) -> Iterator[object]:
    """The paths that a path means."""
    here = f"{parent_of(full_path(call, 'here')).rstrip(chr(92))}\\"
    for place in _places(call):
        if call.switch("Relative"):
            below = place.path.lower().startswith(here.lower())
            yield f".\\{place.path[len(here) :]}" if below else place.path
        else:
            yield PATH_INFO.make("C", "Microsoft.PowerShell.Core\\FileSystem", place.path, place.path, text=place.path)


@UTILITY.cmdlet("Unblock-File", PATH, LITERAL, should_process=True)
def unblock_file(call: Call) -> None:
    """Takes the mark of the internet away, which no file here has; a file that is not there is an error."""
    _places(call)


# --- archives


def _refuse(call: Call, text: str, error_id: str, target: str) -> PSError:
    return call.fail(text, error_id, "InvalidArgument", target, "System.InvalidOperationException")


@ARCHIVE.cmdlet(
    "Compress-Archive",
    PATH,
    LITERAL,
    Parameter("DestinationPath", "string", position=1, mandatory=True),
    Parameter("CompressionLevel", "string", values=("Optimal", "NoCompression", "Fastest")),
    Parameter("Update", "switch"),
    Parameter("Force", "switch"),
    should_process=True,
)
def compress(call: Call) -> None:
    """Writes a zip archive of files and folders; one that is there needs ``-Force`` or ``-Update``."""
    target, files = full_path(call, call.text("DestinationPath")), files_of(call)
    target = target if target.lower().endswith(".zip") else f"{target}.zip"
    old = files.find(target)
    if old is not None and not call.switch("Force") and not call.switch("Update"):
        text = f"The archive file {target} already exists. Use the -Update parameter to update the existing archive "
        raise _refuse(
            call,
            f"{text}file or use the -Force parameter to overwrite the existing archive file.",
            "ArchiveFileExists",
            target,
        )
    before = content_of(old, target) if call.switch("Update") and isinstance(old, File) else b""
    buffer = io.BytesIO(before)
    with zipfile.ZipFile(buffer, "a" if before else "w", zipfile.ZIP_DEFLATED) as archive:
        for place in _places(call):
            base = parent_of(place.path)
            for path, content in _contents(files, place):
                archive.writestr(path[len(base.rstrip("\\")) + 1 :].replace("\\", "/"), content)
    if call.should_process(target, "Compress-Archive"):
        _write(call, files, target, buffer.getvalue())


def _contents(files: NodeFiles, place: Place) -> Iterator[tuple[str, bytes]]:
    if isinstance(place.entry, File):
        yield place.path, content_of(place.entry, place.path)
        return
    for path, entry in files.walk(place.path):
        if isinstance(entry, File):
            yield path, content_of(entry, path)


def _write(call: Call, files: NodeFiles, path: str, content: bytes) -> None:
    try:
        files.make_folder(parent_of(path))
        files.write(path, content)
    except FileError as error:
        write_fault(call, error, "ArchiveIOError")


@ARCHIVE.cmdlet("Expand-Archive", PATH, LITERAL, _DESTINATION, Parameter("Force", "switch"), _PASS, should_process=True)
def expand(call: Call) -> None:
    """Writes the files of a zip archive to a folder; one that is there needs ``-Force``."""
    files = files_of(call)
    for place in _places(call):
        stem = place.path.rpartition("\\")[2].rpartition(".")[0]
        folder = full_path(call, call.text("DestinationPath") or stem)
        try:
            archive = zipfile.ZipFile(
                io.BytesIO(content_of(place.entry, place.path) if isinstance(place.entry, File) else b"")
            )
        except zipfile.BadZipFile:
            text = (
                f"{place.path} is not a supported archive file format. .zip is the only supported archive file format."
            )
            raise _refuse(call, text, "NotSupportedArchiveFileExtension", place.path) from None
        files.make_folder(folder)
        for name in archive.namelist():
            path = f"{folder.rstrip(chr(92))}\\{name.replace('/', chr(92))}".rstrip("\\")
            if name.endswith("/"):
                files.make_folder(path)
            elif files.exists(path) and not call.switch("Force"):
                _exists(call, path, place.path)
            else:
                _write(call, files, path, archive.read(name))


def _exists(call: Call, path: str, archive: str) -> None:
    text = (
        f"Failed to create file '{path}' while expanding the archive file '{archive}' contents as the file already "
        f"exists. Use the -Force parameter if you want to overwrite the existing directory '{path}' contents when "
        "expanding the archive file."
    )
    call.write_error(text, "ExpandArchiveFileExists", "InvalidArgument", path, "System.IO.IOException")
