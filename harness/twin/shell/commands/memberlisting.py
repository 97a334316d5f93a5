"""``Get-Member``."""

from __future__ import annotations

from typing import Final

from harness.twin.shell.classes import member_texts
from harness.twin.shell.commands.api import Command, Parameter
from harness.twin.shell.commands.table import CORE, INPUT, UTILITY
from harness.twin.shell.dotnet.registry import NetMethod, NetProperty, members_of
from harness.twin.shell.errors import ErrorRecord
from harness.twin.shell.members import property_list
from harness.twin.shell.memberviews import of_class
from harness.twin.shell.objects import NOTHING, ComputedProperty, Member, PSMethod, PSObject, bare_value
from harness.twin.shell.regexes import wildcard
from harness.twin.shell.scriptblock import ScriptBlock
from harness.twin.shell.text import net_text, to_text
from harness.twin.shell.typesystem import ENUMS, TypeRef, is_null, type_chain, type_ref, type_text


@CORE.cmdlet(
    "Get-Member",
    module=UTILITY,
    parameters=[
        INPUT,
        Parameter("Name", "string[]", position=0),
        Parameter("MemberType", "string[]", aliases=("Type",)),
        Parameter("View", "string"),
        Parameter("Static", "switch"),
        Parameter("Force", "switch"),
    ],
)
class GetMember(Command):
    """The members of each type that comes."""

    def begin(self) -> None:
        self.seen: set[str] = set()
        self.any = False

    def process(self, item: object) -> None:
        if item is NOTHING or is_null(item):
            return
        self.any = True
        name = type_chain(item)[0]
        if name in self.seen:
            return
        self.seen.add(name)
        patterns = [wildcard(one) for one in self.call.texts("Name") or ["*"]]
        kinds = [one.lower() for part in self.call.texts("MemberType") for one in part.replace(" ", "").split(",")]
        rows = sorted(self._rows(item), key=lambda row: (row[1].lower(), row[0].lower()))
        for member, kind, definition in rows:
            if not any(pattern.match(member) for pattern in patterns) or (kinds and not _kind_fits(kind, kinds)):
                continue
            made = PSObject.of_type(
                ("Microsoft.PowerShell.Commands.MemberDefinition", "System.Object"),
                {"TypeName": name, "Name": member, "MemberType": _MEMBER_TYPES(kind), "Definition": definition},
                text=definition,
            )
            self.call.emit(made)

    def _rows(self, item: object) -> list[tuple[str, str, str]]:
        back = type_chain(item)[0].startswith("Deserialized.")
        rows = [(one, "Method", f"{result} {one}({arguments})") for one, result, arguments in _COMMON_METHODS]
        if back:
            rows = list(_BAG_METHODS)
        own = member_texts(item) if isinstance(item, PSObject) else []
        known = {row[0].lower() for row in own}
        rows = [row for row in rows if row[0].lower() not in known] + own
        for name, value in property_list(self.call.rs, item):
            if name.lower() not in known:
                kind, text = _property(item, name, value)
                if back and kind == "Property":
                    text = f"{'' if is_null(value) else type_chain(value)[0]} {{get;set;}}"
                rows.append((name, kind, text))
        if isinstance(item, PSObject):
            rows += [
                (one.name, one.kind, one.signature)
                for one in item.members.values()
                if isinstance(one, PSMethod) and one.kind == "ScriptMethod"
            ]
        bare = bare_value(item)
        known = {row[0] for row in rows}
        rows.extend(
            (one.name, "Method", f"{one.name}()")
            for one in members_of(type(bare)).values()
            if isinstance(one, NetMethod) and not back and one.name not in known and not one.name.startswith("get_")
        )
        return rows

    def end(self) -> None:
        if not self.any:
            record: ErrorRecord = self.call.record(
                "You must specify an object for the Get-Member cmdlet.",
                "NoObjectInGetMember",
                "CloseError",
                exception="System.InvalidOperationException",
            )
            self.call.write_error(record)


def _property(item: object, name: str, value: object) -> tuple[str, str]:
    """Kind and definition of a property."""
    member = item.members.get(name.lower()) if isinstance(item, PSObject) else None
    if member is not None and isinstance(item, PSObject) and item.net_type is not None and of_class(member):
        return "Property", f"{_type_text(value)} {name} {{get;set;}}"
    if member is not None:
        return member.kind, _definition(member, name, value)
    own = members_of(type(bare_value(item))).get(name.lower())
    if isinstance(own, NetProperty) and own.kind == "ScriptProperty":
        return own.kind, f"System.Object {name} {{get={_SCRIPTS.get(name, '')};}}"
    settable = isinstance(own, NetProperty) and own.setter is not None
    return "Property", f"{_type_text(value)} {name} {{get;{'set;' if settable else ''}}}"


_SCRIPTS: Final = {
    "DateTime": 'if ((& { Set-StrictMode -Version 1; $this.DisplayHint }) -ieq  "Date")\n                    {\n      '
    '                  "{0}" -f $this.ToLongDateString()\n                    }\n                    elseif ((& { '
    'Set-StrictMode -Version 1; $this.DisplayHint }) -ieq "Time")\n                    {\n                        '
    '"{0}" -f  $this.ToLongTimeString()\n                    }\n                    else\n                    {\n '
    '                       "{0} {1}" -f $this.ToLongDateString(), $this.ToLongTimeString()\n                    }',
}
"""Blocks of the properties that the types file adds [D]."""


def _definition(member: Member, name: str, value: object) -> str:
    if member.kind == "AliasProperty" and isinstance(member, ComputedProperty):
        return f"{name} = {member.detail}"
    if isinstance(member, ComputedProperty) and isinstance(member.detail, ScriptBlock):
        tail = "" if member.setter is None else "set=;"
        return f"System.Object {name} {{get={member.detail.text};{tail}}}"
    return f"{_short_type(value)} {name}={_note_text(value)}"


def _note_text(value: object) -> str:
    if is_null(value):
        return "null"
    return to_text(value) if isinstance(value, PSObject) else net_text(value)


_MEMBER_TYPES = ENUMS["system.management.automation.psmembertypes"]
_COMMON_METHODS = (
    ("Equals", "bool", "System.Object obj"),
    ("GetHashCode", "int", ""),
    ("GetType", "type", ""),
    ("ToString", "string", ""),
)
_FORMATTED = "string format, System.IFormatProvider formatProvider"
_BAG_METHODS = (
    ("GetType", "Method", "type GetType()"),
    (
        "ToString",
        "Method",
        f"string ToString(), string ToString({_FORMATTED}), string IFormattable.ToString({_FORMATTED})",
    ),
)
"""Methods of an object that was read from CLIXML."""


def _kind_fits(kind: str, wanted: list[str]) -> bool:
    low = kind.lower()
    return (
        low in wanted
        or ("properties" in wanted and low.endswith("property"))
        or ("methods" in wanted and low.endswith("method"))
        or "all" in wanted
    )


def _type_text(value: object) -> str:
    """The type of a property of a class, by its short name where there is one."""
    text = type_text(type_ref(value)) if not is_null(value) else "System.Object"
    return "System.Object" if text == "object" else text.replace("object[]", "System.Object[]")


def _short_type(value: object) -> str:
    """The type of a note: without namespace, an object by its first type name."""
    if is_null(value):
        return "object"
    if isinstance(value, PSObject):
        return value.type_names[0]
    kind = type_ref(value)
    if kind.element is not None:
        return f"{_plain_name(kind.element)}[]"
    return _plain_name(kind)


def _plain_name(kind: TypeRef) -> str:
    if kind.arguments:
        bare = kind.full_name.partition("`")[0].rpartition(".")[2]
        return f"{bare}[{','.join(_plain_name(one) for one in kind.arguments)}]"
    text = type_text(kind)
    return "Object" if text == "object" else text.rpartition(".")[2]
