"""How methods are declared that scripts name without parentheses ([D] .NET Framework reference)."""

from __future__ import annotations

from typing import Final

from harness.twin.shell.dotnet.registry import prop
from harness.twin.shell.formatting.views import Column, register_view
from harness.twin.shell.members import BoundMethod
from harness.twin.shell.objects import NetList
from harness.twin.shell.text import register_text
from harness.twin.shell.typesystem import ENUMS, register_value_type, type_chain

_COMPARISON: Final = "System.StringComparison comparisonType"
_SEARCH: Final = (
    *("char value", "char value, int startIndex", "char value, int startIndex, int count"),
    *("string value", "string value, int startIndex", "string value, int startIndex, int count"),
    *(f"string value, {_COMPARISON}", f"string value, int startIndex, {_COMPARISON}"),
    f"string value, int startIndex, int count, {_COMPARISON}",
)
_EDGE: Final = ("string value", f"string value, {_COMPARISON}", "string value, bool ignoreCase, cultureinfo culture")
_OPTIONS: Final = "System.StringSplitOptions options"
_PADDED: Final = ("int totalWidth", "int totalWidth, char paddingChar")
_PARAMETERS: Final[dict[str, dict[str, tuple[str, tuple[str, ...]]]]] = {
    "System.String": {
        "ToUpper": ("string", ("", "cultureinfo culture")),
        "ToLower": ("string", ("", "cultureinfo culture")),
        "ToUpperInvariant": ("string", ("",)),
        "ToLowerInvariant": ("string", ("",)),
        "Trim": ("string", ("Params char[] trimChars", "")),
        "TrimStart": ("string", ("Params char[] trimChars",)),
        "TrimEnd": ("string", ("Params char[] trimChars",)),
        "Substring": ("string", ("int startIndex", "int startIndex, int length")),
        "Replace": ("string", ("char oldChar, char newChar", "string oldValue, string newValue")),
        "Insert": ("string", ("int startIndex, string value",)),
        "Remove": ("string", ("int startIndex, int count", "int startIndex")),
        "PadLeft": ("string", _PADDED),
        "PadRight": ("string", _PADDED),
        "Contains": ("bool", ("string value",)),
        "StartsWith": ("bool", _EDGE),
        "EndsWith": ("bool", _EDGE),
        "IndexOf": ("int", _SEARCH),
        "LastIndexOf": ("int", _SEARCH),
        "ToCharArray": ("char[]", ("", "int startIndex, int length")),
        "Split": (
            "string[]",
            (
                *("Params char[] separator", "char[] separator, int count", f"char[] separator, {_OPTIONS}"),
                *(f"char[] separator, int count, {_OPTIONS}", f"string[] separator, {_OPTIONS}"),
                f"string[] separator, int count, {_OPTIONS}",
            ),
        ),
    },
    "System.DateTime": {
        "AddDays": ("datetime", ("double value",)),
        "AddHours": ("datetime", ("double value",)),
        "AddMinutes": ("datetime", ("double value",)),
        "AddSeconds": ("datetime", ("double value",)),
        "AddMonths": ("datetime", ("int months",)),
        "AddYears": ("datetime", ("int value",)),
        "ToUniversalTime": ("datetime", ("",)),
        "ToLocalTime": ("datetime", ("",)),
        "ToShortDateString": ("string", ("",)),
        "ToLongDateString": ("string", ("",)),
    },
    "System.Object": {"GetType": ("type", ("",)), "GetHashCode": ("int", ("",))},
}


def definitions(this: BoundMethod) -> NetList:
    """The overloads of a method; nothing where they are not declared here."""
    found = list(this.overloads)
    for name in type_chain(this.target) if not found else ():
        declared = _PARAMETERS.get(name, {}).get(this.name)
        if declared is not None:
            found = [f"{declared[0]} {this.name}({parameters})" for parameters in declared[1]]
            break
    return NetList(found, "System.Collections.ObjectModel.Collection`1[System.String]")


METHOD: Final = "System.Management.Automation.PSMethod"
_INFO: Final = "System.Management.Automation.PSMethodInfo"
_KINDS: Final = ENUMS["system.management.automation.psmembertypes"]
register_value_type(BoundMethod, METHOD, (METHOD, _INFO, "System.Management.Automation.PSMemberInfo", "System.Object"))
register_text(
    BoundMethod, lambda value: ", ".join(map(str, definitions(value))) if isinstance(value, BoundMethod) else ""
)
prop(BoundMethod, "MemberType", lambda _this: _KINDS("Method"))
prop(BoundMethod, "OverloadDefinitions", definitions)
prop(BoundMethod, "TypeNameOfValue", lambda _this: METHOD)
prop(BoundMethod, "Value", lambda this: this)
prop(BoundMethod, "Name", lambda this: this.name)
prop(BoundMethod, "IsInstance", lambda _this: True)


def _lines(value: object) -> str:
    return "".join(f"{one}\n" for one in definitions(value)) if isinstance(value, BoundMethod) else ""


register_view(METHOD, table=[Column("OverloadDefinitions", _lines)], wrap=True)
