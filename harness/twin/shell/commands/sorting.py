"""``Sort-Object``."""

from __future__ import annotations

from dataclasses import dataclass

from harness.twin.shell.commands.api import Command, Parameter
from harness.twin.shell.commands.table import CORE, INPUT, UTILITY
from harness.twin.shell.comparison import compare_text, order
from harness.twin.shell.errors import PSError
from harness.twin.shell.invocation import one_value, value_runner
from harness.twin.shell.members import MISSING, find_member
from harness.twin.shell.objects import NOTHING
from harness.twin.shell.propertyargs import ColumnSpec, read_column
from harness.twin.shell.sorting import sort_in_place
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import is_null


@dataclass(slots=True)
class _Row:
    item: object
    keys: list[object]
    place: int


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
        self.rows: list[_Row] = []
        given = self.call.get("Property")
        self.columns: list[ColumnSpec] = [read_column(self.call, one, "Sort-Object") for one in given or []]
        self.ignore_case = not self.call.switch("CaseSensitive")
        call = self.call
        self.evaluate = [
            value_runner(call.rs, column.block, call.scope, call.streams) if column.block is not None else None
            for column in self.columns
        ]

    def process(self, item: object) -> None:
        if item is NOTHING:
            return
        if is_null(item):
            return
        keys: list[object] = [self._key(item, at) for at in range(len(self.columns))] if self.columns else [item]
        self.rows.append(_Row(item, keys, len(self.rows)))

    def _key(self, item: object, at: int) -> object:
        evaluate = self.evaluate[at]
        if evaluate is not None:
            rs = self.call.rs
            before = rs.propagate
            rs.propagate = True
            try:
                return one_value(evaluate(item))
            except PSError as fault:
                self.call.write_error(
                    fault.record.message,
                    "ExpressionEvaluation",
                    "InvalidResult",
                    item,
                    fault.record.exception.type_name,
                )
                return None
            finally:
                rs.propagate = before
        name = self.columns[at].expression
        return find_member(self.call.rs, item, name.lower()) if not is_null(item) else MISSING

    def end(self) -> None:
        descending = self.call.switch("Descending")
        signs = [self._sign(column, descending) for column in self.columns] or [-1 if descending else 1]

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

        sort_in_place(self.rows, compare)
        last: _Row | None = None
        for row in self.rows:
            if self.call.switch("Unique") and last is not None and compare(last, row) == 0:
                continue
            last = row
            self.call.out(row.item)

    @staticmethod
    def _sign(column: ColumnSpec, descending: bool) -> int:
        if column.descending is not None:
            return -1 if column.descending else 1
        if column.ascending is not None:
            return 1 if column.ascending else -1
        return -1 if descending else 1


def compare_keys(left: object, right: object, ignore_case: bool) -> int:
    """Order of two keys: nothing before null before values; what has no order is compared as text."""
    if left is MISSING or right is MISSING or is_null(left) or is_null(right):
        mine, other = _rank(left), _rank(right)
        return (mine > other) - (mine < other)
    try:
        return order(left, right, ignore_case)
    except PSError:
        return compare_text(to_text(left), to_text(right), ignore_case)


def _rank(value: object) -> int:
    if value is MISSING:
        return 0
    return 1 if is_null(value) else 2
