"""Looking at files: ``Get-ChildItem``, ``Get-Item``, ``Test-Path``, ``Get-Content``, ``Get-PSDrive``.

[D] PSD 5.1; errors and object properties [GK].  Paths of the session's own drives (``env:``, ``variable:`` …) go to the
shell's commands of the same names.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from harness.twin.cmdlets.computer import MANAGEMENT
from harness.twin.cmdlets.declaring import property_of, selects
from harness.twin.cmdlets.fileobjects import (
    EXCLUDE,
    FILTER,
    FORCE,
    INCLUDE,
    LITERAL,
    PATH,
    Place,
    each_path,
    files_of,
    make_item,
    paths_given,
    picked,
    resolve,
)
from harness.twin.cmdlets.shapes import Shape
from harness.twin.cmdlets.windows import local_time
from harness.twin.model.files import File, Folder, parent_of, split_path
from harness.twin.shell.commands import contents, providers
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.contents import CONTENT_PARAMETERS, contradicts, handed_out, pieces_of
from harness.twin.shell.commands.providers import SESSION_DRIVES
from harness.twin.shell.errors import limitation
from harness.twin.shell.objects import Byte, PSObject, UInt64
from harness.twin.shell.regexes import has_wildcard

DRIVE: Final = Shape("System.Management.Automation.PSDriveInfo", "Name Used Free CurrentLocation Provider Root")
_PROVIDERS: Final = {"env": "Environment", "variable": "Variable", "function": "Function", "alias": "Alias"}
ENCODINGS: Final = {
    "": "cp1252",
    "default": "cp1252",
    "string": "utf-16-le",
    "ascii": "ascii",
    "utf8": "utf-8-sig",
    "utf7": "utf-7",
    "unicode": "utf-16",
    "bigendianunicode": "utf-16-be",
    "oem": "cp437",
}
"""Values of ``-Encoding`` of 5.1 with Python's codecs; Default is the ANSI page of en-US."""
ENCODING: Final = Parameter("Encoding", "string", values=("Unknown", "Byte", *list(ENCODINGS)[1:]))
_MARKS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@MANAGEMENT.table.cmdlet(
    "Test-Path",
    module=MANAGEMENT.name,
    parameters=[
        Parameter(
            "Path",
            "string[]",
            position=0,
            mandatory=True,
            pipeline=("value", "name"),
            sets=("Path",),
        ),
        LITERAL,
        Parameter("PathType", "string", aliases=("Type",), values=("Any", "Container", "Leaf")),
        Parameter("IsValid", "switch"),
        FORCE,
        FILTER,
        INCLUDE,
        EXCLUDE,
        Parameter("NewerThan", "datetime"),
        Parameter("OlderThan", "datetime"),
    ],
    default_set="Path",
)
def test_path(call: Call) -> Iterable[object]:
    """Whether paths exist and are of the kind asked for."""
    yield from each_path(call, _test_path, lambda call, _path: providers.test_path(call))


def _test_path(call: Call, path: str) -> Iterator[object]:
    files = files_of(call)
    if call.switch("IsValid"):
        yield not set('<>"|') & set(path)
        return
    literal = call.has("LiteralPath") or not has_wildcard(path)
    entry = files.find(path)
    found = ([] if entry is None else [Place(path, entry)]) if literal else resolve(call, path)
    kind = call.text("PathType", "Any").lower()
    wanted = {"any": (File, Folder), "leaf": (File,), "container": (Folder,)}[kind]
    yield any(
        isinstance(place.entry, wanted) and picked(call, place.entry.name) and _of_age(call, place) for place in found
    )


def _of_age(call: Call, place: Place) -> bool:
    """Whether the last change lies between ``-NewerThan`` and ``-OlderThan``."""
    changed = local_time(call.host, place.entry.modified_ns).replace(tzinfo=None)
    newer, older = call.moment("NewerThan"), call.moment("OlderThan")
    return (newer is None or changed > newer.replace(tzinfo=None)) and (
        older is None or changed < older.replace(tzinfo=None)
    )


@MANAGEMENT.table.cmdlet(
    "Get-Item",
    module=MANAGEMENT.name,
    parameters=[PATH, LITERAL, FORCE, FILTER, INCLUDE, EXCLUDE],
    default_set="Path",
)
def get_item(call: Call) -> Iterator[object]:
    """The things at paths."""
    yield from each_path(call, _get_item, lambda call, _path: providers.get_item(call))


def _get_item(call: Call, path: str) -> Iterator[object]:
    for place in resolve(call, path):
        if picked(call, place.entry.name):
            yield make_item(call.host, place.path, place.entry)


@MANAGEMENT.table.cmdlet(
    "Get-ChildItem",
    module=MANAGEMENT.name,
    parameters=[
        Parameter("Path", "string[]", position=0, pipeline=("value", "name"), sets=("Items",)),
        Parameter(
            "LiteralPath", "string[]", mandatory=True, pipeline="name", aliases=("PSPath",), sets=("LiteralItems",)
        ),
        Parameter("Filter", "string", position=1),
        INCLUDE,
        EXCLUDE,
        Parameter("Recurse", "switch", aliases=("s",)),
        Parameter("Depth", "int", minimum=0),
        FORCE,
        Parameter("Name", "switch"),
        Parameter("File", "switch", aliases=("af",)),
        Parameter("Directory", "switch", aliases=("ad", "d")),
        Parameter("Hidden", "switch", aliases=("ah", "h")),
        Parameter("System", "switch", aliases=("as",)),
        Parameter("ReadOnly", "switch", aliases=("ar",)),
        Parameter("Attributes", "string[]"),
    ],
    default_set="Items",
)
def get_child_item(call: Call) -> Iterator[object]:
    """What is in folders; files by themselves."""
    if not paths_given(call):
        call.bound = {**call.bound, "Path": ["."]}
    yield from each_path(call, _get_child_item, lambda call, _path: providers.get_child_item(call))


def _get_child_item(call: Call, path: str) -> Iterator[object]:
    deep = call.switch("Recurse") or call.has("Depth")
    wild = not call.has("LiteralPath") and has_wildcard(path)
    if wild and deep:
        # With -Recurse the last part of the path is a filter for everything below the folder before it.
        parent, _, leaf = path.replace("/", "\\").rstrip("\\").rpartition("\\")
        for folder in resolve(call, parent if "\\" in parent else f"{parent}\\"):
            for place in _below(call, folder.path, deep):
                if selects([leaf], place.entry.name):
                    yield from _shown(call, place, folder.path)
        return
    for place in resolve(call, path):
        if isinstance(place.entry, File) or wild:
            yield from _shown(call, place, parent_of(place.path))
            continue
        for child in _below(call, place.path, deep):
            yield from _shown(call, child, place.path)


def _below(call: Call, path: str, deep: bool) -> Iterator[Place]:
    files = files_of(call)
    if not deep:
        yield from (Place(f"{path.rstrip(chr(92))}\\{child.name}", child) for child in files.listing(path))
        return
    level = len(split_path(path)) + 1
    for found, entry in files.walk(path):
        if not call.has("Depth") or len(split_path(found)) - level <= call.number("Depth"):
            yield Place(found, entry)


_LETTERS: Final = {"d": "directory", "a": "archive", "h": "hidden", "s": "system", "r": "readonly"}


def _attributed(call: Call, is_file: bool) -> bool:
    """Whether a thing has the attributes asked for: files are archives, folders directories, and nothing is more."""
    if any(call.switch(name) for name in ("Hidden", "System", "ReadOnly")):
        return False
    choices = [part for text in call.texts("Attributes") for part in text.lower().replace(" ", "").split(",")]
    has = {"archive"} if is_file else {"directory"}
    return not choices or any(
        all((_LETTERS.get(one.lstrip("!"), one.lstrip("!")) in has) != one.startswith("!") for one in choice.split("+"))
        for choice in choices
    )


def _shown(call: Call, place: Place, base: str) -> Iterator[object]:
    is_file = isinstance(place.entry, File)
    if (call.switch("File") and not is_file) or (call.switch("Directory") and is_file):
        return
    if not picked(call, place.entry.name) or not _attributed(call, is_file):
        return
    if call.switch("Name"):
        yield place.path.removeprefix(base.rstrip("\\")).lstrip("\\")
    else:
        yield make_item(call.host, place.path, place.entry, text=place.entry.name)


@MANAGEMENT.table.cmdlet(
    "Get-Content",
    module=MANAGEMENT.name,
    parameters=[
        replace(PATH, pipeline="name"),
        LITERAL,
        *(one for one in CONTENT_PARAMETERS if one.name != "Encoding"),
        Parameter("Wait", "switch"),
        ENCODING,
        FORCE,
        FILTER,
        INCLUDE,
        EXCLUDE,
    ],
    default_set="Path",
)
def get_content(call: Call) -> Iterator[object]:
    """The lines of files, with ``-Raw`` the whole text, with ``-Encoding Byte`` the bytes."""
    if not contradicts(call):
        yield from each_path(call, _get_content, lambda call, _path: contents.get_content(call))
        if call.switch("Wait"):
            raise limitation("Get-Content -Wait goes on for ever; here nothing writes beside a script")


def _get_content(call: Call, path: str) -> Iterator[object]:
    for place in resolve(call, path):
        if not picked(call, place.entry.name):
            continue
        if isinstance(place.entry, Folder):
            exception = "System.UnauthorizedAccessException"
            text = f"Access to the path '{place.path}' is denied."
            call.write_error(text, "GetContentReaderUnauthorizedAccessError", "PermissionDenied", place.path, exception)
            continue
        pieces = _pieces(call, content_of(place.entry, place.path))
        yield from handed_out(call, pieces, place.path, _system_drive(call))


def _pieces(call: Call, data: bytes) -> Sequence[object]:
    if call.text("Encoding").lower() == "byte":
        return [Byte(value) for value in data]
    return pieces_of(call, decode(data, call.text("Encoding")))


def content_of(file: File, path: str) -> bytes:
    """Bytes of a file.  Raises PSError for one of which only the size is modelled."""
    if file.content is None:
        raise limitation(f"the content of '{path}' is not simulated, only its size")
    return file.content


def decode(data: bytes, encoding: str) -> str:
    """A file's text: a byte order mark decides, then ``-Encoding``, then the ANSI page."""
    for mark, codec in _MARKS:
        if data.startswith(mark):
            return data.decode(codec, "replace")
    return data.decode(unmarked(encoding), "replace")


def unmarked(encoding: str) -> str:
    """The codec of an ``-Encoding`` that neither writes nor expects a byte order mark."""
    codec = ENCODINGS.get(encoding.lower(), "cp1252")
    return {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(codec, codec)


@MANAGEMENT.cmdlet(
    "Get-PSDrive",
    Parameter("Name", "string[]", position=0, pipeline="name"),
    Parameter("PSProvider", "string[]"),
)
def get_psdrive(call: Call) -> Iterator[object]:
    """Drives of the session: C: with its free space, and those without files."""
    drives = [_system_drive(call)]
    for name in SESSION_DRIVES:
        provider = _provider(_PROVIDERS[name])
        drives.append(DRIVE.make(name.capitalize(), None, None, "", provider, "", text=name.capitalize()))
    drives += [drive_object(call, *made) for made in call.rs.drives.values()]
    wanted = call.texts("Name")
    for name in wanted:
        if not has_wildcard(name) and not any(str(drive.get("Name")).lower() == name.lower() for drive in drives):
            call.write_error(
                f"Cannot find drive. A drive with the name '{name}' does not exist.",
                "GetLocationNoMatchingDrive",
                "ObjectNotFound",
                name,
                "System.Management.Automation.DriveNotFoundException",
            )
    for drive in sorted(drives, key=lambda drive: str(drive.get("Name"))):
        kind = str(property_of(drive.get("Provider"), "Name"))
        if selects(wanted, str(drive.get("Name"))) and selects(call.texts("PSProvider"), kind):
            yield drive


def drive_object(call: Call, name: str, kind: str, root: str) -> PSObject:
    """A drive that the session made; one of files has the space of the disk below it."""
    drive = files_of(call).drive
    space = (UInt64(drive.used_bytes), UInt64(drive.free_bytes)) if kind == "FileSystem" else (None, None)
    return DRIVE.make(name, *space, "", _provider(kind), root, text=name)


def _system_drive(call: Call) -> PSObject:
    drive = files_of(call).drive
    used, free = UInt64(drive.used_bytes), UInt64(drive.free_bytes)
    place = call.rs.location
    here = place[3:] if place[:3].lower() == "c:\\" else ""
    return DRIVE.make("C", used, free, here, _provider("FileSystem"), "C:\\", text="C")


def _provider(name: str) -> PSObject:
    module = "Microsoft.PowerShell.Core"
    return PSObject.of_type(
        "System.Management.Automation.ProviderInfo", {"Name": name, "ModuleName": module}, text=f"{module}\\{name}"
    )
