"""Pipelines, conditions, ``try``, ``trap``, and leaving blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from harness.twin.shell.ast import (
    BreakStatementAst,
    CatchClauseAst,
    ContinueStatementAst,
    ExitStatementAst,
    ExpressionAst,
    IfStatementAst,
    PipelineAst,
    ReturnStatementAst,
    StringConstantExpressionAst,
    ThrowStatementAst,
    TrapStatementAst,
    TryStatementAst,
    UnaryExpressionAst,
    UnaryOperator,
)
from harness.twin.shell.compiler.commands import compile_pipeline
from harness.twin.shell.compiler.core import Compiler, as_ps_error, emit, statement
from harness.twin.shell.compiler.typenames import resolve, resolve_or_none
from harness.twin.shell.conversion import to_bool, to_integer
from harness.twin.shell.errors import (
    BreakSignal,
    ContinueSignal,
    ErrorRecord,
    ExitSignal,
    Invocation,
    NetError,
    NetException,
    PSError,
    ReturnSignal,
)
from harness.twin.shell.frame import Frame
from harness.twin.shell.invocation import MethodSink
from harness.twin.shell.objects import NOTHING, bare_value
from harness.twin.shell.runspace import IGNORE, SILENT
from harness.twin.shell.scope import Scope
from harness.twin.shell.scriptblock import Evaluate, Run
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import TypeRef, is_null

_STEPS = (
    UnaryOperator.PREFIX_INCREMENT,
    UnaryOperator.PREFIX_DECREMENT,
    UnaryOperator.POSTFIX_INCREMENT,
    UnaryOperator.POSTFIX_DECREMENT,
)


@statement(PipelineAst)
def pipeline(compiler: Compiler, node: PipelineAst) -> Run:
    """An expression, or commands joined by ``|``."""
    pure = node.pure_expression
    if pure is None:
        return compile_pipeline(compiler, node)
    extent = node.extent
    evaluate = compiler.raw(pure)
    if isinstance(pure, UnaryExpressionAst) and pure.operator in _STEPS:

        def silent(frame: Frame) -> None:
            frame.pos = extent
            evaluate(frame)
            frame.rs.ok = True

        return silent

    def run(frame: Frame) -> None:
        frame.pos = extent
        value = evaluate(frame)
        emit(frame.out, value)
        frame.rs.ok = True

    return run


@statement(IfStatementAst)
def if_statement(compiler: Compiler, node: IfStatementAst) -> Run:
    """``if``, ``elseif``, ``else``."""
    clauses = [(compiler.value(clause.condition), compiler.block(clause.body)) for clause in node.clauses]
    otherwise = compiler.block(node.else_clause) if node.else_clause is not None else None

    def run(frame: Frame) -> None:
        for condition, body in clauses:
            if to_bool(condition(frame)):
                body(frame)
                return
        if otherwise is not None:
            otherwise(frame)

    return run


def _label(compiler: Compiler, node: ExpressionAst | None) -> Evaluate | None:
    if node is None:
        return None
    if isinstance(node, StringConstantExpressionAst):
        value = node.value
        return lambda _frame: value
    return compiler.expr(node)


@statement(BreakStatementAst)
def break_statement(compiler: Compiler, node: BreakStatementAst) -> Run:
    """``break [label]``."""
    label = _label(compiler, node.label)

    def run(frame: Frame) -> None:
        raise BreakSignal(to_text(label(frame)) if label is not None else None)

    return run


@statement(ContinueStatementAst)
def continue_statement(compiler: Compiler, node: ContinueStatementAst) -> Run:
    """``continue [label]``."""
    label = _label(compiler, node.label)

    def run(frame: Frame) -> None:
        raise ContinueSignal(to_text(label(frame)) if label is not None else None)

    return run


@statement(ReturnStatementAst)
def return_statement(compiler: Compiler, node: ReturnStatementAst) -> Run:
    """``return [pipeline]``: the pipeline's output is output; in a method of a class its value is the result."""
    inner = compiler.statement(node.pipeline) if node.pipeline is not None else None
    value = compiler.value(node.pipeline) if node.pipeline is not None else None

    def run(frame: Frame) -> None:
        sink = frame.out
        if type(sink) is MethodSink and value is not None:
            sink.returned.append(value(frame))
        elif inner is not None:
            inner(frame)
        raise ReturnSignal

    return run


@statement(ExitStatementAst)
def exit_statement(compiler: Compiler, node: ExitStatementAst) -> Run:
    """``exit [code]``."""
    inner = compiler.value(node.pipeline) if node.pipeline is not None else None

    def run(frame: Frame) -> None:
        code = 0
        if inner is not None:
            try:
                code = to_integer(inner(frame), TypeRef("System.Int32"))
            except PSError:
                code = 0
        raise ExitSignal(code)

    return run


# ------------------------------------------------------------------------------------------------------------ throw


@statement(ThrowStatementAst)
def throw_statement(compiler: Compiler, node: ThrowStatementAst) -> Run:
    """``throw [value]``; alone in a catch block it throws again."""
    inner = compiler.value(node.pipeline) if node.pipeline is not None else None
    extent = node.extent

    def run(frame: Frame) -> None:
        frame.pos = extent
        value = inner(frame) if inner is not None else NOTHING
        frame.pos = extent
        if inner is None:
            caught = frame.scope.value("__caught__")
            if isinstance(caught, ErrorRecord):
                raise PSError(caught, thrown=True)
            value = "ScriptHalted"
        record = thrown_record(value)
        if record.invocation is None or inner is not None:
            record.invocation = Invocation(source=frame.source, extent=extent)
            record.stack = frame.rs.stack_trace()
        record.exception.properties["Thrown"] = True
        raise PSError(record, thrown=True)

    return run


def thrown_record(value: object) -> ErrorRecord:
    """What ``throw`` makes of a value."""
    bare = bare_value(value)
    if isinstance(bare, ErrorRecord):
        return bare
    if isinstance(bare, NetException):
        if bare.record is not None and bare.type_name.startswith("System.Management.Automation."):
            return bare.record
        return ErrorRecord(bare, bare.message, "OperationStopped")
    text = "ScriptHalted" if is_null(bare) else to_text(bare)
    halted = text == "ScriptHalted"
    exception = NetException("System.Management.Automation.RuntimeException", text, None, {"Thrown": True})
    target = None if halted else (None if bare is NOTHING else bare)
    return ErrorRecord(exception, text, "OperationStopped", target)


# -------------------------------------------------------------------------------------------------------------- try


@statement(TryStatementAst)
def try_statement(compiler: Compiler, node: TryStatementAst) -> Run:
    """``try``, ``catch``, ``finally``."""
    body = compiler.block(node.body)
    catches = [(clause, compiler.block(clause.body)) for clause in node.catches]
    final = compiler.block(node.final) if node.final is not None else None

    def guarded(frame: Frame) -> None:
        rs = frame.rs
        before = rs.propagate
        rs.propagate = True
        try:
            body(frame)
        except PSError as error:
            rs.propagate = before
            found = find_handler(frame, catches, error)
            if found is None:
                raise
            _run_handler(frame, found[0], _seen_as(error, found[1]))
        finally:
            rs.propagate = before

    if final is None:
        return guarded
    last = final

    def run(frame: Frame) -> None:
        try:
            guarded(frame)
        finally:
            rs = frame.rs
            before = rs.propagate
            last(frame)
            rs.propagate = before

    return run


def _run_handler(frame: Frame, handler: Run, error: PSError) -> None:
    rs = frame.rs
    record = error.record
    rs.place(frame, record)
    rs.remember(record)
    rs.ok = False
    scope = frame.scope
    saved = {name: scope.vars.get(name) for name in ("_", "__caught__")}
    for name in saved:
        scope.vars.pop(name, None)
        scope.put(name, record)
    try:
        handler(frame)
    finally:
        for name, variable in saved.items():
            if variable is None:
                scope.vars.pop(name, None)
            else:
                scope.vars[name] = variable


def _seen_as(error: PSError, exception: NetException) -> PSError:
    """The error as its catch block sees it: a block for the wrapped exception's type sees that exception."""
    record = error.record
    if exception is record.exception:
        return error
    seen = replace(record, exception=exception)
    return PSError(seen, error.thrown, error.stop)


_STOPPED = "System.Management.Automation.ActionPreferenceStopException"


def find_handler(
    frame: Frame, catches: Sequence[tuple[CatchClauseAst, Run]], error: PSError
) -> tuple[Run, NetException] | None:
    """The catch block for an error and the exception that it names: the first whose type fits, as written."""
    record = error.record
    wanted = [
        ([resolve(constraint.type_name, frame).full_name for constraint in clause.types], body)
        for clause, body in catches
    ]
    for exception in _layers(record.exception):
        names = exception.type_names
        for types, body in wanted:
            for name in types:
                if name in ("System.Exception", "System.Object") and exception is not record.exception:
                    continue
                if (
                    name in names
                    or name == "System.Exception"
                    or (error.stop and not error.thrown and name == _STOPPED)
                ):
                    return body, exception
    plain = next(((body, record.exception) for types, body in wanted if not types), None)
    if _RUNTIME not in record.exception.type_names:  # the engine hands every other exception on inside one of its own
        wrapper = next(((body, record.exception) for types, body in wanted if _RUNTIME in types), None)
        return wrapper or plain
    return plain


_RUNTIME = "System.Management.Automation.RuntimeException"


def _layers(exception: NetException) -> list[NetException]:
    """What an exception of PowerShell only wraps, and the exception itself."""
    if exception.inner is not None and exception.type_name.startswith("System.Management.Automation."):
        return [exception.inner, exception]
    return [exception]


# ------------------------------------------------------------------------------------------------------------- trap


def trapped(compiler: Compiler, runs: list[Run], traps: tuple[TrapStatementAst, ...]) -> Run:
    """Statements under traps: after a trap the next statement runs, unless it says ``break``."""
    handlers = [(trap, compiler.block(trap.body)) for trap in traps]

    def handle(frame: Frame, error: PSError) -> None:
        record = error.record
        frame.rs.place(frame, record)
        body = _trap_for(frame, handlers, record)
        if body is None:
            frame.rs.recover(frame, error)
            return
        frame.rs.ok = False
        action = _run_trap(frame, body, record)
        if action == "continue":
            frame.rs.remember(record)
            return
        if action == "break":
            raise error
        level = frame.rs.preference("erroractionpreference", frame.scope)
        frame.rs.remember(record)
        if level not in (SILENT, IGNORE):
            frame.streams.error(record)

    def run(frame: Frame) -> None:
        for one in runs:
            before = frame.rs.propagate
            frame.rs.propagate = True
            try:
                one(frame)
            except PSError as error:
                frame.rs.propagate = before
                handle(frame, error)
            except NetError as fault:
                frame.rs.propagate = before
                handle(frame, as_ps_error(fault))
            finally:
                frame.rs.propagate = before

    return run


def _trap_for(frame: Frame, handlers: list[Any], record: ErrorRecord) -> Run | None:
    general: Run | None = None
    for trap, body in handlers:
        if trap.type is None:
            general = general or body
            continue
        found = resolve_or_none(trap.type.type_name, frame)
        if found is not None and any(found.full_name in layer.type_names for layer in _layers(record.exception)):
            run: Run = body
            return run
    return general


def _run_trap(frame: Frame, body: Run, record: ErrorRecord) -> str:
    inner = Frame(frame.rs, Scope(frame.scope), frame.out, frame.streams, frame.source, frame.function)
    inner.scope.put("_", record)
    try:
        body(inner)
    except ContinueSignal:
        return "continue"
    except BreakSignal:
        return "break"
    return "report"
