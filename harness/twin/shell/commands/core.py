"""The commands that every machine has."""

from __future__ import annotations

from harness.twin.shell.commands import (
    aliases,
    converting,
    filtering,
    formatcommands,
    grouping,
    jsoncommands,
    locations,
    making,
    outputs,
    providers,
    running,
    selecting,
    sorting,
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
    "locations",
    "making",
    "outputs",
    "providers",
    "running",
    "selecting",
    "sorting",
    "variables",
]
