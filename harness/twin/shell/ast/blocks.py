"""Script blocks, parameters, attributes, pipelines and commands."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from harness.twin.shell.ast.base import Ast, CommandElementAst, StatementAst
from harness.twin.shell.ast.declaring import node
from harness.twin.shell.ast.expressions import StringConstantExpressionAst
from harness.twin.shell.ast.kinds import InvocationOperator, RedirectionStream

if TYPE_CHECKING:
    from harness.twin.shell.ast.base import ExpressionAst
    from harness.twin.shell.ast.expressions import VariableExpressionAst
    from harness.twin.shell.ast.kinds import ScriptRequirements
    from harness.twin.shell.ast.positions import Extent, SourceText
    from harness.twin.shell.ast.statements import TrapStatementAst, UsingStatementAst
    from harness.twin.shell.ast.type_names import TypeNameAst


@node
class ScriptBlockAst(Ast):
    """A whole script, a function's body or the inside of ``{ … }`` (then the extent includes the braces).

    A body without named blocks has only ``end_block``, with ``unnamed`` set.
    """

    source: SourceText = field(repr=False)
    param_block: ParamBlockAst | None = None
    using_statements: tuple[UsingStatementAst, ...] = ()
    dynamic_param_block: NamedBlockAst | None = None
    begin_block: NamedBlockAst | None = None
    process_block: NamedBlockAst | None = None
    end_block: NamedBlockAst | None = None
    attributes: tuple[AttributeAst, ...] = ()
    requirements: ScriptRequirements | None = None
    is_filter: bool = False
    body: Extent | None = None

    @property
    def text(self) -> str:
        """What ``ScriptBlock.ToString()`` shows: the source between the braces, or the whole script."""
        return self.source.slice(self.body or self.extent)


@node
class ParamBlockAst(Ast):
    """``[CmdletBinding()] param(…)``."""

    attributes: tuple[AttributeAst, ...]
    parameters: tuple[ParameterAst, ...]


@node
class ParameterAst(Ast):
    """One parameter: attributes and type constraints in source order, variable, default value."""

    name: VariableExpressionAst
    attributes: tuple[AttributeBaseAst, ...] = ()
    default_value: ExpressionAst | None = None


@node
class NamedBlockAst(Ast):
    """``begin``, ``process``, ``end`` or ``dynamicparam`` (in ``kind``) and its statements; traps apart."""

    kind: str
    statements: tuple[StatementAst, ...]
    traps: tuple[TrapStatementAst, ...] = ()
    unnamed: bool = False


@node
class StatementBlockAst(Ast):
    """``{ … }`` of a statement, or the inside of ``$()`` and ``@()``; traps apart."""

    statements: tuple[StatementAst, ...]
    traps: tuple[TrapStatementAst, ...] = ()


@node
class AttributeBaseAst(Ast):
    """``[…]`` before a parameter, variable or member."""

    type_name: TypeNameAst


@node
class TypeConstraintAst(AttributeBaseAst):
    """``[type]``."""


@node
class AttributeAst(AttributeBaseAst):
    """``[Name(positional, Named = value)]``."""

    positional_arguments: tuple[ExpressionAst, ...] = ()
    named_arguments: tuple[NamedAttributeArgumentAst, ...] = ()


@node
class NamedAttributeArgumentAst(Ast):
    """``Mandatory = $true``; ``Mandatory`` alone has no ``argument`` and means ``$true``."""

    name: str
    argument: ExpressionAst | None = None


@node
class PipelineAst(StatementAst):
    """One or more elements joined by ``|``."""

    elements: tuple[CommandBaseAst, ...]

    @property
    def pure_expression(self) -> ExpressionAst | None:
        """The expression, when the pipeline is nothing but one expression without redirection."""
        only = self.elements[0] if len(self.elements) == 1 else None
        return only.expression if isinstance(only, CommandExpressionAst) and not only.redirections else None


@node
class CommandBaseAst(StatementAst):
    """Element of a pipeline."""

    redirections: tuple[RedirectionAst, ...]


@node
class CommandAst(CommandBaseAst):
    """A command: its name (first element, any expression), arguments and parameters in source order.

    ``stop_parsing`` is the raw text after ``--%``, which is also the last element (a bare word).
    """

    elements: tuple[CommandElementAst, ...]
    invocation: InvocationOperator = InvocationOperator.NONE
    stop_parsing: str | None = None

    @property
    def command_name(self) -> str | None:
        """The name when it is a literal, else ``None``."""
        first = self.elements[0] if self.elements else None
        return first.value if isinstance(first, StringConstantExpressionAst) else None


@node
class CommandExpressionAst(CommandBaseAst):
    """An expression as an element of a pipeline."""

    expression: ExpressionAst


@node
class CommandParameterAst(CommandElementAst):
    """``-Name`` or ``-Name:argument`` (then the argument is not ``None``). ``name`` is without dash and colon."""

    name: str
    argument: ExpressionAst | None = None


@node
class RedirectionAst(Ast):
    """Redirection of one stream."""

    from_stream: RedirectionStream


@node
class FileRedirectionAst(RedirectionAst):
    """``> file``, ``2>> file`` …"""

    location: ExpressionAst
    append: bool = False


@node
class MergingRedirectionAst(RedirectionAst):
    """``2>&1`` …; in 5.1 the target is always the output stream."""

    to_stream: RedirectionStream = RedirectionStream.OUTPUT
