"""The roots of the node classes, and going through a tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from harness.twin.shell.ast.positions import Extent


@dataclass(frozen=True, slots=True, eq=False)
class Ast:
    """A node of the tree."""

    extent: Extent


@dataclass(frozen=True, slots=True, eq=False)
class StatementAst(Ast):
    """Anything that stands where a statement is expected."""


@dataclass(frozen=True, slots=True, eq=False)
class CommandElementAst(Ast):
    """Name, argument or parameter of a command."""


@dataclass(frozen=True, slots=True, eq=False)
class ExpressionAst(CommandElementAst):
    """Anything with a value; may also be an argument of a command."""


@dataclass(frozen=True, slots=True, eq=False)
class ErrorStatementAst(StatementAst):
    """A statement that could not be read; only in the tree of a text with errors."""

    nested: tuple[Ast, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class ErrorExpressionAst(ExpressionAst):
    """An expression that could not be read; only in the tree of a text with errors."""

    nested: tuple[Ast, ...] = ()


_NODE_FREE = ("extent", "source", "operator_extent", "name_extent", "requirements", "kind", "operator", "path")


_FIELD_NAMES: dict[str, tuple[str, ...]] = {}


def _field_names(node: Ast) -> tuple[str, ...]:
    """The fields of a node that may hold nodes; looked up once for each class."""
    kind = type(node).__name__
    names = _FIELD_NAMES.get(kind)
    if names is None:
        names = tuple(column.name for column in fields(node) if column.name not in _NODE_FREE)
        _FIELD_NAMES[kind] = names
    return names


def children(node: Ast) -> list[Ast]:
    """The direct children of a node, in the order of its fields."""
    found: list[Ast] = []
    for name in _field_names(node):
        value = getattr(node, name)
        if isinstance(value, Ast):
            found.append(value)
        elif type(value) is tuple:
            _add_nodes(value, found)
    return found


def _add_nodes(values: tuple[object, ...], found: list[Ast]) -> None:
    for value in values:
        if isinstance(value, Ast):
            found.append(value)
        elif type(value) is tuple:
            _add_nodes(value, found)


def walk(node: Ast) -> Iterator[Ast]:
    """The node and all nodes below it, parents first."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        pending.extend(reversed(children(current)))
