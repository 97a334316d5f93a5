"""Objects of the product, made by shape: one type name, one list of property names, many objects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from harness.twin.shell.objects import PSHashtable, PSObject
from harness.twin.shell.rows import Later, columns_of

__all__ = ["Later", "Shape", "dictionary"]

_DICTIONARY: Final = "System.Collections.Generic.Dictionary`2[System.String,System.String]"


class Shape:
    """Type name(s) and property names of a kind of objects."""

    __slots__ = ("_columns", "_types")

    def __init__(self, type_name: str | Sequence[str], properties: str) -> None:
        self._types = (type_name, "System.Object") if isinstance(type_name, str) else tuple(type_name)
        self._columns = columns_of(properties.split())

    @property
    def type_name(self) -> str:
        """The most special type name."""
        return self._types[0]

    def make(self, *values: object, text: str | None = None) -> PSObject:
        """An object; values in the order of the names.  A ``Later`` is computed when it is first read.

        ``text`` is what the object is inside a string; None means its type name.  Raises ValueError for too many or too
        few values.
        """
        if len(values) != len(self._columns):
            raise ValueError(f"{self.type_name} has {len(self._columns)} properties, and not {len(values)}")
        return PSObject.of_columns(self._types, self._columns, values, text)


def dictionary(pairs: Iterable[tuple[str, object]]) -> PSHashtable:
    """A .NET dictionary from text to text."""
    return PSHashtable(pairs, _DICTIONARY)
