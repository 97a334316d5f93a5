"""``Compress-Archive`` and ``Expand-Archive``, whose archives are real ones ([D] PSD 5.1; texts [GK])."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.declaring import Module
from harness.twin.cmdlets.fileobjects import (
    LITERAL,
    PATH,
    Place,
    files_of,
    paths_given,
    resolve,
    write_fault,
)
from harness.twin.cmdlets.files import content_of
from harness.twin.model.files import File, FileError, NodeFiles, parent_of
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.providers import full_path
from harness.twin.shell.errors import PSError

ARCHIVE: Final = Module("Microsoft.PowerShell.Archive", lambda name: name)
_DESTINATION: Final = Parameter("DestinationPath", "string", position=1)
_PASS: Final = Parameter("PassThru", "switch")


def _places(call: Call) -> list[Place]:
    return [place for given in paths_given(call) for place in resolve(call, full_path(call, given))]


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
