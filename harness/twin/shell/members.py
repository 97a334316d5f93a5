"""Reading, setting and calling members of any value, with PowerShell's own rules on top of .NET's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from harness.twin.shell.conversion import convert
from harness.twin.shell.dotnet.registry import (
    NetMethod,
    NetProperty,
    call_method,
    invocation_error,
    members_of,
    net_properties,
)
from harness.twin.shell.errors import ErrorRecord, NetError, NetException, PSError, runtime_error
from harness.twin.shell.objects import (
    NOTHING,
    AddedNote,
    ComputedProperty,
    Entry,
    Enumerator,
    Member,
    MemberSet,
    NoteProperty,
    PSHashtable,
    PSMethod,
    PSObject,
    TypedProperty,
    read_member,
)
from harness.twin.shell.rows import Later
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import is_null, type_chain, type_name

if TYPE_CHECKING:
    from harness.twin.shell.runspace import Runspace

MISSING: Final = object()
_EXTENSIBLE: Final = (PSHashtable, ErrorRecord, NetException)


class BoundMethod:
    """A method read as a property: ``'abc'.ToUpper``."""

    __slots__ = ("name", "overloads", "target")

    def __init__(self, name: str, target: object, overloads: list[str]) -> None:
        self.name = name
        self.target = target
        self.overloads = overloads


Adapter = Callable[[Any, str], object]
ADAPTERS: Final[dict[type, Adapter]] = {}
LISTED: Final[dict[type, Callable[[Any], list[tuple[str, object]]]]] = {}
"""Classes whose properties depend on the value: how they are listed."""
SETTERS: Final[dict[type, Callable[[Any, str, str, object], bool]]] = {}
Intrinsic = Callable[[object], object]
INTRINSICS: Final[dict[str, Intrinsic]] = {}


def find_member(rs: Runspace, value: object, low: str) -> object:
    """The value of a member by its lower-case name, or ``MISSING``."""
    kind = type(value)
    if kind is PSObject:
        return _object_member(rs, value, low)  # type: ignore[arg-type]
    if kind is PSHashtable:
        return _table_member(value, low)  # type: ignore[arg-type]
    if isinstance(value, _EXTENSIBLE) and value.extra and low in value.extra:
        return read_member(value, value.extra[low])
    adapter = ADAPTERS.get(kind)
    if adapter is not None:
        adapted = adapter(value, low)
        if adapted is not MISSING:
            return adapted
    found = members_of(kind).get(low)
    if found is not None:
        if isinstance(found, NetProperty):
            return read_property(found, value)
        return BoundMethod(found.name, value, [])
    if isinstance(value, Entry) and low == "name":
        return value.key
    return _fallback(rs, value, low)


def read_property(member: NetProperty, value: object) -> object:
    """The value of a declared property. Raises ``PSError`` with what .NET says when reading fails."""
    try:
        return member.getter(value)
    except NetError as fault:
        raise runtime_error(
            f'Exception getting "{member.name}": "{fault.exception.message}"',
            "ExceptionWhenGetting",
            "NotSpecified",
            type_name="System.Management.Automation.GetValueInvocationException",
            inner=fault.exception,
        ) from None


def _fallback(rs: Runspace, value: object, low: str) -> object:
    if rs.type_data:
        extension = type_extension(rs, value, low)
        if extension is not None:
            return read_member(value, extension)
    intrinsic = INTRINSICS.get(low)
    if intrinsic is not None:
        return intrinsic(value)
    if low in ("count", "length") and not isinstance(value, PSObject):
        return 1
    return MISSING


def _object_member(rs: Runspace, value: PSObject, low: str) -> object:
    member: Member | None = None
    if value.row is not None:
        column = value.row[0].get(low)
        if column is not None:
            item = value.row[1][column[0]]
            return item.read() if type(item) is Later else item
    else:
        member = value.members.get(low)
    if member is not None:
        if type(member) is NoteProperty:
            return member.value
        if isinstance(member, PSMethod):
            return BoundMethod(member.name, value, [member.signature])
        return read_member(value, member)
    if value.base is not None:
        own = INTRINSICS.get(low)
        return find_member(rs, value.base, low) if own is None else own(value)
    found = members_of(PSObject).get(low)
    if isinstance(found, NetProperty):
        return found.getter(value)
    return _fallback(rs, value, low)


def _table_member(value: PSHashtable, low: str) -> object:
    for_key = value.get(low, MISSING)
    if for_key is MISSING and value.case_sensitive:
        for_key = next((item for key, item in value.items() if isinstance(key, str) and key.lower() == low), MISSING)
    if for_key is not MISSING:
        return for_key
    if value.extra and low in value.extra:
        return read_member(value, value.extra[low])
    found = members_of(PSHashtable).get(low)
    if isinstance(found, NetProperty):
        return found.getter(value)
    if found is not None:
        return BoundMethod(found.name, value, [])
    intrinsic = INTRINSICS.get(low)
    return intrinsic(value) if intrinsic is not None else MISSING


def type_extension(rs: Runspace, value: object, low: str) -> Member | None:
    """A member that ``Update-TypeData`` added to the value's type."""
    for name in type_chain(value):
        table = rs.type_data.get(name.lower())
        if table is not None and low in table:
            found: Member = table[low]
            return found
    return None


def get_member(rs: Runspace, value: object, low: str, name: str, strict: int = 0) -> object:
    """``value.name``: a list without such a member gives those of its elements; what is missing is ``$null``."""
    if type(value) is PSObject:  # by far the most frequent: a plain property
        row = value.row
        if row is None:
            member = value.members.get(low)
            if type(member) is NoteProperty:
                return member.value
        elif (column := row[0].get(low)) is not None:
            item = row[1][column[0]]
            return item.read() if type(item) is Later else item
    if value is None or value is NOTHING:
        return _null_member(low, name, strict)
    found = find_member(rs, value, low) if not isinstance(value, list) else _list_member(rs, value, low)
    if found is MISSING:
        if isinstance(value, Enumerator):
            return _each(rs, list(value.items), low)
        if strict >= 2:
            raise property_not_found(name)
        return 1 if low in ("count", "length") and _counts_as_one(value) else None
    return found


def _counts_as_one(value: object) -> bool:
    """Whether an object without such a property has ``Count`` and ``Length`` of 1 all the same: 5.1 gives them to
    .NET objects, not to custom objects, instances of WMI and what came from another machine ([D] about_Properties)."""
    if not isinstance(value, PSObject) or value.net_type is None:
        return False
    return not any(name.startswith(_UNCOUNTED) for name in value.type_names)


_UNCOUNTED: Final = (
    "System.Management.Automation.PSCustomObject",
    "Microsoft.Management.Infrastructure.CimInstance",
    "System.Management.ManagementObject",
    "Deserialized.",
)


def _null_member(low: str, name: str, strict: int) -> object:
    if strict >= 2:
        raise property_not_found(name)
    return 0 if low in ("count", "length") else None


def property_not_found(name: str) -> PSError:
    """Strict mode: no such property."""
    return runtime_error(
        f"The property '{name}' cannot be found on this object. Verify that the property exists.",
        "PropertyNotFoundStrict",
        "NotSpecified",
        type_name="System.Management.Automation.PropertyNotFoundException",
    )


def _list_member(rs: Runspace, value: list[object], low: str) -> object:
    own = members_of(type(value)).get(low)
    if isinstance(own, NetProperty):
        return own.getter(value)
    if own is not None:
        return BoundMethod(own.name, value, [])
    intrinsic = INTRINSICS.get(low)
    if intrinsic is not None:
        return intrinsic(value)
    found = _each(rs, value, low)
    return MISSING if found is None else found


def _each(rs: Runspace, items: Sequence[object], low: str) -> object:
    found: list[object] = []
    hit = False
    for item in items:
        if is_null(item):
            continue
        one = find_member(rs, item, low) if not isinstance(item, list) else _list_member(rs, item, low)
        if one is MISSING:
            if not (isinstance(item, PSObject) and item.net_type is None and item.base is None):
                continue
            one = None
        hit = True
        if isinstance(one, list):
            found.extend(one)
        else:
            found.append(one)
    if not hit:
        return None
    return found[0] if len(found) == 1 else found


# --------------------------------------------------------------------------------------------------------- setting


def set_member(rs: Runspace, value: object, name: str, new: object) -> None:
    """``value.name = new``."""
    low = name.lower()
    if is_null(value):
        raise _not_settable(name)
    if isinstance(value, PSHashtable):
        own = members_of(PSHashtable).get(low)
        if value.extra and low in value.extra:
            _store(value, value.extra[low], new)
        elif isinstance(own, NetProperty) and low not in value and low in ("count", "keys", "values"):
            raise _read_only(own.name)
        else:
            value[name] = None if new is NOTHING else new
        return
    if isinstance(value, PSObject):
        member = value.members.get(low)
        if member is not None:
            _store(value, member, new)
            return
        if value.base is not None:
            set_member(rs, value.base, name, new)
            return
        extension = type_extension(rs, value, low) if rs.type_data else None
        if extension is None:
            raise _missing_on_custom(name) if value.net_type is None else _no_such_property(name)
        _store(value, extension, new)
        return
    _set_net(value, low, name, new)


def _set_net(value: object, low: str, name: str, new: object) -> None:
    if isinstance(value, _EXTENSIBLE) and value.extra and low in value.extra:
        _store(value, value.extra[low], new)
        return
    setter = SETTERS.get(type(value))
    if setter is not None:
        if setter(value, low, name, new):
            return
        if not isinstance(members_of(type(value)).get(low), NetProperty):
            raise _missing_on_custom(name)
    own = members_of(type(value)).get(low)
    if not isinstance(own, NetProperty):
        raise _no_such_property(name)
    if own.setter is None:
        raise _read_only(own.name)
    try:
        own.setter(value, new)
    except NetError as fault:
        raise _setting_failed(name, fault.exception.message, fault.exception) from None


def _store(target: object, member: Member, new: object) -> None:
    if type(member) is TypedProperty:
        try:
            member.value = member.admit(None if new is NOTHING else new)
        except PSError as fault:
            raise _setting_failed(member.name, fault.record.exception.message, fault.record.exception) from None
    elif isinstance(member, NoteProperty):
        member.value = None if new is NOTHING else new
    elif isinstance(member, ComputedProperty) and member.setter is not None:
        member.setter(target, new)
    else:
        raise _setting_failed(member.name, f'Set accessor for property "{member.name}" is unavailable.')


def _no_such_property(name: str) -> PSError:
    text = f"The property '{name}' cannot be found on this object. Verify that the property exists and can be set."
    return runtime_error(text, "PropertyAssignmentException", "InvalidOperation")


def _not_settable(name: str) -> PSError:
    text = f"The property '{name}' cannot be found on this object. Verify that the property exists and can be set."
    return runtime_error(text, "PropertyNotFound", "InvalidOperation")


def _missing_on_custom(name: str) -> PSError:
    inner = f"The property '{name}' cannot be found on this object. Verify that the property exists and can be set."
    return runtime_error(
        f'Exception setting "{name}": "{inner}"',
        "ExceptionWhenSetting",
        "NotSpecified",
        type_name="System.Management.Automation.SetValueInvocationException",
    )


def _read_only(name: str) -> PSError:
    return runtime_error(f"'{name}' is a ReadOnly property.", "PropertyAssignmentException", "InvalidOperation")


def _setting_failed(name: str, reason: str, inner: NetException | None = None) -> PSError:
    return runtime_error(
        f'Exception setting "{name}": "{reason}"',
        "ExceptionWhenSetting",
        "NotSpecified",
        type_name="System.Management.Automation.SetValueInvocationException",
        inner=inner,
    )


# --------------------------------------------------------------------------------------------------------- calling

ListMethod = Callable[["Runspace", list[object], Sequence[object]], object]
LIST_METHODS: Final[dict[str, ListMethod]] = {}


def invoke_member(rs: Runspace, value: object, name: str, arguments: Sequence[object]) -> object:
    """``value.name(arguments)``; on a list without such a method, on each element."""
    if value is None or value is NOTHING:
        raise runtime_error(
            "You cannot call a method on a null-valued expression.", "InvokeMethodOnNull", "InvalidOperation"
        )
    low = name.lower()
    found = _try_invoke(rs, value, low, arguments)
    if found is not MISSING:
        return found
    magic = LIST_METHODS.get(low)
    if magic is not None:
        return magic(rs, value if isinstance(value, list) else [value], arguments)
    if isinstance(value, list):
        results = [_on_element(rs, item, low, name, arguments) for item in value]
        results = [item for item in results if item is not NOTHING]
        return results[0] if len(results) == 1 else results
    raise method_not_found(value, name)


def _on_element(rs: Runspace, item: object, low: str, name: str, arguments: Sequence[object]) -> object:
    if is_null(item):
        raise runtime_error(
            "You cannot call a method on a null-valued expression.", "InvokeMethodOnNull", "InvalidOperation"
        )
    found = _try_invoke(rs, item, low, arguments)
    if found is MISSING:
        raise method_not_found(item, name)
    return found


def called(low: str) -> str:
    """Where an object keeps a method whose name a property of the same class has too."""
    return f"{low}()"


def _try_invoke(rs: Runspace, value: object, low: str, arguments: Sequence[object]) -> object:
    if isinstance(value, PSObject):
        member: Any = value.members.get(low)
        if member is not None and not isinstance(member, PSMethod):
            member = value.members.get(called(low), member)
        if isinstance(member, PSMethod):
            return _call_object(member, value, arguments)
        if member is None and value.base is not None:
            return _try_invoke(rs, value.base, low, arguments)
    elif isinstance(value, _EXTENSIBLE) and value.extra and isinstance(value.extra.get(low), PSMethod):
        member = value.extra[low]
        return _call_object(member, value, arguments)
    own = members_of(type(value)).get(low)
    if isinstance(own, NetMethod):
        return call_method(own, [value], arguments)
    if rs.type_data:
        extension = type_extension(rs, value, low)
        if isinstance(extension, PSMethod):
            return _call_object(extension, value, arguments)
    shared = members_of(object).get(low)
    if isinstance(shared, NetMethod):
        return call_method(shared, [value], arguments)
    if low.startswith("get_") and not arguments:
        return find_member(rs, value, low[4:])
    return MISSING


def _call_object(member: PSMethod, value: object, arguments: Sequence[object]) -> object:
    try:
        return member.call(value, *arguments)
    except NetError as fault:
        raise invocation_error(member.name, len(arguments), fault.exception) from None
    except TypeError as fault:
        if "positional argument" not in str(fault):
            raise
        raise runtime_error(
            f'Cannot find an overload for "{member.name}" and the argument count: "{len(arguments)}".',
            "MethodCountCouldNotFindBest",
            "NotSpecified",
            type_name="System.Management.Automation.MethodException",
        ) from None


def method_not_found(value: object, name: str) -> PSError:
    """No such method.  A bag of properties is named by its first type name ([D] source of 2016, ParserOps)."""
    is_bag = isinstance(value, PSObject) and value.base is None and value.type_names
    kind = value.type_names[0] if is_bag and isinstance(value, PSObject) else type_name(value)
    return runtime_error(
        f"Method invocation failed because [{kind}] does not contain a method named '{name}'.",
        "MethodNotFound",
        "InvalidOperation",
        name,
        target_name=name,
        target_type="String",
    )


# ------------------------------------------------------------------------------------------------------ enumeration


def property_list(rs: Runspace, value: object) -> list[tuple[str, object]]:
    """Names and values of all properties of a value, in the order in which they are shown: the class's own first."""
    if isinstance(value, PSObject):
        own = [
            (member.name, _safely(value, member))
            for member in list(value.members.values())
            if isinstance(member, NoteProperty | ComputedProperty)
            and not (type(member) is TypedProperty and member.hidden)
        ]
        if value.base is None:
            return own + _extended(rs, value)
        inner = property_list(rs, value.base)
        added = {member.name for member in net_properties(value.base) if member.kind != "Property"}
        first = [pair for pair in inner if pair[0] not in added]
        return first + own + [pair for pair in inner if pair[0] in added] + _extended(rs, value)
    listed = LISTED.get(type(value))
    if listed is not None:
        return listed(value)
    members = net_properties(value)
    found = [(member.name, _safe(member, value)) for member in members if member.kind == "Property"]
    late = [(member.name, _safe(member, value)) for member in members if member.kind != "Property"]
    if isinstance(value, _EXTENSIBLE) and value.extra:
        found += [
            (member.name, _safely(value, member))
            for member in value.extra.values()
            if isinstance(member, NoteProperty | ComputedProperty)
        ]
    return found + late + _extended(rs, value)


def integrated(rs: Runspace, value: object) -> list[tuple[str, object]]:
    """The same in the order of ``PSObject.Properties``: what was added to the object, to its type, the class's own."""
    pairs = property_list(rs, value)
    base = value.base if isinstance(value, PSObject) else value
    if base is None or isinstance(base, PSObject):
        return pairs
    own = {member.name for member in net_properties(base) if member.kind == "Property"}
    return [pair for pair in pairs if pair[0] not in own] + [pair for pair in pairs if pair[0] in own]


def _extended(rs: Runspace, value: object) -> list[tuple[str, object]]:
    if not rs.type_data:
        return []
    found: list[tuple[str, object]] = []
    for name in type_chain(value):
        found.extend(
            (member.name, _safely(value, member))
            for member in rs.type_data.get(name.lower(), {}).values()
            if isinstance(member, NoteProperty | ComputedProperty)
        )
    return found


def _safely(value: object, member: Member) -> object:
    """A property's value; nothing when its getter fails."""
    try:
        return read_member(value, member)
    except (NetError, PSError):
        return None


def _safe(member: NetProperty, value: object) -> object:
    try:
        return member.getter(value)
    except (NetError, PSError):
        return None


def standard_members(value: PSObject) -> MemberSet | None:
    """``PSStandardMembers`` of an object."""
    found = value.members.get("psstandardmembers")
    return found if isinstance(found, MemberSet) else None


def attach(value: object, member: Member) -> object:
    """Add a member to a value; a value that cannot carry members is wrapped, and the wrapper is returned."""
    if isinstance(value, PSObject):
        if value.net_type is not None and type(member) is NoteProperty:
            member = AddedNote(member.name, member.value)
        value.members[member.name.lower()] = member
        return value
    if isinstance(value, _EXTENSIBLE):
        if value.extra is None:
            value.extra = {}
        value.extra[member.name.lower()] = member
        return value
    wrapper = PSObject(None, type_chain(value), base=value)
    wrapper.members[member.name.lower()] = member
    return wrapper


__all__ = [
    "INTRINSICS",
    "LIST_METHODS",
    "MISSING",
    "BoundMethod",
    "attach",
    "convert",
    "find_member",
    "get_member",
    "integrated",
    "invoke_member",
    "property_list",
    "set_member",
    "standard_members",
    "to_text",
]
