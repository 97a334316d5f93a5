"""Everything that can be said of scripts before they run."""

from __future__ import annotations

from collections.abc import Sequence

from harness.twin.checking.commands import command_findings
from harness.twin.checking.constructs import construct_findings
from harness.twin.checking.definitions import Definitions
from harness.twin.checking.findings import Finding, FindingKind
from harness.twin.checking.known import EVERYWHERE, Where
from harness.twin.shell.parser import ParseResult, parse


def check_scripts(texts: Sequence[str], where: Where = EVERYWHERE) -> list[list[Finding]]:
    """The findings of each text, in the order of their places, about the kinds of machines `where`.

    The texts belong together, as the blocks of a guide do: what one defines, the others know.  Of a text with parse
    errors nothing else is said: PowerShell would run no line of it.
    """
    results = [parse(text) for text in texts]
    own = Definitions().read(result.script for result in results if not result.errors)
    return [sorted(_findings(result, own, where), key=lambda one: (one.line, one.column)) for result in results]


def _findings(result: ParseResult, own: Definitions, where: Where) -> list[Finding]:
    if result.errors:
        return [
            Finding(FindingKind.PARSE_ERROR, error.id, error.line, error.column, error.message)
            for error in result.errors
        ]
    tree = result.script
    return list(dict.fromkeys([*command_findings(tree, own, where), *construct_findings(tree, own)]))
