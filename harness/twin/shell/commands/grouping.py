"""``Group-Object``, ``Measure-Object``, ``Compare-Object``."""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import Final

from harness.twin.shell.commands.api import Command, Parameter
from harness.twin.shell.commands.sorting import compare_keys
from harness.twin.shell.commands.table import CORE, INPUT, UTILITY
from harness.twin.shell.comparison import equals
from harness.twin.shell.conversion import parse_number
from harness.twin.shell.errors import PSError
from harness.twin.shell.invocation import one_value, value_runner
from harness.twin.shell.members import MISSING, attach, find_member
from harness.twin.shell.objects import NOTHING, NetList, NoteProperty, PSHashtable, PSObject, bare_value
from harness.twin.shell.propertyargs import ColumnSpec, read_column
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import is_null

_COLLECTION: Final = "System.Collections.ObjectModel.Collection`1[System.Management.Automation.PSObject]"


class _Group:
    """Objects with equal values."""

    def __init__(self, values: list[object]) -> None:
        self.values = values
        self.items = NetList((), _COLLECTION)


@CORE.cmdlet(
    "Group-Object",
    module=UTILITY,
    parameters=[
        INPUT,
        Parameter("Property", "object[]", position=0),
        Parameter("NoElement", "switch"),
        Parameter("AsHashTable", "switch", aliases=("AHT",)),
        Parameter("AsString", "switch"),
        Parameter("CaseSensitive", "switch"),
        Parameter("Culture", "string"),
    ],
)
class GroupObject(Command):
    """Groups in the order in which their first member came (5.1)."""

    def begin(self) -> None:
        call = self.call
        self.columns: list[ColumnSpec] = [read_column(call, one, "Group-Object") for one in call.get("Property") or []]
        if call.switch("AsHashTable") and len(self.columns) > 1:
            raise call.fail(
                "The specified property set of more than one property cannot be used with AsHashTable.",
                "ArgumentException",
                "InvalidArgument",
                exception="System.ArgumentException",
            )
        self.groups: list[_Group] = []

    def process(self, item: object) -> None:
        if item is NOTHING:
            return
        values = [self._value(item, column) for column in self.columns] if self.columns else [item]
        ignore = not self.call.switch("CaseSensitive")
        for group in self.groups:
            if all(_same(mine, other, ignore) for mine, other in zip(group.values, values, strict=True)):
                group.items.append(item)
                return
        made = _Group(values)
        made.items.append(item)
        self.groups.append(made)

    def _value(self, item: object, column: ColumnSpec) -> object:
        call = self.call
        if column.block is not None:
            return one_value(value_runner(call.rs, column.block, call.scope, call.streams)(item))
        found = find_member(call.rs, item, column.expression.lower())
        return None if found is MISSING else found

    def end(self) -> None:
        if not self.groups:
            return
        if self.call.switch("AsHashTable"):
            table = PSHashtable()
            for group in self.groups:
                key = to_text(group.values[0]) if self.call.switch("AsString") else group.values[0]
                table[key] = group.items
            self.call.emit(table)
            return
        bare = self.call.switch("NoElement")
        kind = "Microsoft.PowerShell.Commands.GroupInfoNoElement" if bare else "Microsoft.PowerShell.Commands.GroupInfo"
        names = (kind, "Microsoft.PowerShell.Commands.GroupInfo", "System.Object") if bare else (kind, "System.Object")
        for group in self.groups:
            name = ", ".join(to_text(value) for value in group.values)
            properties: dict[str, object] = {
                "Values": NetList(group.values),
                "Count": len(group.items),
                "Group": NetList((), _COLLECTION) if bare else group.items,
                "Name": name,
            }
            self.call.emit(PSObject.of_type(names, properties))


def _same(left: object, right: object, ignore_case: bool) -> bool:
    if is_null(left) or is_null(right):
        return is_null(left) and is_null(right)
    try:
        return equals(left, right, ignore_case)
    except PSError:
        return False


# ------------------------------------------------------------------------------------------------------------ measure

_NUMERIC: Final = "Microsoft.PowerShell.Commands.GenericMeasureInfo"
_OBJECTS: Final = "Microsoft.PowerShell.Commands.GenericObjectMeasureInfo"
_TEXT: Final = "Microsoft.PowerShell.Commands.TextMeasureInfo"


class _Tally:
    """Numbers of one property."""

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.highest: object = None
        self.lowest: object = None
        self.lines = self.words = self.characters = 0


@CORE.cmdlet(
    "Measure-Object",
    module=UTILITY,
    default_set="GenericMeasure",
    parameters=[
        INPUT,
        Parameter("Property", "string[]", position=0, not_null_or_empty=True),
        Parameter("Sum", "switch", sets=("GenericMeasure",)),
        Parameter("Average", "switch", sets=("GenericMeasure",)),
        Parameter("Maximum", "switch", sets=("GenericMeasure",)),
        Parameter("Minimum", "switch", sets=("GenericMeasure",)),
        Parameter("Line", "switch", sets=("TextMeasure",)),
        Parameter("Word", "switch", sets=("TextMeasure",)),
        Parameter("Character", "switch", sets=("TextMeasure",)),
        Parameter("IgnoreWhiteSpace", "switch", sets=("TextMeasure",)),
    ],
)
class MeasureObject(Command):
    """Counts, sums and extremes, or lines, words and characters."""

    def begin(self) -> None:
        call = self.call
        names: list[str | None] = list(call.texts("Property"))
        self.tallies: dict[str | None, _Tally] = {name: _Tally() for name in names or [None]}
        self.text = any(call.switch(one) for one in ("Line", "Word", "Character"))
        self.any = False
        self.numeric = call.switch("Sum") or call.switch("Average")

    def process(self, item: object) -> None:
        if item is NOTHING or is_null(item):
            return
        self.any = True
        if not self.call.has("Property"):
            self._add(self.tallies[None], item)
            return
        for name, tally in self.tallies.items():
            value = find_member(self.call.rs, item, str(name).lower())
            if value is MISSING:
                continue
            if is_null(value):
                tally.count += 1
            else:
                self._add(tally, value)

    def _add(self, tally: _Tally, value: object) -> None:
        call = self.call
        if self.text:
            self._add_text(tally, to_text(value))
            tally.count += 1
            return
        tally.count += 1
        if self.numeric:
            bare = bare_value(value)  # numbers from another machine are wrapped
            number = (
                bare
                if isinstance(bare, int | float | Decimal)
                else parse_number(bare)
                if isinstance(bare, str)
                else None
            )
            if number is None:
                tally.count -= 1
                call.write_error(
                    f'Input object "{to_text(value)}" is not numeric.',
                    "NonNumericInputObject",
                    "InvalidType",
                    value,
                    "System.Management.Automation.PSArgumentException",
                )
                return
            tally.total += float(number)
        if call.switch("Maximum") and (tally.highest is None or compare_keys(value, tally.highest, True) > 0):
            tally.highest = value
        if call.switch("Minimum") and (tally.lowest is None or compare_keys(value, tally.lowest, True) < 0):
            tally.lowest = value

    def _add_text(self, tally: _Tally, text: str) -> None:
        tally.lines += text.count("\n") + (1 if text and not text.endswith("\n") else 0)
        tally.words += len(text.split())
        blanks = self.call.switch("IgnoreWhiteSpace")
        tally.characters += sum(1 for letter in text if not (blanks and letter.isspace()))

    def end(self) -> None:
        for name, tally in self.tallies.items():
            if name is not None and not tally.count:
                if not self.any:
                    continue
                self.call.write_error(
                    f'The property "{name}" cannot be found in the input for any objects.',
                    "GenericMeasurePropertyNotFound" if not self.text else "TextMeasurePropertyNotFound",
                    "InvalidArgument",
                    None,
                    "System.Management.Automation.PSArgumentException",
                )
                continue
            self.call.emit(self._text_result(tally, name) if self.text else self._result(tally, name))

    def _result(self, tally: _Tally, name: str | None) -> PSObject:
        call = self.call
        objects = not self.numeric and (call.switch("Maximum") or call.switch("Minimum"))
        kind = _OBJECTS if objects and not isinstance(tally.highest or tally.lowest, int | float) else _NUMERIC
        numeric = isinstance(tally.highest if tally.highest is not None else tally.lowest, int | float | Decimal)

        def extreme(value: object) -> object:
            return float(value) if numeric and isinstance(value, int | float | Decimal) else value

        properties: dict[str, object] = {
            "Count": tally.count,
            "Average": tally.total / tally.count if call.switch("Average") and tally.count else None,
            "Sum": tally.total if call.switch("Sum") else None,
            "Maximum": extreme(tally.highest),
            "Minimum": extreme(tally.lowest),
            "Property": name,
        }
        if kind == _OBJECTS:
            properties = {"Count": tally.count, "Maximum": tally.highest, "Minimum": tally.lowest, "Property": name}
        return PSObject.of_type((kind, "Microsoft.PowerShell.Commands.MeasureInfo", "System.Object"), properties)

    def _text_result(self, tally: _Tally, name: str | None) -> PSObject:
        call = self.call
        properties: dict[str, object] = {
            "Lines": tally.lines if call.switch("Line") else None,
            "Words": tally.words if call.switch("Word") else None,
            "Characters": tally.characters if call.switch("Character") else None,
            "Property": name,
        }
        return PSObject.of_type((_TEXT, "Microsoft.PowerShell.Commands.MeasureInfo", "System.Object"), properties)


# ------------------------------------------------------------------------------------------------------------ compare


@CORE.cmdlet(
    "Compare-Object",
    module=UTILITY,
    parameters=[
        Parameter("ReferenceObject", "object[]", position=0, mandatory=True, allow_empty=True),
        Parameter("DifferenceObject", "object[]", position=1, mandatory=True, pipeline="value", allow_empty=True),
        Parameter("SyncWindow", "int"),
        Parameter("Property", "object[]"),
        Parameter("ExcludeDifferent", "switch"),
        Parameter("IncludeEqual", "switch"),
        Parameter("PassThru", "switch"),
        Parameter("Culture", "string"),
        Parameter("CaseSensitive", "switch"),
    ],
)
class CompareObject(Command):
    """What is on one side only, found as the engine does: pair by pair, what is left waits in two backlogs."""

    def begin(self) -> None:
        call = self.call
        self.left = deque(call.get("ReferenceObject") or [])
        self.window = call.number("SyncWindow", 2**31 - 1)
        self.names = [to_text(one) for one in call.get("Property") or []]
        self.waiting_left: list[object] = []
        self.waiting_right: list[object] = []

    def process(self, item: object) -> None:
        given = self.call.get("DifferenceObject")
        for one in given if given is not None else []:
            self._pair(self._next(), one)

    def end(self) -> None:
        while self.left:
            self._pair(self._next(), _NONE)
        for item in self.waiting_right:
            self._only(item, "=>")
        for item in self.waiting_left:
            self._only(item, "<=")

    def _next(self) -> object:
        return self.left.popleft() if self.left else _NONE

    def _pair(self, left: object, right: object) -> None:
        if left is not _NONE and right is not _NONE and self._equal(left, right):
            self._match(left)
            return
        if right is not _NONE:
            known = self._taken(self.waiting_left, right)
            if known is not _NONE:
                self._match(known)
                right = _NONE
        if left is not _NONE and self._taken(self.waiting_right, left) is not _NONE:
            self._match(left)
            left = _NONE
        self._wait(self.waiting_right, right, "=>")
        self._wait(self.waiting_left, left, "<=")

    def _taken(self, backlog: list[object], item: object) -> object:
        for at, one in enumerate(backlog):
            if self._equal(one, item):
                return backlog.pop(at)
        return _NONE

    def _wait(self, backlog: list[object], item: object, side: str) -> None:
        if item is _NONE:
            return
        if self.window < 1:
            self._only(item, side)
            return
        while len(backlog) >= self.window:
            self._only(backlog.pop(0), side)
        backlog.append(item)

    def _match(self, item: object) -> None:
        if self.call.switch("IncludeEqual"):
            self._send(item, "==")

    def _only(self, item: object, side: str) -> None:
        if not self.call.switch("ExcludeDifferent"):
            self._send(item, side)

    def _value(self, item: object, name: str) -> object:
        found = find_member(self.call.rs, item, name.lower())
        return None if found is MISSING else found

    def _equal(self, left: object, right: object) -> bool:
        ignore = not self.call.switch("CaseSensitive")
        if self.names:
            return all(_same(self._value(left, name), self._value(right, name), ignore) for name in self.names)
        if is_null(left) or is_null(right):
            return is_null(left) and is_null(right)
        if isinstance(left, PSObject) or isinstance(right, PSObject):
            return _plain_text(left).lower() == _plain_text(right).lower()
        return compare_keys(left, right, ignore) == 0

    def _send(self, item: object, side: str) -> None:
        if self.call.switch("PassThru"):
            if isinstance(item, PSObject):
                item.members.pop("sideindicator", None)
            self.call.emit(attach(item, NoteProperty("SideIndicator", side)))
            return
        made = PSObject({name: self._value(item, name) for name in self.names} or {"InputObject": item})
        made.set("SideIndicator", side)
        self.call.emit(made)


_NONE: Final = object()


def _plain_text(value: object) -> str:
    """What ``ToString()`` of the object itself gives; of a property bag nothing [measured]."""
    bag = isinstance(value, PSObject) and value.net_type is None and value.base is None and value.text is None
    return "" if bag else to_text(value)
