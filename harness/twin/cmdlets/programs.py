"""Small programs of a node: ``hostname`` and ``cmd /c ver`` ([D] ASD names the latter to verify the OS build)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.declaring import Module
from harness.twin.model.entities import Node
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation

PROGRAMS: Final = Module("", lambda name: name)
_ARGUMENTS: Final = Parameter("ArgumentList", "string[]", position=0, remaining=True)


@PROGRAMS.cmdlet("hostname", _ARGUMENTS, aliases=("hostname.exe",))
def run_hostname(call: Call) -> Iterator[object]:
    """The node's name."""
    _ended(call)
    yield str(call.host.computer_name)


@PROGRAMS.cmdlet("cmd", _ARGUMENTS, aliases=("cmd.exe",))
def run_cmd(call: Call) -> Iterator[object]:
    """``cmd /c ver`` and ``cmd /c hostname``; other command lines are not simulated."""
    words = [word.lower() for argument in call.texts("ArgumentList") for word in argument.split()]
    _ended(call)
    if words == ["/c", "ver"]:
        node: Node = call.host.node
        yield ""
        yield f"Microsoft Windows [Version {node.os_build.version}]"
    elif words == ["/c", "hostname"]:
        yield str(call.host.computer_name)
    else:
        raise limitation(f"the command line 'cmd {' '.join(call.texts('ArgumentList'))}' is not simulated")


def _ended(call: Call) -> None:
    """Programs leave their exit code."""
    call.rs.global_scope.put("LASTEXITCODE", 0)
