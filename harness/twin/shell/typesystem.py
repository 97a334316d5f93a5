"""Types as values, and which type a value has.

Names follow .NET. ``TypeRef`` is what ``[int]`` is in a script. A value's chain of type names (``PSTypeNames``) decides
about ``-is``, views and members.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, TypeGuard

from harness.twin.shell.errors import BASES, ErrorRecord, NetException
from harness.twin.shell.objects import (
    NOTHING,
    Byte,
    Char,
    Entry,
    Enumerator,
    EnumType,
    Int16,
    Int64,
    NetList,
    Nothing,
    PSArray,
    PSEnum,
    PSHashtable,
    PSObject,
    Reference,
    SByte,
    Single,
    UInt16,
    UInt32,
    UInt64,
    bare_value,
)
from harness.twin.shell.spans import Span
from harness.twin.shell.typetables import ACCELERATORS, EXTRA_TYPES
from harness.twin.shell.versions import Version

CUSTOM: Final = "System.Management.Automation.PSCustomObject"
OBJECT_ARRAY: Final = "System.Object[]"


@dataclass(frozen=True, slots=True)
class TypeRef:
    """A type: its full name, and for arrays, generics and script classes what they are made of."""

    full_name: str
    element: TypeRef | None = None
    arguments: tuple[TypeRef, ...] = ()
    definition: object = None

    @property
    def name(self) -> str:
        """The short name, as ``.Name`` shows it."""
        if self.element is not None:
            return self.element.name + self.full_name[len(self.element.full_name) :]
        head = self.full_name.partition("[")[0] if self.arguments else self.full_name
        return head.rpartition(".")[2].rpartition("+")[2]

    @property
    def enum(self) -> EnumType | None:
        """The enum it names, if any."""
        if isinstance(self.definition, EnumType):
            return self.definition
        return ENUMS.get(self.full_name.lower())

    @property
    def is_class(self) -> bool:
        """Whether a script defined it as a class."""
        return self.definition is not None and not isinstance(self.definition, EnumType)

    def __str__(self) -> str:
        if self.arguments:
            head = self.full_name.partition("[")[0]
            return f"{head}[{','.join(str(argument) for argument in self.arguments)}]"
        return self.full_name


_KNOWN: Final[dict[str, str]] = {
    name.lower(): name
    for name in (*ACCELERATORS.values(), *EXTRA_TYPES, *BASES)
    if name != "System.Management.Automation.SemanticVersion"
}
ENUMS: Final[dict[str, EnumType]] = {}


def register_type(full_name: str) -> None:
    """Make a type's name known to ``[…]``."""
    _KNOWN[full_name.lower()] = full_name


def register_enum(enum: EnumType) -> EnumType:
    """Make an enum known to casts and ``[…]``."""
    ENUMS[enum.name.lower()] = enum
    register_type(enum.name)
    return enum


def find_type(name: str) -> TypeRef | None:
    """The plain type of a name as written, or ``None``."""
    low = name.lower()
    full = ACCELERATORS.get(low) or _KNOWN.get(low) or _KNOWN.get("system." + low)
    if full is None and low.endswith("attribute"):
        return None
    return TypeRef(full) if full else None


def array_of(element: TypeRef, rank: int = 1) -> TypeRef:
    """The array type of an element type."""
    return TypeRef(f"{element.full_name}[{',' * (rank - 1)}]", element)


def generic_of(generic: TypeRef, arguments: tuple[TypeRef, ...]) -> TypeRef:
    """A closed generic type."""
    inner = ",".join(argument.full_name for argument in arguments)
    return TypeRef(f"{generic.full_name}`{len(arguments)}[{inner}]", None, arguments)


_NO_SHORT_NAMES: Final = frozenset(
    ("int16", "int32", "int64", "single", "object", "ordered", "pscustomobject", "cmdletbinding", "parameter")
)
"""Names that are read but never written."""
_SHORT_NAMES: Final[dict[str, str]] = {
    full: short for short, full in reversed(ACCELERATORS.items()) if short not in _NO_SHORT_NAMES
} | {"System.Int16": "int16", "System.Single": "float", "System.Int64": "long"}


def type_text(value: TypeRef) -> str:
    """A type inside a string: its short name where PowerShell has one."""
    if value.element is not None:
        return f"{type_text(value.element)}[]"
    return _SHORT_NAMES.get(value.full_name, str(value))


# ------------------------------------------------------------------------------------------------- type of a value

_VALUE_TYPES: Final[dict[type, str]] = {
    str: "System.String",
    Char: "System.Char",
    bool: "System.Boolean",
    Int64: "System.Int64",
    Int16: "System.Int16",
    SByte: "System.SByte",
    Byte: "System.Byte",
    UInt16: "System.UInt16",
    UInt32: "System.UInt32",
    UInt64: "System.UInt64",
    float: "System.Double",
    Single: "System.Single",
    Decimal: "System.Decimal",
    datetime: "System.DateTime",
    timedelta: "System.TimeSpan",
    Span: "System.TimeSpan",
    uuid.UUID: "System.Guid",
    Version: "System.Version",
    list: OBJECT_ARRAY,
    tuple: OBJECT_ARRAY,
    TypeRef: "System.RuntimeType",
    ErrorRecord: "System.Management.Automation.ErrorRecord",
    Reference: "System.Management.Automation.PSReference",
}
_NAMERS: Final[dict[type, Callable[[object], str]]] = {}
_REFERENCE_TYPES: Final = frozenset(
    {"System.String", "System.Version", "System.RuntimeType", "System.Management.Automation.ErrorRecord"}
)
_FIXED_CHAINS: Final[dict[str, tuple[str, ...]]] = {
    "System.RuntimeType": (
        "System.RuntimeType",
        "System.Reflection.TypeInfo",
        "System.Type",
        "System.Reflection.MemberInfo",
        "System.Object",
    ),
    "System.Management.Automation.PSReference": ("System.Management.Automation.PSReference", "System.Object"),
}


def register_value_type(python_type: type, name: str | Callable[[object], str], chain: tuple[str, ...] = ()) -> None:
    """Tell which .NET type values of a Python class have."""
    if isinstance(name, str):
        _VALUE_TYPES[python_type] = name
        _FIXED_CHAINS[name] = chain or (name, "System.Object")
    else:
        _NAMERS[python_type] = name


def register_chain(chain: tuple[str, ...]) -> None:
    """Tell the bases of a type, most special first, itself included."""
    _FIXED_CHAINS[chain[0]] = chain
    register_type(chain[0])


def type_name(value: object) -> str:
    """Full .NET name of a value's type (of what a wrapper wraps)."""
    kind = type(value)
    if kind is int:
        assert isinstance(value, int)  # noqa: S101 - narrows for the type checker
        return "System.Int32" if -(2**31) <= value < 2**31 else "System.Int64"
    known = _VALUE_TYPES.get(kind)
    if known is not None:
        return known
    if isinstance(value, PSObject):
        return value.net_type or (type_name(value.base) if value.base is not None else CUSTOM)
    if isinstance(value, PSHashtable | NetList | Entry | Enumerator):
        return value.full_name
    namer = _NAMERS.get(kind)
    if namer is not None:
        return namer(value)
    if isinstance(value, PSArray):
        return f"{value.element}[]"
    if isinstance(value, PSEnum):
        return value.type.name
    if isinstance(value, NetException):
        return value.type_name
    return f"System.{kind.__name__}"


def type_chain(value: object) -> tuple[str, ...]:
    """The type names of a value, most special first (``PSTypeNames``)."""
    if isinstance(value, PSObject):
        return (
            tuple(value.type_names) if value.base is None or value.type_names[0] != CUSTOM else type_chain(value.base)
        )
    if isinstance(value, NetException):
        return value.type_names
    name = type_name(value)
    fixed = _FIXED_CHAINS.get(name)
    if fixed is not None:
        return fixed
    if name.endswith(("[]", ",]")):
        return (name, "System.Array", "System.Object")
    if isinstance(value, PSEnum):
        return (name, "System.Enum", "System.ValueType", "System.Object")
    if type(value) in _VALUE_TYPES and name not in _REFERENCE_TYPES:
        return (name, "System.ValueType", "System.Object")
    if isinstance(value, int):
        return (name, "System.ValueType", "System.Object")
    if isinstance(value, Entry):
        return (name, "System.ValueType", "System.Object")
    return (name, "System.Object")


_INTERFACES: Final[dict[str, Callable[[object], bool]]] = {
    "System.Collections.IEnumerable": lambda v: isinstance(v, list | PSHashtable | str) and not isinstance(v, Char),
    "System.Collections.ICollection": lambda v: isinstance(v, list | PSHashtable),
    "System.Collections.IList": lambda v: isinstance(v, list),
    "System.Collections.IDictionary": lambda v: isinstance(v, PSHashtable),
    "System.IComparable": lambda v: isinstance(
        v, str | int | float | Decimal | datetime | timedelta | Version | PSEnum
    ),
    "System.IFormattable": lambda v: isinstance(v, int | float | Decimal | datetime | timedelta | PSEnum),
    "System.Management.Automation.PSObject": lambda v: isinstance(v, PSObject),
    "System.Type": lambda v: isinstance(v, TypeRef),
}


def is_instance(value: object, wanted: TypeRef) -> bool:
    """``-is``."""
    if value is None or isinstance(value, Nothing):
        return False
    name = wanted.full_name
    if name == "System.Object":
        return True
    if name.startswith("System.Nullable`"):
        return is_instance(value, wanted.arguments[0])
    check = _INTERFACES.get(name)
    if check is not None:
        return check(bare_value(value))
    if isinstance(value, PSObject) and value.net_type is not None:
        return name in value.type_names
    bare = bare_value(value)
    return name == CUSTOM if isinstance(bare, PSObject) else name in type_chain(bare)


def type_ref(value: object) -> TypeRef:
    """``GetType()``."""
    if isinstance(value, PSObject) and isinstance(value.hidden, TypeRef):
        return value.hidden
    name = type_name(value)
    if name.endswith(("[]", ",]")):
        element, _, commas = name.rpartition("[")
        return array_of(TypeRef(element), len(commas))
    if "`" in name and "[" in name:
        rest = name.partition("[")[2]
        return TypeRef(name, None, tuple(TypeRef(part) for part in rest.rstrip("]").split(",")))
    return TypeRef(name)


_CORE_LIBRARY: Final = "mscorlib, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089"
_ENGINE: Final = "System.Management.Automation, Version=3.0.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35"


def qualified_name(full_name: str) -> str:
    """A type's name as .NET writes it in full: with the assemblies of the types it is closed over."""
    head, mark, rest = full_name.partition("[")
    if "`" not in head or not mark or rest.startswith("["):
        return full_name
    inner = rest.removesuffix("]")
    parts = [inner] if "`" in inner else inner.split(",")
    shown = ",".join(
        f"[{qualified_name(part)}, {_ENGINE if part.startswith('System.Management.Automation') else _CORE_LIBRARY}]"
        for part in parts
    )
    return f"{head}[{shown}]"


def is_bag(value: object) -> TypeGuard[PSObject]:
    """Whether a value is a custom object: nothing but its members."""
    return isinstance(value, PSObject) and value.base is None and value.net_type is None


def is_null(value: object) -> bool:
    """Whether a value counts as ``$null``."""
    return value is None or value is NOTHING


register_value_type(type(None), "System.Object")
for _labels in (
    EnumType(
        "System.DayOfWeek",
        {
            day: at
            for at, day in enumerate(("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"))
        },
    ),
    EnumType("System.DateTimeKind", {"Unspecified": 0, "Utc": 1, "Local": 2}),
    EnumType("System.MidpointRounding", {"ToEven": 0, "AwayFromZero": 1}),
    EnumType(
        "System.StringComparison",
        {
            "CurrentCulture": 0,
            "CurrentCultureIgnoreCase": 1,
            "InvariantCulture": 2,
            "InvariantCultureIgnoreCase": 3,
            "Ordinal": 4,
            "OrdinalIgnoreCase": 5,
        },
    ),
    EnumType("System.StringSplitOptions", {"None": 0, "RemoveEmptyEntries": 1}, flags=True),
    EnumType(
        "System.ConsoleColor",
        {
            name: at
            for at, name in enumerate(
                [
                    "Black",
                    "DarkBlue",
                    "DarkGreen",
                    "DarkCyan",
                    "DarkRed",
                    "DarkMagenta",
                    "DarkYellow",
                    "Gray",
                    "DarkGray",
                    "Blue",
                    "Green",
                    "Cyan",
                    "Red",
                    "Magenta",
                    "Yellow",
                    "White",
                ]
            )
        },
    ),
    EnumType(
        "System.IO.FileAttributes",
        {
            "ReadOnly": 1,
            "Hidden": 2,
            "System": 4,
            "Directory": 16,
            "Archive": 32,
            "Device": 64,
            "Normal": 128,
            "Temporary": 256,
            "Compressed": 2048,
            "Encrypted": 16384,
        },
        flags=True,
    ),
    EnumType(
        "System.Text.RegularExpressions.RegexOptions",
        {
            "None": 0,
            "IgnoreCase": 1,
            "Multiline": 2,
            "ExplicitCapture": 4,
            "Compiled": 8,
            "Singleline": 16,
            "IgnorePatternWhitespace": 32,
            "RightToLeft": 64,
            "ECMAScript": 256,
            "CultureInvariant": 512,
        },
        flags=True,
    ),
    EnumType(
        "System.Management.Automation.ActionPreference",
        {"SilentlyContinue": 0, "Stop": 1, "Continue": 2, "Inquire": 3, "Ignore": 4, "Suspend": 5},
    ),
    EnumType(
        "System.Management.Automation.ErrorCategory",
        {
            name: at
            for at, name in enumerate(
                [
                    "NotSpecified",
                    "OpenError",
                    "CloseError",
                    "DeviceError",
                    "DeadlockDetected",
                    "InvalidArgument",
                    "InvalidData",
                    "InvalidOperation",
                    "InvalidResult",
                    "InvalidType",
                    "MetadataError",
                    "NotImplemented",
                    "NotInstalled",
                    "ObjectNotFound",
                    "OperationStopped",
                    "OperationTimeout",
                    "SyntaxError",
                    "ParserError",
                    "PermissionDenied",
                    "ResourceBusy",
                    "ResourceExists",
                    "ResourceUnavailable",
                    "ReadError",
                    "WriteError",
                    "FromStdErr",
                    "SecurityError",
                    "ProtocolError",
                    "ConnectionError",
                    "AuthenticationError",
                    "LimitsExceeded",
                    "QuotaExceeded",
                    "NotEnabled",
                ]
            )
        },
    ),
    EnumType("System.Net.Sockets.AddressFamily", {"Unspecified": 0, "InterNetwork": 2, "InterNetworkV6": 23}),
    EnumType(
        "System.Management.Automation.CommandTypes",
        {
            "Alias": 1,
            "Function": 2,
            "Filter": 4,
            "Cmdlet": 8,
            "ExternalScript": 16,
            "Application": 32,
            "Script": 64,
            "Workflow": 128,
            "Configuration": 256,
            "All": 511,
        },
        flags=True,
    ),
    EnumType(
        "System.Management.Automation.ScopedItemOptions",
        {"None": 0, "ReadOnly": 1, "Constant": 2, "Private": 4, "AllScope": 8, "Unspecified": 16},
        flags=True,
    ),
    EnumType(
        "System.Management.Automation.WhereOperatorSelectionMode",
        {"Default": 0, "First": 1, "Last": 2, "SkipUntil": 3, "Until": 4, "Split": 5},
    ),
    EnumType("System.EnvironmentVariableTarget", {"Process": 0, "User": 1, "Machine": 2}),
    EnumType("System.Base64FormattingOptions", {"None": 0, "InsertLineBreaks": 1}),
    EnumType(
        "System.Management.Automation.PSMemberTypes",
        {
            "AliasProperty": 1,
            "CodeProperty": 2,
            "Property": 4,
            "NoteProperty": 8,
            "ScriptProperty": 16,
            "Properties": 31,
            "PropertySet": 32,
            "Method": 64,
            "CodeMethod": 128,
            "ScriptMethod": 256,
            "Methods": 448,
            "ParameterizedProperty": 512,
            "MemberSet": 1024,
            "Event": 2048,
            "Dynamic": 4096,
            "All": 8191,
        },
        flags=True,
    ),
    EnumType(
        "System.Xml.XmlNodeType",
        {
            "None": 0,
            "Element": 1,
            "Attribute": 2,
            "Text": 3,
            "CDATA": 4,
            "Comment": 8,
            "Document": 9,
            "XmlDeclaration": 17,
        },
    ),
):
    register_enum(_labels)
