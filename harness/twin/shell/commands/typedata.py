"""``Update-TypeData``, ``Remove-TypeData``: members, display and serialization of a type, in this session."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.making import make_member
from harness.twin.shell.commands.table import CORE, UTILITY
from harness.twin.shell.objects import PropertySet
from harness.twin.shell.typerules import TypeRules

_METHODS: Final = ("AllPublicProperties", "String", "SpecificProperties")
_STANDARD: Final = (
    "SerializationMethod",
    "TargetTypeForDeserialization",
    "SerializationDepth",
    "DefaultDisplayProperty",
    "InheritPropertySerializationSet",
    "StringSerializationSource",
    "DefaultDisplayPropertySet",
    "DefaultKeyPropertySet",
    "PropertySerializationSet",
)


@CORE.cmdlet(
    "Update-TypeData",
    module=UTILITY,
    parameters=[
        Parameter("TypeName", "string", position=0, mandatory=True, pipeline="name", sets=("DynamicTypeSet",)),
        Parameter("MemberType", "string"),
        Parameter("MemberName", "string"),
        Parameter("Value", "object"),
        Parameter("SecondValue", "object"),
        Parameter("TypeConverter", "type"),
        Parameter("TypeAdapter", "type"),
        Parameter("SerializationMethod", "string", values=_METHODS),
        Parameter("TargetTypeForDeserialization", "type"),
        Parameter("SerializationDepth", "int", minimum=0, maximum=2**31 - 1),
        Parameter("DefaultDisplayProperty", "string"),
        Parameter("InheritPropertySerializationSet", "bool"),
        Parameter("StringSerializationSource", "string"),
        Parameter("DefaultDisplayPropertySet", "string[]"),
        Parameter("DefaultKeyPropertySet", "string[]"),
        Parameter("PropertySerializationSet", "string[]"),
        Parameter("AppendPath", "string[]", aliases=("PSPath", "Path"), sets=("FileSet",)),
        Parameter("PrependPath", "string[]", sets=("FileSet",)),
        Parameter("Force", "switch"),
    ],
    default_set="DynamicTypeSet",
    should_process=True,
)
def update_type_data(call: Call) -> None:
    """Adds members, a default display or serialization rules to a type; what is there already needs ``-Force``."""
    name = call.text("TypeName")
    low = name.lower()
    table = call.rs.type_data.setdefault(low, {})
    rules = call.rs.type_rules.get(low, TypeRules())
    if not call.switch("Force") and _taken(call, name, table, rules):
        return
    if call.has("MemberName"):
        member = call.text("MemberName")
        table[member.lower()] = make_member(call.text("MemberType"), member, call.get("Value"), call.get("SecondValue"))
    if call.has("DefaultDisplayPropertySet"):
        table["psstandardmembers"] = PropertySet("DefaultDisplayPropertySet", call.texts("DefaultDisplayPropertySet"))
    call.rs.type_rules[low] = _with(call, rules)


def _with(call: Call, rules: TypeRules) -> TypeRules:
    if call.has("SerializationDepth"):
        rules = replace(rules, depth=call.number("SerializationDepth"))
    if call.has("SerializationMethod"):
        rules = replace(rules, method=call.text("SerializationMethod"))
    if call.has("StringSerializationSource"):
        rules = replace(rules, string_source=call.text("StringSerializationSource"))
    if call.has("PropertySerializationSet"):
        rules = replace(rules, properties=tuple(call.texts("PropertySerializationSet")))
    if call.has("InheritPropertySerializationSet"):
        rules = replace(rules, inherit=bool(call.get("InheritPropertySerializationSet")))
    if call.has("DefaultDisplayProperty"):
        rules = replace(rules, display_property=call.text("DefaultDisplayProperty"))
    if call.has("DefaultKeyPropertySet"):
        rules = replace(rules, key_properties=tuple(call.texts("DefaultKeyPropertySet")))
    return rules


def _taken(call: Call, name: str, table: dict[str, object], rules: TypeRules) -> bool:
    member = call.text("MemberName")
    known = {
        "SerializationDepth": rules.depth,
        "SerializationMethod": rules.method,
        "StringSerializationSource": rules.string_source,
        "PropertySerializationSet": rules.properties,
        "DefaultDisplayProperty": rules.display_property,
        "DefaultDisplayPropertySet": table.get("psstandardmembers"),
    }
    if not (member and member.lower() in table):
        member = next((one for one in _STANDARD if call.has(one) and known.get(one) is not None), "")
    if not member:
        return False
    call.write_error(
        f'Error in TypeData "{name}": The member {member} is already present.',
        "TypesDynamicUpdateException",
        "InvalidOperation",
        exception="System.Management.Automation.RuntimeException",
    )
    return True


@CORE.cmdlet(
    "Remove-TypeData",
    module=UTILITY,
    default_set="RemoveTypeSet",
    parameters=[Parameter("TypeName", "string", position=0, mandatory=True, pipeline=("value", "name"))],
    should_process=True,
)
def remove_type_data(call: Call) -> None:
    """Take back what types were taught."""
    name = call.text("TypeName")
    low = name.lower()
    if low not in call.rs.type_rules and low not in call.rs.type_data:
        call.write_error(
            f'Error in TypeData "{name}": The type "{name}" was not found. The type name value must be the full name '
            "of the type. Verify the type name and run the command again.",
            "TypesDynamicRemoveException",
            "InvalidOperation",
            exception="System.Management.Automation.RuntimeException",
        )
        return
    call.rs.type_rules.pop(low, None)
    call.rs.type_data.pop(low, None)
