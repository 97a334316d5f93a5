"""What a type says of itself beside its name: base class, visibility, whether it can be serialized."""

from __future__ import annotations

from typing import Final

from harness.twin.shell.typesystem import TypeRef

_OWN: Final = ("System.Management.Automation.", "Microsoft.")
_SERIALIZED: Final = frozenset(
    f"System.Management.Automation.{name}"
    for name in ("PSObject", "ScriptBlock", "ErrorRecord", "PSCredential", "PSPrimitiveDictionary")
)
_UNSERIALIZED: Final = frozenset(
    {
        "System.Convert",
        "System.Diagnostics.Process",
        "System.Diagnostics.Stopwatch",
        "System.Environment",
        "System.IO.StreamReader",
        "System.IO.StreamWriter",
        "System.Math",
        "System.Net.WebClient",
        "System.ServiceProcess.ServiceController",
        "System.Threading.Thread",
    }
)

_COMMANDS: Final = "Microsoft.PowerShell.Commands."
NET_BASES: Final = {
    f"{_COMMANDS}GenericMeasureInfo": f"{_COMMANDS}MeasureInfo",
    f"{_COMMANDS}GenericObjectMeasureInfo": f"{_COMMANDS}MeasureInfo",
    f"{_COMMANDS}TextMeasureInfo": f"{_COMMANDS}MeasureInfo",
    f"{_COMMANDS}GroupInfoNoElement": f"{_COMMANDS}GroupInfo",
    "System.Collections.DictionaryEntry": "System.ValueType",
    "System.DateTimeOffset": "System.ValueType",
    "System.IO.DirectoryInfo": "System.IO.FileSystemInfo",
    "System.IO.FileInfo": "System.IO.FileSystemInfo",
    "System.Management.Automation.AliasInfo": "System.Management.Automation.CommandInfo",
    "System.Management.Automation.CmdletInfo": "System.Management.Automation.CommandInfo",
    "System.Management.Automation.FunctionInfo": "System.Management.Automation.CommandInfo",
    "System.Management.Automation.SwitchParameter": "System.ValueType",
    "System.Numerics.BigInteger": "System.ValueType",
    "System.RuntimeType": "System.Reflection.TypeInfo",
    "System.Text.RegularExpressions.Group": "System.Text.RegularExpressions.Capture",
    "System.Text.RegularExpressions.Match": "System.Text.RegularExpressions.Group",
    "System.Xml.XmlAttribute": "System.Xml.XmlNode",
    "System.Xml.XmlDocument": "System.Xml.XmlNode",
    "System.Xml.XmlElement": "System.Xml.XmlLinkedNode",
}
"""Base classes, where they are neither ``System.Object`` nor those of exceptions and simple values [D]."""


def is_serializable(kind: TypeRef) -> bool:
    """Whether .NET Framework can serialize a type: most of its own values, exceptions, enums and arrays, but neither
    XML nodes nor what PowerShell and scripts define [D]."""
    name = kind.full_name
    if kind.element is not None or kind.enum is not None:
        return True
    if kind.is_class:
        return False
    if name.endswith("Exception") or name in _SERIALIZED:
        return True
    return not name.startswith((*_OWN, "System.Xml.")) and name not in _UNSERIALIZED
