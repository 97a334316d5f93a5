"""Script blocks as arguments of parameters that take pipeline input: evaluated anew for each object, which is ``$_``
([D] about_Script_Blocks, delay-bind)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.twin.shell.arguments import Argument, BindingErrors
from harness.twin.shell.commands.api import Parameter
from harness.twin.shell.errors import PSError
from harness.twin.shell.frame import Streams
from harness.twin.shell.invocation import call_block, one_value
from harness.twin.shell.objects import bare_value
from harness.twin.shell.scriptblock import ScriptBlock

if TYPE_CHECKING:
    from harness.twin.shell.binder import Binding, Coerce
    from harness.twin.shell.runspace import Runspace
    from harness.twin.shell.scope import Scope

_BLOCKS: Final = frozenset(
    f"{name}{ending}"
    for name in ("object", "scriptblock", "system.object", "system.management.automation.scriptblock", "psobject")
    for ending in ("", "[]")
)
"""Types that a block fits as it is."""
_FAULT: Final = "ParameterBindingException"


class Delayed:
    """A block that stands for a value still to come."""

    __slots__ = ("block", "parameter")

    def __init__(self, block: ScriptBlock, parameter: Parameter) -> None:
        self.block = block
        self.parameter = parameter


def delaying(coerce: Coerce, errors: BindingErrors, expecting_input: bool) -> Coerce:
    """*coerce*, but a block for a parameter that takes pipeline input waits for that input."""

    def later(parameter: Parameter, value: object, argument: Argument | None) -> object:
        if not parameter.pipeline or parameter.kind.lower() in _BLOCKS:
            return coerce(parameter, value, argument)
        block = bare_value(value)
        if not isinstance(block, ScriptBlock):
            return coerce(parameter, value, argument)
        if not expecting_input:
            text = (
                f"Cannot evaluate parameter '{parameter.name}' because its argument is specified as a script block "
                "and there is no input. A script block cannot be evaluated without input."
            )
            extent = argument.extent if argument is not None else None
            raise errors.make(text, "ScriptBlockArgumentNoInput", "MetadataError", _FAULT, extent)
        return Delayed(block, parameter)

    return later


def delayed_of(binding: Binding) -> list[Delayed]:
    """The blocks of a binding that wait for input."""
    return [value for value in binding.bound.values() if isinstance(value, Delayed)]


def values_for(
    waiting: list[Delayed],
    item: object,
    coerce: Coerce,
    errors: BindingErrors,
    place: tuple[Runspace, Scope, Streams],
) -> dict[str, object]:
    """What the blocks give for an object. Raises ``PSError`` where one fails or gives nothing."""
    rs, scope, streams = place
    found: dict[str, object] = {}
    for one in waiting:
        name = one.parameter.name
        try:
            output = call_block(rs, one.block, [], scope, streams, {"_": item})
        except PSError as fault:
            text = (
                f"Cannot evaluate parameter '{name}' because its argument input could not be processed. "
                f"{fault.record.message}"
            )
            inner = fault.record.exception
            raise errors.make(
                text, "ScriptBlockArgumentInvocationFailed", "InvalidArgument", _FAULT, None, inner=inner
            ) from None
        if not output:
            text = (
                f"Cannot evaluate parameter '{name}' because its argument is specified as a script block and there is "
                "no output from the script block."
            )
            raise errors.make(text, "ScriptBlockArgumentNoOutput", "InvalidArgument", _FAULT, None)
        found[name] = coerce(one.parameter, one_value(output), None)
    return found
