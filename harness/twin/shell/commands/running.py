"""``Invoke-Expression``, ``Invoke-Command``, ``Get-Command``, modules, ``Measure-Command``, ``Set-StrictMode``."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from harness.twin.shell.arguments import COMMON, SHOULD_PROCESS, Argument
from harness.twin.shell.binder import SWITCH, parameter_type
from harness.twin.shell.commands.api import Call, Command, CommandDeclaration, Parameter
from harness.twin.shell.commands.modulefiles import import_file, module_file
from harness.twin.shell.commands.syntax import syntax_text
from harness.twin.shell.commands.table import CORE, ENGINE, INPUT, UTILITY
from harness.twin.shell.compiler import compile_tree
from harness.twin.shell.errors import limitation
from harness.twin.shell.frame import Frame
from harness.twin.shell.invocation import BlockRunner
from harness.twin.shell.lookup import unknown_term
from harness.twin.shell.objects import NOTHING, NetList, PSHashtable, PSObject
from harness.twin.shell.parsefailure import parse_failure
from harness.twin.shell.parser import parse
from harness.twin.shell.processors import ScriptProcessor
from harness.twin.shell.regexes import has_wildcard, wildcard
from harness.twin.shell.scriptblock import Function, ScriptBlock
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import ENUMS
from harness.twin.shell.versions import Version

_TYPES = ENUMS["system.management.automation.commandtypes"]


@CORE.cmdlet(
    "Invoke-Expression",
    module=UTILITY,
    parameters=[Parameter("Command", "string", position=0, mandatory=True, pipeline="value")],
)
def invoke_expression(call: Call) -> None:
    """Runs a text in the current scope."""
    result = parse(call.text("Command"))
    if result.errors:
        raise parse_failure(result, "Invoke-Expression", "Microsoft.PowerShell.Commands.InvokeExpressionCommand")
    call.rs.use(result.script)
    body = compile_tree(result.script).body
    frame = Frame(call.rs, call.scope, call.out, call.streams, result.source, "<ScriptBlock>")
    call.rs.frames.append(frame)
    try:
        for run in (body.begin, body.process, body.end):
            if run is not None:
                run(frame)
    finally:
        call.rs.frames.pop()
    call.failed = not call.rs.ok


@CORE.cmdlet(
    "Invoke-Command",
    module=ENGINE,
    parameters=[
        Parameter("ScriptBlock", "scriptblock", position=0, mandatory=True, sets=("InProcess",), aliases=("Command",)),
        Parameter("ArgumentList", "object[]", aliases=("Args",)),
        Parameter("InputObject", "object", pipeline="value"),
        Parameter("NoNewScope", "switch", sets=("InProcess",)),
        Parameter("ComputerName", "string[]", sets=("ComputerName",), mandatory=True, aliases=("Cn",)),
        Parameter("Session", "object[]", sets=("Session",), mandatory=True),
        Parameter("Credential", "object", sets=("ComputerName",)),
        Parameter("Authentication", "string", sets=("ComputerName",)),
        Parameter("ThrottleLimit", "int", sets=("ComputerName", "Session")),
        Parameter("HideComputerName", "switch"),
    ],
    default_set="InProcess",
)
class InvokeCommand(Command):
    """Runs a block here. Other machines are the domain's own Invoke-Command."""

    def begin(self) -> None:
        call = self.call
        if call.has("ComputerName") or call.has("Session"):
            raise limitation("Invoke-Command on another machine")
        block: ScriptBlock = call.get("ScriptBlock")
        arguments = [Argument(None, one, None, None) for one in call.get("ArgumentList") or []]
        self.inner = ScriptProcessor(call.rs, block, "", call.scope, call.streams, arguments)
        self.inner.new_scope = not call.switch("NoNewScope")
        self.inner.out = call.out
        self.inner.begin(call.expecting_input)

    def process(self, item: object) -> None:
        self.inner.process(item)

    def end(self) -> None:
        self.inner.end()
        self.inner.close()


@CORE.cmdlet(
    "Measure-Command",
    module=UTILITY,
    parameters=[INPUT, Parameter("Expression", "scriptblock", position=0, mandatory=True)],
)
class MeasureCommand(Command):
    """How long a block takes in lab time."""

    def begin(self) -> None:
        call = self.call
        self.start = call.rs.host.now()
        self.runner = BlockRunner(call.rs, call.get("Expression"), call.scope, lambda _value: None, call.streams)

    def process(self, item: object) -> None:
        self.runner.run(None if item is NOTHING else item)

    def end(self) -> None:
        span: timedelta = self.call.rs.host.now() - self.start
        self.call.emit(span)


@CORE.cmdlet(
    "Set-StrictMode",
    module=ENGINE,
    parameters=[
        Parameter("Version", "string", aliases=("v",), sets=("Version",), mandatory=True),
        Parameter("Off", "switch", sets=("Off",), mandatory=True),
    ],
    default_set="Version",
)
def set_strict_mode(call: Call) -> None:
    """Strict mode of the current scope."""
    text = call.text("Version").lower()
    if text and text != "latest" and not text.replace(".", "").isdecimal():
        raise call.fail(
            f"Cannot process argument transformation on parameter 'Version'. Cannot convert value \"{text}\" to type "
            '"System.Version".',
            "ParameterArgumentTransformationError",
            "InvalidData",
            exception="System.Management.Automation.ParameterBindingArgumentTransformationException",
        )
    call.scope.strict = 0 if call.switch("Off") else 3 if text == "latest" else int(text.split(".")[0])


# ------------------------------------------------------------------------------------------------------- Get-Command


def _metadata(parameter: Parameter) -> PSObject:
    """What ``Parameters`` of a command holds."""
    kind = parameter_type(parameter.kind)
    return PSObject.of_type(
        "System.Management.Automation.ParameterMetadata",
        {
            "Name": parameter.name,
            "ParameterType": kind,
            "ParameterSets": PSHashtable([(name, None) for name in parameter.sets or ("__AllParameterSets",)]),
            "IsDynamic": False,
            "Aliases": NetList(parameter.aliases, "System.Collections.ObjectModel.Collection`1[System.String]"),
            "Attributes": [],
            "SwitchParameter": parameter.kind == SWITCH,
        },
    )


def command_object(target: Function | CommandDeclaration, alias: str = "") -> PSObject:
    """What ``Get-Command`` gives."""
    if alias:
        kind, name, source = "Alias", alias, ""
    elif isinstance(target, Function):
        kind, name, source = "Filter" if target.is_filter else "Function", target.name, ""
    else:
        kind, name, source = "Cmdlet", target.name, target.module
    names = (f"System.Management.Automation.{kind}Info", "System.Management.Automation.CommandInfo", "System.Object")
    parameters = PSHashtable()
    declared = target.body.parameters if isinstance(target, Function) else ()
    for one in (
        [parameter.declaration for parameter in declared] if isinstance(target, Function) else list(target.parameters)
    ):
        parameters[one.name] = _metadata(one)
    if not isinstance(target, Function) or target.body.advanced:
        should = target.body.should_process if isinstance(target, Function) else target.should_process
        for one in (*COMMON, *(SHOULD_PROCESS if should else ())):
            parameters[one.name] = _metadata(one)
    definition = target.name if alias else target.block.text if isinstance(target, Function) else target.name
    properties: dict[str, object] = {
        "Name": name,
        "CommandType": _TYPES(kind),
        "Definition": definition,
        "Version": Version(3, 1, 0, 0) if kind == "Cmdlet" else None,
        "Source": source,
        "ModuleName": source,
        "Parameters": parameters,
    }
    verb, dash, noun = target.name.partition("-")
    if kind != "Alias":
        properties |= {"Verb": verb if dash else "", "Noun": noun}
    if kind in ("Function", "Filter") and isinstance(target, Function):
        properties |= {"ScriptBlock": target.block, "CmdletBinding": target.body.advanced}
    if alias:
        inner = command_object(target)
        properties |= {
            "DisplayName": f"{alias} -> {target.name}",
            "ReferencedCommand": inner,
            "ResolvedCommand": inner,
            "ResolvedCommandName": target.name,
        }
    made = PSObject.of_type(names, properties, text=name)
    made.hidden = target
    return made


def _lookup(call: Call, name: str) -> list[PSObject]:
    scope, table = call.scope, call.rs.commands
    if not has_wildcard(name):
        own = scope.find_alias(name.lower())
        alias = table.find_alias(name) if own is None else own
        if alias:
            inner = _lookup(call, alias)
            target = inner[0].hidden if inner else None
            return [command_object(target, name)] if isinstance(target, Function | CommandDeclaration) else []
        function = scope.find_function(name.lower())
        if function is not None:
            return [command_object(function)]
        declaration = table.find(name)
        return [command_object(declaration)] if declaration is not None else []
    pattern = wildcard(name)
    found = []
    for one in scope.chain():
        found += [
            command_object(function) for function in (one.functions or {}).values() if pattern.match(function.name)
        ]
    declared = sorted(table.all_commands(), key=lambda one: one.name.lower())
    found += [command_object(one) for one in declared if pattern.match(one.name)]
    return found


def _named(call: Call, name: str) -> bool:
    """Whether the parts of a name are what ``-Verb`` and ``-Noun`` ask for."""
    verb, dash, noun = name.partition("-")
    for parameter, part in (("Verb", verb), ("Noun", noun)):
        patterns = call.texts(parameter)
        if patterns and not (dash and any(wildcard(one).match(part) for one in patterns)):
            return False
    return True


def _missing(call: Call, name: str) -> None:
    call.write_error(
        call.record(
            unknown_term(name),
            "CommandNotFoundException",
            "ObjectNotFound",
            name,
            "System.Management.Automation.CommandNotFoundException",
        )
    )


@CORE.cmdlet(
    "Get-Command",
    module=ENGINE,
    parameters=[
        Parameter("Name", "string[]", position=0, pipeline=("value", "name")),
        Parameter("CommandType", "System.Management.Automation.CommandTypes", aliases=("Type",)),
        Parameter("Verb", "string[]"),
        Parameter("Noun", "string[]"),
        Parameter("Module", "string[]"),
        Parameter("Syntax", "switch"),
        Parameter("All", "switch"),
        Parameter("ListImported", "switch"),
        Parameter("TotalCount", "int"),
    ],
)
def get_command(call: Call) -> Iterable[object]:
    """The commands of a name."""
    wanted = call.get("CommandType")
    for name in call.texts("Name") or ["*"]:
        found = _lookup(call, name)
        modules = [one.lower() for one in call.texts("Module")]
        if modules:
            found = [one for one in found if to_text(one.get("Source")).lower() in modules]
        found = [one for one in found if _named(call, to_text(one.get("Name")))]
        if wanted is not None:
            found = [one for one in found if one.get("CommandType").value & wanted.value]  # type: ignore[attr-defined]
        if not found and not has_wildcard(name):
            _missing(call, name)
        for one in found:
            if call.switch("Syntax"):
                target = one.hidden
                yield syntax_text(target) if isinstance(target, Function | CommandDeclaration) else ""
            else:
                yield one


# ------------------------------------------------------------------------------------------------------------ modules

_MODULE: Final = [
    Parameter("Name", "string[]", position=0, pipeline="value", mandatory=True),
    Parameter("Force", "switch"),
    Parameter("DisableNameChecking", "switch"),
    Parameter("PassThru", "switch"),
    Parameter("Global", "switch"),
    Parameter("Scope", "string"),
    Parameter("MinimumVersion", "version", aliases=("Version",)),
    Parameter("RequiredVersion", "version"),
    Parameter("SkipEditionCheck", "switch"),
    Parameter("Function", "string[]"),
    Parameter("Cmdlet", "string[]"),
    Parameter("Prefix", "string"),
    Parameter("NoClobber", "switch"),
    Parameter("ArgumentList", "object[]", aliases=("Args",)),
    Parameter("MaximumVersion", "string"),
    Parameter("Variable", "string[]"),
    Parameter("Alias", "string[]"),
    Parameter("UseWindowsPowerShell", "switch"),
]


def known_modules(call: Call) -> dict[str, str]:
    """Modules that the machine's commands come from, by lower-case name."""
    return {one.module.lower(): one.module for one in call.rs.commands.all_commands() if one.module}


@CORE.cmdlet("Import-Module", module=ENGINE, parameters=_MODULE)
def import_module(call: Call) -> Iterable[object]:
    """The commands of a known module are there already; an unknown module is an error."""
    known = known_modules(call)
    for name in call.texts("Name"):
        low = name.lower()
        if low not in known:
            path = module_file(call, name)
            if path:
                yield from import_file(call, path)
                continue
            call.write_error(
                f"The specified module '{name}' was not loaded because no valid module file was found in any "
                "module directory.",
                "Modules_ModuleNotFound",
                "ResourceUnavailable",
                name,
                "System.IO.FileNotFoundException",
            )
            continue
        call.rs.modules[low] = known[low]
        if call.switch("PassThru"):
            yield PSObject.of_type(
                "System.Management.Automation.PSModuleInfo", {"Name": known[low], "Version": Version(1, 0, 0, 0)}
            )


@CORE.cmdlet(
    "Get-Module",
    module=ENGINE,
    parameters=[
        Parameter("Name", "string[]", position=0, pipeline="value"),
        Parameter("ListAvailable", "switch"),
        Parameter("All", "switch"),
        Parameter("Refresh", "switch"),
    ],
)
def get_module(call: Call) -> Iterable[object]:
    """Modules that are loaded, or that exist."""
    source = known_modules(call) if call.switch("ListAvailable") else call.rs.modules
    patterns = [wildcard(one) for one in call.texts("Name") or ["*"]]
    for name in sorted(source.values()):
        if any(pattern.match(name) for pattern in patterns):
            yield PSObject.of_type(
                "System.Management.Automation.PSModuleInfo", {"Name": name, "Version": Version(1, 0, 0, 0)}, text=name
            )


@CORE.cmdlet(
    "Remove-Module",
    module=ENGINE,
    parameters=[
        Parameter("Name", "string[]", position=0, mandatory=True, pipeline="value"),
        Parameter("Force", "switch"),
    ],
)
def remove_module(call: Call) -> None:
    """Forgets a loaded module."""
    for name in call.texts("Name"):
        if call.rs.modules.pop(name.lower(), None) is None:
            call.write_error(
                "No modules were removed. Verify that the specification of modules to remove is correct and those "
                "modules exist in the runspace.",
                "Modules_NoModulesRemoved",
                "ResourceUnavailable",
                None,
                "System.InvalidOperationException",
            )
