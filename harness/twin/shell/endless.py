"""Does a script end by itself?  Told from its text: what runs for ever is not evaluated, but is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.shell.ast.base import Ast, StatementAst, children
from harness.twin.shell.ast.blocks import PipelineAst, ScriptBlockAst
from harness.twin.shell.ast.expressions import ConstantExpressionAst, VariableExpressionAst
from harness.twin.shell.ast.statements import (
    BreakStatementAst,
    DoWhileStatementAst,
    ExitStatementAst,
    ForStatementAst,
    FunctionDefinitionAst,
    ReturnStatementAst,
    ThrowStatementAst,
    WhileStatementAst,
)
from harness.twin.shell.parser import parse

_WAYS_OUT: Final = (BreakStatementAst, ExitStatementAst, ReturnStatementAst, ThrowStatementAst)


def never_ends(text: str) -> bool:
    """Is there, among the outermost statements of a script, a loop that is always true and holds no way out?

    A ``break`` of an inner loop counts as a way out too: such a script is evaluated like any other.
    """
    result = parse(text)
    block = result.script.end_block
    if result.errors or block is None:
        return False
    return any(_loops_for_ever(statement) for statement in block.statements)


def _loops_for_ever(statement: StatementAst) -> bool:
    if not isinstance(statement, (ForStatementAst, WhileStatementAst, DoWhileStatementAst)):
        return False
    always = statement.condition is None or _is_true(statement.condition)
    return always and not any(isinstance(node, _WAYS_OUT) for node in _inside(statement.body))


def _is_true(condition: StatementAst) -> bool:
    """``$true``, or a number other than 0."""
    only = condition.pure_expression if isinstance(condition, PipelineAst) else None
    if isinstance(only, VariableExpressionAst):
        return only.path.text.lower() == "true"
    return isinstance(only, ConstantExpressionAst) and bool(only.value)


def _inside(node: Ast) -> Iterator[Ast]:
    """What runs in a loop; the bodies of functions and script blocks are left by their own ``return``."""
    for child in children(node):
        if not isinstance(child, (ScriptBlockAst, FunctionDefinitionAst)):
            yield child
            yield from _inside(child)
