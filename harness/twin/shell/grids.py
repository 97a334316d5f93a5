"""Arrays of several dimensions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from harness.twin.shell.conversion import to_integer
from harness.twin.shell.errors import runtime_error
from harness.twin.shell.objects import PSArray
from harness.twin.shell.typesystem import TypeRef

_INT: Final = TypeRef("System.Int32")


class Grid(PSArray):
    """``int[,]``: the elements row by row, and how long each dimension is."""

    __slots__ = ("lengths",)

    def __init__(self, items: Iterable[object], element: str, lengths: Sequence[int]) -> None:
        super().__init__(items, element)
        self.lengths = tuple(lengths)

    def place(self, indexes: Sequence[object]) -> int:
        """Where an element is. Raises ``PSError`` for too few or too many indexes, or one that is outside."""
        if len(indexes) != len(self.lengths):
            raise runtime_error(
                f"Cannot index into a {len(self.lengths)} dimensional array with index [{indexes}].",
                "NeedMultidimensionalIndex",
                "InvalidOperation",
            )
        found = 0
        for index, length in zip(indexes, self.lengths, strict=True):
            at = to_integer(index, _INT)
            if not 0 <= at < length:
                raise runtime_error(
                    "Index was outside the bounds of the array.",
                    "System.IndexOutOfRangeException",
                    "OperationStopped",
                    type_name="System.IndexOutOfRangeException",
                )
            found = found * length + at
        return found
