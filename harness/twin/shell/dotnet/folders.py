"""``[IO.Directory]``: making, listing and removing folders, and moving files ([D] .NET Framework reference)."""

from __future__ import annotations

from typing import Final

from harness.twin.shell.dotnet.files import full_path
from harness.twin.shell.dotnet.registry import static
from harness.twin.shell.errors import net_error
from harness.twin.shell.objects import NOTHING, EnumType, PSArray, PSEnum, PSObject
from harness.twin.shell.session import current
from harness.twin.shell.storage import storage_of
from harness.twin.shell.typesystem import register_enum

_FILE: Final = "System.IO.File"
_FOLDER: Final = "System.IO.Directory"
_DEPTH: Final = register_enum(EnumType("System.IO.SearchOption", {"TopDirectoryOnly": 0, "AllDirectories": 1}))
_LISTING: Final = (
    "string path",
    "string path, string searchPattern",
    "string path, string searchPattern, System.IO.SearchOption searchOption",
)


def _require(path: str) -> str:
    place = full_path(path).rstrip("\\")
    if storage_of(current()).kind(place) != "folder":
        raise net_error("System.IO.DirectoryNotFoundException", f"Could not find a part of the path '{place}'.")
    return place


def _below(place: str, pattern: str, kinds: tuple[str, ...], deep: bool) -> list[str]:
    files = storage_of(current())
    found = [path for path in files.expand(f"{place}\\{pattern}") if files.kind(path) in kinds]
    if deep:
        for folder in files.expand(f"{place}\\*"):
            if files.kind(folder) == "folder":
                found += _below(folder, pattern, kinds, deep)
    return found


def _lister(kinds: tuple[str, ...]) -> object:
    def listed(path: str, pattern: str = "*", depth: PSEnum | None = None) -> PSArray:
        every = "*" if pattern == "*.*" else pattern
        return PSArray(_below(_require(path), every, kinds, depth is not None and depth.value == 1), "System.String")

    return listed


for _name, _kinds in (("Files", ("file",)), ("Directories", ("folder",)), ("FileSystemEntries", ("file", "folder"))):
    for _verb in ("Get", "Enumerate"):
        static(_FOLDER, f"{_verb}{_name}", *_LISTING)(_lister(_kinds))  # type: ignore[arg-type]


@static(_FOLDER, "CreateDirectory", "string path")
def create_directory(path: str) -> PSObject:
    """Make a folder and those above it."""
    place = full_path(path)
    storage_of(current()).make_folder(place)
    kind = ("System.IO.DirectoryInfo", "System.IO.FileSystemInfo", "System.MarshalByRefObject", "System.Object")
    name = place.rstrip("\\").rpartition("\\")[2]
    return PSObject.of_type(kind, {"Name": name, "FullName": place, "Exists": True}, text=place)


@static(_FILE, "Move", "string sourceFileName, string destFileName")
def move_file(source: str, target: str) -> object:
    """Move a file; one that is in the way stays."""
    files, place = storage_of(current()), full_path(target)
    if files.kind(place):
        raise net_error("System.IO.IOException", "Cannot create a file when that file already exists.\r\n")
    files.write(place, files.read(full_path(source)))
    files.delete(full_path(source))
    return NOTHING
