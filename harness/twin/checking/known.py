"""What the simulated machines know: commands with their parameters, aliases, programs."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

from harness.twin.cmdlets import node_commands
from harness.twin.cmdlets.guest import guest_commands
from harness.twin.cmdlets.guest.power import PROGRAMS
from harness.twin.cmdlets.programs import node_programs
from harness.twin.shell.commands.api import CommandDeclaration, CommandTable
from harness.twin.shell.native import BUILT_IN, plain_name

NODES: Final = "nodes"
GUESTS: Final = "guests"
EVERYWHERE: Final = (NODES, GUESTS)
PROGRAM: Final = "program"
"""Stands for the module of a program."""
_ALIAS_STEPS: Final = 8

Where = tuple[str, ...]
"""Kinds of machines that count: ``nodes``, ``guests`` or both."""


@dataclass(frozen=True, slots=True)
class CommandRow:
    """One command as a machine has it; `where` is ``nodes``, ``guests`` or both.  Programs have no parameters."""

    name: str
    module: str
    parameters: tuple[str, ...]
    where: str


@cache
def tables() -> dict[str, CommandTable]:
    """The commands of nodes and of guests."""
    return {NODES: node_commands(), GUESTS: guest_commands()}


@cache
def programs() -> dict[str, frozenset[str]]:
    """The programs of nodes and of guests, in lower case without ``.exe``."""
    return {NODES: BUILT_IN | set(node_programs(None)), GUESTS: BUILT_IN | set(PROGRAMS)}


def find_declarations(name: str, where: Where = EVERYWHERE) -> list[CommandDeclaration]:
    """What a command's name or alias stands for, on nodes and on guests; none for a program or an unknown name."""
    found = []
    for kind in where:
        declaration = _declared(tables()[kind], name)
        if declaration is not None and declaration not in found:
            found.append(declaration)
    return found


def _declared(table: CommandTable, name: str) -> CommandDeclaration | None:
    for _ in range(_ALIAS_STEPS):
        alias = table.find_alias(name)
        if alias is None:
            break
        name = alias
    found = table.find(name)
    if found is None and "\\" in name:
        module, _, short = name.partition("\\")
        found = table.find(short)
        if found is not None and found.module.lower() != module.lower():
            found = None
    if found is None and "-" not in name:
        found = table.find(f"get-{name}")
    return found


def is_program(name: str, where: Where = EVERYWHERE) -> bool:
    """Whether some machine has a program of this name, with or without path and ``.exe``."""
    return any(plain_name(name) in programs()[kind] for kind in where)


@cache
def known_names(where: Where = EVERYWHERE) -> dict[str, str]:
    """Every name that can be typed as a command, in lower case, with its usual spelling."""
    found: dict[str, str] = {}
    for kind in where:
        table = tables()[kind]
        found |= {alias: alias for alias in table.all_aliases() if find_declarations(alias, where)}
        found |= {command.name.lower(): command.name for command in table.all_commands()}
        found |= {name: name for name in programs()[kind]}
    return found


def nearest(word: str, names: Iterable[str]) -> str:
    """The name that was probably meant, empty when none is near; upper and lower case are the same."""
    spelling = {name.lower(): name for name in names}
    found = difflib.get_close_matches(word.lower(), sorted(spelling), n=1, cutoff=0.75)
    return spelling[found[0]] if found else ""


def all_commands() -> list[CommandRow]:
    """Every command and program by name; two rows where nodes and guests have different ones of a name."""
    rows: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for where, table in tables().items():
        for command in table.all_commands():
            parameters = tuple(dict.fromkeys(parameter.name for parameter in command.parameters))
            if command.should_process:
                parameters += ("WhatIf", "Confirm")
            rows.setdefault((command.name, command.module, parameters), []).append(where)
        for name in programs()[where]:
            rows.setdefault((name, PROGRAM, ()), []).append(where)
    made = [CommandRow(*key, ", ".join(where)) for key, where in rows.items()]
    return sorted(made, key=lambda row: (row.name.lower(), row.where))


def is_known(name: str) -> bool:
    """Whether some machine knows a command, an alias or a program of this name."""
    return bool(find_declarations(name)) or is_program(name)
