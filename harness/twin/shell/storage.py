"""The files that .NET's file classes and ``Export-Clixml`` see.

A machine with files gives the host a member ``storage``; a session on one without keeps its files for itself.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Protocol

from harness.twin.shell.errors import net_error
from harness.twin.shell.regexes import matches_wildcard

if TYPE_CHECKING:
    from harness.twin.shell.runspace import Runspace

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Storage(Protocol):
    """Files by full path. What fails raises ``NetError`` with .NET's exception."""

    has_folders: bool
    """Whether folders are known by themselves, so that one that is not there does not exist."""

    def kind(self, path: str) -> str:
        """``file``, ``folder``, or empty when there is nothing."""

    def read(self, path: str) -> bytes:
        """All bytes of a file."""

    def write(self, path: str, data: bytes) -> None:
        """Make or replace a file."""

    def delete(self, path: str) -> None:
        """Delete a file; one that does not exist is no error."""

    def expand(self, pattern: str) -> list[str]:
        """Full paths of the files and folders that a path with wildcards means, in order."""

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it; one that is there is no error."""


class Scratch:
    """The files of one session on a machine without a file system; every folder exists."""

    has_folders = False

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    def kind(self, path: str) -> str:
        """See ``Storage``."""
        low = _plain(path)
        if low in self._files:
            return "file"
        return "folder" if any(name.startswith(f"{low}\\") for name in self._files) else ""

    def read(self, path: str) -> bytes:
        """See ``Storage``."""
        found = self._files.get(_plain(path))
        if found is None:
            raise net_error("System.IO.FileNotFoundException", f"Could not find file '{path}'.")
        return found

    def write(self, path: str, data: bytes) -> None:
        """See ``Storage``."""
        self._files[_plain(path)] = data

    def delete(self, path: str) -> None:
        """See ``Storage``."""
        self._files.pop(_plain(path), None)

    def expand(self, pattern: str) -> list[str]:
        """See ``Storage``."""
        return matching(list(self._files), pattern)

    def make_folder(self, path: str) -> None:
        """Every folder exists."""


def _plain(path: str) -> str:
    return path.replace("/", "\\").rstrip("\\").lower()


def matching(files: Iterable[str], pattern: str) -> list[str]:
    """Which of these files, and of the folders that they lie in, a path with wildcards means."""
    wanted = _plain(pattern).split("\\")
    cut = {"\\".join(name.split("\\")[: len(wanted)]) for name in files}
    return sorted(
        path
        for path in cut
        if len(path.split("\\")) == len(wanted)
        and all(matches_wildcard(one, part) for one, part in zip(wanted, path.split("\\"), strict=True))
    )


def storage_of(rs: Runspace) -> Storage:
    """The files that a session sees."""
    found: Storage | None = getattr(rs.host, "storage", None)
    return rs.scratch if found is None else found


def absolute(path: str, place: str) -> str:
    """A full path, of one below a place or, where it begins with a backslash, below the root of the place's drive."""
    if re.match(r"^(?:[A-Za-z]:|\\\\|/)", path):
        return _resolved(path)
    if path.startswith("\\") and re.match(r"^[A-Za-z]:", place):
        return _resolved(f"{place[:2]}{path}")
    return _resolved(f"{place}{path}" if place.endswith(("\\", "/")) else f"{place}\\{path}")


def _resolved(path: str) -> str:
    """The path without ``.`` and ``..``; above a root there is nothing."""
    parts = path.split("\\")
    if not re.match(r"^[A-Za-z]:", path) or not {".", ".."}.intersection(parts):
        return path
    kept: list[str] = []
    for part in parts[1:]:
        if part == "..":
            kept = kept[:-1]
        elif part != ".":
            kept.append(part)
    return "\\".join([parts[0], *kept]) if kept else f"{parts[0]}\\"


def text_of(data: bytes, codec: str = "utf-8") -> str:
    """The text of a file: its mark decides about the encoding, else ``codec``."""
    for mark, marked in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(marked, "replace")
    return data.decode(codec, "replace")
