"""The record from which any process can take a fault back: plain JSON, written before the fault is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from harness.errors import FaultError

FAULT: Final = "fault"
"""What the step of a fault is called in the step journal."""


@dataclass(frozen=True, slots=True)
class Undo:
    """How to take a primitive back: its name, the machine, and what the undoing must know."""

    primitive: str
    machine: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """As plain data for a journal."""
        return {"primitive": self.primitive, "machine": self.machine, "parameters": dict(self.parameters)}

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> Undo:
        """Back from plain data.  Raises FaultError when it is no such record."""
        try:
            return cls(str(plain["primitive"]), str(plain["machine"]), dict(plain["parameters"]))
        except (KeyError, TypeError, ValueError) as error:
            raise FaultError(
                f"this is no record of a fault of a nested lab: {plain!r}", hint="take it from the journal as it is"
            ) from error
