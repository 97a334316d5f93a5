"""Which expressions are constant, as attribute arguments, ``#requires`` and ``$using:`` indexes must be."""

from __future__ import annotations

from harness.twin.shell.ast import (
    ArrayExpressionAst,
    ArrayLiteralAst,
    Ast,
    BinaryExpressionAst,
    BinaryOperator,
    CommandAst,
    CommandExpressionAst,
    ConstantExpressionAst,
    ConvertExpressionAst,
    ExpandableStringExpressionAst,
    HashtableAst,
    InvokeMemberExpressionAst,
    MemberExpressionAst,
    ParenExpressionAst,
    PipelineAst,
    ScriptBlockExpressionAst,
    StatementBlockAst,
    StringConstantExpressionAst,
    SubExpressionAst,
    TypeExpressionAst,
    UnaryExpressionAst,
    UnaryOperator,
    VariableExpressionAst,
    children,
)

_CONSTANT_VARIABLES = frozenset(["true", "false", "null"])
_LITERALS = (ConstantExpressionAst, StringConstantExpressionAst, TypeExpressionAst)
_CONTAINERS = (
    ArrayExpressionAst,
    ArrayLiteralAst,
    CommandExpressionAst,
    ConvertExpressionAst,
    HashtableAst,
    ParenExpressionAst,
    PipelineAst,
    StatementBlockAst,
    SubExpressionAst,
)
_NOT_FOLDED = frozenset(
    [
        *(BinaryOperator.FORMAT, BinaryOperator.RANGE, BinaryOperator.JOIN),
        *(BinaryOperator.AS, BinaryOperator.IS, BinaryOperator.IS_NOT),
    ]
)
_FOLDED_UNARY = frozenset(
    [UnaryOperator.NOT, UnaryOperator.EXCLAIM, UnaryOperator.BNOT, UnaryOperator.PLUS, UnaryOperator.MINUS]
)


def is_constant(node: Ast, *, script_blocks: bool = True) -> bool:
    """Whether the value is known without running anything."""
    if isinstance(node, _LITERALS):
        return True
    if isinstance(node, VariableExpressionAst):
        return node.path.text.lower() in _CONSTANT_VARIABLES
    if isinstance(node, ScriptBlockExpressionAst):
        return script_blocks
    if isinstance(node, (CommandAst, ExpandableStringExpressionAst, InvokeMemberExpressionAst)):
        return False
    if isinstance(node, MemberExpressionAst):
        return node.static and isinstance(node.target, TypeExpressionAst)
    if isinstance(node, BinaryExpressionAst):
        if node.operator in _NOT_FOLDED or (
            node.operator.family != node.operator.value and node.operator.name[0] in "CI"
        ):
            return False
    elif isinstance(node, UnaryExpressionAst):
        if node.operator not in _FOLDED_UNARY:
            return False
    elif not isinstance(node, _CONTAINERS):
        return False
    return all(is_constant(child, script_blocks=script_blocks) for child in children(node) if _has_value(child))


def _has_value(node: Ast) -> bool:
    return not type(node).__name__.startswith("TypeConstraint")
