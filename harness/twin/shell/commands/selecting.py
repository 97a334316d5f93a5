"""``Select-Object`` and ``Get-Unique``."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from harness.twin.shell.commands.api import Command, Parameter
from harness.twin.shell.commands.table import CORE, INPUT, UTILITY
from harness.twin.shell.comparison import equals
from harness.twin.shell.errors import PSError, StopUpstream
from harness.twin.shell.invocation import one_value, value_runner
from harness.twin.shell.members import MISSING, attach, find_member, integrated, property_list
from harness.twin.shell.objects import NOTHING, NoteProperty, PSHashtable, PSObject
from harness.twin.shell.propertyargs import ColumnSpec, read_column
from harness.twin.shell.regexes import has_wildcard, wildcard
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import is_null, type_chain, type_name

_SELECT: Final = [
    INPUT,
    Parameter("Property", "object[]", position=0),
    Parameter("ExcludeProperty", "string[]"),
    Parameter("ExpandProperty", "string"),
    Parameter("Unique", "switch"),
    Parameter("Last", "int", minimum=0, maximum=2147483647),
    Parameter("First", "int", minimum=0, maximum=2147483647),
    Parameter("Skip", "int", minimum=0, maximum=2147483647),
    Parameter("SkipLast", "int", minimum=0, maximum=2147483647),
    Parameter("Wait", "switch"),
    Parameter("Index", "int[]"),
]
_CLASS: Final = "Microsoft.PowerShell.Commands.SelectObjectCommand"


@dataclass(slots=True)
class _Limits:
    first: int | None
    last: int | None
    skip: int
    skip_last: int
    index: list[int] | None


_BAG = "Selected.System.Management.Automation.PSCustomObject"


@CORE.cmdlet("Select-Object", module=UTILITY, parameters=_SELECT, class_name=_CLASS)
class SelectObject(Command):
    """Chooses objects by place, and properties of them."""

    def begin(self) -> None:
        call = self.call
        self.limits = _Limits(
            call.get("First"), call.get("Last"), call.number("Skip"), call.number("SkipLast"), call.get("Index")
        )
        self.seen = 0
        self.sent = 0
        self.tail: deque[object] = deque()
        self.unique: list[PSObject | object] = []
        self.expand = call.get("ExpandProperty")
        excluded = call.texts("ExcludeProperty")
        self.exclude = [wildcard(name) for name in excluded]
        given = call.get("Property")
        self.columns = [read_column(call, column, "Select-Object") for column in given] if given is not None else None
        self.plain = (
            [(column.name, column.name.lower()) for column in self.columns]
            if self.columns is not None and not self.exclude and all(column.simple for column in self.columns)
            else None
        )

    def process(self, item: object) -> None:
        if item is NOTHING:
            return
        limits = self.limits
        if limits.index is not None:
            self._indexed(item)
            return
        self.seen += 1
        if limits.last is not None:
            self._keep_last(item)
            return
        if limits.skip_last:
            self.tail.append(item)
            if len(self.tail) > limits.skip_last:
                self._send(self.tail.popleft())
            return
        if self.seen <= limits.skip:
            return
        if limits.first is not None and self.sent >= limits.first:
            self._stop()
            return
        self.sent += 1
        self._send(item)
        if limits.first is not None and self.sent >= limits.first:
            self._stop()

    def _stop(self) -> None:
        if not self.call.switch("Wait") and self.call.expecting_input:
            raise StopUpstream(self.call.processor)

    def _keep_last(self, item: object) -> None:
        limits = self.limits
        if limits.first is not None and self.sent < limits.first and self.seen > limits.skip:
            self.sent += 1
            self._send(item)
            return
        self.tail.append(item)
        if len(self.tail) > (limits.last or 0) + (limits.skip if limits.first is None else 0):
            self.tail.popleft()

    def _indexed(self, item: object) -> None:
        assert self.limits.index is not None  # noqa: S101 - the caller looked
        if self.seen in self.limits.index:
            self._send(item)
        self.seen += 1

    def end(self) -> None:
        if self.limits.last is not None:
            items = list(self.tail)
            if self.limits.first is None and self.limits.skip:
                items = items[: -self.limits.skip]
                items = items[-self.limits.last :] if self.limits.last else []
            for item in items[: self.limits.last]:
                self._send(item)
        for one in self.unique:
            self.call.out(one)

    # --------------------------------------------------------------------------------------------- properties

    def _send(self, item: object) -> None:
        if self.plain is not None and type(item) is PSObject and item.base is None and self.expand is None:
            made = self._quick(item)
            if made is not None:
                self._out(made)
                return
        if self.columns is None and self.expand is None:
            if type(item) is PSObject and item.base is None and item.net_type is None and _BAG not in item.type_names:
                item.type_names = [_BAG, *item.type_names]
            self._out(item)
            return
        if is_null(item):
            return
        made = self._project(item) if self.columns is not None else PSObject()
        if self.expand is not None:
            self._expand(item, made)
        else:
            self._out(made)

    def _quick(self, item: PSObject) -> PSObject | None:
        members = item.members
        made = PSObject.__new__(PSObject)
        own: dict[str, NoteProperty] = {}
        for _name, low in self.plain or ():
            found = members.get(low)
            if type(found) is not NoteProperty:
                return None
            if low in own:
                return None
            own[low] = NoteProperty(found.name, found.value)
        made.members = own  # type: ignore[assignment]
        made.base = None
        made.text = None
        made.net_type = None
        made.hidden = None
        made.type_names = _selected(item)
        return made

    def _project(self, item: object) -> PSObject:
        made = PSObject(None, _selected(item))
        for column in self.columns or []:
            for name, value in self._values(item, column):
                if self.exclude and any(pattern.match(name) for pattern in self.exclude):
                    continue
                if name.lower() in made.members:
                    self._duplicate(item, name, column)
                    continue
                made.members[name.lower()] = NoteProperty(name, value)
        return made

    def _values(self, item: object, column: ColumnSpec) -> list[tuple[str, object]]:
        call = self.call
        if column.block is not None:
            before = call.rs.propagate
            call.rs.propagate = True
            try:
                found = value_runner(call.rs, column.block, call.scope, call.streams)(item)
            except PSError:
                found = []
            finally:
                call.rs.propagate = before
            return [(column.name, one_value(found))]
        if has_wildcard(column.expression):
            pattern = wildcard(column.expression)
            source = [] if isinstance(item, PSHashtable) else integrated(call.rs, item)
            return [(name, value) for name, value in source if pattern.match(name)]
        value = _property(self, item, column.expression)
        shown = column.name
        if column.simple and isinstance(item, PSObject):
            member = item.members.get(shown.lower())
            shown = member.name if member is not None else shown
        elif column.simple:
            shown = next((name for name, _ in property_list(call.rs, item) if name.lower() == shown.lower()), shown)
        return [(shown, None if value is MISSING else value)]

    def _duplicate(self, item: object, name: str, column: ColumnSpec) -> None:
        self.call.write_error(
            f'The property cannot be processed because the property "{name}" already exists.',
            "AlreadyExistingUserSpecifiedPropertyNoExpand",
            "InvalidOperation",
            item,
            "System.Management.Automation.PSArgumentException",
        )

    def _expand(self, item: object, made: PSObject) -> None:
        name = to_text(self.expand)
        found = self._expandable(item, name)
        if found is MISSING:
            self.call.write_error(
                f'Property "{name}" cannot be found.',
                "ExpandPropertyNotFound",
                "InvalidArgument",
                item,
                "System.Management.Automation.PSArgumentException",
            )
            return
        values = found if isinstance(found, list) else [found]
        for value in values:
            if is_null(found):
                continue
            if made.members and not is_null(value):
                for member in made.members.values():
                    value = attach(value, member)
            self._out(value)

    def _expandable(self, item: object, name: str) -> object:
        if has_wildcard(name):
            pattern = wildcard(name)
            return next((value for key, value in property_list(self.call.rs, item) if pattern.match(key)), MISSING)
        return _property(self, item, name)

    def _out(self, value: object) -> None:
        if not self.call.switch("Unique"):
            self.call.out(value)
            return
        for known in self.unique:
            if _same(known, value, self.columns is None and self.expand is None):
                return
        self.unique.append(value)


def _property(command: SelectObject, item: object, name: str) -> object:
    """A property of an object; the keys of a hashtable are none (5.1)."""
    if isinstance(item, PSHashtable) and name.lower() not in (
        "count",
        "keys",
        "values",
        "isreadonly",
        "isfixedsize",
        "issynchronized",
        "syncroot",
    ):
        return MISSING
    found = find_member(command.call.rs, item, name.lower())
    if isinstance(item, str | int | float) and name.lower() in ("count",):
        return MISSING
    if name.lower() == "length" and not isinstance(item, str | list | PSObject):
        return MISSING
    return MISSING if type(found).__name__ == "BoundMethod" else found


_NAMES: Final[dict[str, list[str]]] = {}


def _selected(item: object) -> list[str]:
    first = type_chain(item)[0] if not isinstance(item, PSObject) else item.type_names[0]
    found = _NAMES.get(first)
    if found is None:
        shown = first if first.startswith("Selected.") else f"Selected.{first}"
        found = [shown, "System.Management.Automation.PSCustomObject", "System.Object"]
        _NAMES[first] = found
    return list(found)


def _same(left: object, right: object, whole: bool) -> bool:
    """Equal by value, case counts; chosen properties by their values, whole custom objects always (their text is
    empty)."""
    if isinstance(left, PSObject) and isinstance(right, PSObject) and left.base is None and right.base is None:
        mine, other = dict(left.properties()), dict(right.properties())
        if whole or (not mine and not other):
            return True
        return list(mine) == list(other) and all(_equal(value, other[name]) for name, value in mine.items())
    return _equal(left, right)


def _equal(left: object, right: object) -> bool:
    if is_null(left) or is_null(right):
        return is_null(left) and is_null(right)
    return type_name(left) == type_name(right) and equals(left, right, False)


@CORE.cmdlet(
    "Get-Unique", module=UTILITY, parameters=[INPUT, Parameter("AsString", "switch"), Parameter("OnType", "switch")]
)
class GetUnique(Command):
    """Leaves out objects equal to the one before."""

    last: object = NOTHING

    def process(self, item: object) -> None:
        if item is NOTHING:
            return
        if self.last is not NOTHING:
            if self.call.switch("OnType"):
                if type_name(self.last) == type_name(item):
                    return
            elif self.call.switch("AsString"):
                if to_text(self.last) == to_text(item):
                    return
            elif _same_unique(self.last, item):
                return
        self.last = item
        self.call.out(item)


def _same_unique(left: object, right: object) -> bool:
    if isinstance(left, PSObject) and isinstance(right, PSObject):
        return True
    return _equal(left, right)
