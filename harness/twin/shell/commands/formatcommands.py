"""``Format-Table``, ``Format-List``, ``Format-Wide``, ``Out-String``, ``Out-Default``."""

from __future__ import annotations

from typing import Any

from harness.twin.shell.commands.api import Command, Parameter
from harness.twin.shell.commands.table import CORE, ENGINE, INPUT, UTILITY
from harness.twin.shell.comparison import equals
from harness.twin.shell.conversion import to_bool
from harness.twin.shell.dotnet.collections import entries
from harness.twin.shell.errors import PSError
from harness.twin.shell.formatting import builtin
from harness.twin.shell.formatting.cells import cell_text
from harness.twin.shell.formatting.custom import DEPTH, custom_lines
from harness.twin.shell.formatting.renderer import Packet, Renderer
from harness.twin.shell.formatting.shapes import (
    MAX_TABLE_COLUMNS,
    Shape,
    ShownColumn,
    argument_columns,
    block_reader,
    default_lines,
    default_shape,
    group_label,
    is_text,
    property_names,
    reader,
)
from harness.twin.shell.members import property_list
from harness.twin.shell.objects import NOTHING, Enumerator, PSHashtable, bare_value
from harness.twin.shell.propertyargs import ColumnSpec, read_column
from harness.twin.shell.typesystem import is_null

_COMMON = [
    INPUT,
    Parameter("Property", "object[]", position=0),
    Parameter("GroupBy", "object"),
    Parameter("View", "string"),
    Parameter("ShowError", "switch"),
    Parameter("DisplayError", "switch"),
    Parameter("Force", "switch"),
    Parameter("Expand", "string"),
]


class FormatCommand(Command):
    """What the three have in common: the shape of the first object, groups, packets."""

    kind = "table"

    def begin(self) -> None:
        call = self.call
        self.keys = f"Format-{self.kind.capitalize()}"
        given = call.get("Property")
        self.specs: list[ColumnSpec] | None = (
            [read_column(call, one, self.keys) for one in given] if given is not None else None
        )
        if call.has("View") and given is not None:
            raise call.fail(
                "Found invalid data while decoding.",
                "FormatCannotSpecifyViewAndProperty",
                "InvalidArgument",
                exception="System.IO.InvalidDataException",
            )
        group = call.get("GroupBy")
        self.group_spec = read_column(call, group, "GroupBy") if group is not None else None
        self.error_text = "#ERR" if call.switch("DisplayError") else None
        self.started = False
        self.open_group = False
        self.group_value: object = None
        self.grouped_by_view = False

    def process(self, item: object) -> None:
        if item is NOTHING or is_null(item):
            return
        bare = bare_value(item)
        if isinstance(bare, Packet):
            self.call.emit(bare)
            return
        if isinstance(bare, list | Enumerator):
            for one in list(bare) if isinstance(bare, list) else list(bare.items):
                self._one(one)
            return
        if isinstance(bare, PSHashtable):
            for entry in entries(bare):
                self._one(entry)
            return
        self._one(item)

    def _one(self, item: object) -> None:
        if is_null(item):
            return
        if is_text(item) and not self.call.switch("Force"):
            self.call.emit(Packet("text", None, item))
            return
        if not self.started:
            shape = self.shape(item)
            if shape is None:
                return
            by_view = shape.extra.get("group_by")
            if by_view and self.group_spec is None:
                self.group_spec = read_column(self.call, by_view, "GroupBy")
                self.grouped_by_view = True
            self.call.emit(Packet("start", shape))
            self.started = True
        self._regroup(item)
        self.call.emit(Packet("entry", None, item))

    def _regroup(self, item: object) -> None:
        spec = self.group_spec
        if spec is None:
            if not self.open_group:
                self.call.emit(Packet("group"))
                self.open_group = True
            return
        rs = self.call.rs
        read = block_reader(rs, spec.block) if spec.block is not None else reader(rs, spec.expression)
        value = read(item)
        if self.open_group and (equals(value, self.group_value) or (is_null(value) and is_null(self.group_value))):
            return
        if self.open_group:
            self.call.emit(Packet("groupend"))
        self.group_value = value
        self.open_group = True
        shape = self.shape(item)
        known = spec.block is not None or not is_null(value)
        label = f"{spec.name}: {cell_text(rs, value)}" if known else None
        if known and self.grouped_by_view and shape is not None:
            label = group_label(shape, spec.name, value, cell_text(rs, value))
        self.call.emit(Packet("group", shape, None, label))

    def end(self) -> None:
        if self.open_group:
            self.call.emit(Packet("groupend"))
        if self.started:
            self.call.emit(Packet("end"))

    def shape(self, item: object) -> Shape | None:
        """The view of the first object."""
        return None


@CORE.cmdlet(
    "Format-Table",
    module=UTILITY,
    parameters=[
        *_COMMON,
        Parameter("AutoSize", "switch"),
        Parameter("HideTableHeaders", "switch"),
        Parameter("Wrap", "switch"),
    ],
)
class FormatTable(FormatCommand):
    """Objects as a table."""

    def shape(self, item: object) -> Shape | None:
        call, rs = self.call, self.call.rs
        self._check_view(item)
        shape: Shape | None
        if self.specs is not None:
            shape = Shape("table", argument_columns(rs, self.specs, item, False, self.error_text))
        else:
            shape = default_shape(rs, item, "table")
            if shape is not None:
                shape.columns = shape.columns[:MAX_TABLE_COLUMNS]
        if shape is None:
            return None
        if self.specs is not None and shape.columns and not shape.columns[0].width:
            for column in shape.columns:
                column.width = 0
        if call.switch("AutoSize"):
            for column in shape.columns:
                column.auto, column.width = True, column.width if self.specs is not None else 0
        shape.headers = not call.switch("HideTableHeaders")
        shape.wrap = call.switch("Wrap")
        return shape

    def _check_view(self, item: object) -> None:
        name = self.call.text("View")
        if name:
            raise self.call.fail(
                f"The view name {name} cannot be found.",
                "FormatViewNotFound",
                "ObjectNotFound",
                name,
                "System.Management.Automation.PipelineStoppedException",
            )


@CORE.cmdlet("Format-List", module=UTILITY, parameters=_COMMON)
class FormatList(FormatCommand):
    """Objects as lists of properties."""

    kind = "list"

    def shape(self, item: object) -> Shape | None:
        rs, specs = self.call.rs, self.specs
        if specs is not None:
            failed = self.error_text
            return Shape("list", [], per_object=lambda one: argument_columns(rs, specs, one, True, failed))
        found = default_shape(rs, item, "list")
        if found is not None and found.types:
            own = found

            def lines(one: object) -> list[ShownColumn]:
                return own.columns if own.applies(one) else default_lines(rs, one)

            return Shape("list", [], per_object=lines)
        return found


@CORE.cmdlet(
    "Format-Custom",
    module=UTILITY,
    parameters=[*_COMMON, Parameter("Depth", "int", minimum=1, maximum=2**31 - 1)],
)
class FormatCustom(FormatCommand):
    """Objects as nested blocks of their properties."""

    kind = "custom"

    def shape(self, item: object) -> Shape | None:
        rs, specs, depth = self.call.rs, self.specs, self.call.number("Depth", DEPTH)

        def lines(one: object) -> list[str]:
            pairs = (
                [(name, reader(rs, name)(one)) for name in property_names(rs, one)]
                if specs is None
                else [(column.label, column.read(one)) for column in argument_columns(rs, specs, one)]
            )
            return custom_lines(rs, one, pairs, depth)

        return Shape("custom", [], extra={"lines": lines})


@CORE.cmdlet(
    "Format-Wide",
    module=UTILITY,
    parameters=[
        *[one for one in _COMMON if one.name != "Property"],
        Parameter("Property", "object", position=0),
        Parameter("AutoSize", "switch"),
        Parameter("Column", "int", minimum=1),
    ],
)
class FormatWide(FormatCommand):
    """One property of each object, in columns."""

    kind = "wide"

    def begin(self) -> None:
        call = self.call
        if call.has("AutoSize") and call.has("Column"):
            raise call.fail(
                "Found invalid data while decoding.",
                "FormatCannotSpecifyAutosizeAndColumns",
                "InvalidArgument",
                exception="System.IO.InvalidDataException",
            )
        given = call.bound.pop("Property", None)
        super().begin()
        self.specs = [read_column(call, given, "Format-Wide")] if given is not None else None

    def shape(self, item: object) -> Shape | None:
        call, rs = self.call, self.call.rs
        if self.specs is not None:
            columns = argument_columns(rs, self.specs, item)[:1]
        else:
            names = [name for name, _ in property_list(rs, item)]
            chosen = next((name for name in names if name.lower() == "name"), None)
            chosen = chosen or next(
                (name for name in names if "name" in name.lower() or name.lower() in ("id", "key")), None
            )
            columns = [ShownColumn(chosen or names[0], reader(rs, chosen or names[0]))] if names else []
        if not columns:
            return None
        shape = Shape("wide", columns)
        shape.wide_columns = 0 if call.switch("AutoSize") else call.number("Column", 2)
        return shape


@CORE.cmdlet(
    "Out-String",
    module=UTILITY,
    parameters=[
        INPUT,
        Parameter("Stream", "switch"),
        Parameter("Width", "int", minimum=2),
        Parameter("NoNewline", "switch"),
    ],
)
class OutString(Command):
    """The text that the console would show."""

    def begin(self) -> None:
        self.pieces: list[str] = []
        self.renderer = Renderer(self.call.rs, self.pieces.append, self.call.number("Width", self.call.rs.width))

    def process(self, item: object) -> None:
        if item is not NOTHING:
            try:
                self.renderer.feed(item)
            except PSError as fault:
                fault.record.activity = "out-lineoutput"
                fault.record.command_class = "Microsoft.PowerShell.Commands.OutLineOutputCommand"
                fault.record.invocation = self.call.invocation
                raise

    def end(self) -> None:
        self.renderer.finish()
        text = "".join(self.pieces)
        if self.call.switch("Stream"):
            for line in text.split("\n")[:-1]:
                self.call.emit(line)
        else:
            self.call.emit(text.replace("\n", "\r\n"))


def _host(name: str) -> None:
    @CORE.cmdlet(
        name, module=ENGINE, parameters=[INPUT, Parameter("Transcript", "switch"), Parameter("Paging", "switch")]
    )
    class OutHost(Command):
        """Shows objects on the console at once."""

        def begin(self) -> None:
            self.pieces: list[str] = []
            self.renderer = Renderer(self.call.rs, self.pieces.append, self.call.rs.width)

        def process(self, item: object) -> None:
            if item is not NOTHING:
                self.renderer.feed(item)

        def end(self) -> None:
            self.renderer.finish()
            show: Any = getattr(self.call.rs, "host_write", None)
            if show is not None:
                show("".join(self.pieces))


_host("Out-Host")
_host("Out-Default")
__all__ = ["builtin", "to_bool"]
