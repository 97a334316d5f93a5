"""Values that stand for nothing, whole numbers of any size, and further members of simple types."""

from __future__ import annotations

import math
import struct
from typing import Final

from harness.twin.shell.clixmlreader import REBUILT
from harness.twin.shell.conversion import caster, no_cast
from harness.twin.shell.dotnet.registry import constructor, method, prop, static, static_prop
from harness.twin.shell.errors import net_error
from harness.twin.shell.numberformat import format_number
from harness.twin.shell.objects import NOTHING, BigInteger, Reference, Single
from harness.twin.shell.switches import Switch
from harness.twin.shell.text import register_text
from harness.twin.shell.typesystem import TypeRef, is_null, register_type, register_value_type

_LANGUAGE: Final = "System.Management.Automation.Language.NullString"
_BIG: Final = "System.Numerics.BigInteger"


class DatabaseNull:
    """``[DBNull]::Value``."""

    __slots__ = ()


class NullString:
    """``[NullString]::Value``."""

    __slots__ = ()


DATABASE_NULL: Final = DatabaseNull()
NULL_STRING: Final = NullString()
register_type("System.DBNull")
register_type(_LANGUAGE)
register_type("System.Management.Automation.Internal.AutomationNull")
register_value_type(DatabaseNull, "System.DBNull")
register_value_type(NullString, _LANGUAGE)
register_text(DatabaseNull, lambda _value: "")
register_text(NullString, lambda _value: "")
static_prop("System.DBNull", "Value", lambda: DATABASE_NULL)
static_prop(_LANGUAGE, "Value", lambda: NULL_STRING)
static_prop("System.Management.Automation.Internal.AutomationNull", "Value", lambda: NOTHING)

_SWITCH: Final = "System.Management.Automation.SwitchParameter"
register_value_type(Switch, _SWITCH, (_SWITCH, "System.ValueType", "System.Object"))
register_text(Switch, str)
prop(Switch, "IsPresent", lambda this: this.present)
method(Switch, "ToBool")(lambda this: this.present)
method(Switch, "ToString")(str)
static_prop(_SWITCH, "Present", lambda: Switch(True))
constructor(_SWITCH, "bool isPresent")(Switch)
REBUILT[_SWITCH.lower()] = lambda made: Switch(made.get("IsPresent") is True)

# -------------------------------------------------------------------------------------------------- numbers of any size

register_value_type(BigInteger, _BIG, (_BIG, "System.ValueType", "System.Object"))
prop(BigInteger, "IsPowerOfTwo", lambda this: this > 0 and this & (this - 1) == 0)
prop(BigInteger, "IsZero", lambda this: this == 0)
prop(BigInteger, "IsOne", lambda this: this == 1)
prop(BigInteger, "IsEven", lambda this: this % 2 == 0)
prop(BigInteger, "Sign", lambda this: (this > 0) - (this < 0))
for _name, _value in (("Zero", 0), ("One", 1), ("MinusOne", -1)):
    static_prop(_BIG, _name, lambda value=_value: BigInteger(value))  # type: ignore[misc]


def _whole(text: str) -> int | None:
    plain = text.strip()
    return int(plain) if plain.lstrip("+-").isdigit() else None


@static(_BIG, "Parse", "string value")
def parse_big(text: str) -> BigInteger:
    """A whole number of text."""
    found = _whole(text)
    if found is None:
        raise net_error("System.FormatException", "The value could not be parsed.")
    return BigInteger(found)


@static(_BIG, "TryParse", "string value, ref result")
def try_parse_big(text: str, result: Reference) -> bool:
    """Whether a text is a whole number."""
    found = _whole(text or "")
    result.setter(BigInteger(found or 0))
    return found is not None


static(_BIG, "Pow", "bigint value, int exponent")(lambda value, power: BigInteger(int(value) ** power))
static(_BIG, "Add", "bigint left, bigint right")(lambda left, right: BigInteger(int(left) + int(right)))
static(_BIG, "Multiply", "bigint left, bigint right")(lambda left, right: BigInteger(int(left) * int(right)))
static(_BIG, "GreatestCommonDivisor", "bigint left, bigint right")(
    lambda left, right: BigInteger(math.gcd(int(left), int(right)))
)
static(_BIG, "ModPow", "bigint value, bigint exponent, bigint modulus")(
    lambda value, power, modulus: BigInteger(pow(int(value), int(power), int(modulus)))
)
method(BigInteger, "ToString", "", "string format")(
    lambda this, code="": str(int(this)) if not code else format_number(int(this), code)
)


@caster(_BIG)
def to_big(value: object, target: TypeRef) -> BigInteger:
    """Cast to ``[bigint]``."""
    if is_null(value):
        return BigInteger(0)
    if isinstance(value, str):
        found = _whole(value)
        if found is None:
            raise no_cast(value, target)
        return BigInteger(found)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return BigInteger(int(value))
    raise no_cast(value, target)


# ------------------------------------------------------------------------------------------------------------- singles


def _single(data: bytes) -> Single:
    return Single(struct.unpack("<f", data)[0])


_SINGLE: Final = "System.Single"
static_prop(_SINGLE, "NaN", lambda: Single(math.nan))
static_prop(_SINGLE, "PositiveInfinity", lambda: Single(math.inf))
static_prop(_SINGLE, "NegativeInfinity", lambda: Single(-math.inf))
static_prop(_SINGLE, "MaxValue", lambda: _single(b"\xff\xff\x7f\x7f"))
static_prop(_SINGLE, "MinValue", lambda: _single(b"\xff\xff\x7f\xff"))
static_prop(_SINGLE, "Epsilon", lambda: _single(b"\x01\x00\x00\x00"))
static(_SINGLE, "IsNaN", "single f")(math.isnan)
static(_SINGLE, "IsInfinity", "single f")(math.isinf)
static("System.Double", "IsInfinity", "double d")(math.isinf)
static("System.Double", "IsPositiveInfinity", "double d")(lambda value: value == math.inf)
static("System.Double", "IsNegativeInfinity", "double d")(lambda value: value == -math.inf)
