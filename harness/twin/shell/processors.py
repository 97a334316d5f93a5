"""The elements of a running pipeline: cmdlets, functions and script blocks. Objects are pushed from one to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from harness.twin.shell.arguments import COMMON_NAMES, Argument, BindingErrors
from harness.twin.shell.binder import Binder, Binding, Signature, bind_pipeline, cmdlet_coerce
from harness.twin.shell.commands.api import Call, Command, CommandDeclaration
from harness.twin.shell.delaying import Delayed, delayed_of, values_for
from harness.twin.shell.errors import ErrorRecord, Invocation, NetError, PSError, ReturnSignal, runtime_error
from harness.twin.shell.frame import Frame, Sink, Streams
from harness.twin.shell.functionbinding import (
    apply_actions,
    apply_defaults,
    bind_defaults,
    function_coerce,
    signature_of,
)
from harness.twin.shell.members import MISSING, find_member
from harness.twin.shell.objects import NOTHING, Enumerator, NetList, PSEnum, PSHashtable
from harness.twin.shell.scope import Scope, Variable
from harness.twin.shell.scriptblock import ScriptBlock
from harness.twin.shell.typesystem import is_null

if TYPE_CHECKING:
    from harness.twin.shell.runspace import Runspace

_SIGNATURES: Final[dict[int, tuple[CommandDeclaration, Signature]]] = {}
_COMMON_NAMES: Final = {name.lower(): name for name in COMMON_NAMES}
_LISTS: Final = ("errorvariable", "warningvariable", "informationvariable", "outvariable")


def declared_signature(declaration: CommandDeclaration) -> Signature:
    """The signature of a declared command, made once."""
    found = _SIGNATURES.get(id(declaration))
    if found is None or found[0] is not declaration:
        signature = Signature(declaration.parameters, declaration.default_set, declaration.should_process)
        _SIGNATURES[id(declaration)] = (declaration, signature)
        return signature
    return found[1]


class Processor:
    """One element of a pipeline."""

    def __init__(self) -> None:
        self.out: Sink = _discard
        self.failed = False
        self.early: list[object] = []
        """What commands before this one gave while they began; it waits until all have begun."""

    def begin(self, expecting_input: bool) -> None:
        """Bind the line and run what comes before the first object."""

    def process(self, item: object) -> None:
        """Take one object; ``NOTHING`` for the one turn of a command without input."""

    def release(self) -> None:
        """All have begun: take what came before."""
        early, self.early = self.early, []
        for item in early:
            self.process(item)

    def end(self) -> None:
        """Run what comes after the last object."""

    def close(self) -> None:
        """Always called at the end, also after an error."""


def _discard(_value: object) -> None:
    """For output before anybody listens."""


def common_actions(binding: Binding, scope: Scope) -> dict[str, object]:
    """Common parameters as settings of the call; ``-…Variable`` become lists in the caller's scope."""
    actions: dict[str, object] = {}
    for name, value in binding.common.items():
        if name in _LISTS and value:
            text = str(value)
            append = text.startswith("+")
            variable = text.lstrip("+")
            known = scope.value(variable.lower())
            target = known if append and isinstance(known, NetList) else NetList()
            scope.assign(variable, target)
            actions[name] = target
        elif isinstance(value, PSEnum):
            actions[name] = value.value
        else:
            actions[name] = value
    if actions.get("debug") is True:
        actions.setdefault("debug", True)
    return actions


def tee_output(actions: dict[str, object], out: Sink, scope: Scope) -> Sink:
    """Output that is also kept in ``-OutVariable`` or shown in ``-PipelineVariable``."""
    target = out
    kept = actions.get("outvariable")
    if isinstance(kept, list):
        keep, inner = kept, target

        def both(value: object) -> None:
            keep.append(value)
            inner(value)

        target = both
    name = actions.get("pipelinevariable")
    if name:
        follow = target

        def named(value: object) -> None:
            scope.put(str(name), value)
            follow(value)

        target = named
    return target


_UNBOUND: Final = Binding()
"""Of a command that has not begun."""


class CmdletProcessor(Processor):
    """A declared command."""

    def __init__(
        self,
        rs: Runspace,
        declaration: CommandDeclaration,
        arguments: Sequence[Argument],
        frame: Frame,
        invocation: Invocation,
        streams: Streams,
    ) -> None:
        super().__init__()
        self.rs = rs
        self.declaration = declaration
        self.arguments = arguments
        self.frame = frame
        self.streams = streams
        self.call = Call(rs, declaration)
        self.call.invocation = invocation
        self.call.streams = streams
        self.call.scope = frame.scope
        self.call.processor = self
        self.signature = declared_signature(declaration)
        self.errors = BindingErrors(declaration.name, declaration.class_name, invocation)
        self.coerce = cmdlet_coerce(self.errors)
        self.binding = _UNBOUND
        self.command: Command | None = None
        self.takes_pipeline = False
        self.waiting: list[Delayed] = []

    def begin(self, expecting_input: bool) -> None:
        call = self.call
        binder = Binder(self.signature, self.errors, self.coerce, True)
        defaults = bind_defaults(self.frame, self.declaration.name, self.signature, self.coerce)
        self.binding = binder.bind(self.arguments, defaults, expecting_input)
        call.bound = self.binding.bound
        call.parameter_set = self.binding.parameter_set
        call.expecting_input = expecting_input
        if self.binding.common:
            call.actions = common_actions(self.binding, self.frame.scope)
        call.out = tee_output(call.actions, self.out, self.frame.scope) if call.actions else self.out
        signature = self.signature
        self.takes_pipeline = expecting_input and bool(signature.by_value or signature.by_property)
        self.waiting = delayed_of(self.binding) if self.takes_pipeline else []
        run = self.declaration.run
        if isinstance(run, type):
            self.command = run(call)
            self._guard(self.command.begin)

    def _guard(self, act: Callable[..., object], *arguments: object) -> None:
        try:
            act(*arguments)
        except PSError as error:
            self._own(error.record)
            raise
        except NetError as fault:
            exception = fault.exception
            record = ErrorRecord(exception, exception.type_name, "NotSpecified")
            self._own(record)
            raise PSError(record) from None
        finally:
            if self.call.failed:
                self.failed = True

    def _own(self, record: ErrorRecord) -> None:
        """A terminating error of the command carries its name and place."""
        if record.invocation is None:
            record.invocation = self.call.invocation
            record.activity = record.activity or self.declaration.name
            if not record.command_class:
                record.command_class = self.declaration.class_name
            record.stack = record.stack or self.rs.stack_trace()
        self.failed = True

    def process(self, item: object) -> None:
        call = self.call
        if self.binding is _UNBOUND:
            self.early.append(item)
            return
        if item is NOTHING:
            if call.expecting_input:
                return
            item = call.bound.get("InputObject", NOTHING)
        elif not self._take(item):
            return
        call.current = item
        if self.command is not None:
            self._guard(self.command.process, item)
        else:
            self._guard(self._run)

    def _take(self, item: object) -> bool:
        signature = self.signature
        if signature.plain_input and not self.waiting:
            name = signature.by_value[0].name
            if name not in self.binding.explicit:
                if self.command is None:
                    self.call.bound = {**self.binding.bound, name: item}
                return True
        elif self.takes_pipeline:
            try:
                if self._bind_item(item) is not None:
                    return True
            except PSError as fault:
                self.rs.report_error(self.call, fault.record)
                self.failed = True
                return False
        self.rs.report_error(self.call, self.errors.not_bound(item).record)
        self.failed = True
        return False

    def _bind_item(self, item: object) -> dict[str, object] | None:
        fixed = self.binding
        self.call.bound = dict(fixed.bound)
        found = bind_pipeline(self.signature, fixed, item, self.coerce, self._read, MISSING)
        if self.waiting:
            place = (self.rs, self.frame.scope, self.streams)
            found = {**(found or {}), **values_for(self.waiting, item, self.coerce, self.errors, place)}
        if found:
            self.call.bound.update(found)
        return found

    def _read(self, item: object, name: str) -> object:
        return find_member(self.rs, item, name.lower()) if not is_null(item) else MISSING

    def _run(self) -> None:
        run: Any = self.declaration.run
        result = run(self.call)
        if result is not None:
            out = self.call.out
            for value in result:
                out(value)

    def end(self) -> None:
        if self.command is not None:
            self._guard(self.command.end)


class ScriptProcessor(Processor):
    """A function, a filter or a script block."""

    def __init__(
        self,
        rs: Runspace,
        block: ScriptBlock,
        name: str,
        scope: Scope,
        streams: Streams,
        arguments: Sequence[Argument],
        invocation: Invocation | None = None,
    ) -> None:
        super().__init__()
        self.rs = rs
        self.block = block
        self.name = name
        self.caller = scope
        self.streams = streams
        self.arguments = arguments
        self.invocation = invocation
        self.new_scope = True
        self.variables: dict[str, object] = {}
        self.body = block.body
        self.input: list[object] = []
        self.expecting = False
        self.frame: Frame | None = None
        self.binding = Binding()
        self.errors = BindingErrors(name, name, invocation)
        self.call: Call | None = None
        self.saved: dict[str, Variable | None] = {}

    def begin(self, expecting_input: bool) -> None:
        self.expecting = expecting_input
        body = self.body
        scope = Scope(self.block.closure or self.caller) if self.new_scope else self.caller
        signature = signature_of(body)
        frame = Frame(self.rs, scope, self.out, self.streams, self.block.ast.source, self.name or "<ScriptBlock>")
        self.frame = frame
        coerce = function_coerce(self.errors, body, frame)
        if body.advanced or body.parameters or self.arguments:
            binder = Binder(signature, self.errors, coerce, body.advanced)
            defaults = bind_defaults(frame, self.name, signature, coerce) if body.advanced and self.name else None
            self.binding = binder.bind(self.arguments, defaults, expecting_input)
        self._prepare_scope(scope, frame)
        apply_defaults(frame, body, self.binding)
        for name, value in self.variables.items():
            scope.put(name, value)
        if body.begin is not None:
            self._run(body.begin)

    def _prepare_scope(self, scope: Scope, frame: Frame) -> None:
        put = scope.put
        if not self.new_scope:
            for name in ("args", "input", "psboundparameters", "myinvocation"):
                self.saved[name] = scope.vars.get(name)
                scope.vars.pop(name, None)
        if not self.body.advanced:
            put("args", self.binding.extra)
        bound = PSHashtable((), "System.Collections.Generic.Dictionary`2[System.String,System.Object]")
        for name, value in self.binding.bound.items():
            bound[name] = value
        for low, value in self.binding.common.items():
            bound[_COMMON_NAMES.get(low, low)] = value
        put("PSBoundParameters", bound)
        invocation = self.invocation or Invocation(self.name)
        shown = Invocation(self.name, invocation.source, invocation.extent, self.name, self.block, bound)
        shown.unbound = tuple(self.binding.extra)
        put("MyInvocation", shown)
        if self.binding.common:
            actions = common_actions(self.binding, self.caller)
            self._apply_actions(actions, scope, frame)
        if self.body.advanced:
            self._make_cmdlet(scope, frame)

    def _apply_actions(self, actions: dict[str, object], scope: Scope, frame: Frame) -> None:
        apply_actions(actions, scope, frame, self.caller)

    def _make_cmdlet(self, scope: Scope, frame: Frame) -> None:
        declaration = CommandDeclaration(
            self.name,
            _no_run,
            class_name=self.name,
            should_process=self.body.should_process,
            impact=self.body.confirm_impact,
        )
        call = Call(self.rs, declaration)
        call.invocation = self.invocation
        call.scope = scope
        call.streams = frame.streams
        call.out = frame.out
        call.processor = self
        call.parameter_set = self.binding.parameter_set
        call.bound = self.binding.bound
        self.call = call
        scope.put("PSCmdlet", call)

    def _run(self, run: Callable[[Frame], None]) -> None:
        frame = self.frame
        assert frame is not None  # noqa: S101 - begin came first
        self.rs.frames.append(frame)
        try:
            run(frame)
        except ReturnSignal:
            pass
        except RecursionError:
            raise too_deep() from None
        except PSError as error:
            if error.leaves is not None and error.leaves is self.call:
                error.leaves = None
            raise
        finally:
            self.rs.frames.pop()
            if self.call is not None and self.call.failed:
                self.failed = True

    def process(self, item: object) -> None:
        body, frame = self.body, self.frame
        if frame is None:
            self.early.append(item)
            return
        if item is NOTHING:
            if self.expecting:
                return
            if body.process is not None:
                self._run(body.process)
            return
        if body.advanced and not self._bind(item, frame):
            return
        if body.process is None:
            self.input.append(item)
            return
        variable = frame.scope.vars.get("_")
        frame.scope.vars["_"] = Variable("_", item)
        if not body.advanced:
            frame.scope.put("input", Enumerator([item]))
        try:
            self._run(body.process)
        finally:
            if variable is not None and not self.new_scope:
                frame.scope.vars["_"] = variable

    def _bind(self, item: object, frame: Frame) -> bool:
        signature = signature_of(self.body)
        coerce = function_coerce(self.errors, self.body, frame)
        found = None
        fault: ErrorRecord | None = None
        if signature.by_value or signature.by_property:
            try:
                found = bind_pipeline(signature, self.binding, item, coerce, self._read, MISSING)
            except PSError as error:
                fault = error.record
        waiting = delayed_of(self.binding)
        if waiting and fault is None:
            try:
                place = (self.rs, self.caller, self.streams)
                found = {**(found or {}), **values_for(waiting, item, coerce, self.errors, place)}
            except PSError as error:
                found, fault = None, error.record
        if found is None:
            assert self.call is not None  # noqa: S101 - advanced functions have one
            self.rs.report_error(self.call, fault or self.errors.not_bound(item).record)
            self.call.failed = False
            self.failed = True
            return False
        apply_defaults(frame, self.body, self.binding, only_pipeline=True)
        for name, value in found.items():
            frame.scope.vars.pop(name.lower(), None)
            frame.scope.put(name, value)
        return True

    def _read(self, item: object, name: str) -> object:
        return find_member(self.rs, item, name.lower()) if not is_null(item) else MISSING

    def end(self) -> None:
        body, frame = self.body, self.frame
        if frame is None or body.end is None:
            return
        items = self.input
        if self.input and body.advanced:
            frame.scope.put("_", self.input[-1])
        frame.scope.put("input", Enumerator(items))
        self._run(body.end)

    def close(self) -> None:
        if self.frame is not None:
            for name, variable in self.saved.items():
                if variable is None:
                    self.frame.scope.vars.pop(name, None)
                else:
                    self.frame.scope.vars[name] = variable


def too_deep() -> PSError:
    """Functions call each other without end."""
    return runtime_error(
        "The script failed due to call depth overflow.",
        "CallDepthOverflow",
        "InvalidOperation",
        type_name="System.Management.Automation.ScriptCallDepthException",
    )


def _no_run(_call: Call) -> None:
    """An advanced function has no Python body."""
