"""``Select-String``: text found in what comes, or in files."""

from __future__ import annotations

import re
from typing import Final

from harness.twin.shell.commands.api import Command, Parameter
from harness.twin.shell.commands.providers import full_path, report_missing
from harness.twin.shell.commands.table import CORE, UTILITY
from harness.twin.shell.dotnet.regularexpressions import Match
from harness.twin.shell.errors import NetError, NetException
from harness.twin.shell.formatting.views import register_text_view
from harness.twin.shell.objects import NOTHING, PSArray, PSObject, bare_value
from harness.twin.shell.regexes import BadPatternError, NetRegex, compile_regex, matches_wildcard
from harness.twin.shell.storage import storage_of, text_of
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import is_null

_MATCH: Final = "Microsoft.PowerShell.Commands.MatchInfo"
_STREAM: Final = "InputStream"
"""The path of a line that came down the pipeline."""


def _shown(made: PSObject) -> str:
    """``ToString()``: the line with path and number when it is of a file, and the lines around it."""
    line, context = to_text(made.get("Line")), made.get("Context")
    number, path = made.get("LineNumber"), to_text(made.get("Path"))
    assert isinstance(number, int)  # noqa: S101 - made below

    def row(prefix: str, at: int, text: object) -> str:
        return f"{prefix}{text}" if path == _STREAM else f"{prefix}{path}:{at}:{text}"

    if not isinstance(context, PSObject):
        return row("", number, line)
    before, after = context.get("DisplayPreContext"), context.get("DisplayPostContext")
    first = list(before) if isinstance(before, list) else []
    last = list(after) if isinstance(after, list) else []
    rows = [row("  ", number - len(first) + at, text) for at, text in enumerate(first)]
    rows.append(row("> ", number, line))
    return "\r\n".join([*rows, *(row("  ", number + 1 + at, text) for at, text in enumerate(last))])


PARAMETERS: Final = (
    Parameter(
        "InputObject",
        "object",
        pipeline="value",
        mandatory=True,
        allow_null=True,
        allow_empty=True,
        sets=("Object",),
    ),
    Parameter("Pattern", "string[]", position=0, mandatory=True),
    Parameter("Path", "string[]", position=1, mandatory=True, pipeline="name", sets=("File",)),
    Parameter("LiteralPath", "string[]", mandatory=True, pipeline="name", aliases=("PSPath",), sets=("LiteralFile",)),
    Parameter("SimpleMatch", "switch"),
    Parameter("CaseSensitive", "switch"),
    Parameter("Quiet", "switch"),
    Parameter("List", "switch"),
    Parameter("Include", "string[]"),
    Parameter("Exclude", "string[]"),
    Parameter("NotMatch", "switch"),
    Parameter("AllMatches", "switch"),
    Parameter("Context", "int[]"),
    Parameter("Encoding", "string"),
)


@CORE.cmdlet("Select-String", module=UTILITY, parameters=PARAMETERS, default_set="File")
class SelectString(Command):
    """Finds text in what comes."""

    def begin(self) -> None:
        call = self.call
        self.patterns: list[tuple[str, NetRegex]] = []
        for pattern in call.texts("Pattern"):
            source = re.escape(pattern) if call.switch("SimpleMatch") else pattern
            try:
                self.patterns.append((pattern, compile_regex(source, 0 if call.switch("CaseSensitive") else 1)))
            except BadPatternError as fault:
                text = f"The string {pattern} is not a valid regular expression: {fault}"
                record = call.record(text, "InvalidRegex", "InvalidArgument", pattern, "System.ArgumentException")
                record.exception.inner = NetException("System.ArgumentException", str(fault))
                raise call.fail(record) from None
        self.lines: list[str] = []
        self.found: list[tuple[int, PSObject]] = []

    def process(self, item: object) -> None:
        call = self.call
        if item is NOTHING:
            for path in call.texts("LiteralPath") or call.texts("Path"):
                self.visit(path)
            return
        if is_null(item):
            return
        if isinstance(item, PSObject) and item.net_type == "System.IO.FileInfo":
            self.search(to_text(item.get("FullName")))
            return
        known = item if isinstance(item, PSObject) and item.net_type == _MATCH else None
        self.lines.append(to_text(known.get("Line") if known is not None else item))
        made = self._match(self.lines[-1], len(self.lines), _STREAM)
        if made is None:
            return
        for name in ("LineNumber", "Filename", "Path") if known is not None else ():
            made.set(name, known.get(name) if known is not None else None)
        self.found.append((len(self.lines) - 1, made))
        if not call.has("Context") and not call.switch("Quiet"):
            call.emit(made)

    def _match(self, line: str, number: int, path: str) -> PSObject | None:
        """The first pattern's match in a line."""
        call = self.call
        for pattern, regex in self.patterns:
            hits = list(regex.pattern.finditer(line))
            if bool(hits) is call.switch("NotMatch"):
                continue
            shown = hits if call.switch("AllMatches") else hits[:1]
            if call.switch("SimpleMatch"):  # plain text is searched without patterns, so there are no matches [D]
                shown = []
            made = PSObject.of_type(
                (_MATCH, "System.Object"),
                {
                    "IgnoreCase": not call.switch("CaseSensitive"),
                    "LineNumber": number,
                    "Line": line,
                    "Filename": re.split(r"[\\/]", path)[-1],
                    "Path": path,
                    "Pattern": pattern,
                    "Context": None,
                    "Matches": [Match(regex, one, line) for one in shown],
                },
            )
            made.text = lambda made=made: _shown(made)
            return made
        return None

    def visit(self, path: str) -> None:
        """Search the file that a path means."""
        place = full_path(self.call, path)
        if storage_of(self.call.rs).kind(place) != "file":
            report_missing(self.call, path)
        elif self.picked(re.split(r"[\\/]", place)[-1]):
            self.search(place)

    def picked(self, name: str) -> bool:
        """Whether ``-Include`` and ``-Exclude`` let a file's name through."""
        call = self.call
        if call.has("Include") and not any(matches_wildcard(one, name) for one in call.texts("Include")):
            return False
        return not any(matches_wildcard(one, name) for one in call.texts("Exclude"))

    def search(self, place: str, shown: str = "") -> None:
        """Search one file; its lines count from one, and its context is its own. ``shown``: its path as it is told."""
        call = self.call
        try:
            lines = text_of(storage_of(call.rs).read(place)).splitlines()
        except NetError as fault:
            message = f"The file {place} cannot be read: {fault.exception.message}"
            call.write_error(message, "ProcessingFile", "InvalidArgument", place, "System.ArgumentException")
            return
        made = [(at, self._match(line, at + 1, shown or place)) for at, line in enumerate(lines)]
        found = [(at, one) for at, one in made if one is not None]
        if call.switch("Quiet"):
            call.emit(bool(found))
            return
        if call.switch("List"):
            found = found[:1]
        self._with_context(lines, found)
        for _, one in found:
            call.emit(one)

    def end(self) -> None:
        call = self.call
        if call.switch("Quiet"):
            if self.found:
                call.emit(True)
        elif call.has("Context"):
            self._with_context(self.lines, self.found)
            for _, made in self.found:
                call.emit(made)

    def _with_context(self, lines: list[str], found: list[tuple[int, PSObject]]) -> None:
        """Give matches the lines around them; those that are shown with a match before are not shown again."""
        given = self.call.get("Context")
        if given is None or not found:
            return
        before, after, shown = int(given[0]), int(given[-1]), 0
        for (at, made), following in zip(found, [*[one for one, _ in found[1:]], len(lines)], strict=True):
            first, last = max(at - before, 0), at + 1 + after
            context = {
                "PreContext": PSArray(lines[first:at], "System.String"),
                "PostContext": PSArray(lines[at + 1 : last], "System.String"),
                "DisplayPreContext": PSArray(lines[max(first, shown) : at], "System.String"),
                "DisplayPostContext": PSArray(lines[at + 1 : min(last, following)], "System.String"),
            }
            shown = min(last, following)
            made.set("Context", PSObject.of_type("Microsoft.PowerShell.Commands.MatchInfoContext", context))


def _by_place(value: object) -> str:
    """A match as the console shows it."""
    return to_text(bare_value(value))


register_text_view(_MATCH, _by_place)
