"""``Test-Path``, ``Get-Content``, ``Set-Content``, ``Out-File``, ``Remove-Item`` over the guest's small files.

The host's ``files`` is the port: ``exists``, ``read``, ``write``, ``delete``, ``list``.  Paths of the session's own
drives go to the core's commands, those of the registry to registry.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from harness.twin.cmdlets.guest.modules import MANAGEMENT, UTILITY, machine_of, run_core
from harness.twin.cmdlets.guest.registry import key_exists, key_of
from harness.twin.cmdlets.shapes import Shape
from harness.twin.shell.commands.api import Call, Command, Parameter
from harness.twin.shell.commands.contents import (
    CONTENT_PARAMETERS,
    contradicts,
    drive_of,
    handed_out,
    pieces_of,
)
from harness.twin.shell.commands.providers import full_path, split_drive
from harness.twin.shell.errors import limitation
from harness.twin.shell.formatting import render
from harness.twin.shell.objects import NOTHING
from harness.twin.shell.text import to_text

_SESSION_DRIVES: Final = ("env", "variable", "function", "alias")
_ENDING: Final = "\r\n"
_PATH: Final = Parameter(
    "Path", "string[]", position=0, mandatory=True, pipeline="name", aliases=("LiteralPath", "PSPath", "FilePath")
)
_ENCODING: Final = (Parameter("Encoding", "string"), Parameter("Force", "switch"), Parameter("NoNewline", "switch"))


def _is_file(path: str) -> bool:
    return split_drive(path)[0] not in _SESSION_DRIVES and key_of(path) is None


@MANAGEMENT.cmdlet(
    "Test-Path",
    Parameter(
        "Path",
        "string[]",
        position=0,
        mandatory=True,
        pipeline=("value", "name"),
        aliases=("LiteralPath", "PSPath"),
    ),
    Parameter("PathType", "string", aliases=("Type",)),
    Parameter("IsValid", "switch"),
)
def test_path(call: Call) -> Iterable[object] | None:
    """Whether keys, files or items of the session's drives exist."""
    paths = call.texts("Path")
    if not paths or not all(key_of(path) is not None or _is_file(path) for path in paths):
        return run_core("Test-Path", call)
    return [_exists(call, path) for path in paths]


def _exists(call: Call, path: str) -> bool:
    key = key_of(path)
    if key is not None:
        return key_exists(machine_of(call), key)
    found: bool = call.host.files.exists(full_path(call, path))
    return found


@MANAGEMENT.cmdlet(
    "Get-Content",
    Parameter("Path", "string[]", position=0, mandatory=True, pipeline="name", aliases=("LiteralPath", "PSPath")),
    *CONTENT_PARAMETERS,
)
def get_content(call: Call) -> Iterable[object] | None:
    """The lines of files; with ``-Raw`` their text."""
    if contradicts(call):
        return None
    if not all(_is_file(path) for path in call.texts("Path")):
        return run_core("Get-Content", call)
    return _lines(call)


def _lines(call: Call) -> Iterator[object]:
    for path in call.texts("Path"):
        text: str | None = call.host.files.read(full_path(call, path))
        if text is None:
            _missing(call, full_path(call, path))
        else:
            yield from handed_out(call, pieces_of(call, text), full_path(call, path), drive_of(full_path(call, path)))


def _missing(call: Call, path: str) -> None:
    kind = "System.Management.Automation.ItemNotFoundException"
    text = f"Cannot find path '{path}' because it does not exist."
    call.write_error(text, "PathNotFound", "ObjectNotFound", path, kind)


class _Collector(Command):
    """Takes what comes down the pipeline, and writes it at the end."""

    def begin(self) -> None:
        self.items: list[object] = []

    def process(self, item: object) -> None:
        if item is not NOTHING:
            self.items.append(item)

    def _store(self, text: str, *, append: bool) -> None:
        for path in self.call.texts("Path") or self.call.texts("FilePath"):
            if not _is_file(path):
                raise self.call.fail(
                    f"twin limitation: cannot write to '{path}' here", "NotSupported", "NotImplemented"
                )
            place = full_path(self.call, path)
            before = (self.call.host.files.read(place) or "") if append else ""
            self.call.host.files.write(place, before + text)


class _SetContent(_Collector):
    """``Set-Content``, ``Add-Content``."""

    append = False

    def end(self) -> None:
        given = self.call.get("Value")
        items = self.items or (given if isinstance(given, list) else [given])
        ending = "" if self.call.switch("NoNewline") else _ENDING
        self._store("".join(to_text(item) + ending for item in items), append=self.append)


class _AddContent(_SetContent):
    append = True


class _OutFile(_Collector):
    """``Out-File``: as the console would show it."""

    def end(self) -> None:
        given = self.call.get("InputObject")
        items = self.items or ([] if given is None else [given])
        self._store(render(self.call.rs, items, self.call.rs.width), append=self.call.switch("Append"))


_VALUE: Final = Parameter("Value", "object[]", position=1, pipeline="value", allow_null=True, allow_empty=True)
for _name, _class in (("Set-Content", _SetContent), ("Add-Content", _AddContent)):
    MANAGEMENT.table.cmdlet(_name, module=MANAGEMENT.name, parameters=(_PATH, _VALUE, *_ENCODING))(_class)
UTILITY.table.cmdlet(
    "Out-File",
    module=UTILITY.name,
    parameters=(
        Parameter("FilePath", "string[]", position=0, mandatory=True, aliases=("Path", "LiteralPath")),
        Parameter("Encoding", "string", position=1),
        Parameter("Append", "switch"),
        Parameter("Force", "switch"),
        Parameter("Width", "int"),
        Parameter("InputObject", "object", pipeline="value"),
    ),
)(_OutFile)


FOLDER: Final = Shape(
    ("System.IO.DirectoryInfo", "System.IO.FileSystemInfo", "System.MarshalByRefObject", "System.Object"),
    "FullName Name Exists",
)


@MANAGEMENT.cmdlet(
    "New-Item",
    Parameter("Path", "string[]", position=0, mandatory=True, pipeline="name"),
    Parameter("Name", "string"),
    Parameter("ItemType", "string", aliases=("Type",)),
    Parameter("Value", "object"),
    Parameter("Force", "switch"),
    should_process=True,
)
def new_item(call: Call) -> Iterable[object] | None:
    """New folders; items of the session's drives as everywhere."""
    if not all(_is_file(path) for path in call.texts("Path")):
        return run_core("New-Item", call)
    return _new_folders(call)


def _new_folders(call: Call) -> Iterator[object]:
    if call.text("ItemType").lower() not in ("directory", "container"):
        raise limitation("New-Item is simulated on guests for folders; Set-Content makes files")
    for path in call.texts("Path"):
        place = full_path(call, f"{path}\\{call.text('Name')}" if call.has("Name") else path)
        if call.host.files.exists(place) and not call.switch("Force"):
            text = f"An item with the specified name {place} already exists."
            call.write_error(text, "DirectoryExist", "ResourceExists", place, "System.IO.IOException")
        elif call.should_process(f"Destination: {place}", "Create Directory"):
            call.host.files.make_folder(place)
            yield FOLDER.make(place, place.rpartition("\\")[2], True, text=place)


@MANAGEMENT.cmdlet("Remove-Item", _PATH, Parameter("Recurse", "switch"), Parameter("Force", "switch"))
def remove_item(call: Call) -> Iterable[object] | None:
    """Removes files; items of the session's drives as everywhere."""
    if not all(_is_file(path) for path in call.texts("Path")):
        return run_core("Remove-Item", call)
    for path in call.texts("Path"):
        place = full_path(call, path)
        if not call.host.files.delete(place):
            _missing(call, place)
    return None
