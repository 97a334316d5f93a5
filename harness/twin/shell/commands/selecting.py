"""``Select-Object`` and ``Get-Unique``."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from harness.twin.shell.commands.api import Command, Parameter
from harness.twin.shell.commands.sorting import compare_keys
from harness.twin.shell.commands.table import CORE, INPUT, UTILITY
from harness.twin.shell.errors import StopUpstream
from harness.twin.shell.members import MISSING, attach
from harness.twin.shell.objects import NOTHING, NoteProperty, PSObject, bare_value
from harness.twin.shell.propertyargs import read_column
from harness.twin.shell.propertyvalues import Found, column_reader, matching, own_property
from harness.twin.shell.regexes import wildcard
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import is_bag, is_null, type_chain, type_name

_ANY: Final = ("DefaultParameter", "SkipLastParameter")
_PLACES: Final = ("DefaultParameter",)
_MOST: Final = 2**31 - 1
_SELECT: Final = [
    INPUT,
    Parameter("Property", "object[]", position=0, sets=_ANY),
    Parameter("ExcludeProperty", "string[]", sets=_ANY),
    Parameter("ExpandProperty", "string", sets=_ANY),
    Parameter("Unique", "switch"),
    Parameter("Last", "int", minimum=0, maximum=_MOST, sets=_PLACES),
    Parameter("First", "int", minimum=0, maximum=_MOST, sets=_PLACES),
    Parameter("Skip", "int", minimum=0, maximum=_MOST, sets=_PLACES),
    Parameter("SkipLast", "int", minimum=0, maximum=_MOST, sets=("SkipLastParameter",)),
    Parameter("Wait", "switch", sets=("DefaultParameter", "IndexParameter")),
    Parameter("Index", "int[]", minimum=0, maximum=_MOST, sets=("IndexParameter",)),
]
_CLASS: Final = "Microsoft.PowerShell.Commands.SelectObjectCommand"


@dataclass(slots=True)
class _Limits:
    first: int
    last: int
    skip: int
    skip_last: int
    chosen: bool
    """Whether -First or -Last was given: without them all objects go on."""


_BAG = "Selected.System.Management.Automation.PSCustomObject"


@CORE.cmdlet("Select-Object", module=UTILITY, parameters=_SELECT, default_set="DefaultParameter", class_name=_CLASS)
class SelectObject(Command):
    """Chooses objects by place, and properties of them."""

    def begin(self) -> None:
        call = self.call
        self.limits = _Limits(
            call.number("First"),
            call.number("Last"),
            call.number("Skip"),
            call.number("SkipLast"),
            call.has("First") or call.has("Last"),
        )
        self.places = sorted(set(call.get("Index") or [])) if call.has("Index") else None
        self.seen = 0
        self.sent = 0
        self.tail: deque[object] = deque()
        self.unique: list[_Kept] = []
        self.expand = call.text("ExpandProperty")
        self.exclude = [wildcard(name) for name in call.texts("ExcludeProperty")]
        given = call.get("Property")
        self.columns = [read_column(call, column, "Select-Object") for column in given] if given else None
        self.readers = [(column, column_reader(call, column)) for column in self.columns or []]
        self.plain = (
            [column.name.lower() for column in self.columns]
            if self.columns is not None and not self.exclude and all(column.simple for column in self.columns)
            else None
        )

    def process(self, item: object) -> None:
        if item is NOTHING or is_null(item):
            return
        if self.places is not None:
            self._indexed(item, self.places)
            return
        found = self._next(item)
        if found is not NOTHING:
            self._send(found)
        limits = self.limits
        if limits.chosen and not limits.last and limits.first and self.sent >= limits.first:
            self._stop()

    def _next(self, item: object) -> object:
        """Queue an object; the one that goes on now, or ``NOTHING``."""
        limits, tail = self.limits, self.tail
        if limits.last and len(tail) >= limits.last + (0 if limits.first else limits.skip):
            tail.popleft()
        tail.append(item)
        if limits.skip:
            if not limits.last or limits.first:
                limits.skip -= 1
                tail.popleft()
        elif limits.skip_last:
            if len(tail) > limits.skip_last:
                return tail.popleft()
        elif not limits.chosen or self.sent < limits.first:
            self.sent += 1
            return tail.popleft()
        elif not limits.last:
            tail.popleft()
        return NOTHING

    def _stop(self) -> None:
        if not self.call.switch("Wait") and self.call.expecting_input:
            raise StopUpstream(self.call.processor)

    def _indexed(self, item: object, places: list[int]) -> None:
        if places and self.seen == places[0]:
            places.pop(0)
            self._send(item)
        self.seen += 1
        if not places:
            self._stop()

    def end(self) -> None:
        limits = self.limits
        if self.places is None and not limits.skip_last:
            while len(self.tail) > (0 if limits.first else limits.skip):
                self._send(self.tail.popleft())
        for one in self.unique:
            self.call.out(one.item)

    # --------------------------------------------------------------------------------------------- properties

    def _send(self, item: object) -> None:
        if self.plain is not None and type(item) is PSObject and item.base is None and not self.expand:
            made = self._quick(item)
            if made is not None:
                self._out(made, list(made.properties()), item)
                return
        if self.columns is None and not self.expand:
            self._out(item, [], item)
            return
        pairs = self._project(item)
        if pairs is None:
            return
        if self.expand:
            self._expand(item, pairs)
            return
        made = PSObject()
        for name, value in pairs:
            if name.lower() in made.members:
                self._duplicate(item, name, "AlreadyExistingUserSpecifiedPropertyNoExpand")
            else:
                made.members[name.lower()] = NoteProperty(name, value)
        self._out(made, pairs, item)

    def _quick(self, item: PSObject) -> PSObject | None:
        members = item.members
        made = PSObject()
        own = made.members
        for low in self.plain or ():
            found = members.get(low)
            if type(found) is not NoteProperty or low in own:
                return None
            own[low] = NoteProperty(found.name, found.value)
        return made

    def _project(self, item: object) -> list[tuple[str, object]] | None:
        """Names and values of the chosen properties; ``None`` after an error that leaves the object out."""
        pairs: list[tuple[str, object]] = []
        for column, read in self.readers:
            results = [one for one in read(item) if not self._excluded(one.name)]
            if column.labelled and len(results) > 1:
                self.call.write_error(
                    "Cannot rename multiple results.",
                    "RenamingMultipleResults",
                    "InvalidOperation",
                    item,
                    "System.InvalidOperationException",
                )
                continue
            results = results or [Found(column.expression, None)]
            for one in results:
                if self._excluded(one.name):
                    continue
                name = column.name if column.labelled else one.name
                if not name:
                    raise self.call.fail(
                        "A property is an empty script block and does not provide a name.",
                        "EmptyScriptBlockAndNoName",
                        "InvalidArgument",
                        exception=_ARGUMENT,
                    )
                pairs.append((name, one.value))
        return pairs

    def _excluded(self, name: str) -> bool:
        return any(pattern.match(name) for pattern in self.exclude)

    def _duplicate(self, item: object, name: str, error_id: str) -> None:
        self.call.write_error(
            f'The property cannot be processed because the property "{name}" already exists.',
            error_id,
            "InvalidOperation",
            item,
            _ARGUMENT,
        )

    def _expand(self, item: object, pairs: list[tuple[str, object]]) -> None:
        results = matching(self.call.rs, item, self.expand)
        if len(results) != 1:
            text, error_id = (
                ("Multiple properties cannot be expanded.", "MutlipleExpandProperties")
                if results
                else (f'Property "{self.expand}" cannot be found.', "ExpandPropertyNotFound")
            )
            self.call.write_error(text, error_id, "InvalidArgument", item, _ARGUMENT)
            return
        fault = results[0].error
        if fault is not None:
            exception = fault.record.exception
            self.call.write_error(
                exception.message, "PropertyEvaluationExpand", "InvalidResult", item, exception.type_name
            )
            return
        value = results[0].value
        bare = bare_value(value)
        for one in bare if isinstance(bare, list) else [value]:
            if not is_null(one):
                self._out(self._with_notes(item, one, pairs), pairs, item)

    def _with_notes(self, item: object, value: object, pairs: list[tuple[str, object]]) -> object:
        """An expanded value with the chosen properties of the object that it comes from."""
        for name, note in pairs:
            if own_property(self.call.rs, value, name.lower()) is not MISSING:
                self._duplicate(item, name, "AlreadyExistingUserSpecifiedPropertyExpand")
            else:
                value = attach(value, NoteProperty(name, note))
        return value

    def _out(self, value: object, pairs: list[tuple[str, object]], item: object) -> None:
        if self.call.switch("Unique"):
            if any(_same(kept, value, pairs) for kept in self.unique):
                return
            self.unique.append(_Kept(value, pairs))
        if is_bag(value):
            value.type_names = [_selected(item), *value.type_names]
        if not self.call.switch("Unique"):
            self.call.out(value)


_ARGUMENT: Final = "System.Management.Automation.PSArgumentException"


@dataclass(slots=True)
class _Kept:
    """An object that ``-Unique`` lets through, with its chosen properties."""

    item: object
    pairs: list[tuple[str, object]]


def _selected(item: object) -> str:
    """The type name that a chosen object gets: of the .NET class it was made from."""
    if is_bag(item):
        return _BAG
    return f"Selected.{type_name(item)}"


def _same(kept: _Kept, value: object, pairs: list[tuple[str, object]]) -> bool:
    """Equal by value, case counts; chosen properties one by one, and custom objects have no value of their own."""
    if len(kept.pairs) != len(pairs):
        return False
    if is_bag(kept.item) != is_bag(value) or not (is_bag(value) or compare_keys(value, kept.item, False) == 0):
        return False
    known = {name.lower(): note for name, note in kept.pairs}
    return all(name.lower() in known and compare_keys(known[name.lower()], note, False) == 0 for name, note in pairs)


@CORE.cmdlet(
    "Get-Unique", module=UTILITY, parameters=[INPUT, Parameter("AsString", "switch"), Parameter("OnType", "switch")]
)
class GetUnique(Command):
    """Leaves out objects equal to the one before."""

    last: object = NOTHING

    def process(self, item: object) -> None:
        if item is NOTHING:
            return
        if self.last is not NOTHING and self._equal(self.last, item):
            return
        self.last = item
        self.call.out(item)

    def _equal(self, last: object, item: object) -> bool:
        if self.call.switch("OnType"):
            return type_chain(last)[0] == type_chain(item)[0]
        if self.call.switch("AsString"):
            return to_text(last) == to_text(item)
        return compare_keys(item, last, False) == 0
