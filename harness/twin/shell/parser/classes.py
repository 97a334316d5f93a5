"""Checks of class members: what a method may hold, and whether each path through it returns a value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from harness.twin.shell.ast import (
    Ast,
    DoUntilStatementAst,
    DoWhileStatementAst,
    ExitStatementAst,
    FunctionMemberAst,
    IfStatementAst,
    MemberAst,
    PipelineAst,
    ReturnStatementAst,
    ScriptBlockAst,
    ScriptBlockExpressionAst,
    StatementAst,
    SwitchStatementAst,
    ThrowStatementAst,
    TryStatementAst,
    VariableExpressionAst,
    WhileStatementAst,
)
from harness.twin.shell.parser.targets import plain_type_name


class Report(Protocol):
    """Takes an error at a node."""

    def __call__(self, node: Ast, error_id: str, *arguments: str) -> None: ...


def owning_member(parents: Sequence[Ast]) -> MemberAst | None:
    """The class member whose code a place belongs to; code in a nested script block belongs to none."""
    for parent in reversed(parents):
        if isinstance(parent, MemberAst):
            return parent
        if isinstance(parent, ScriptBlockExpressionAst):
            return None
    return None


def returns_nothing(member: FunctionMemberAst) -> bool:
    """Whether a method is declared ``[void]``, or has no type, which means the same."""
    return member.return_type is None or plain_type_name(member.return_type.type_name.full_name) == "void"


def check_method(member: FunctionMemberAst, report: Report) -> None:
    """Whether the method's body is one that a method may have."""
    body = member.body
    if body is None:
        return
    if body.param_block is not None:
        report(body.param_block, "ParamBlockNotAllowedInMethod")
    named = [body.dynamic_param_block, body.begin_block, body.process_block]
    if any(named) or body.end_block is None or not body.end_block.unnamed:
        first = next((block for block in [*named, body.end_block] if block is not None), None)
        report(first or body, "NamedBlockNotAllowedInMethod")
    if member.is_constructor and member.return_type is not None:
        report(member.return_type, "ConstructorCantHaveReturnType")
    if not returns_nothing(member) and not _body_returns(body):
        place = StatementAst(member.name_extent or member.extent)
        report(place, "MethodHasCodePathNotReturn")


def check_return(node: ReturnStatementAst, member: MemberAst | None, report: Report) -> None:
    """Whether a return statement fits the method it is in."""
    if not isinstance(member, FunctionMemberAst):
        return
    if returns_nothing(member):
        if node.pipeline is not None:
            report(node, "VoidMethodHasReturn")
    elif node.pipeline is None:
        report(node, "NonVoidMethodMissingReturnValue")


def _body_returns(body: ScriptBlockAst) -> bool:
    return body.end_block is not None and _list_returns(body.end_block.statements)


def _list_returns(statements: Sequence[StatementAst]) -> bool:
    return any(_returns(statement) for statement in statements)


def _returns(statement: StatementAst) -> bool:
    """Whether the end of a statement is never reached."""
    decide = _DECISIONS.get(type(statement))
    return decide is not None and decide(statement)


def _if_returns(node: StatementAst) -> bool:
    if not isinstance(node, IfStatementAst) or node.else_clause is None:
        return False
    blocks = [clause.body for clause in node.clauses] + [node.else_clause]
    return all(_list_returns(block.statements) for block in blocks)


def _switch_returns(node: StatementAst) -> bool:
    if not isinstance(node, SwitchStatementAst) or node.default is None:
        return False
    blocks = [clause.body for clause in node.clauses] + [node.default]
    return all(_list_returns(block.statements) for block in blocks)


def _try_returns(node: StatementAst) -> bool:
    if not isinstance(node, TryStatementAst):
        return False
    if node.final is not None and _list_returns(node.final.statements):
        return True
    return all(_list_returns(block.statements) for block in [node.body, *(each.body for each in node.catches)])


def _while_returns(node: StatementAst) -> bool:
    """A loop without end is never left at its end."""
    if not isinstance(node, WhileStatementAst) or not isinstance(node.condition, PipelineAst):
        return False
    condition = node.condition.pure_expression
    return isinstance(condition, VariableExpressionAst) and condition.path.text.lower() == "true"


def _do_returns(node: StatementAst) -> bool:
    is_do = isinstance(node, (DoWhileStatementAst, DoUntilStatementAst))
    return (
        is_do and isinstance(node, (DoWhileStatementAst, DoUntilStatementAst)) and _list_returns(node.body.statements)
    )


def _always(_: StatementAst) -> bool:
    return True


_DECISIONS: dict[type[StatementAst], Callable[[StatementAst], bool]] = {
    ReturnStatementAst: _always,
    ThrowStatementAst: _always,
    ExitStatementAst: _always,
    IfStatementAst: _if_returns,
    SwitchStatementAst: _switch_returns,
    TryStatementAst: _try_returns,
    WhileStatementAst: _while_returns,
    DoWhileStatementAst: _do_returns,
    DoUntilStatementAst: _do_returns,
}
