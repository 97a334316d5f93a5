"""``target[index]``, reading and writing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.twin.shell.conversion import convert, to_integer
from harness.twin.shell.dotnet.registry import NetMethod, call_method, members_of
from harness.twin.shell.errors import PSError, runtime_error
from harness.twin.shell.grids import Grid
from harness.twin.shell.objects import Char, NetList, PSArray, PSHashtable, bare_value
from harness.twin.shell.typesystem import TypeRef, find_type, is_null, type_name

if TYPE_CHECKING:
    pass

_INT: Final = TypeRef("System.Int32")


def get_index(target: object, index: object, strict: int = 0) -> object:
    """The element; several for a list of indexes; ``$null`` out of range."""
    value, at = bare_value(target), bare_value(index)
    if is_null(value):
        raise runtime_error("Cannot index into a null array.", "NullArray", "InvalidOperation")
    if isinstance(value, PSHashtable):
        if isinstance(at, list):
            return [_of_table(value, one) for one in at]
        return _of_table(value, at)
    own = members_of(type(value)).get("get_item") if isinstance(at, str) and isinstance(value, list) else None
    if isinstance(own, NetMethod):
        return call_method(own, [value], [at])
    if isinstance(value, list) and type(at) is int:
        if -len(value) <= at < len(value):
            return value[at]
        return _outside(value, at, strict)
    if isinstance(value, Grid):
        return value[value.place(at if isinstance(at, list) else [at])]
    if is_null(at):
        if isinstance(value, list | str):
            raise runtime_error(
                "Index operation failed; the array index evaluated to null.", "NullArrayIndex", "InvalidOperation"
            )
        return None
    if isinstance(at, list) and isinstance(value, list | str):
        found = [_element(value, to_integer(one, _INT)) for one in at]
        return [one for one in found if one is not _NONE]
    if isinstance(value, list | str):
        one = _element(value, to_integer(at, _INT))
        return _outside(value, at, strict) if one is _NONE else one
    own = members_of(type(value)).get("get_item")
    if isinstance(own, NetMethod):
        return call_method(own, [value], [at])
    try:
        return value if to_integer(at, _INT) in (0, -1) else None
    except PSError:
        raise _cannot(value) from None


_NONE: Final = object()


def _element(value: list[object] | str, at: int) -> object:
    if not -len(value) <= at < len(value):
        return _NONE
    return Char(value[at]) if isinstance(value, str) else value[at]


def _outside(value: object, at: object, strict: int) -> object:
    if strict >= 3 or (
        isinstance(value, NetList) and value.full_name.startswith("System.Collections.Generic") and strict
    ):
        raise runtime_error(
            "Index was outside the bounds of the array.",
            "System.IndexOutOfRangeException",
            "OperationStopped",
            at,
            type_name="System.IndexOutOfRangeException",
        )
    return None


def _cannot(value: object) -> PSError:
    name = type_name(value)
    return runtime_error(
        f"Unable to index into an object of type {name}.",
        "CannotIndex",
        "InvalidOperation",
        value,
        target_type=name.rpartition(".")[2],
    )


def _of_table(table: PSHashtable, key: object) -> object:
    if is_null(key):
        raise runtime_error(
            "Index operation failed; the array index evaluated to null.", "NullArrayIndex", "InvalidOperation"
        )
    if table.ordered and isinstance(key, int) and not isinstance(key, bool):
        values = table.values()
        return values[key] if 0 <= key < len(values) else None
    if isinstance(key, int) and not isinstance(key, bool) and table.full_name.endswith("[System.String,System.Object]"):
        return None
    return table.get(key)


def set_index(target: object, index: object, new: object) -> None:
    """``target[index] = new``."""
    value, at = bare_value(target), bare_value(index)
    if is_null(value):
        raise runtime_error("Cannot index into a null array.", "NullArray", "InvalidOperation")
    if isinstance(value, PSHashtable):
        if is_null(at):
            raise runtime_error(
                "Index operation failed; the array index evaluated to null.", "NullArrayIndex", "InvalidOperation"
            )
        _store(value, at, new)
        return
    if isinstance(value, Grid):
        at = value.place(at if isinstance(at, list) else [at])
    if isinstance(value, list):
        if is_null(at):
            raise runtime_error(
                "Index operation failed; the array index evaluated to null.", "NullArrayIndex", "InvalidOperation"
            )
        place = to_integer(at, _INT)
        if not -len(value) <= place < len(value):
            text, kind = "Index was outside the bounds of the array.", "System.IndexOutOfRangeException"
            if isinstance(value, NetList):
                kind = "System.ArgumentOutOfRangeException"
                text = (
                    "Index was out of range. Must be non-negative and less than the size of the "
                    "collection.\r\nParameter name: index"
                )
            raise runtime_error(text, kind, "OperationStopped", type_name=kind)
        if isinstance(value, PSArray):
            element = find_type(value.element)
            new = convert(new, element) if element is not None else new
        value[place] = new
        return
    own = members_of(type(value)).get("set_item")
    if isinstance(own, NetMethod):
        call_method(own, [value], [at, new])
        return
    raise _cannot(value)


def _store(table: PSHashtable, key: object, new: object) -> None:
    if table.ordered and isinstance(key, int) and not isinstance(key, bool):
        keys = table.keys()
        if not 0 <= key < len(keys):
            text = "Index was out of range. Must be non-negative and less than the size of the collection."
            raise runtime_error(
                text,
                "System.ArgumentOutOfRangeException",
                "OperationStopped",
                type_name="System.ArgumentOutOfRangeException",
            )
        table[keys[key]] = new
        return
    table[key] = new
