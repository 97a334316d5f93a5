"""A command as a value: what to send to a node, and how to read what comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from harness.errors import HarnessError
from harness.transports.replies import Json, Reply, UnreadableReplyError, parse_json_reply, read_documents
from harness.transports.trouble import OverdueError

T_co = TypeVar("T_co", covariant=True)

BETWEEN: Final = "\n# --- next question\n"
"""Stands between the scripts of a round; a comment, for whoever reads the transcript."""


class Question(Protocol[T_co]):
    """What can be asked of a node.  `within_s` bounds the wait for the end of the script, `repeatable` is False for
    what changes the system: sent at most once.  `second_hop` is True for what makes the node ask other machines as the
    same user, which a plain log-on cannot do."""

    @property
    def name(self) -> str: ...
    @property
    def script(self) -> str: ...
    @property
    def repeatable(self) -> bool: ...
    @property
    def within_s(self) -> float: ...
    @property
    def second_hop(self) -> bool: ...

    def read(self, reply: Reply) -> T_co:
        """The value in `reply`.  Raises HarnessError."""

    def read_part(self, overdue: OverdueError) -> T_co:
        """What a script that was stopped had answered until then.  Raises `overdue` where that is nothing."""


@dataclass(frozen=True, slots=True)
class Command(Generic[T_co]):
    """`script` prints one JSON document, `parse` turns it into a value."""

    name: str
    script: str
    parse: Callable[[Json], T_co]
    repeatable: bool = True
    within_s: float = 120.0
    second_hop: bool = False

    def read(self, reply: Reply) -> T_co:
        """The value in `reply`.  Raises PowerShellError, UnreadableReplyError."""
        return self.parse(parse_json_reply(reply))

    def read_part(self, overdue: OverdueError) -> T_co:
        """Half a document is nothing: raises `overdue`."""
        raise overdue


@dataclass(frozen=True, slots=True)
class Round:
    """Several looks in one script and one process, each answered on its own: one that fails leaves the others alone,
    and one that hangs leaves those before it.  Only for commands that are repeatable.

    Starting a process in which PowerShell loads modules takes a node up to a couple of seconds ([W] WinRb 111); a round
    starts one.
    """

    commands: tuple[Command[Any], ...]

    @property
    def name(self) -> str:
        """The names of its parts."""
        return "+".join(command.name for command in self.commands)

    @property
    def script(self) -> str:
        """Its parts' scripts, one below the other."""
        return BETWEEN.join(command.script for command in self.commands)

    @property
    def repeatable(self) -> bool:
        """A look changes nothing."""
        return True

    @property
    def within_s(self) -> float:
        """The longest that a part may take: they share what the process has to load."""
        return max(command.within_s for command in self.commands)

    @property
    def second_hop(self) -> bool:
        """They share one process, and so one log-on."""
        return any(command.second_hop for command in self.commands)

    def read(self, reply: Reply) -> tuple[Any, ...]:
        """A value or a HarnessError for each part.  Raises PowerShellError or UnreadableReplyError when there is not
        even one document."""
        found = read_documents(reply)
        if not found:
            parse_json_reply(reply)
        return self._values(found, UnreadableReplyError("the script ended before it came to this question"))

    def read_part(self, overdue: OverdueError) -> tuple[Any, ...]:
        """As `read`; what was not answered in time is `overdue`."""
        found = read_documents(overdue.so_far)
        if not found:
            raise overdue
        return self._values(found, overdue)

    def _values(self, found: list[Json | HarnessError], missing: HarnessError) -> tuple[Any, ...]:
        contents = [*found, *[missing] * (len(self.commands) - len(found))]
        return tuple(map(_value, self.commands, contents))


def _value(command: Command[Any], content: Json | HarnessError) -> Any:
    if isinstance(content, HarnessError):
        return content
    try:
        return command.parse(content)
    except HarnessError as error:
        return error
