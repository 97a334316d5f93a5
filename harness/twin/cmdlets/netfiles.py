"""``[IO.File]`` and ``[IO.Directory]`` on the files of the node whose session runs ([GK] .NET Framework)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from harness.twin.cmdlets.fileobjects import fault_text
from harness.twin.cmdlets.files import decode
from harness.twin.model.files import File, FileError, FileFault, Folder, NodeFiles, parent_of
from harness.twin.shell.dotnet.registry import static
from harness.twin.shell.errors import limitation, net_error
from harness.twin.shell.objects import NOTHING, Byte, PSArray
from harness.twin.shell.session import current

_FILE: Final = "System.IO.File"
_FOLDER: Final = "System.IO.Directory"


def _files() -> NodeFiles:
    node = getattr(current().host, "node", None)
    files = getattr(node, "files", None)
    if not isinstance(files, NodeFiles):
        raise limitation("this machine has no files")
    return files


def _absolute(path: str) -> str:
    """Relative paths of .NET begin at the directory of the process, not at the session's location."""
    return path if path[1:2] == ":" else f"{current().host.location.rstrip(chr(92))}\\{path}"


def _translated(act: Callable[..., object]) -> Callable[..., object]:
    """A refused operation as the .NET exception."""

    @wraps(act)
    def run(path: str, *rest: Any) -> object:
        try:
            return act(_absolute(path), *rest)
        except FileError as error:
            text, exception = fault_text(error)
            raise net_error(exception, text.rstrip()) from None

    return run


@static(_FILE, "WriteAllBytes", "string path, byte[] bytes")
@_translated
def write_all_bytes(path: str, data: list[int]) -> object:
    """Write a file anew."""
    _files().write(path, bytes(data))
    return NOTHING


@static(_FILE, "ReadAllBytes", "string path")
@_translated
def read_all_bytes(path: str) -> object:
    """All bytes of a file."""
    return PSArray([Byte(value) for value in _content(path)], "System.Byte")


@static(_FILE, "WriteAllText", "string path, string contents")
@_translated
def write_all_text(path: str, text: str) -> object:
    """Write a file anew, in UTF-8 without a mark."""
    _files().write(path, text.encode())
    return NOTHING


@static(_FILE, "AppendAllText", "string path, string contents")
@_translated
def append_all_text(path: str, text: str) -> object:
    """Write at the end of a file."""
    before = _content(path) if _files().exists(path) else b""
    _files().write(path, before + text.encode())
    return NOTHING


@static(_FILE, "ReadAllText", "string path")
@_translated
def read_all_text(path: str) -> object:
    """The text of a file."""
    return decode(_content(path), "utf8")


@static(_FILE, "Exists", "string path")
def file_exists(path: str) -> bool:
    """Whether there is such a file; a folder is none."""
    return isinstance(_files().find(_absolute(path)), File)


@static(_FILE, "Delete", "string path")
@_translated
def delete_file(path: str) -> object:
    """Delete a file; one that does not exist is no error."""
    found = _files().find(path)
    if isinstance(found, Folder):
        raise FileError(FileFault.IS_FOLDER, path)
    if found is not None:
        _files().remove(path)
    elif not _files().exists(parent_of(path)):
        raise FileError(FileFault.PARENT_MISSING, path)
    return NOTHING


@static(_FOLDER, "Exists", "string path")
def folder_exists(path: str) -> bool:
    """Whether there is such a folder."""
    return isinstance(_files().find(_absolute(path)), Folder)


def _content(path: str) -> bytes:
    found = _files().read(path)
    if found.content is None:
        raise limitation(f"the content of '{path}' is not simulated, only its size")
    return found.content
