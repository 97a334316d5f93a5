"""Statements, classes and enums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.twin.shell.ast.base import Ast, StatementAst
from harness.twin.shell.ast.declaring import node

if TYPE_CHECKING:
    from harness.twin.shell.ast.base import ExpressionAst
    from harness.twin.shell.ast.blocks import (
        AttributeAst,
        ParameterAst,
        ScriptBlockAst,
        StatementBlockAst,
        TypeConstraintAst,
    )
    from harness.twin.shell.ast.expressions import HashtableAst, ScriptBlockExpressionAst, VariableExpressionAst
    from harness.twin.shell.ast.kinds import AssignmentOperator, SwitchFlags, TypeKind
    from harness.twin.shell.ast.positions import Extent


@node
class AssignmentStatementAst(StatementAst):
    """``left operator right``; ``left`` may be a variable, member, index, array literal, cast or attribute of those."""

    left: ExpressionAst
    operator: AssignmentOperator
    right: StatementAst
    operator_extent: Extent


@node
class IfClause(Ast):
    """One ``if``/``elseif`` with its block."""

    condition: StatementAst
    body: StatementBlockAst


@node
class IfStatementAst(StatementAst):
    """``if … elseif … else``."""

    clauses: tuple[IfClause, ...]
    else_clause: StatementBlockAst | None = None


@node
class LabeledStatementAst(StatementAst):
    """A loop or switch; ``label`` is without the colon."""

    label: str | None


@node
class SwitchClause(Ast):
    """One condition (an expression, often a bare word) and its block."""

    condition: ExpressionAst
    body: StatementBlockAst


@node
class SwitchStatementAst(LabeledStatementAst):
    """``switch``; with ``-File`` the path is ``file`` and ``condition`` is ``None``."""

    condition: StatementAst | None
    flags: SwitchFlags
    clauses: tuple[SwitchClause, ...]
    default: StatementBlockAst | None = None
    file: ExpressionAst | None = None


@node
class ForEachStatementAst(LabeledStatementAst):
    """``foreach ($variable in condition) body``; ``-parallel`` and ``-throttlelimit`` are for workflows only."""

    variable: VariableExpressionAst
    condition: StatementAst
    body: StatementBlockAst
    parallel: bool = False
    throttle_limit: ExpressionAst | None = None


@node
class ForStatementAst(LabeledStatementAst):
    """``for (initializer; condition; iterator) body``; each part may be absent."""

    initializer: StatementAst | None
    condition: StatementAst | None
    iterator: StatementAst | None
    body: StatementBlockAst


@node
class WhileStatementAst(LabeledStatementAst):
    """``while (condition) body``."""

    condition: StatementAst
    body: StatementBlockAst


@node
class DoWhileStatementAst(LabeledStatementAst):
    """``do body while (condition)``."""

    condition: StatementAst
    body: StatementBlockAst


@node
class DoUntilStatementAst(LabeledStatementAst):
    """``do body until (condition)``."""

    condition: StatementAst
    body: StatementBlockAst


@node
class CatchClauseAst(Ast):
    """``catch [types] body``; no types catch all."""

    types: tuple[TypeConstraintAst, ...]
    body: StatementBlockAst


@node
class TryStatementAst(StatementAst):
    """``try … catch … finally``."""

    body: StatementBlockAst
    catches: tuple[CatchClauseAst, ...] = ()
    final: StatementBlockAst | None = None


@node
class TrapStatementAst(StatementAst):
    """``trap [type] body``; found in the ``traps`` of its block, never among the statements."""

    type: TypeConstraintAst | None
    body: StatementBlockAst


@node
class DataStatementAst(StatementAst):
    """``data name -SupportedCommand … { … }``."""

    variable: str | None
    commands_allowed: tuple[ExpressionAst, ...]
    body: StatementBlockAst


@node
class BlockStatementAst(StatementAst):
    """``parallel``, ``sequence`` or ``inlinescript`` (in ``kind``) of a workflow."""

    kind: str
    body: StatementBlockAst


@node
class BreakStatementAst(StatementAst):
    """``break [label]``."""

    label: ExpressionAst | None = None


@node
class ContinueStatementAst(StatementAst):
    """``continue [label]``."""

    label: ExpressionAst | None = None


@node
class ReturnStatementAst(StatementAst):
    """``return [pipeline]``."""

    pipeline: StatementAst | None = None


@node
class ThrowStatementAst(StatementAst):
    """``throw [pipeline]``."""

    pipeline: StatementAst | None = None


@node
class ExitStatementAst(StatementAst):
    """``exit [pipeline]``."""

    pipeline: StatementAst | None = None


@node
class FunctionDefinitionAst(StatementAst):
    """``function``, ``filter`` or ``workflow``. ``parameters``: those in parentheses after the name, or ``None``."""

    name: str
    body: ScriptBlockAst
    parameters: tuple[ParameterAst, ...] | None = None
    is_filter: bool = False
    is_workflow: bool = False


@node
class ConfigurationDefinitionAst(StatementAst):
    """``configuration name { … }`` (Desired State Configuration)."""

    name: ExpressionAst
    body: ScriptBlockExpressionAst


@node
class UsingStatementAst(StatementAst):
    """``using namespace|module|assembly|command|type name [= alias]``, ``kind`` in lower case."""

    kind: str
    name: str | None
    module_specification: HashtableAst | None = None
    alias: str | None = None


@node
class MemberAst(Ast):
    """Member of a class or enum."""

    name: str
    attributes: tuple[AttributeAst, ...] = ()
    is_static: bool = False
    is_hidden: bool = False


@node
class PropertyMemberAst(MemberAst):
    """A property of a class, or a label of an enum (``initial_value`` may be absent)."""

    property_type: TypeConstraintAst | None = None
    initial_value: ExpressionAst | None = None


@node
class FunctionMemberAst(MemberAst):
    """A method, or a constructor when ``is_constructor``; ``base_arguments`` are those of ``: base(…)``."""

    parameters: tuple[ParameterAst, ...] = ()
    body: ScriptBlockAst | None = None
    return_type: TypeConstraintAst | None = None
    is_constructor: bool = False
    base_arguments: tuple[ExpressionAst, ...] | None = None
    name_extent: Extent | None = None


@node
class TypeDefinitionAst(StatementAst):
    """``class`` or ``enum``."""

    name: str
    kind: TypeKind
    members: tuple[MemberAst, ...]
    base_types: tuple[TypeConstraintAst, ...] = ()
    attributes: tuple[AttributeAst, ...] = ()
