"""Objects as they arrive from another machine: ``Deserialized.…`` property bags ([D] PSD 5.1 about_Remote_Output).

What keeps its type, how deep properties go and that an enum becomes its number with its label as text is as in
``shell.clixml``, which writes the same on the wire ([D] MS-PSRP 2.2.5).
"""

from __future__ import annotations

import uuid
from typing import Final

from harness.twin.shell.errors import NetError, PSError
from harness.twin.shell.objects import (
    ComputedProperty,
    Enumerator,
    Member,
    NetList,
    NoteProperty,
    PSArray,
    PSEnum,
    PSHashtable,
    PSMethod,
    PSObject,
)
from harness.twin.shell.scriptblock import ScriptBlock
from harness.twin.shell.text import net_text, to_text
from harness.twin.shell.typesystem import is_null, type_chain

PREFIX: Final = "Deserialized."
_DEPTH: Final = 1
"""[D] Objects travel with the properties of their first level; deeper ones as text."""
_ENUM: Final = f"{PREFIX}System.Enum"
_UNCHANGED: Final = ("System.Management.Automation.PSCustomObject", "System.Object")


def received(value: object) -> object:
    """*value* as another machine sees it."""
    return _received(value, _DEPTH)


def stamped(value: object, computer: str, session: uuid.UUID, *, shown: bool) -> object:
    """A result of ``Invoke-Command``: it says where it came from ([D] about_Remote_Output)."""
    if is_null(value):
        return value
    made = value if isinstance(value, PSObject) else PSObject(None, type_chain(value), value)
    label = made.members.pop("value", None) if _ENUM in made.type_names[1:2] else None
    made.set("PSComputerName", computer)
    made.set("RunspaceId", session)
    made.set("PSShowComputerName", shown)
    if label is not None:  # what its type adds comes after its own
        made.members["value"] = label
    return made


def _received(value: object, level: int) -> object:
    if isinstance(value, PSEnum):
        return _enum(value)
    if isinstance(value, ScriptBlock):
        return value.text  # [D] a script block arrives as text
    if isinstance(value, PSHashtable):
        return PSHashtable([(key, _received(item, level)) for key, item in value.items()])
    if isinstance(value, PSArray) and value.element == "System.Byte":
        return value
    if isinstance(value, list | tuple):
        return NetList([_received(item, level) for item in value])
    if isinstance(value, Enumerator):
        return NetList([_received(item, level) for item in value.items])
    if not isinstance(value, PSObject):
        return value
    if value.base is not None:
        made = PSObject(None, tuple(value.type_names), _received(value.base, level), value.text)
        made.members = _members(value, level - 1)
        return made
    if value.net_type is None:
        return _bag(value, level)
    if level < 1:
        return to_text(value)
    return _bag(value, level - 1)


def _enum(value: PSEnum) -> PSObject:
    """The number; ``ToString()`` and ``Value`` give its label, a string around it does not [measured].

    [GK] ``Value`` is of types.ps1xml, Deserialized.System.Enum.
    """
    names = tuple(PREFIX + name for name in type_chain(value))
    made = PSObject({"Value": value.name}, names, value.value, value.name)
    made.members["tostring"] = PSMethod("ToString", lambda _this: value.name)
    return made


def _bag(value: PSObject, level: int) -> PSObject:
    names = tuple(name if name in _UNCHANGED and value.net_type is None else PREFIX + name for name in value.type_names)
    text = None if value.net_type is None else to_text(value)
    made = PSObject(
        None, names, text=text, net_type=None if value.net_type is None else "System.Management.Automation.PSObject"
    )
    made.members = _members(value, level)
    return made


def _members(value: PSObject, level: int) -> dict[str, Member]:
    found: dict[str, Member] = {}
    for low, member in value.members.items():
        if isinstance(member, NoteProperty):
            found[low] = NoteProperty(member.name, _received(member.value, level))
        elif isinstance(member, ComputedProperty):
            try:
                found[low] = NoteProperty(member.name, _received(member.getter(value), level))
            except (PSError, NetError):
                continue
    return found


def plain_text(value: object) -> str:
    """What is left of the target of an error on its way."""
    return to_text(value) if isinstance(value, PSObject | list) else net_text(value)
