"""``Tee-Object``."""

from __future__ import annotations

import codecs

from harness.twin.shell.commands.api import Command, Parameter
from harness.twin.shell.commands.providers import full_path
from harness.twin.shell.commands.serializing import failed
from harness.twin.shell.commands.table import CORE, INPUT, UTILITY
from harness.twin.shell.errors import NetError
from harness.twin.shell.formatting import render
from harness.twin.shell.objects import NOTHING
from harness.twin.shell.storage import storage_of, text_of


@CORE.cmdlet(
    "Tee-Object",
    module=UTILITY,
    parameters=[
        INPUT,
        Parameter("FilePath", "string", position=0, mandatory=True, sets=("File",)),
        Parameter("LiteralPath", "string", mandatory=True, aliases=("PSPath",), sets=("LiteralFile",)),
        Parameter("Append", "switch", sets=("File",)),
        Parameter("Variable", "string", mandatory=True, sets=("Variable",)),
    ],
    default_set="File",
)
class TeeObject(Command):
    """Keeps what goes through in a variable, or its text in a file (5.1 writes UTF-16 with a mark)."""

    def begin(self) -> None:
        self.items: list[object] = []

    def process(self, item: object) -> None:
        if item is not NOTHING:
            self.items.append(item)
            self.call.out(item)

    def end(self) -> None:
        call = self.call
        name = call.text("Variable")
        if name:
            value: object = self.items[0] if len(self.items) == 1 else list(self.items)
            call.scope.assign(name, value)
            return
        place = full_path(call, call.text("LiteralPath") or call.text("FilePath"))
        text = render(call.rs, self.items, call.rs.width).replace("\n", "\r\n")
        files = storage_of(call.rs)
        try:
            before = text_of(files.read(place)) if call.switch("Append") and files.kind(place) else ""
            files.write(place, codecs.BOM_UTF16_LE + (before + text).encode("utf-16-le"))
        except NetError as fault:
            raise failed(call, fault) from None
