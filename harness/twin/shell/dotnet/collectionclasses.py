"""Collection classes beside arrays, lists and hashtables: sorted lists, bit arrays, arrays of several dimensions …"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from harness.twin.shell.conversion import caster, convert, to_integer
from harness.twin.shell.dotnet.registry import PRESENT, constructor, method, prop
from harness.twin.shell.errors import net_error
from harness.twin.shell.grids import Grid
from harness.twin.shell.members import ADAPTERS, MISSING
from harness.twin.shell.objects import NOTHING, NetList, PSArray, PSHashtable
from harness.twin.shell.sizes import list_size
from harness.twin.shell.sorting import sorted_values
from harness.twin.shell.staticmembers import BUILDERS, default_of
from harness.twin.shell.typesystem import TypeRef, register_type, register_value_type

SORTED: Final = "System.Collections.SortedList"
BITS: Final = "System.Collections.BitArray"
_INT: Final = TypeRef("System.Int32")
for _name in (
    BITS,
    "System.Collections.Generic.LinkedList",
    "System.Collections.Generic.SortedSet",
    "System.Collections.Generic.ICollection",
    "System.Collections.Generic.IDictionary",
    "System.Collections.Generic.IEnumerator",
    "System.Collections.ObjectModel.ReadOnlyCollection",
    "System.Collections.ObjectModel.ObservableCollection",
    "System.Collections.Concurrent.ConcurrentDictionary",
    "System.Collections.Concurrent.ConcurrentBag",
    "System.Collections.Concurrent.ConcurrentQueue",
    "System.Collections.Specialized.StringCollection",
    "System.Collections.Specialized.NameValueCollection",
):
    register_type(_name)


class SortedTable(PSHashtable):
    """``SortedList``, ``SortedDictionary``: always in the order of the keys."""

    __slots__ = ()

    def __setitem__(self, key: object, value: object) -> None:
        known = key in self
        super().__setitem__(key, value)
        if not known and len(self) > 1:
            order = sorted_values(self.keys())
            self._pairs = {self._key(one): (one, self.get(one)) for one in order}


def _sorted_member(value: SortedTable, low: str) -> object:
    if low in value:
        return value.get(low)
    return MISSING


register_value_type(SortedTable, lambda value: value.full_name if isinstance(value, SortedTable) else "")
ADAPTERS[SortedTable] = _sorted_member


def sorted_table(name: str, source: object = None, sensitive: bool = True) -> SortedTable:
    """A sorted table with the pairs of another."""
    made = SortedTable((), name, case_sensitive=sensitive)
    for key, item in source.items() if isinstance(source, PSHashtable) else ():
        made[key] = item
    return made


constructor(SORTED, "", "object d")(lambda source=None: sorted_table(SORTED, source))
method(SortedTable, "GetKey", "int index")(lambda this, at: this.keys()[at])
method(SortedTable, "GetByIndex", "int index")(lambda this, at: this.values()[at])
method(SortedTable, "IndexOfKey", "object key")(
    lambda this, key: next((at for at, one in enumerate(this.keys()) if one == key), -1)
)


@caster(SORTED)
def to_sorted(value: object, _target: TypeRef) -> object:
    """``[SortedList]`` of a hashtable."""
    return sorted_table(SORTED, value)


# ---------------------------------------------------------------------------------------------------------- bit arrays


class BitArray(NetList):
    """``BitArray``: booleans."""

    __slots__ = ()

    def __init__(self, bits: Iterable[object]) -> None:
        super().__init__([bool(one) for one in bits], BITS)


@constructor(BITS, "bool[] values", "byte[] bytes", "int length", "int length, bool defaultValue")
def new_bits(source: object, filler: bool = False) -> BitArray:
    """Bits of booleans, of bytes (lowest first), or so many of one value."""
    if isinstance(source, PSArray) and source.element == "System.Byte":
        return BitArray(int(one) >> at & 1 for one in source for at in range(8))  # type: ignore[call-overload]
    if isinstance(source, list):
        return BitArray(source)
    return BitArray([filler] * int(source))  # type: ignore[call-overload]


register_value_type(BitArray, BITS)
for _label, _getter in (
    ("Length", len),
    ("Count", len),
    ("SyncRoot", lambda this: this),
    ("IsSynchronized", lambda _this: False),
    ("IsReadOnly", lambda _this: False),
):
    prop(BitArray, _label, _getter)
PRESENT[BitArray] = lambda _this, low: low in ("length", "count", "syncroot", "issynchronized", "isreadonly")
method(BitArray, "Get", "int index")(lambda this, at: this[at])


@method(BitArray, "Set", "int index, bool value")
def set_bit(this: BitArray, at: int, value: bool) -> object:
    """Set one bit."""
    this[at] = value
    return NOTHING


@method(BitArray, "Not")
def invert(this: BitArray) -> BitArray:
    """Turn every bit over."""
    this[:] = [not one for one in this]
    return this


for _label, _join in (("And", all), ("Or", any), ("Xor", lambda pair: pair[0] != pair[1])):
    method(BitArray, _label, "object value")(
        lambda this, other, join=_join: BitArray(join(pair) for pair in zip(this, other, strict=True))
    )

# ---------------------------------------------------------------------------------------- arrays of several dimensions


register_value_type(
    Grid,
    lambda value: f"{value.element}[{',' * (len(value.lengths) - 1)}]" if isinstance(value, Grid) else "",
)
prop(Grid, "Rank", lambda this: len(this.lengths))
method(Grid, "GetLength", "int dimension")(lambda this, at: this.lengths[at])
method(Grid, "GetUpperBound", "int dimension")(lambda this, at: this.lengths[at] - 1)
method(Grid, "GetValue", "params int[] indices")(lambda this, indexes: this[this.place(indexes)])
method(Grid, "get_Item", "params object[] indices")(lambda this, indexes: this[this.place(indexes)])


@method(Grid, "SetValue", "object value, params int[] indices")
def set_grid_value(this: Grid, value: object, indexes: list[object]) -> object:
    """Set an element."""
    this[this.place(indexes)] = convert(value, TypeRef(this.element))
    return NOTHING


def build_grid(kind: TypeRef, arguments: Sequence[object]) -> object:
    """``[int[,]]::new(2, 3)``."""
    assert kind.element is not None  # noqa: S101 - called for arrays
    lengths = [to_integer(one, _INT) for one in arguments]
    size = 1
    for one in lengths:
        size *= one
    return Grid([default_of(kind.element)] * list_size(size), kind.element.full_name, lengths)


BUILDERS["grid"] = build_grid


# -------------------------------------------------------------------------------------------- generic and fixed classes


class ReadOnlyList(NetList):
    """``ReadOnlyCollection``."""

    __slots__ = ()


register_value_type(ReadOnlyList, lambda value: value.full_name if isinstance(value, ReadOnlyList) else "")


def _refused(*_arguments: object) -> object:
    raise net_error("System.NotSupportedException", "Collection is read-only.")


method(ReadOnlyList, "Add", "object item")(_refused)
method(ReadOnlyList, "Remove", "object item")(_refused)
method(ReadOnlyList, "Clear")(_refused)
prop(ReadOnlyList, "IsReadOnly", lambda _this: True)


class LinkedList(NetList):
    """``LinkedList``: its nodes are its values here."""

    __slots__ = ()


register_value_type(LinkedList, lambda value: value.full_name if isinstance(value, LinkedList) else "")
prop(LinkedList, "Count", len)
prop(LinkedList, "First", lambda this: this[0] if this else None)
prop(LinkedList, "Last", lambda this: this[-1] if this else None)


@method(LinkedList, "AddLast", "object value")
def add_last(this: LinkedList, value: object) -> object:
    """Append."""
    this.append(value)
    return value


@method(LinkedList, "AddFirst", "object value")
def add_first(this: LinkedList, value: object) -> object:
    """Put in front."""
    this.insert(0, value)
    return value


@method(LinkedList, "RemoveFirst")
def remove_first(this: LinkedList) -> object:
    """Take the first away."""
    del this[:1]
    return NOTHING


@method(LinkedList, "RemoveLast")
def remove_last(this: LinkedList) -> object:
    """Take the last away."""
    del this[-1:]
    return NOTHING


class SetList(NetList):
    """``HashSet`` and ``SortedSet``: no value twice."""

    __slots__ = ("ignore_case",)

    def __init__(self, items: Iterable[object], name: str, ignore_case: bool = False) -> None:
        super().__init__(items, name)
        self.ignore_case = ignore_case

    def holds(self, value: object) -> bool:
        """Whether a value is in it."""
        if self.ignore_case and isinstance(value, str):
            low = value.lower()
            return any(isinstance(one, str) and one.lower() == low for one in self)
        return value in self


register_value_type(SetList, lambda value: value.full_name if isinstance(value, SetList) else "")
prop(SetList, "Count", len)


def _values(other: object) -> list[object]:
    return list(other) if isinstance(other, list) else [other]


@method(SetList, "Add", "object item")
def add_to_set(this: SetList, value: object) -> bool:
    """Add a value; whether it is new."""
    inner = this.full_name.partition("[")[2].rstrip("]")
    item = convert(value, TypeRef(inner)) if inner else value
    if this.holds(item):
        return False
    this.append(item)
    if "SortedSet" in this.full_name:
        this[:] = sorted_values(this)
    return True


def _change(this: SetList, items: list[object]) -> object:
    this[:] = items
    return NOTHING


PRESENT[SetList] = lambda _this, low: low == "count"
PRESENT[LinkedList] = lambda _this, low: low in ("count", "first", "last")
PRESENT[ReadOnlyList] = lambda _this, low: low == "count"
method(SetList, "Contains", "object item")(lambda this, value: this.holds(value))
method(SetList, "UnionWith", "object other")(
    lambda this, other: _change(this, list(dict.fromkeys([*this, *_values(other)])))
)
method(SetList, "IntersectWith", "object other")(
    lambda this, other: _change(this, [one for one in this if one in _values(other)])
)
method(SetList, "ExceptWith", "object other")(
    lambda this, other: _change(this, [one for one in this if one not in _values(other)])
)
method(SetList, "SymmetricExceptWith", "object other")(
    lambda this, other: _change(
        this, [*(one for one in this if one not in _values(other)), *(one for one in _values(other) if one not in this)]
    )
)
method(SetList, "IsSubsetOf", "object other")(lambda this, other: all(one in _values(other) for one in this))
method(SetList, "IsSupersetOf", "object other")(lambda this, other: all(one in this for one in _values(other)))
method(SetList, "Overlaps", "object other")(lambda this, other: any(one in this for one in _values(other)))
method(SetList, "SetEquals", "object other")(
    lambda this, other: all(one in this for one in _values(other)) and all(one in _values(other) for one in this)
)


def _of_class(kind: TypeRef, items: list[object], ignore_case: bool = False) -> object:
    name = kind.full_name
    head = name.partition("`")[0].rpartition(".")[2]
    if head == "ReadOnlyCollection":
        return ReadOnlyList(items, name)
    if head == "LinkedList":
        return LinkedList(items, name)
    if head in ("HashSet", "SortedSet"):
        made = SetList((), name, ignore_case)
        for item in items:
            add_to_set(made, item)
        return made
    if head == "Stack":
        return NetList(reversed(items), name)
    return NetList(items, name)


BUILDERS["generic"] = _of_class
BUILDERS["table"] = lambda kind, source: sorted_table(kind.full_name, source)

__all__ = ["Grid", "SortedTable"]
