"""The files of a node as .NET's file classes see them ([GK] .NET Framework)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness.twin.cmdlets.fileobjects import expand, fault_text
from harness.twin.model.files import File, FileError, FileFault, Folder, NodeFiles, parent_of
from harness.twin.shell.errors import limitation, net_error


@contextmanager
def _translated() -> Iterator[None]:
    """A refused operation as the .NET exception."""
    try:
        yield
    except FileError as error:
        text, exception = fault_text(error)
        raise net_error(exception, text.rstrip()) from None


class NodeStorage:
    """A node's files as the shell's port for .NET's file classes."""

    has_folders = True

    def __init__(self, files: NodeFiles) -> None:
        self._files = files

    def kind(self, path: str) -> str:
        """``file``, ``folder``, or empty when there is nothing."""
        found = self._files.find(path)
        return "" if found is None else "file" if isinstance(found, File) else "folder"

    def read(self, path: str) -> bytes:
        """All bytes of a file."""
        with _translated():
            found = self._files.read(path)
            if found.content is None:
                raise limitation(f"the content of '{path}' is not simulated, only its size")
            return found.content

    def write(self, path: str, data: bytes) -> None:
        """Make or replace a file."""
        with _translated():
            self._files.write(path, data)

    def delete(self, path: str) -> None:
        """Delete a file; one that does not exist is no error."""
        with _translated():
            found = self._files.find(path)
            if isinstance(found, Folder):
                raise FileError(FileFault.IS_FOLDER, path)
            if found is not None:
                self._files.remove(path)
            elif not self._files.exists(parent_of(path)):
                raise FileError(FileFault.PARENT_MISSING, path)

    def expand(self, pattern: str) -> list[str]:
        """Full paths of the files and folders that a path with wildcards means, in order."""
        return [place.path for place in expand(self._files, pattern)]

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it; one that is there is no error."""
        with _translated():
            self._files.make_folder(path)
