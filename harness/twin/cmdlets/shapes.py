"""Objects of the product, made by shape: one type name, one list of property names, many objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from harness.twin.shell.objects import ComputedProperty, Member, NoteProperty, PSHashtable, PSObject

_DICTIONARY: Final = "System.Collections.Generic.Dictionary`2[System.String,System.String]"


class Shape:
    """Type name(s) and property names of a kind of objects."""

    __slots__ = ("_keys", "_types")

    def __init__(self, type_name: str | Sequence[str], properties: str) -> None:
        self._types = (type_name, "System.Object") if isinstance(type_name, str) else tuple(type_name)
        self._keys = tuple((name.lower(), name) for name in properties.split())

    @property
    def type_name(self) -> str:
        """The most special type name."""
        return self._types[0]

    def make(self, *values: object, text: str | None = None) -> PSObject:
        """An object; values in the order of the names.  A ``Later`` is computed when it is first read.

        ``text`` is what the object is inside a string; None means its type name.
        """
        made = PSObject(None, self._types, text=text, net_type=self._types[0])
        pairs = zip(self._keys, values, strict=True)
        members: dict[str, Member]
        if Later in map(type, values):
            members = {
                low: value.member(name) if type(value) is Later else NoteProperty(name, value)
                for (low, name), value in pairs
            }
        else:
            members = {low: NoteProperty(name, value) for (low, name), value in pairs}
        made.members = members
        return made


class Later:
    """A value that is costly and seldom read.  It must come from what does not change any more."""

    __slots__ = ("_compute", "_value")

    def __init__(self, compute: Callable[[], object]) -> None:
        self._compute: Callable[[], object] | None = compute
        self._value: object = None

    def member(self, name: str) -> Member:
        """The property of that name."""
        return ComputedProperty(name, lambda _this: self.read(), kind="Property")

    def read(self) -> object:
        """The value, computed once."""
        if self._compute is not None:
            self._value = self._compute()
            self._compute = None
        return self._value


def dictionary(pairs: Iterable[tuple[str, object]]) -> PSHashtable:
    """A .NET dictionary from text to text."""
    return PSHashtable(pairs, _DICTIONARY)
