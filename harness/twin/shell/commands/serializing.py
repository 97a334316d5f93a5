"""``Export-Clixml`` and ``Import-Clixml`` over the files of the session."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harness.twin.shell.clixml import CLOSE, OPEN, Serializer
from harness.twin.shell.clixmlreader import Reader
from harness.twin.shell.clixmltext import laid_out
from harness.twin.shell.commands.api import Call, Command, Parameter
from harness.twin.shell.commands.providers import full_path
from harness.twin.shell.commands.table import CORE, UTILITY
from harness.twin.shell.errors import NetError, PSError
from harness.twin.shell.objects import NOTHING
from harness.twin.shell.storage import storage_of, text_of

CODECS: Final = {
    "ascii": ("ascii", b""),
    "bigendianunicode": ("utf-16-be", "\ufeff".encode("utf-16-be")),
    "default": ("cp1252", b""),
    "oem": ("cp437", b""),
    "unicode": ("utf-16-le", "\ufeff".encode("utf-16-le")),
    "utf7": ("utf-7", b""),
    "utf8": ("utf-8", "\ufeff".encode()),
    "utf32": ("utf-32-le", "\ufeff".encode("utf-32-le")),
}
_PATHS: Final = (
    Parameter("Path", "string", position=0, mandatory=True, sets=("ByPath",)),
    Parameter("LiteralPath", "string", mandatory=True, aliases=("PSPath",), sets=("ByLiteralPath",)),
)


def _place(call: Call) -> str:
    return full_path(call, call.text("LiteralPath") or call.text("Path"))


def failed(call: Call, fault: NetError) -> PSError:
    """An exception of .NET that ends the command."""
    kind = fault.exception.type_name
    return call.fail(fault.exception.message, kind, "NotSpecified", exception=kind)


@CORE.cmdlet(
    "Export-Clixml",
    module=UTILITY,
    default_set="ByPath",
    parameters=[
        *_PATHS,
        Parameter("Depth", "int", minimum=1, maximum=2**31 - 1),
        Parameter("InputObject", "object", mandatory=True, pipeline="value", allow_null=True, allow_empty=True),
        Parameter("Encoding", "string", values=tuple(CODECS)),
        Parameter("Force", "switch"),
        Parameter("NoClobber", "switch", aliases=("NoOverwrite",)),
    ],
    should_process=True,
)
class ExportClixml(Command):
    """Writes objects, two levels deep, as one document; 5.1 writes it in UTF-16."""

    def begin(self) -> None:
        self.serializer = Serializer(self.call.rs, self.call.number("Depth", 2))
        self.elements: list[str] = []

    def process(self, item: object) -> None:
        value = item if item is not NOTHING else self.call.get("InputObject")
        try:
            self.elements.append(self.serializer.write(value))
        except NetError as fault:
            raise failed(self.call, fault) from None

    def end(self) -> None:
        place, files = _place(self.call), storage_of(self.call.rs)
        if not self.call.should_process(place, "Export-Clixml"):
            return
        if self.call.switch("NoClobber") and files.kind(place):
            text = f"The file '{place}' already exists."
            raise self.call.fail(text, "NoClobber", "ResourceExists", place, "System.IO.IOException")
        codec, mark = CODECS[self.call.text("Encoding", "Unicode").lower()]
        try:
            files.write(place, mark + laid_out(f"{OPEN}{''.join(self.elements)}{CLOSE}").encode(codec, "replace"))
        except NetError as fault:
            raise failed(self.call, fault) from None


@CORE.cmdlet(
    "Import-Clixml",
    module=UTILITY,
    default_set="ByPath",
    parameters=[
        Parameter("Path", "string[]", position=0, mandatory=True, pipeline=("value", "name"), sets=("ByPath",)),
        Parameter(
            "LiteralPath", "string[]", mandatory=True, pipeline="name", aliases=("PSPath",), sets=("ByLiteralPath",)
        ),
        Parameter("First", "int"),
        Parameter("Skip", "int", default=0),
        Parameter("IncludeTotalCount", "switch"),
    ],
)
def import_clixml(call: Call) -> Iterable[object]:
    """Reads the objects of a document."""
    for path in call.texts("LiteralPath") or call.texts("Path"):
        try:
            found = Reader().document(text_of(storage_of(call.rs).read(full_path(call, path))))
        except NetError as fault:
            raise failed(call, fault) from None
        start = call.number("Skip")
        yield from found[start : start + call.number("First")] if call.has("First") else found[start:]
