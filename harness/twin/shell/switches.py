"""``[switch]``: what a switch parameter of a function holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Switch:
    """On or off; true and false to every condition."""

    present: bool

    def __bool__(self) -> bool:
        return self.present

    def __str__(self) -> str:
        return "True" if self.present else "False"
