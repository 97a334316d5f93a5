"""The parser of Windows PowerShell 5.1: ``parse(text)`` gives a tree and the errors.

Layers, each a module: ``characters`` → ``cursor`` → ``strings`` → ``number_scanner`` → ``scanner`` make tokens;
``core`` → ``type_names`` → ``primaries`` → ``expressions`` → ``commands`` → ``loops`` → ``blocks`` → ``definitions`` →
``statements`` are the grammar, one class on top of the other; ``semantics`` with ``targets``, ``classes``,
``constants``, ``data_section`` and ``exceptions`` check the finished tree.

The rules, the order of errors and the recovery after one follow PowerShell's published source of 2016, the line that
5.1 comes from ([D] PowerShell, engine/parser), and were compared with recordings of a real engine
(``tests/data/pwsh-cases``).
What only a running Windows knows is not checked: whether a type of a class member exists, whether the module or
assembly of a ``using`` exists, the resources of a ``configuration``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from harness.twin.shell.ast import Extent, NamedBlockAst, ScriptBlockAst, SourceText
from harness.twin.shell.parser.errors import ErrorLog, ParseError
from harness.twin.shell.parser.requires import read_requirements
from harness.twin.shell.parser.semantics import TreeCheck
from harness.twin.shell.parser.statements import StatementParser

__all__ = ["ParseError", "ParseResult", "parse"]

_CACHED_TEXTS = 512


@dataclass(frozen=True, slots=True)
class ParseResult:
    """What was read: a tree (with holes after errors) and the errors in the order in which they were found."""

    script: ScriptBlockAst
    errors: tuple[ParseError, ...]

    @property
    def source(self) -> SourceText:
        """The text that was parsed."""
        return self.script.source


@lru_cache(maxsize=_CACHED_TEXTS)
def parse(text: str, file: str = "") -> ParseResult:
    """Parse a script, that of a file when its path is given.

    Never raises: a text nested too deeply gives the error ``ScriptTooComplicated``.

    Results are cached by text; the tree is immutable, so sharing it is safe.
    """
    parser = StatementParser(text, file)
    try:
        script = _read_script(parser)
    except RecursionError:
        return _too_complicated(parser.source)
    return ParseResult(script, tuple(parser.log.errors))


def _read_script(parser: StatementParser) -> ScriptBlockAst:
    script = parser.script_block(None)
    requirements = read_requirements(parser, parser.command)
    for extent, error_id, argument in parser.late_errors:
        parser.error(extent, error_id, argument)
    TreeCheck(parser.log).visit(script)
    if requirements is None:
        return script
    return ScriptBlockAst(
        script.extent,
        script.source,
        script.param_block,
        script.using_statements,
        script.dynamic_param_block,
        script.begin_block,
        script.process_block,
        script.end_block,
        script.attributes,
        requirements,
        body=script.body,
    )


def _too_complicated(source: SourceText) -> ParseResult:
    log = ErrorLog(source)
    whole = Extent(0, len(source.text))
    log.report(whole, "ScriptTooComplicated")
    end_block = NamedBlockAst(Extent(0, 0), "end", (), unnamed=True)
    return ParseResult(ScriptBlockAst(whole, source, end_block=end_block), tuple(log.errors))
