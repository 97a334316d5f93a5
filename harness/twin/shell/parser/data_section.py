"""What a ``data`` section may hold: a part of the language without commands, assignments and loops.

[D] about_Data_Sections; which node gives which error: PowerShell, SemanticChecks of 2016.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.twin.shell.ast import (
    AssignmentStatementAst,
    Ast,
    AttributedExpressionAst,
    BinaryExpressionAst,
    BinaryOperator,
    BlockStatementAst,
    BreakStatementAst,
    CommandAst,
    ContinueStatementAst,
    ConvertExpressionAst,
    DataStatementAst,
    DoUntilStatementAst,
    DoWhileStatementAst,
    ExitStatementAst,
    FileRedirectionAst,
    ForEachStatementAst,
    ForStatementAst,
    FunctionDefinitionAst,
    IndexExpressionAst,
    InvocationOperator,
    InvokeMemberExpressionAst,
    MemberExpressionAst,
    MergingRedirectionAst,
    ParamBlockAst,
    ReturnStatementAst,
    ScriptBlockAst,
    ScriptBlockExpressionAst,
    StringConstantExpressionAst,
    SwitchStatementAst,
    ThrowStatementAst,
    TrapStatementAst,
    TryStatementAst,
    UnaryExpressionAst,
    UnaryOperator,
    VariableExpressionAst,
    WhileStatementAst,
    walk,
)
from harness.twin.shell.parser.classes import Report

_FLOW: Final = "FlowControlStatementNotSupportedInDataSection"
_LOOP: Final = "DoWhileStatementNotSupportedInDataSection"
_FORBIDDEN: Final[dict[type[Ast], str]] = {
    AssignmentStatementAst: "AssignmentStatementNotSupportedInDataSection",
    AttributedExpressionAst: "AttributeNotSupportedInDataSection",
    BlockStatementAst: "ParallelAndSequenceBlockNotSupportedInDataSection",
    BreakStatementAst: _FLOW,
    ContinueStatementAst: _FLOW,
    DataStatementAst: "DataSectionStatementNotSupportedInDataSection",
    DoUntilStatementAst: _LOOP,
    DoWhileStatementAst: _LOOP,
    ExitStatementAst: _FLOW,
    FileRedirectionAst: "RedirectionNotSupportedInDataSection",
    ForEachStatementAst: "ForeachStatementNotSupportedInDataSection",
    ForStatementAst: "ForWhileStatementNotSupportedInDataSection",
    FunctionDefinitionAst: "FunctionDeclarationNotSupportedInDataSection",
    IndexExpressionAst: "ArrayReferenceNotSupportedInDataSection",
    InvokeMemberExpressionAst: "MethodCallNotSupportedInDataSection",
    MemberExpressionAst: "PropertyReferenceNotSupportedInDataSection",
    MergingRedirectionAst: "RedirectionNotSupportedInDataSection",
    ParamBlockAst: "ParameterDeclarationNotSupportedInDataSection",
    ReturnStatementAst: _FLOW,
    ScriptBlockAst: "ScriptBlockNotSupportedInDataSection",
    ScriptBlockExpressionAst: "ScriptBlockNotSupportedInDataSection",
    SwitchStatementAst: "SwitchStatementNotSupportedInDataSection",
    ThrowStatementAst: _FLOW,
    TrapStatementAst: "TrapStatementNotSupportedInDataSection",
    TryStatementAst: "TryStatementNotSupportedInDataSection",
    WhileStatementAst: "ForWhileStatementNotSupportedInDataSection",
}
_VARIABLES: Final = frozenset(["psculture", "psuiculture", "true", "false", "null"])
_VARIABLE_LIST: Final = "$PSCulture, $PSUICulture, $true, $false, $null"
_SIMPLE_TYPES: Final = frozenset(
    [
        "bool",
        "boolean",
        "byte",
        "char",
        "datetime",
        "decimal",
        "double",
        "float",
        "int",
        "int16",
        "int32",
        "int64",
        "long",
        "sbyte",
        "short",
        "single",
        "string",
        "uint16",
        "uint32",
        "uint64",
        "ushort",
        "uint",
        "ulong",
    ]
)
_OPERATORS: Final = frozenset(
    [BinaryOperator.RANGE, BinaryOperator.FORMAT, BinaryOperator.JOIN, BinaryOperator.AS]
    + [operator for operator in BinaryOperator if operator.family in ("match", "notmatch", "replace", "split")]
)
_STEPS: Final = {
    UnaryOperator.PREFIX_INCREMENT: "++",
    UnaryOperator.POSTFIX_INCREMENT: "++",
    UnaryOperator.PREFIX_DECREMENT: "--",
    UnaryOperator.POSTFIX_DECREMENT: "--",
    UnaryOperator.JOIN: "-join",
    UnaryOperator.ISPLIT: "-isplit",
    UnaryOperator.CSPLIT: "-csplit",
}


def check_data_section(section: DataStatementAst, report: Report) -> None:
    """Report everything in a data section that may not stand there."""
    allowed: set[str] | None = {"convertfrom-stringdata"}
    for command in section.commands_allowed:
        if allowed is not None and isinstance(command, StringConstantExpressionAst):
            allowed.add(command.value.lower())
        else:
            allowed = None
    for node in walk(section.body):
        error_id = _FORBIDDEN.get(type(node))
        if error_id is not None:
            report(node, error_id)
        elif isinstance(node, CommandAst):
            _check_command(node, allowed, report)
        else:
            check = _CHECKS.get(type(node))
            if check is not None:
                check(node, report)


def _check_command(node: CommandAst, allowed: set[str] | None, report: Report) -> None:
    if node.invocation is InvocationOperator.DOT:
        report(node, "DotSourcingNotSupportedInDataSection")
    elif allowed is not None:
        name = node.command_name
        if name is None and node.invocation is InvocationOperator.AMPERSAND:
            report(node, "OperatorNotSupportedInDataSection", "&")
        elif name is None or name.lower() not in allowed:
            report(node, "CmdletNotInAllowedListForDataSection", name or "")


def _check_variable(node: Ast, report: Report) -> None:
    if isinstance(node, VariableExpressionAst) and node.path.text.lower() not in _VARIABLES:
        report(node, "VariableReferenceNotSupportedInDataSection", _VARIABLE_LIST)


def _check_binary(node: Ast, report: Report) -> None:
    if isinstance(node, BinaryExpressionAst) and node.operator in _OPERATORS:
        report(Ast(node.operator_extent), "OperatorNotSupportedInDataSection", node.operator.value)


def _check_unary(node: Ast, report: Report) -> None:
    if isinstance(node, UnaryExpressionAst) and node.operator in _STEPS:
        report(node, "OperatorNotSupportedInDataSection", _STEPS[node.operator])


def _check_type(node: Ast, report: Report) -> None:
    if isinstance(node, ConvertExpressionAst):
        name = node.type_name.full_name
        if name.lower().removeprefix("system.").removesuffix("[]") not in _SIMPLE_TYPES:
            report(node.attribute, "TypeNotAllowedInDataSection", name)


_CHECKS: Final[dict[type[Ast], Callable[[Ast, Report], None]]] = {
    VariableExpressionAst: _check_variable,
    BinaryExpressionAst: _check_binary,
    UnaryExpressionAst: _check_unary,
    ConvertExpressionAst: _check_type,
}
