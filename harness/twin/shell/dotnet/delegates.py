"""``[Func[…]]``, ``[Action]`` and their like: a script block as a delegate ([D] .NET reference)."""

from __future__ import annotations

from typing import Final

from harness.twin.shell.conversion import caster, convert, no_cast
from harness.twin.shell.dotnet.genericlists import caller
from harness.twin.shell.dotnet.registry import method, prop
from harness.twin.shell.errors import runtime_error
from harness.twin.shell.objects import NOTHING
from harness.twin.shell.scriptblock import ScriptBlock
from harness.twin.shell.text import register_text
from harness.twin.shell.typesystem import TypeRef, is_null, register_type, register_value_type

_ACTION: Final = "System.Action"
_RESULTS: Final = {"System.Predicate": "System.Boolean", "System.Comparison": "System.Int32"}
"""Delegates whose result has a class of its own."""
_NAMES: Final = (
    *(_ACTION, "System.Func", "System.Predicate", "System.Comparison", "System.Converter"),
    *("System.EventHandler", "System.Threading.ThreadStart", "System.Text.RegularExpressions.MatchEvaluator"),
)


class Delegate:
    """A script block behind a delegate's signature."""

    __slots__ = ("block", "kind")

    def __init__(self, block: ScriptBlock, kind: TypeRef) -> None:
        self.block = block
        self.kind = kind

    @property
    def head(self) -> str:
        """The class without what it is closed over."""
        return self.kind.full_name.partition("`")[0]

    @property
    def parameters(self) -> tuple[TypeRef, ...]:
        """The types of its arguments."""
        if self.head == "System.Comparison":
            return self.kind.arguments * 2
        return self.kind.arguments[:-1] if self.head in ("System.Func", "System.Converter") else self.kind.arguments

    @property
    def result(self) -> TypeRef | None:
        """The type of its result; ``None`` where it has none."""
        if self.head in _RESULTS:
            return TypeRef(_RESULTS[self.head])
        return self.kind.arguments[-1] if self.head in ("System.Func", "System.Converter") else None


register_value_type(Delegate, lambda value: value.kind.full_name if isinstance(value, Delegate) else "")
register_text(Delegate, lambda value: value.kind.full_name if isinstance(value, Delegate) else "")
prop(Delegate, "Method", lambda _this: None)
prop(Delegate, "Target", lambda _this: None)


@method(Delegate, "Invoke", "params object[] arguments")
def invoke(this: Delegate, arguments: list[object]) -> object:
    """Run the block; its one value becomes the result, converted to the delegate's type."""
    wanted = this.parameters
    if len(arguments) != len(wanted) and this.head in ("System.Func", "System.Predicate", "System.Comparison", _ACTION):
        raise runtime_error(
            f'Cannot find an overload for "Invoke" and the argument count: "{len(arguments)}".',
            "MethodCountCouldNotFindBest",
            "NotSpecified",
            type_name="System.Management.Automation.MethodException",
        )
    given = [convert(value, kind) for value, kind in zip(arguments, wanted, strict=False)]
    found = caller(this.block)(*(given or arguments))
    return NOTHING if this.result is None else convert(found, this.result)


def to_delegate(value: object, target: TypeRef) -> object:
    """Cast of a script block."""
    if is_null(value) or (isinstance(value, Delegate) and value.kind.full_name == target.full_name):
        return None if is_null(value) else value
    if isinstance(value, ScriptBlock):
        return Delegate(value, target)
    raise no_cast(value, target)


for _name in _NAMES:
    register_type(_name)
    caster(_name)(to_delegate)
