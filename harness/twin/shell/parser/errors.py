"""Parse errors: ids, messages and where they are kept.

Ids and texts are PowerShell's own ([D] PowerShell, ParserStrings of 2016, the line 5.1 comes from).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.twin.shell.ast import Extent, SourceText
from harness.twin.shell.parser.characters import BLANK
from harness.twin.shell.parser.messages import MESSAGES

_NOTHING_MORE = re.compile(rf"(?:{BLANK}|#[^\r\n]*|<#(?s:.*?)#>)*\Z")


@dataclass(frozen=True, slots=True)
class ParseError:
    """One error of a text.

    ``line`` and ``column`` count from 1, ``offset`` from 0; ``text`` is the part of the source it points to. When
    ``incomplete``, the text only lacks its end: a prompt would ask for more, and the shown error has no position.
    """

    id: str
    line: int
    column: int
    offset: int
    text: str
    message: str
    incomplete: bool = False


class ErrorLog:
    """Errors in the order in which they were found; the same error at the same place is kept once."""

    def __init__(self, source: SourceText) -> None:
        self._source = source
        self._seen: set[tuple[str, Extent]] = set()
        self.errors: list[ParseError] = []

    def report(self, extent: Extent, error_id: str, *arguments: str, incomplete: bool = False) -> None:
        """Add an error; ``arguments`` fill the message's places."""
        if (error_id, extent) in self._seen:
            return
        self._seen.add((error_id, extent))
        position = self._source.position(extent.start)
        message = MESSAGES[error_id].format(*arguments) if arguments else MESSAGES[error_id]
        text = self._source.slice(extent)
        self.errors.append(
            ParseError(error_id, position.line, position.column, extent.start, text, message, incomplete)
        )

    def report_open(self, extent: Extent, error_id: str, *arguments: str, detected: Extent | None = None) -> bool:
        """Add an error that may come from a text cut short; returns whether nothing follows where it was detected."""
        incomplete = self._nothing_follows((detected or extent).end)
        self.report(extent, error_id, *arguments, incomplete=incomplete)
        return incomplete

    def _nothing_follows(self, offset: int) -> bool:
        text = self._source.text
        return offset >= len(text) or _NOTHING_MORE.match(text, offset) is not None
