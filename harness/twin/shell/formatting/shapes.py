"""Which shape an object is shown in, and the cells it gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from harness.twin.shell.errors import ErrorRecord, NetError, NetException, PSError
from harness.twin.shell.formatting.cells import cell_text
from harness.twin.shell.formatting.layout import TableColumn
from harness.twin.shell.formatting.views import Column, View, display_of
from harness.twin.shell.invocation import one_value, value_runner
from harness.twin.shell.members import MISSING, find_member, integrated, property_list, standard_members
from harness.twin.shell.numberformat import BadFormatError
from harness.twin.shell.objects import Char, PSEnum, PSHashtable, PSObject, bare_value
from harness.twin.shell.propertyargs import ColumnSpec
from harness.twin.shell.records import InformationRecord, MessageRecord
from harness.twin.shell.regexes import has_wildcard, wildcard
from harness.twin.shell.scriptblock import ScriptBlock
from harness.twin.shell.text import formatted
from harness.twin.shell.textops import format_text
from harness.twin.shell.typesystem import TypeRef, is_null, type_chain

if TYPE_CHECKING:
    from harness.twin.shell.runspace import Runspace

Read = Callable[[object], object]
MAX_TABLE_PROPERTIES = 4
MAX_TABLE_COLUMNS = 10
_NEVER_SHOWN = "PSShowComputerName"
_COMPUTER = "PSComputerName"
_ENUM_FROM_ELSEWHERE = "Deserialized.System.Enum"
"""Mark of a result from another machine: its table has a column with the machine, and the mark is not shown [GK]."""


@dataclass(slots=True)
class ShownColumn:
    """A column or list line: its label and how an object gives the value."""

    label: str
    read: Read
    width: int = 0
    right: bool | None = None
    center: bool = False
    code: str = ""
    auto: bool = True
    present: Callable[[object], bool] | None = None


@dataclass(slots=True)
class Shape:
    """A view in use: ``table``, ``list`` or ``wide``. ``types`` are the type names it applies to; none means any."""

    kind: str
    columns: list[ShownColumn]
    types: tuple[str, ...] = ()
    headers: bool = True
    wrap: bool = False
    wide_columns: int = 2
    per_object: Callable[[object], list[ShownColumn]] | None = None
    limit: int | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def applies(self, value: object) -> bool:
        """Whether an object can be shown in this view."""
        return not self.types or any(name in self.types for name in type_chain(value))


def is_text(value: object) -> bool:
    """Whether a value is shown as a line of text, in any view.

    An enum of another machine is a number with a property, and shown by that ([D] source of 2016, DefaultScalarTypes).
    """
    if isinstance(value, PSObject) and value.base is not None and _ENUM_FROM_ELSEWHERE in value.type_names[1:2]:
        return False
    bare = bare_value(value)
    if isinstance(bare, str | bool | int | float | Decimal | PSEnum | Char):
        return True
    return isinstance(bare, ErrorRecord | NetException | MessageRecord | InformationRecord | ScriptBlock)


def is_right(value: object) -> bool:
    """Numbers, booleans, enums and characters stand at the right."""
    bare = bare_value(value)
    return isinstance(bare, int | float | Decimal | PSEnum | Char)


def reader(rs: Runspace, name: str) -> Read:
    """Reads a property; what is missing or fails is empty."""
    low = name.lower()

    def read(item: object) -> object:
        if isinstance(item, PSHashtable) and low in item:
            return None
        try:
            value = find_member(rs, item, low)
        except (PSError, NetError):
            return None
        return None if value is MISSING else value

    return read


def block_reader(rs: Runspace, block: ScriptBlock, failed: str | None = None) -> Read:
    """Evaluates a block; an error leaves the cell empty, or shows the text for it."""

    def read(item: object) -> object:
        frame = rs.frames[-1] if rs.frames else rs.frame()
        before = rs.propagate
        rs.propagate = True
        try:
            return one_value(value_runner(rs, block, frame.scope, frame.streams)(item))
        except (PSError, NetError):
            return failed
        finally:
            rs.propagate = before

    return read


def _of_view(rs: Runspace, column: Column, auto: bool) -> ShownColumn:
    source = column.expression
    read = reader(rs, source) if isinstance(source, str) else source
    return ShownColumn(column.label, read, column.width, column.right or None, auto=auto)


def view_shape(rs: Runspace, view: View, type_name: str) -> Shape:
    """A registered view as a shape."""
    columns = [_of_view(rs, column, view.auto) for column in view.columns]
    if view.kind == "table":
        for column in columns:
            column.right = bool(column.right)
    extra = {"group_by": view.group_by, "heading": view.heading} if view.group_by else {}
    return Shape(view.kind, columns, (type_name,), wrap=view.wrap, extra=extra)


def group_label(shape: Shape, name: str, value: object, text: str) -> str:
    """What stands above a group: ``name: value``, or the view's own heading, one column further right and with one
    empty line more below ([GK] the view of files)."""
    heading = shape.extra.get("heading")
    return f"{name}: {text}" if heading is None else f" {heading(value)}\n"


def property_names(rs: Runspace, value: object) -> list[str]:
    """Names of the properties to show when nothing is asked for."""
    if isinstance(value, PSObject):
        members = standard_members(value)
        if members is not None:
            chosen = members.members.get("defaultdisplaypropertyset")
            names = getattr(chosen, "names", None)
            if names:
                return list(names)
    for name in type_chain(value):
        extension = rs.type_data.get(name.lower(), {}).get("psstandardmembers")
        if extension is not None:
            return list(extension.names)
    display = display_of(type_chain(value))
    if display is not None and display.properties:
        return list(display.properties)
    hidden = [_NEVER_SHOWN]
    if isinstance(value, PSObject) and value.get(_NEVER_SHOWN) is False:
        hidden.append(_COMPUTER)
    return [name for name, _ in property_list(rs, value) if name not in hidden]


def _known_name(rs: Runspace, value: object, name: str) -> bool:
    try:
        return find_member(rs, value, name.lower()) is not MISSING
    except (PSError, NetError):
        return True


def default_shape(rs: Runspace, value: object, kind: str = "") -> Shape | None:
    """How an object is shown by default, or in a table or list without property arguments."""
    names = type_chain(value)
    display = display_of(names)
    view: View | None = None
    owner = ""
    if display is not None:
        view = {"table": display.table, "list": display.list}.get(kind) if kind else display.default
        owner = next((name for name in names if display_of([name]) is display), names[0])
    if view is not None:
        shape = view_shape(rs, view, owner)
        if view.kind == "table" and isinstance(value, PSObject) and value.get(_NEVER_SHOWN) is True:
            shape.columns.append(ShownColumn(_COMPUTER, reader(rs, _COMPUTER), auto=view.auto))
        return shape
    shown = property_names(rs, value)
    if not shown:
        return None
    chosen = kind or ("table" if len(shown) <= MAX_TABLE_PROPERTIES else "list")
    if chosen == "table":
        present = shown
        return Shape("table", [ShownColumn(name, reader(rs, name)) for name in present[:MAX_TABLE_COLUMNS]])
    return Shape("list", [], per_object=lambda item: default_lines(rs, item))


def default_lines(rs: Runspace, item: object) -> list[ShownColumn]:
    """List lines of an object's own properties."""
    return [ShownColumn(name, reader(rs, name)) for name in property_names(rs, item) if _known_name(rs, item, name)]


def argument_columns(
    rs: Runspace, specs: Sequence[ColumnSpec], item: object, for_list: bool = False, failed: str | None = None
) -> list[ShownColumn]:
    """Columns of property arguments for a first object; patterns become its properties. ``failed``: what a block shows
    that ends with an error."""
    found: list[ShownColumn] = []
    for spec in specs:
        if spec.block is not None:
            column = ShownColumn(spec.name, block_reader(rs, spec.block, failed))
        elif has_wildcard(spec.expression):
            pattern = wildcard(spec.expression)
            names = [name for name, _ in integrated(rs, item) if pattern.match(name)]
            found.extend(ShownColumn(name, reader(rs, name)) for name in names if not _has(found, name))
            continue
        else:
            if for_list and not spec.labelled and not _known_name(rs, item, spec.expression):
                continue
            column = ShownColumn(spec.name, reader(rs, spec.expression))
            if spec.simple:
                column.label = next(
                    (name for name, _ in property_list(rs, item) if name.lower() == spec.name.lower()), spec.name
                )
        right = {"right": True, "left": False, "center": False}.get(spec.alignment)
        center = spec.alignment == "center"
        found.append(replace(column, width=spec.width, right=right, center=center, code=spec.format_code))
    return found


def _has(columns: Sequence[ShownColumn], name: str) -> bool:
    return any(column.label.lower() == name.lower() for column in columns)


def shown_value(rs: Runspace, column: ShownColumn, item: object) -> str:
    """The text of a cell."""
    value = column.read(item)
    if column.code and not is_null(value):
        bare = bare_value(value)
        if isinstance(bare, int | float | Decimal | datetime | timedelta | PSEnum):
            try:
                if "{" in column.code:
                    return format_text(column.code, [bare])
                return formatted(bare, column.code)
            except (BadFormatError, IndexError):
                return cell_text(rs, value)
    return cell_text(rs, value)


def table_columns(shape: Shape, first: object) -> list[TableColumn]:
    """Columns for the layout; the side comes from the first object's value."""
    found = []
    for column in shape.columns:
        right = column.right if column.right is not None else is_right(column.read(first))
        found.append(TableColumn(column.label, column.width, bool(right), column.auto, column.center))
    return found


__all__ = [
    "PSHashtable",
    "Shape",
    "ShownColumn",
    "TypeRef",
    "argument_columns",
    "default_shape",
    "is_text",
    "shown_value",
    "table_columns",
    "view_shape",
]
