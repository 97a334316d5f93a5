"""Modules whose commands can ask other machines by a parameter: ``-CimSession``, and Hyper-V's ``-ComputerName``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from harness.twin.cmdlets.callthere import machine_names, on_machines
from harness.twin.cmdlets.declaring import Body, Module
from harness.twin.shell.commands.api import Call, Parameter

_SESSION: Final = Parameter("CimSession", "object[]", aliases=("Session",))
_COMPUTER: Final = Parameter("ComputerName", "string[]")


class FarModule(Module):
    """A module each of whose commands runs on the machines that ``parameters`` name, where a call has one of them.

    A command that declares such a parameter itself does with it what it says.  ``stamped``: objects say in
    ``PSComputerName`` where they come from.
    """

    def __init__(
        self, name: str, class_of: Callable[[str], str], parameters: Sequence[Parameter], *, stamped: bool
    ) -> None:
        super().__init__(name, class_of)
        self._far = parameters
        self._stamped = stamped

    def cmdlet(
        self,
        name: str,
        *parameters: Parameter,
        default_set: str = "",
        aliases: Sequence[str] = (),
        should_process: bool = False,
    ) -> Callable[[Body], Body]:
        """Decorator: declare a function as command *name*."""
        own = {one.name for one in parameters}
        far = [one for one in self._far if one.name not in own]
        outer = super().cmdlet(
            name, *parameters, *far, default_set=default_set, aliases=aliases, should_process=should_process
        )

        def declare(body: Body) -> Body:
            def sent(call: Call) -> Iterable[object] | None:
                names = next((machine_names(call.get(one.name)) for one in far if call.has(one.name)), [])
                return on_machines(call, names, body, stamped=self._stamped) if names else body(call)

            outer(sent)
            return body

        return declare


def cim_module(name: str) -> FarModule:
    """A module of CDXML commands, whose error ids end with the command's name."""
    return FarModule(name, lambda command: command, [_SESSION], stamped=True)


def hyperv_module(name: str, class_of: Callable[[str], str]) -> FarModule:
    """A module whose commands know both ways; its objects have a ``ComputerName`` of their own."""
    return FarModule(name, class_of, [_SESSION, _COMPUTER], stamped=False)
