"""``Sort-Object``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from harness.twin.shell.commands.api import Call, Command, Parameter
from harness.twin.shell.commands.table import CORE, INPUT, UTILITY
from harness.twin.shell.comparison import compare_text, order
from harness.twin.shell.errors import PSError
from harness.twin.shell.members import MISSING
from harness.twin.shell.objects import NOTHING, PSObject
from harness.twin.shell.propertyargs import ColumnSpec, read_column
from harness.twin.shell.propertyvalues import Found, column_reader, matching
from harness.twin.shell.regexes import has_wildcard
from harness.twin.shell.sorting import sort_in_place
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import is_bag, is_null


@dataclass(slots=True)
class _Row:
    item: object
    keys: list[object]


@CORE.cmdlet(
    "Sort-Object",
    module=UTILITY,
    parameters=[
        INPUT,
        Parameter("Property", "object[]", position=0),
        Parameter("Descending", "switch"),
        Parameter("Unique", "switch"),
        Parameter("Culture", "string"),
        Parameter("CaseSensitive", "switch"),
    ],
)
class SortObject(Command):
    """Sorts what comes; equal objects keep their order."""

    def begin(self) -> None:
        self.items: list[object] = []
        given = self.call.get("Property")
        self.columns: list[ColumnSpec] = [read_column(self.call, one, "Sort-Object") for one in given or []]
        self.ignore_case = not self.call.switch("CaseSensitive")

    def process(self, item: object) -> None:
        if item is not NOTHING and not is_null(item):
            self.items.append(item)

    def _rows(self, columns: list[ColumnSpec]) -> list[_Row]:
        """The objects with their keys: one for each property that a column finds."""
        readers = [column_reader(self.call, column) for column in columns]
        return [_Row(item, self._keys(item, readers) if columns else [item]) for item in self.items]

    def _keys(self, item: object, readers: list[Callable[[object], list[Found]]]) -> list[object]:
        return [key for read in readers for key in sorting_keys(self.call, item, read)]

    def end(self) -> None:
        descending = self.call.switch("Descending")
        columns = expanded(self.call, self.columns, self.items)
        rows = self._rows(columns)
        signs = [self._sign(column, descending) for column in columns] or [-1 if descending else 1]

        def compare(left: _Row, right: _Row) -> int:
            for mine, other, sign in zip(left.keys, right.keys, signs, strict=True):
                if mine is MISSING or other is MISSING:  # what has no such property comes last, either way [measured]
                    found = (mine is MISSING) - (other is MISSING)
                    if found:
                        return found
                    continue
                found = compare_keys(mine, other, self.ignore_case)
                if found:
                    return found * sign
            return 0

        sort_in_place(rows, compare)
        last: _Row | None = None
        for row in rows:
            if self.call.switch("Unique") and last is not None and compare(last, row) == 0:
                continue
            last = row
            self.call.out(row.item)

    @staticmethod
    def _sign(column: ColumnSpec, descending: bool) -> int:
        ascending, opposite = column.ascending, column.descending
        if ascending is not None and ascending == opposite:  # what contradicts itself does not count
            ascending = opposite = None
        if ascending is None and opposite is not None:
            ascending = not opposite
        return -1 if (descending if ascending is None else not ascending) else 1


def expanded(call: Call, columns: list[ColumnSpec], items: list[object]) -> list[ColumnSpec]:
    """The columns, a pattern replaced by the names that match it in any of the objects, in their order."""
    found: list[ColumnSpec] = []
    for column in columns:
        if column.block is not None or not has_wildcard(column.expression):
            found.append(column)
            continue
        names = {one.name.lower(): one.name for item in items for one in matching(call.rs, item, column.expression)}
        found += [replace(column, name=name, expression=name, simple=True) for _, name in sorted(names.items())]
    return found


def sorting_keys(call: Call, item: object, read: Callable[[object], list[Found]]) -> list[object]:
    """What a column finds in an object: ``MISSING`` for nothing; a value that cannot be read is an error and null."""
    results = read(item)
    for one in results:
        if one.error is not None:
            exception = one.error.record.exception
            call.write_error(exception.message, "ExpressionEvaluation", "InvalidResult", item, exception.type_name)
    return [one.value for one in results] or [MISSING]


def compare_keys(left: object, right: object, ignore_case: bool) -> int:
    """Order of two keys: nothing before null before values; what has no order is compared as text."""
    if left is MISSING or right is MISSING or is_null(left) or is_null(right):
        mine, other = _rank(left), _rank(right)
        return (mine > other) - (mine < other)
    try:
        return order(left, right, ignore_case)
    except PSError:
        return compare_text(plain_text(left), plain_text(right), ignore_case)


def plain_text(value: object) -> str:
    """What ``ToString()`` of an object itself gives; of a property bag nothing [measured], of a value that came from
    another machine the text that came with it."""
    if isinstance(value, PSObject) and value.base is not None and isinstance(value.text, str):
        return value.text
    return "" if is_bag(value) and value.text is None else to_text(value)


def _rank(value: object) -> int:
    if value is MISSING:
        return 0
    return 1 if is_null(value) else 2
