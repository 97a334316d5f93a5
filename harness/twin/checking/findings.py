"""What is found in a script."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.twin.shell.ast import Extent, SourceText


class FindingKind(StrEnum):
    """What a finding is about."""

    PARSE_ERROR = "parse-error"
    """PowerShell rejects the text, on every machine."""
    COMMAND = "unknown-command"
    PARAMETER = "unknown-parameter"
    UNSUPPORTED = "unsupported"
    """The shell of the simulated machines cannot do this."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding; line and column count from 1.

    `name` is the id of a parse error, the command, ``Command -Parameter``, or the construct; `suggestion` is what was
    probably meant, empty when nothing is near.
    """

    kind: FindingKind
    name: str
    line: int
    column: int
    message: str
    suggestion: str = ""


def finding_at(
    source: SourceText, extent: Extent, kind: FindingKind, name: str, message: str, suggestion: str = ""
) -> Finding:
    """A finding at a part of a text."""
    place = source.position(extent.start)
    return Finding(kind, name, place.line, place.column, message, suggestion)
