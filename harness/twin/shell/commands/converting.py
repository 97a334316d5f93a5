"""CSV and string data."""

from __future__ import annotations

import re
from collections.abc import Iterable

from harness.twin.shell.commands.api import Call, Command, Parameter
from harness.twin.shell.commands.table import CORE, UTILITY
from harness.twin.shell.members import property_list
from harness.twin.shell.objects import NOTHING, NoteProperty, PSHashtable, PSObject, bare_value
from harness.twin.shell.text import net_text, to_text
from harness.twin.shell.typesystem import is_bag, is_null, type_chain

_TYPE_PREFIX = "CSV:"


def _quoted(value: object) -> str:
    return "" if is_null(value) else '"' + to_text_or_type(value).replace('"', '""') + '"'


def to_text_or_type(value: object) -> str:
    """A value in a CSV cell, in the culture of the machine: a list is its type's name."""
    if isinstance(value, list):
        return type_chain(value)[0]
    return to_text(value) if is_bag(value) else net_text(bare_value(value))


@CORE.cmdlet(
    "ConvertTo-Csv",
    module=UTILITY,
    parameters=[
        Parameter("InputObject", "object", pipeline="value", mandatory=True, allow_empty=True, allow_null=True),
        Parameter("Delimiter", "char", position=0),
        Parameter("NoTypeInformation", "switch", aliases=("NTI",)),
        Parameter("UseCulture", "switch"),
    ],
)
class ConvertToCsv(Command):
    """The first object's properties are the columns."""

    names: list[str] | None = None

    def process(self, item: object) -> None:
        if item is NOTHING or is_null(item):
            return
        call = self.call
        separator = call.text("Delimiter", ",")
        pairs = property_list(call.rs, item)
        if self.names is None:
            self.names = [name for name, _ in pairs]
            if not call.switch("NoTypeInformation"):
                self.line(f"#TYPE {type_chain(item)[0].removeprefix(_TYPE_PREFIX)}")
            self.line(separator.join(_quoted(name) for name in self.names))
        values = {name.lower(): value for name, value in pairs}
        self.line(separator.join(_quoted(values.get(name.lower())) for name in self.names))

    def line(self, text: str) -> None:
        """One line of the text."""
        self.call.emit(text)


def csv_rows(text: str, delimiter: str) -> Iterable[list[str]]:
    """The rows of a text, as 5.1 reads them: blanks before a field and after a closing quote do not count."""
    row: list[str] = []
    at, size = 0, len(text)
    while at < size:
        while at < size and text[at] in " \t" and text[at] != delimiter:
            at += 1
        if at < size and text[at] == '"':
            field, at = _quoted_field(text, at + 1)
            rest = at
            while at < size and text[at] not in (delimiter, "\r", "\n"):
                at += 1
            field += text[rest:at].rstrip(" \t")
        else:
            start = at
            while at < size and text[at] not in (delimiter, "\r", "\n"):
                at += 1
            field = text[start:at]
        row.append(field)
        if at < size and text[at] == delimiter:
            at += 1
            if at == size or text[at] in "\r\n":
                row.append("")
            else:
                continue
        at += 2 if text[at : at + 2] == "\r\n" else 1
        if row != [""]:
            yield row
        row = []
    if row and row != [""]:
        yield row


def _quoted_field(text: str, at: int) -> tuple[str, int]:
    """A field in quotes and the place behind it; a quote in it is doubled."""
    field = ""
    while at < len(text):
        end = text.find('"', at)
        if end < 0:
            return field + text[at:], len(text)
        field += text[at:end]
        if text[end + 1 : end + 2] != '"':
            return field, end + 1
        field += '"'
        at = end + 2
    return field, at


@CORE.cmdlet(
    "ConvertFrom-Csv",
    module=UTILITY,
    parameters=[
        Parameter("InputObject", "object[]", position=0, pipeline="value", mandatory=True, allow_empty=True),
        Parameter("Delimiter", "char", position=1),
        Parameter("Header", "string[]"),
        Parameter("UseCulture", "switch"),
    ],
)
class ConvertFromCsv(Command):
    """Lines to objects whose properties are all text."""

    def begin(self) -> None:
        self.lines: list[str] = []

    def process(self, item: object) -> None:
        given = self.call.get("InputObject")
        self.lines.extend(to_text(one) for one in (given if isinstance(given, list) else [given]))

    def end(self) -> None:
        for made in csv_objects(self.call, "\n".join(self.lines)):
            self.call.emit(made)


def csv_objects(call: Call, text: str) -> Iterable[PSObject]:
    """The objects of a text."""
    kind = re.match(r"#TYPE[ \t]*([^\r\n]*)(\r?\n|$)", text, re.IGNORECASE)
    rows = list(csv_rows(text[kind.end() :] if kind else text, call.text("Delimiter", ",")))
    header = call.texts("Header")
    if not header and rows:
        header = rows.pop(0)
    _check_header(call, header)
    if "" in header and rows:
        call.write_warning(
            'One or more headers were not specified. Default names starting with "H" have been used in place of any '
            "missing headers."
        )
    names: list[str] = []
    for name in header:
        names.append(name or f"H{sum(not one for one in header[: len(names) + 1])}")
    chain = (f"{_TYPE_PREFIX}{kind[1].strip()}",) if kind and kind[1].strip() else ()
    for row in rows:
        made = PSObject()
        if chain:
            made.type_names = chain
        for at, name in enumerate(names):
            made.members[name.lower()] = NoteProperty(name, row[at] if at < len(row) else None)
        yield made


def _check_header(call: Call, header: list[str]) -> None:
    seen: set[str] = set()
    for name in header:
        if name and name.lower() in seen:
            kind = "System.Management.Automation.ExtendedTypeSystemException"
            raise call.fail(
                f'The member "{name}" is already present.',
                "AlreadyPresentPSMemberInfoInternalCollectionAdd",
                "NotSpecified",
                exception=kind,
            )
        seen.add(name.lower())


@CORE.cmdlet(
    "ConvertFrom-StringData",
    module=UTILITY,
    parameters=[Parameter("StringData", "string", position=0, pipeline="value", mandatory=True, allow_empty=True)],
)
def convert_from_string_data(call: Call) -> Iterable[object]:
    """``name = value`` lines to a hashtable."""
    table = PSHashtable()
    for line in call.text("StringData").splitlines():
        plain = line.strip()
        if not plain or plain.startswith("#"):
            continue
        name, equals, value = plain.partition("=")
        if not equals:
            raise _bad_data(call, f"Data line '{plain}' is not in 'name=value' format. ")
        if name.strip() in table:
            raise _bad_data(call, f"Data item '{name.strip()}' in line '{plain}' is already defined. ")
        table[name.strip()] = re.sub(r"\\(.)", _unescaped, value.strip())
    yield table


def _unescaped(found: re.Match[str]) -> str:
    return {"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}.get(found.group(1), found.group(1))


def _bad_data(call: Call, text: str) -> Exception:
    return call.fail(
        text,
        "InvalidOperation",
        "InvalidOperation",
        exception="System.Management.Automation.PSInvalidOperationException",
    )
