"""``[type]::member``: static properties, methods and ``new``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from harness.twin.shell.conversion import convert
from harness.twin.shell.dotnet.registry import CONSTRUCTORS, STATIC, NetProperty, call_method
from harness.twin.shell.errors import NetError, PSError, runtime_error
from harness.twin.shell.frame import Frame
from harness.twin.shell.members import (
    BoundMethod,
    get_member,
    invoke_member,
    property_not_found,
    read_property,
)
from harness.twin.shell.objects import Entry, EnumType, PSArray, PSEnum, PSHashtable
from harness.twin.shell.sizes import list_size
from harness.twin.shell.typesystem import TypeRef, is_null

BUILDERS: Final[dict[str, Callable[..., object]]] = {}
"""How values of collection classes are made, by kind: ``grid``, ``generic``, ``table``."""


def get_static(frame: Frame, value: object, name: str) -> object:
    """A static property; ``$null`` when there is none."""
    if not isinstance(value, TypeRef):
        return get_member(frame.rs, value, name.lower(), name)
    if value.enum is not None:
        label = value.enum.by_name.get(name.lower())
        return PSEnum(value.enum, value.enum.labels[label]) if label else None
    if value.is_class:
        from harness.twin.shell.classes import static_value

        return static_value(frame, value, name)
    found = STATIC.get(value.full_name, {}).get(name.lower())
    if isinstance(found, NetProperty):
        return read_property(found, None)
    if found is not None:
        return BoundMethod(found.name, value, [])
    if frame.scope.strict_level >= 2:
        raise property_not_found(name)
    return None


def invoke_static(frame: Frame, value: object, name: str, arguments: Sequence[object]) -> object:
    """A static method, or a constructor by ``new``."""
    if not isinstance(value, TypeRef):
        return invoke_member(frame.rs, value, name, arguments)
    low = name.lower()
    if low == "new":
        return construct(frame, value, arguments)
    if value.is_class:
        from harness.twin.shell.classes import invoke_static_method

        return invoke_static_method(frame, value, name, arguments)
    owner = (
        "System.Enum" if value.enum is not None else "System.Array" if value.element is not None else value.full_name
    )
    found = STATIC.get(owner, {}).get(low) or STATIC.get("System.Object", {}).get(low)
    if found is None or isinstance(found, NetProperty):
        raise runtime_error(
            f"Method invocation failed because [{value.full_name}] does not contain a method named '{name}'.",
            "MethodNotFound",
            "InvalidOperation",
            name,
            target_name=name,
            target_type="String",
        )
    return call_method(found, [], arguments)


def construct(frame: Frame | None, value: TypeRef, arguments: Sequence[object]) -> object:
    """A new value of a type."""
    if value.is_class and frame is not None:
        from harness.twin.shell.classes import new_instance

        return new_instance(frame, value, arguments)
    if value.element is not None and value.full_name.endswith(",]"):
        return BUILDERS["grid"](value, arguments)
    if value.element is not None and len(arguments) == 1:
        size = convert(arguments[0], TypeRef("System.Int32"))
        assert isinstance(size, int)  # noqa: S101 - narrows
        filler = default_of(value.element)
        return PSArray([filler] * list_size(size), value.element.full_name)
    if value.arguments:
        return _generic(value, arguments)
    found = CONSTRUCTORS.get(value.full_name)
    if found is None:
        raise runtime_error(
            f"Method invocation failed because [{value.full_name}] does not contain a method named 'new'.",
            "MethodNotFound",
            "InvalidOperation",
            "new",
            target_name="new",
            target_type="String",
        )
    return call_method(found, [], arguments)


def _generic(value: TypeRef, arguments: Sequence[object]) -> object:
    name = value.full_name
    if name.startswith("System.Collections.Generic.KeyValuePair`") and len(arguments) == 2:
        key, item = (convert(one, kind) for one, kind in zip(arguments, value.arguments, strict=True))
        return Entry(key, item, name)
    if "Dictionary" in name or "SortedList" in name:
        sensitive = value.arguments[0].full_name == "System.String"
        for argument in arguments:
            if isinstance(argument, str) and "IgnoreCase" in argument:
                sensitive = False
        if name.partition("`")[0].endswith(("SortedList", "SortedDictionary")):
            return BUILDERS["table"](value, arguments[0] if arguments else None)
        made = PSHashtable((), name, case_sensitive=sensitive)
        if arguments and isinstance(arguments[0], PSHashtable):
            for key, item in arguments[0].items():
                made[key] = item
        return made
    source = arguments[0] if arguments else []
    items = source if isinstance(source, list) else []
    ignore = any(isinstance(one, str) and "IgnoreCase" in one for one in arguments)
    return BUILDERS["generic"](value, [convert(item, value.arguments[0]) for item in items], ignore)


def default_of(kind: TypeRef) -> object:
    """The value of an element of a new array."""
    if kind.full_name in ("System.String", "System.Object"):
        return None
    if kind.enum is not None:
        enum: EnumType = kind.enum
        return PSEnum(enum, 0)
    try:
        value = convert(None, kind)
    except (PSError, NetError):
        return None
    return None if is_null(value) else value
