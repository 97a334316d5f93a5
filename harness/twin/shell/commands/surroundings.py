"""``Get-Culture``, ``Get-UICulture``, ``Get-History``, ``Get-Host``: what surrounds a session."""

from __future__ import annotations

from collections.abc import Iterable

from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.table import CORE, ENGINE, UTILITY
from harness.twin.shell.dotnet.cultures import Culture


def _culture(call: Call) -> Iterable[object]:
    yield Culture(call.host.culture)


for _name in ("Get-Culture", "Get-UICulture"):
    CORE.cmdlet(_name, module=UTILITY)(_culture)


@CORE.cmdlet("Get-Host", module=UTILITY)
def get_host(call: Call) -> Iterable[object]:
    """The program that runs the session."""
    yield call.rs.global_scope.value("host")


@CORE.cmdlet(
    "Get-History",
    module=ENGINE,
    parameters=[
        Parameter("Id", "long[]", position=0, pipeline="value"),
        Parameter("Count", "int", position=1, minimum=0, maximum=32767),
    ],
)
def get_history(_call: Call) -> Iterable[object]:
    """A session without a person at the keyboard keeps no history."""
    return ()
