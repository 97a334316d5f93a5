"""``[environment]``, ``[enum]``, ``[convert]``, the number types and other statics."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any, Final

from harness.twin.shell.conversion import INTEGERS, convert, to_enum, to_integer, try_convert
from harness.twin.shell.dotnet.registry import method, prop, static, static_prop
from harness.twin.shell.errors import NetError, PSError, limitation, net_error
from harness.twin.shell.numberformat import BadFormatError
from harness.twin.shell.objects import NOTHING, EnumType, Int64, PSArray, PSEnum, Reference, Single
from harness.twin.shell.regional import number_in, region_of
from harness.twin.shell.session import current
from harness.twin.shell.text import format_enum, net_text, to_text
from harness.twin.shell.typesystem import ENUMS, TypeRef, is_null, type_name, type_ref

for _full, (_kind, _low, _high) in INTEGERS.items():
    static_prop(_full, "MaxValue", partial(_kind, _high))
    static_prop(_full, "MinValue", partial(_kind, _low))
static_prop("System.Double", "MaxValue", lambda: 1.7976931348623157e308)
static_prop("System.Double", "MinValue", lambda: -1.7976931348623157e308)
static_prop("System.Double", "NaN", lambda: math.nan)
static_prop("System.Double", "PositiveInfinity", lambda: math.inf)
static_prop("System.Double", "NegativeInfinity", lambda: -math.inf)
static_prop("System.Double", "Epsilon", lambda: 5e-324)
static("System.Double", "IsNaN", "double d")(math.isnan)
static("System.Double", "IsInfinity", "double d")(math.isinf)
static("System.Double", "IsPositiveInfinity", "double d")(lambda value: value == math.inf)
static("System.Double", "IsNegativeInfinity", "double d")(lambda value: value == -math.inf)
static_prop("System.Single", "MaxValue", lambda: Single(3.4028234663852886e38))
static_prop("System.Single", "MinValue", lambda: Single(-3.4028234663852886e38))
static_prop("System.Decimal", "MinValue", lambda: Decimal("-79228162514264337593543950335"))
static_prop("System.Decimal", "Zero", lambda: Decimal(0))
static_prop("System.Decimal", "One", lambda: Decimal(1))
static_prop("System.Decimal", "MaxValue", lambda: Decimal("79228162514264337593543950335"))
static_prop("System.Boolean", "TrueString", lambda: "True")
static_prop("System.Boolean", "FalseString", lambda: "False")


@static("System.Boolean", "Parse", "string value")
def parse_bool(text: str) -> bool:
    """``True`` or ``False`` as text."""
    low = text.strip().lower()
    if low not in ("true", "false"):
        raise net_error("System.FormatException", "String was not recognized as a valid Boolean.")
    return low == "true"


@static("System.Boolean", "TryParse", "string value, ref result")
def try_parse_bool(text: str, result: Reference) -> bool:
    """Whether a text is a boolean."""
    low = (text or "").strip().lower()
    result.setter(low == "true")
    return low in ("true", "false")


@method(int, "ToString", "", "string format", "object provider", "string format, object provider")
@method(float, "ToString", "", "string format", "object provider", "string format, object provider")
@method(Decimal, "ToString", "", "string format", "object provider", "string format, object provider")
def number_text(value: int | float | Decimal, code: object = "", provider: object = None) -> str:
    """A number as text, in the culture that is given."""
    if isinstance(value, bool):
        return str(value)
    culture = code if not isinstance(code, str) and provider is None else provider
    try:
        return number_in(region_of(culture), value, code if isinstance(code, str) else "")
    except BadFormatError:
        raise net_error("System.FormatException", "Format specifier was invalid.") from None


def _compare(value: int | float | Decimal, other: object) -> int:
    """Order of two numbers of a class; nothing comes before everything."""
    if other is None:
        return 1
    same: Any = convert(other, type_ref(value))
    return int(value > same) - int(value < same)


for _class in (int, float, Decimal):
    method(_class, "CompareTo", "object value")(_compare)

# ------------------------------------------------------------------------------------------------------------- enums

ENUM: Final = "System.Enum"


def _enum(kind: TypeRef) -> EnumType:
    if kind.enum is None:
        raise net_error("System.ArgumentException", "Type provided must be an Enum.\r\nParameter name: enumType")
    return kind.enum


prop(PSEnum, "value__", lambda this: this.value)
static(ENUM, "GetNames", "type enumType")(
    lambda kind: PSArray([name for name, _ in _in_order(_enum(kind))], "System.String")
)
static(ENUM, "GetValues", "type enumType")(
    lambda kind: [PSEnum(_enum(kind), value) for _, value in _in_order(_enum(kind))]
)
static(ENUM, "GetName", "type enumType, object value")(lambda kind, value: to_enum(value, _enum(kind)).name)
static(ENUM, "IsDefined", "type enumType, object value")(
    lambda kind, value: (
        value in _enum(kind).labels
        if isinstance(value, str)
        else to_integer(value, TypeRef("System.Int64")) in _enum(kind).by_value
    )
)
static(ENUM, "Parse", "type enumType, string value", "type enumType, string value, bool ignoreCase")(
    lambda kind, value, _ignore=False: to_enum(value, _enum(kind))
)
static(ENUM, "ToObject", "type enumType, object value")(lambda kind, value: PSEnum(_enum(kind), int(value)))


def _in_order(enum: EnumType) -> list[tuple[str, int]]:
    return sorted(enum.labels.items(), key=lambda pair: pair[1] if pair[1] >= 0 else pair[1] + 2**32)


@method(PSEnum, "ToString", "", "string format")
def enum_text(value: PSEnum, code: str = "G") -> str:
    """A label or a number."""
    try:
        return format_enum(value, code)
    except BadFormatError:
        raise net_error(
            "System.FormatException", 'Format String can be only "G", "g", "X", "x", "F", "f", "D" or "d".'
        ) from None


method(PSEnum, "HasFlag", "object flag")(
    lambda value, flag: value.value & to_enum(flag, value.type).value == to_enum(flag, value.type).value
)


@method(PSEnum, "CompareTo", "object target")
def compare_labels(value: PSEnum, other: object) -> int:
    """-1, 0 or 1; only with a label of the same enumeration, and greater than nothing at all."""
    if is_null(other):
        return 1
    if not isinstance(other, PSEnum) or other.type != value.type:
        text = (
            "Object must be the same type as the enum. "
            f"The type passed in was '{type_name(other)}'; the enum type was '{type_name(value)}'."
        )
        raise net_error("System.ArgumentException", text)
    return (value.value > other.value) - (value.value < other.value)


# ------------------------------------------------------------------------------------------------------- environment

ENVIRONMENT: Final = "System.Environment"
static_prop(ENVIRONMENT, "MachineName", lambda: current().host.computer_name)
static_prop(ENVIRONMENT, "NewLine", lambda: "\r\n")
static_prop(ENVIRONMENT, "UserName", lambda: current().environment.get("USERNAME", ""))
static_prop(
    ENVIRONMENT, "UserDomainName", lambda: current().environment.get("USERDOMAIN", current().host.computer_name)
)
static_prop(ENVIRONMENT, "Is64BitOperatingSystem", lambda: True)
static_prop(ENVIRONMENT, "Is64BitProcess", lambda: True)
static_prop(ENVIRONMENT, "ProcessorCount", lambda: 8)


@static(ENVIRONMENT, "GetEnvironmentVariable", "string variable", "string variable, EnvironmentVariableTarget target")
def get_environment(name: str, target: object = None) -> object:
    """An environment variable of the process, or of the machine as it is now; those of users are not simulated."""
    kind = to_text(target).lower() if target is not None else "process"
    variables: Mapping[str, str] = current().environment
    if kind in ("machine", "2"):
        variables = getattr(current().host, "variables", variables)
    return next((value for key, value in variables.items() if key.lower() == name.lower()), None)


@static(
    ENVIRONMENT,
    "SetEnvironmentVariable",
    "string variable, string value",
    "string variable, string value, EnvironmentVariableTarget target",
)
def set_environment(name: str, value: str, target: object = None) -> object:
    """Set or remove an environment variable of the process."""
    if target is not None and to_text(target).lower() in ("machine", "2") and hasattr(current().host, "variables"):
        raise limitation("setting an environment variable of the machine is not simulated")
    if value:
        current().environment[name] = value
    else:
        current().environment.pop(name, None)
    return NOTHING


CONVERT: Final = "System.Convert"
for _name, _full in (
    ("ToInt32", "System.Int32"),
    ("ToInt64", "System.Int64"),
    ("ToInt16", "System.Int16"),
    ("ToByte", "System.Byte"),
    ("ToDouble", "System.Double"),
    ("ToDecimal", "System.Decimal"),
    ("ToBoolean", "System.Boolean"),
    ("ToChar", "System.Char"),
    ("ToDateTime", "System.DateTime"),
    ("ToUInt32", "System.UInt32"),
    ("ToUInt16", "System.UInt16"),
    ("ToUInt64", "System.UInt64"),
    ("ToSByte", "System.SByte"),
    ("ToSingle", "System.Single"),
):
    static(CONVERT, _name, "object value")(lambda value, full=_full: _converted(value, TypeRef(full)))
static(CONVERT, "ChangeType", "object value, type conversionType")(lambda value, wanted: _converted(value, wanted))


def _converted(value: object, wanted: TypeRef) -> object:
    """What ``[convert]`` gives, and the plain exception of .NET where a cast would fail."""
    try:
        return convert(value, wanted)
    except PSError as fault:
        inner = fault.record.exception.inner
        while inner is not None and inner.inner is not None:
            inner = inner.inner
        if inner is not None:
            raise NetError(inner) from None
        raise net_error("System.FormatException", "Input string was not in a correct format.") from None


def _from_base(text: str, base: int, full_name: str) -> int:
    """Digits of a base as a number; in any base but ten they are the number's bits."""
    kind, low, high = INTEGERS[full_name]
    plain = text[2:] if base == 16 and text[:2].lower() == "0x" else text
    try:
        number = int(plain, base)
    except ValueError:
        raise net_error("System.FormatException", "Could not find any recognizable digits.") from None
    if base != 10 and low < 0 and high < number <= high - low:
        number -= high - low + 1
    if not low <= number <= high:
        short = full_name.rpartition(".")[2]
        raise net_error("System.OverflowException", f"Value was either too large or too small for an {short}.")
    return kind(number)


for _name in ("Int32", "Int64", "Int16", "Byte", "SByte", "UInt16", "UInt32", "UInt64"):
    static(CONVERT, f"To{_name}", "string value, int fromBase")(
        lambda text, base, full=f"System.{_name}": _from_base(text, base, full)
    )


@static(CONVERT, "ToString", "object value", "object value, int toBase")
def convert_to_text(value: object, base: int = 10) -> str:
    """A value as text, a number also in base 2, 8 or 16."""
    if isinstance(value, int) and base != 10:
        number = int(value) if value >= 0 else int(value) + (2**64 if isinstance(value, Int64) else 2**32)
        return format(number, {2: "b", 8: "o", 16: "x"}[base])
    return net_text(value)


WILDCARD: Final = "System.Management.Automation.WildcardPattern"
static(WILDCARD, "Escape", "string pattern")(lambda text: "".join(f"`{one}" if one in "*?[]`" else one for one in text))
static(WILDCARD, "ContainsWildcardCharacters", "string pattern")(lambda text: any(one in text for one in "*?["))
static("System.Object", "ReferenceEquals", "object objA, object objB")(
    lambda left, right: left is right or (isinstance(left, int | str) and left == right)
)
static("System.GC", "Collect")(lambda: NOTHING)
static_prop("System.DateTime", "Now", lambda: current().local_now)
static_prop("System.DateTime", "UtcNow", lambda: current().host.now())
static_prop("System.DateTime", "Today", lambda: current().local_now.replace(hour=0, minute=0, second=0, microsecond=0))
static_prop("System.StringComparer", "OrdinalIgnoreCase", lambda: "OrdinalIgnoreCase")
static_prop("System.StringComparer", "Ordinal", lambda: "Ordinal")

__all__ = ["ENUMS", "to_text", "try_convert"]
