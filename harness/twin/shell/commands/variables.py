"""``Get-Variable`` and its siblings, aliases."""

from __future__ import annotations

import re
from collections.abc import Iterable

from harness.twin.shell.commands.aliases import READ_ONLY
from harness.twin.shell.commands.api import Call, Command, Parameter
from harness.twin.shell.commands.table import CORE, UTILITY
from harness.twin.shell.conversion import to_enum
from harness.twin.shell.dotnet.enums import VISIBILITY
from harness.twin.shell.errors import PSError
from harness.twin.shell.objects import NOTHING, ComputedProperty, NetList, NoteProperty, PSEnum, PSObject
from harness.twin.shell.regexes import has_wildcard, wildcard
from harness.twin.shell.scope import Alias, Scope, Variable
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import ENUMS

_TYPES = ENUMS["system.management.automation.commandtypes"]
_OPTIONS = ENUMS["system.management.automation.scopeditemoptions"]
_ATTRIBUTES = "System.Management.Automation.PSVariableAttributeCollection"
_SESSION = "System.Management.Automation.SessionStateUnauthorizedAccessException"


def variable_object(variable: Variable) -> PSObject:
    """``PSVariable``."""
    made = PSObject.of_type(("System.Management.Automation.PSVariable", "System.Object"), {"Name": variable.name})
    made.members["description"] = NoteProperty("Description", variable.description)
    made.members["value"] = ComputedProperty(
        "Value", lambda _this: variable.value, lambda _this, new: setattr(variable, "value", new), "Property"
    )
    made.members["visibility"] = NoteProperty("Visibility", VISIBILITY("Public"))
    made.members["module"] = NoteProperty("Module", None)
    made.members["modulename"] = NoteProperty("ModuleName", "")
    made.members["options"] = NoteProperty("Options", to_enum(", ".join(variable.options) or "None", _OPTIONS))
    made.members["attributes"] = NoteProperty("Attributes", NetList((), _ATTRIBUTES))
    return made


def scope_of(call: Call, name: str) -> Scope:
    """The scope of a ``-Scope`` argument. Raises ``PSError`` for a number too large."""
    low = name.lower()
    if low in ("", "local", "private"):
        found: Scope = call.scope
        return found
    if low in ("global", "script"):
        outer: Scope = call.scope.outer(low)
        return outer
    if not re.fullmatch(r"[+-]?\d+", low):
        raise call.fail(
            'Cannot process argument because the value of argument "scopeID" is not valid. Valid values are "Global", '
            '"Local", or "Script", or a number relative to the current scope (0 through the number of scopes where 0 '
            'is the current scope and 1 is its parent). Change the value of the "scopeID" argument and run the '
            "operation again.",
            "Argument",
            "InvalidArgument",
            None,
            "System.Management.Automation.PSArgumentException",
        )
    steps = int(low)
    chosen: Scope | None = call.scope.ancestor(steps) if steps >= 0 else None
    if chosen is None:
        raise call.fail(
            f"The scope number '{name}' exceeds the number of active scopes.\r\nParameter name: Scope\r\nActual "
            f"value was {name}.",
            "ArgumentOutOfRange",
            "InvalidArgument",
            None,
            "System.Management.Automation.PSArgumentOutOfRangeException",
        )
    return chosen


@CORE.cmdlet(
    "Get-Variable",
    module=UTILITY,
    parameters=[
        Parameter("Name", "string[]", position=0, pipeline=("value", "name")),
        Parameter("ValueOnly", "switch"),
        Parameter("Include", "string[]"),
        Parameter("Exclude", "string[]"),
        Parameter("Scope", "string"),
    ],
)
def get_variable(call: Call) -> Iterable[object]:
    """Variables by name or pattern."""
    scoped = call.has("Scope")
    table = scope_of(call, call.text("Scope")).vars if scoped else call.scope.visible()
    for name in call.texts("Name") or ["*"]:
        if has_wildcard(name):
            pattern = wildcard(name)
            found = [one for low, one in sorted(table.items()) if pattern.match(one.name) and not low.startswith("__")]
        else:
            one = table.get(name.lower())
            found = [one] if one is not None else []
            if one is None:
                _not_there(call, name)
        for variable in found:
            yield variable.value if call.switch("ValueOnly") else variable_object(variable)


_SET = [
    Parameter("Name", "string[]", position=0, mandatory=True, pipeline="name"),
    Parameter("Value", "object", position=1, pipeline=("value", "name")),
    Parameter("Description", "string"),
    Parameter("Option", "System.Management.Automation.ScopedItemOptions"),
    Parameter("Force", "switch"),
    Parameter("Visibility", "string"),
    Parameter("Scope", "string"),
    Parameter("PassThru", "switch"),
    Parameter("Include", "string[]"),
    Parameter("Exclude", "string[]"),
]


def _refused(call: Call, variable: Variable) -> None:
    call.write_error(
        f"Cannot overwrite variable {variable.name} because it is read-only or constant.",
        "VariableNotWritable",
        "WriteError",
        variable.name,
        _SESSION,
    )


def _not_there(call: Call, name: str) -> None:
    call.write_error(
        f"Cannot find a variable with the name '{name}'.",
        "VariableNotFound",
        "ObjectNotFound",
        name,
        "System.Management.Automation.ItemNotFoundException",
    )


@CORE.cmdlet("Set-Variable", module=UTILITY, parameters=_SET, should_process=True)
class SetVariable(Command):
    """Sets variables; several values of a pipeline become a list."""

    def begin(self) -> None:
        self.values: list[object] = []
        self.named = self.call.has("Name")

    def process(self, item: object) -> None:
        if item is NOTHING:
            return
        value = self.call.get("Value", item)
        if self.named:
            self.values.append(value)
        else:
            self._assign(value)

    def end(self) -> None:
        if self.named:
            given = self.call.get("Value")
            self._assign(given if not self.values else self.values[0] if len(self.values) == 1 else self.values)

    def _assign(self, value: object) -> None:
        call = self.call
        for name in call.texts("Name"):
            if not call.should_process(f"Name: {name} Value: {to_text(value)}", "Set variable"):
                continue
            scope = scope_of(call, call.text("Scope"))
            found = scope.vars.get(name.lower()) or (
                scope.find(name.lower()) if name.lower() in ("pid", "home", "host") else None
            )
            if found is not None and found.fixed and not (call.switch("Force") and "Constant" not in found.options):
                _refused(call, found)
                continue
            variable = found or Variable(name)
            scope.vars[name.lower()] = variable
            if call.has("Value") or self.values or found is None:
                variable.value = value
            _options(call, variable)
            if call.switch("PassThru"):
                call.emit(variable_object(variable))


def _options(call: Call, variable: Variable) -> None:
    option = call.get("Option")
    if isinstance(option, PSEnum):
        variable.options = frozenset(option.name.split(", ")) - {"None"}
    if call.has("Description"):
        variable.description = call.text("Description")


@CORE.cmdlet(
    "New-Variable",
    module=UTILITY,
    parameters=[Parameter("Name", "string", position=0, mandatory=True, pipeline="name"), *_SET[1:]],
    should_process=True,
)
def new_variable(call: Call) -> Iterable[object]:
    """A new variable; an existing one needs ``-Force``."""
    name = call.text("Name")
    scope = scope_of(call, call.text("Scope"))
    found = scope.vars.get(name.lower())
    if found is not None and not call.switch("Force"):
        call.write_error(
            f"A variable with name '{name}' already exists.",
            "VariableAlreadyExists",
            "ResourceExists",
            name,
            "System.Management.Automation.SessionStateException",
        )
        return
    if found is not None and "Constant" in found.options:
        _refused(call, found)
        return
    variable = Variable(name, call.get("Value"))
    _options(call, variable)
    scope.vars[name.lower()] = variable
    if call.switch("PassThru"):
        yield variable_object(variable)


@CORE.cmdlet(
    "Remove-Variable",
    module=UTILITY,
    parameters=[
        Parameter("Name", "string[]", position=0, mandatory=True, pipeline="name"),
        Parameter("Force", "switch"),
        Parameter("Scope", "string"),
    ],
    should_process=True,
)
def remove_variable(call: Call) -> None:
    """Removes variables."""
    for name in call.texts("Name"):
        scope = scope_of(call, call.text("Scope"))
        pattern = wildcard(name)
        names = [low for low, one in scope.vars.items() if pattern.match(one.name)]
        if not names and not has_wildcard(name):
            _not_there(call, name)
        for low in names:
            variable = scope.vars[low]
            if variable.fixed and not (call.switch("Force") and "Constant" not in variable.options):
                call.write_error(
                    f"Cannot remove variable {variable.name} because it is constant or read-only. If the variable "
                    "is read-only, try "
                    "the operation again specifying the Force option.",
                    "VariableNotRemovable",
                    "WriteError",
                    variable.name,
                    _SESSION,
                )
                continue
            del scope.vars[low]


@CORE.cmdlet(
    "Clear-Variable",
    module=UTILITY,
    parameters=[
        Parameter("Name", "string[]", position=0, mandatory=True, pipeline="name"),
        Parameter("Force", "switch"),
        Parameter("Scope", "string"),
    ],
)
def clear_variable(call: Call) -> None:
    """Sets variables to ``$null``."""
    table = scope_of(call, call.text("Scope")).vars
    for name in call.texts("Name"):
        pattern = wildcard(name)
        found = [one for one in table.values() if pattern.match(one.name)]
        if not found and not has_wildcard(name):
            _not_there(call, name)
        for one in found:
            if one.fixed and not (call.switch("Force") and "Constant" not in one.options):
                _refused(call, one)
            else:
                one.value = None


# ------------------------------------------------------------------------------------------------------------- aliases


def alias_object(name: str, target: str) -> PSObject:
    """``AliasInfo``."""
    own = target if isinstance(target, Alias) else Alias(target, name, _built_in(name))
    return PSObject.of_type(
        ("System.Management.Automation.AliasInfo", "System.Management.Automation.CommandInfo", "System.Object"),
        {
            "Name": own.name,
            "CommandType": _TYPES("Alias"),
            "DisplayName": f"{own.name} -> {target}",
            "Definition": str(target),
            "ReferencedCommand": str(target),
            "ResolvedCommand": str(target),
            "ResolvedCommandName": str(target),
            "Version": None,
            "Source": "",
            "Options": to_enum(", ".join(own.options) or "None", _OPTIONS),
            "Description": own.description,
        },
        text=own.name,
    )


def _built_in(name: str) -> frozenset[str]:
    """Options of an alias that the shell brings along [GK]."""
    return frozenset({"ReadOnly", "AllScope"} if name.lower() in READ_ONLY else {"AllScope"})


def all_aliases(call: Call) -> dict[str, str]:
    """What the aliases that can be seen from here stand for, by lower-case name."""
    found = dict(call.rs.commands.all_aliases())
    for scope in reversed(list(call.scope.chain())):
        found.update(scope.aliases or {})
    return {name: target for name, target in found.items() if target}


@CORE.cmdlet(
    "Get-Alias",
    module=UTILITY,
    parameters=[
        Parameter("Name", "string[]", position=0, pipeline=("value", "name"), sets=("Default",)),
        Parameter("Definition", "string[]", sets=("Definition",)),
        Parameter("Exclude", "string[]"),
        Parameter("Scope", "string"),
    ],
    default_set="Default",
)
def get_alias(call: Call) -> Iterable[object]:
    """Aliases by name or by what they stand for."""
    table = all_aliases(call)
    if call.has("Definition"):
        for definition in call.texts("Definition"):
            pattern = wildcard(definition)
            named = [(name, target) for name, target in sorted(table.items()) if pattern.match(target)]
            if not named and not has_wildcard(definition):
                _no_alias(call, "definition", definition)
            yield from (alias_object(name, target) for name, target in named)
        return
    for name in call.texts("Name") or ["*"]:
        pattern = wildcard(name)
        found = [(low, target) for low, target in sorted(table.items()) if pattern.match(low)]
        if not found and not has_wildcard(name):
            _no_alias(call, "name", name)
        for low, target in found:
            yield alias_object(low, target)


def _no_alias(call: Call, what: str, name: str) -> None:
    call.write_error(
        f"This command cannot find a matching alias because an alias with the {what} '{name}' does not exist.",
        "ItemNotFoundException",
        "ObjectNotFound",
        name,
        "System.Management.Automation.ItemNotFoundException",
    )


_ALIAS = [
    Parameter("Name", "string", position=0, mandatory=True, pipeline="name"),
    Parameter("Value", "string", position=1, mandatory=True, pipeline="name"),
    Parameter("Description", "string"),
    Parameter("Option", "System.Management.Automation.ScopedItemOptions"),
    Parameter("PassThru", "switch"),
    Parameter("Scope", "string"),
    Parameter("Force", "switch"),
]


def _put_alias(call: Call) -> Iterable[object]:
    name = call.text("Name")
    scope = scope_of(call, call.text("Scope"))
    if scope.aliases is None:
        scope.aliases = {}
    option = call.get("Option")
    options = frozenset(option.name.split(", ")) - {"None"} if isinstance(option, PSEnum) else frozenset()
    made = Alias(call.text("Value"), name, options, call.text("Description"))
    scope.aliases[name.lower()] = made
    return [alias_object(name, made)] if call.switch("PassThru") else []


def alias_options(call: Call, low: str) -> frozenset[str]:
    """The options of an alias."""
    own = call.scope.find_alias(low)
    return _built_in(low) if own is None else own.options


@CORE.cmdlet("Set-Alias", module=UTILITY, parameters=_ALIAS, should_process=True)
def set_alias(call: Call) -> Iterable[object]:
    """Sets an alias, unless it is read-only or constant."""
    name = call.text("Name")
    options = alias_options(call, name.lower())
    if "Constant" in options or ("ReadOnly" in options and not call.switch("Force")):
        call.write_error(
            f"Alias is not writeable because alias {name} is read-only or constant and cannot be written to.",
            "AliasNotWritable",
            "WriteError",
            name,
            _SESSION,
        )
        return []
    return _put_alias(call)


@CORE.cmdlet("New-Alias", module=UTILITY, parameters=_ALIAS, should_process=True)
def new_alias(call: Call) -> Iterable[object]:
    """A new alias."""
    name = call.text("Name")
    if name.lower() in all_aliases(call) and not call.switch("Force"):
        call.write_error(
            f"The alias is not allowed, because an alias with the name '{name}' already exists.",
            "AliasAlreadyExists",
            "ResourceExists",
            name,
            "System.Management.Automation.SessionStateException",
        )
        return []
    return _put_alias(call)


__all__ = ["PSError", "alias_object", "all_aliases", "scope_of", "variable_object"]
