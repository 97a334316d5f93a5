"""Expressions."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from harness.twin.shell.ast.base import ExpressionAst
from harness.twin.shell.ast.declaring import node

if TYPE_CHECKING:
    from harness.twin.shell.ast.base import StatementAst
    from harness.twin.shell.ast.blocks import AttributeBaseAst, ScriptBlockAst, StatementBlockAst
    from harness.twin.shell.ast.kinds import BinaryOperator, NumberKind, StringKind, UnaryOperator, VariablePath
    from harness.twin.shell.ast.positions import Extent
    from harness.twin.shell.ast.type_names import TypeNameAst


@node
class BinaryExpressionAst(ExpressionAst):
    """``left operator right``; ``operator_extent`` is where errors of the operator point to."""

    left: ExpressionAst
    operator: BinaryOperator
    right: ExpressionAst
    operator_extent: Extent


@node
class UnaryExpressionAst(ExpressionAst):
    """Prefix or postfix operator."""

    operator: UnaryOperator
    child: ExpressionAst


@node
class AttributedExpressionAst(ExpressionAst):
    """``[attribute()]child``."""

    attribute: AttributeBaseAst
    child: ExpressionAst


@node
class ConvertExpressionAst(AttributedExpressionAst):
    """``[type]child``: a cast, or a typed variable on the left of an assignment."""

    @property
    def type_name(self) -> TypeNameAst:
        """The type cast to."""
        return self.attribute.type_name


@node
class ConstantExpressionAst(ExpressionAst):
    """A number."""

    value: int | float | Decimal
    kind: NumberKind


@node
class StringConstantExpressionAst(ExpressionAst):
    """A string without anything to expand."""

    value: str
    kind: StringKind


StringPart = str | ExpressionAst


@node
class ExpandableStringExpressionAst(ExpressionAst):
    """A string with variables or subexpressions in it: literal pieces and expressions in order."""

    parts: tuple[StringPart, ...]
    kind: StringKind


@node
class VariableExpressionAst(ExpressionAst):
    """``$name``, ``${any text}``, or ``@name`` when ``splatted``."""

    path: VariablePath
    splatted: bool = False


@node
class UsingExpressionAst(ExpressionAst):
    """``$using:name`` with what follows it; ``child`` is the variable with members and indexes, unqualified."""

    child: ExpressionAst


@node
class MemberExpressionAst(ExpressionAst):
    """``target.member`` or ``target::member``; ``member`` is a string constant when written as a name."""

    target: ExpressionAst
    member: ExpressionAst
    static: bool = False


@node
class InvokeMemberExpressionAst(MemberExpressionAst):
    """``target.member(arguments)``; also ``target.member { block }``, whose argument is the block."""

    arguments: tuple[ExpressionAst, ...] = ()


@node
class IndexExpressionAst(ExpressionAst):
    """``target[index]``."""

    target: ExpressionAst
    index: ExpressionAst


@node
class TypeExpressionAst(ExpressionAst):
    """``[type]`` as a value."""

    type_name: TypeNameAst


@node
class ArrayLiteralAst(ExpressionAst):
    """``a, b, c``; the unary comma gives one element."""

    elements: tuple[ExpressionAst, ...]


@node
class ArrayExpressionAst(ExpressionAst):
    """``@( … )``."""

    sub_expression: StatementBlockAst


@node
class SubExpressionAst(ExpressionAst):
    """``$( … )``."""

    sub_expression: StatementBlockAst


@node
class HashtableAst(ExpressionAst):
    """``@{ key = statement; … }`` in source order; a bare key is a ``StringConstantExpressionAst``."""

    pairs: tuple[tuple[ExpressionAst, StatementAst], ...]


@node
class ScriptBlockExpressionAst(ExpressionAst):
    """``{ … }`` as a value."""

    script_block: ScriptBlockAst


@node
class ParenExpressionAst(ExpressionAst):
    """``( pipeline )``."""

    pipeline: StatementAst
