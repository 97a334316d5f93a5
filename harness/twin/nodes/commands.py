"""The shells of a node whose programs run elsewhere: what the wire's `Backend` hears goes to the brain, and back."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from harness.twin.nodes.protocol import Link, to_bytes, to_text
from harness.twin.wire.port import CommandSpec, OutputSink, ShellSpec

FAILED: Final = 1
"""Exit code of a program whose brain is gone."""


class FarProcess:
    """A program that runs in the brain."""

    def __init__(self, commands: FarCommands, number: int) -> None:
        self._commands = commands
        self._number = number

    def stdin(self, data: bytes, end: bool) -> None:
        """See the wire's Process."""
        self._commands.say("stdin", command=self._number, data=to_text(data), end=end)

    def signal(self, code: str) -> None:
        """See the wire's Process."""
        self._commands.say("signal", command=self._number, code=code)


class FarCommands:
    """Implements the wire's `Backend`.  Without a brain every program ends at once."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._numbers = itertools.count(1)
        self._sinks: dict[int, OutputSink] = {}
        self._link: Link | None = None

    def start(self, command: CommandSpec, sink: OutputSink) -> FarProcess:
        """See the wire's Backend."""
        with self._guard:
            number, link = next(self._numbers), self._link
            if link is not None:
                self._sinks[number] = sink
        if link is None:
            sink.exit(FAILED)
        else:
            link.send("start", command=number, spec=plain_command(command))
        return FarProcess(self, number)

    def shell_closed(self, shell_id: str) -> None:
        """See the wire's Backend."""
        self.say("closed", shell_id=shell_id)

    def say(self, kind: str, **content: object) -> None:
        """Tell the brain, if there is one."""
        if (link := self._link) is not None:
            link.send(kind, **content)

    def attach(self, link: Link | None) -> None:
        """The brain is there, or gone: then programs end, since nobody is left to say what they do."""
        with self._guard:
            self._link = link
            left = list(self._sinks.values())
            self._sinks.clear()
        for sink in left:
            sink.exit(FAILED)

    def hear(self, message: Mapping[str, Any]) -> bool:
        """What the brain says of a program; False when the message is about something else."""
        kind = message["type"]
        if kind not in ("stdout", "stderr", "exit"):
            return False
        sink = self._sinks.get(message["command"])
        if sink is None:
            return True
        if kind == "exit":
            del self._sinks[message["command"]]
            sink.exit(message["code"])
        elif kind == "stdout":
            sink.stdout(to_bytes(message["data"]))
        else:
            sink.stderr(to_bytes(message["data"]))
        return True


class FarSink:
    """The brain's end of a program's output: implements the wire's `OutputSink`."""

    def __init__(self, link: Link, number: int) -> None:
        self._link = link
        self._number = number
        self.ended = False

    def stdout(self, data: bytes) -> None:
        """See the wire's OutputSink."""
        self._link.send("stdout", command=self._number, data=to_text(data))

    def stderr(self, data: bytes) -> None:
        """See the wire's OutputSink."""
        self._link.send("stderr", command=self._number, data=to_text(data))

    def exit(self, code: int) -> None:
        """See the wire's OutputSink."""
        self.ended = True
        self._link.send("exit", command=self._number, code=code)


def plain_command(command: CommandSpec) -> dict[str, Any]:
    """A command as a part of a message."""
    return asdict(command)


def command_from(plain: Mapping[str, Any]) -> CommandSpec:
    """The command that `plain_command` wrote."""
    return CommandSpec(**{**plain, "shell": ShellSpec(**plain["shell"])})
