"""Running script blocks from inside: for each object, as a condition, with arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from harness.twin.shell.arguments import Argument
from harness.twin.shell.conversion import to_bool
from harness.twin.shell.errors import ReturnSignal
from harness.twin.shell.frame import Frame, Sink, Streams
from harness.twin.shell.objects import NOTHING
from harness.twin.shell.scope import Scope, Variable
from harness.twin.shell.scriptblock import ScriptBlock

if TYPE_CHECKING:
    from harness.twin.shell.runspace import Runspace


class BlockRunner:
    """Runs one block again and again in the scope it is called from, with ``$_`` set (``ForEach-Object`` and
    others)."""

    __slots__ = ("_frame", "_run", "_scope", "block")

    def __init__(self, rs: Runspace, block: ScriptBlock, scope: Scope, out: Sink, streams: Streams) -> None:
        body = block.body
        self.block = block
        self._scope = scope
        self._run = body.process or body.end
        self._frame = Frame(rs, scope, out, streams, block.ast.source)

    def run(self, item: object) -> None:
        """Once, for an object."""
        run = self._run
        if run is None:
            return
        table = self._scope.vars
        saved = table.get("_")
        table["_"] = Variable("_", item)
        try:
            run(self._frame)
        except ReturnSignal:
            pass
        finally:
            if saved is None:
                table.pop("_", None)
            else:
                table["_"] = saved


def value_runner(rs: Runspace, block: ScriptBlock, scope: Scope, streams: Streams) -> Callable[[object], list[object]]:
    """A block as a function: object in, list of output objects out."""
    items: list[object] = []
    runner = BlockRunner(rs, block, scope, lambda value: items.append(value), streams)

    def evaluate(item: object) -> list[object]:
        items.clear()
        runner.run(item)
        return list(items)

    return evaluate


def one_value(items: list[object]) -> object:
    """Output of a block as a value."""
    if not items:
        return None
    return items[0] if len(items) == 1 else items


def block_truth(frame: Frame, block: Any, item: object) -> bool:
    """A block as a condition on ``$_``."""
    found = value_runner(frame.rs, block, frame.scope, frame.streams)(item)
    return to_bool(one_value(found))


class MethodSink:
    """Where the output of a class's method goes: only what ``return`` gives counts."""

    __slots__ = ("returned",)

    def __init__(self) -> None:
        self.returned: list[object] = []

    def __call__(self, value: object) -> None:
        """Output on the way is lost."""


def call_method_body(
    rs: Runspace,
    block: ScriptBlock,
    arguments: Sequence[object],
    scope: Scope,
    streams: Streams,
    variables: dict[str, object],
) -> list[object]:
    """A method of a script's class; what it returns."""
    sink = MethodSink()
    call_block(rs, block, arguments, scope, streams, variables, out=sink)
    return sink.returned


def call_block(
    rs: Runspace,
    block: ScriptBlock,
    arguments: Sequence[object],
    scope: Scope,
    streams: Streams,
    variables: dict[str, object] | None = None,
    new_scope: bool = True,
    out: Callable[[object], None] | None = None,
) -> list[object]:
    """A block with positional arguments, as ``.Invoke()`` and script members do it."""
    from harness.twin.shell.processors import ScriptProcessor

    items: list[object] = []
    processor = ScriptProcessor(rs, block, "", scope, streams, [Argument(None, one, None, None) for one in arguments])
    processor.out = items.append if out is None else out
    processor.new_scope = new_scope
    processor.variables = variables or {}
    processor.begin(False)
    processor.process(NOTHING)
    processor.end()
    return items
