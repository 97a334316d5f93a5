"""Changing files: ``New-Item``, ``Remove-Item``, ``Copy-Item``, ``Move-Item``, ``Set-Content``, ``Add-Content``.

[D] PSD 5.1; errors [GK].  Paths of the session's own drives go to the shell's commands of the same names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from harness.twin.cmdlets.computer import MANAGEMENT
from harness.twin.cmdlets.fileobjects import (
    EXCLUDE,
    FILTER,
    FORCE,
    INCLUDE,
    LITERAL,
    PATH,
    Place,
    each_path,
    fault_text,
    files_of,
    is_file_path,
    make_item,
    paths_given,
    picked,
    resolve,
    write_fault,
)
from harness.twin.cmdlets.files import ENCODING, ENCODINGS, content_of, unmarked
from harness.twin.cmdlets.filesessions import copy_through_session, through_session
from harness.twin.model.files import File, FileError, FileFault, Folder, NodeFiles, parent_of
from harness.twin.shell.commands import providers
from harness.twin.shell.commands.api import Call, Command, Parameter
from harness.twin.shell.commands.providers import full_path
from harness.twin.shell.errors import limitation, runtime_error
from harness.twin.shell.objects import NOTHING
from harness.twin.shell.text import to_text

_PASS: Final = Parameter("PassThru", "switch")
_RECURSE: Final = Parameter("Recurse", "switch")
_CONTENT: Final = (
    PATH,
    Parameter("Value", "object", position=1, mandatory=True, pipeline=("value", "name"), allow_null=True),
    LITERAL,
    ENCODING,
    Parameter("NoNewline", "switch"),
    FORCE,
    _PASS,
)


@MANAGEMENT.table.cmdlet(
    "New-Item",
    module=MANAGEMENT.name,
    parameters=[
        Parameter("Path", "string[]", position=0, mandatory=True, pipeline="name"),
        Parameter("Name", "string", pipeline="name"),
        Parameter("ItemType", "string", aliases=("Type",)),
        Parameter("Value", "object", aliases=("Target",), pipeline=("value", "name")),
        FORCE,
    ],
    should_process=True,
)
def new_item(call: Call) -> Iterator[object]:
    """New files and folders; without ``-ItemType`` a file."""
    yield from each_path(call, _new_item, lambda call, _path: providers.new_item(call))


@MANAGEMENT.table.cmdlet(
    "mkdir",
    module="",
    class_name="Microsoft.PowerShell.Commands.NewItemCommand",
    parameters=[
        Parameter("Path", "string[]", position=0, mandatory=True, pipeline="name"),
        Parameter("Name", "string", pipeline="name"),
        FORCE,
    ],
    aliases=("md",),
    should_process=True,
)
def make_directory(call: Call) -> Iterator[object]:
    """New folders: the function around ``New-Item`` that every session has."""
    call.bound = {**call.bound, "ItemType": "Directory"}
    yield from new_item(call)


def _new_item(call: Call, path: str) -> Iterator[object]:
    if call.has("Name"):
        path = f"{path.rstrip(chr(92))}\\{call.text('Name')}"
    kind = call.text("ItemType", "File").lower()
    if kind not in ("file", "directory", "container"):
        raise limitation(f"items of the type '{kind}' are not simulated")
    if not call.should_process(f"Destination: {path}", f"Create {kind.capitalize()}"):
        return
    try:
        made = _make_file(call, path) if kind == "file" else _make_folder(call, path)
    except FileError as error:
        write_fault(call, error, "NewItemIOError" if kind == "file" else "CreateDirectoryIOError")
        return
    if made:
        files = files_of(call)
        entry = files.find(path)
        if entry is not None:
            yield make_item(call.host, files.canonical(path), entry)


def _make_folder(call: Call, path: str) -> bool:
    files = files_of(call)
    if files.exists(path) and not (call.switch("Force") and isinstance(files.find(path), Folder)):
        call.write_error(
            f"An item with the specified name {path} already exists.",
            "DirectoryExist",
            "ResourceExists",
            path,
            "System.IO.IOException",
        )
        return False
    files.make_folder(path)
    return True


def _make_file(call: Call, path: str) -> bool:
    files = files_of(call)
    if files.exists(path) and not call.switch("Force"):
        text = f"The file '{path}' already exists."
        call.write_error(text, "NewItemIOError", "WriteError", path, "System.IO.IOException")
        return False
    if call.switch("Force"):
        files.make_folder(parent_of(path))
    value = call.get("Value")
    files.write(path, b"" if value is None else to_text(value).encode())
    return True


@MANAGEMENT.table.cmdlet(
    "Remove-Item",
    module=MANAGEMENT.name,
    parameters=[PATH, LITERAL, FILTER, INCLUDE, EXCLUDE, _RECURSE, FORCE],
    default_set="Path",
    should_process=True,
)
def remove_item(call: Call) -> Iterator[object]:
    """Deletes files and folders."""
    yield from each_path(call, _remove_item, lambda call, _path: providers.remove_item(call))


def _remove_item(call: Call, path: str) -> Iterator[object]:
    for place in resolve(call, path):
        if not picked(call, place.entry.name):
            continue
        what = "Remove File" if isinstance(place.entry, File) else "Remove Directory"
        if call.should_process(place.path, what):
            _remove(call, place)
    yield from ()


def _remove(call: Call, place: Place) -> None:
    try:
        files_of(call).remove(place.path, recurse=call.switch("Recurse"))
    except FileError as error:
        if error.fault is not FileFault.NOT_EMPTY:
            write_fault(call, error, "RemoveFileSystemItemIOError")
            return
        # A console would ask; a session without one cannot.
        call.write_error(
            "Windows PowerShell is in NonInteractive mode. Read and Prompt functionality is not available.",
            "InvalidOperation",
            "InvalidOperation",
            None,
            "System.Management.Automation.PSInvalidOperationException",
        )


_SOURCE: Final = Parameter("Path", "string[]", position=0, mandatory=True, pipeline=("value", "name"), sets=("Path",))
_DESTINATION: Final = Parameter("Destination", "string", position=1, pipeline="name")


@MANAGEMENT.table.cmdlet(
    "Copy-Item",
    module=MANAGEMENT.name,
    parameters=[
        _SOURCE,
        LITERAL,
        _DESTINATION,
        FILTER,
        INCLUDE,
        EXCLUDE,
        _RECURSE,
        FORCE,
        _PASS,
        Parameter("Container", "switch"),
        Parameter("ToSession", "object"),
        Parameter("FromSession", "object"),
    ],
    default_set="Path",
    should_process=True,
)
def copy_item(call: Call) -> Iterator[object]:
    """Copies files, with ``-Recurse`` folders; through a session to or from another node."""
    act = copy_through_session if through_session(call) else _copy_item
    yield from each_path(call, act, _no_session_drive)


def _copy_item(call: Call, path: str) -> Iterator[object]:
    for place in resolve(call, path):
        if not picked(call, place.entry.name):
            continue
        target = _target(call, place)
        if not call.should_process(f"Item: {place.path} Destination: {target}", "Copy File"):
            continue
        try:
            _copy(call, place, target)
        except FileError as error:
            write_fault(call, error, "CopyFileInfoItemIOError")
            continue
        yield from _passed(call, target)


def _copy(call: Call, place: Place, target: str) -> None:
    files = files_of(call)
    if call.has("Container") and not call.switch("Container") and isinstance(place.entry, Folder):
        raise limitation("Copy-Item -Container:$false is not simulated")
    if isinstance(place.entry, File) or call.switch("Recurse"):
        files.copy(place.path, target)
    else:
        files.make_folder(target)


@MANAGEMENT.table.cmdlet(
    "Move-Item",
    module=MANAGEMENT.name,
    parameters=[_SOURCE, LITERAL, _DESTINATION, FILTER, INCLUDE, EXCLUDE, FORCE, _PASS],
    default_set="Path",
    should_process=True,
)
def move_item(call: Call) -> Iterator[object]:
    """Moves files and folders."""
    yield from each_path(call, _move_item, _no_session_drive)


def _move_item(call: Call, path: str) -> Iterator[object]:
    files = files_of(call)
    for place in resolve(call, path):
        if not picked(call, place.entry.name):
            continue
        target = _target(call, place)
        if not call.should_process(f"Item: {place.path} Destination: {target}", "Move File"):
            continue
        try:
            if call.switch("Force") and isinstance(files.find(target), File) and target.lower() != place.path.lower():
                files.remove(target)
            files.move(place.path, target)
        except FileError as error:
            write_fault(call, error, "MoveFileInfoItemIOError")
            continue
        yield from _passed(call, target)


def _target(call: Call, place: Place) -> str:
    """Where a copy or a move goes: into an existing folder under its own name, else to the very path."""
    wanted = full_path(call, call.text("Destination", "."))
    if isinstance(files_of(call).find(wanted), Folder):
        return f"{wanted.rstrip(chr(92))}\\{place.entry.name}"
    return wanted


def _passed(call: Call, path: str) -> Iterator[object]:
    entry = files_of(call).find(path)
    if call.switch("PassThru") and entry is not None:
        yield make_item(call.host, path, entry)


def _no_session_drive(call: Call, path: str) -> Iterable[object]:
    providers.report_missing(call, path)
    return ()


class _Writer(Command):
    """Collects values and writes them at the end, one line each."""

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self.values: list[object] = []

    def process(self, item: object) -> None:
        """Takes one object of the pipeline, or the value on the line."""
        value = self.call.get("Value", item)
        if value is not NOTHING:
            self.values.extend(value if isinstance(value, list) else [value])

    def end(self) -> None:
        """Writes to every path."""
        for path in paths_given(self.call):
            if not is_file_path(path):
                self.call.bound = {**self.call.bound, "Path": [path], "Value": "\r\n".join(map(to_text, self.values))}
                providers.set_item(self.call)
                continue
            self.call.host.charge(self.call.declaration.name)
            path = full_path(self.call, path)
            if self.call.should_process(f"Path: {path}", self.call.declaration.name.replace("-", " ")):
                self._write(path)

    def _write(self, path: str) -> None:
        files = files_of(self.call)
        try:
            before = self._before(path)
            files.write(path, before + self._data(marked=not before))
        except FileError as error:
            self._report(error)
            return
        for item in _passed_values(self.call, self.values):
            self.call.emit(item)

    def _before(self, path: str) -> bytes:
        """What stays in the file."""
        return b""

    def _data(self, *, marked: bool) -> bytes:
        """The values in the encoding asked for; *marked*: with the byte order mark that belongs to it."""
        encoding = self.call.text("Encoding").lower()
        if encoding == "byte":
            return bytes(int(to_text(value)) for value in self.values)
        text = "".join(map(to_text, self.values))
        if not self.call.switch("NoNewline"):
            text = "".join(f"{to_text(value)}\r\n" for value in self.values)
        return text.encode(ENCODINGS.get(encoding, "cp1252") if marked else unmarked(encoding), "replace")

    def _report(self, error: FileError) -> None:
        ids = {
            FileFault.PARENT_MISSING: ("GetContentWriterDirectoryNotFoundError", "ObjectNotFound"),
            FileFault.NO_DRIVE: ("GetContentWriterDirectoryNotFoundError", "ObjectNotFound"),
            FileFault.IS_FOLDER: ("GetContentWriterUnauthorizedAccessError", "PermissionDenied"),
        }
        error_id, category = ids.get(error.fault, ("GetContentWriterIOError", "WriteError"))
        write_fault(self.call, error, error_id, category)


def _passed_values(call: Call, values: list[object]) -> list[object]:
    return values if call.switch("PassThru") else []


@MANAGEMENT.table.cmdlet(
    "Set-Content", module=MANAGEMENT.name, parameters=_CONTENT, default_set="Path", should_process=True
)
class SetContent(_Writer):
    """Writes files anew."""


@MANAGEMENT.table.cmdlet(
    "Add-Content", module=MANAGEMENT.name, parameters=_CONTENT, default_set="Path", should_process=True
)
class AddContent(_Writer):
    """Writes at the end of files."""

    def _before(self, path: str) -> bytes:
        found = files_of(self.call).find(path)
        return content_of(found, path) if isinstance(found, File) else b""


def write_redirected(files: NodeFiles, location: str, path: str, text: str, *, append: bool) -> None:
    """A redirection into a file: Unicode with a mark, as ``Out-File`` of 5.1 writes.  Raises PSError."""
    target = path if path[1:2] == ":" else f"{location.rstrip(chr(92))}\\{path}"
    try:
        text = "".join(f"{line}\r\n" for line in text.splitlines())
        found = files.find(target)
        before = content_of(found, target) if append and isinstance(found, File) else b""
        files.write(target, before + text.encode(unmarked("unicode") if before else ENCODINGS["unicode"]))
    except FileError as error:
        message, exception = fault_text(error)
        raise runtime_error(message.rstrip(), "FileOpenFailure", "OpenError", type_name=exception) from None
