"""Programs inside a session: ``hostname``, ``cmd /c …``, and those that the host brings along."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from harness.twin.shell.arguments import NO_VALUE, Argument
from harness.twin.shell.errors import ErrorRecord, Invocation, NetException
from harness.twin.shell.frame import Frame, Streams
from harness.twin.shell.objects import NOTHING
from harness.twin.shell.processors import Processor
from harness.twin.shell.text import to_text

if TYPE_CHECKING:
    from harness.twin.shell.host import ShellHost
    from harness.twin.shell.runspace import Runspace

BUILT_IN: Final = frozenset({"hostname", "cmd", "powershell"})


def plain_name(name: str) -> str:
    """A program's name without path and ``.exe``."""
    return name.rpartition("\\")[2].lower().removesuffix(".exe")


def knows(rs: Runspace, name: str) -> bool:
    """Whether the machine has such a program."""
    low = plain_name(name)
    return low in BUILT_IN or low in rs.host.programs


@contextmanager
def standing_at(host: ShellHost, place: str) -> Iterator[None]:
    """A program starts where the session stands, not where its process began."""
    before = host.location
    setattr(host, "location", place)  # noqa: B010 - read only for the shell, not for the machine
    try:
        yield
    finally:
        setattr(host, "location", before)  # noqa: B010


def _words(arguments: Sequence[Argument]) -> list[str]:
    found: list[str] = []
    for argument in arguments:
        if argument.name is not None:
            found.append(f"-{argument.name}" + ("" if argument.value is NO_VALUE else f":{to_text(argument.value)}"))
        elif isinstance(argument.value, list):
            found.extend(to_text(item) for item in argument.value)
        else:
            found.append(argument.text if argument.text is not None else to_text(argument.value))
    return found


class NativeProcessor(Processor):
    """A program in a pipeline: its lines are objects, its exit code is ``$LASTEXITCODE``."""

    def __init__(
        self, frame: Frame, name: str, arguments: Sequence[Argument], invocation: Invocation, streams: Streams
    ) -> None:
        super().__init__()
        self.frame = frame
        self.name = name
        self.words = [name, *_words(arguments)]
        self.invocation = invocation
        self.streams = streams
        self.lines: list[str] = []

    def process(self, item: object) -> None:
        if item is not NOTHING:
            self.lines.append(to_text(item))

    def end(self) -> None:
        from harness.twin.shell.program import ConsoleProgram

        stdin = io.BytesIO("".join(f"{line}\r\n" for line in self.lines).encode("utf-8"))
        out, err = io.BytesIO(), io.BytesIO()
        host = self.frame.rs.host
        host.charge(plain_name(self.name))
        quoted = " ".join(f'"{word}"' if " " in word or not word else word for word in self.words)
        with standing_at(host, self.frame.rs.location):
            code = ConsoleProgram(host).run(
                quoted, stdin, lambda data: void(out.write(data)), lambda data: void(err.write(data))
            )
        for line in out.getvalue().decode("utf-8", "replace").splitlines():
            self.out(line)
        self._errors(err.getvalue().decode("utf-8", "replace").splitlines())
        self.frame.rs.global_scope.put("LASTEXITCODE", code)
        self.failed = code != 0

    def _errors(self, lines: list[str]) -> None:
        for at, line in enumerate(lines):
            record = ErrorRecord(
                NetException("System.Management.Automation.RemoteException", line),
                "NativeCommandError" if at == 0 else "NativeCommandErrorMessage",
                "NotSpecified",
                line,
                invocation=self.invocation,
            )
            self.streams.error(record)


def void(_value: object) -> None:
    """For writers that count."""


def starter(name: str) -> Any:
    """How to start a program of this name as an element of a pipeline."""

    def start(frame: Frame, arguments: Sequence[Argument], invocation: Invocation, streams: Streams) -> Processor:
        return NativeProcessor(frame, name, arguments, invocation, streams)

    return start
