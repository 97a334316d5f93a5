"""What commands cost in lab time, and how long their clients wait: ``fixtures/catalogs/commands.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml

from harness.twin.model.calibration import Duration
from harness.twin.model.catalog import default_directory
from harness.twin.units import NS_PER_S

_FILE: Final = "commands.yaml"


class CostError(ValueError):
    """``commands.yaml`` does not say what it must: the message names the entry; correct it there."""


@dataclass(frozen=True, slots=True)
class CommandCosts:
    """The data file, read."""

    families: Mapping[str, Duration]
    commands: Mapping[str, Duration]
    waits: Mapping[str, Duration]

    def of(self, command: str) -> Duration:
        """What one call of *command* costs: its own entry, else the last family whose pattern matches."""
        low = command.lower()
        own = self.commands.get(low)
        if own is not None:
            return own
        matching = [cost for pattern, cost in self.families.items() if fnmatchcase(low, pattern)]
        if not matching:
            raise CostError(f"{_FILE}: no family matches the command '{command}'; expected one with the pattern '*'")
        return matching[-1]

    def wait_s(self, name: str) -> float:
        """A wait in seconds.  Raises CostError for a name that the file does not have."""
        if name not in self.waits:
            raise CostError(f"{_FILE}: the wait '{name}' is missing; it has {', '.join(self.waits)}")
        return self.waits[name].ns / NS_PER_S


@lru_cache(maxsize=4)
def load_costs(directory: Path | None = None) -> CommandCosts:
    """Read and check the data file.  Raises CostError, CalibrationError."""
    text = ((directory or default_directory()) / _FILE).read_text(encoding="utf-8")
    document = yaml.safe_load(text)
    if not isinstance(document, Mapping) or document.get("schema") != 1:
        raise CostError(f"{_FILE}: expected a mapping with schema: 1")
    return CommandCosts(*(_section(document, name) for name in ("families", "commands", "waits")))


def _section(document: Mapping[str, Any], name: str) -> dict[str, Duration]:
    entries = document.get(name)
    if not isinstance(entries, Mapping):
        raise CostError(f"{_FILE}: the section '{name}' is missing")
    return {str(key).lower(): Duration.read(f"{name}.{key}", entry) for key, entry in entries.items()}


@lru_cache(maxsize=512)
def command_cost_ns(name: str) -> int:
    """Lab time of one call of a command, in nanoseconds."""
    return load_costs().of(name).ns
