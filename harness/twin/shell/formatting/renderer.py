"""Objects in, text out: opens a view for the first object, closes it when something else comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.twin.shell.dotnet.collections import entries as entries_of
from harness.twin.shell.errors import ErrorRecord, NetException, runtime_error
from harness.twin.shell.errortext import category_text, error_lines
from harness.twin.shell.formatting.cells import cell_text, element_text
from harness.twin.shell.formatting.layout import Row, TableColumn, break_line, list_lines, table_lines, wide_lines
from harness.twin.shell.formatting.shapes import (
    Shape,
    ShownColumn,
    default_lines,
    default_shape,
    group_label,
    is_text,
    reader,
    shown_value,
    table_columns,
    view_shape,
)
from harness.twin.shell.formatting.views import display_of
from harness.twin.shell.objects import NOTHING, Enumerator, PSHashtable, PSObject, bare_value
from harness.twin.shell.text import net_text, to_text
from harness.twin.shell.typesystem import is_null, register_value_type, type_chain

if TYPE_CHECKING:
    from harness.twin.shell.runspace import Runspace

_FORMAT = "Microsoft.PowerShell.Commands.Internal.Format."


@dataclass(slots=True, eq=False)
class Packet:
    """What ``Format-*`` emits: start, group start, entry, group end, end."""

    kind: str
    shape: Shape | None = None
    value: object = None
    label: str | None = None

    @property
    def full_name(self) -> str:
        """Its .NET class."""
        return (
            _FORMAT
            + {
                "start": "FormatStartData",
                "group": "GroupStartData",
                "entry": "FormatEntryData",
                "text": "FormatEntryData",
                "groupend": "GroupEndData",
                "end": "FormatEndData",
            }[self.kind]
        )


register_value_type(Packet, lambda packet: packet.full_name if isinstance(packet, Packet) else "")


class Section:
    """An open view: rows are kept until it closes, since widths depend on all of them."""

    def __init__(self, rs: Runspace, shape: Shape, width: int) -> None:
        self.rs = rs
        self.shape = shape
        self.width = width
        self.first: object = None
        self.columns: list[TableColumn] = []
        self.rows: list[Row] = []
        self.label: str | None = None
        self.list_rows: list[list[tuple[str, str]] | str] = []
        self.grouped = False

    def add(self, item: object) -> None:
        """One object."""
        shape, rs = self.shape, self.rs
        if shape.kind == "text":
            self.rows.append(Row([], net_text(shape.extra["text"](item))))
            return
        if shape.kind == "custom":
            self.rows.append(Row([], "\n".join([*shape.extra["lines"](item), ""])))
            return
        if shape.kind == "list":
            columns = shape.per_object(item) if shape.per_object is not None else shape.columns
            self.list_rows.append([(column.label, shown_value(rs, column, item)) for column in columns])
            return
        if not self.columns:
            self.columns = table_columns(shape, item)
        self.rows.append(Row([shown_value(rs, column, item) for column in shape.columns]))

    def add_text(self, text: str) -> None:
        """A line between the rows."""
        if self.shape.kind == "list":
            self.list_rows.append(text)
        else:
            self.rows.append(Row([], text))

    def lines(self) -> list[str]:
        """The lines of the group so far, and forget them."""
        shape = self.shape
        if shape.kind == "list":
            found: list[str] = []
            for row in self.list_rows:
                found.extend(row.split("\n") if isinstance(row, str) else [*list_lines(row, self.width), ""])
        elif shape.kind in ("text", "custom") or not self.columns:
            found = [line for row in self.rows if row.text is not None for line in row.text.split("\n")]
        elif shape.kind == "wide":
            found = wide_lines([row.cells[0] for row in self.rows if row.text is None], self.width, shape.wide_columns)
        else:
            found = table_lines(self.columns, self.rows, self.width, shape.headers, shape.wrap)
        self.rows, self.list_rows = [], []
        return found


class Renderer:
    """Turns a stream of objects into text."""

    def __init__(self, rs: Runspace, write: Callable[[str], None], width: int, wrap_text: bool = True) -> None:
        self.rs = rs
        self.write = write
        self.width = width
        self.section: Section | None = None
        self.explicit = False
        self.group_value = ""
        self.wrap_text = wrap_text

    def feed(self, item: object) -> None:
        """One object."""
        if isinstance(item, Packet):
            self._packet(item)
            return
        if self.explicit and self.section is None:
            self.explicit = False
        bare = bare_value(item)
        if is_null(bare) or item is NOTHING:
            return
        if isinstance(bare, list | Enumerator):
            for one in list(bare) if isinstance(bare, list) else list(bare.items):
                if is_null(one):
                    self._text("")
                else:
                    self._object(one)
            return
        self._object(item)

    def _object(self, item: object) -> None:
        if is_null(item):
            return
        if is_text(item):
            bare = bare_value(item)
            self._text(self.text_of(item), isinstance(bare, ErrorRecord | NetException) and self.wrap_text)
            return
        display = display_of(type_chain(item))
        if display is not None and display.text is not None and self.section is None:
            self._open(Shape("text", [], type_chain(item)[:1], extra={"text": display.text}), None)
        table = bare_value(item)
        if isinstance(table, PSHashtable):
            if self.section is None and not len(table):
                return
            for entry in entries_of(table):
                self._show(entry)
            return
        self._show(item)

    def _show(self, item: object) -> None:
        if self.section is None:
            shape = default_shape(self.rs, item)
            if shape is None:
                text = element_text(item)
                if not isinstance(item, PSObject) or text:
                    self._text(text)
                else:
                    self._open(Shape("table", []), None)
                return
            self.group_value = self._group_value(shape, item)
            self._open(shape, self._label(shape))
        section = self.section
        assert section is not None  # noqa: S101 - opened above
        if section.shape.extra.get("group_by") and section.shape.applies(item):
            value = self._group_value(section.shape, item)
            if value != self.group_value:
                self._flush()
                self.group_value = value
                section.columns = []
                self._group(self._label(section.shape))
        if not section.shape.applies(item):
            columns = self._lines(item)
            pairs = [(column.label, shown_value(self.rs, column, item)) for column in columns]
            section.add_text("\n".join(["", *list_lines(pairs, self.width), ""]))
            return
        section.add(item)

    def _lines(self, item: object) -> list[ShownColumn]:
        """How an object that does not fit the open view is shown: as a list, by its list view if it has one."""
        display = display_of(type_chain(item))
        if display is not None and display.list is not None:
            return view_shape(self.rs, display.list, "").columns
        return default_lines(self.rs, item)

    def _group_value(self, shape: Shape, item: object) -> str:
        name = shape.extra.get("group_by")
        return cell_text(self.rs, reader(self.rs, name)(item)) if name else ""

    def _label(self, shape: Shape) -> str | None:
        name = shape.extra.get("group_by")
        return group_label(shape, name, self.group_value, self.group_value) if name else None

    def text_of(self, item: object) -> str:
        """What a value that is shown as text is."""
        bare = bare_value(item)
        if isinstance(item, PSObject) and item.base is not None and isinstance(item.text, str):
            return item.text
        if isinstance(bare, ErrorRecord):
            view = self.rs.global_scope.value("errorview")
            if to_text(view).lower() == "categoryview":
                return category_text(bare)
            return error_lines(bare).removesuffix("\n")
        if isinstance(bare, NetException):
            return bare.message
        return net_text(bare)

    def _text(self, text: str, broken: bool = False) -> None:
        lines = []
        for line in text.replace("\r\n", "\n").split("\n"):
            lines.extend(break_line(line, self.width) if broken else [line])
        if self.section is not None:
            self.section.add_text("\n".join(lines))
        else:
            self.write("".join(f"{line}\n" for line in lines))

    # ---------------------------------------------------------------------------------------------- sections

    def _open(self, shape: Shape, label: str | None) -> None:
        self.section = Section(self.rs, shape, self.width)
        self.write("\n")
        self._group(label)

    def _group(self, label: str | None) -> None:
        assert self.section is not None  # noqa: S101 - called with an open section
        if label is not None:
            self.write(f"\n   {label}\n\n")
        if self.section.shape.kind in ("list", "wide"):
            self.write("\n")
        self.section.grouped = True

    def _flush(self) -> None:
        assert self.section is not None  # noqa: S101 - called with an open section
        if self.section.grouped:
            self.write("".join(f"{line}\n" for line in self.section.lines()))
            self.write("\n")
            self.section.grouped = False

    def _close(self) -> None:
        if self.section is not None:
            self._flush()
            self.write("\n")
            self.section = None

    def _packet(self, packet: Packet) -> None:
        if packet.kind == "text":
            self._object(packet.value)
        elif packet.kind == "start":
            self._close()
            assert packet.shape is not None  # noqa: S101 - start packets carry it
            self.section = Section(self.rs, packet.shape, self.width)
            self.write("\n")
            self.explicit = True
        elif packet.kind == "end":
            self._close()
            self.explicit = False
        elif self.section is None:
            raise runtime_error(
                f'The object of type "{packet.full_name}" is not valid or not in the correct sequence. This is '
                "likely caused by a "
                'user-specified "format-*" command which is conflicting with the default formatting.',
                "ConsoleLineOutputOutOfSequencePacket",
                "InvalidData",
                type_name="System.InvalidOperationException",
            )
        elif packet.kind == "group":
            if packet.shape is not None:
                self.section.shape = packet.shape
                self.section.columns = []
            self._group(packet.label)
        elif packet.kind == "entry":
            self.section.add(packet.value)
        elif packet.kind == "groupend":
            self._flush()

    def finish(self) -> None:
        """Close what is open."""
        self._close()


__all__ = ["Packet", "Renderer", "Section"]
