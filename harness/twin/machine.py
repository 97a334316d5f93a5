"""One node of the simulated lab as its shell and its WinRM service see it."""

from __future__ import annotations

import threading
from collections.abc import Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from harness.twin.cmdlets.costs import command_cost_ns
from harness.twin.engine import LabEngine
from harness.twin.model import ClusterModel
from harness.twin.model.entities import Node
from harness.twin.shell.commands.api import CommandTable
from harness.twin.shell.program import ConsoleProgram
from harness.twin.wire.port import CommandSpec, OutputSink

_UNIT_NS = 1000


@dataclass(slots=True)
class Plant:
    """The model that is there now; a baseline replaces it under the feet of everybody who holds the plant."""

    model: ClusterModel


@dataclass(slots=True)
class NodeMachine:
    """Implements the shell's host for one node."""

    computer_name: str
    plant: Plant
    engine: LabEngine
    commands: CommandTable
    environment: MutableMapping[str, str] = field(default_factory=dict)
    culture: str = "en-US"

    @property
    def model(self) -> ClusterModel:
        """The cluster."""
        return self.plant.model

    @property
    def node(self) -> Node:
        """This node's state."""
        return self.plant.model.nodes[self.computer_name]

    def now(self) -> datetime:
        """Lab time in UTC."""
        return self.model.spec.epoch + timedelta(microseconds=self.engine.now_ns // _UNIT_NS)

    def wait(self, seconds: float, ready: Callable[[], bool] | None = None) -> bool:
        """Let lab time pass for a running command."""
        return self.engine.wait(seconds, ready)

    def charge(self, command: str) -> None:
        """The command costs lab time, as calibrated."""
        self.engine.charge(command_cost_ns(command))


class NodeBackend:
    """What runs behind the shells of one node: console programs, each in a thread, one computing at a time."""

    def __init__(self, machine: NodeMachine, threads: ThreadPoolExecutor) -> None:
        self._machine = machine
        self._threads = threads

    def start(self, command: CommandSpec, sink: OutputSink) -> NodeProcess:
        """Start a command line; returns at once."""
        process = NodeProcess(self._machine, command, sink)
        self._machine.engine.announce()
        self._threads.submit(process.run)
        return process

    def shell_closed(self, shell_id: str) -> None:
        """Nothing of a shell outlives it here: its processes were told to terminate."""


class NodeProcess:
    """A running console program."""

    def __init__(self, machine: NodeMachine, command: CommandSpec, sink: OutputSink) -> None:
        self._machine = machine
        self._command = command
        self._sink = sink
        self._input = InputPipe(machine.engine)
        self._program = ConsoleProgram(machine)

    def run(self) -> None:
        """Run to the end, in a thread of the pool."""
        with self._machine.engine.computing():
            code = self._program.run(
                self._command.command_line, self._input, self._sink.stdout, self._sink.stderr, self._settings()
            )
            # Before the program counts as ended: lab time must not move between its last word and its exit code.
            self._sink.exit(code)

    def _settings(self) -> Any:
        return self._command.shell

    def stdin(self, data: bytes, end: bool) -> None:
        """Input from the client."""
        self._input.feed(data, end)

    def signal(self, code: str) -> None:
        """The client wants it to end."""
        del code
        self._input.feed(b"", end=True)
        self._program.stop()


class InputPipe:
    """Standard input of a program: reading waits for the client, and lets others compute meanwhile."""

    def __init__(self, engine: LabEngine) -> None:
        self._engine = engine
        self._ready = threading.Condition()
        self._buffer = bytearray()
        self._ended = False

    def feed(self, data: bytes, end: bool) -> None:
        """More input, or the end of it."""
        with self._ready:
            self._buffer += data
            self._ended = self._ended or end
            self._ready.notify_all()

    def read(self) -> bytes:
        """All input to its end."""
        with self._engine.outside(), self._ready:
            self._ready.wait_for(lambda: self._ended)
            data, self._buffer = bytes(self._buffer), bytearray()
            return data

    def readline(self) -> bytes:
        """One line with its newline; the rest at the end of input; empty when there is no more."""
        with self._engine.outside(), self._ready:
            self._ready.wait_for(lambda: self._ended or b"\n" in self._buffer)
            line, newline, rest = bytes(self._buffer).partition(b"\n")
            self._buffer = bytearray(rest)
            return line + newline
