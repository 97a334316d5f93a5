"""``New-Object``, ``Get-Date``, ``New-TimeSpan``, ``Start-Sleep``, ``Add-Member``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from harness.twin.shell.ast import PipelineAst, TypeExpressionAst
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.table import CORE, UTILITY
from harness.twin.shell.compiler.typenames import resolve_or_none
from harness.twin.shell.dateformat import DAYS, MONTHS, format_date
from harness.twin.shell.dotnet.registry import members_of
from harness.twin.shell.errors import PSError, runtime_error
from harness.twin.shell.invocation import call_block, one_value
from harness.twin.shell.members import INTRINSICS, MISSING, attach, find_member, get_member, set_member
from harness.twin.shell.numberformat import BadFormatError, double_text
from harness.twin.shell.objects import (
    LOCAL,
    NOTHING,
    ComputedProperty,
    EnumType,
    Member,
    MemberSet,
    NoteProperty,
    PropertySet,
    PSHashtable,
    PSMethod,
    PSObject,
    bare_value,
)
from harness.twin.shell.parser import parse
from harness.twin.shell.propertyvalues import has_own
from harness.twin.shell.scriptblock import ScriptBlock
from harness.twin.shell.session import current
from harness.twin.shell.staticmembers import construct
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import ENUMS, TypeRef, find_type, type_chain


@CORE.cmdlet(
    "New-Object",
    module=UTILITY,
    parameters=[
        Parameter("TypeName", "string", position=0, mandatory=True, sets=("Net",)),
        Parameter("ArgumentList", "object[]", position=1, aliases=("Args",), sets=("Net",)),
        Parameter("ComObject", "string", mandatory=True, sets=("Com",)),
        Parameter("Property", "object"),
        Parameter("Strict", "switch", sets=("Com",)),
    ],
    default_set="Net",
)
def new_object(call: Call) -> Iterable[object]:
    """An object of a .NET type."""
    if call.has("ComObject"):
        raise call.fail(
            "Retrieving the COM class factory for component with CLSID {00000000-0000-0000-0000-000000000000} failed "
            "due to the following error: 80040154 Class not registered (Exception from HRESULT: 0x80040154 "
            "(REGDB_E_CLASSNOTREG)).",
            "NoCOMClassIdentified",
            "ResourceUnavailable",
            exception="System.Runtime.InteropServices.COMException",
        )
    name = call.text("TypeName")
    found = _type(call, name)
    if found is None:
        raise call.fail(
            f"Cannot find type [{name}]: verify that the assembly containing this type is loaded.",
            "TypeNotFound",
            "InvalidType",
            exception="System.Management.Automation.PSArgumentException",
        )
    try:
        made = construct(call.rs.frames[-1] if call.rs.frames else None, found, list(call.get("ArgumentList") or []))
    except PSError as fault:
        raise _failed(call, fault, found) from None
    given = call.get("Property")
    if isinstance(given, PSHashtable):
        for key, value in given.items():
            if isinstance(made, PSObject) and made.net_type is None:
                made.set(to_text(key), value)
            else:
                _set_property(call, made, to_text(key), value)
    yield made


def _set_property(call: Call, made: object, name: str, value: object) -> None:
    """Set a property of the new object. Raises ``PSError`` where it has none, or refuses the value."""
    if not _has_member(call, made, name.lower()):
        raise call.fail(
            f'The member "{name}" was not found for the specified .NET object.',
            "InvalidOperationException",
            "InvalidOperation",
            exception="System.InvalidOperationException",
        )
    try:
        set_member(call.rs, made, name, value)
    except PSError as fault:
        kind_name = "System.Management.Automation.SetValueException"
        raise call.fail(
            f"The value supplied is not valid, or the property is read-only. Change the value, and then try again. "
            f"{kind_name}: {fault.record.message}",
            "SetValueException",
            "InvalidData",
            exception="System.Exception",
        ) from None


def _type(call: Call, name: str) -> TypeRef | None:
    own = call.rs.global_scope.vars.get(f"__class__{name.lower()}")
    if own is not None and isinstance(own.value, TypeRef):
        return own.value
    tree = parse(f"[{name}]").script
    pipeline = tree.end_block.statements[0] if tree.end_block and tree.end_block.statements else None
    pure = pipeline.pure_expression if isinstance(pipeline, PipelineAst) else None
    return resolve_or_none(pure.type_name, None) if isinstance(pure, TypeExpressionAst) else find_type(name)


def _failed(call: Call, fault: PSError, found: TypeRef) -> PSError:
    record = fault.record
    if record.error_id == "MethodCountCouldNotFindBest" and call.get("ArgumentList"):
        text, kind, error_id, category = (
            record.message,
            record.exception.type_name,
            "ConstructorInvokedThrowException",
            "InvalidOperation",
        )
    elif record.error_id in ("MethodNotFound", "MethodCountCouldNotFindBest"):
        text = f"A constructor was not found. Cannot find an appropriate constructor for type {found.full_name}."
        kind, error_id, category = (
            "System.Management.Automation.PSArgumentException",
            "CannotFindAppropriateCtor",
            "ObjectNotFound",
        )
    else:
        inner = record.exception
        text, kind, error_id, category = (
            inner.message.replace('"new"', '".ctor"'),
            inner.type_name,
            "ConstructorInvokedThrowException",
            "InvalidOperation",
        )
    return call.fail(text, error_id, category, exception=kind)


# --------------------------------------------------------------------------------------------------------------- dates

_UNIX_CODES = (
    "Y=yyyy G=yyyy y=yy g=yy m=MM d=dd H=HH k=HH M=mm S=ss b=MMM h=MMM B=MMMM a=ddd A=dddd p=tt I=hh l=hh T=HH:mm:ss "
    "X=HH:mm:ss R=HH:mm D=MM/dd/yy x=MM/dd/yy Z=zz"
)
_UNIX = {code[0]: code[2:] for code in _UNIX_CODES.split()} | {"r": "hh:mm:ss tt"}
_EPOCH = datetime(1970, 1, 1, tzinfo=LOCAL)
_UNIX_NUMBERS: dict[str, Callable[[datetime], str]] = {
    "C": lambda moment: str(moment.year // 100),
    "c": lambda moment: f"{format_date(moment, 'ddd MMM')} {moment.day:>2} {format_date(moment, 'HH:mm:ss yyyy')}",
    "e": lambda moment: f"{moment.day:>2}",
    "j": lambda moment: str(moment.timetuple().tm_yday),
    "n": lambda _moment: "\n",
    "s": lambda moment: double_text((moment.replace(tzinfo=LOCAL) - _EPOCH).total_seconds()),
    "t": lambda _moment: "\t",
    "u": lambda moment: str(moment.isoweekday() % 7),
    "w": lambda moment: str(moment.isoweekday() % 7),
    "U": lambda moment: str(moment.timetuple().tm_yday // 7),
    "V": lambda moment: str(moment.timetuple().tm_yday // 7 + 1),
    "W": lambda moment: str(moment.timetuple().tm_yday // 7),
}
"""Letters that 5.1 computes itself, as its source of 2016 does; an unknown letter stands for itself [D]."""


def unix_date(moment: datetime, template: str) -> str:
    """A date by the letters of Unix's ``date``."""
    out, at = "", 0
    while at < len(template):
        letter = template[at]
        if letter != "%" or at + 1 >= len(template):
            out += letter
            at += 1
            continue
        code = template[at + 1]
        at += 2
        if code in _UNIX_NUMBERS:
            out += _UNIX_NUMBERS[code](moment)
        else:
            out += format_date(moment, _UNIX[code]) if code in _UNIX else code
    return out


_FILE_CODES = {
    "filedate": "yyyyMMdd",
    "filedateuniversal": "yyyyMMddZ",
    "filedatetime": "yyyyMMddTHHmmssffff",
    "filedatetimeuniversal": "yyyyMMddTHHmmssffffZ",
}
"""Formats for file names; lab time is universal time."""
_HINT = EnumType("Microsoft.PowerShell.Commands.DisplayHintType", {"Date": 0, "Time": 1, "DateTime": 2})


@CORE.cmdlet(
    "Get-Date",
    module=UTILITY,
    parameters=[
        Parameter("Date", "datetime", position=0, pipeline=("value", "name"), aliases=("LastWriteTime",)),
        Parameter("Year", "int", minimum=1, maximum=9999),
        Parameter("Month", "int", minimum=1, maximum=12),
        Parameter("Day", "int", minimum=1, maximum=31),
        Parameter("Hour", "int", minimum=0, maximum=23),
        Parameter("Minute", "int", minimum=0, maximum=59),
        Parameter("Second", "int", minimum=0, maximum=59),
        Parameter("Millisecond", "int", minimum=0, maximum=999),
        Parameter("DisplayHint", "string", values=("Date", "Time", "DateTime")),
        Parameter("Format", "string", sets=("net",)),
        Parameter("UFormat", "string", sets=("UFormat",)),
    ],
    default_set="net",
)
def get_date(call: Call) -> Iterable[object]:
    """Lab time, or a date given."""
    moment: datetime = call.get("Date") or call.rs.local_now
    parts = {
        name.lower(): call.number(name)
        for name in ("Year", "Month", "Day", "Hour", "Minute", "Second")
        if call.has(name)
    }
    if call.has("Millisecond"):
        parts["microsecond"] = call.number("Millisecond") * 1000
    try:
        moment = moment.replace(**parts)  # type: ignore[arg-type]
    except ValueError:
        raise call.fail(
            "Year, Month, and Day parameters describe an un-representable DateTime.",
            "System.ArgumentOutOfRangeException",
            "NotSpecified",
            exception="System.ArgumentOutOfRangeException",
        ) from None
    if call.has("Format"):
        try:
            code = call.text("Format")
            yield format_date(moment, _FILE_CODES.get(code.lower(), code))
        except BadFormatError:
            raise call.fail(
                "Input string was not in a correct format.",
                "System.FormatException",
                "NotSpecified",
                exception="System.FormatException",
            ) from None
    elif call.has("UFormat"):
        yield unix_date(moment, call.text("UFormat").lstrip("+"))
    else:
        yield attach(moment, NoteProperty("DisplayHint", _HINT(call.text("DisplayHint", "DateTime"))))


@CORE.cmdlet(
    "New-TimeSpan",
    module=UTILITY,
    default_set="Date",
    parameters=[
        Parameter(
            "Start", "datetime", position=0, pipeline=("value", "name"), aliases=("LastWriteTime",), sets=("Date",)
        ),
        Parameter("End", "datetime", position=1, pipeline="name", sets=("Date",)),
        *(Parameter(name, "int", sets=("Time",)) for name in ("Days", "Hours", "Minutes", "Seconds")),
    ],
)
def new_timespan(call: Call) -> Iterable[object]:
    """A span of its parts, or between two dates."""
    if any(call.has(name) for name in ("Days", "Hours", "Minutes", "Seconds")):
        yield timedelta(
            days=call.number("Days"),
            hours=call.number("Hours"),
            minutes=call.number("Minutes"),
            seconds=call.number("Seconds"),
        )
        return
    now = call.rs.local_now
    start, end = call.get("Start") or now, call.get("End") or now
    yield end.replace(tzinfo=None) - start.replace(tzinfo=None)


@CORE.cmdlet(
    "Start-Sleep",
    module=UTILITY,
    default_set="Seconds",
    parameters=[
        Parameter(
            "Seconds",
            "int",
            position=0,
            pipeline="value",
            mandatory=True,
            sets=("Seconds",),
            minimum=0,
            maximum=2147483,
        ),
        Parameter(
            "Milliseconds", "int", aliases=("m",), mandatory=True, sets=("Milliseconds",), minimum=0, maximum=2147483647
        ),
    ],
)
def start_sleep(call: Call) -> None:
    """Waits in lab time."""
    call.wait(call.number("Milliseconds") / 1000 if call.has("Milliseconds") else float(call.number("Seconds")))


# ------------------------------------------------------------------------------------------------------------- members


_ONE_VALUE = frozenset({"noteproperty", "scriptmethod", "propertyset", "memberset"})
"""Kinds of members that take no second value."""


@CORE.cmdlet(
    "Add-Member",
    module=UTILITY,
    default_set="TypeNameSet",
    parameters=[
        Parameter("InputObject", "object", pipeline="value", mandatory=True, allow_empty=True),
        Parameter(
            "MemberType",
            "string",
            position=0,
            sets=("MemberSet",),
            aliases=("Type",),
            mandatory=True,
            values=tuple(ENUMS["system.management.automation.psmembertypes"].labels),
        ),
        Parameter("Name", "string", position=1, sets=("MemberSet",), mandatory=True),
        Parameter("Value", "object", position=2, sets=("MemberSet",)),
        Parameter("SecondValue", "object", position=3, sets=("MemberSet",)),
        Parameter("NotePropertyName", "string", position=0, sets=("NotePropertySingleMemberSet",), mandatory=True),
        Parameter(
            "NotePropertyValue",
            "object",
            position=1,
            sets=("NotePropertySingleMemberSet",),
            mandatory=True,
            allow_null=True,
            allow_empty=True,
        ),
        Parameter(
            "NotePropertyMembers",
            "System.Collections.IDictionary",
            position=0,
            sets=("NotePropertyMultiMemberSet",),
            mandatory=True,
        ),
        Parameter(
            "TypeName",
            "string",
            sets=("TypeNameSet", "MemberSet", "NotePropertySingleMemberSet", "NotePropertyMultiMemberSet"),
        ),
        Parameter("Force", "switch"),
        Parameter("PassThru", "switch"),
    ],
)
def add_member(call: Call) -> Iterable[object]:
    """Adds members to an object; what cannot carry members is wrapped."""
    target = call.current if call.current is not NOTHING else call.get("InputObject")
    table = call.get("NotePropertyMembers")
    members: list[Member] = []
    if isinstance(table, PSHashtable):
        members = [NoteProperty(to_text(key), value) for key, value in table.items()]
    elif call.has("NotePropertyName"):
        members = [NoteProperty(call.text("NotePropertyName"), call.get("NotePropertyValue"))]
    elif call.has("Name"):
        if call.text("MemberType").lower() in _ONE_VALUE and call.has("SecondValue"):
            raise call.fail(
                "The SecondValue parameter is not necessary for a member of type "
                f'"{call.text("MemberType")}", and should not be specified. Do not specify the SecondValue parameter '
                "when you add members of this type.",
                "Value2ShouldNotBeSpecified",
                "InvalidArgument",
                exception="System.InvalidOperationException",
            )
        members = [make_member(call.text("MemberType"), call.text("Name"), call.get("Value"), call.get("SecondValue"))]
    for member in members:
        low = member.name.lower()
        if _has_member(call, target, low) and not call.switch("Force"):
            call.write_error(
                f'Cannot add a member with the name "{member.name}" because a member with that name already '
                "exists. To overwrite "
                "the member anyway, add the Force parameter to your command.",
                "MemberAlreadyExists",
                "InvalidOperation",
                target,
                "System.InvalidOperationException",
            )
            continue
        target = attach(target, member)
    if call.has("TypeName") and not isinstance(target, PSObject):
        target = PSObject(None, type_chain(target), base=bare_value(target))
    if call.has("TypeName") and isinstance(target, PSObject):
        target.type_names = [call.text("TypeName"), *target.type_names]
    if call.switch("PassThru"):
        yield target


def _has_member(call: Call, target: object, low: str) -> bool:
    """Whether an object or its class has a member of a name already."""
    if isinstance(target, PSObject) and low in target.members:
        return True
    if low in INTRINSICS or (low in ("count", "length") and not has_own(target, low)):
        return False
    if isinstance(target, PSHashtable):
        return low in members_of(PSHashtable)
    return find_member(call.rs, target, low) is not MISSING or low in members_of(object)


def make_member(kind: str, name: str, value: object, second: object = None) -> Member:
    """A member of a kind: note, alias, script property, script method, sets."""
    low = kind.lower()
    if low == "scriptproperty" and isinstance(value, ScriptBlock):
        return script_property(name, value, second if isinstance(second, ScriptBlock) else None)
    if low == "aliasproperty":
        source = to_text(value)
        return ComputedProperty(
            name,
            lambda this: get_member(current(), this, source.lower(), source),
            lambda this, new: set_member(current(), this, source, new),
            "AliasProperty",
            source,
        )
    if low == "scriptmethod" and isinstance(value, ScriptBlock):
        block = value
        return PSMethod(
            name,
            lambda this, *arguments: _method_value(name, block, this, list(arguments)),
            "ScriptMethod",
            f"System.Object {name}();",
        )
    if low == "memberset":
        items = value if isinstance(value, list) else [value]
        return MemberSet(
            name,
            [
                item
                for item in items
                if isinstance(item, NoteProperty | ComputedProperty | PSMethod | PropertySet | MemberSet)
            ],
        )
    if low == "propertyset":
        return PropertySet(name, [to_text(one) for one in (value if isinstance(value, list) else [value])])
    return NoteProperty(name, value)


def _call(block: ScriptBlock, this: object, arguments: list[object]) -> list[object]:
    rs = current()
    frame = rs.frames[-1] if rs.frames else rs.frame()
    return call_block(rs, block, arguments, frame.scope, frame.streams, {"this": this})


def script_property(name: str, getter: ScriptBlock, setter: ScriptBlock | None = None) -> ComputedProperty:
    """A property that a block computes."""

    def read(this: object) -> object:
        try:
            return one_value(_call(getter, this, []))
        except PSError as fault:
            raise _failing(f'Exception getting "{name}"', "Get", fault) from None

    def write(this: object, value: object) -> None:
        assert setter is not None  # noqa: S101 - else this function is not handed out
        try:
            _call(setter, this, [value])
        except PSError as fault:
            raise _failing(f'Exception setting "{name}"', "Set", fault) from None

    return ComputedProperty(name, read, write if setter is not None else None, "ScriptProperty", getter)


def _method_value(name: str, block: ScriptBlock, this: object, arguments: list[object]) -> object:
    try:
        return one_value(_call(block, this, arguments))
    except PSError as fault:
        text = f'Exception calling "{name}" with "{len(arguments)}" argument(s)'
        raise _failing(text, "Method", fault) from None


def _failing(what: str, kind: str, fault: PSError) -> PSError:
    """A block of a script member ended with an error; ``kind`` is Get, Set or Method."""
    inner = fault.record.exception
    error_id, class_name = (
        ("ScriptMethod", "MethodInvocation")
        if kind == "Method"
        else (
            f"Script{kind}Value",
            f"{kind}ValueInvocation",
        )
    )
    return runtime_error(
        f'{what}: "{inner.message}"',
        f"{error_id}RuntimeException",
        "NotSpecified",
        type_name=f"System.Management.Automation.{class_name}Exception",
        inner=inner,
    )


__all__ = ["DAYS", "MONTHS", "make_member", "script_property", "unix_date"]
