"""How commands are declared and what they see when they run.

A command is a function or a class with a declaration::

    CLUSTER = CommandTable()

    @CLUSTER.cmdlet("Get-ClusterNode", module="FailoverClusters", parameters=[
        Parameter("Name", "string[]", position=0, pipeline=("value", "name")),
        Parameter("Cluster", "string"),
    ])
    def get_cluster_node(call: Call) -> Iterable[object]:
        for node in call.host.cluster.nodes: ...

The function runs once for each object of the pipeline (once, when there is none); what it yields goes down the
pipeline. A class derives from ``Command`` and has ``begin``, ``process`` and ``end``.

``CommandTable`` is a set of commands. A machine has its own, so that a guest and a node can differ:
``CORE.extended(CLUSTER, STORAGE)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from harness.twin.shell.errors import ErrorRecord, NetException, PSError
from harness.twin.shell.objects import NOTHING

if TYPE_CHECKING:
    from datetime import datetime

    from harness.twin.shell.runspace import Runspace, Streams


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    ``kind`` is a type name as in PowerShell: ``string``, ``string[]``, ``int``, ``switch``, ``bool``, ``datetime``,
    ``object``, ``object[]``, ``scriptblock``, ``hashtable``, the full name of a registered enum … ``pipeline`` holds
    ``value`` and/or ``name`` (by property name). ``sets`` are the parameter sets it belongs to; none means all.
    ``written``: a number among remaining arguments keeps the text as which it was written.
    """

    name: str
    kind: str = "object"
    position: int | None = None
    mandatory: bool = False
    pipeline: tuple[str, ...] | str = ()
    aliases: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    pattern: str = ""
    allow_null: bool = False
    allow_empty: bool = False
    remaining: bool = False
    default: object = None
    mandatory_in: tuple[str, ...] = ()
    validate: tuple[Callable[[object], None], ...] = ()
    transform: Callable[[object], object] | None = None
    not_null_or_empty: bool = False
    written: bool = False

    def by(self, what: str) -> bool:
        """Whether it takes pipeline input by ``value`` or by property ``name``."""
        return what == self.pipeline if isinstance(self.pipeline, str) else what in self.pipeline


@dataclass(frozen=True, slots=True, eq=False)
class CommandDeclaration:
    """A command as declared. ``class_name`` is what error ids end with.

    ``impact`` is the ``ConfirmImpact`` of a script's function; commands of the product never ask.
    """

    name: str
    run: Callable[[Call], Iterable[object] | None] | type[Command]
    parameters: tuple[Parameter, ...] = ()
    module: str = ""
    class_name: str = ""
    default_set: str = ""
    aliases: tuple[str, ...] = ()
    should_process: bool = False
    impact: str = ""


class CommandTable:
    """The commands of a machine, found without regard to case; tables can be stacked."""

    _changes: ClassVar[int] = 0
    """Counts changes of any table: what a table has merged with its parents' is made anew after one."""

    def __init__(self, *parents: CommandTable) -> None:
        self._parents = parents
        self._commands: dict[str, CommandDeclaration] = {}
        self._aliases: dict[str, str] = {}
        self._merged_at = -1
        self._all_commands: dict[str, CommandDeclaration] = {}
        self._all_aliases: dict[str, str] = {}

    def extended(self, *tables: CommandTable) -> CommandTable:
        """A new table with these and the given ones, which go first.  Raises ValueError where two of those define the
        same command."""
        homes: dict[str, CommandDeclaration] = {}
        for table in dict.fromkeys(tables):
            for name, command in table._commands.items():
                if name in homes:
                    raise ValueError(f"{command.name} is defined in {homes[name].module} and in {command.module}")
                homes[name] = command
        return CommandTable(*tables, self)

    def add(self, declaration: CommandDeclaration) -> None:
        """Add a command.  Raises ValueError for one that this table has."""
        if declaration.name.lower() in self._commands:
            raise ValueError(f"{declaration.name} is defined twice")
        self._commands[declaration.name.lower()] = declaration
        for alias in declaration.aliases:
            self._aliases[alias.lower()] = declaration.name
        CommandTable._changes += 1

    def alias(self, name: str, target: str) -> None:
        """Add an alias."""
        self._aliases[name.lower()] = target
        CommandTable._changes += 1

    def remove(self, name: str) -> None:
        """Remove a command of this table (not of those below)."""
        self._commands.pop(name.lower(), None)
        CommandTable._changes += 1

    def _merge(self) -> None:
        """Own commands and aliases before the parents', an earlier parent's before a later one's."""
        if self._merged_at != CommandTable._changes:
            commands: dict[str, CommandDeclaration] = {}
            aliases: dict[str, str] = {}
            for parent in reversed(self._parents):
                parent._merge()
                commands |= parent._all_commands
                aliases |= parent._all_aliases
            self._all_commands = commands | self._commands
            self._all_aliases = aliases | self._aliases
            self._merged_at = CommandTable._changes

    def find(self, name: str) -> CommandDeclaration | None:
        """The command of a name, not of an alias."""
        self._merge()
        return self._all_commands.get(name.lower())

    def find_alias(self, name: str) -> str | None:
        """What an alias stands for."""
        self._merge()
        return self._all_aliases.get(name.lower())

    def all_commands(self) -> Iterator[CommandDeclaration]:
        """All commands, own first; a name comes once."""
        seen: set[str] = set()
        for table in (self, *self._parents):
            for command in table._commands.values() if table is self else table.all_commands():
                if command.name.lower() not in seen:
                    seen.add(command.name.lower())
                    yield command

    def all_aliases(self) -> dict[str, str]:
        """All aliases with what they stand for."""
        self._merge()
        return dict(self._all_aliases)

    def cmdlet(
        self,
        name: str,
        *,
        parameters: Sequence[Parameter] = (),
        module: str = "",
        class_name: str = "",
        default_set: str = "",
        aliases: Sequence[str] = (),
        should_process: bool = False,
    ) -> Callable[[Any], Any]:
        """Decorator: declare a function or a ``Command`` class as a command of this table."""

        def declare(run: Any) -> Any:
            declared_class = class_name or f"Microsoft.PowerShell.Commands.{name.replace('-', '')}Command"
            self.add(
                CommandDeclaration(
                    name,
                    run,
                    tuple(parameters),
                    module,
                    declared_class,
                    default_set,
                    tuple(aliases),
                    should_process,
                )
            )
            return run

        return declare


class Call:
    """One running command: its bound parameters, its input, its streams."""

    __slots__ = (
        "actions",
        "bound",
        "current",
        "declaration",
        "expecting_input",
        "failed",
        "invocation",
        "out",
        "parameter_set",
        "processor",
        "rs",
        "scope",
        "streams",
    )

    def __init__(self, rs: Runspace, declaration: CommandDeclaration) -> None:
        self.rs = rs
        self.declaration = declaration
        self.bound: dict[str, Any] = {}
        self.current: object = NOTHING
        self.out: Callable[[object], None] = _drop
        self.actions: dict[str, object] = {}
        self.failed = False
        self.expecting_input = False
        self.parameter_set = declaration.default_set
        self.invocation: Any = None
        self.streams: Streams = rs.streams
        self.processor: Any = None
        self.scope: Any = None

    @property
    def host(self) -> Any:
        """The machine that the twin passed in (a ``ShellHost`` with the model's own members)."""
        return self.rs.host

    def has(self, name: str) -> bool:
        """Whether the user gave a parameter (on the line or by pipeline)."""
        return name in self.bound

    def get(self, name: str, default: Any = None) -> Any:
        """Value of a parameter, already of its type."""
        return self.bound.get(name, default)

    def text(self, name: str, default: str = "") -> str:
        """Value of a ``string`` parameter."""
        found = self.bound.get(name)
        return default if found is None else str(found)

    def texts(self, name: str) -> list[str]:
        """Values of a ``string[]`` parameter; empty when not given."""
        found = self.bound.get(name)
        return [] if found is None else [str(item) for item in found]

    def number(self, name: str, default: int = 0) -> int:
        """Value of an ``int`` parameter."""
        found = self.bound.get(name)
        return default if found is None else int(found)

    def switch(self, name: str) -> bool:
        """Whether a switch is on."""
        return bool(self.bound.get(name, False))

    def moment(self, name: str) -> datetime | None:
        """Value of a ``datetime`` parameter."""
        found: datetime | None = self.bound.get(name)
        return found

    def emit(self, value: object) -> None:
        """Send one object down the pipeline."""
        self.out(value)

    def record(
        self,
        message: str,
        error_id: str,
        category: str = "NotSpecified",
        target: object = None,
        exception: str = "System.Exception",
        command_class: str | None = None,
    ) -> ErrorRecord:
        """An error record in this command's name."""
        return ErrorRecord(
            NetException(exception, message),
            error_id,
            category,
            target,
            activity=self.declaration.name,
            invocation=self.invocation,
            command_class=self.declaration.class_name if command_class is None else command_class,
        )

    def write_error(
        self,
        message: str | ErrorRecord,
        error_id: str = "",
        category: str = "NotSpecified",
        target: object = None,
        exception: str = "System.Exception",
    ) -> None:
        """Report a non-terminating error; with an error action of Stop it ends the command."""
        if not isinstance(message, ErrorRecord):
            message = self.record(message, error_id, category, target, exception)
        self.rs.report_error(self, message)

    def fail(
        self,
        message: str | ErrorRecord,
        error_id: str = "",
        category: str = "NotSpecified",
        target: object = None,
        exception: str = "System.Exception",
    ) -> PSError:
        """A terminating error of this command: ``raise call.fail(...)``."""
        if not isinstance(message, ErrorRecord):
            message = self.record(message, error_id, category, target, exception)
        return PSError(message)

    def write_warning(self, text: str) -> None:
        """Write to the warning stream."""
        self.rs.write_message(self, "warning", text)

    def write_verbose(self, text: str) -> None:
        """Write to the verbose stream (shown with ``-Verbose``)."""
        self.rs.write_message(self, "verbose", text)

    def write_progress(self, activity: str, status: str, percent: int = -1, completed: bool = False) -> None:
        """Write to the progress stream."""
        self.rs.write_progress(self, activity, status, percent, completed)

    def should_process(self, target: str, action: str = "", told: bool = False) -> bool:
        """Whether to go on: False under ``-WhatIf``, which is then reported; ``told``: by that text alone."""
        return self.rs.should_process(self, target, "" if told else action or self.declaration.name)

    def wait(self, seconds: float, ready: Callable[[], bool] | None = None) -> bool:
        """Block for lab time; see ``ShellHost.wait``."""
        return self.rs.host.wait(seconds, ready)


class Command:
    """Base of commands with state: one instance per run."""

    def __init__(self, call: Call) -> None:
        self.call = call

    def begin(self) -> None:
        """Before the first object."""

    def process(self, item: object) -> None:
        """For each object of the pipeline; once with ``NOTHING`` when there is no pipeline."""

    def end(self) -> None:
        """After the last object."""


def _drop(_value: object) -> None:
    """A sink for what nobody asked for."""
