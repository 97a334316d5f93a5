"""Running PowerShell scripts on a node through a kept WinRM shell.

A `WinRmShell` keeps one shell open on its node and starts one `powershell.exe` in it for each script.  It heals what
may be healed without the caller's knowledge (a dropped connection, a shell that the node forgot, a used-up quota) and
never sends a script a second time once the node may have begun to run it: then `MayHaveRunError` says so.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, TypeVar
from xml.etree.ElementTree import Element

from harness.clock import NS_PER_MS, Deadline, monotonic_ns
from harness.transports import envelope, powershell
from harness.transports.channel import WinRmEndpoint
from harness.transports.connection import WinRmConnection
from harness.transports.credential import CredentialWatch
from harness.transports.powershell import Reply
from harness.transports.recorder import Exchange, Recorder
from harness.transports.trouble import Diagnosis, EndpointError, MayHaveRunError, OverdueError, Trouble

__all__ = ["MAX_COMMANDS", "Reply", "ShellLimits", "WinRmEndpoint", "WinRmShell"]

T = TypeVar("T")

MAX_COMMANDS: Final = 1000
"""A text shell never gives operations back; the node refuses the 1501st of an account ([D] MS-WSMV note 118)."""
INPUT_CHUNK_BYTES: Final = 100_000
"""Well below the node's MaxEnvelopeSizekb of 500 after base64."""

_RETRYABLE: Final = frozenset({Trouble.RESET, Trouble.TIMEOUT})
_RENEWABLE: Final = frozenset({Trouble.SHELL_GONE, Trouble.QUOTA})


@dataclass(frozen=True, slots=True)
class ShellLimits:
    """Bounds of one shell.  `operation_timeout_s` is how long the node may hold one Receive open."""

    max_commands: int = MAX_COMMANDS
    operation_timeout_s: int = 20
    receive_retries: int = 2


@dataclass(frozen=True, slots=True)
class _Running:
    shell_id: str
    command_id: str


class WinRmShell:
    """Runs scripts on one node, one at a time.  Belongs to the thread that uses it first."""

    def __init__(
        self,
        endpoint: WinRmEndpoint,
        *,
        watch: CredentialWatch | None = None,
        recorder: Recorder | None = None,
        limits: ShellLimits = ShellLimits(),
    ) -> None:
        self.endpoint = endpoint
        self.connection = WinRmConnection(endpoint, watch or CredentialWatch(endpoint.username))
        self._recorder = recorder
        self._limits = limits
        self._shell_id: str | None = None
        self._commands = 0
        self._spoiled = False
        self._discarded: list[str] = []
        self.shells_opened = 0

    def __enter__(self) -> WinRmShell:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(self, script: str, *, within_s: float = 60.0, repeatable: bool = True) -> Reply:
        """Run `script` and return what it wrote and its exit code (not judged here).

        `within_s` bounds the wait: wall seconds, and on a virtual lab clock the sum of the operation timeouts that
        the node reported.  `repeatable` says that running the script twice does no harm (it only reads).  Raises
        EndpointError, for a script that is not repeatable MayHaveRunError once it may have begun;
        CredentialRejectedError.
        """
        started_ns = monotonic_ns()
        try:
            reply = self._run(script, within_s, repeatable)
        except EndpointError as error:
            failure = self._judge(error, repeatable)
            self._record(script, started_ns, None, failure)
            raise failure from error.__cause__
        self._record(script, started_ns, reply, None)
        return reply

    def close(self) -> None:
        """Close shell and connection.  Never raises for an endpoint that is gone."""
        self._discard_shell()
        self._delete_discarded()
        self.connection.drop()

    def _run(self, script: str, within_s: float, repeatable: bool) -> Reply:
        line, standard_input = powershell.command_line(script)
        deadline = Deadline.after(within_s)
        running = self._start(line, repeatable)
        try:
            if standard_input:
                self._feed(running, standard_input)
            output = self._collect(running, within_s, deadline)
        except EndpointError:
            # The command may still run: the next script gets a new shell, and deleting this one ends it.
            self._spoiled = True
            raise
        self._forget(running)
        return Reply(_decode(output.stdout), _decode(output.stderr), output.exit_code or 0)

    def _start(self, line: str, repeatable: bool) -> _Running:
        """Start the command in the kept shell; opens a new shell where the old one is used up, spoiled or gone.

        The node may close the connection just while we use it: then a repeatable script is sent once more.
        """
        if self._spoiled or self._commands >= self._limits.max_commands:
            self._discard_shell()
        try:
            return self._send_command(line)
        except EndpointError as error:
            if error.trouble not in _RENEWABLE and not (repeatable and error.trouble is Trouble.RESET):
                raise
            # The shell is gone or full, and nothing ran in it; or its state is uncertain.  A new one cures all three.
            if error.trouble is Trouble.SHELL_GONE:
                self._shell_id = None
            self._discard_shell()
        return self._send_command(line)

    def _send_command(self, line: str) -> _Running:
        if self._shell_id is None:
            self._delete_discarded()
            self._shell_id = self._ask(envelope.create_shell(), envelope.read_shell_id, "opening a shell")
            self._commands = 0
            self._spoiled = False
            self.shells_opened += 1
            self._delete_discarded()
        self._commands += 1
        request = envelope.start_command(self._shell_id, line)
        try:
            return _Running(self._shell_id, self._ask(request, envelope.read_command_id, "starting a script"))
        except EndpointError as error:
            self._spoiled = error.diagnosis.delivered
            raise

    def _feed(self, running: _Running, content: bytes) -> None:
        for start in range(0, len(content), INPUT_CHUNK_BYTES):
            chunk = content[start : start + INPUT_CHUNK_BYTES]
            end = start + INPUT_CHUNK_BYTES >= len(content)
            request = envelope.send_input(running.shell_id, running.command_id, chunk, end)
            try:
                self._ask(request, envelope.read_nothing, "sending a script")
            except EndpointError as error:
                if error.trouble is Trouble.SHELL_GONE:
                    return  # the process ended before it read all: what it wrote is still there to be received
                raise self._begun(error) from error.__cause__

    def _collect(self, running: _Running, within_s: float, deadline: Deadline) -> envelope.Output:
        """Receive until the process has ended.  Raises EndpointError; OPERATION_TIMEOUT once the time is up."""
        stdout: list[bytes] = []
        stderr: list[bytes] = []
        held_s = 0.0
        while True:
            patience_s = min(within_s - held_s, deadline.remaining_s())
            if patience_s <= 0:
                self._forget(running)
                so_far = Reply(_decode(b"".join(stdout)), _decode(b"".join(stderr)), 0)
                raise self._overdue(within_s, so_far)
            timeout_s = max(1, min(self._limits.operation_timeout_s, math.ceil(patience_s)))
            try:
                output = self._receive(running, timeout_s)
            except EndpointError as error:
                if error.trouble is not Trouble.OPERATION_TIMEOUT:
                    raise self._begun(error) from error.__cause__
                held_s += timeout_s
                continue
            stdout.append(output.stdout)
            stderr.append(output.stderr)
            if output.exit_code is not None:
                return envelope.Output(b"".join(stdout), b"".join(stderr), output.exit_code)

    def _receive(self, running: _Running, timeout_s: int) -> envelope.Output:
        """One Receive, repeated on a new connection where the reply got lost: the node keeps what was not taken."""
        request = envelope.receive_output(running.shell_id, running.command_id)
        tries_left = self._limits.receive_retries
        while True:
            try:
                return self.connection.exchange(
                    request, envelope.read_output, timeout_s=timeout_s, doing="receiving output"
                )
            except EndpointError as error:
                if error.trouble not in _RETRYABLE or tries_left == 0:
                    raise
            tries_left -= 1

    def _forget(self, running: _Running) -> None:
        """Signal the command's end to the node.  A failure only costs the shell."""
        request = envelope.terminate_command(running.shell_id, running.command_id)
        try:
            self._ask(request, envelope.read_nothing, "ending a script")
        except EndpointError:
            self._spoiled = True

    def _discard_shell(self) -> None:
        """Use the shell no more; it is deleted on the node as soon as that answers."""
        if self._shell_id is not None:
            self._discarded.append(self._shell_id)
        self._shell_id = None
        self._spoiled = False

    def _delete_discarded(self) -> None:
        """Delete discarded shells, and what still runs in them.  A node that does not answer is left alone."""
        while self._discarded and not self.connection.down:
            with contextlib.suppress(EndpointError):
                self._ask(envelope.delete_shell(self._discarded.pop()), envelope.read_nothing, "closing a shell")

    def _ask(self, request: envelope.Request, read: Callable[[Element], T], doing: str) -> T:
        return self.connection.exchange(request, read, timeout_s=self._limits.operation_timeout_s, doing=doing)

    def _begun(self, error: EndpointError) -> EndpointError:
        """The same error, with the knowledge that the command had been started."""
        found = Diagnosis(error.trouble, error.diagnosis.detail, delivered=True, stale=error.diagnosis.stale)
        error.diagnosis = found
        return error

    def _overdue(self, within_s: float, so_far: Reply) -> OverdueError:
        name = self.endpoint.name
        detail = f"the script did not end within {within_s:g} s and was stopped"
        diagnosis = Diagnosis(Trouble.OPERATION_TIMEOUT, detail, delivered=True)
        return OverdueError(f"node '{name}': {detail}", node=name, diagnosis=diagnosis, so_far=so_far)

    def _judge(self, error: EndpointError, repeatable: bool) -> EndpointError:
        """`error` as the caller should see it."""
        if repeatable or not error.diagnosis.delivered:
            return error
        return MayHaveRunError(
            f"{error}; the script may have run",
            node=error.node,
            diagnosis=error.diagnosis,
            hint="Do not send it again: look for its effect, then decide.",
        )

    def _record(self, script: str, started_ns: int, reply: Reply | None, error: EndpointError | None) -> None:
        if self._recorder is None:
            return
        took_ms = (monotonic_ns() - started_ns) / NS_PER_MS
        self._recorder.write(
            Exchange(
                node=self.endpoint.name,
                script=script,
                took_ms=round(took_ms, 3),
                stdout=reply.stdout if reply else "",
                stderr=reply.stderr if reply else "",
                exit_code=reply.exit_code if reply else None,
                trouble=str(error.trouble) if error else "",
            )
        )


def _decode(raw: bytes) -> str:
    return raw.decode("utf-8", errors="replace").removeprefix("\ufeff")
