"""Members of arrays, lists, hashtables and dictionaries; ``.Where()`` and ``.ForEach()``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from harness.twin.shell.comparison import equals
from harness.twin.shell.conversion import caster, convert, to_bool, to_integer
from harness.twin.shell.dotnet.registry import PRESENT, constructor, method, prop, static
from harness.twin.shell.errors import net_error, runtime_error
from harness.twin.shell.invocation import call_block, one_value, value_runner
from harness.twin.shell.members import LIST_METHODS, get_member, invoke_member
from harness.twin.shell.objects import NOTHING, Entry, Enumerator, NetList, PSArray, PSHashtable
from harness.twin.shell.scriptblock import ScriptBlock
from harness.twin.shell.sorting import sorted_values
from harness.twin.shell.staticmembers import construct
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import TypeRef, register_value_type

if TYPE_CHECKING:
    from harness.twin.shell.runspace import Runspace

_INT: Final = TypeRef("System.Int32")
prop(list, "Length", len)
prop(list, "LongLength", len)
prop(list, "Rank", lambda _this: 1)
prop(list, "SyncRoot", lambda this: this)
prop(list, "IsReadOnly", lambda _this: False)
prop(list, "IsFixedSize", lambda this: not isinstance(this, NetList))
prop(list, "IsSynchronized", lambda _this: False)
prop(list, "Count", len, member="AliasProperty")
prop(NetList, "Capacity", lambda this: max(4, 1 << (len(this) - 1).bit_length()) if this else 0)
prop(NetList, "Count", len)
prop(NetList, "IsFixedSize", lambda _this: False)
prop(NetList, "IsReadOnly", lambda _this: False)
prop(NetList, "IsSynchronized", lambda _this: False)
prop(NetList, "SyncRoot", lambda this: this)
_OWN: Final = {
    "ArrayList": frozenset(("capacity", "count", "isfixedsize", "isreadonly", "issynchronized", "syncroot")),
    "List": frozenset(("capacity", "count")),
    "Queue": frozenset(("count", "issynchronized", "syncroot")),
    "Stack": frozenset(("count", "issynchronized", "syncroot")),
}
_COUNT: Final = frozenset(("count",))


def _has(this: NetList, low: str) -> bool:
    """Whether a list class declares a property."""
    name = this.full_name
    head = name.partition("`")[0].rpartition(".")[2]
    own = _COUNT if "`" in name and head != "List" else _OWN.get(head, _COUNT)
    return low in own


PRESENT[NetList] = _has


def _same(left: object, right: object) -> bool:
    return type(left) is type(right) and equals(left, right, False)


def _find(items: list[object], value: object) -> int:
    return next((at for at, item in enumerate(items) if _same(item, value)), -1)


method(list, "Contains", "object value")(lambda this, value: _find(this, value) >= 0)
method(list, "IndexOf", "object value")(_find)
method(list, "GetValue", "int index")(lambda this, at: this[at])
method(list, "GetLength", "int dimension")(lambda this, _dimension: len(this))
method(list, "GetUpperBound", "int dimension")(lambda this, _dimension: len(this) - 1)
method(list, "GetLowerBound", "int dimension")(lambda _this, _dimension: 0)
method(list, "Clone")(lambda this: NetList(this, this.full_name) if isinstance(this, NetList) else list(this))
method(Enumerator, "MoveNext")(lambda this: this.move())
method(Enumerator, "Reset")(lambda this: this.reset() or NOTHING)
prop(Enumerator, "Current", lambda this: this.current)
method(list, "GetEnumerator")(lambda this: Enumerator(list(this), _enumerator_name(this)))


def _enumerator_name(this: list[object]) -> str:
    if not isinstance(this, NetList):
        return "System.Array+SZArrayEnumerator"
    head, mark, rest = this.full_name.partition("[")
    return f"{head}+Enumerator{mark}{rest}" if mark else f"{head}+{head.rpartition('.')[2]}EnumeratorSimple"


method(list, "Equals", "object obj")(lambda this, other: this is other)


@method(list, "SetValue", "object value, int index")
def set_value(this: list[object], value: object, at: int) -> object:
    """Set an element."""
    this[at] = value
    return NOTHING


@method(list, "CopyTo", "object array, int index")
def copy_to(this: list[object], target: list[object], at: int) -> object:
    """Copy into another list."""
    target[at : at + len(this)] = this
    return NOTHING


@method(list, "Add", "object item")
def add(this: list[object], value: object) -> object:
    """Append to a list; an array has a fixed size."""
    if not isinstance(this, NetList):
        raise net_error("System.NotSupportedException", "Collection was of a fixed size.")
    this.append(_typed(this, value))
    if this.full_name in ("System.Collections.ArrayList", "System.Collections.Specialized.StringCollection"):
        return len(this) - 1
    if "HashSet" in this.full_name:
        if this.index(this[-1]) < len(this) - 1:
            this.pop()
            return False
        return True
    return NOTHING


def _typed(this: NetList, value: object) -> object:
    name = this.full_name
    if "[" not in name:
        return value
    return convert(value, TypeRef(name.partition("[")[2].rstrip("]")))


@method(NetList, "AddRange", "object collection")
def add_range(this: NetList, values: object) -> object:
    """Append several."""
    this.extend(_typed(this, value) for value in (values if isinstance(values, list) else [values]))
    return NOTHING


@method(NetList, "Insert", "int index, object value")
def insert(this: NetList, at: int, value: object) -> object:
    """Insert at a place."""
    this.insert(at, _typed(this, value))
    return NOTHING


@method(NetList, "Remove", "object value")
def remove(this: NetList, value: object) -> object:
    """Remove the first occurrence."""
    at = _find(this, value)
    if at >= 0:
        del this[at]
    return NOTHING if this.full_name == "System.Collections.ArrayList" else at >= 0


@method(NetList, "RemoveAt", "int index")
def remove_at(this: NetList, at: int) -> object:
    """Remove at a place."""
    if not 0 <= at < len(this):
        raise net_error(
            "System.ArgumentOutOfRangeException",
            "Index was out of range. Must be non-negative and less than the size of the collection.\r\nParameter "
            "name: index",
        )
    del this[at]
    return NOTHING


@method(NetList, "Clear")
def clear(this: NetList) -> object:
    """Remove everything."""
    this.clear()
    return NOTHING


@method(NetList, "Sort")
def sort(this: NetList) -> object:
    """Sort in place."""
    this[:] = sorted_values(this)
    return NOTHING


@method(NetList, "Reverse")
def reverse(this: NetList) -> object:
    """Reverse in place."""
    this.reverse()
    return NOTHING


method(NetList, "Enqueue", "object item")(lambda this, value: this.append(value) or NOTHING)
method(NetList, "Push", "object item")(lambda this, value: this.insert(0, value) or NOTHING)


def _taken(this: NetList) -> object:
    if not this:
        name = "Stack" if "Stack" in this.full_name else "Queue"
        raise net_error("System.InvalidOperationException", f"{name} empty.")
    return this.pop(0)


method(NetList, "Dequeue")(_taken)
method(NetList, "Pop")(_taken)
method(NetList, "Peek")(lambda this: this[0] if this else None)

for _name in ("System.Collections.ArrayList", "System.Collections.Queue"):
    constructor(_name, "", "object c")(
        lambda values=(), name=_name: NetList(values if isinstance(values, list) else (), name)
    )
constructor("System.Collections.Stack", "", "object c")(
    lambda values=(): NetList(reversed(values) if isinstance(values, list) else (), "System.Collections.Stack")
)
constructor("System.Collections.Hashtable", "", "object d")(
    lambda values=None: PSHashtable(values.items() if isinstance(values, PSHashtable) else (), case_sensitive=False)
)
constructor("System.Collections.Specialized.OrderedDictionary", "")(
    lambda: PSHashtable((), "System.Collections.Specialized.OrderedDictionary")
)

ARRAY: Final = "System.Array"
static(ARRAY, "IndexOf", "object array, object value")(_find)


@static(ARRAY, "Reverse", "object array")
def array_reverse(items: list[object]) -> object:
    """Reverse in place."""
    items.reverse()
    return NOTHING


@static(ARRAY, "Sort", "object array")
def array_sort(items: list[object]) -> object:
    """Sort in place."""
    items[:] = sorted_values(items)
    return NOTHING


# ------------------------------------------------------------------------------------------------------- hashtables

prop(PSHashtable, "IsReadOnly", lambda _this: False)
prop(PSHashtable, "IsFixedSize", lambda _this: False)
prop(PSHashtable, "IsSynchronized", lambda _this: False)


class TableView(NetList):
    """The keys or values of a dictionary; it must not change while they are enumerated."""

    __slots__ = ("owner",)

    def __init__(self, owner: PSHashtable, items: list[object], name: str) -> None:
        super().__init__(items, f"{owner.full_name}+{name}")
        self.owner = owner


prop(TableView, "IsSynchronized", lambda _this: False)
prop(TableView, "SyncRoot", lambda this: this.owner)
prop(TableView, "Count", len)
PRESENT[TableView] = lambda this, low: (
    low == "count" or (low in ("issynchronized", "syncroot") and "Generic" not in this.full_name)
)
register_value_type(TableView, lambda view: view.full_name if isinstance(view, TableView) else "")
prop(PSHashtable, "Keys", lambda this: TableView(this, this.keys(), "KeyCollection"))
prop(PSHashtable, "Values", lambda this: TableView(this, this.values(), "ValueCollection"))
prop(PSHashtable, "SyncRoot", lambda this: this)
prop(PSHashtable, "Count", len)
method(PSHashtable, "ContainsKey", "object key")(lambda this, key: key in this)
method(PSHashtable, "Contains", "object key")(lambda this, key: key in this)
method(PSHashtable, "ContainsValue", "object value")(lambda this, value: _find(this.values(), value) >= 0)
method(PSHashtable, "GetEnumerator")(
    lambda this: Enumerator(_Entries(this), "System.Collections.Hashtable+HashtableEnumerator")
)
method(PSHashtable, "Clone")(lambda this: this.copy())
method(PSHashtable, "Item", "object key")(lambda this, key: this.get(key))
method(PSHashtable, "get_Item", "object key")(lambda this, key: this.get(key))


class _Entries:
    """The entries of a dictionary, which must not change while they are enumerated."""

    def __init__(self, table: PSHashtable) -> None:
        self._table = table

    def __iter__(self) -> Iterator[object]:
        began = self._table.changes
        for entry in entries(self._table):
            yield entry
            if self._table.changes != began:
                text = "Collection was modified; enumeration operation may not execute."
                raise net_error("System.InvalidOperationException", text)


def entries(table: PSHashtable) -> list[object]:
    """The entries of a dictionary as objects."""
    name = "System.Collections.DictionaryEntry"
    if "Generic" in table.full_name:
        name = "System.Collections.Generic.KeyValuePair`2[" + table.full_name.partition("[")[2]
    return [Entry(key, value, name) for key, value in table.items()]


prop(Entry, "Name", lambda this: this.key, member="AliasProperty")
PRESENT[Entry] = lambda this, low: low != "name" or "Generic" not in this.full_name
prop(Entry, "Key", lambda this: this.key)
prop(Entry, "Value", lambda this: this.value)


@method(PSHashtable, "Add", "object key, object value")
def table_add(this: PSHashtable, key: object, value: object) -> object:
    """Add a new key."""
    if key in this:
        if "Generic" in this.full_name:
            raise net_error("System.ArgumentException", "An item with the same key has already been added.")
        known = next(
            old for old in this if PSHashtable([(old, None)], case_sensitive=this.case_sensitive).__contains__(key)
        )
        raise net_error(
            "System.ArgumentException",
            f"Item has already been added. Key in dictionary: '{to_text(known)}'  Key being added: '{to_text(key)}'",
        )
    this[key] = value
    return NOTHING


@method(PSHashtable, "Remove", "object key")
def table_remove(this: PSHashtable, key: object) -> object:
    """Remove a key."""
    known = key in this
    this.remove(key)
    return known if "Generic" in this.full_name else NOTHING


@method(PSHashtable, "Clear")
def table_clear(this: PSHashtable) -> object:
    """Remove everything."""
    this.clear()
    return NOTHING


@method(PSHashtable, "RemoveAt", "int index")
def table_remove_at(this: PSHashtable, at: int) -> object:
    """Remove at a place (``[ordered]`` only)."""
    if not 0 <= at < len(this):
        text = "Index was out of range. Must be non-negative and less than the size of the collection."
        raise net_error("System.ArgumentOutOfRangeException", f"{text}\r\nParameter name: index")
    this.remove(this.keys()[at])
    return NOTHING


@method(PSHashtable, "Insert", "int index, object key, object value")
def table_insert(this: PSHashtable, at: int, key: object, value: object) -> object:
    """Insert at a place."""
    this.insert(at, key, value)
    return NOTHING


@method(PSHashtable, "set_Item", "object key, object value")
def table_set(this: PSHashtable, key: object, value: object) -> object:
    """Set a key."""
    this[key] = value
    return NOTHING


# -------------------------------------------------------------------------------------------- Where() and ForEach()


def where_method(rs: Runspace, items: list[object], arguments: Sequence[object]) -> object:
    """``.Where({ … }[, mode[, count]])``."""
    if not arguments or not isinstance(arguments[0], ScriptBlock):
        raise runtime_error("The Where() operator takes a script block.", "RuntimeException", "InvalidOperation")
    frame = rs.frames[-1] if rs.frames else rs.frame()
    evaluate = value_runner(rs, arguments[0], frame.scope, frame.streams)
    mode = to_text(arguments[1]).lower() if len(arguments) > 1 else "default"
    count = to_integer(arguments[2], _INT) if len(arguments) > 2 else 0

    def accepts(item: object) -> bool:
        return to_bool(one_value(evaluate(item)))

    name = "System.Collections.ObjectModel.Collection`1[System.Management.Automation.PSObject]"
    if mode in ("until", "skipuntil"):
        at = next((at for at, item in enumerate(items) if accepts(item)), len(items))
        chosen = items[:at] if mode == "until" else items[at:]
        return NetList(chosen[:count] if count else chosen, name)
    hits = [accepts(item) for item in items] if mode != "first" else []
    if mode == "first":
        found: list[object] = []
        for item in items:
            if accepts(item):
                found.append(item)
                if len(found) >= max(count, 1):
                    break
        return NetList(found, name)
    yes = [item for item, hit in zip(items, hits, strict=True) if hit]
    if mode == "last":
        return NetList(yes[-max(count, 1) :], name)
    if mode == "split":
        no = [item for item, hit in zip(items, hits, strict=True) if not hit]
        return [NetList(yes, name), NetList(no, name)]
    return NetList(yes[:count] if count else yes, name)


def foreach_method(rs: Runspace, items: list[object], arguments: Sequence[object]) -> object:
    """``.ForEach({ … })``, ``.ForEach('Member')``, ``.ForEach([type])``."""
    name = "System.Collections.ObjectModel.Collection`1[System.Management.Automation.PSObject]"
    frame = rs.frames[-1] if rs.frames else rs.frame()
    first, rest = (arguments[0] if arguments else None), list(arguments[1:])
    found: list[object] = []
    for item in items:
        if isinstance(first, ScriptBlock):
            found.extend(call_block(rs, first, rest, frame.scope, frame.streams, {"_": item}, new_scope=True))
        elif isinstance(first, TypeRef):
            found.append(convert(item, first))
        else:
            word = to_text(first)
            value = get_member(rs, item, word.lower(), word)
            if type(value).__name__ == "BoundMethod":
                value = invoke_member(rs, item, word, rest)
            if value is not NOTHING:
                found.append(value)
    return NetList(found, name)


@caster(
    "System.Collections.Generic.List",
    "System.Collections.Generic.HashSet",
    "System.Collections.Generic.Queue",
    "System.Collections.Generic.Stack",
    "System.Collections.Generic.Dictionary",
    "System.Collections.ObjectModel.Collection",
)
def to_generic(value: object, target: TypeRef) -> object:
    """A list as a generic one."""
    if value is None:
        return None
    return construct(None, target, [value if isinstance(value, list | PSHashtable) else [value]])


LIST_METHODS["where"] = where_method
LIST_METHODS["foreach"] = foreach_method

__all__ = ["PSArray", "entries"]
