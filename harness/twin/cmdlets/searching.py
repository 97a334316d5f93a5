"""``Select-String`` in files: of a path, of paths from the pipeline, and of file objects ([D] PSD 5.1; order [GK])."""

from __future__ import annotations

from harness.twin.cmdlets.fileobjects import FILE, Place, files_of, picked, resolve
from harness.twin.cmdlets.starting import UTILITY
from harness.twin.model.files import File
from harness.twin.shell.commands.api import Parameter
from harness.twin.shell.commands.converting import SelectString
from harness.twin.shell.commands.providers import full_path
from harness.twin.shell.errors import NetError
from harness.twin.shell.objects import PSObject
from harness.twin.shell.storage import storage_of, text_of
from harness.twin.shell.text import to_text


@UTILITY.table.cmdlet(
    "Select-String",
    module=UTILITY.name,
    parameters=[
        Parameter(
            "InputObject",
            "object",
            pipeline="value",
            mandatory=True,
            allow_null=True,
            allow_empty=True,
            sets=("Object",),
        ),
        Parameter("Pattern", "string[]", position=0, mandatory=True),
        Parameter("Path", "string[]", position=1, mandatory=True, pipeline="name", sets=("File",)),
        Parameter(
            "LiteralPath",
            "string[]",
            mandatory=True,
            pipeline="name",
            aliases=("PSPath",),
            sets=("LiteralFile",),
        ),
        Parameter("SimpleMatch", "switch"),
        Parameter("CaseSensitive", "switch"),
        Parameter("Quiet", "switch"),
        Parameter("List", "switch"),
        Parameter("Include", "string[]"),
        Parameter("Exclude", "string[]"),
        Parameter("NotMatch", "switch"),
        Parameter("AllMatches", "switch"),
        Parameter("Context", "int[]"),
        Parameter("Encoding", "string"),
    ],
    default_set="File",
)
class SearchFiles(SelectString):
    """Finds text in what comes, or in the files that are named."""

    def process(self, item: object) -> None:
        """A line of the stream, or all lines of files."""
        if isinstance(item, PSObject) and FILE.type_name in item.type_names:
            self._search(to_text(item.get("FullName")))
        elif self.call.has("Path") or self.call.has("LiteralPath"):
            for path in self.call.texts("Path") or self.call.texts("LiteralPath"):
                for place in resolve(self.call, full_path(self.call, path.rpartition("::")[2])):
                    self._visit(place)
        else:
            super().process(item)

    def _visit(self, place: Place) -> None:
        """A file that a path means; a folder is an error, as on Windows."""
        if isinstance(place.entry, File):
            if picked(self.call, place.entry.name):
                self._search(place.path)
            return
        self.call.write_error(
            f"The file {place.path} cannot be read: Access to the path '{place.path}' is denied.",
            "ProcessingFile",
            "InvalidArgument",
            place.path,
            "System.ArgumentException",
        )

    def _search(self, path: str) -> None:
        """Search one file; its lines count from one, and its context is its own."""
        try:
            text = text_of(storage_of(self.call.rs).read(path))
        except NetError as fault:
            message = f"The file {path} cannot be read: {fault.exception.message}"
            self.call.write_error(message, "ProcessingFile", "InvalidArgument", path, "System.ArgumentException")
            return
        self.origin = files_of(self.call).canonical(path)
        before = len(self.found)
        for line in text.splitlines():
            super().process(line)
            if len(self.found) > before and (self.call.switch("List") or self.call.switch("Quiet")):
                break
        if self.call.has("Context"):
            super().end()
        if not self.call.switch("Quiet"):
            self.found.clear()
        self.lines.clear()
