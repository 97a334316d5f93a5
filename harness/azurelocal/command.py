"""A command as a value: what to send to a node, and how to read what comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from harness.transports.replies import Json, Reply, parse_json_reply

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Command(Generic[T_co]):
    """`script` prints one JSON document, `parse` turns it into a value.

    `repeatable` is False for what changes the system: sent at most once.  `within_s` bounds the wait for its end.
    """

    name: str
    script: str
    parse: Callable[[Json], T_co]
    repeatable: bool = True
    within_s: float = 120.0

    def read(self, reply: Reply) -> T_co:
        """The value in `reply`.  Raises PowerShellError, UnreadableReplyError."""
        return self.parse(parse_json_reply(reply))
