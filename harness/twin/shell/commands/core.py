"""The commands that every machine has."""

from __future__ import annotations

from harness.twin.shell.commands import (
    aliases,
    converting,
    filtering,
    formatcommands,
    grouping,
    jsoncommands,
    making,
    outputs,
    providers,
    running,
    selecting,
    serializing,
    sorting,
    typedata,
    variables,
)
from harness.twin.shell.commands.table import CORE

__all__ = [
    "CORE",
    "aliases",
    "converting",
    "filtering",
    "formatcommands",
    "grouping",
    "jsoncommands",
    "making",
    "outputs",
    "providers",
    "running",
    "selecting",
    "serializing",
    "sorting",
    "typedata",
    "variables",
]
