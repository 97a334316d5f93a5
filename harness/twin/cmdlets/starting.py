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
from harness.twin.shell.native import BUILT_IN, knows, plain_name, standing_at, void
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
    Parameter("RedirectStandardOutput", "string", aliases=("RSO",)),
    Parameter("RedirectStandardError", "string", aliases=("RSE",)),
    Parameter("RedirectStandardInput", "string", aliases=("RSI",)),
    Parameter("LoadUserProfile", "switch", aliases=("Lup",)),
    Parameter("UseNewEnvironment", "switch"),
)
def start_process(call: Call) -> Iterator[object]:
    """Runs a program to its end, at once: also without ``-Wait`` its lab time passes before the next command."""
    path = call.text("FilePath")
    name = plain_name(path)
    if not knows(call.rs, path):
        text = "This command cannot be run due to the error: The system cannot find the file specified."
        raise call.fail(text, "InvalidOperationException", "InvalidOperation", None, _INVALID)
    out, err = io.BytesIO(), io.BytesIO()
    line = " ".join([f'"{path}"' if " " in path else path, *call.texts("ArgumentList")])
    if name not in BUILT_IN:
        call.host.charge(name)
    place = full_path(call, call.text("WorkingDirectory")) if call.has("WorkingDirectory") else call.rs.location
    with standing_at(call.host, place):
        code = ConsoleProgram(call.host).run(
            line, io.BytesIO(_given(call)), lambda data: void(out.write(data)), lambda data: void(err.write(data))
        )
    refused = err.getvalue().decode("utf-8", "replace").partition("twin limitation: ")[2]
    if refused:  # a window that nobody sees must not hide it
        raise limitation(refused.strip())
    shown = _kept(call, "RedirectStandardOutput", out) + _kept(call, "RedirectStandardError", err)
    if call.switch("NoNewWindow") and call.rs.host_write is not None:
        call.rs.host_write(shown.decode("utf-8", "replace"))
    if call.switch("PassThru"):
        yield ENDED.make(None, name, name, True, code, text=f"System.Diagnostics.Process ({name})")


def _given(call: Call) -> bytes:
    """What the program reads."""
    if not call.has("RedirectStandardInput"):
        return b""
    path = full_path(call, call.text("RedirectStandardInput"))
    found = files_of(call).find(path)
    if not isinstance(found, File):
        text = f"Could not find file '{path}'."
        raise call.fail(text, "FileNotFoundException", "ObjectNotFound", path, "System.IO.FileNotFoundException")
    return content_of(found, path)


def _kept(call: Call, name: str, stream: io.BytesIO) -> bytes:
    """Write output to the file that a parameter names; what is left for the console comes back."""
    if not call.has(name):
        return stream.getvalue()
    path = full_path(call, call.text(name))
    try:
        files_of(call).write(path, stream.getvalue())
    except FileError as error:
        write_fault(call, error, "FileOpenFailure", "OpenError")
    return b""


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
