"""The syntax line of a command."""

from __future__ import annotations

from harness.twin.shell.binder import parameter_type
from harness.twin.shell.commands.api import CommandDeclaration, Parameter
from harness.twin.shell.scriptblock import Function

_SHORT = {
    "System.String": "string",
    "System.Int32": "int",
    "System.Int64": "long",
    "System.Boolean": "bool",
    "System.Object": "Object",
    "System.DateTime": "datetime",
    "System.Double": "double",
    "System.Management.Automation.ScriptBlock": "scriptblock",
    "System.Collections.Hashtable": "hashtable",
    "System.TimeSpan": "timespan",
}


def _type_text(kind: str) -> str:
    wanted = parameter_type(kind)
    if wanted.element is not None:
        return f"{_type_text(kind[:-2])}[]"
    return _SHORT.get(wanted.full_name, wanted.name)


def _one(parameter: Parameter, set_name: str) -> str:
    if parameter.kind == "switch":
        return f"-{parameter.name}" if parameter.mandatory else f"[-{parameter.name}]"
    name = f"-{parameter.name}"
    if parameter.position is not None:
        name = f"[{name}]"
    text = f"{name} <{_type_text(parameter.kind)}>"
    mandatory = set_name in parameter.mandatory_in if parameter.mandatory_in else parameter.mandatory
    return text if mandatory else f"[{text}]"


def syntax_text(target: Function | CommandDeclaration) -> str:
    """The line or lines of a command, one for each parameter set."""
    if isinstance(target, Function):
        parameters = [one.declaration for one in target.body.parameters]
        advanced = target.body.advanced
        should = target.body.should_process
        default = target.body.default_set
    else:
        parameters, advanced, should, default = list(target.parameters), True, target.should_process, target.default_set
    sets = list(dict.fromkeys(name for one in parameters for name in one.sets)) or [""]
    if default in sets:
        sets.remove(default)
        sets.insert(0, default)
    lines = []
    for name in sets:
        own = [one for one in parameters if not one.sets or name in one.sets]
        own.sort(key=lambda one: (one.position is None, one.position or 0))
        words = [target.name, *(_one(one, name) for one in own)]
        if should:
            words += ["[-WhatIf]", "[-Confirm]"]
        if advanced:
            words.append("[<CommonParameters>]")
        lines.append(" ".join(words))
    return "\r\n" + "\r\n\r\n".join(lines) + "\r\n"
