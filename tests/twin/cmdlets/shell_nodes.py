"""A node's shell without console and wire: scripts in, objects out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from harness.transports.replies import Json, Reply, parse_json_reply
from harness.twin.cmdlets import node_commands
from harness.twin.cmdlets.costs import command_cost_ns
from harness.twin.cmdlets.filechanges import write_redirected
from harness.twin.cmdlets.netfiles import NodeStorage
from harness.twin.cmdlets.netpeers import NodePeers
from harness.twin.cmdlets.programs import node_programs
from harness.twin.model import ClusterModel, ModelSpec
from harness.twin.model.entities import Node
from harness.twin.shell.commands.api import CommandTable
from harness.twin.shell.errors import ErrorRecord, ExitSignal, PipelineStopped, PSError
from harness.twin.shell.formatting import render
from harness.twin.shell.host import Program
from harness.twin.shell.objects import PSObject
from harness.twin.shell.records import MessageRecord
from harness.twin.shell.shell import Runspace, parse, run_tree
from harness.twin.shell.text import to_text

UPDATE = "redmond/Solution12.2510.1002.94"
S = 1_000_000_000
HOUR = 3600 * S
COMMANDS = node_commands()


@dataclass
class ShellNode:
    """One node of a model, as its shell sees it: implements ShellHost and what domain cmdlets need beyond it."""

    model: ClusterModel
    computer_name: str = "NODE01"
    commands: CommandTable = COMMANDS
    environment: dict[str, str] = field(default_factory=dict)
    culture: str = "en-US"
    location: str = "C:\\Users\\hil"
    delegated: bool = False
    boot: int | None = None
    charged: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def programs(self) -> Mapping[str, Program]:
        return node_programs(self)

    @property
    def os_version(self) -> str:
        return self.node.os_build.version

    @property
    def node(self) -> Node:
        return self.model.nodes[self.computer_name]

    @property
    def variables(self) -> Mapping[str, str]:
        return self.node.variables

    @property
    def storage(self) -> NodeStorage:
        return NodeStorage(self.node.files)

    @property
    def peers(self) -> NodePeers:
        return NodePeers(self)

    def now(self) -> datetime:
        return self.model.datetime_at(self.model.now_ns)

    def wait(self, seconds: float, ready: Callable[[], bool] | None = None) -> bool:
        def done() -> bool:
            return self.gone or (ready is not None and ready())

        end_ns = self.model.now_ns + round(seconds * S)
        while not done() and self.model.now_ns < end_ns:
            if self.model.run_until(end_ns, lambda event: done()) is None:
                break
        if self.gone:
            raise PipelineStopped
        return ready is None or ready()

    @property
    def gone(self) -> bool:
        return self.boot is not None and (self.node.boot_id != self.boot or not self.node.os_running)

    def hop(self, node: str) -> ShellNode:
        return ShellNode(self.model, node, self.commands, delegated=False, boot=self.model.nodes[node].boot_id)

    def write_text_file(self, path: str, text: str, append: bool) -> None:
        write_redirected(self.node.files, self.location, path, text, append=append)

    def breathe(self) -> None:
        return None

    def charge(self, command: str) -> None:
        assert command_cost_ns(command) > 0
        self.charged.append(command)

    def run(self, script: str) -> tuple[list[object], list[ErrorRecord], int]:
        """Output, non-terminating errors, exit code; a terminating error counts as the last one."""
        out: list[object] = []
        errors: list[ErrorRecord] = []
        runspace = Runspace(self)
        runspace.streams.error = errors.append  # type: ignore[assignment]
        runspace.streams.warning = self._warn
        parsed = parse(script)
        assert parsed.errors == ()
        try:
            run_tree(runspace, parsed, out.append)
        except ExitSignal as signal:
            return out, errors, signal.code
        except PSError as error:
            errors.append(error.record)
        return out, errors, 1 if errors else 0

    def _warn(self, record: object) -> None:
        assert isinstance(record, MessageRecord)
        self.warnings.append(record.message)

    def objects(self, script: str) -> list[PSObject]:
        """The objects that a script gives; it must not report an error."""
        out, errors, _ = self.run(script)
        assert [error.message for error in errors] == []
        assert all(isinstance(item, PSObject) for item in out)
        return out  # type: ignore[return-value]

    def one(self, script: str) -> PSObject:
        """The one object that a script gives."""
        (found,) = self.objects(script)
        return found

    def text(self, script: str) -> str:
        """A script's output as text, one line for each object."""
        out, errors, _ = self.run(script)
        assert [error.message for error in errors] == []
        return "\n".join(to_text(item) for item in out)

    def table(self, script: str) -> list[str]:
        """A script's output as the console shows it: the lines that are not empty, without blanks at their ends."""
        out, errors, _ = self.run(script)
        assert [error.message for error in errors] == []
        return [line.rstrip() for line in render(Runspace(self), out, 120).splitlines() if line.strip()]

    def error(self, script: str) -> ErrorRecord:
        """The one error that a script reports."""
        _, errors, _ = self.run(script)
        (found,) = errors
        return found

    def reply(self, script: str) -> Reply:
        """What a harness script prints."""
        out, _, code = self.run(script)
        return Reply("\r\n".join(to_text(item) for item in out), "", code)

    def json(self, script: str) -> Json:
        """The document that a harness script prints."""
        return parse_json_reply(self.reply(script))


def make_node(name: str = "NODE01", **spec: object) -> ShellNode:
    """A node of a new model."""
    return ShellNode(ClusterModel(ModelSpec(**spec)), name)  # type: ignore[arg-type]


def run_until(model: ClusterModel, condition: Callable[[], bool], limit_ns: int = 12 * HOUR) -> None:
    """Let lab time pass until *condition* holds."""
    model.run_until(model.now_ns + limit_ns, lambda event: condition())
    assert condition()
