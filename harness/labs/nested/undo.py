"""The record from which any process can take a fault back: plain JSON, written before the fault is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from harness.errors import FaultError

FAULT: Final = "fault"
"""What the step of a fault is called in the step journal."""


@dataclass(frozen=True, slots=True)
class Undo:
    """How to take a primitive back: its name, the machine, and what the undoing must know.

    `cause` is the cause for which it was done (`outside`), empty when it was done for itself; undoing needs it not.
    """

    primitive: str
    machine: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    cause: str = ""

    def plain(self) -> dict[str, Any]:
        """As plain data for a journal; a record without a cause is as it was before there were causes."""
        plain = {"primitive": self.primitive, "machine": self.machine, "parameters": dict(self.parameters)}
        return {**plain, "cause": self.cause} if self.cause else plain

    def is_same_deed(self, other: Undo) -> bool:
        """Whether both are about one and the same thing done to a machine, for whatever cause."""
        return replace(self, cause="") == replace(other, cause="")

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> Undo:
        """Back from plain data.  Raises FaultError when it is no such record."""
        try:
            parameters, cause = dict(plain["parameters"]), str(plain.get("cause", ""))
            return cls(str(plain["primitive"]), str(plain["machine"]), parameters, cause)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FaultError(
                f"this is no record of a fault of a nested lab: {plain!r}", hint="take it from the journal as it is"
            ) from error
