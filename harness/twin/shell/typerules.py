"""What ``Update-TypeData`` says about a type beside members: how it is written to CLIXML and shown in short."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.twin.shell.conversion import to_integer
from harness.twin.shell.errors import PSError
from harness.twin.shell.objects import MemberSet, NoteProperty, PropertySet, PSObject
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import TypeRef, type_chain

if TYPE_CHECKING:
    from harness.twin.shell.runspace import Runspace

_INT: Final = TypeRef("System.Int32")


@dataclass(slots=True)
class TypeRules:
    """The standard members of a type; ``None`` where nothing is said."""

    depth: int | None = None
    method: str | None = None
    string_source: str | None = None
    properties: tuple[str, ...] | None = None
    inherit: bool = True
    display_property: str | None = None
    key_properties: tuple[str, ...] | None = None

    def filled(self, other: TypeRules) -> TypeRules:
        """These rules, completed by those of a base type."""
        pairs = {
            name: getattr(self, name) if getattr(self, name) is not None else getattr(other, name)
            for name in ("depth", "method", "string_source", "display_property", "key_properties")
        }
        properties = self.properties
        if other.properties is not None and (properties is None or self.inherit):
            properties = (*(properties or ()), *(one for one in other.properties if one not in (properties or ())))
        return TypeRules(**pairs, properties=properties, inherit=other.inherit)


NO_RULES: Final = TypeRules()
BUILT_IN: Final = {
    name.lower(): TypeRules(depth=1)
    for name in (
        "System.Net.IPAddress",
        "System.Net.Mail.MailAddress",
        "System.Globalization.CultureInfo",
        "System.Management.Automation.SwitchParameter",
        "System.Management.Automation.PSCredential",
    )
}
"""Types that are rebuilt from their properties, so these are always written ([D] types.ps1xml of 5.1)."""


def rules_of(rs: Runspace, value: object) -> TypeRules:
    """The rules for a value: its own ``PSStandardMembers`` first, then those of its types."""
    found = NO_RULES
    if isinstance(value, PSObject):
        own = value.members.get("psstandardmembers")
        if isinstance(own, MemberSet):
            found = _own_rules(own)
    for name in type_chain(value):
        low = name.lower()
        rules = rs.type_rules.get(low) or BUILT_IN.get(low)
        if rules is not None:
            found = found.filled(rules)
    return found


def _own_rules(members: MemberSet) -> TypeRules:
    def text(name: str) -> str | None:
        member = members.members.get(name)
        return to_text(member.value) if isinstance(member, NoteProperty) else None

    chosen = members.members.get("propertyserializationset")
    depth = members.members.get("serializationdepth")
    try:
        level = to_integer(depth.value, _INT) if isinstance(depth, NoteProperty) else None
    except PSError:
        level = None
    return TypeRules(
        depth=level,
        method=text("serializationmethod"),
        string_source=text("stringserializationsource"),
        properties=tuple(chosen.names) if isinstance(chosen, PropertySet) else None,
        display_property=text("defaultdisplayproperty"),
    )
