"""``Group-Object``, ``Measure-Object``, ``Compare-Object``."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from harness.twin.shell.commands.api import Command, Parameter
from harness.twin.shell.commands.sorting import compare_keys, expanded, plain_text, sorting_keys
from harness.twin.shell.commands.table import CORE, INPUT, UTILITY
from harness.twin.shell.conversion import convert
from harness.twin.shell.errors import ErrorDetails, NetError, PSError
from harness.twin.shell.members import MISSING, attach
from harness.twin.shell.objects import NOTHING, NetList, NoteProperty, PSHashtable, PSObject, bare_value
from harness.twin.shell.propertyargs import read_column
from harness.twin.shell.propertyvalues import Found, column_reader, matching
from harness.twin.shell.regexes import has_wildcard
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import TypeRef, is_null, type_name

_COLLECTION: Final = "System.Collections.ObjectModel.Collection`1[System.Management.Automation.PSObject]"
_ARGUMENT: Final = "System.Management.Automation.PSArgumentException"


class _Group:
    """Objects with equal values."""

    def __init__(self, values: list[object]) -> None:
        self.values = values
        self.items = NetList((), _COLLECTION)
        self.count = 0

    @property
    def name(self) -> str:
        """The values as text; a list in braces, null and missing ones not at all."""
        return ", ".join(_name_part(value) for value in self.values if not is_null(value) and value is not MISSING)


def _name_part(value: object) -> str:
    bare = bare_value(value)
    if isinstance(bare, list):
        return "{" + ", ".join(plain_text(one) for one in bare) + "}"
    if isinstance(bare, PSHashtable):
        return "{" + ", ".join(["System.Collections.DictionaryEntry"] * len(bare)) + "}"
    return plain_text(value)


@CORE.cmdlet(
    "Group-Object",
    module=UTILITY,
    parameters=[
        INPUT,
        Parameter("Property", "object[]", position=0),
        Parameter("NoElement", "switch"),
        Parameter("AsHashTable", "switch", aliases=("AHT",), sets=("HashTable",)),
        Parameter("AsString", "switch", sets=("HashTable",)),
        Parameter("CaseSensitive", "switch"),
        Parameter("Culture", "string"),
    ],
)
class GroupObject(Command):
    """Groups in the order in which their first member came (5.1)."""

    def begin(self) -> None:
        self.groups: list[_Group] = []
        self.readers: list[Callable[[object], list[Found]]] | None = None

    def process(self, item: object) -> None:
        if item is NOTHING or is_null(item):
            return
        call = self.call
        if self.readers is None:
            columns = [read_column(call, one, "Group-Object") for one in call.get("Property") or []]
            self.readers = [column_reader(call, column) for column in columns]
        values = [key for read in self.readers for key in sorting_keys(call, item, read)] if self.readers else [item]
        group = self._known(values)
        if group is None:
            group = _Group(values)
            self.groups.append(group)
        group.items.append(item)

    def _known(self, values: list[object]) -> _Group | None:
        ignore = not self.call.switch("CaseSensitive")
        for group in self.groups:
            if all(compare_keys(mine, other, ignore) == 0 for mine, other in zip(group.values, values, strict=False)):
                return group
        return None

    def end(self) -> None:
        if not self.groups:
            return
        call = self.call
        if call.switch("AsHashTable"):
            self._table()
            return
        if call.switch("AsString"):
            raise call.fail(
                "The command cannot be run because the AsString parameter requires that you specify the AsHashtable "
                "parameter.",
                "ArgumentException",
                "InvalidArgument",
                True,
                "System.ArgumentException",
            )
        bare = call.switch("NoElement")
        kind = "Microsoft.PowerShell.Commands.GroupInfoNoElement" if bare else "Microsoft.PowerShell.Commands.GroupInfo"
        names = (kind, "Microsoft.PowerShell.Commands.GroupInfo", "System.Object") if bare else (kind, "System.Object")
        for group in self.groups:
            properties: dict[str, object] = {
                "Values": NetList([None if value is MISSING else value for value in group.values]),
                "Count": len(group.items),
                "Group": NetList((), _COLLECTION) if bare else group.items,
                "Name": group.name,
            }
            call.emit(PSObject.of_type(names, properties))

    def _table(self) -> None:
        """The groups by their values; ``-AsHashTable`` takes one value for each, ``-AsString`` any number."""
        call = self.call
        table = PSHashtable()
        for group in self.groups:
            if not call.switch("AsString") and len(group.values) != 1:
                raise call.fail(
                    "The command cannot be run because using the AsHashTable parameter with more than one property "
                    "requires adding the AsString parameter.",
                    "ArgumentException",
                    "InvalidArgument",
                    True,
                    "System.ArgumentException",
                )
            key = group.name if call.switch("AsString") else group.values[0]
            if key is MISSING or is_null(key) or key in table:
                call.write_error(_NO_KEY, _NO_KEY, "InvalidArgument")
                return
            table[key] = NetList((), _COLLECTION) if call.switch("NoElement") else group.items
        call.emit(table)


_NO_KEY: Final = (
    "The objects grouped by this property cannot be expanded because there is a key duplication. Provide a valid value "
    "for the property, and then try again."
)
"""Message of a null or double key, and its error id [D]."""


# ------------------------------------------------------------------------------------------------------------ measure

_GENERIC: Final = "GenericMeasure"
_DOUBLE: Final = TypeRef("System.Double")
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
        self.names = call.texts("Property")
        self.tallies: dict[str, _Tally] = {}
        self.generic = call.parameter_set == _GENERIC
        self.any = False
        self.failed = False

    def process(self, item: object) -> None:
        if item is NOTHING or is_null(item):
            return
        self.any = True
        if not self.call.has("Property"):
            self._add("", bare_value(item))
            return
        counted: set[str] = set()
        for name in self.names:
            results = matching(self.call.rs, item, name)
            if not results and not has_wildcard(name):
                self._tally(name)
            for one in results:
                if one.name.lower() not in counted:
                    counted.add(one.name.lower())
                    self._add(one.name, one.value)

    def _tally(self, name: str) -> _Tally:
        known = next((one for one in self.tallies if one.lower() == name.lower()), name)
        return self.tallies.setdefault(known, _Tally())

    def _add(self, name: str, value: object) -> None:
        call, tally = self.call, self._tally(name)
        tally.count += 1
        if not self.generic:
            self._add_text(tally, "" if is_null(value) else plain_text(value))
            return
        if call.switch("Sum") or call.switch("Average"):
            number = _number(value)
            if number is None:
                self.failed = True
                call.write_error(
                    f'Input object "{plain_text(value)}" is not numeric.',
                    "NonNumericInputObject",
                    "InvalidType",
                    value,
                    "System.Management.Automation.PSInvalidOperationException",
                )
                return
            tally.total += number
        if call.switch("Minimum") and _extreme(value, tally.lowest, 1):
            tally.lowest = value
        if call.switch("Maximum") and _extreme(value, tally.highest, -1):
            tally.highest = value

    def _add_text(self, tally: _Tally, text: str) -> None:
        tally.lines += text.count("\n") + (1 if text and not text.endswith("\n") else 0)
        tally.words += len(text.split())
        blanks = self.call.switch("IgnoreWhiteSpace")
        tally.characters += sum(1 for letter in text if not (blanks and letter.isspace()))

    def end(self) -> None:
        if not self.any and not self.call.has("Property"):
            self._tally("")
        for name, tally in self.tallies.items():
            if not tally.count and self.call.has("Property"):
                record = self.call.record(
                    "Value does not fall within the expected range.",
                    "GenericMeasurePropertyNotFound" if self.generic else "TextMeasurePropertyNotFound",
                    "InvalidArgument",
                    exception=_ARGUMENT,
                )
                record.details = ErrorDetails(f'The property "{name}" cannot be found in the input for any objects.')
                self.call.write_error(record)
                continue
            self.call.emit(
                self._result(tally, name or None) if self.generic else self._text_result(tally, name or None)
            )

    def _result(self, tally: _Tally, name: str | None) -> PSObject:
        call = self.call
        highest, lowest = tally.highest, tally.lowest
        plain = all(value is None or _number(value) is not None for value in (highest, lowest))
        if plain:
            highest, lowest = (None if value is None else _number(value) for value in (highest, lowest))
        total = tally.total if call.switch("Sum") and not self.failed else None
        average = tally.total / tally.count if call.switch("Average") and tally.count and not self.failed else None
        properties: dict[str, object] = {
            "Count": tally.count,
            "Average": average,
            "Sum": total,
            "Maximum": highest,
            "Minimum": lowest,
            "Property": name,
        }
        kind = _NUMERIC if plain else _OBJECTS
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


def _number(value: object) -> float | None:
    """A value as ``[double]``, when it can be one; null is 0."""
    try:
        found = convert(value, _DOUBLE)
    except (PSError, NetError):
        return None
    return float(found) if isinstance(found, float) else None


def _extreme(value: object, known: object, sign: int) -> bool:
    """Whether a value is less (1) or greater (-1) than the known one: as numbers where they are some, else as text."""
    if known is None:
        return True
    mine, other = (None if is_null(one) else _number(one) for one in (value, known))
    left, right = (one if number is None else number for one, number in ((value, mine), (known, other)))
    if not is_null(left) and type_name(left) != type_name(right):
        left, right = to_text(left), to_text(right)
    return compare_keys(right, left, True) * sign > 0


# ------------------------------------------------------------------------------------------------------------ compare


@dataclass(frozen=True, slots=True)
class _Entry:
    """An object with what it is compared by."""

    item: object
    keys: list[object]


@CORE.cmdlet(
    "Compare-Object",
    module=UTILITY,
    parameters=[
        Parameter("ReferenceObject", "object[]", position=0, mandatory=True, allow_empty=True),
        Parameter("DifferenceObject", "object[]", position=1, mandatory=True, pipeline="value", allow_empty=True),
        Parameter("SyncWindow", "int", minimum=0, maximum=2**31 - 1),
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
        self.window = call.number("SyncWindow", 2**31 - 1)
        self.columns = [read_column(call, one, "Group-Object") for one in call.get("Property") or []]
        self.ignore_case = not call.switch("CaseSensitive")
        if call.switch("ExcludeDifferent") and not call.has("IncludeEqual"):
            self.equal = False
        else:
            self.equal = call.switch("IncludeEqual")
        reference = call.get("ReferenceObject") or []
        self.columns = expanded(call, self.columns, reference)
        self.readers = [column_reader(call, column) for column in self.columns]
        self.left = deque(self._entry(item) for item in reference if not is_null(item))
        self.compared = bool(reference)
        self.waiting_left: list[_Entry] = []
        self.waiting_right: list[_Entry] = []

    def _entry(self, item: object) -> _Entry:
        keys = [key for read in self.readers for key in sorting_keys(self.call, item, read)]
        return _Entry(item, keys if self.readers else [item])

    def process(self, item: object) -> None:
        given = self.call.get("DifferenceObject")
        for one in given if given is not None else []:
            if is_null(one):
                continue
            entry = self._entry(one)
            if self.compared:
                self._pair(self._next(), entry)
            else:
                self._only(entry, "=>")

    def end(self) -> None:
        while self.left:
            self._pair(self._next(), None)
        for entry in self.waiting_right:
            self._only(entry, "=>")
        for entry in self.waiting_left:
            self._only(entry, "<=")

    def _next(self) -> _Entry | None:
        return self.left.popleft() if self.left else None

    def _pair(self, left: _Entry | None, right: _Entry | None) -> None:
        if left is not None and right is not None and self._equal(left, right):
            self._match(left)
            return
        if right is not None:
            known = self._taken(self.waiting_left, right)
            if known is not None:
                self._match(known)
                right = None
        if left is not None and self._taken(self.waiting_right, left) is not None:
            self._match(left)
            left = None
        self._wait(self.waiting_right, right, "=>")
        self._wait(self.waiting_left, left, "<=")

    def _taken(self, backlog: list[_Entry], entry: _Entry) -> _Entry | None:
        for at, one in enumerate(backlog):
            if self._equal(entry, one):
                return backlog.pop(at)
        return None

    def _wait(self, backlog: list[_Entry], entry: _Entry | None, side: str) -> None:
        if entry is None:
            return
        if self.window < 1:
            self._only(entry, side)
            return
        while len(backlog) >= self.window:
            self._only(backlog.pop(0), side)
        backlog.append(entry)

    def _match(self, entry: _Entry) -> None:
        if self.equal:
            self._send(entry, "==")

    def _only(self, entry: _Entry, side: str) -> None:
        if not self.call.switch("ExcludeDifferent"):
            self._send(entry, side)

    def _equal(self, left: _Entry, right: _Entry) -> bool:
        pairs = zip(left.keys, right.keys, strict=False)
        return all(compare_keys(mine, other, self.ignore_case) == 0 for mine, other in pairs)

    def _send(self, entry: _Entry, side: str) -> None:
        item = entry.item
        if self.call.switch("PassThru"):
            if isinstance(item, PSObject):
                item.members.pop("sideindicator", None)
            self.call.emit(attach(item, NoteProperty("SideIndicator", side)))
            return
        made = PSObject({} if self.columns else {"InputObject": item})
        for column, key in zip(self.columns, entry.keys, strict=False):
            made.set(column.expression if column.block is None else column.block.text, _shown(key))
        made.set("SideIndicator", side)
        self.call.emit(made)


def _shown(key: object) -> object:
    return None if key is MISSING else key
