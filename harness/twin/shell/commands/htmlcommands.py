"""``ConvertTo-Html``."""

from __future__ import annotations

from typing import Final

from harness.twin.shell.commands.api import Command, Parameter
from harness.twin.shell.commands.table import CORE, INPUT, UTILITY
from harness.twin.shell.formatting.shapes import block_reader, reader
from harness.twin.shell.members import property_list
from harness.twin.shell.objects import NOTHING
from harness.twin.shell.propertyargs import ColumnSpec, read_column
from harness.twin.shell.regexes import has_wildcard, matches_wildcard
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import is_null

_DOCTYPE: Final = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN"  "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">'
)
_SIGNS: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}


def encoded(text: str) -> str:
    """``WebUtility.HtmlEncode``."""
    return "".join(_SIGNS.get(one) or (f"&#{ord(one)};" if 160 <= ord(one) < 256 else one) for one in text)


@CORE.cmdlet(
    "ConvertTo-Html",
    module=UTILITY,
    default_set="Page",
    parameters=[
        INPUT,
        Parameter("Property", "object[]", position=0),
        Parameter("Body", "string[]", position=3, sets=("Page",)),
        Parameter("Head", "string[]", position=1, sets=("Page",)),
        Parameter("Title", "string", position=2, sets=("Page",)),
        Parameter("As", "string", values=("Table", "List")),
        Parameter("CssUri", "string", aliases=("cu", "uri"), sets=("Page",)),
        Parameter("Fragment", "switch", sets=("Fragment",)),
        Parameter("PostContent", "string[]"),
        Parameter("PreContent", "string[]"),
    ],
)
class ConvertToHtml(Command):
    """Objects as the rows of an HTML table, or as a list of names and values."""

    def begin(self) -> None:
        call = self.call
        self.columns: list[ColumnSpec] = [
            read_column(call, one, "ConvertTo-Html") for one in call.get("Property") or []
        ]
        self.names: list[str] | None = None
        self.as_list = call.text("As").lower() == "list"
        if call.switch("Fragment"):
            self._all(call.texts("PreContent"))
            return
        call.emit(_DOCTYPE)
        call.emit('<html xmlns="http://www.w3.org/1999/xhtml">')
        call.emit("<head>")
        self._all(call.texts("Head") or [f"<title>{call.text('Title', 'HTML TABLE')}</title>"])
        if call.has("CssUri"):
            call.emit(f'<link rel="stylesheet" type="text/css" href="{call.text("CssUri")}" />')
        call.emit("</head><body>")
        self._all(call.texts("Body"))
        self._all(call.texts("PreContent"))

    def _all(self, lines: list[str]) -> None:
        for line in lines:
            self.call.emit(line)

    def process(self, item: object) -> None:
        if item is NOTHING or is_null(item):
            return
        cells = self._cells(item)
        emit = self.call.emit
        if self.names is None:
            self.names = [name for name, _ in cells]
            emit("<table>")
            if not self.as_list:
                emit(f"<colgroup>{'<col/>' * len(cells)}</colgroup>")
                emit(f"<tr>{''.join(f'<th>{encoded(name)}</th>' for name in self.names)}</tr>")
        elif self.as_list:
            emit("<tr><td><hr></td></tr>")
        if self.as_list:
            for name, text in cells:
                emit(f"<tr><td>{encoded(name)}:</td><td>{encoded(text)}</td></tr>")
        else:
            emit(f"<tr>{''.join(f'<td>{encoded(text)}</td>' for _, text in cells)}</tr>")

    def _cells(self, item: object) -> list[tuple[str, str]]:
        rs = self.call.rs
        if not self.columns:
            values = {name.lower(): (name, value) for name, value in property_list(rs, item)}
            if self.names is None:
                return [(name, to_text(value)) for name, value in values.values()]
            return [(name, to_text(values.get(name.lower(), ("", None))[1])) for name in self.names]
        found = []
        for column in self.columns:
            if column.block is not None:
                found.append((column.name, to_text(block_reader(rs, column.block)(item))))
            elif has_wildcard(column.expression):
                found += [
                    (name, to_text(value))
                    for name, value in property_list(rs, item)
                    if matches_wildcard(column.expression, name)
                ]
            else:
                found.append((column.name, to_text(reader(rs, column.expression)(item))))
        return found

    def end(self) -> None:
        call = self.call
        call.emit("</table>" if self.names is not None else "<table>\n</table>")
        self._all(call.texts("PostContent"))
        if not call.switch("Fragment"):
            call.emit("</body></html>")
