"""``New-Module`` and ``Export-ModuleMember``: modules made of a block."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.table import CORE, ENGINE
from harness.twin.shell.errors import PSError, runtime_error
from harness.twin.shell.invocation import call_block, one_value
from harness.twin.shell.objects import ComputedProperty, PSHashtable, PSMethod, PSObject
from harness.twin.shell.regexes import matches_wildcard
from harness.twin.shell.runspace import Runspace
from harness.twin.shell.scope import Scope, Variable
from harness.twin.shell.scriptblock import Function, ScriptBlock
from harness.twin.shell.session import current
from harness.twin.shell.versions import Version

_EXPORTS: Final = "__exports"


@dataclass(slots=True)
class Exports:
    """What ``Export-ModuleMember`` named; nothing said means all functions."""

    said: bool = False
    functions: list[str] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)

    def names(self, patterns: list[str], known: Iterable[str]) -> list[str]:
        """The known names that fit."""
        return [name for name in known if any(matches_wildcard(pattern, name) for pattern in patterns)]


def _within(block: ScriptBlock, scope: Scope) -> ScriptBlock:
    """A block that sees its module's variables wherever it is called."""
    made = ScriptBlock(block.ast, lambda: block.body)
    made.closure = scope
    return made


@CORE.cmdlet(
    "New-Module",
    module=ENGINE,
    parameters=[
        Parameter("ScriptBlock", "scriptblock", position=0, mandatory=True),
        Parameter("Name", "string"),
        Parameter("Function", "string[]"),
        Parameter("Cmdlet", "string[]"),
        Parameter("ReturnResult", "switch"),
        Parameter("AsCustomObject", "switch"),
        Parameter("ArgumentList", "object[]", aliases=("Args",)),
    ],
)
def new_module(call: Call) -> Iterable[object]:
    """A module of a block: its functions become the session's, or the members of an object."""
    rs, block = call.rs, call.get("ScriptBlock")
    scope = Scope(rs.global_scope, "script")
    exports = Exports()
    output, functions = run_module(call, block, scope, exports)
    wanted = call.texts("Function") or (exports.functions if exports.said else ["*"])
    shown = exports.names(wanted, functions)
    variables = exports.names(exports.variables, [one.name for one in scope.vars.values()])
    if call.switch("AsCustomObject"):
        yield _custom_object(scope, [functions[name] for name in shown], variables)
        return
    publish(rs, {name: functions[name] for name in shown}, [scope.vars[name.lower()] for name in variables])
    if call.switch("ReturnResult"):
        yield from output
        return
    name = call.text("Name") or f"__DynamicModule_{uuid.uuid5(uuid.NAMESPACE_OID, block.text)}"
    rs.modules[name.lower()] = name
    made = PSObject.of_type(
        "System.Management.Automation.PSModuleInfo",
        {
            "Name": name,
            "ModuleType": "Script",
            "Version": Version(0, 0),
            "ExportedFunctions": PSHashtable([(one, one) for one in shown]),
            "ExportedVariables": PSHashtable([(one, one) for one in variables]),
        },
        text=name,
    )
    made.hidden = scope
    yield made


def run_module(
    call: Call, block: ScriptBlock, scope: Scope, exports: Exports
) -> tuple[list[object], dict[str, Function]]:
    """Run a module's text in the module's scope: what it gave, and the functions that it defined, by their names."""
    scope.vars[_EXPORTS] = Variable(_EXPORTS, exports)
    output = call_block(call.rs, block, call.get("ArgumentList") or [], scope, call.streams, new_scope=False)
    return output, {
        function.name: Function(function.name, _within(function.block, scope), function.is_filter)
        for function in (scope.functions or {}).values()
    }


def publish(rs: Runspace, functions: dict[str, Function], variables: list[Variable]) -> None:
    """Make functions and variables of a module visible in the session."""
    if rs.global_scope.functions is None:
        rs.global_scope.functions = {}
    for name, function in functions.items():
        rs.global_scope.functions[name.lower()] = Function(name, function.block, function.is_filter)
    for variable in variables:
        rs.global_scope.vars[variable.name.lower()] = variable


def _custom_object(scope: Scope, functions: list[Function], variables: list[str]) -> PSObject:
    made = PSObject()
    for name in variables:
        made.members[name.lower()] = _live(scope.vars[name.lower()])
    for function in functions:
        made.members[function.name.lower()] = _method(function)
    return made


def _live(variable: Variable) -> ComputedProperty:
    """A property that shows what a module's variable holds at the moment."""
    return ComputedProperty(
        variable.name, lambda _this: variable.value, lambda _this, new: setattr(variable, "value", new), "NoteProperty"
    )


def _method(function: Function) -> PSMethod:
    def run(_this: object, *arguments: object) -> object:
        rs = current()
        frame = rs.frames[-1] if rs.frames else rs.frame()
        return one_value(call_block(rs, function.block, list(arguments), frame.scope, frame.streams))

    return PSMethod(function.name, run, "ScriptMethod", f"System.Object {function.name}();")


@CORE.cmdlet(
    "Export-ModuleMember",
    module=ENGINE,
    parameters=[
        Parameter("Function", "string[]", position=0, pipeline=("value", "name"), allow_empty=True),
        Parameter("Cmdlet", "string[]", allow_empty=True),
        Parameter("Variable", "string[]"),
        Parameter("Alias", "string[]"),
    ],
)
def export_member(call: Call) -> None:
    """Says what of a module can be seen outside."""
    exports = call.scope.value(_EXPORTS)
    if not isinstance(exports, Exports):
        raise _outside()
    exports.said = True
    exports.functions += call.texts("Function")
    exports.variables += call.texts("Variable")


def _outside() -> PSError:
    return runtime_error(
        "The Export-ModuleMember cmdlet can only be called from inside a module.",
        "Modules_CanOnlyExecuteExportModuleMemberInsideAModule",
        "PermissionDenied",
        type_name="System.InvalidOperationException",
    )
