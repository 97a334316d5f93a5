"""Expressions."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from harness.twin.shell.ast.base import ExpressionAst

if TYPE_CHECKING:
    from harness.twin.shell.ast.base import StatementAst
    from harness.twin.shell.ast.blocks import AttributeBaseAst, ScriptBlockAst, StatementBlockAst
    from harness.twin.shell.ast.kinds import BinaryOperator, NumberKind, StringKind, UnaryOperator, VariablePath
    from harness.twin.shell.ast.positions import Extent
    from harness.twin.shell.ast.type_names import TypeNameAst


@dataclass(frozen=True, slots=True, eq=False)
class BinaryExpressionAst(ExpressionAst):
    """``left operator right``; ``operator_extent`` is where errors of the operator point to."""

    left: ExpressionAst
    operator: BinaryOperator
    right: ExpressionAst
    operator_extent: Extent


@dataclass(frozen=True, slots=True, eq=False)
class UnaryExpressionAst(ExpressionAst):
    """Prefix or postfix operator."""

    operator: UnaryOperator
    child: ExpressionAst


@dataclass(frozen=True, slots=True, eq=False)
class AttributedExpressionAst(ExpressionAst):
    """``[attribute()]child``."""

    attribute: AttributeBaseAst
    child: ExpressionAst


@dataclass(frozen=True, slots=True, eq=False)
class ConvertExpressionAst(AttributedExpressionAst):
    """``[type]child``: a cast, or a typed variable on the left of an assignment."""

    @property
    def type_name(self) -> TypeNameAst:
        """The type cast to."""
        return self.attribute.type_name


@dataclass(frozen=True, slots=True, eq=False)
class ConstantExpressionAst(ExpressionAst):
    """A number."""

    value: int | float | Decimal
    kind: NumberKind


@dataclass(frozen=True, slots=True, eq=False)
class StringConstantExpressionAst(ExpressionAst):
    """A string without anything to expand."""

    value: str
    kind: StringKind


StringPart = str | ExpressionAst


@dataclass(frozen=True, slots=True, eq=False)
class ExpandableStringExpressionAst(ExpressionAst):
    """A string with variables or subexpressions in it: literal pieces and expressions in order."""

    parts: tuple[StringPart, ...]
    kind: StringKind


@dataclass(frozen=True, slots=True, eq=False)
class VariableExpressionAst(ExpressionAst):
    """``$name``, ``${any text}``, or ``@name`` when ``splatted``."""

    path: VariablePath
    splatted: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class UsingExpressionAst(ExpressionAst):
    """``$using:name`` with what follows it; ``child`` is the variable with members and indexes, unqualified."""

    child: ExpressionAst


@dataclass(frozen=True, slots=True, eq=False)
class MemberExpressionAst(ExpressionAst):
    """``target.member`` or ``target::member``; ``member`` is a string constant when written as a name."""

    target: ExpressionAst
    member: ExpressionAst
    static: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class InvokeMemberExpressionAst(MemberExpressionAst):
    """``target.member(arguments)``; also ``target.member { block }``, whose argument is the block."""

    arguments: tuple[ExpressionAst, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class IndexExpressionAst(ExpressionAst):
    """``target[index]``."""

    target: ExpressionAst
    index: ExpressionAst


@dataclass(frozen=True, slots=True, eq=False)
class TypeExpressionAst(ExpressionAst):
    """``[type]`` as a value."""

    type_name: TypeNameAst


@dataclass(frozen=True, slots=True, eq=False)
class ArrayLiteralAst(ExpressionAst):
    """``a, b, c``; the unary comma gives one element."""

    elements: tuple[ExpressionAst, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ArrayExpressionAst(ExpressionAst):
    """``@( … )``."""

    sub_expression: StatementBlockAst


@dataclass(frozen=True, slots=True, eq=False)
class SubExpressionAst(ExpressionAst):
    """``$( … )``."""

    sub_expression: StatementBlockAst


@dataclass(frozen=True, slots=True, eq=False)
class HashtableAst(ExpressionAst):
    """``@{ key = statement; … }`` in source order; a bare key is a ``StringConstantExpressionAst``."""

    pairs: tuple[tuple[ExpressionAst, StatementAst], ...]


@dataclass(frozen=True, slots=True, eq=False)
class ScriptBlockExpressionAst(ExpressionAst):
    """``{ … }`` as a value."""

    script_block: ScriptBlockAst


@dataclass(frozen=True, slots=True, eq=False)
class ParenExpressionAst(ExpressionAst):
    """``( pipeline )``."""

    pipeline: StatementAst
