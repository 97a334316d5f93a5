"""How types are shown: table and list views, default properties. Products register theirs here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

Getter = Callable[[object], object]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a view: its label, the property or a function that gives the value, width (0: what is left)
    and side."""

    label: str
    source: str | Getter = ""
    width: int = 0
    right: bool = False

    @property
    def expression(self) -> str | Getter:
        """The property or function; the label when nothing else is said."""
        return self.source or self.label


@dataclass(frozen=True, slots=True)
class View:
    """The view of a type: ``table`` or ``list``; ``auto`` makes columns as wide as their content, ``wrap`` breaks
    long cells into lines.

    ``group_by`` names a property: where its value changes, a heading begins a new group, ``Name: value`` or what
    ``heading`` makes of the value.
    """

    kind: str
    columns: tuple[Column, ...]
    auto: bool = False
    group_by: str | None = None
    wrap: bool = False
    heading: Getter | None = None


@dataclass(slots=True)
class TypeDisplay:
    """What is known about showing a type."""

    table: View | None = None
    list: View | None = None
    default: View | None = None
    properties: tuple[str, ...] = field(default_factory=tuple)
    text: Getter | None = None


_DISPLAYS: Final[dict[str, TypeDisplay]] = {}


def display_of(type_names: Sequence[str]) -> TypeDisplay | None:
    """The display of the first type name that has one."""
    for name in type_names:
        found = _DISPLAYS.get(name.removeprefix("Deserialized."))
        if found is not None:
            return found
    return None


def _display(type_name: str) -> TypeDisplay:
    return _DISPLAYS.setdefault(type_name, TypeDisplay())


def _columns(columns: Sequence[Column | str]) -> tuple[Column, ...]:
    return tuple(Column(column) if isinstance(column, str) else column for column in columns)


def register_view(
    type_name: str,
    *,
    table: Sequence[Column | str] | None = None,
    list: Sequence[Column | str] | None = None,
    auto: bool = True,
    group_by: str | None = None,
    wrap: bool = False,
    default: str = "table",
    heading: Getter | None = None,
) -> None:
    """Give a type a table view, a list view or both; ``default`` says which of two is shown.

    ``auto``: columns without a width are as wide as their content.  ``group_by`` and ``heading``: as in ``View``.
    """
    display = _display(type_name)
    if table is not None:
        display.table = View("table", _columns(table), auto, group_by, wrap, heading)
    if list is not None:
        display.list = View("list", _columns(list), False, group_by, heading=heading)
    display.default = display.table if table is not None and default == "table" else display.list


def register_type(type_name: str, *, default_display: Sequence[str]) -> None:
    """Give a type its ``DefaultDisplayPropertySet``: up to four make a table, more a list."""
    display = _display(type_name)
    display.properties = tuple(default_display)


def register_text_view(type_name: str, text: Getter) -> None:
    """Show a type by one text."""
    _display(type_name).text = text
