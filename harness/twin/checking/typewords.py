"""Types that a command names in words: ``New-Object System.Net.WebClient``."""

from __future__ import annotations

from harness.twin.checking.known import find_declarations
from harness.twin.shell.ast import (
    Ast,
    CommandAst,
    CommandParameterAst,
    PipelineAst,
    StringConstantExpressionAst,
    TypeExpressionAst,
    TypeNameAst,
)
from harness.twin.shell.parser import parse

_PARAMETER = "typename"


def type_word(node: CommandAst) -> tuple[str, TypeNameAst | None]:
    """The type that ``New-Object`` is given literally, as written and as read; empty for any other command."""
    name = node.command_name
    if name is None or not any(found.name == "New-Object" for found in find_declarations(name)):
        return "", None
    written = _literal(node)
    return (written, _read(written)) if written else ("", None)


def _literal(node: CommandAst) -> str:
    elements = node.elements[1:]
    for at, element in enumerate(elements):
        if isinstance(element, CommandParameterAst):
            if element.name and _PARAMETER.startswith(element.name.lower()):
                return _text(element.argument or (elements[at + 1] if at + 1 < len(elements) else None))
            return ""  # other parameters first: what is positional is not guessed
        return _text(element)
    return ""


def _text(node: Ast | None) -> str:
    return node.value if isinstance(node, StringConstantExpressionAst) else ""


def _read(written: str) -> TypeNameAst | None:
    body = parse(f"[{written}]").script.end_block
    statement = body.statements[0] if body is not None and body.statements else None
    pure = statement.pure_expression if isinstance(statement, PipelineAst) else None
    return pure.type_name if isinstance(pure, TypeExpressionAst) else None
