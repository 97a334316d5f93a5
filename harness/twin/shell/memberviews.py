"""The members of a value in the two groups that serialization knows: those of its class, and those added to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.twin.shell.dotnet.registry import NetProperty, members_of, net_properties
from harness.twin.shell.errors import ErrorRecord, NetException
from harness.twin.shell.errortext import category_text, target_name_of, target_type_of
from harness.twin.shell.members import LISTED
from harness.twin.shell.objects import (
    AddedNote,
    ComputedProperty,
    Member,
    MemberSet,
    NoteProperty,
    PSHashtable,
    PSObject,
    read_member,
)
from harness.twin.shell.records import MessageRecord
from harness.twin.shell.typesystem import ENUMS, type_chain

if TYPE_CHECKING:
    from harness.twin.shell.runspace import Runspace

FROM_TYPES: Final = "types.ps1xml"
"""The detail of a computed member that the type gives, not the object."""
_CATEGORY: Final = ENUMS["system.management.automation.errorcategory"]


@dataclass(slots=True)
class Shown:
    """A member: its name, how it is read, and whether the object itself carries it (else its type does)."""

    name: str
    get: Callable[[], object]
    instance: bool = True

    @classmethod
    def of(cls, member: Member, owner: object = None) -> Shown:
        """A member of an object."""
        return cls(member.name, lambda: read_member(owner, member))

    @classmethod
    def fixed(cls, name: str, value: object) -> Shown:
        """A value that is known already."""
        return cls(name, lambda: value)


def of_class(member: Member) -> bool:
    """Whether a member of an object of a .NET type is a property of its class."""
    if isinstance(member, NoteProperty):
        return not isinstance(member, AddedNote)
    return isinstance(member, ComputedProperty) and member.kind == "Property"


def adapted(value: object) -> list[Shown]:
    """The properties of a value's class."""
    if isinstance(value, PSObject):
        if value.base is not None:
            return adapted(value.base)
        if value.net_type is None:
            return []
        return [Shown.of(member, value) for member in value.members.values() if of_class(member)]
    listed = LISTED.get(type(value))
    if listed is not None:
        return [Shown.fixed(name, item) for name, item in listed(value)]
    return [
        Shown(member.name, lambda member=member: member.getter(value))  # type: ignore[misc]
        for member in net_properties(value)
        if member.kind == "Property"
    ]


def extended(rs: Runspace, value: object, instance_only: bool = False) -> list[Shown]:
    """The members that were added to an object, and (unless ``instance_only``) those that its type data adds."""
    found: list[Shown] = []
    if isinstance(value, PSObject):
        keep = value.net_type is not None
        found = [
            Shown.of(member, value)
            for member in value.members.values()
            if isinstance(member, NoteProperty | ComputedProperty | MemberSet)
            and not (keep and of_class(member))
            and getattr(member, "detail", None) != FROM_TYPES
        ]
    elif isinstance(value, PSHashtable | ErrorRecord | NetException) and value.extra:
        found = [
            Shown.of(member, value)
            for member in value.extra.values()
            if isinstance(member, NoteProperty | ComputedProperty)
        ]
    if instance_only:
        return found
    inner = value.base if isinstance(value, PSObject) and value.base is not None else value
    found += [
        Shown(member.name, lambda member=member: member.getter(inner), False)  # type: ignore[misc]
        for member in net_properties(inner)
        if member.kind != "Property" and not isinstance(inner, PSObject | list)
    ]
    for name in type_chain(value) if rs.type_data else ():
        found += [
            Shown(member.name, lambda member=member: read_member(value, member), False)  # type: ignore[misc]
            for member in rs.type_data.get(name.lower(), {}).values()
            if isinstance(member, NoteProperty | ComputedProperty)
        ]
    return found


def _exception(record: ErrorRecord) -> object:
    member = members_of(ErrorRecord)["exception"]
    return member.getter(record) if isinstance(member, NetProperty) else record.exception


def error_notes(record: ErrorRecord) -> list[Shown]:
    """What of an error record goes over the wire."""
    fixed = Shown.fixed
    found = [
        Shown("Exception", lambda: _exception(record)),
        fixed("TargetObject", record.target),
        fixed("FullyQualifiedErrorId", record.full_id),
        Shown("InvocationInfo", lambda: record.invocation),
        fixed("ErrorCategory_Category", _CATEGORY(record.category).value),
        fixed("ErrorCategory_Activity", record.activity),
        fixed("ErrorCategory_Reason", record.reason or record.exception.short_name),
        fixed("ErrorCategory_TargetName", target_name_of(record)),
        fixed("ErrorCategory_TargetType", target_type_of(record)),
        fixed("ErrorCategory_Message", category_text(record)),
    ]
    if record.details is not None:
        found += [
            fixed("ErrorDetails_Message", record.details.message),
            fixed("ErrorDetails_RecommendedAction", record.details.recommended_action),
        ]
    found.append(fixed("SerializeExtendedInfo", False))
    if record.stack:
        found.append(fixed("ErrorDetails_ScriptStackTrace", record.stack))
    found.append(fixed("PSMessageDetails", None))
    return found


def message_notes(record: MessageRecord) -> list[Shown]:
    """What of a warning, verbose or debug record goes over the wire."""
    return [
        Shown.fixed("InformationalRecord_Message", record.message),
        Shown.fixed("InformationalRecord_SerializeInvocationInfo", False),
    ]
