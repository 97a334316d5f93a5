"""``Push-Location`` and ``Pop-Location``: the stack of locations of a session ([D] PSD 5.1)."""

from __future__ import annotations

from collections.abc import Iterable

from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.providers import go_to
from harness.twin.shell.commands.table import CORE, MANAGEMENT
from harness.twin.shell.enginecontext import path_info
from harness.twin.shell.errors import limitation

_COMMON = (Parameter("PassThru", "switch"), Parameter("StackName", "string"))


@CORE.cmdlet(
    "Push-Location",
    module=MANAGEMENT,
    parameters=[
        Parameter("Path", "string", position=0, pipeline=("value", "name"), aliases=("LiteralPath", "PSPath")),
        *_COMMON,
    ],
    aliases=("pushd",),
)
def push_location(call: Call) -> Iterable[object]:
    """Remembers the location and changes it."""
    _require_default_stack(call)
    call.rs.places.append(call.rs.location)
    if call.text("Path"):
        go_to(call, call.text("Path"))
    yield from _shown(call)


@CORE.cmdlet("Pop-Location", module=MANAGEMENT, parameters=_COMMON, aliases=("popd",))
def pop_location(call: Call) -> Iterable[object]:
    """Goes back to the location remembered last; with none, nothing happens ([D])."""
    _require_default_stack(call)
    if call.rs.places:
        call.rs.location = call.rs.places.pop()
    yield from _shown(call)


def _require_default_stack(call: Call) -> None:
    if call.has("StackName"):
        raise limitation("stacks of locations with a name are not simulated")


def _shown(call: Call) -> Iterable[object]:
    if call.switch("PassThru"):
        yield path_info(call.rs.location)
