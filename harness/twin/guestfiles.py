"""The files of a managed guest: text by path, as far as a task's result needs it."""

from __future__ import annotations

from harness.twin.model.windows.state import GuestOs
from harness.twin.shell.errors import net_error
from harness.twin.shell.storage import matching, text_of


class GuestFiles:
    """A flat store; writing needs no folder.  Paths are full ones (``C:\\Windows\\Temp\\result.json``), in any case."""

    def __init__(self, machine: GuestOs) -> None:
        self._files = machine.files
        self._folders = machine.folders

    def exists(self, path: str) -> bool:
        """Whether there is a file, or a folder that was made or has a file in it."""
        low = _plain(path)
        return low in self._files or low in self._folders or any(name.startswith(f"{low}\\") for name in self._files)

    def read(self, path: str) -> str | None:
        """The text of a file; None when there is none."""
        return self._files.get(_plain(path))

    def write(self, path: str, text: str) -> None:
        """Make or replace a file."""
        self._files[_plain(path)] = text

    def delete(self, path: str) -> bool:
        """Remove a file, or all files of a folder; whether there was one."""
        low = _plain(path)
        gone = [name for name in self._files if name == low or name.startswith(f"{low}\\")]
        folders = [name for name in self._folders if name == low or name.startswith(f"{low}\\")]
        for name in gone:
            del self._files[name]
        self._folders.difference_update(folders)
        return bool(gone or folders)

    def make_folder(self, path: str) -> None:
        """Make a folder; harmless when it is there."""
        self._folders.add(_plain(path))

    def list(self, folder: str) -> tuple[str, ...]:
        """Full paths (in lower case) of the files below a folder."""
        return tuple(sorted(name for name in self._files if name.startswith(f"{_plain(folder)}\\")))


def _plain(path: str) -> str:
    return path.replace("/", "\\").rstrip("\\").lower()


class GuestStorage:
    """The same files as the shell's port for .NET's file classes; a guest keeps texts, here they are UTF-8."""

    has_folders = False

    def __init__(self, files: GuestFiles) -> None:
        self._files = files

    def kind(self, path: str) -> str:
        """``file``, ``folder``, or empty when there is nothing."""
        if self._files.read(path) is not None:
            return "file"
        return "folder" if self._files.exists(path) else ""

    def read(self, path: str) -> bytes:
        """All bytes of a file."""
        found = self._files.read(path)
        if found is None:
            raise net_error("System.IO.FileNotFoundException", f"Could not find file '{path}'.")
        return found.encode("utf-8", "surrogatepass")

    def write(self, path: str, data: bytes) -> None:
        """Make or replace a file."""
        self._files.write(path, text_of(data))

    def delete(self, path: str) -> None:
        """Delete a file; one that does not exist is no error."""
        if self._files.read(path) is not None:
            self._files.delete(path)

    def expand(self, pattern: str) -> list[str]:
        """Full paths of the files and folders that a path with wildcards means, in order."""
        return matching(self._files.list("C:"), pattern)

    def make_folder(self, path: str) -> None:
        """Folders of a guest exist with their files."""
