"""Members of types: ``[int].Name``, ``[DayOfWeek].GetEnumNames()`` ([D] .NET reference)."""

from __future__ import annotations

from typing import Final

from harness.twin.shell.dotnet.registry import method, prop
from harness.twin.shell.dotnet.typefacts import NET_BASES, is_serializable
from harness.twin.shell.errors import BASES
from harness.twin.shell.objects import PSArray, PSEnum
from harness.twin.shell.typesystem import TypeRef, find_type, is_instance, qualified_name

RUNTIME_TYPE: Final = "System.RuntimeType"
_VALUE_TYPES: Final = frozenset(
    f"System.{name}"
    for name in (
        *("Boolean", "Byte", "Char", "DateTime", "Decimal", "Double", "Guid", "Int16", "Int32", "Int64"),
        *("SByte", "Single", "TimeSpan", "UInt16", "UInt32", "UInt64"),
    )
)
_PRIMITIVE: Final = _VALUE_TYPES - {"System.DateTime", "System.Decimal", "System.Guid", "System.TimeSpan"}


def _base_of(this: TypeRef) -> TypeRef | None:
    if this.full_name == "System.Object":
        return None
    if this.element is not None:
        return TypeRef("System.Array")
    if this.enum is not None:
        return TypeRef("System.Enum")
    if this.is_class:
        base = getattr(this.definition, "base", None)
        net = getattr(this.definition, "net_base", None)
        return TypeRef(base.name, None, (), base) if base is not None else net or TypeRef("System.Object")
    known = BASES.get(this.full_name) or NET_BASES.get(this.full_name)
    return TypeRef(known or ("System.ValueType" if _is_value(this) else "System.Object"))


def _is_value(this: TypeRef) -> bool:
    return this.enum is not None or this.full_name in _VALUE_TYPES


def _derives(this: TypeRef, other: TypeRef) -> bool:
    """Whether a type is below another one."""
    base = _base_of(this)
    while base is not None:
        if base.full_name == other.full_name:
            return True
        base = _base_of(base)
    return False


def _labels(this: TypeRef) -> list[tuple[str, int]]:
    return sorted(this.enum.labels.items(), key=lambda pair: pair[1]) if this.enum is not None else []


def _values(this: TypeRef) -> PSArray:
    enum = this.enum
    return PSArray([PSEnum(enum, value) for _, value in _labels(this)] if enum is not None else [], this.full_name)


prop(TypeRef, "Name", lambda this: this.name)
prop(TypeRef, "FullName", lambda this: qualified_name(this.full_name))
prop(TypeRef, "Namespace", lambda this: this.full_name.partition("[")[0].rpartition(".")[0] or None)
prop(TypeRef, "IsArray", lambda this: this.element is not None)
prop(TypeRef, "IsEnum", lambda this: this.enum is not None)
prop(TypeRef, "IsValueType", _is_value)
prop(TypeRef, "BaseType", _base_of)
prop(TypeRef, "IsPublic", lambda this: this.full_name != RUNTIME_TYPE)
prop(TypeRef, "IsSerializable", is_serializable)
prop(TypeRef, "IsGenericType", lambda this: bool(this.arguments))
prop(TypeRef, "IsPrimitive", lambda this: this.full_name in _PRIMITIVE)
prop(TypeRef, "IsClass", lambda this: not _is_value(this))
prop(TypeRef, "GenericTypeArguments", lambda this: PSArray(this.arguments, "System.Type"))
method(TypeRef, "IsInstanceOfType", "object o")(lambda this, value: is_instance(value, this))
method(TypeRef, "IsSubclassOf", "type c")(_derives)
method(TypeRef, "IsAssignableFrom", "type c")(
    lambda this, other: this.full_name in (other.full_name, "System.Object") or _derives(other, this)
)
method(TypeRef, "Equals", "object o")(
    lambda this, other: isinstance(other, TypeRef) and this.full_name == other.full_name
)
method(TypeRef, "GetType")(lambda _this: TypeRef(RUNTIME_TYPE))
method(TypeRef, "GetElementType")(lambda this: this.element)
method(TypeRef, "GetGenericArguments")(lambda this: PSArray(this.arguments, "System.Type"))
method(TypeRef, "GetEnumNames")(lambda this: PSArray([name for name, _ in _labels(this)], "System.String"))
method(TypeRef, "GetEnumValues")(_values)
method(TypeRef, "GetEnumUnderlyingType")(lambda _this: find_type("int"))
