"""What scripts define themselves: functions, aliases, classes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from harness.twin.checking.known import find_declarations
from harness.twin.shell.ast import (
    AssignmentStatementAst,
    Ast,
    CommandAst,
    CommandParameterAst,
    ConfigurationDefinitionAst,
    FunctionDefinitionAst,
    StringConstantExpressionAst,
    TypeDefinitionAst,
    VariableExpressionAst,
    walk,
)

_SCOPES: Final = ("global", "script", "local", "private", "function")
_ALIAS_MAKERS: Final = ("Set-Alias", "New-Alias")


@dataclass(slots=True)
class Definitions:
    """Names of commands and types in lower case."""

    commands: dict[str, str] = field(default_factory=dict)
    """With their spelling."""
    types: set[str] = field(default_factory=set)

    def read(self, trees: Iterable[Ast]) -> Definitions:
        """Add what is defined anywhere in the trees."""
        for tree in trees:
            for node in walk(tree):
                self._read(node)
        return self

    def _read(self, node: Ast) -> None:
        if isinstance(node, FunctionDefinitionAst):
            self._command(_unscoped(node.name))
        elif isinstance(node, TypeDefinitionAst):
            self.types.add(node.name.lower())
        elif isinstance(node, ConfigurationDefinitionAst):
            if isinstance(node.name, StringConstantExpressionAst):
                self._command(node.name.value)
        elif isinstance(node, AssignmentStatementAst):
            if isinstance(node.left, VariableExpressionAst) and node.left.path.drive == "function":
                self._command(_unscoped(node.left.path.name))
        elif isinstance(node, CommandAst):
            self._command(_alias_made(node))

    def _command(self, name: str) -> None:
        if name:
            self.commands[name.lower()] = name


def _unscoped(name: str) -> str:
    scope, _, rest = name.rpartition(":")
    return rest if scope.lower() in _SCOPES else name


def _alias_made(node: CommandAst) -> str:
    """The alias that a command makes by a literal name; empty for any other command."""
    name = node.command_name
    if name is None or not any(found.name in _ALIAS_MAKERS for found in find_declarations(name)):
        return ""
    elements = list(node.elements[1:])
    for at, element in enumerate(elements):
        if isinstance(element, CommandParameterAst) and "name".startswith(element.name.lower()):
            following = elements[at + 1] if at + 1 < len(elements) else None
            return _text(element.argument or following)
    return _text(elements[0]) if elements else ""


def _text(node: Ast | None) -> str:
    return node.value if isinstance(node, StringConstantExpressionAst) else ""
