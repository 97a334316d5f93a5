"""``Export-Csv`` and ``Import-Csv`` over the files of the session; ``New-Guid``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.converting import ConvertToCsv, csv_objects
from harness.twin.shell.commands.providers import full_path
from harness.twin.shell.commands.serializing import CODECS, failed
from harness.twin.shell.commands.table import CORE, UTILITY
from harness.twin.shell.dotnet.dates import new_guid
from harness.twin.shell.errors import NetError
from harness.twin.shell.storage import storage_of, text_of

_LITERAL: Final = Parameter("LiteralPath", "string", aliases=("PSPath",))


def _place(call: Call) -> str:
    path = call.text("LiteralPath") or call.text("Path")
    if not path:
        raise call.fail(
            "You must specify either the -Path or -LiteralPath parameters, but not both.",
            "CannotSpecifyPathAndLiteralPath",
            "InvalidData",
            exception="System.InvalidOperationException",
        )
    return full_path(call, path)


@CORE.cmdlet(
    "Export-Csv",
    module=UTILITY,
    parameters=[
        Parameter("InputObject", "object", pipeline=("value", "name"), mandatory=True, allow_null=True),
        Parameter("Path", "string", position=0),
        Parameter("Delimiter", "string", position=1),
        _LITERAL,
        Parameter("NoTypeInformation", "switch", aliases=("NTI",)),
        Parameter("UseCulture", "switch"),
        Parameter("Encoding", "string", values=tuple(CODECS)),
        Parameter("Append", "switch"),
        Parameter("Force", "switch"),
        Parameter("NoClobber", "switch", aliases=("NoOverwrite",)),
    ],
    should_process=True,
)
class ExportCsv(ConvertToCsv):
    """The lines of ``ConvertTo-Csv`` in a file; 5.1 writes ASCII."""

    def begin(self) -> None:
        self.lines: list[str] = []
        self.place = _place(self.call)
        self.before = ""
        files = storage_of(self.call.rs)
        if not files.kind(self.place):
            return
        if self.call.switch("Append"):
            self.before = text_of(files.read(self.place))
            head = next(iter(csv_objects(self.call, f"{self.before.rstrip()}\n-")), None)
            self.names = [member.name for member in head.members.values()] if head is not None else None
        elif self.call.switch("NoClobber"):
            text = f"The file '{self.place}' already exists."
            raise self.call.fail(text, "NoClobber", "ResourceExists", self.place, "System.IO.IOException")

    def line(self, text: str) -> None:
        """One line of the file."""
        self.lines.append(f"{text}\r\n")

    def end(self) -> None:
        if not self.call.should_process(self.place, "Export-Csv"):
            return
        codec, mark = CODECS[self.call.text("Encoding", "ASCII").lower()]
        try:
            data = f"{self.before}{''.join(self.lines)}".encode(codec, "replace")
            storage_of(self.call.rs).write(self.place, mark + data)
        except NetError as fault:
            raise failed(self.call, fault) from None


@CORE.cmdlet(
    "Import-Csv",
    module=UTILITY,
    parameters=[
        Parameter("Path", "string[]", position=0, pipeline="value"),
        Parameter("Delimiter", "string", position=1),
        Parameter("LiteralPath", "string[]", pipeline="name", aliases=("PSPath",)),
        Parameter("Header", "string[]"),
        Parameter("UseCulture", "switch"),
        Parameter("Encoding", "string", values=tuple(CODECS)),
    ],
)
def import_csv(call: Call) -> Iterable[object]:
    """The objects of files."""
    for path in call.texts("LiteralPath") or call.texts("Path"):
        place = full_path(call, path)
        try:
            text = text_of(storage_of(call.rs).read(place))
        except NetError as fault:
            kind = fault.exception.type_name
            call.write_error(fault.exception.message, "FileOpenFailure", "OpenError", place, kind)
            continue
        yield from csv_objects(call, text)


@CORE.cmdlet("New-Guid", module=UTILITY, parameters=[])
def make_guid(_: Call) -> Iterable[object]:
    """A new identifier."""
    yield new_guid()
