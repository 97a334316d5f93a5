"""Methods of ``FileInfo`` and ``DirectoryInfo``, times of files, folders that .NET removes, and drives of .NET
([D] .NET Framework reference)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, cast

from harness.twin.cmdlets.fileobjects import METHODS, expand, fault_text, make_item
from harness.twin.cmdlets.windows import local_time
from harness.twin.model.files import Entry, File, FileError, FileFault, Folder, NodeFiles
from harness.twin.shell.dotnet.files import full_path
from harness.twin.shell.dotnet.registry import constructor, static
from harness.twin.shell.dotnet.streams import Reader, new_stream
from harness.twin.shell.errors import limitation, net_error
from harness.twin.shell.objects import NOTHING, Int64, PSMethod, PSObject
from harness.twin.shell.session import current
from harness.twin.shell.storage import storage_of, text_of
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import register_type

_FILE: Final = "System.IO.File"
_FOLDER: Final = "System.IO.Directory"
_DRIVE: Final = "System.IO.DriveInfo"


def _host() -> Any:
    return current().host


def _files() -> NodeFiles:
    return cast(NodeFiles, _host().node.files)


def _path(this: object) -> str:
    return to_text(this.get("FullName")) if isinstance(this, PSObject) else ""


def _refused(act: Callable[[], object]) -> object:
    """What *act* gives; a refused operation as the .NET exception."""
    try:
        return act()
    except FileError as error:
        text, exception = fault_text(error)
        raise net_error(exception, text.rstrip()) from None


def _item(path: str) -> object:
    entry = _files().find(path)
    return NOTHING if entry is None else make_item(_host(), _files().canonical(path), entry)


def _delete_file(this: object) -> object:
    storage_of(current()).delete(_path(this))
    return NOTHING


def _copy_to(this: object, target: object, overwrite: object = False) -> object:
    place = full_path(to_text(target))
    if _files().exists(place) and not overwrite:
        raise net_error("System.IO.IOException", f"The file '{place}' already exists.")
    _refused(lambda: _files().copy(_path(this), place))
    return _item(place)


def _move_to(this: object, target: object) -> object:
    _refused(lambda: _files().move(_path(this), full_path(to_text(target))))
    return NOTHING


def _open_read(this: object) -> object:
    return new_stream("System.IO.FileStream", storage_of(current()).read(_path(this)), _path(this))


def _open_text(this: object) -> object:
    return Reader("System.IO.StreamReader", text_of(storage_of(current()).read(_path(this))))


def _refresh(_this: object) -> object:
    return NOTHING


def _delete_folder(this: object, recurse: object = False) -> object:
    _refused(lambda: _files().remove(_path(this), recurse=bool(recurse)))
    return NOTHING


def _below(kind: type[Entry] | None) -> Callable[..., object]:
    """``GetFiles``, ``GetDirectories``, ``GetFileSystemInfos``."""

    def listed(this: object, pattern: object = "*", depth: object = None) -> object:
        if depth is not None and to_text(depth) != "TopDirectoryOnly":
            raise limitation("lists of folders below folders by .NET objects are not simulated; Get-ChildItem is")
        text = "*" if to_text(pattern) == "*.*" else to_text(pattern)
        found = [
            place
            for place in expand(_files(), f"{_path(this)}\\{text}")
            if kind is None or isinstance(place.entry, kind)
        ]
        return [make_item(_host(), place.path, place.entry) for place in found]

    return listed


def _make_below(this: object, name: object) -> object:
    place = f"{_path(this)}\\{to_text(name)}"
    _refused(lambda: _files().make_folder(place))
    return _item(place)


def _table(**methods: Callable[..., object]) -> dict[str, PSMethod]:
    return {name.lower(): PSMethod(name, call) for name, call in methods.items()}


METHODS["file"] = _table(
    Delete=_delete_file, CopyTo=_copy_to, MoveTo=_move_to, OpenRead=_open_read, OpenText=_open_text, Refresh=_refresh
)
METHODS["folder"] = _table(
    Delete=_delete_folder,
    MoveTo=_move_to,
    CreateSubdirectory=_make_below,
    Refresh=_refresh,
    GetFiles=_below(File),
    EnumerateFiles=_below(File),
    GetDirectories=_below(Folder),
    EnumerateDirectories=_below(Folder),
    GetFileSystemInfos=_below(None),
)


# --- statics


def _time(path: str, field: str, local: bool) -> datetime:
    """A time of what is at a path; of nothing it is the beginning of 1601, as .NET gives it."""
    entry = _files().find(full_path(path))
    if entry is None:
        return datetime(1601, 1, 1)  # noqa: DTZ001 - .NET's moments have no zone
    found = getattr(entry, field)
    return local_time(_host(), found) if local else cast(datetime, _host().model.datetime_at(found))


for _owner in (_FILE, _FOLDER):
    for _name, _field in (("GetLastWriteTime", "modified_ns"), ("GetCreationTime", "created_ns")):
        static(_owner, _name, "string path")(lambda path, field=_field: _time(path, field, True))
        static(_owner, f"{_name}Utc", "string path")(lambda path, field=_field: _time(path, field, False))


@static(_FOLDER, "Delete", "string path", "string path, bool recursive")
def delete_folder(path: str, recurse: bool = False) -> object:
    """Remove a folder, with what is in it when asked to."""
    place = full_path(path)
    if not isinstance(_files().find(place), Folder):
        text, exception = fault_text(FileError(FileFault.PARENT_MISSING, place))
        raise net_error(exception, text.rstrip())
    _refused(lambda: _files().remove(place, recurse=recurse))
    return NOTHING


@static(_FOLDER, "Move", "string sourceDirName, string destDirName")
def move_folder(source: str, target: str) -> object:
    """Move a folder."""
    _refused(lambda: _files().move(full_path(source), full_path(target)))
    return NOTHING


def drive_info(name: str) -> PSObject:
    """The drive C:; another one is not ready."""
    letter = name[:1].upper()
    if letter != "C":
        return PSObject.of_type(_DRIVE, {"Name": f"{letter}:\\", "IsReady": False}, text=f"{letter}:\\")
    drive = _files().drive
    free, total = Int64(drive.free_bytes), Int64(drive.free_bytes + drive.used_bytes)
    facts: dict[str, object] = {
        "Name": "C:\\",
        "DriveType": "Fixed",
        "DriveFormat": "NTFS",
        "IsReady": True,
        "AvailableFreeSpace": free,
        "TotalFreeSpace": free,
        "TotalSize": total,
        "RootDirectory": "C:\\",
        "VolumeLabel": "",
    }
    return PSObject.of_type(_DRIVE, facts, text="C:\\")


register_type(_DRIVE)
constructor(_DRIVE, "string driveName")(drive_info)
static(_DRIVE, "GetDrives")(lambda: [drive_info("C")])
