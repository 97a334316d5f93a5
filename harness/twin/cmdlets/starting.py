"""``Start-Process`` with programs of a node, and ``Out-File`` ([D] PSD 5.1; texts [GK])."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.computer import MANAGEMENT
from harness.twin.cmdlets.declaring import Module, classes
from harness.twin.cmdlets.fileobjects import files_of, write_fault
from harness.twin.cmdlets.files import ENCODING, ENCODINGS, content_of, unmarked
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.files import File, FileError
from harness.twin.shell.commands.api import Call, Command, Parameter
from harness.twin.shell.commands.providers import full_path
from harness.twin.shell.errors import limitation
from harness.twin.shell.formatting import render
from harness.twin.shell.native import BUILT_IN, knows, plain_name, void
from harness.twin.shell.objects import NOTHING
from harness.twin.shell.program import ConsoleProgram

UTILITY: Final = Module("Microsoft.PowerShell.Utility", classes("Microsoft.PowerShell.Commands.{}Command"))
ENDED: Final = Shape(
    ("System.Diagnostics.Process", "System.ComponentModel.Component", "System.Object"),
    "Id ProcessName Name HasExited ExitCode",
)
_INVALID: Final = "System.InvalidOperationException"


@MANAGEMENT.cmdlet(
    "Start-Process",
    Parameter("FilePath", "string", position=0, mandatory=True, aliases=("PSPath",)),
    Parameter("ArgumentList", "string[]", position=1, aliases=("Args",)),
    Parameter("Wait", "switch"),
    Parameter("PassThru", "switch"),
    Parameter("NoNewWindow", "switch", aliases=("nnw",)),
    Parameter("WindowStyle", "string"),
    Parameter("Verb", "string"),
    Parameter("WorkingDirectory", "string"),
)
def start_process(call: Call) -> Iterator[object]:
    """Runs a program to its end: without ``-Wait`` there would be nobody to do so."""
    path = call.text("FilePath")
    name = plain_name(path)
    if not knows(call.rs, path):
        text = "This command cannot be run due to the error: The system cannot find the file specified."
        raise call.fail(text, "InvalidOperationException", "InvalidOperation", None, _INVALID)
    if not call.switch("Wait"):
        raise limitation("Start-Process without -Wait is not simulated")
    out = io.BytesIO()
    line = " ".join([f'"{path}"' if " " in path else path, *call.texts("ArgumentList")])
    if name not in BUILT_IN:
        call.host.charge(name)
    code = ConsoleProgram(call.host).run(
        line, io.BytesIO(), lambda data: void(out.write(data)), lambda data: void(out.write(data))
    )
    if call.switch("NoNewWindow") and call.rs.host_write is not None:
        call.rs.host_write(out.getvalue().decode("utf-8", "replace"))
    if call.switch("PassThru"):
        yield ENDED.make(None, name, name, True, code, text=f"System.Diagnostics.Process ({name})")


@UTILITY.table.cmdlet(
    "Out-File",
    module=UTILITY.name,
    parameters=[
        Parameter("FilePath", "string", position=0, mandatory=True, aliases=("Path", "LiteralPath", "PSPath")),
        Parameter("Encoding", "string", position=1, values=ENCODING.values),
        Parameter("Append", "switch"),
        Parameter("Force", "switch"),
        Parameter("NoClobber", "switch", aliases=("NoOverwrite",)),
        Parameter("Width", "int", minimum=2),
        Parameter("NoNewline", "switch"),
        Parameter("InputObject", "object", pipeline="value"),
    ],
    should_process=True,
)
class OutFile(Command):
    """Writes to a file what the console would show; as Unicode when nothing else is said."""

    def begin(self) -> None:
        self.items: list[object] = []

    def process(self, item: object) -> None:
        if item is not NOTHING:
            self.items.append(item)

    def end(self) -> None:
        call = self.call
        call.host.charge("Out-File")
        path = full_path(call, call.text("FilePath"))
        if not call.should_process(path, "Output to File"):
            return
        files = files_of(call)
        text = render(call.rs, self.items, call.number("Width", call.rs.width))
        plain = "".join(f"{line}\r\n" for line in text.splitlines())
        encoding = call.text("Encoding", "unicode").lower()
        try:
            found = files.find(path)
            if found is not None and call.switch("NoClobber") and not call.switch("Append"):
                kind = "System.IO.IOException"
                raise call.fail(f"The file '{path}' already exists.", "NoClobber", "ResourceExists", path, kind)
            before = content_of(found, path) if call.switch("Append") and isinstance(found, File) else b""
            codec = unmarked(encoding) if before else ENCODINGS.get(encoding, "cp1252")
            files.write(
                path, before + (plain.rstrip("\r\n") if call.switch("NoNewline") else plain).encode(codec, "replace")
            )
        except FileError as error:
            write_fault(call, error, "FileOpenFailure", "OpenError")
