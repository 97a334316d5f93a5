"""Checks of class and enum definitions: members given twice, values of an enum, variables of a method."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.twin.shell.ast import (
    ArrayLiteralAst,
    AssignmentStatementAst,
    Ast,
    AttributedExpressionAst,
    CommandAst,
    CommandParameterAst,
    ConstantExpressionAst,
    ForEachStatementAst,
    FunctionMemberAst,
    InvocationOperator,
    PropertyMemberAst,
    StringConstantExpressionAst,
    TypeConstraintAst,
    TypeDefinitionAst,
    TypeKind,
    UnaryExpressionAst,
    UnaryOperator,
    VariableExpressionAst,
    children,
)
from harness.twin.shell.parser.classes import Report
from harness.twin.shell.parser.constants import is_constant

_AUTOMATIC = frozenset(
    (
        *("_", "psitem", "args", "this", "input", "pscmdlet", "psboundparameters", "myinvocation", "psscriptroot"),
        *("pscommandpath", "true", "false", "null", "?", "lastexitcode", "error", "stacktrace", "outputencoding"),
        *("nestedpromptlevel", "pwd", "matches", "foreach", "switch"),
        *("debugpreference", "verbosepreference", "erroractionpreference", "whatifpreference"),
        *("warningpreference", "informationpreference", "confirmpreference", "progresspreference"),
    )
)
"""Variables that a method sees without having assigned them ([D] PowerShell, SpecialVariables of 2016)."""
_STEPS = frozenset(one for one in UnaryOperator if one.name.endswith(("INCREMENT", "DECREMENT")))
_SETTERS = frozenset(("set-variable", "new-variable", "sv", "nv", "get-variable", "invoke-expression", "iex"))
_OUTPUTS = ("variable", "ov", "ev", "wv", "iv", "pv")


def check_definition(node: TypeDefinitionAst, report: Report) -> None:
    """Members that a class or an enum has twice, and what an enum's values are."""
    if node.kind is TypeKind.ENUM:
        _check_enum(node, report)
        return
    properties: set[str] = set()
    methods: set[tuple[str, bool, tuple[str, ...]]] = set()
    for member in node.members:
        if isinstance(member, PropertyMemberAst):
            if member.name.lower() in properties:
                report(member, "MemberAlreadyDefined", member.name)
            properties.add(member.name.lower())
        elif isinstance(member, FunctionMemberAst):
            key = (member.name.lower(), member.is_static, tuple(_type_names(member)))
            if key in methods:
                place = Ast(member.name_extent) if member.name_extent is not None else member
                report(place, "MemberAlreadyDefined", member.name)
            methods.add(key)
            _check_variables(member, node.name, properties_of(node), report)


def properties_of(node: TypeDefinitionAst) -> dict[str, PropertyMemberAst]:
    """The properties of a class by lower-case name."""
    return {one.name.lower(): one for one in node.members if isinstance(one, PropertyMemberAst)}


def _type_names(member: FunctionMemberAst) -> Iterator[str]:
    for parameter in member.parameters:
        kinds = [one.type_name.full_name for one in parameter.attributes if isinstance(one, TypeConstraintAst)]
        yield kinds[-1].lower() if kinds else "object"


def _check_enum(node: TypeDefinitionAst, report: Report) -> None:
    seen: set[str] = set()
    for member in node.members:
        if isinstance(member, PropertyMemberAst):
            initial = member.initial_value
            if initial is not None and not is_constant(initial, script_blocks=False):
                report(initial, "EnumeratorValueMustBeConstant")
            elif isinstance(initial, StringConstantExpressionAst) and not _is_number(initial.value):
                report(initial, "CannotConvertValue", "int")
            elif isinstance(initial, ConstantExpressionAst) and _is_too_large(initial.value):
                report(initial, "EnumeratorValueTooLarge")
            if member.name.lower() in seen:
                report(member, "MemberAlreadyDefined", member.name)
            seen.add(member.name.lower())


def _is_number(text: str) -> bool:
    try:
        float(text or "0")
    except ValueError:
        return False
    return True


def _is_too_large(value: object) -> bool:
    return isinstance(value, int | float) and not -(2**31) <= value < 2**31


def _below(node: Ast) -> Iterator[Ast]:
    yield node
    for child in children(node):
        yield from _below(child)


def _targets(node: Ast) -> Iterator[VariableExpressionAst]:
    """The variables that a left side assigns."""
    if isinstance(node, VariableExpressionAst):
        yield node
    elif isinstance(node, AttributedExpressionAst):
        yield from _targets(node.child)
    elif isinstance(node, ArrayLiteralAst):
        for element in node.elements:
            yield from _targets(element)


def _assigned(nodes: Sequence[Ast]) -> Iterator[VariableExpressionAst]:
    for node in nodes:
        if isinstance(node, AssignmentStatementAst):
            yield from _targets(node.left)
        elif isinstance(node, ForEachStatementAst):
            yield node.variable
        elif isinstance(node, UnaryExpressionAst) and node.operator in _STEPS:
            yield from _targets(node.child)


def _named_by_commands(nodes: Sequence[Ast]) -> Iterator[str]:
    """Names behind ``-OutVariable`` and its like."""
    for node in nodes:
        if isinstance(node, CommandAst):
            pairs = zip(node.elements, (*node.elements[1:], None), strict=True)
            for element, following in pairs:
                if isinstance(element, CommandParameterAst) and element.name.lower().endswith(_OUTPUTS):
                    value = element.argument or following
                    if isinstance(value, StringConstantExpressionAst):
                        yield value.value.lstrip("+").lower()


def _changes_scope(node: Ast) -> bool:
    """Whether a command may set variables whose names are not written here."""
    if not isinstance(node, CommandAst):
        return False
    return node.invocation is InvocationOperator.DOT or (node.command_name or "").lower() in _SETTERS


def _check_variables(
    member: FunctionMemberAst, class_name: str, properties: dict[str, PropertyMemberAst], report: Report
) -> None:
    """A method reads only what it assigns itself, and assigns a property only by ``$this``."""
    if member.body is None:
        return
    nodes = list(_below(member.body))
    own = {one.name.path.name.lower() for one in member.parameters}
    assigned = list(_assigned(nodes))
    for target in assigned:
        low = target.path.name.lower()
        if target.path.qualifier is None and low in properties and low not in own:
            missing = "MissingTypeInStaticPropertyAssignment" if properties[low].is_static else "MissingThis"
            report(target, missing, properties[low].name, class_name)
    known = own | {one.path.name.lower() for one in assigned} | set(_named_by_commands(nodes)) | _AUTOMATIC
    if not any(_changes_scope(one) for one in nodes):
        for name in _read_here(member.body):
            if name.path.qualifier is None and name.path.name.lower() not in known:
                report(name, "VariableNotLocal")


def _read_here(node: Ast) -> Iterator[VariableExpressionAst]:
    """Variables outside of nested script blocks, which see more than the method does."""
    for child in children(node):
        if type(child).__name__ in ("ScriptBlockExpressionAst", "FunctionDefinitionAst"):
            continue
        if isinstance(child, VariableExpressionAst):
            yield child
        yield from _read_here(child)
