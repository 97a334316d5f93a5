"""Commands and parameters that no simulated machine knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.checking.definitions import Definitions
from harness.twin.checking.findings import Finding, FindingKind, finding_at
from harness.twin.checking.known import (
    EVERYWHERE,
    GUESTS,
    NODES,
    Where,
    find_declarations,
    is_known,
    is_program,
    known_names,
    nearest,
)
from harness.twin.shell.arguments import NO_VALUE, Argument, BindingErrors
from harness.twin.shell.ast import CommandAst, CommandParameterAst, InvocationOperator, ScriptBlockAst, walk
from harness.twin.shell.commands.api import CommandDeclaration
from harness.twin.shell.errors import PSError
from harness.twin.shell.processors import declared_signature

_KINDS: Final = {EVERYWHERE: "machine", (NODES,): "node", (GUESTS,): "guest"}


def command_findings(tree: ScriptBlockAst, own: Definitions, where: Where) -> Iterator[Finding]:
    """Findings about every command whose name is written out; what `&` and `.` call is not guessed."""
    for node in walk(tree):
        if isinstance(node, CommandAst) and node.invocation is InvocationOperator.NONE:
            name = node.command_name
            if name and name.lower() not in own.commands:
                yield from _command(tree, node, name, own, where)


def _command(tree: ScriptBlockAst, node: CommandAst, name: str, own: Definitions, where: Where) -> Iterator[Finding]:
    declarations = find_declarations(name, where)
    if declarations:
        for element in node.elements[1:]:
            if isinstance(element, CommandParameterAst):
                yield from _parameter(tree, element, declarations)
    elif not is_program(name, where):
        elsewhere = where != EVERYWHERE and is_known(name)
        meant = "" if elsewhere else nearest(name, [*known_names(where).values(), *own.commands.values()])
        text = f"no simulated {_KINDS[where]} knows the command '{name}'"
        if elsewhere:
            text += f", {GUESTS if where == (NODES,) else NODES} do"
        yield finding_at(tree.source, node.elements[0].extent, FindingKind.COMMAND, name, text, meant)


def _parameter(
    tree: ScriptBlockAst, element: CommandParameterAst, declarations: list[CommandDeclaration]
) -> Iterator[Finding]:
    if any(_takes(declaration, element.name) for declaration in declarations):
        return
    command = declarations[0].name
    spelling = {
        name: parameter.name for one in declarations for name, parameter in declared_signature(one).by_name.items()
    }
    meant = nearest(element.name, spelling)
    text = f"'{command}' has no parameter '-{element.name}' here"
    suggestion = f"-{spelling[meant]}" if meant else ""
    name = f"{command} -{element.name}"
    yield finding_at(tree.source, element.extent, FindingKind.PARAMETER, name, text, suggestion)


def _takes(declaration: CommandDeclaration, name: str) -> bool:
    """Whether a command takes a parameter of this name or abbreviation."""
    signature = declared_signature(declaration)
    errors = BindingErrors(declaration.name, declaration.class_name, None)
    try:
        found = signature.find(Argument(name, NO_VALUE, None, None), errors)
    except PSError:
        return False  # fits several
    return found is not None or signature.remaining is not None
