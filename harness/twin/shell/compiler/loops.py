"""Loops and ``switch``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from harness.twin.shell import textops
from harness.twin.shell.ast import (
    Ast,
    DoUntilStatementAst,
    DoWhileStatementAst,
    ForEachStatementAst,
    ForStatementAst,
    ScriptBlockExpressionAst,
    SwitchStatementAst,
    VariableExpressionAst,
    WhileStatementAst,
    children,
)
from harness.twin.shell.comparison import equals
from harness.twin.shell.compiler.assignments import assigner
from harness.twin.shell.compiler.core import Compiler, collection_changed, state_of, statement, void
from harness.twin.shell.conversion import to_bool
from harness.twin.shell.errors import BreakSignal, ContinueSignal, LoopSignal, PipelineStopped, runtime_error
from harness.twin.shell.frame import Frame
from harness.twin.shell.invocation import block_truth
from harness.twin.shell.objects import NOTHING, Enumerator, NetList, PSEnum, PSHashtable, PSObject
from harness.twin.shell.regexes import NetRegex
from harness.twin.shell.scope import Variable
from harness.twin.shell.scriptblock import Evaluate, Run
from harness.twin.shell.storage import absolute, storage_of, text_of
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import is_null


def _mine(signal: LoopSignal, label: str | None) -> bool:
    return signal.label is None or (label is not None and signal.label.lower() == label.lower())


def _turn(frame: Frame, body: Run, label: str | None) -> bool:
    """Run a body once; False when the loop is over."""
    if frame.rs.stopping:
        raise PipelineStopped
    frame.rs.count_turn()
    try:
        body(frame)
    except BreakSignal as signal:
        if not _mine(signal, label):
            raise
        return False
    except ContinueSignal as signal:
        if not _mine(signal, label):
            raise
    return True


def items_of(value: object) -> Iterable[object]:
    """What a loop goes through: a list's elements, a single value once, nothing for ``$null``."""
    if value is None or value is NOTHING:
        return ()
    if isinstance(value, PSObject) and isinstance(value.base, list):
        value = value.base
    if isinstance(value, NetList):
        return _guarded(value)
    if isinstance(value, list):
        return value
    if isinstance(value, Enumerator):
        return value.items
    return (value,)


def _guarded(value: NetList) -> Iterable[object]:
    began = state_of(value)
    at = 0
    while at < len(value):
        yield value[at]
        if state_of(value) != began:
            raise collection_changed()
        at += 1


@statement(ForEachStatementAst)
def foreach_statement(compiler: Compiler, node: ForEachStatementAst) -> Run:
    """``foreach ($x in …)``."""
    source, body = compiler.value(node.condition), compiler.block(node.body)
    assign, label = assigner(compiler, node.variable), node.label
    if node.parallel:
        refuse = compiler.unsupported(node)
        return lambda frame: void(refuse(frame))

    def run(frame: Frame) -> None:
        for item in items_of(source(frame)):
            assign(frame, item)
            if not _turn(frame, body, label):
                break

    def stepped(frame: Frame) -> None:
        items = Enumerator(items_of(source(frame)))
        with _shown_as(frame, "foreach", items):
            while items.move():
                assign(frame, items.current)
                if not _turn(frame, body, label):
                    break

    return stepped if _mentions(node.body, "foreach") else run


def _mentions(node: Ast, name: str) -> bool:
    """Whether a variable of that name stands anywhere below a node."""
    if isinstance(node, VariableExpressionAst) and node.path.name.lower() == name:
        return True
    return any(_mentions(child, name) for child in children(node))


@contextmanager
def _shown_as(frame: Frame, name: str, items: Enumerator) -> Iterator[None]:
    """``$foreach`` or ``$switch``: what a loop goes through, while it runs."""
    table = frame.scope.vars
    saved = table.get(name)
    table[name] = Variable(name, items)
    try:
        yield
    finally:
        table.pop(name, None)
        if saved is not None:
            table[name] = saved


@statement(ForStatementAst)
def for_statement(compiler: Compiler, node: ForStatementAst) -> Run:
    """``for (…; …; …)``."""
    start = compiler.captured(compiler.statement(node.initializer)) if node.initializer is not None else None
    condition = compiler.value(node.condition) if node.condition is not None else None
    step = compiler.captured(compiler.statement(node.iterator)) if node.iterator is not None else None
    body, label = compiler.block(node.body), node.label

    def run(frame: Frame) -> None:
        if start is not None:
            start(frame)
        while condition is None or to_bool(condition(frame)):
            if not _turn(frame, body, label):
                break
            if step is not None:
                step(frame)

    return run


@statement(WhileStatementAst)
def while_statement(compiler: Compiler, node: WhileStatementAst) -> Run:
    """``while (…)``."""
    condition, body, label = compiler.value(node.condition), compiler.block(node.body), node.label

    def run(frame: Frame) -> None:
        while to_bool(condition(frame)):
            if not _turn(frame, body, label):
                break

    return run


@statement(DoWhileStatementAst)
def do_while_statement(compiler: Compiler, node: DoWhileStatementAst) -> Run:
    """``do … while (…)``."""
    return _do(compiler, compiler.value(node.condition), node, True)


@statement(DoUntilStatementAst)
def do_until_statement(compiler: Compiler, node: DoUntilStatementAst) -> Run:
    """``do … until (…)``."""
    return _do(compiler, compiler.value(node.condition), node, False)


def _do(compiler: Compiler, condition: Evaluate, node: DoWhileStatementAst | DoUntilStatementAst, wanted: bool) -> Run:
    body, label = compiler.block(node.body), node.label

    def run(frame: Frame) -> None:
        while True:
            if not _turn(frame, body, label):
                break
            if to_bool(condition(frame)) is not wanted:
                break

    return run


# ------------------------------------------------------------------------------------------------------------ switch

Test = Callable[[Frame, object], bool]


@statement(SwitchStatementAst)
def switch_statement(compiler: Compiler, node: SwitchStatementAst) -> Run:
    """``switch``: each clause that fits runs; ``break`` ends all, ``continue`` goes to the next value."""
    source = _switched(compiler, node)
    clauses = [(_test(compiler, node, clause.condition), compiler.block(clause.body)) for clause in node.clauses]
    default = compiler.block(node.default) if node.default is not None else None
    label = node.label

    def one(frame: Frame) -> None:
        hit = False
        item = frame.scope.vars["_"].value
        for test, body in clauses:
            if test(frame, item):
                hit = True
                body(frame)
        if not hit and default is not None:
            default(frame)

    def run(frame: Frame) -> None:
        value = source(frame)
        items = [None] if value is None or value is NOTHING else list(items_of(value))
        if value is NOTHING:
            items = []
        scope = frame.scope
        saved = scope.vars.pop("_", None)
        steps = Enumerator(items)
        try:
            with _shown_as(frame, "switch", steps):
                while steps.move():
                    scope.vars["_"] = Variable("_", steps.current)
                    if not _turn(frame, one, label):
                        break
        finally:
            scope.vars.pop("_", None)
            if saved is not None:
                scope.vars["_"] = saved

    return run


def _switched(compiler: Compiler, node: SwitchStatementAst) -> Evaluate:
    """The values that a ``switch`` goes through: of an expression, or the lines of a file."""
    if node.condition is not None:
        return compiler.value(node.condition)
    assert node.file is not None  # noqa: S101 - one of the two is there
    path_of = compiler.expr(node.file)

    def lines(frame: Frame) -> object:
        path = to_text(path_of(frame))
        files, full = storage_of(frame.rs), absolute(path, frame.rs.location)
        if files.kind(full) != "file":
            raise runtime_error(
                f"Cannot find path '{full}' because it does not exist.",
                "PathNotFound",
                "ObjectNotFound",
                full,
                type_name="System.Management.Automation.ItemNotFoundException",
            )
        found: list[object] = [*text_of(files.read(full)).splitlines()]
        return found or NOTHING

    return lines


def _test(compiler: Compiler, node: SwitchStatementAst, condition: object) -> Test:
    flags = node.flags
    ignore = not flags.case_sensitive
    if isinstance(condition, ScriptBlockExpressionAst):
        block = compiler.script_block(condition.script_block)
        return lambda frame, item: block_truth(frame, block, item)
    value_of = compiler.expr(condition)  # type: ignore[arg-type]

    def test(frame: Frame, item: object) -> bool:
        wanted = value_of(frame)
        if type(wanted).__name__ == "ScriptBlock":
            return block_truth(frame, wanted, item)
        if flags.wildcard:
            return bool(textops.like(to_text(item), wanted, ignore, False))
        if flags.regex:

            def store(table: PSHashtable) -> None:
                frame.rs.set_matches(frame.scope, table)

            if not isinstance(wanted, NetRegex):
                wanted = textops.checked_regex(to_text(wanted), ignore)
            return bool(textops.match(to_text(item), wanted, ignore, False, store))
        if is_null(item) or is_null(wanted):
            return is_null(item) and is_null(wanted)
        if isinstance(item, PSEnum) and isinstance(wanted, int):
            return False  # a clause names an enum's value by its label or by the value itself [measured]
        return equals(item, wanted, ignore) if not isinstance(item, list) else False

    return test
