"""What the tests run behind a WinRM shell: a backend whose commands do simple, visible things."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable

from harness.twin.wire.port import CommandSpec, OutputSink, Process, ProgramNotFoundError

KILLED = -1073741510
"""Exit code of a process ended by a signal (0xC000013A)."""


class ScriptedProcess:
    """Keeps its input; ends when told so. `cat` echoes input when it is closed, other programs ignore it."""

    def __init__(self, spec: CommandSpec, sink: OutputSink) -> None:
        self.spec = spec
        self.sink = sink
        self.received = bytearray()
        self.signals: list[str] = []

    def stdin(self, data: bytes, end: bool) -> None:
        self.received += data
        if end and self.spec.command_line.startswith("cat"):
            self.sink.stdout(bytes(self.received))
            self.sink.exit(0)

    def signal(self, code: str) -> None:
        self.signals.append(code)
        self.sink.exit(KILLED)


class ScriptedBackend:
    """Understands: `echo TEXT`, `fail CODE`, `cat`, `wait` (runs until told), `powershell -encodedcommand BASE64`."""

    def __init__(self) -> None:
        self.processes: list[ScriptedProcess] = []
        self.closed_shells: list[str] = []
        self.programs: dict[str, Callable[[OutputSink], None]] = {}
        self.started = threading.Event()

    @property
    def last(self) -> ScriptedProcess:
        return self.processes[-1]

    def start(self, command: CommandSpec, sink: OutputSink) -> Process:
        if command.skip_cmd_shell and command.command_line.startswith("missing"):
            raise ProgramNotFoundError(command.command_line)
        process = ScriptedProcess(command, sink)
        self.processes.append(process)
        program, _, rest = command.command_line.partition(" ")
        if program in self.programs:
            self.programs[program](sink)
        elif program == "echo":
            sink.stdout(f"{rest}\r\n".encode())
            sink.exit(0)
        elif program == "fail":
            sink.stderr(b"it failed\r\n")
            sink.exit(int(rest))
        elif program == "powershell":
            script = base64.b64decode(rest.split()[-1]).decode("utf-16-le")
            sink.stdout(f"ran: {script}\r\n".encode())
            sink.exit(0)
        self.started.set()
        return process

    def shell_closed(self, shell_id: str) -> None:
        self.closed_shells.append(shell_id)
