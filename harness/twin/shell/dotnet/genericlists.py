"""Methods of ``List<T>`` and of arrays that take a block, and further members of lists and dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from harness.twin.shell.comparison import equals
from harness.twin.shell.conversion import convert, to_bool
from harness.twin.shell.dotnet.registry import method, static
from harness.twin.shell.errors import net_error
from harness.twin.shell.invocation import call_block, one_value
from harness.twin.shell.members import LIST_METHODS
from harness.twin.shell.objects import NOTHING, NetList, PSArray, PSHashtable, Reference
from harness.twin.shell.scriptblock import ScriptBlock
from harness.twin.shell.session import current
from harness.twin.shell.sizes import list_size
from harness.twin.shell.sorting import sort_in_place
from harness.twin.shell.typesystem import TypeRef

_ARRAY: Final = "System.Array"


def caller(block: ScriptBlock | None) -> Callable[..., object]:
    """A block as a delegate: its arguments are ``$args`` or its parameters, and its one value is the result."""
    if block is None:
        raise net_error("System.ArgumentNullException", "Value cannot be null.")
    rs = current()
    frame = rs.frames[-1] if rs.frames else rs.frame()

    def call(*arguments: object) -> object:
        given = {"_": arguments[0]} if arguments else {}
        return one_value(call_block(rs, block, list(arguments), frame.scope, frame.streams, given))

    return call


def element_type(this: NetList) -> TypeRef | None:
    """What a generic list holds."""
    inner = this.full_name.partition("[")[2].removesuffix("]")
    return TypeRef(inner) if inner else None


def _array(this: NetList) -> list[object]:
    kind = element_type(this)
    return list(this) if kind is None or kind.full_name == "System.Object" else PSArray(this, kind.full_name)


method(NetList, "ToArray")(_array)


def _test(block: ScriptBlock) -> Callable[[object], bool]:
    call = caller(block)
    return lambda item: to_bool(call(item))


@method(NetList, "RemoveAll", "scriptblock match")
def remove_all(this: NetList, block: ScriptBlock) -> int:
    """Remove what a block accepts; how many there were."""
    accepts, before = _test(block), len(this)
    this[:] = [item for item in this if not accepts(item)]
    return before - len(this)


@method(NetList, "Sort", "scriptblock comparison")
def sort_by(this: NetList, block: ScriptBlock) -> object:
    """Sort by a block that compares two values."""
    compare = caller(block)
    items = list(this)
    sort_in_place(items, lambda left, right: int(str(compare(left, right) or 0)))
    this[:] = items
    return NOTHING


@method(NetList, "ForEach", "params object[] arguments")
def for_each(this: NetList, arguments: list[object]) -> object:
    """Run a block for each item: what it puts out is lost with ``List<T>``, which has this method of its own."""
    if not this.full_name.startswith("System.Collections.Generic.List`"):
        return LIST_METHODS["foreach"](current(), this, arguments)
    block = convert(arguments[0] if arguments else None, TypeRef("System.Management.Automation.ScriptBlock"))
    call = caller(block if isinstance(block, ScriptBlock) else None)
    for item in list(this):
        call(item)
    return NOTHING


def _first(items: Sequence[object], accepts: Callable[[object], bool]) -> object:
    return next((item for item in items if accepts(item)), None)


method(NetList, "Find", "scriptblock match")(lambda this, block: _first(this, _test(block)))
method(NetList, "FindLast", "scriptblock match")(lambda this, block: _first(list(reversed(this)), _test(block)))
method(NetList, "FindIndex", "scriptblock match")(
    lambda this, block: next((at for at, item in enumerate(this) if _test(block)(item)), -1)
)
method(NetList, "FindAll", "scriptblock match")(
    lambda this, block: NetList([item for item in this if _test(block)(item)], this.full_name)
)
method(NetList, "Exists", "scriptblock match")(lambda this, block: any(_test(block)(item) for item in this))
method(NetList, "TrueForAll", "scriptblock match")(lambda this, block: all(_test(block)(item) for item in this))
method(NetList, "GetRange", "int index, int count")(
    lambda this, at, count: NetList(this[at : at + count], this.full_name)
)
method(NetList, "LastIndexOf", "object item")(
    lambda this, value: next((at for at in range(len(this) - 1, -1, -1) if equals(this[at], value, False)), -1)
)
method(NetList, "BinarySearch", "object item")(
    lambda this, value: next((at for at, item in enumerate(this) if equals(item, value, False)), ~len(this))
)
method(NetList, "TrimToSize")(lambda _this: NOTHING)
method(NetList, "TrimExcess")(lambda _this: NOTHING)
method(NetList, "AsReadOnly")(lambda this: this)


@method(NetList, "RemoveRange", "int index, int count")
def remove_range(this: NetList, at: int, count: int) -> object:
    """Remove several at a place."""
    if at < 0 or count < 0 or at + count > len(this):
        raise net_error(
            "System.ArgumentException",
            "Offset and length were out of bounds for the array or count is greater than the number of elements from "
            "index to the end of the source collection.",
        )
    del this[at : at + count]
    return NOTHING


@method(NetList, "InsertRange", "int index, object collection")
def insert_range(this: NetList, at: int, values: object) -> object:
    """Insert several at a place."""
    kind = element_type(this)
    items = values if isinstance(values, list) else [values]
    this[at:at] = [convert(item, kind) if kind is not None else item for item in items]
    return NOTHING


@method(PSHashtable, "TryGetValue", "object key, ref value")
def try_get(this: PSHashtable, key: object, result: Reference) -> bool:
    """The value of a key, if it is there."""
    known = key in this
    result.setter(this.get(key))
    return known


# ---------------------------------------------------------------------------------------------------- statics of arrays

static(_ARRAY, "Find", "object array, scriptblock match")(lambda items, block: _first(items, _test(block)))
static(_ARRAY, "FindAll", "object array, scriptblock match")(
    lambda items, block: [item for item in items if _test(block)(item)]
)
static(_ARRAY, "FindIndex", "object array, scriptblock match")(
    lambda items, block: next((at for at, item in enumerate(items) if _test(block)(item)), -1)
)
static(_ARRAY, "Exists", "object array, scriptblock match")(
    lambda items, block: any(_test(block)(item) for item in items)
)
static(_ARRAY, "LastIndexOf", "object array, object value")(
    lambda items, value: next((at for at in range(len(items) - 1, -1, -1) if equals(items[at], value, False)), -1)
)
static(_ARRAY, "BinarySearch", "object array, object value")(
    lambda items, value: next((at for at, item in enumerate(items) if equals(item, value, False)), ~len(items))
)


@static(_ARRAY, "Clear", "object array, int index, int length")
def clear_array(items: list[object], at: int, count: int) -> object:
    """Set elements to nothing."""
    kind = items.element if isinstance(items, PSArray) else "System.Object"
    for place in range(at, at + count):
        items[place] = 0 if kind.startswith("System.Int") or kind == "System.Byte" else None
    return NOTHING


@static(
    _ARRAY,
    "Copy",
    "object source, object target, int length",
    "object source, int from, object target, int to, int length",
)
def copy_array(source: list[object], *rest: object) -> object:
    """Copy elements into another array."""
    if len(rest) == 2:
        start, target, place, count = 0, rest[0], 0, rest[1]
    else:
        start, target, place, count = rest  # type: ignore[assignment]
    assert isinstance(target, list)  # noqa: S101 - the signature says so
    target[place : place + count] = source[start : start + count]  # type: ignore[operator]
    return NOTHING


@static(_ARRAY, "CreateInstance", "type elementType, int length")
def create_array(kind: TypeRef, length: int) -> PSArray:
    """A new array."""
    from harness.twin.shell.staticmembers import default_of

    return PSArray([default_of(kind)] * list_size(length), kind.full_name)


static(_ARRAY, "Empty")(list)
__all__ = ["caller"]
