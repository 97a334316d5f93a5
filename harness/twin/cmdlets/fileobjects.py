"""Paths, objects and errors of the FileSystem provider ([GK] Windows PowerShell 5.1, unless another tag is given)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from harness.twin.cmdlets.registrykeys import is_registry_path
from harness.twin.cmdlets.shapes import Shape
from harness.twin.cmdlets.windows import local_time
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.files import Entry, File, FileError, FileFault, NodeFiles, parent_of, split_path
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.providers import (
    SESSION_DRIVES,
    full_path,
    real_path,
    report_missing,
    split_drive,
)
from harness.twin.shell.conversion import convert
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import ComputedProperty, Int64, PSMethod, PSObject
from harness.twin.shell.regexes import has_wildcard, matches_wildcard
from harness.twin.shell.typesystem import TypeRef

_PROVIDER: Final = "Microsoft.PowerShell.Core\\FileSystem"
BASE: Final = "System.IO.FileSystemInfo"
"""Base type of both: they share one view."""
_COMMON: Final = "Exists FullName Extension CreationTime CreationTimeUtc LastWriteTime LastWriteTimeUtc"
FILE: Final = Shape(
    ("System.IO.FileInfo", BASE, "System.MarshalByRefObject", "System.Object"),
    f"PSPath PSParentPath PSChildName PSIsContainer Mode BaseName Name Length DirectoryName {_COMMON}",
)
FOLDER: Final = Shape(
    ("System.IO.DirectoryInfo", BASE, "System.MarshalByRefObject", "System.Object"),
    f"PSPath PSParentPath PSChildName PSIsContainer Mode BaseName Name {_COMMON}",
)

PATH: Final = Parameter("Path", "string[]", position=0, mandatory=True, pipeline=("value", "name"), sets=("Path",))
LITERAL: Final = Parameter(
    "LiteralPath", "string[]", mandatory=True, pipeline="name", aliases=("PSPath",), sets=("LiteralPath",)
)
FORCE: Final = Parameter("Force", "switch")
FILTER: Final = Parameter("Filter", "string")
INCLUDE: Final = Parameter("Include", "string[]")
EXCLUDE: Final = Parameter("Exclude", "string[]")

_MOMENT: Final = TypeRef("System.DateTime")
_TIMES: Final = {
    "CreationTime": "created_ns",
    "CreationTimeUtc": "created_ns",
    "LastWriteTime": "modified_ns",
    "LastWriteTimeUtc": "modified_ns",
}
"""Settable properties, and what they are of a file in the model."""

Act = Callable[[Call, str], Iterable[object] | None]

_MESSAGES: Final = {
    FileFault.MISSING: ("Could not find file '{}'.", "System.IO.FileNotFoundException"),
    FileFault.PARENT_MISSING: ("Could not find a part of the path '{}'.", "System.IO.DirectoryNotFoundException"),
    FileFault.NO_DRIVE: ("Could not find a part of the path '{}'.", "System.IO.DirectoryNotFoundException"),
    FileFault.EXISTS: ("Cannot create a file when that file already exists.\r\n", "System.IO.IOException"),
    FileFault.IS_FOLDER: ("Access to the path '{}' is denied.", "System.UnauthorizedAccessException"),
    FileFault.NOT_EMPTY: ("The directory is not empty.\r\n", "System.IO.IOException"),
    FileFault.NO_SPACE: ("There is not enough space on the disk.\r\n", "System.IO.IOException"),
    FileFault.BAD_NAME: (
        "The filename, directory name, or volume label syntax is incorrect.\r\n",
        "System.IO.IOException",
    ),
    FileFault.WITHIN_ITSELF: ("The process cannot access the file '{}'.", "System.IO.IOException"),
}


REGISTRY_ACTS: Final[dict[str, Act]] = {}
"""What commands for items do with a path of the registry, by the command; registry.py fills it."""


PROVIDER_ACTS: Final[dict[str, dict[str, Act]]] = {}
"""The same for further drives, by drive and command."""


METHODS: Final[dict[str, dict[str, PSMethod]]] = {"file": {}, "folder": {}}
"""Methods of ``FileInfo`` and ``DirectoryInfo``; filemethods.py fills it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder, and where it is."""

    path: str
    entry: Entry


def files_of(call: Call) -> NodeFiles:
    """The files of this node."""
    files: NodeFiles = call.host.node.files
    return files


def paths_given(call: Call) -> list[str]:
    """Paths on the line or from the pipeline, without the provider's prefix."""
    return [
        real_path(call, path.removeprefix(f"{_PROVIDER}::").removeprefix("FileSystem::"))
        for path in (call.texts("LiteralPath") or call.texts("Path"))
    ]


def is_file_path(path: str) -> bool:
    """Whether the FileSystem provider serves *path*: the session's drives and the registry are others."""
    drive, _ = split_drive(path)
    return drive not in SESSION_DRIVES and len(drive) <= 1


def each_path(call: Call, act: Act, otherwise: Act) -> Iterator[object]:
    """*act* for file paths, made absolute and charged once; *otherwise*, the shell's own command, for the rest."""
    charged = False
    for path in paths_given(call):
        if path.startswith("\\\\"):
            raise limitation(f"files of other machines are reached by Invoke-Command, not by '{path}'")
        if is_file_path(path):
            if not charged:
                call.host.charge(call.declaration.name)
                charged = True
            yield from act(call, full_path(call, path)) or ()
        elif is_registry_path(path) and call.declaration.name in REGISTRY_ACTS:
            yield from REGISTRY_ACTS[call.declaration.name](call, path) or ()
        elif call.declaration.name in PROVIDER_ACTS.get(split_drive(path)[0], {}):
            yield from PROVIDER_ACTS[split_drive(path)[0]][call.declaration.name](call, path) or ()
        else:
            call.bound = {**call.bound, "Path": [path]}
            yield from otherwise(call, path) or ()


def resolve(call: Call, path: str) -> list[Place]:
    """What a path means: with wildcards all that matches, else the one thing or an error."""
    files = files_of(call)
    if call.has("LiteralPath") or not has_wildcard(path):
        entry = files.find(path)
        if entry is None:
            report_absent(call, path)
            return []
        return [Place(files.canonical(path), entry)]
    if split_drive(path)[0] not in ("", "c"):
        report_absent(call, path)
        return []
    return list(expand(files, path))


def report_absent(call: Call, path: str) -> None:
    """There is no such path, or no such drive."""
    drive, _ = split_drive(path)
    if drive and drive != "c":
        call.write_error(
            f"Cannot find drive. A drive with the name '{path.partition(':')[0]}' does not exist.",
            "DriveNotFound",
            "ObjectNotFound",
            path.partition(":")[0],
            "System.Management.Automation.DriveNotFoundException",
        )
    else:
        report_missing(call, path)


def expand(files: NodeFiles, path: str) -> Iterator[Place]:
    """All that a path with wildcards means."""
    try:
        parts = split_path(path)
    except FileError:
        return
    bases = ["C:"]
    for part in parts:
        if not has_wildcard(part):
            bases = [f"{base}\\{part}" for base in bases if files.exists(f"{base}\\{part}")]
            continue
        bases = [
            f"{base}\\{child.name}"
            for base in bases
            for child in files.listing(f"{base}\\")
            if matches_wildcard(part, child.name)
        ]
    for base in bases:
        entry = files.find(base)
        if entry is not None:
            yield Place(files.canonical(base), entry)


def picked(call: Call, name: str) -> bool:
    """Whether ``-Filter``, ``-Include`` and ``-Exclude`` let a name through."""
    if call.text("Filter") and not matches_wildcard(call.text("Filter"), name):
        return False
    include = call.texts("Include")
    if include and not any(matches_wildcard(pattern, name) for pattern in include):
        return False
    return not any(matches_wildcard(pattern, name) for pattern in call.texts("Exclude"))


def make_item(host: Any, path: str, entry: Entry, *, text: str | None = None) -> PSObject:
    """A ``FileInfo`` or ``DirectoryInfo``; *text* is what it is in a string, by default its full path."""
    parent = parent_of(path)
    stem, dot, ending = entry.name.rpartition(".")
    is_file = isinstance(entry, File)
    common = (
        True,
        path,
        f".{ending}" if dot else "",
        local_time(host, entry.created_ns),
        host.model.datetime_at(entry.created_ns),
        local_time(host, entry.modified_ns),
        host.model.datetime_at(entry.modified_ns),
    )
    head = (f"{_PROVIDER}::{path}", f"{_PROVIDER}::{parent}", entry.name or "C:\\", not is_file)
    shown = path if text is None else text
    if isinstance(entry, File):
        base = stem if dot else entry.name
        length = Int64(entry.size)
        made = FILE.make(*head, "-a----", base, entry.name, length, parent, *common, text=shown)
    else:
        name = entry.name or "C:\\"
        made = FOLDER.make(*head, "d-----", name, name, *common, text=shown)
    made.members.update(METHODS["file" if is_file else "folder"])
    above = "Directory" if isinstance(entry, File) else "Parent"
    made.members[above.lower()] = ComputedProperty(above, lambda _this: _folder_above(host, path, above))
    for shown_name, field in _TIMES.items():
        made.members[shown_name.lower()] = _settable_time(host.model, entry, shown_name, field, made)
    return made


def _folder_above(host: Any, path: str, asked: str) -> PSObject | None:
    """``FileInfo.Directory`` and ``DirectoryInfo.Parent``; in a string the one is its path, the other its name [GK]."""
    parent = parent_of(path)
    entry = None if parent == path else host.node.files.find(parent)
    if entry is None:
        return None
    return make_item(host, parent, entry, text=entry.name if asked == "Parent" and entry.name else None)


def _settable_time(model: ClusterModel, entry: Entry, name: str, field: str, made: PSObject) -> ComputedProperty:
    """A time of a file that a script may change, as guides' provocations do with old folders."""
    held = made.get(name)

    def store(_this: object, value: object) -> None:
        nonlocal held
        moment = convert(value, _MOMENT)
        if isinstance(moment, datetime):
            aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
            setattr(entry, field, (aware - model.spec.epoch) // timedelta(microseconds=1) * 1000)
            held = moment

    return ComputedProperty(name, lambda _this: held, store, kind="Property")


def fault_text(error: FileError) -> tuple[str, str]:
    """Message and exception of a refused operation, as .NET words it."""
    text, exception = _MESSAGES[error.fault]
    return text.format(error.path), exception


def write_fault(call: Call, error: FileError, error_id: str, category: str = "WriteError") -> None:
    """Report a refused operation in the command's name."""
    text, exception = fault_text(error)
    call.write_error(text, error_id, category, error.path, exception)
