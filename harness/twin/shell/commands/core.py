"""The commands that every machine has."""

from __future__ import annotations

from harness.twin.shell.commands import (
    aliases,
    converting,
    filtering,
    formatcommands,
    grouping,
    helping,
    htmlcommands,
    jsoncommands,
    making,
    outputs,
    providers,
    randoms,
    running,
    securing,
    selecting,
    serializing,
    sorting,
    surroundings,
    typedata,
    variables,
    xmlcommands,
)
from harness.twin.shell.commands.table import CORE

__all__ = [
    "CORE",
    "aliases",
    "converting",
    "filtering",
    "formatcommands",
    "grouping",
    "helping",
    "htmlcommands",
    "jsoncommands",
    "making",
    "outputs",
    "providers",
    "randoms",
    "running",
    "securing",
    "selecting",
    "serializing",
    "sorting",
    "surroundings",
    "typedata",
    "variables",
    "xmlcommands",
]
