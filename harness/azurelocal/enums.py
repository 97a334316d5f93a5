"""Enumerations as PowerShell prints them: numbers in JSON, names in text.  Both are accepted everywhere ([C] WAC)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from harness.measure.update_states import RUN_STATES, UPDATE_STATES
from harness.transports.replies import Json, as_text
from harness.values import EnumValue

NODE_STATES: Final[Mapping[int, str]] = {-1: "Unknown", 0: "Up", 1: "Down", 2: "Paused", 3: "Joining"}
"""CLUSTER_NODE_STATE ([D] W32)."""
DRAIN_STATES: Final[Mapping[int, str]] = {0: "NotInitiated", 1: "InProgress", 2: "Completed", 3: "Failed"}
"""DrainStatus of a cluster node ([D] W32)."""
GROUP_STATES: Final[Mapping[int, str]] = {
    -1: "Unknown",
    0: "Online",
    1: "Offline",
    2: "Failed",
    3: "PartialOnline",
    4: "Pending",
}
"""CLUSTER_GROUP_STATE ([D] W32)."""
UNNUMBERED: Final[Mapping[int, str]] = {}
"""For enumerations whose numbers are not published (environment state, health state)."""

__all__ = [
    "DRAIN_STATES",
    "GROUP_STATES",
    "NODE_STATES",
    "RUN_STATES",
    "UNNUMBERED",
    "UPDATE_STATES",
    "read_enum",
    "read_enum_or_none",
]


def read_enum(value: Json, names: Mapping[int, str]) -> EnumValue:
    """`value`, a number or a name, with its counterpart from `names` where known.

    An unknown number becomes its own name; an unknown name has no number.
    """
    text = as_text(value).strip()
    if text.lstrip("-").isdecimal():
        number = int(text)
        return EnumValue(names.get(number, text), number)
    for number, name in names.items():
        if name.lower() == text.lower():
            return EnumValue(name, number)
    return EnumValue(text, None)


def read_enum_or_none(value: Json, names: Mapping[int, str]) -> EnumValue | None:
    """Like `read_enum`; None for null and for an empty text."""
    return read_enum(value, names) if as_text(value).strip() else None
