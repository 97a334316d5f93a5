"""The session: global scope, preferences, error list, and what happens to errors and messages."""

from __future__ import annotations

import sys
from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Final

from harness.twin.shell.automatic import set_automatic
from harness.twin.shell.casts import set_today
from harness.twin.shell.conversion import to_bool, to_enum
from harness.twin.shell.enginecontext import engine_context, path_info
from harness.twin.shell.errors import ErrorRecord, Invocation, NetError, PSError, net_error
from harness.twin.shell.frame import Frame, Sink, Streams
from harness.twin.shell.objects import LOCAL, NetList, PSEnum, PSHashtable
from harness.twin.shell.records import HostText, InformationRecord, MessageRecord, ProgressRecord
from harness.twin.shell.scope import Scope, Variable
from harness.twin.shell.storage import Scratch
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import ENUMS

if TYPE_CHECKING:
    from harness.twin.shell.ast import ScriptBlockAst
    from harness.twin.shell.commands.api import Call, CommandTable
    from harness.twin.shell.host import ShellHost
    from harness.twin.shell.transcripts import Transcript
    from harness.twin.shell.typerules import TypeRules

_ACTIONS: Final = ENUMS["system.management.automation.actionpreference"]
SILENT, STOP, CONTINUE, INQUIRE, IGNORE = 0, 1, 2, 3, 4
_PREFERENCES: Final = {"warning": "warningpreference", "verbose": "verbosepreference", "debug": "debugpreference"}
_COMMON: Final = {"warning": "warningaction", "verbose": "verbose", "debug": "debug"}
_IMPACTS: Final = {"low": 1, "medium": 2, "high": 3}
RECURSION_LIMIT: Final = 12_000
TURNS_PER_BREATH: Final = 2000
MAX_ERRORS: Final = 256

__all__ = ["CONTINUE", "IGNORE", "SILENT", "STOP", "Runspace", "Streams"]


def _discard(_item: object) -> None:
    """For a stream that nobody listens to."""


def _forget(_stream: str, _record: object) -> None:
    """Records that a script sent to ``$null``: only a client of the engine's API still gets them [measured]."""


class Runspace:
    """A session of the shell on a machine. Not safe for use by two threads at once."""

    def __init__(self, host: ShellHost, streams: Streams | None = None) -> None:
        if sys.getrecursionlimit() < RECURSION_LIMIT:
            sys.setrecursionlimit(RECURSION_LIMIT)
        self.host: ShellHost = host
        self.commands: CommandTable = host.commands
        self.streams = streams or Streams(*[_discard] * 6)
        self.out: Sink = _discard
        self.errors = NetList()
        self.ok = True
        self.propagate = False
        self.stopping = False
        self._turns = 0
        self.depth = 0
        self.width = 120
        self.host_write: Callable[[str], None] | None = None
        self.dropped: Callable[[str, object], None] = _forget
        self.environment: MutableMapping[str, str] = host.environment
        self.scratch = Scratch()
        self.type_data: dict[str, dict[str, Any]] = {}
        self.type_rules: dict[str, TypeRules] = {}
        self.modules: dict[str, str] = {}
        self.namespaces: list[str] = []
        self.places: list[str] = []
        self.links: list[Any] = []
        self.cim_sessions: list[Any] = []
        self.transcripts: list[Transcript] = []
        self.drives: dict[str, tuple[str, str, str]] = {}
        self.frames: list[Frame] = []
        self.global_scope = Scope(None, "global")
        set_automatic(self.global_scope, host, self.errors)
        self.location = host.location
        self.global_scope.put("ExecutionContext", engine_context(self))
        self.global_scope.vars["executioncontext"].options = frozenset({"Constant", "AllScope"})
        set_today(lambda: host.now())

    @property
    def location(self) -> str:
        """The place that paths start from; ``$PWD`` shows it."""
        return self._location

    @location.setter
    def location(self, place: str) -> None:
        self._location = place
        self.global_scope.put("PWD", path_info(place))

    def use(self, script: ScriptBlockAst) -> None:
        """Remember the namespaces that a text uses; they serve the whole session."""
        for one in script.using_statements:
            if one.kind == "namespace" and one.name and one.name not in self.namespaces:
                self.namespaces.append(one.name)

    # ---------------------------------------------------------------------------------------------- variables

    def count_turn(self) -> None:
        """One more turn of a loop: now and then the host may let other programs compute."""
        self._turns += 1
        if self._turns % TURNS_PER_BREATH == 0:
            self.host.breathe()

    def frame(self, out: Sink | None = None, scope: Scope | None = None) -> Frame:
        """A frame at the top of the session."""
        return Frame(self, scope or self.global_scope, out or self.out, self.streams)

    def preference(self, name: str, scope: Scope) -> int:
        """Value of a preference variable (lower-case name) as the number of its action."""
        found = scope.find(name)
        value = found.value if found is not None else None
        if isinstance(value, PSEnum):
            return value.value
        if value is None:
            return CONTINUE if name == "erroractionpreference" else SILENT
        try:
            return to_enum(value, _ACTIONS).value
        except PSError:
            return CONTINUE

    def set_matches(self, scope: Scope, table: PSHashtable) -> None:
        """Set ``$Matches``."""
        variable = scope.vars.get("matches")
        if variable is None:
            scope.vars["matches"] = Variable("Matches", table)
        else:
            variable.value = table

    # ------------------------------------------------------------------------------------------------- errors

    def remember(self, record: ErrorRecord) -> None:
        """Put a record at the front of ``$Error``, once."""
        if not record.reported:
            record.reported = True
            self.errors.insert(0, record)
            del self.errors[MAX_ERRORS:]

    def place(self, frame: Frame, record: ErrorRecord) -> None:
        """Give an error of the language the place of the statement that runs."""
        if record.invocation is None:
            record.invocation = Invocation(source=frame.source, extent=frame.pos)
            if not record.stack:
                record.stack = self.stack_trace()

    def stack_trace(self) -> str:
        """``ScriptStackTrace`` of the moment."""
        lines = []
        for frame in reversed(self.frames):
            line = frame.source.position(frame.pos.start).line if frame.source and frame.pos else 1
            lines.append(f"at {frame.function or '<ScriptBlock>'}, <No file>: line {line}")
        return "\n".join(lines)

    def recover(self, frame: Frame, error: PSError) -> None:
        """A statement failed: go on with the next one, or raise again when a ``try`` or the end of the script
        wants it."""
        record = error.record
        self.place(frame, record)
        self.ok = False
        if self.propagate or error.stop or error.leaves is not None:
            raise error
        action = self.preference("erroractionpreference", frame.scope)
        if action == IGNORE:
            return
        if action == SILENT:
            self.remember(record)
            return
        if action == STOP:
            error.stop = True
            raise error
        if error.thrown:
            raise error
        self.remember(record)
        frame.streams.error(record)

    def report_error(self, call: Call, record: ErrorRecord) -> None:
        """A command writes a non-terminating error."""
        call.failed = True
        if record.invocation is None:
            record.invocation = call.invocation
        if not record.activity:
            record.activity = call.declaration.name
        if not record.stack:
            record.stack = self.stack_trace()
        action = call.actions.get("erroraction")
        level = action if isinstance(action, int) else self.preference("erroractionpreference", call.scope)
        if level == IGNORE:
            return
        collected = call.actions.get("errorvariable")
        if isinstance(collected, list):
            collected.append(record)
        self._keep(call, "error", record)
        if level == STOP:
            raise PSError(record, stop=True)
        self.remember(record)
        if level != SILENT:
            call.streams.error(record)

    def _keep(self, call: Call, stream: str, record: object) -> None:
        """Add to the ``-…Variable`` lists of the functions around a call."""
        name = f"__{stream}variable"
        for scope in call.scope.chain():
            variable = scope.vars.get(name)
            if variable is not None and isinstance(variable.value, list):
                variable.value.append(record)

    # ----------------------------------------------------------------------------------------------- messages

    def _level(self, call: Call, stream: str) -> int:
        given = call.actions.get(_COMMON[stream])
        if given is not None:
            if stream == "warning":
                return int(given)  # type: ignore[call-overload, no-any-return]
            return CONTINUE if to_bool(given) else SILENT
        return self.preference(_PREFERENCES[stream], call.scope)

    def write_message(self, call: Call, stream: str, text: str) -> None:
        """A command writes a warning, verbose or debug message."""
        record = MessageRecord(stream, text, call.invocation)
        collected = call.actions.get(f"{stream}variable")
        if isinstance(collected, list):
            collected.append(record)
        self._keep(call, stream, record)
        level = self._level(call, stream)
        if level in (SILENT, IGNORE):
            return
        getattr(call.streams, stream)(record)
        if level == STOP:
            raise self._stopped(call, stream, text)

    def _stopped(self, call: Call, stream: str, text: str) -> PSError:
        """A message on a stream whose preference is Stop."""
        stopped = call.record(
            f'The running command stopped because the preference variable "{stream.capitalize()}Preference" or common '
            f"parameter is set to Stop: {text}",
            "ActionPreferenceStop",
            "OperationStopped",
            exception="System.Management.Automation.ActionPreferenceStopException",
        )
        return PSError(stopped, stop=True)

    def write_information(self, call: Call, record: InformationRecord) -> None:
        """A command writes to the information stream."""
        collected = call.actions.get("informationvariable")
        if isinstance(collected, list):
            collected.append(record)
        self._keep(call, "information", record)
        given = call.actions.get("informationaction")
        level = given if isinstance(given, int) else self.preference("informationpreference", call.scope)
        if level == IGNORE:
            return
        if isinstance(record.data, HostText):
            record.shown = level != IGNORE
        else:
            record.shown = level in (CONTINUE, INQUIRE)
        call.streams.information(record)
        if level == STOP and not isinstance(record.data, HostText):
            raise self._stopped(call, "information", to_text(record.data))

    def write_progress(self, call: Call, activity: str, status: str, percent: int, completed: bool) -> None:
        """A command writes to the progress stream."""
        if self.preference("progresspreference", call.scope) == CONTINUE:
            call.streams.progress(ProgressRecord(activity, status, percent, completed))

    def should_process(self, call: Call, target: str, action: str) -> bool:
        """Whether a changing command may go on."""
        given = call.actions.get("whatif")
        wanted = to_bool(given) if given is not None else to_bool(call.scope.value("whatifpreference"))
        if not wanted:
            self._confirm(call)
            return True
        text = f'What if: Performing the operation "{action}" on target "{target}".' if action else f"What if: {target}"
        if self.host_write is not None:
            self.host_write(f"{text}\n")
        return False

    def _confirm(self, call: Call) -> None:
        """With ``-Confirm``, and for a function whose impact reaches ``$ConfirmPreference``, somebody has to be asked,
        and there is nobody."""
        given = call.actions.get("confirm")
        if given is not None:
            if to_bool(given):
                raise self.nobody_to_ask()
            return
        limit = _IMPACTS.get(to_text(call.scope.value("confirmpreference")).lower(), 0)
        if limit and _IMPACTS.get(call.declaration.impact.lower(), 0) >= limit:
            raise self.nobody_to_ask()

    def nobody_to_ask(self) -> NetError:
        """A question needs a person [measured for a console]; a client of the engine has none either."""
        if self.host_write is not None:
            text = "PowerShell is in NonInteractive mode. Read and Prompt functionality is not available."
            return net_error("System.Management.Automation.PSInvalidOperationException", text)
        text = (
            "A command that prompts the user failed because the host program or the command type does not support "
            "user interaction. Try a host program that supports user interaction, such as the PowerShell Console or "
            "PowerShell ISE, and remove prompt-related commands from command types that do not support user "
            "interaction, such as PowerShell workflows."
        )
        return net_error("System.Management.Automation.Host.HostException", text)

    @property
    def local_now(self) -> Any:
        """Lab time as ``Get-Date`` gives it."""
        return self.host.now().replace(tzinfo=LOCAL)
