"""How functions bind: their signature, conversion of arguments, defaults, common parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.twin.shell.arguments import Argument, BindingErrors
from harness.twin.shell.binder import SWITCH, Binding, Coerce, Signature, cmdlet_coerce
from harness.twin.shell.commands.api import Parameter
from harness.twin.shell.conversion import convert, to_bool
from harness.twin.shell.errors import PSError
from harness.twin.shell.frame import Frame, Sink
from harness.twin.shell.invocation import call_block, one_value
from harness.twin.shell.objects import NOTHING, PSHashtable, Reference
from harness.twin.shell.regexes import matches_wildcard
from harness.twin.shell.scope import Scope, Variable
from harness.twin.shell.scriptblock import Body, ScriptBlock, ScriptParameter
from harness.twin.shell.switches import Switch
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import ENUMS, TypeRef, is_null
from harness.twin.shell.validation import ValidationError, check_emptiness

_ACTIONS: Final = ENUMS["system.management.automation.actionpreference"]


def signature_of(body: Body) -> Signature:
    """The signature of a script block, made once."""
    if body.signature is None:
        declared = [parameter.declaration for parameter in body.parameters]
        body.signature = Signature(declared, body.default_set, body.should_process, common=body.advanced)
    found: Signature = body.signature
    return found


def _bool_argument(value: object) -> bool:
    if isinstance(value, str) or is_null(value):
        raise ValidationError(
            f'Cannot convert value "{to_text(value) if not is_null(value) else ""}" to type "System.Boolean". '
            "Boolean parameters "
            "accept only Boolean values and numbers, such as $True, $False, 1 or 0."
        )
    return to_bool(value)


def _transform(wanted: TypeRef, value: object, argument: Argument | None, frame: Frame) -> object:
    name = wanted.full_name
    if name == "System.Boolean":
        return _bool_argument(value)
    if name == "System.Management.Automation.PSReference":
        if not isinstance(value, Reference):
            raise ValidationError("Reference type is expected in argument.")
        return value
    if name == "System.String" and argument is not None and argument.text is not None and not isinstance(value, list):
        return argument.text
    if wanted.of_class:
        from harness.twin.shell.classes import cast_to_class

        return cast_to_class(frame, value, wanted)
    return convert(value, wanted)


def function_coerce(errors: BindingErrors, body: Body, frame: Frame) -> Coerce:
    """How functions convert and check: the type constraint first, then the validations."""
    common = cmdlet_coerce(errors)

    def coerce(parameter: Parameter, value: object, argument: Argument | None) -> object:
        own = body.by_name.get(parameter.name.lower())
        if own is None:
            return common(parameter, value, argument)
        extent = argument.extent if argument is not None else None
        if value is NOTHING:
            value = None
        if parameter.kind == SWITCH:
            return Switch(to_bool(value))
        if own.type is not None:
            try:
                value = _transform(own.type, value, argument, frame)
            except (PSError, ValidationError) as fault:
                inner = fault.record.exception if isinstance(fault, PSError) else None
                reason = fault.record.message if isinstance(fault, PSError) else str(fault)
                raise errors.make(
                    f"Cannot process argument transformation on parameter '{parameter.name}'. {reason}",
                    "ParameterArgumentTransformationError",
                    "InvalidData",
                    "ParameterBindingArgumentTransformationException",
                    extent,
                    inner=inner,
                ) from None
        if parameter.mandatory or parameter.mandatory_in:
            check_emptiness(parameter, value, errors, extent)
        for make in own.checks:
            check: Callable[[object], None] = make(frame)
            try:
                check(value)
            except ValidationError as fault:
                raise errors.invalid(parameter.name, str(fault), extent) from None
            except PSError as error:
                raise errors.invalid(parameter.name, error.record.message, extent, error.record.exception) from None
        return value

    return coerce


def apply_defaults(frame: Frame, body: Body, binding: Binding, only_pipeline: bool = False) -> None:
    """Set the variables of the parameters: what was bound, else the default."""
    scope = frame.scope
    for parameter in body.parameters:
        declaration = parameter.declaration
        if only_pipeline and (declaration.name in binding.bound or not declaration.pipeline):
            continue
        low = declaration.name.lower()
        scope.vars.pop(low, None)
        if declaration.name in binding.bound:
            value = binding.bound[declaration.name]
        elif parameter.default is not None:
            value = parameter.default(frame)
            value = None if value is NOTHING else value
            if parameter.type is not None and not is_null(value):
                value = convert(value, parameter.type)
        else:
            value = _absent(parameter)
        variable = Variable(declaration.name, value)
        variable.type = parameter.type if parameter.type is not None and declaration.kind != SWITCH else None
        if parameter.type is not None and parameter.type.is_class:
            variable.type = None
        if parameter.checks and declaration.name in binding.bound:
            from harness.twin.shell.compiler.assignments import variable_checks

            variable.checks = variable_checks(frame, declaration.name, parameter.checks)
        scope.vars[low] = variable


def _absent(parameter: ScriptParameter) -> object:
    wanted = parameter.type
    if parameter.declaration.kind == SWITCH:
        return Switch(False)
    if wanted is None or wanted.element is not None or wanted.enum is not None:
        return None
    if wanted.full_name == "System.String":
        return ""
    if wanted.full_name == "System.Boolean":
        return False
    if wanted.full_name in _NUMBERS:
        return convert(0, wanted)
    return None


_NUMBERS: Final = frozenset(
    f"System.{name}"
    for name in (
        "Int32",
        "Int64",
        "Int16",
        "Byte",
        "SByte",
        "UInt16",
        "UInt32",
        "UInt64",
        "Double",
        "Single",
        "Decimal",
    )
)


def bind_defaults(frame: Frame, name: str, signature: Signature, coerce: Coerce) -> Callable[[Binding], None] | None:
    """What ``$PSDefaultParameterValues`` says about a command; ``None`` when it is empty."""
    table = frame.scope.value("psdefaultparametervalues")
    if not isinstance(table, PSHashtable) or not len(table):
        return None
    pairs = table

    def apply(binding: Binding) -> None:
        for key, value in pairs.items():
            command, _, parameter_name = to_text(key).rpartition(":")
            parameter = signature.by_name.get(parameter_name.strip().lower())
            if parameter is None or parameter.name in binding.bound or not matches_wildcard(command.strip(), name):
                continue
            if isinstance(value, ScriptBlock):
                value = one_value(call_block(frame.rs, value, [], frame.scope, frame.streams))
            if parameter.name in signature.common_names:
                binding.common.setdefault(parameter.name.lower(), coerce(parameter, value, None))
            else:
                binding.bound[parameter.name] = coerce(parameter, value, None)

    return apply


def _tee(target: list[object], sink: Sink) -> Sink:
    def both(record: object) -> None:
        target.append(record)
        sink(record)

    return both


def apply_actions(actions: dict[str, object], scope: Scope, frame: Frame, caller: Scope) -> None:
    """Common parameters of a function: preferences of its scope, and lists that listen to its streams."""
    preferences = {
        "erroraction": "ErrorActionPreference",
        "warningaction": "WarningPreference",
        "informationaction": "InformationPreference",
    }
    for name, variable in preferences.items():
        level = actions.get(name)
        if isinstance(level, int):
            scope.put(variable, _ACTIONS(level))
    for name, variable in (("verbose", "VerbosePreference"), ("debug", "DebugPreference")):
        if name in actions:
            scope.put(variable, _ACTIONS(2 if to_bool(actions[name]) else 0))
    if "whatif" in actions:
        scope.put("WhatIfPreference", to_bool(actions["whatif"]))
    if "confirm" in actions:
        scope.put("ConfirmPreference", "Low" if to_bool(actions["confirm"]) else "None")
    for name in ("error", "warning", "information"):
        target = actions.get(f"{name}variable")
        if isinstance(target, list):
            scope.put(f"__{name}variable", target)
    kept = actions.get("outvariable")
    if isinstance(kept, list):
        frame.out = _tee(kept, frame.out)
    following = actions.get("pipelinevariable")
    if following:
        follow, wanted = frame.out, str(following)

        def named(value: object) -> None:
            caller.put(wanted, value)
            follow(value)

        frame.out = named
