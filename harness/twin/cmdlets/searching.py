"""``Select-String`` in files: of a path, of paths from the pipeline, and of file objects ([D] PSD 5.1; order [GK])."""

from __future__ import annotations

from harness.twin.cmdlets.fileobjects import files_of, resolve
from harness.twin.cmdlets.starting import UTILITY
from harness.twin.model.files import File
from harness.twin.shell.commands.providers import full_path
from harness.twin.shell.commands.selectstring import PARAMETERS, SelectString


@UTILITY.table.cmdlet("Select-String", module=UTILITY.name, parameters=PARAMETERS, default_set="File")
class SearchFiles(SelectString):
    """Finds text in what comes, or in the files that are named."""

    def visit(self, path: str) -> None:
        """Search all files that a path means; a folder is an error, as on Windows."""
        for place in resolve(self.call, full_path(self.call, path.rpartition("::")[2])):
            if not isinstance(place.entry, File):
                self.call.write_error(
                    f"The file {place.path} cannot be read: Access to the path '{place.path}' is denied.",
                    "ProcessingFile",
                    "InvalidArgument",
                    place.path,
                    "System.ArgumentException",
                )
            elif self.picked(place.entry.name):
                self.search(place.path)

    def search(self, place: str, shown: str = "") -> None:
        """Search one file, which is told by its path as the drive spells it."""
        super().search(place, shown or files_of(self.call).canonical(place))
