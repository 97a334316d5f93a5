"""``Where-Object`` and ``ForEach-Object``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.twin.shell import textops
from harness.twin.shell.commands.api import Call, Command, Parameter
from harness.twin.shell.commands.table import CORE, ENGINE, INPUT
from harness.twin.shell.comparison import comparison
from harness.twin.shell.conversion import to_bool
from harness.twin.shell.dotnet.registry import NetMethod, members_of
from harness.twin.shell.errors import PSError
from harness.twin.shell.invocation import BlockRunner, value_runner
from harness.twin.shell.members import MISSING, BoundMethod, find_member, get_member, invoke_member, property_list
from harness.twin.shell.objects import NOTHING, PSHashtable, PSMethod, PSObject, bare_value
from harness.twin.shell.propertyvalues import has_own
from harness.twin.shell.regexes import has_wildcard, wildcard
from harness.twin.shell.scriptblock import ScriptBlock
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import TypeRef, find_type, is_instance, is_null, type_name

_OPERATORS: Final = [
    "EQ",
    "CEQ",
    "NE",
    "CNE",
    "GT",
    "CGT",
    "LT",
    "CLT",
    "GE",
    "CGE",
    "LE",
    "CLE",
    "Like",
    "CLike",
    "NotLike",
    "CNotLike",
    "Match",
    "CMatch",
    "NotMatch",
    "CNotMatch",
    "Contains",
    "CContains",
    "NotContains",
    "CNotContains",
    "In",
    "CIn",
    "NotIn",
    "CNotIn",
    "Is",
    "IsNot",
]
_I_FORMS: Final = {name: f"I{name}" for name in _OPERATORS if name[0] != "C" or name == "Contains"}
_SETS: Final = {name: f"{name}Set" for name in _OPERATORS}
"""Every operator is a set of its own; without one the value itself decides."""
_OPERATOR_SETS: Final = tuple(_SETS.values())
_WHERE: Final = [
    INPUT,
    Parameter("FilterScript", "scriptblock", position=0, sets=("ScriptBlockSet",), mandatory=True),
    Parameter("Property", "string", position=0, sets=_OPERATOR_SETS, mandatory=True, not_null_or_empty=True),
    Parameter("Value", "object", position=1, sets=_OPERATOR_SETS),
    *(
        Parameter(
            name,
            "switch",
            sets=(_SETS[name],),
            mandatory=name != "EQ",
            aliases=(_I_FORMS[name],) if name in _I_FORMS and not name.startswith("Is") else (),
        )
        for name in _OPERATORS
    ),
]
Test = Callable[[object, object], object]


def _operator(call: Call) -> Test | None:
    name = next((one for one in _OPERATORS if call.switch(one)), None)
    if name is None:
        return None
    low = name.lower()
    sensitive = low.startswith("c") and low != "contains"
    family = low[1:] if sensitive else low
    if family in ("like", "notlike"):
        return lambda left, right: textops.like(left, right, not sensitive, family == "notlike")
    if family in ("match", "notmatch"):

        def store(table: PSHashtable) -> None:
            call.rs.set_matches(call.scope, table)

        return lambda left, right: textops.match(left, right, not sensitive, family == "notmatch", store)
    if family in ("is", "isnot"):
        return lambda left, right: _is_type(left, right) is (family == "is")
    return comparison(family, sensitive)


def _is_type(value: object, wanted: object) -> bool:
    kind = wanted if isinstance(wanted, TypeRef) else find_type(to_text(wanted).strip("[]"))
    return kind is not None and is_instance(value, kind)


@CORE.cmdlet(
    "Where-Object",
    module=ENGINE,
    parameters=_WHERE,
    default_set=_SETS["EQ"],
    class_name="Microsoft.PowerShell.Commands.WhereObjectCommand",
)
class WhereObject(Command):
    """Lets objects through that fulfil a condition."""

    def begin(self) -> None:
        call = self.call
        block = call.get("FilterScript")
        self.evaluate = (
            value_runner(call.rs, block, call.scope, call.streams) if isinstance(block, ScriptBlock) else None
        )
        self.test = None if self.evaluate is not None else _operator(call)
        self.name = call.text("Property")
        self.low = self.name.lower()
        self.value = call.get("Value")
        if self.evaluate is None and self.test is None and call.has("Value"):
            raise call.fail(
                "The specified operator requires both the -Property and -Value parameters. Provide values for "
                "both parameters, and then try the command again.",
                "OperatorNotSpecified",
                "InvalidArgument",
                exception="System.Management.Automation.PSArgumentException",
            )
        if self.test is not None and not call.has("Value"):
            raise call.fail(
                "The specified operator requires both the -Property and -Value parameters. Provide values for "
                "both parameters, and then try the command again.",
                "ValueNotSpecifiedForWhereObject",
                "InvalidArgument",
                exception="System.Management.Automation.PSArgumentException",
            )

    def process(self, item: object) -> None:
        if item is NOTHING:
            return
        if self.evaluate is not None:
            found = self.evaluate(item)
            if found and to_bool(found[0] if len(found) == 1 else found):
                self.call.out(item)
            return
        value = None if is_null(item) else self._read(item)
        accepted = self.test(value, self.value) if self.test is not None else value
        if to_bool(accepted):
            self.call.out(item)

    def _read(self, item: object) -> object:
        if has_wildcard(self.name):
            pattern = wildcard(self.name)
            return next((value for name, value in property_list(self.call.rs, item) if pattern.match(name)), None)
        if self.low in ("count", "length") and not has_own(item, self.low):
            return None
        return get_member(self.call.rs, item, self.low, self.name)


_FOREACH: Final = [
    INPUT,
    Parameter("Process", "scriptblock[]", position=0, sets=("ScriptBlockSet",), mandatory=True, allow_null=True),
    Parameter("Begin", "scriptblock", sets=("ScriptBlockSet",)),
    Parameter("End", "scriptblock", sets=("ScriptBlockSet",)),
    Parameter("RemainingScripts", "scriptblock[]", sets=("ScriptBlockSet",), remaining=True),
    Parameter("MemberName", "string", position=0, sets=("PropertyAndMethodSet",), mandatory=True),
    Parameter("ArgumentList", "object[]", sets=("PropertyAndMethodSet",), aliases=("Args",), remaining=True),
]


@CORE.cmdlet(
    "ForEach-Object",
    module=ENGINE,
    parameters=_FOREACH,
    default_set="ScriptBlockSet",
    class_name="Microsoft.PowerShell.Commands.ForEachObjectCommand",
    should_process=True,
)
class ForEachObject(Command):
    """Runs a block, reads a property or calls a method for each object."""

    def begin(self) -> None:
        call = self.call
        self.name = call.text("MemberName")
        self.runners: list[BlockRunner] = []
        self.last: BlockRunner | None = None
        if self.name:
            return
        if any(to_bool(call.actions.get(one)) for one in ("whatif", "confirm")):
            raise call.fail(
                "The -WhatIf and -Confirm parameters are not supported for script blocks.",
                "NoShouldProcessForScriptBlockSet",
                "InvalidOperation",
                exception="System.InvalidOperationException",
            )
        blocks = list(call.get("Process") or []) + list(call.get("RemainingScripts") or [])
        begin, end = call.get("Begin"), call.get("End")
        if begin is None and len(blocks) > 1:
            begin = blocks.pop(0)
        if end is None and len(blocks) > 1:
            end = blocks.pop()
        if begin is not None:
            self._runner(begin).run(None)
        self.runners = [self._runner(block) for block in blocks if block is not None]
        self.last = self._runner(end) if end is not None else None

    def _runner(self, block: ScriptBlock) -> BlockRunner:
        call = self.call
        return BlockRunner(call.rs, block, call.scope, call.out, call.streams)

    def process(self, item: object) -> None:
        if self.name:
            if item is not NOTHING:
                self._member(item)
            return
        value = None if item is NOTHING else item
        for runner in self.runners:
            runner.run(value)

    def end(self) -> None:
        if self.last is not None:
            self.last.run(None)

    def _member(self, item: object) -> None:
        call = self.call
        arguments = call.get("ArgumentList")
        if is_null(item):
            if arguments is None and not self._goes_on(item, f"Retrieve the value for property '{self.name}'"):
                return
            if arguments is None:
                call.out(None)
            else:
                call.write_error(
                    "You cannot call a method on a null-valued expression.",
                    "InvokeMethodOnNull",
                    "InvalidArgument",
                    None,
                    "System.Management.Automation.PSArgumentException",
                )
            return
        name = self._full_name(item)
        if name is None:
            return
        if arguments is not None or self._is_method(item, name):
            self._call(item, name, list(arguments or []))
            return
        what = "Retrieve the value for key" if isinstance(item, PSHashtable) else "Retrieve the value for property"
        if self._goes_on(item, f"{what} '{name}'"):
            self._send(get_member(call.rs, item, name.lower(), name))

    def _goes_on(self, item: object, action: str) -> bool:
        """``-WhatIf`` tells of each member in place of using it."""
        shown = "null" if is_null(item) else to_text(item) or type_name(item)
        return self.call.should_process(f"InputObject: {shown}", action)

    def _send(self, value: object) -> None:
        if isinstance(value, list):
            for one in value:
                self.call.out(one)
        elif value is not NOTHING:
            self.call.out(value)

    def _full_name(self, item: object) -> str | None:
        if not has_wildcard(self.name):
            return self.name
        pattern = wildcard(self.name)
        names = [name for name, _ in property_list(self.call.rs, item) if pattern.match(name)]
        if len(names) == 1:
            return names[0]
        listed = " ".join(f"{name}" for name in names)
        self.call.write_error(
            f'Input name "{self.name}" is ambiguous. It can be resolved to multiple matched members. Possible '
            f"matches include: {listed}."
            if names
            else f'Input name "{self.name}" cannot be resolved to a method.',
            "AmbiguousPropertyOrMethodName" if names else "PropertyOrMethodNotFound",
            "InvalidArgument",
            item,
            exception="System.Management.Automation.PSArgumentException",
        )
        return None

    def _is_method(self, item: object, name: str) -> bool:
        if isinstance(item, PSObject) and isinstance(item.members.get(name.lower()), PSMethod):
            return True
        if isinstance(item, PSHashtable) and name in item:
            return False
        bare = bare_value(item)
        return isinstance(members_of(type(bare)).get(name.lower()), NetMethod)

    def _call(self, item: object, name: str, arguments: list[object]) -> None:
        found = find_member(self.call.rs, item, name.lower())
        if found is MISSING or not isinstance(found, BoundMethod):
            self.call.write_error(
                f'Input name "{name}" cannot be resolved to a method.',
                "MethodNotFound",
                "InvalidArgument",
                item,
                exception="System.Management.Automation.PSArgumentException",
            )
            return
        listed = ", ".join("null" if is_null(one) else to_text(one) for one in arguments)
        if not self._goes_on(item, f"Invoke method '{name}'" + (f" with arguments: {listed}" if arguments else "")):
            return
        try:
            self._send(invoke_member(self.call.rs, item, name, arguments))
        except PSError as fault:
            inner = fault.record.exception
            self.call.write_error(
                inner.message, "MethodInvocationError" if inner else "", "InvalidOperation", item, inner.type_name
            )
