"""The values that flow through the shell's pipelines.

Python's own values are used where one fits: ``str``, ``bool``, ``int`` (a plain one is ``[int]``, or ``[long]`` when it
needs more than 32 bits), ``float`` (``[double]``), ``Decimal``, ``datetime`` (``tzinfo`` tells the kind, see below),
``timedelta``, ``uuid.UUID`` (``[guid]``), ``list`` (``object[]``). The classes here are for what Python
has no value for: other integer widths, characters, objects with properties, hashtables, enums, versions.

Kinds of a ``datetime``: ``None`` = Unspecified, ``datetime.UTC`` = Utc, ``LOCAL`` = Local (lab nodes run on UTC).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from functools import total_ordering
from typing import Final

from harness.twin.shell.numberkinds import BigInteger, Byte, Char, Int16, Int64, SByte, Single, UInt16, UInt32, UInt64
from harness.twin.shell.rows import Columns, Later, Row

__all__ = [
    "CUSTOM_OBJECT",
    "HASHTABLE",
    "LOCAL",
    "NOTHING",
    "ORDERED",
    "AddedNote",
    "BigInteger",
    "Byte",
    "Char",
    "ComputedProperty",
    "Entry",
    "EnumType",
    "Enumerator",
    "Int16",
    "Int64",
    "LocalZone",
    "MemberSet",
    "NetList",
    "NoteProperty",
    "Nothing",
    "PSArray",
    "PSEnum",
    "PSHashtable",
    "PSMethod",
    "PSObject",
    "PropertySet",
    "Reference",
    "SByte",
    "Single",
    "TypedProperty",
    "UInt16",
    "UInt32",
    "UInt64",
    "bare_value",
    "read_member",
]


class Nothing:
    """What a command without output gives (``AutomationNull``): ``$null`` in expressions, no object in a pipeline."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "NOTHING"

    def __bool__(self) -> bool:
        return False


NOTHING: Final = Nothing()


class LocalZone(tzinfo):
    """The time zone of lab nodes, as a kind: offset zero, but ``Local`` to .NET."""

    def utcoffset(self, moment: datetime | None) -> timedelta:
        """Offset from UTC."""
        return timedelta(0)

    def dst(self, moment: datetime | None) -> timedelta:
        """No daylight saving."""
        return timedelta(0)

    def tzname(self, moment: datetime | None) -> str:
        """Name of the zone."""
        return "UTC"


LOCAL: Final = LocalZone()


class PSArray(list[object]):
    """An array with an element type, e.g. ``string[]``; a plain ``list`` is ``object[]``.

    ``wrapped``: it came out of a command as one object, which ``ConvertTo-Json`` shows as an object with a value.
    """

    __slots__ = ("element", "wrapped")

    def __init__(self, items: Iterable[object] = (), element: str = "System.Object", wrapped: bool = False) -> None:
        super().__init__(items)
        self.element = element
        self.wrapped = wrapped


class NetList(list[object]):
    """A .NET list class: ``System.Collections.ArrayList``, a generic list, queue, stack or read-only collection."""

    __slots__ = ("full_name",)

    def __init__(self, items: Iterable[object] = (), full_name: str = "System.Collections.ArrayList") -> None:
        super().__init__(items)
        self.full_name = full_name


class Enumerator:
    """A .NET enumerator: a pipeline runs through it once, a script step by step (``MoveNext``, ``Current``)."""

    __slots__ = ("current", "full_name", "items", "source")

    def __init__(self, items: Iterable[object], full_name: str = "System.Collections.IEnumerator") -> None:
        self.source = items
        self.items = iter(items)
        self.full_name = full_name
        self.current: object = None

    def move(self) -> bool:
        """Go to the next item; False when there is none."""
        for item in self.items:
            self.current = item
            return True
        self.current = None
        return False

    def reset(self) -> None:
        """Go back before the first item."""
        self.items = iter(self.source)
        self.current = None


# ---------------------------------------------------------------------------------------------------------- members


class NoteProperty:
    """A property that holds its value."""

    __slots__ = ("name", "value")
    kind = "NoteProperty"

    def __init__(self, name: str, value: object) -> None:
        self.name = name
        self.value = value


class AddedNote(NoteProperty):
    """A note that was added to an object of a .NET type: no property of its class."""

    __slots__ = ()


class TypedProperty(NoteProperty):
    """A property of a script's class: what is stored goes through ``admit`` first; a ``hidden`` one is not listed."""

    __slots__ = ("admit", "hidden")

    def __init__(self, name: str, value: object, admit: Callable[[object], object], hidden: bool = False) -> None:
        super().__init__(name, value)
        self.admit = admit
        self.hidden = hidden


class ComputedProperty:
    """A property that is computed when read (``ScriptProperty``, ``AliasProperty``, ``CodeProperty``)."""

    __slots__ = ("detail", "getter", "kind", "name", "setter")

    def __init__(
        self,
        name: str,
        getter: Callable[[object], object],
        setter: Callable[[object, object], None] | None = None,
        kind: str = "ScriptProperty",
        detail: object = None,
    ) -> None:
        self.name = name
        self.getter = getter
        self.setter = setter
        self.kind = kind
        self.detail = detail


class PSMethod:
    """A method of an object; called with the object and the arguments."""

    __slots__ = ("call", "kind", "name", "signature")

    def __init__(self, name: str, call: Callable[..., object], kind: str = "Method", signature: str = "") -> None:
        self.name = name
        self.call = call
        self.kind = kind
        self.signature = signature


class PropertySet:
    """A named set of property names (``PSPropertySet``), e.g. ``DefaultDisplayPropertySet``."""

    __slots__ = ("kind", "name", "names")

    def __init__(self, name: str, names: Sequence[str]) -> None:
        self.name = name
        self.names = list(names)
        self.kind = "PropertySet"


class MemberSet:
    """A member that holds members (``PSStandardMembers``)."""

    __slots__ = ("kind", "members", "name")

    def __init__(self, name: str, members: Sequence[Member]) -> None:
        self.name = name
        self.members: dict[str, Member] = {member.name.lower(): member for member in members}
        self.kind = "MemberSet"


Member = NoteProperty | ComputedProperty | PSMethod | PropertySet | MemberSet


CUSTOM_OBJECT: Final = ("System.Management.Automation.PSCustomObject", "System.Object")


_UNFOLDED_LATER: Final[dict[str, Member]] = {}


class PSObject:
    """An object with named members: a ``[pscustomobject]``, a product's object, or a wrapped value with extra members.

    ``members`` is keyed by the lower-case name and keeps the order. ``base`` is the wrapped value, ``None`` for objects
    that are nothing but their members. ``text`` is what ``ToString()`` gives, when not that of the type.
    ``net_type`` is the name that ``GetType()`` shows; ``None`` means a custom object.

    An object made by ``of_columns`` is a ``row`` of values until somebody asks for its ``members``: a product's object
    has dozens of properties, of which a script reads two.
    """

    __slots__ = ("_members", "base", "hidden", "net_type", "row", "text", "type_names")

    def __init__(
        self,
        properties: Mapping[str, object] | None = None,
        type_names: Sequence[str] = CUSTOM_OBJECT,
        base: object = None,
        text: str | Callable[[], str] | None = None,
        net_type: str | None = None,
    ) -> None:
        self.type_names: Sequence[str] = type_names
        self.base = base
        self.text = text
        self.net_type = net_type
        self.hidden: object = None
        self.row: Row | None = None
        self._members: dict[str, Member] = (
            {name.lower(): NoteProperty(name, value) for name, value in properties.items()} if properties else {}
        )

    @classmethod
    def of_columns(
        cls, type_names: tuple[str, ...], columns: Columns, values: tuple[object, ...], text: str | None = None
    ) -> PSObject:
        """A product's object whose properties have the names of ``columns``."""
        made = cls.__new__(cls)
        made.type_names = type_names
        made.base = None
        made.text = text
        made.net_type = type_names[0]
        made.hidden = None
        made.row = (columns, values)
        made._members = _UNFOLDED_LATER
        return made

    @property
    def members(self) -> dict[str, Member]:
        """The members by lower-case name; may be changed."""
        if self.row is not None:
            columns, values = self.row
            self._members = {
                low: _column(name, value) for (low, (_, name)), value in zip(columns.items(), values, strict=True)
            }
            self.row = None
        return self._members

    @members.setter
    def members(self, members: dict[str, Member]) -> None:
        self.row = None
        self._members = members

    @classmethod
    def of_type(
        cls,
        type_name: str | Sequence[str],
        properties: Mapping[str, object],
        text: str | Callable[[], str] | None = None,
    ) -> PSObject:
        """A product's object: its .NET type name (or the whole chain of names) and its properties in order.

        ``text`` is what the object is inside a string or a table cell; without it the type name, as in .NET.
        """
        names = (type_name, "System.Object") if isinstance(type_name, str) else tuple(type_name)
        return cls(properties, names, text=text, net_type=names[0])

    def get(self, name: str, default: object = None) -> object:
        """Value of a property, or the default."""
        member = self.members.get(name.lower())
        if member is None:
            return default
        return read_member(self, member)

    def set(self, name: str, value: object) -> None:
        """Set or add a note property."""
        member = self.members.get(name.lower())
        if isinstance(member, NoteProperty):
            member.value = value
        else:
            self.members[name.lower()] = NoteProperty(name, value)

    def properties(self) -> Iterator[tuple[str, object]]:
        """Names and values of the properties, in order."""
        if self.row is not None:
            columns, values = self.row
            for (_, name), value in zip(columns.values(), values, strict=True):
                yield name, value.read() if type(value) is Later else value
            return
        for member in list(self.members.values()):
            if isinstance(member, NoteProperty | ComputedProperty):
                yield member.name, read_member(self, member)

    def copy(self) -> PSObject:
        """A shallow copy with its own members."""
        made = PSObject(None, list(self.type_names), self.base, self.text, self.net_type)
        made.members = {
            key: NoteProperty(member.name, member.value) if isinstance(member, NoteProperty) else member
            for key, member in self.members.items()
        }
        return made

    def __repr__(self) -> str:
        return f"PSObject({self.type_names[0]}, {', '.join(self.members)})"


def _column(name: str, value: object) -> Member:
    if type(value) is Later:
        return ComputedProperty(name, value.read, kind="Property")
    return NoteProperty(name, value)


def bare_value(value: object) -> object:
    """What a ``PSObject`` wraps; any other value is itself."""
    return value.base if isinstance(value, PSObject) and value.base is not None else value


def read_member(target: object, member: Member) -> object:
    """Value of a member of an object."""
    if isinstance(member, NoteProperty):
        return member.value
    if isinstance(member, ComputedProperty):
        return member.getter(target)
    return member


# ------------------------------------------------------------------------------------------------------- hashtables


HASHTABLE: Final = "System.Collections.Hashtable"
ORDERED: Final = "System.Collections.Specialized.OrderedDictionary"


class PSHashtable:
    """A dictionary that keeps its order; text keys do not depend on case, unless ``case_sensitive``.

    ``full_name`` is the .NET class: ``HASHTABLE``, ``ORDERED`` or a generic dictionary.
    """

    __slots__ = ("_pairs", "case_sensitive", "changes", "extra", "full_name")

    def __init__(
        self,
        pairs: Iterable[tuple[object, object]] | Mapping[str, object] = (),
        full_name: str = HASHTABLE,
        case_sensitive: bool = False,
    ) -> None:
        self.full_name = full_name
        self.case_sensitive = case_sensitive
        self._pairs: dict[object, tuple[object, object]] = {}
        self.changes = 0  # an enumeration ends at the first one ([GK] .NET Framework: a new value counts too)
        self.extra: dict[str, Member] | None = None
        if not pairs:
            return
        items: Iterable[tuple[object, object]] = pairs.items() if isinstance(pairs, Mapping) else pairs
        for key, value in items:
            self[key] = value

    @property
    def ordered(self) -> bool:
        """Whether it is an ``[ordered]`` one."""
        return self.full_name == ORDERED

    def _key(self, key: object) -> object:
        if isinstance(key, str):
            return key if self.case_sensitive else key.lower()
        return (type(key), key if getattr(type(key), "__hash__", None) else id(key))

    def __getitem__(self, key: object) -> object:
        return self._pairs[self._key(key)][1]

    def __setitem__(self, key: object, value: object) -> None:
        slot = self._key(key)
        known = self._pairs.get(slot)
        self._pairs[slot] = (known[0] if known else key, value)
        self.changes += 1

    def add_word(self, low: str, word: str, value: object) -> None:
        """Add a text key that is not there yet and whose lower-case form is known; not for ``case_sensitive``."""
        self._pairs[low] = (word, value)

    def __contains__(self, key: object) -> bool:
        return self._key(key) in self._pairs

    def __len__(self) -> int:
        return len(self._pairs)

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[object]:
        return iter([key for key, _ in self._pairs.values()])

    def get(self, key: object, default: object = None) -> object:
        """Value of a key, or the default."""
        found = self._pairs.get(self._key(key))
        return found[1] if found is not None else default

    def remove(self, key: object) -> None:
        """Remove a key; a missing one is no error."""
        if self._pairs.pop(self._key(key), None) is not None:
            self.changes += 1

    def clear(self) -> None:
        """Remove everything."""
        self._pairs.clear()
        self.changes += 1

    def insert(self, index: int, key: object, value: object) -> None:
        """Insert at a place (``[ordered]`` only)."""
        pairs = list(self._pairs.items())
        pairs.insert(index, (self._key(key), (key, value)))
        self._pairs = dict(pairs)
        self.changes += 1

    def items(self) -> list[tuple[object, object]]:
        """Keys and values, in order."""
        return list(self._pairs.values())

    def keys(self) -> list[object]:
        """The keys, as first written."""
        return [key for key, _ in self._pairs.values()]

    def values(self) -> list[object]:
        """The values."""
        return [value for _, value in self._pairs.values()]

    def copy(self) -> PSHashtable:
        """A shallow copy."""
        made = PSHashtable((), self.full_name, self.case_sensitive)
        made._pairs = dict(self._pairs)
        return made


@dataclass(slots=True, eq=False)
class Entry:
    """One entry of a dictionary (``DictionaryEntry``, or ``KeyValuePair`` of a generic one)."""

    key: object
    value: object
    full_name: str = "System.Collections.DictionaryEntry"


# ------------------------------------------------------------------------------------------------ enums and versions


@dataclass(frozen=True, slots=True, eq=False)
class EnumType:
    """An enum: full name, labels with their values, whether labels combine, and the class of its numbers."""

    name: str
    labels: Mapping[str, int]
    flags: bool = False
    base: type[int] = int
    by_value: dict[int, str] = field(init=False, repr=False)
    by_name: dict[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by_value: dict[int, str] = {}
        for label, value in self.labels.items():
            by_value.setdefault(value, label)
        object.__setattr__(self, "by_value", by_value)
        object.__setattr__(self, "by_name", {label.lower(): label for label in self.labels})

    def __call__(self, label_or_value: str | int) -> PSEnum:
        """The value of a label or a number. Raises ``KeyError`` for an unknown label."""
        if isinstance(label_or_value, str):
            return PSEnum(self, self.labels[self.by_name[label_or_value.lower()]])
        return PSEnum(self, int(label_or_value))


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class PSEnum:
    """A value of an enum: shown by its label, in JSON a number."""

    type: EnumType
    value: int

    @property
    def number(self) -> int:
        """The number, of the enum's base type."""
        return self.type.base(self.value)

    @property
    def name(self) -> str:
        """The label, the labels of a combination joined by ``", "``, or the number."""
        label = self.type.by_value.get(self.value)
        if label is not None:
            return label
        if self.type.flags and self.value > 0:
            rest = self.value
            names: list[str] = []
            for value in sorted(self.type.by_value, reverse=True):
                if value and rest & value == value:
                    names.insert(0, self.type.by_value[value])
                    rest &= ~value
            if not rest:
                return ", ".join(names)
        return str(self.value)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, PSEnum):
            return self.value == other.value and self.type.name == other.type.name
        return NotImplemented

    def __lt__(self, other: object) -> bool:
        if isinstance(other, PSEnum):
            return self.value < other.value
        return NotImplemented

    def __hash__(self) -> int:
        return hash((self.type.name, self.value))

    def __str__(self) -> str:
        return self.name


class Reference:
    """``[ref]``: a variable handed to a method, or a boxed value."""

    __slots__ = ("getter", "setter")

    def __init__(self, getter: Callable[[], object], setter: Callable[[object], None]) -> None:
        self.getter = getter
        self.setter = setter
