"""From a command's name to what runs: alias, function, cmdlet, program."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.twin.shell.arguments import Argument
from harness.twin.shell.ast import InvocationOperator
from harness.twin.shell.commands.api import CommandDeclaration
from harness.twin.shell.errors import Invocation, runtime_error
from harness.twin.shell.frame import Frame, Streams
from harness.twin.shell.objects import PSObject, bare_value
from harness.twin.shell.processors import CmdletProcessor, Processor, ScriptProcessor
from harness.twin.shell.scope import Scope
from harness.twin.shell.scriptblock import Function, ScriptBlock
from harness.twin.shell.text import to_text

NativeStarter = Callable[[Frame, Sequence[Argument], Invocation, Streams], Processor]


class Target:
    """Something that can run as a command."""

    __slots__ = ("declaration", "function", "module", "native")

    def __init__(
        self,
        declaration: CommandDeclaration | None = None,
        function: Function | None = None,
        native: NativeStarter | None = None,
        module: Scope | None = None,
    ) -> None:
        self.declaration = declaration
        self.function = function
        self.native = native
        self.module = module

    def start(
        self, frame: Frame, arguments: Sequence[Argument], invocation: Invocation, streams: Streams, dot: bool
    ) -> Processor:
        """The element of the pipeline."""
        if self.declaration is not None:
            return CmdletProcessor(frame.rs, self.declaration, arguments, frame, invocation, streams)
        if self.function is not None:
            processor = ScriptProcessor(
                frame.rs, self.function.block, self.function.name, frame.scope, streams, arguments, invocation
            )
            processor.new_scope = not dot
            return processor
        if self.module is not None:
            return self._within(frame, arguments, invocation, streams)
        assert self.native is not None  # noqa: S101 - one of the four
        return self.native(frame, arguments, invocation, streams)

    def _within(
        self, frame: Frame, arguments: Sequence[Argument], invocation: Invocation, streams: Streams
    ) -> Processor:
        """``& $module { … }``: the block, or the command of a name, in the module's scope."""
        first = bare_value(arguments[0].value) if arguments else None
        if not isinstance(first, ScriptBlock):
            name = to_text(first)
            function = self.module.find_function(name.lower()) if self.module is not None else None
            if function is None:
                raise not_found(name)
            first = function.block
        block = ScriptBlock(first.ast, lambda: first.body)
        block.closure = self.module
        return ScriptProcessor(frame.rs, block, "", frame.scope, streams, arguments[1:], invocation)


def alias_target(frame: Frame, low: str) -> str | None:
    """What an alias stands for: one of the session, else one of the machine."""
    own = frame.scope.find_alias(low)
    return frame.rs.commands.find_alias(low) if own is None and low else own


def resolve_name(frame: Frame, name: str) -> Target | None:
    """What a name stands for, or ``None``."""
    rs = frame.rs
    scope: Scope = frame.scope
    for _ in range(8):
        low = name.lower()
        alias = alias_target(frame, low)
        if not alias:
            break
        name = alias
    low = name.lower()
    function = scope.find_function(low)
    if function is not None:
        return Target(function=function)
    declaration = rs.commands.find(low)
    if declaration is not None:
        return Target(declaration=declaration)
    if "\\" in name:
        module, _, short = name.partition("\\")
        found = rs.commands.find(short)
        if found is not None and found.module.lower() == module.lower():
            return Target(declaration=found)
    from harness.twin.shell import native, scriptfiles

    script = scriptfiles.script_target(rs, name)
    if script is not None:
        return script
    if native.knows(rs, name):
        return Target(native=native.starter(name))
    if "-" not in low and rs.commands.find(f"get-{low}") is not None:
        return Target(declaration=rs.commands.find(f"get-{low}"))
    return None


def find_command(frame: Frame, value: object, called: bool, operator: InvocationOperator) -> Target:
    """What a command word or the value after ``&`` stands for. Raises ``PSError`` (CommandNotFoundException)."""
    if type(value) is str and value:
        found = resolve_name(frame, value)
        if found is None:
            raise not_found(alias_target(frame, value.lower()) or value)
        return found
    bare = bare_value(value)
    if isinstance(bare, ScriptBlock):
        return Target(function=Function("", bare))
    if isinstance(bare, Function):
        return Target(function=bare)
    if isinstance(bare, CommandDeclaration):
        return Target(declaration=bare)
    if isinstance(bare, PSObject) and isinstance(bare.hidden, Scope):
        return Target(module=bare.hidden)
    if isinstance(bare, PSObject) and isinstance(bare.hidden, Function | CommandDeclaration):
        return find_command(frame, bare.hidden, called, operator)
    name = to_text(bare)
    if called and not name:
        symbol = "." if operator is InvocationOperator.DOT else "&"
        raise runtime_error(
            f"The expression after '{symbol}' in a pipeline element produced an object that was not valid. It "
            "must result in "
            "a command name, a script block, or a CommandInfo object.",
            "BadExpression",
            "InvalidOperation",
        )
    found = resolve_name(frame, name)
    if found is None:
        raise not_found(name)
    return found


def unknown_term(name: str) -> str:
    """The message for a name that no command has."""
    return (
        f"The term '{name}' is not recognized as the name of a cmdlet, function, script file, or operable program. "
        "Check the spelling of the name, or if a path was included, verify that the path is correct and try again."
    )


def not_found(name: str) -> Exception:
    """No command of that name."""
    error = runtime_error(
        unknown_term(name),
        "CommandNotFoundException",
        "ObjectNotFound",
        name,
        type_name="System.Management.Automation.CommandNotFoundException",
        target_name=name,
        target_type="String",
    )
    error.record.exception.properties["CommandName"] = name
    return error
