"""The compiler: dispatch by node class, and the rules of output and capture that everything shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from harness.twin.shell.ast import (
    AssignmentStatementAst,
    Ast,
    ExpressionAst,
    MemberExpressionAst,
    NamedBlockAst,
    PipelineAst,
    ScriptBlockAst,
    SourceText,
    StatementAst,
    StatementBlockAst,
    VariableExpressionAst,
)
from harness.twin.shell.errors import NetError, PSError, limitation, runtime_error
from harness.twin.shell.frame import Frame, Sink
from harness.twin.shell.objects import NOTHING, Enumerator, NetList, PSEnum, PSHashtable, PSObject
from harness.twin.shell.scriptblock import Body, Evaluate, Run, ScriptBlock
from harness.twin.shell.versions import Version

Handler = Callable[["Compiler", Any], Any]
EXPRESSIONS: Final[dict[type, Handler]] = {}
STATEMENTS: Final[dict[type, Handler]] = {}
RAW: Final[dict[type, Handler]] = {}
_WITHOUT_EFFECT: Final = (VariableExpressionAst, MemberExpressionAst)
"""Expressions whose value is all they do: a failing one has written nothing yet."""
_SINGLE: Final = frozenset((str, int, bool, float, type(None), PSEnum, Version))
"""Values that are one object of output as they are."""
_CHANGED: Final = "Collection was modified; enumeration operation may not execute."


def expression(kind: type) -> Callable[[Handler], Handler]:
    """Decorator: compiles an expression node to a function of the frame that gives its value."""

    def register(handler: Handler) -> Handler:
        EXPRESSIONS[kind] = handler
        return handler

    return register


def statement(kind: type) -> Callable[[Handler], Handler]:
    """Decorator: compiles a statement node to a function of the frame that writes its output."""

    def register(handler: Handler) -> Handler:
        STATEMENTS[kind] = handler
        return handler

    return register


def raw_expression(kind: type) -> Callable[[Handler], Handler]:
    """Decorator: like ``expression``, but the value may be ``NOTHING``."""

    def register(handler: Handler) -> Handler:
        RAW[kind] = handler
        return handler

    return register


def emit(out: Sink, value: object) -> None:
    """Write a value to a pipeline: a list is unrolled one level, ``NOTHING`` writes nothing."""
    kind = type(value)
    if kind is str or kind is int:
        out(value)
    elif isinstance(value, list):
        if isinstance(value, NetList):
            emit_list(out, value)
        else:
            for item in value:
                out(item)
    elif value is NOTHING:
        return
    elif isinstance(value, Enumerator):
        _emit_rest(out, value)
    elif kind is PSObject and isinstance(value.base, list):  # type: ignore[attr-defined]
        for item in value.base:  # type: ignore[attr-defined]
            out(item)
    else:
        out(value)


def emit_list(out: Sink, value: NetList) -> None:
    """Write a .NET list, which must not change meanwhile."""
    began = state_of(value)
    for item in value:
        out(item)
        if state_of(value) != began:
            raise _bad_enumeration(_CHANGED)


def _emit_rest(out: Sink, value: Enumerator) -> None:
    """Write what an enumerator has left."""
    while True:
        try:
            item = next(value.items)
        except StopIteration:
            return
        except NetError as fault:
            raise _bad_enumeration(fault.exception.message) from None
        out(item)


def _bad_enumeration(reason: str) -> PSError:
    text = f"An error occurred while enumerating through a collection: {reason}."
    return runtime_error(text, "BadEnumeration", "InvalidOperation")


def state_of(value: NetList) -> int:
    """What differs once a list, or the dictionary that it is a view of, was changed."""
    owner = getattr(value, "owner", None)
    return owner.changes if isinstance(owner, PSHashtable) else len(value)


def collection_changed() -> PSError:
    """A list was changed while a loop went through it."""
    return runtime_error(
        _CHANGED, "System.InvalidOperationException", "OperationStopped", type_name="System.InvalidOperationException"
    )


def _unrolled(value: object) -> object:
    items: list[object] = []
    emit(items.append, value)
    return collapse(items)


def collapse(items: list[object]) -> object:
    """What captured output is as a value: nothing, the one object, or a list."""
    if not items:
        return NOTHING
    return items[0] if len(items) == 1 else items


class Compiler:
    """Compiles the nodes of one source text."""

    def __init__(self, source: SourceText) -> None:
        self.source = source

    # ------------------------------------------------------------------------------------------- expressions

    def raw(self, node: ExpressionAst) -> Evaluate:
        """An expression whose value may be ``NOTHING`` (for pipelines and assignments)."""
        handler = RAW.get(type(node))
        if handler is not None:
            made: Evaluate = handler(self, node)
            return made
        return self.expr(node)

    def expr(self, node: ExpressionAst) -> Evaluate:
        """An expression as a function of the frame."""
        handler = EXPRESSIONS.get(type(node))
        if handler is None:
            return self.unsupported(node)
        made: Evaluate = handler(self, node)
        return made

    def unsupported(self, node: Ast) -> Evaluate:
        """Fails when it is run, loudly."""
        what = f"{type(node).__name__.removesuffix('Ast')} is not supported: {self.source.slice(node.extent)[:80]}"

        def refuse(_frame: Frame) -> object:
            raise limitation(what)

        return refuse

    # --------------------------------------------------------------------------------------------- statements

    def statement(self, node: StatementAst) -> Run:
        """A statement as a function of the frame."""
        handler = STATEMENTS.get(type(node))
        if handler is None:
            refuse = self.unsupported(node)
            return lambda frame: void(refuse(frame))
        made: Run = handler(self, node)
        return made

    def value(self, node: StatementAst) -> Evaluate:
        """A statement as a value: an expression as it is, anything else by its captured output."""
        if isinstance(node, PipelineAst):
            pure = node.pure_expression
            if pure is not None:
                inner = self.raw(pure)
                extent = node.extent

                def evaluate(frame: Frame) -> object:
                    frame.pos = extent
                    result = inner(frame)
                    frame.rs.ok = True
                    return result

                return evaluate
        if isinstance(node, AssignmentStatementAst):
            from harness.twin.shell.compiler.assignments import assignment_value

            return assignment_value(self, node)
        return self.captured(self.statement(node))

    def captured(self, run: Run) -> Evaluate:
        """The output of something as one value."""

        def evaluate(frame: Frame) -> object:
            items: list[object] = []
            before = frame.out
            frame.out = items.append
            try:
                run(frame)
            finally:
                frame.out = before
            return collapse(items)

        return evaluate

    def captured_block(self, node: StatementBlockAst) -> Evaluate:
        """The output of `$( … )` as one value; the usual single expression needs no list for its output."""
        only = node.statements[0] if len(node.statements) == 1 and not node.traps else None
        pure = only.pure_expression if isinstance(only, PipelineAst) else None
        captured = self.captured(self.block(node))
        if only is None or pure is None or type(pure) not in _WITHOUT_EFFECT:
            return captured
        inner, extent = self.raw(pure), only.extent

        def evaluate(frame: Frame) -> object:
            frame.pos = extent
            try:
                value = inner(frame)
            except PSError as error:
                frame.rs.recover(frame, error)
                return NOTHING
            except NetError as fault:
                frame.rs.recover(frame, as_ps_error(fault))
                return NOTHING
            frame.rs.ok = True
            return value if type(value) in _SINGLE else _unrolled(value)

        return evaluate

    def collected(self, run: Run) -> Callable[[Frame], list[object]]:
        """The output of something as a list."""

        def evaluate(frame: Frame) -> list[object]:
            items: list[object] = []
            before = frame.out
            frame.out = items.append
            try:
                run(frame)
            finally:
                frame.out = before
            return items

        return evaluate

    def block(self, node: StatementBlockAst | NamedBlockAst) -> Run:
        """A list of statements: an error ends its statement; what happens then is decided by the session."""
        runs = [self.statement(one) for one in node.statements]
        run = _sequence(runs)
        if node.traps:
            from harness.twin.shell.compiler.statements import trapped

            return trapped(self, runs, node.traps)
        return run

    # ------------------------------------------------------------------------------------------ script blocks

    def script_block(self, node: ScriptBlockAst, parameters: Any = None, is_filter: bool = False) -> ScriptBlock:
        """A script block; its body is compiled when it is first used."""

        def body() -> Body:
            from harness.twin.shell.compiler.definitions import compile_body

            return compile_body(self, node, parameters, is_filter)

        return ScriptBlock(node, body)


def void(_value: object) -> None:
    """For closures that only act."""


def as_ps_error(fault: NetError) -> PSError:
    """A .NET exception that came out of something that is no method call."""
    exception = fault.exception
    return runtime_error(exception.message, exception.type_name, "OperationStopped", type_name=exception.type_name)


def _sequence(runs: list[Run]) -> Run:
    if not runs:
        return lambda frame: None
    if len(runs) == 1:
        only = runs[0]

        def run_one(frame: Frame) -> None:
            try:
                only(frame)
            except PSError as error:
                frame.rs.recover(frame, error)
            except NetError as fault:
                frame.rs.recover(frame, as_ps_error(fault))

        return run_one

    def run_all(frame: Frame) -> None:
        for run in runs:
            try:
                run(frame)
            except PSError as error:
                frame.rs.recover(frame, error)
            except NetError as fault:
                frame.rs.recover(frame, as_ps_error(fault))

    return run_all
