"""The roots of the node classes, and going through a tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from harness.twin.shell.ast.declaring import node
from harness.twin.shell.ast.positions import Extent


@node
class Ast:
    """A node of the tree."""

    extent: Extent


@node
class StatementAst(Ast):
    """Anything that stands where a statement is expected."""


@node
class CommandElementAst(Ast):
    """Name, argument or parameter of a command."""


@node
class ExpressionAst(CommandElementAst):
    """Anything with a value; may also be an argument of a command."""


@node
class ErrorStatementAst(StatementAst):
    """A statement that could not be read; only in the tree of a text with errors."""

    nested: tuple[Ast, ...] = ()


@node
class ErrorExpressionAst(ExpressionAst):
    """An expression that could not be read; only in the tree of a text with errors."""

    nested: tuple[Ast, ...] = ()


_NODE_FREE = ("extent", "source", "operator_extent", "name_extent", "requirements", "kind", "operator", "path")


_FIELD_NAMES: dict[type[Ast], tuple[str, ...]] = {}


def _field_names(kind: type[Ast]) -> tuple[str, ...]:
    """The fields of a class of nodes that may hold nodes."""
    names = tuple(column.name for column in fields(kind) if column.name not in _NODE_FREE)
    _FIELD_NAMES[kind] = names
    return names


def children(node: Ast) -> list[Ast]:
    """The direct children of a node, in the order of its fields."""
    found: list[Ast] = []
    kind = type(node)
    for name in _FIELD_NAMES.get(kind) or _field_names(kind):
        value = getattr(node, name)
        if isinstance(value, Ast):
            found.append(value)
        elif type(value) is tuple and value:
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
