"""What every object has: ``GetType``, ``ToString``, ``PSObject``; types, exceptions, error records, script blocks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from harness.twin.shell.commands.api import Call
from harness.twin.shell.compiler import compile_tree
from harness.twin.shell.conversion import caster, convert, no_cast, set_fallback
from harness.twin.shell.dotnet.delegates import Delegate
from harness.twin.shell.dotnet.enums import COMMAND_ORIGIN
from harness.twin.shell.dotnet.registry import (
    CONSTRUCTORS,
    NetProperty,
    call_method,
    constructor,
    members_of,
    method,
    prop,
    static,
)
from harness.twin.shell.enginecontext import session_state
from harness.twin.shell.errors import (
    ErrorDetails,
    ErrorRecord,
    Invocation,
    NetError,
    NetException,
    PSError,
    net_error,
    runtime_error,
)
from harness.twin.shell.errortext import category_text, position_message, target_name_of, target_type_of
from harness.twin.shell.invocation import call_block, one_value
from harness.twin.shell.members import INTRINSICS, attach, find_member, integrated, set_member
from harness.twin.shell.objects import (
    NOTHING,
    ComputedProperty,
    Int64,
    MemberSet,
    NetList,
    NoteProperty,
    PropertySet,
    PSEnum,
    PSHashtable,
    PSObject,
    Reference,
    bare_value,
)
from harness.twin.shell.parsefailure import parse_exception
from harness.twin.shell.parser import parse
from harness.twin.shell.records import HostText, MessageRecord
from harness.twin.shell.regexes import matches_wildcard
from harness.twin.shell.scope import Scope, Variable
from harness.twin.shell.scriptblock import ScriptBlock
from harness.twin.shell.session import current
from harness.twin.shell.text import net_text, register_text, to_text
from harness.twin.shell.typesystem import (
    ENUMS,
    TypeRef,
    find_type,
    register_type,
    register_value_type,
    type_chain,
    type_ref,
)

method(object, "GetType")(lambda this: type_ref(this))
method(object, "ToString")(lambda this: net_text(this))
method(object, "Equals", "object obj")(lambda this, other: this is other or this == other)
method(object, "GetHashCode")(lambda this: hash(str(this)) & 0x7FFFFFFF)

# -------------------------------------------------------------------------------------------------- error records


class CategoryInfo:
    """``ErrorCategoryInfo`` of a record."""

    __slots__ = ("record",)

    def __init__(self, record: ErrorRecord) -> None:
        self.record = record


_CATEGORY: Final = ENUMS["system.management.automation.errorcategory"]
register_value_type(CategoryInfo, "System.Management.Automation.ErrorCategoryInfo")
register_text(CategoryInfo, lambda value: category_text(value.record) if isinstance(value, CategoryInfo) else "")
prop(CategoryInfo, "Category", lambda this: _CATEGORY(this.record.category))
prop(CategoryInfo, "Activity", lambda this: this.record.activity)
prop(CategoryInfo, "Reason", lambda this: this.record.reason or this.record.exception.short_name)
prop(CategoryInfo, "TargetName", lambda this: target_name_of(this.record))
prop(CategoryInfo, "TargetType", lambda this: target_type_of(this.record))
prop(ErrorRecord, "Exception", lambda this: _with_record(this))
prop(ErrorRecord, "TargetObject", lambda this: this.target)
prop(ErrorRecord, "CategoryInfo", CategoryInfo)
prop(ErrorRecord, "FullyQualifiedErrorId", lambda this: this.full_id)
prop(ErrorRecord, "ErrorDetails", lambda this: this.details, lambda this, value: _set_details(this, value))
prop(ErrorRecord, "InvocationInfo", lambda this: this.invocation)
prop(ErrorRecord, "ScriptStackTrace", lambda this: this.stack)
prop(ErrorRecord, "PipelineIterationInfo", lambda _this: [])
prop(ErrorRecord, "PSMessageDetails", lambda _this: None, member="ScriptProperty")
DETAILS: Final = "System.Management.Automation.ErrorDetails"
register_value_type(ErrorDetails, DETAILS)
register_text(ErrorDetails, lambda value: value.message if isinstance(value, ErrorDetails) else "")
prop(ErrorDetails, "Message", lambda this: this.message)
prop(
    ErrorDetails,
    "RecommendedAction",
    lambda this: this.recommended_action,
    lambda this, value: setattr(this, "recommended_action", to_text(value)),
)


def _with_record(record: ErrorRecord) -> NetException:
    if record.exception.record is None:
        record.exception.record = replace(record)  # a record of its own, which tells the same
    return record.exception


def _set_details(record: ErrorRecord, value: object) -> None:
    record.details = value if isinstance(value, ErrorDetails) or value is None else ErrorDetails(to_text(value))


register_type(DETAILS)
constructor(DETAILS, "string message")(lambda message: ErrorDetails(message))


@constructor(
    "System.Management.Automation.ErrorRecord",
    "object exception, string errorId, System.Management.Automation.ErrorCategory errorCategory, object targetObject",
)
def new_record(exception: object, error_id: str, category: PSEnum, target: object) -> ErrorRecord:
    """An error record of its parts."""
    if not isinstance(exception, NetException):
        exception = NetException("System.Management.Automation.RuntimeException", to_text(exception))
    return ErrorRecord(exception, error_id, category.name, target)


register_value_type(Invocation, "System.Management.Automation.InvocationInfo")


_BOUND: Final = "System.Collections.Generic.Dictionary`2[System.String,System.Object]"


def _line(this: Invocation) -> str:
    if this.source is None or this.extent is None:
        return ""
    line = this.source.position(this.extent.start).line
    text = this.source.line_text(line)
    return text + ("\n" if line < this.source.line_count else "")


class CommandName:
    """What ``MyCommand`` shows."""

    __slots__ = ("name", "path")

    def __init__(self, name: str, path: str = "") -> None:
        self.name = name
        self.path = path


def _command_of(this: Invocation) -> CommandName | None:
    """The command that runs: a function or cmdlet by its name, a script also by its path."""
    if not this.command or this.command == "<ScriptBlock>":
        return None
    block = this.command_info
    tree = block.ast if isinstance(block, ScriptBlock) else None
    whole = tree is not None and this.command.lower().endswith(".ps1")
    return CommandName(this.command, tree.source.file if whole and tree is not None else "")


register_value_type(
    CommandName,
    lambda value: f"System.Management.Automation.{'ExternalScript' if getattr(value, 'path', '') else 'Function'}Info",
)
register_text(CommandName, lambda value: value.name if isinstance(value, CommandName) else "")
prop(CommandName, "Name", lambda this: this.name)
prop(CommandName, "CommandType", lambda this: "ExternalScript" if this.path else "Function")
prop(CommandName, "Path", lambda this: this.path or None)
prop(CommandName, "Definition", lambda this: this.path or None)
prop(CommandName, "Source", lambda this: this.path)
prop(Invocation, "MyCommand", _command_of)
prop(Invocation, "BoundParameters", lambda this: PSHashtable((), _BOUND) if this.bound is None else this.bound)
prop(
    Invocation,
    "UnboundArguments",
    lambda this: NetList(this.unbound, "System.Collections.Generic.List`1[System.Object]"),
)
prop(
    Invocation,
    "ScriptLineNumber",
    lambda this: this.source.position(this.extent.start).line if this.source and this.extent else 0,
)
prop(
    Invocation,
    "OffsetInLine",
    lambda this: this.source.position(this.extent.start).column if this.source and this.extent else 0,
)
prop(Invocation, "HistoryId", lambda _this: Int64(1))
prop(Invocation, "ScriptName", lambda this: this.source.file if this.source else "")
prop(Invocation, "Line", _line)
prop(Invocation, "PositionMessage", position_message)
prop(Invocation, "PSScriptRoot", lambda this: this.source.file.rpartition("\\")[0] if this.source else "")
prop(Invocation, "PSCommandPath", lambda this: this.source.file or None if this.source else None)
prop(Invocation, "InvocationName", lambda this: this.invocation_name)
prop(Invocation, "PipelineLength", lambda this: this.pipeline_length if this.command else 0)
prop(Invocation, "PipelinePosition", lambda this: this.pipeline_position if this.command else 0)
prop(Invocation, "ExpectingInput", lambda _this: False)
prop(Invocation, "CommandOrigin", lambda _this: COMMAND_ORIGIN("Internal"))
prop(Invocation, "DisplayScriptPosition", lambda _this: None)

prop(MessageRecord, "Message", lambda this: this.message)
prop(HostText, "Message", lambda this: this.message)
prop(HostText, "NoNewLine", lambda this: this.no_newline)
_COLOR: Final = ENUMS["system.consolecolor"]
prop(HostText, "ForegroundColor", lambda this: _COLOR(this.foreground) if this.foreground else None)
prop(HostText, "BackgroundColor", lambda this: _COLOR(this.background) if this.background else None)

# -------------------------------------------------------------------------------------------------- script blocks

SCRIPT_BLOCK: Final = "System.Management.Automation.ScriptBlock"
prop(ScriptBlock, "File", lambda _this: None)


@method(ScriptBlock, "Invoke", "params object[] args")
def invoke_block(this: ScriptBlock, arguments: list[object]) -> NetList:
    """``.Invoke(…)``: output as a collection."""
    rs = current()
    frame = rs.frames[-1] if rs.frames else rs.frame()
    before = rs.propagate
    rs.propagate = True
    try:
        output = call_block(rs, this, arguments, frame.scope, frame.streams)
    except PSError as fault:
        raise NetError(fault.record.exception) from None
    finally:
        rs.propagate = before
    return NetList(output, "System.Collections.ObjectModel.Collection`1[System.Management.Automation.PSObject]")


@method(ScriptBlock, "InvokeReturnAsIs", "params object[] args")
def invoke_as_is(this: ScriptBlock, arguments: list[object]) -> object:
    """``.InvokeReturnAsIs(…)``."""
    rs = current()
    frame = rs.frames[-1] if rs.frames else rs.frame()
    try:
        return one_value(call_block(rs, this, arguments, frame.scope, frame.streams))
    except PSError as fault:
        raise NetError(fault.record.exception) from None


@method(ScriptBlock, "GetNewClosure")
def new_closure(this: ScriptBlock) -> ScriptBlock:
    """A block that keeps the variables it sees now."""
    rs = current()
    frame = rs.frames[-1] if rs.frames else rs.frame()
    made = ScriptBlock(this.ast, lambda: this.body)
    scope = Scope(rs.global_scope)
    for low, variable in frame.scope.vars.items():
        scope.vars[low] = Variable(variable.name, variable.value)
    made.closure = scope
    return made


@static(SCRIPT_BLOCK, "Create", "string script")
def create_block(text: str) -> ScriptBlock:
    """A block from text."""
    result = parse(text)
    if result.errors:
        exception = parse_exception(result)
        raise net_error(exception.type_name, exception.message)
    current().use(result.script)
    block = compile_tree(result.script)
    return ScriptBlock(block.ast, lambda: block.body)


@caster(SCRIPT_BLOCK)
def to_block(value: object, target: TypeRef) -> object:
    """Text as a script block."""
    if value is None:
        return None
    if isinstance(value, Delegate):
        return value.block
    raise no_cast(value, target)


# -------------------------------------------------------------------------------------------------------- references

prop(Reference, "Value", lambda this: this.getter(), lambda this, value: this.setter(value))

# --------------------------------------------------------------------------------------------------- PSObject members


class ObjectView:
    """``$x.PSObject``."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value


class PropertyView:
    """One element of ``$x.PSObject.Properties``."""

    __slots__ = ("member", "name", "owner")

    def __init__(self, owner: object, name: str) -> None:
        self.owner = owner
        self.name = name
        self.member = owner.members.get(name.lower()) if isinstance(owner, PSObject) else None


class Properties(NetList):
    """``$x.PSObject.Properties``: by number, name or one after the other."""

    __slots__ = ("owner",)

    def __init__(self, owner: object) -> None:
        super().__init__(
            [PropertyView(owner, name) for name, _ in integrated(current(), owner)],
            "System.Management.Automation.PSMemberInfoIntegratingCollection`1[System.Management.Automation.PSPropertyInfo]",
        )
        self.owner = owner


def _read(this: PropertyView) -> object:
    return find_member(current(), this.owner, this.name.lower())


def _net_kind(this: PropertyView) -> str:
    found = members_of(type(bare_value(this.owner))).get(this.name.lower())
    return found.kind if isinstance(found, NetProperty) else "Property"


def _settable(this: PropertyView) -> bool:
    if isinstance(this.member, ComputedProperty):
        return this.member.setter is not None
    if this.member is not None:
        return True
    found = members_of(type(bare_value(this.owner))).get(this.name.lower())
    return not isinstance(found, NetProperty) or found.setter is not None


def _kind(this: PropertyView) -> PSEnum:
    kind = this.member.kind if this.member is not None else _net_kind(this)
    return ENUMS["system.management.automation.psmembertypes"](kind)


register_value_type(ObjectView, "System.Management.Automation.PSObject")
register_value_type(PropertyView, "System.Management.Automation.PSNoteProperty")
register_value_type(
    Properties,
    "System.Management.Automation.PSMemberInfoIntegratingCollection`1[System.Management.Automation.PSPropertyInfo]",
)
prop(PropertyView, "MemberType", _kind)
prop(PropertyView, "IsSettable", lambda this: _settable(this))
prop(PropertyView, "IsGettable", lambda _this: True)
prop(PropertyView, "Value", _read, lambda this, value: _write(this, value))
prop(
    PropertyView,
    "TypeNameOfValue",
    lambda this: type_chain(_read(this))[0] if _read(this) is not None else "System.Object",
)
prop(PropertyView, "Name", lambda this: this.name)
prop(PropertyView, "IsInstance", lambda this: this.member is not None)


def _write(this: PropertyView, value: object) -> None:
    set_member(current(), this.owner, this.name, value)


prop(ObjectView, "Properties", lambda this: Properties(this.value))
prop(ObjectView, "Members", lambda this: Properties(this.value))
prop(ObjectView, "TypeNames", lambda this: type_names(this.value))
prop(
    ObjectView,
    "BaseObject",
    lambda this: bare_value(this.value),
)
prop(
    ObjectView,
    "ImmediateBaseObject",
    lambda this: bare_value(this.value),
)
prop(ObjectView, "Methods", lambda _this: NetList())


@method(ObjectView, "Copy")
def copy_object(this: ObjectView) -> object:
    """A shallow copy."""
    value = this.value
    return value.copy() if isinstance(value, PSObject | PSHashtable) else value


class TypeNames(NetList):
    """``PSTypeNames`` of an object that can be changed."""

    __slots__ = ()


register_value_type(TypeNames, "System.Collections.ObjectModel.Collection`1[System.String]")


def type_names(value: object) -> NetList:
    """The type names of a value; those of an object with members can be changed."""
    names = TypeNames(type_chain(value), "System.Collections.ObjectModel.Collection`1[System.String]")
    if isinstance(value, PSObject):
        value.type_names = names  # type: ignore[assignment]
    return names


def _property_named(this: Properties, key: object) -> object:
    if isinstance(key, int):
        return this[key] if -len(this) <= key < len(this) else None
    low = to_text(key).lower()
    return next((one for one in this if isinstance(one, PropertyView) and one.name.lower() == low), None)


method(Properties, "get_Item", "object key")(_property_named)
_AUTOMATION: Final = "System.Management.Automation."
_MATCHES: Final = f"{_AUTOMATION}ReadOnlyPSMemberInfoCollection`1[{_AUTOMATION}PSPropertyInfo]"
method(Properties, "Match", "string name")(
    lambda this, name: NetList(
        [one for one in this if isinstance(one, PropertyView) and matches_wildcard(name, one.name)], _MATCHES
    )
)


@method(Properties, "Remove", "string name")
def remove_property(this: Properties, name: str) -> object:
    """Remove a property of an object."""
    if isinstance(this.owner, PSObject):
        this.owner.members.pop(name.lower(), None)
    return NOTHING


@method(Properties, "Add", "object member")
def add_property(this: Properties, member: object) -> object:
    """Add a property to an object."""
    if isinstance(member, NoteProperty | PropertySet | MemberSet):
        attach(this.owner, member)
    return NOTHING


constructor("System.Management.Automation.PSNoteProperty", "string name, object value")(NoteProperty)
constructor("System.Management.Automation.PSPropertySet", "string name, object referencedPropertyNames")(
    lambda name, names: PropertySet(name, [to_text(one) for one in (names if isinstance(names, list) else [names])])
)
constructor("System.Management.Automation.PSObject", "", "object obj")(
    lambda value=None: (
        PSObject()
        if value is None
        else value
        if isinstance(value, PSObject)
        else PSObject(None, type_chain(value), base=value)
    )
)
for _class, _label in ((NoteProperty, "PSNoteProperty"), (PropertySet, "PSPropertySet"), (MemberSet, "PSMemberSet")):
    _full = f"System.Management.Automation.{_label}"
    _between = ("System.Management.Automation.PSPropertyInfo",) if _class is NoteProperty else ()
    register_value_type(_class, _full, (_full, *_between, "System.Management.Automation.PSMemberInfo", "System.Object"))
prop(NoteProperty, "Name", lambda this: this.name)
prop(NoteProperty, "Value", lambda this: this.value)
INTRINSICS["psobject"] = ObjectView
INTRINSICS["pstypenames"] = type_names

# -------------------------------------------------------------------------------------------------------- $PSCmdlet

register_value_type(Call, "System.Management.Automation.PSScriptCmdlet")
prop(Call, "ParameterSetName", lambda this: this.parameter_set or "__AllParameterSets")
prop(Call, "MyInvocation", lambda this: this.invocation)
prop(Call, "SessionState", lambda this: session_state(this.rs))


@method(Call, "WriteError", "object errorRecord")
def call_write_error(this: Call, record: object) -> object:
    """``$PSCmdlet.WriteError``."""
    if isinstance(record, ErrorRecord):
        record.activity = this.declaration.name
        record.command_class = record.command_class or this.declaration.name
        record.invocation = record.invocation or this.invocation
        this.rs.report_error(this, record)
    return NOTHING


@method(Call, "ThrowTerminatingError", "object errorRecord")
def call_throw(_this: Call, record: object) -> object:
    """``$PSCmdlet.ThrowTerminatingError``."""
    if isinstance(record, ErrorRecord):
        raise TerminatingError(record, _this)
    return NOTHING


class TerminatingError(PSError):
    """Leaves the function, then ends the statement that called it."""

    def __init__(self, record: ErrorRecord, call: Call) -> None:
        record.activity = call.declaration.name
        record.command_class = record.command_class or call.declaration.name
        record.invocation = call.invocation
        super().__init__(record)
        self.leaves = call


@method(
    Call,
    "ShouldProcess",
    "string target",
    "string target, string action",
    "string verboseDescription, string verboseWarning, string caption",
)
def call_should_process(this: Call, target: str, action: str = "", caption: str | None = None) -> bool:
    """``$PSCmdlet.ShouldProcess``; with a caption the first text is what ``-WhatIf`` tells."""
    return this.should_process(target, action if caption is None else "", told=caption is not None)


@method(Call, "ShouldContinue", "string query, string caption")
def call_should_continue(this: Call, _query: str, _caption: str) -> bool:
    """``$PSCmdlet.ShouldContinue`` asks always."""
    raise this.rs.nobody_to_ask()


method(Call, "WriteVerbose", "string text")(lambda this, text: this.write_verbose(text) or NOTHING)
method(Call, "WriteWarning", "string text")(lambda this, text: this.write_warning(text) or NOTHING)
method(Call, "WriteObject", "object value")(lambda this, value: this.emit(value) or NOTHING)


def by_constructor(value: object, target: TypeRef) -> object:
    """The last resort of a cast: a constructor of one argument."""
    found = CONSTRUCTORS.get(target.full_name)
    if found is None or not any(one.accepts(1) for one in found.overloads):
        raise no_cast(value, target)
    return call_method(found, [], [value])


set_fallback(by_constructor)
__all__: list[Any] = ["convert", "find_type", "runtime_error"]
