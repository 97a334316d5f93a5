"""Functions, parameters and script bodies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.twin.shell.ast import (
    AttributeAst,
    AttributeBaseAst,
    ConstantExpressionAst,
    DataStatementAst,
    FunctionDefinitionAst,
    NamedBlockAst,
    ParamBlockAst,
    ParameterAst,
    ScriptBlockAst,
    ScriptBlockExpressionAst,
    StringConstantExpressionAst,
    TypeConstraintAst,
    UsingStatementAst,
    VariableExpressionAst,
)
from harness.twin.shell.commands.api import Parameter
from harness.twin.shell.compiler.core import Compiler, statement, void
from harness.twin.shell.compiler.typenames import resolve_or_none
from harness.twin.shell.conversion import to_bool
from harness.twin.shell.errors import runtime_error
from harness.twin.shell.frame import Frame, Streams
from harness.twin.shell.invocation import one_value, value_runner
from harness.twin.shell.objects import NOTHING
from harness.twin.shell.scope import Alias, Scope
from harness.twin.shell.scriptblock import Body, Function, Run, ScriptParameter
from harness.twin.shell.text import to_text
from harness.twin.shell.validation import (
    ValidationError,
    check_count,
    check_length,
    check_not_null,
    check_pattern,
    check_range,
    check_set,
)

Check = Callable[[object], None]
CheckMaker = Callable[[Frame], Check]


@statement(FunctionDefinitionAst)
def function_definition(compiler: Compiler, node: FunctionDefinitionAst) -> Run:
    """``function`` and ``filter``: defined in the scope that runs the statement."""
    block = compiler.script_block(node.body, node.parameters, node.is_filter)
    scope_name, _, rest = node.name.rpartition(":")
    name = rest if scope_name.lower() in ("global", "script", "local", "private") else node.name
    if node.is_workflow:
        refuse = compiler.unsupported(node)
        return lambda frame: void(refuse(frame))
    also = _other_names(compiler, node)

    def run(frame: Frame) -> None:
        scope = frame.scope
        if scope_name.lower() in ("global", "script"):
            scope = scope.outer(scope_name.lower())
        if scope.functions is None:
            scope.functions = {}
        scope.functions[name.lower()] = Function(name, block, node.is_filter)
        if also and scope.aliases is None:
            scope.aliases = {}
        for one in also:
            scope.aliases[one.lower()] = Alias(name, one)  # type: ignore[index]

    return run


def _other_names(compiler: Compiler, node: FunctionDefinitionAst) -> list[str]:
    """The aliases that a function declares for itself."""
    block = node.body.param_block
    found = [one for one in block.attributes if _is_alias(one)] if block is not None else []
    return [to_text(_literal(compiler, name)) for one in found for name in one.positional_arguments]


def _is_alias(attribute: AttributeAst) -> bool:
    return attribute.type_name.full_name.lower().removesuffix("attribute") == "alias"


@statement(DataStatementAst)
def data_section(compiler: Compiler, node: DataStatementAst) -> Run:
    """``data name { … }``: what the section gives becomes a variable, or output when it has no name.

    Which commands and operators may stand there is the parser's matter.
    """
    run = compiler.block(node.body)
    if node.variable is None:
        return run
    name, captured = node.variable, compiler.captured(run)

    def assign(frame: Frame) -> None:
        value = captured(frame)
        frame.scope.assign(name, None if value is NOTHING else value)

    return assign


@statement(UsingStatementAst)
def using_statement(_compiler: Compiler, _node: UsingStatementAst) -> Run:
    """``using namespace``: names are found without it."""
    return lambda _frame: None


def compile_body(
    compiler: Compiler, node: ScriptBlockAst, parameters: tuple[ParameterAst, ...] | None, is_filter: bool
) -> Body:
    """The compiled body of a script block."""
    declared = node.param_block.parameters if node.param_block is not None else parameters or ()
    body = Body(node)
    if node.param_block is not None:
        _read_binding(compiler, node.param_block, body)
    body.parameters = tuple(_parameter(compiler, one, at, declared, body) for at, one in enumerate(declared))
    if any(_attribute(one, "parameter") is not None for one in declared):
        body.advanced = True
    body.by_name = {one.declaration.name.lower(): one for one in body.parameters}
    body.begin = _part(compiler, node.begin_block)
    body.process = _part(compiler, node.process_block)
    body.end = _part(compiler, node.end_block)
    if is_filter and body.process is None:
        body.process, body.end = body.end, None
    if node.dynamic_param_block is not None:
        refuse = compiler.unsupported(node.dynamic_param_block)
        body.begin = lambda frame: void(refuse(frame))
    return body


def _part(compiler: Compiler, block: NamedBlockAst | None) -> Run | None:
    return compiler.block(block) if block is not None else None


def _read_binding(compiler: Compiler, block: ParamBlockAst, body: Body) -> None:
    for attribute in block.attributes:
        if attribute.type_name.full_name.lower().removesuffix("attribute") != "cmdletbinding":
            continue
        body.advanced = True
        for named in attribute.named_arguments:
            low = named.name.lower()
            value = _literal(compiler, named.argument) if named.argument is not None else True
            if low == "defaultparametersetname":
                body.default_set = to_text(value)
            elif low == "supportsshouldprocess":
                body.should_process = to_bool(value)
            elif low == "confirmimpact":
                body.confirm_impact = to_text(value)
            elif low == "positionalbinding":
                body.positional_binding = to_bool(value)


def _literal(compiler: Compiler, node: Any) -> object:
    """The value of an attribute's argument."""
    if isinstance(node, ConstantExpressionAst | StringConstantExpressionAst):
        return node.value
    if isinstance(node, VariableExpressionAst):
        return {"true": True, "false": False, "null": None}.get(node.path.name.lower())
    evaluate = compiler.expr(node)

    def drop(_item: object) -> None:
        return None

    nowhere: Any = None
    return evaluate(Frame(nowhere, Scope(None), drop, Streams(*[drop] * 6), compiler.source))


def _attribute(node: ParameterAst, name: str) -> AttributeAst | None:
    for attribute in node.attributes:
        if (
            isinstance(attribute, AttributeAst)
            and attribute.type_name.full_name.lower().removesuffix("attribute").rpartition(".")[2] == name
        ):
            return attribute
    return None


def _parameter(
    compiler: Compiler, node: ParameterAst, index: int, declared: tuple[ParameterAst, ...], body: Body
) -> ScriptParameter:
    name = node.name.path.name
    constraint = next((one for one in node.attributes if isinstance(one, TypeConstraintAst)), None)
    wanted = resolve_or_none(constraint.type_name, None) if constraint is not None else None
    kind = wanted.full_name if wanted is not None else "object"
    if kind == "System.Management.Automation.SwitchParameter":
        kind = "switch"
    settings = _settings(compiler, node)
    explicit = any(_position(compiler, one) is not None for one in declared)
    position = settings["position"]
    if position is None and not explicit and body.positional_binding and kind != "switch":
        position = index
    allow = {name for name in ("allownull", "allowemptystring", "allowemptycollection") if _attribute(node, name)}
    declaration = Parameter(
        name,
        kind,
        position,
        settings["mandatory"],
        tuple(settings["pipeline"]),
        tuple(settings["aliases"]),
        tuple(settings["sets"]),
        allow_null="allownull" in allow,
        allow_empty=bool(allow & {"allowemptystring", "allowemptycollection"}),
        remaining=settings["remaining"],
        mandatory_in=tuple(settings["mandatory_in"]),
    )
    default = compiler.expr(node.default_value) if node.default_value is not None else None
    checks = attribute_checks(compiler, node.attributes)
    if constraint is not None and wanted is None:
        return ScriptParameter(declaration, default, _late_type(constraint), checks)
    return ScriptParameter(declaration, default, wanted, checks)


def _late_type(constraint: TypeConstraintAst) -> Any:
    """A class of the script: known only when it runs."""
    from harness.twin.shell.classes import LateType

    return LateType(constraint.type_name)


def _position(compiler: Compiler, node: ParameterAst) -> object:
    for attribute in node.attributes:
        if (
            isinstance(attribute, AttributeAst)
            and attribute.type_name.full_name.lower().removesuffix("attribute") == "parameter"
        ):
            for named in attribute.named_arguments:
                if named.name.lower() == "position" and named.argument is not None:
                    return _literal(compiler, named.argument)
    return None


def _settings(compiler: Compiler, node: ParameterAst) -> dict[str, Any]:
    found: dict[str, Any] = {
        "position": None,
        "mandatory": False,
        "pipeline": [],
        "aliases": [],
        "sets": [],
        "remaining": False,
        "mandatory_in": [],
    }
    for attribute in node.attributes:
        if not isinstance(attribute, AttributeAst):
            continue
        kind = attribute.type_name.full_name.lower().removesuffix("attribute")
        if kind == "alias":
            found["aliases"] += [to_text(_literal(compiler, one)) for one in attribute.positional_arguments]
        elif kind == "parameter":
            _read_parameter(compiler, attribute, found)
    return found


def _read_parameter(compiler: Compiler, attribute: AttributeAst, found: dict[str, Any]) -> None:
    values = {
        named.name.lower(): _literal(compiler, named.argument) if named.argument is not None else True
        for named in attribute.named_arguments
    }
    own_set = to_text(values.get("parametersetname")) if "parametersetname" in values else ""
    if own_set and own_set != "__AllParameterSets":
        found["sets"].append(own_set)
    if to_bool(values.get("mandatory")):
        found["mandatory"] = True
        if own_set:
            found["mandatory_in"].append(own_set)
    if "position" in values:
        found["position"] = values["position"]
    if to_bool(values.get("valuefrompipeline")):
        found["pipeline"].append("value")
    if to_bool(values.get("valuefrompipelinebypropertyname")):
        found["pipeline"].append("name")
    if to_bool(values.get("valuefromremainingarguments")):
        found["remaining"] = True


# --------------------------------------------------------------------------------------------------------- validations


def attribute_checks(compiler: Compiler, attributes: tuple[AttributeBaseAst, ...]) -> tuple[CheckMaker, ...]:
    """The validations among the attributes, each made for a frame."""
    made = []
    for attribute in attributes:
        if isinstance(attribute, AttributeAst):
            check = _check(compiler, attribute)
            if check is not None:
                made.append(check)
    return tuple(made)


def _check(compiler: Compiler, attribute: AttributeAst) -> CheckMaker | None:
    kind = attribute.type_name.full_name.lower().removesuffix("attribute").rpartition(".")[2]
    if not kind.startswith("validate"):
        return None
    if kind == "validatescript":
        return _script_check(compiler, attribute)
    values: list[Any] = [_literal(compiler, one) for one in attribute.positional_arguments]
    named = {
        one.name.lower(): _literal(compiler, one.argument) if one.argument else True
        for one in attribute.named_arguments
    }
    if kind == "validateset":
        allowed = tuple(to_text(one) for one in values)
        ignore = to_bool(named.get("ignorecase", True))
        return lambda _frame: lambda value: check_set(value, allowed, ignore)
    if kind == "validaterange":
        return lambda _frame: lambda value: check_range(value, values[0], values[1])
    if kind == "validatepattern":
        return lambda _frame: lambda value: check_pattern(value, to_text(values[0]))
    if kind == "validatelength":
        return lambda _frame: lambda value: check_length(value, values[0], values[1])
    if kind == "validatecount":
        return lambda _frame: lambda value: check_count(value, values[0], values[1])
    if kind in ("validatenotnull", "validatenotnullorempty"):
        return lambda _frame: lambda value: check_not_null(value, kind.endswith("empty"))
    return None


def _script_check(compiler: Compiler, attribute: AttributeAst) -> CheckMaker | None:
    argument = attribute.positional_arguments[0] if attribute.positional_arguments else None
    if not isinstance(argument, ScriptBlockExpressionAst):
        return None
    block = compiler.script_block(argument.script_block)

    def make(frame: Frame) -> Check:
        def check(value: object) -> None:
            for item in value if isinstance(value, list) else [value]:
                before = frame.rs.propagate
                frame.rs.propagate = True
                try:
                    found = one_value(value_runner(frame.rs, block, frame.scope, frame.streams)(item))
                finally:
                    frame.rs.propagate = before
                if not to_bool(found):
                    raise ValidationError(
                        f'The "{block.text}" validation script for the argument with value "{to_text(item)}" did '
                        "not return "
                        "a result of True. Determine why the validation script failed, and then try the command again."
                    )

        return check

    return make


__all__ = ["attribute_checks", "compile_body", "runtime_error"]
