"""``ConvertTo-Json`` and ``ConvertFrom-Json``."""

from __future__ import annotations

from harness.twin.shell.commands.api import Command, Parameter
from harness.twin.shell.commands.table import CORE, UTILITY
from harness.twin.shell.jsonreading import BadJsonError, read_json
from harness.twin.shell.jsontext import JsonWriter
from harness.twin.shell.objects import NOTHING, ORDERED, PSArray, PSHashtable

MAX_DEPTH = 100


@CORE.cmdlet(
    "ConvertTo-Json",
    module=UTILITY,
    parameters=[
        Parameter("InputObject", "object", position=0, mandatory=True, pipeline="value", allow_null=True),
        Parameter("Depth", "int", minimum=1),
        Parameter("Compress", "switch"),
    ],
)
class ConvertToJson(Command):
    """One text for all objects: several make an array, null is none."""

    def begin(self) -> None:
        self.items: list[object] = []
        self.depth = self.call.number("Depth", 2)
        if self.depth > MAX_DEPTH:
            raise self.call.fail(
                f"The maximum depth allowed for serialization is {MAX_DEPTH}.",
                "ReachedMaximumDepthAllowed",
                "InvalidOperation",
                exception="System.InvalidOperationException",
            )

    def process(self, item: object) -> None:
        if item is not NOTHING and item is not None:
            self.items.append(item)

    def end(self) -> None:
        if not self.items:
            return
        writer = JsonWriter(self.call.rs, self.depth, self.call.switch("Compress"))
        value = self.items[0] if len(self.items) == 1 else self.items
        if self.call.expecting_input and isinstance(value, PSArray) and value.wrapped:
            value = PSHashtable({"value": list(value), "Count": len(value)}, ORDERED)
        self.call.emit(writer.write(value))


@CORE.cmdlet(
    "ConvertFrom-Json",
    module=UTILITY,
    parameters=[Parameter("InputObject", "string", position=0, pipeline="value", mandatory=True, allow_empty=True)],
)
class ConvertFromJson(Command):
    """Text to objects; the lines of a pipeline are one text unless the first is complete. An array is one
    object (5.1)."""

    def begin(self) -> None:
        self.lines: list[str] = []

    def process(self, item: object) -> None:
        self.lines.append(self.call.text("InputObject"))

    def end(self) -> None:
        if not self.lines:
            return
        if len(self.lines) > 1:
            try:
                read_json(self.lines[0])
            except BadJsonError:
                self._send("\n".join(self.lines))
                return
            for line in self.lines:
                self._send(line)
            return
        self._send(self.lines[0])

    def _send(self, text: str) -> None:
        if not text.strip():
            return
        try:
            found = read_json(text)
            self.call.emit(PSArray(found, wrapped=True) if isinstance(found, list) else found)
        except BadJsonError as fault:
            raise self.call.fail(str(fault), fault.error_id, fault.category, exception=fault.exception) from None
