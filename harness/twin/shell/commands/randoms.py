"""``Get-Random``."""

from __future__ import annotations

from typing import Final

from harness.twin.shell.commands.api import Command, Parameter
from harness.twin.shell.commands.table import CORE, UTILITY
from harness.twin.shell.conversion import convert
from harness.twin.shell.dotnet.randoms import Random
from harness.twin.shell.objects import NOTHING, Int64, bare_value
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import TypeRef

_WHOLE: Final = TypeRef("System.Int32")


@CORE.cmdlet(
    "Get-Random",
    module=UTILITY,
    default_set="RandomNumberParameterSet",
    parameters=[
        Parameter("SetSeed", "int"),
        Parameter("Maximum", "object", position=0, sets=("RandomNumberParameterSet",)),
        Parameter("Minimum", "object", sets=("RandomNumberParameterSet",)),
        Parameter(
            "InputObject",
            "object[]",
            position=0,
            pipeline="value",
            mandatory=True,
            sets=("RandomListItemParameterSet",),
        ),
        Parameter("Count", "int", minimum=1, maximum=2**31 - 1, sets=("RandomListItemParameterSet",)),
    ],
)
class GetRandom(Command):
    """A number, or some of the objects that come."""

    def begin(self) -> None:
        self.items: list[object] = []

    def process(self, item: object) -> None:
        given = self.call.get("InputObject")
        if item is not NOTHING or given is not None:
            self.items.extend(given if isinstance(given, list) else [item])

    def end(self) -> None:
        call = self.call
        source = Random(call.number("SetSeed") if call.has("SetSeed") else None)
        if self.items:
            count = min(call.number("Count", 1), len(self.items))
            for one in source.source.sample(self.items, count):
                call.emit(one)
            return
        low, high = bare_value(call.get("Minimum", 0)), bare_value(call.get("Maximum", 2**31 - 1))
        if isinstance(low, float) or isinstance(high, float):
            call.emit(source.source.uniform(float(to_text(low)), float(to_text(high))))
            return
        first, last = (int(to_text(convert(one, _WHOLE) if isinstance(one, str) else one)) for one in (low, high))
        if first >= last:
            raise call.fail(
                f"The Minimum value ({first}) cannot be greater than or equal to the Maximum value ({last}).",
                "MinGreaterThanOrEqualMax",
                "InvalidArgument",
                exception="System.ArgumentException",
            )
        found = source.whole(first, last)
        call.emit(found if -(2**31) <= found < 2**31 else Int64(found))
