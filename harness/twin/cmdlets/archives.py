"""``Compress-Archive`` and ``Expand-Archive``: real zip files ([D] PSD 5.1; error texts [GK])."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.declaring import Module
from harness.twin.cmdlets.fileobjects import Place, files_of, resolve, write_fault
from harness.twin.cmdlets.files import content_of
from harness.twin.model.files import File, FileError, parent_of
from harness.twin.shell.commands.api import Call, Command, Parameter
from harness.twin.shell.commands.providers import full_path
from harness.twin.shell.text import to_text

ARCHIVE: Final = Module("Microsoft.PowerShell.Archive", lambda name: name)
_LITERAL: Final = Parameter(
    "LiteralPath", "string[]", mandatory=True, pipeline="name", aliases=("PSPath",), sets=("LiteralPath",)
)


def _zip_path(call: Call, path: str) -> str:
    """The full path of an archive; without an ending it gets ``.zip``.  Raises PSError for another ending."""
    whole = full_path(call, path)
    leaf = whole.rpartition("\\")[2]
    if "." not in leaf:
        return f"{whole}.zip"
    if not leaf.lower().endswith(".zip"):
        ending = leaf[leaf.rfind(".") :]
        text = f"{ending} is not a supported archive file format. .zip is the only supported archive file format."
        raise call.fail(text, "NotSupportedArchiveFileExtension", "InvalidArgument", ending, "System.IO.IOException")
    return whole


def _entries(call: Call, place: Place, base: str) -> Iterator[tuple[str, bytes]]:
    """Names inside of the archive with contents: a file by itself, a folder with all that is below it."""
    if isinstance(place.entry, File):
        yield place.path[len(base) :].lstrip("\\").replace("\\", "/"), content_of(place.entry, place.path)
        return
    below = list(files_of(call).walk(place.path))
    if not below:
        yield place.path[len(base) :].lstrip("\\").replace("\\", "/") + "/", b""
    for path, entry in below:
        if isinstance(entry, File):
            yield path[len(base) :].lstrip("\\").replace("\\", "/"), content_of(entry, path)


@ARCHIVE.table.cmdlet(
    "Compress-Archive",
    module=ARCHIVE.name,
    class_name="Compress-Archive",
    parameters=[
        Parameter("Path", "string[]", position=0, mandatory=True, pipeline=("value", "name"), sets=("Path",)),
        _LITERAL,
        Parameter("DestinationPath", "string", position=1, mandatory=True),
        Parameter("CompressionLevel", "string", values=("Optimal", "NoCompression", "Fastest")),
        Parameter("Update", "switch"),
        Parameter("Force", "switch"),
    ],
    default_set="Path",
    should_process=True,
)
class CompressArchive(Command):
    """Packs files and folders into a zip file."""

    def begin(self) -> None:
        self.places: list[Place] = []

    def process(self, item: object) -> None:
        del item
        for path in self.call.texts("LiteralPath") or self.call.texts("Path"):
            whole = full_path(self.call, path)
            if not files_of(self.call).exists(whole) and "*" not in path:
                text = f"The path '{path}' either does not exist or is not a valid file system path."
                kind = "System.InvalidOperationException"
                self.call.write_error(text, "ArchiveCmdletPathNotFound", "InvalidArgument", path, kind)
                continue
            self.places += resolve(self.call, whole)

    def end(self) -> None:
        call = self.call
        call.host.charge("Compress-Archive")
        target = _zip_path(call, call.text("DestinationPath"))
        before = files_of(call).find(target)
        if isinstance(before, File) and not (call.switch("Update") or call.switch("Force")):
            text = (
                f"The archive file {target} already exists. Use the -Update parameter to update the existing archive "
                "file or use the -Force parameter to overwrite the existing archive file."
            )
            call.write_error(text, "ArchiveFileExists", "InvalidArgument", target, "System.IO.IOException")
            return
        if not self.places or not call.should_process(target, "Compress-Archive"):
            return
        packed = {}
        if isinstance(before, File) and call.switch("Update"):
            with zipfile.ZipFile(io.BytesIO(content_of(before, target))) as old:
                packed = {name: old.read(name) for name in old.namelist()}
        for place in self.places:
            packed.update(_entries(call, place, parent_of(place.path)))
        try:
            files_of(call).write(target, _packed(call, packed))
        except FileError as error:
            write_fault(call, error, "ArchiveFileWriteError")


def _packed(call: Call, entries: dict[str, bytes]) -> bytes:
    """A zip file; its entries carry the lab's time, so that two runs give the same bytes."""
    out = io.BytesIO()
    moment = call.rs.local_now
    how = zipfile.ZIP_STORED if call.text("CompressionLevel").lower() == "nocompression" else zipfile.ZIP_DEFLATED
    stamp = (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
    with zipfile.ZipFile(out, "w") as made:
        for name, data in entries.items():
            info = zipfile.ZipInfo(name, stamp)
            info.compress_type = how
            made.writestr(info, data)
    return out.getvalue()


@ARCHIVE.table.cmdlet(
    "Expand-Archive",
    module=ARCHIVE.name,
    class_name="Expand-Archive",
    parameters=[
        Parameter("Path", "string", position=0, mandatory=True, pipeline=("value", "name"), sets=("Path",)),
        Parameter("LiteralPath", "string", mandatory=True, pipeline="name", aliases=("PSPath",), sets=("LiteralPath",)),
        Parameter("DestinationPath", "string", position=1),
        Parameter("Force", "switch"),
    ],
    default_set="Path",
    should_process=True,
)
def expand_archive(call: Call) -> None:
    """Unpacks a zip file; without a destination into a folder of its own name below the location."""
    call.host.charge("Expand-Archive")
    given = to_text(call.get("LiteralPath") or call.get("Path"))
    source = _zip_path(call, given)
    found = files_of(call).find(source)
    if not isinstance(found, File):
        text = f"The path '{given}' either does not exist or is not a valid file system path."
        raise call.fail(text, "ArchiveCmdletPathNotFound", "InvalidArgument", given, "System.InvalidOperationException")
    stem = source.rpartition("\\")[2][: -len(".zip")]
    target = full_path(call, call.text("DestinationPath") or stem).rstrip("\\")
    try:
        archive = zipfile.ZipFile(io.BytesIO(content_of(found, source)))
    except zipfile.BadZipFile:
        text = "End of Central Directory record could not be found."
        raise call.fail(
            text, "InvalidDataException", "NotSpecified", source, "System.IO.InvalidDataException"
        ) from None
    with archive:
        for name in archive.namelist():
            _unpack(call, name, archive.read(name), target)


def _unpack(call: Call, name: str, data: bytes, target: str) -> None:
    files, path = files_of(call), f"{target}\\" + name.replace("/", "\\").rstrip("\\")
    try:
        if name.endswith("/"):
            files.make_folder(path)
            return
        if files.exists(path) and not call.switch("Force"):
            text = (
                f"Failed to create file '{path}' while expanding the archive file contents as the file '{path}' "
                "already exists. Use the -Force parameter if you want to overwrite the existing directory content "
                "when expanding the archive file."
            )
            call.write_error(text, "ExpandArchiveFileExists", "InvalidOperation", path, "System.IO.IOException")
            return
        files.make_folder(parent_of(path))
        files.write(path, data)
    except FileError as error:
        write_fault(call, error, "ExpandArchiveError")
