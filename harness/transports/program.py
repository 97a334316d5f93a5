"""One console program on a node over WinRM: started, fed while it runs, listened to, ended.

`winrm.WinRmShell` runs a script and hands over what it wrote when it has ended; this is for whoever sits in front of a
program: output comes as the node sends it, and input can follow.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from types import TracebackType
from typing import Final, TypeVar
from xml.etree.ElementTree import Element

from harness.transports import envelope
from harness.transports.channel import WinRmEndpoint
from harness.transports.connection import WinRmConnection
from harness.transports.credential import CredentialWatch
from harness.transports.trouble import EndpointError, Trouble

T = TypeVar("T")

OPERATION_TIMEOUT_S: Final = 20
"""How long the node may hold a request open."""
_INPUT_CHUNK_BYTES: Final = 100_000
_RETRYABLE: Final = frozenset({Trouble.RESET, Trouble.TIMEOUT})
_RETRIES: Final = 2


class RemoteProgram:
    """A program in a shell of its own.  Belongs to the thread that uses it first.

    After an exception that came out of the middle of a conversation (KeyboardInterrupt) only `stop` and `close` may
    follow; both begin with a new connection then.
    """

    def __init__(self, endpoint: WinRmEndpoint, *, watch: CredentialWatch | None = None) -> None:
        self.endpoint = endpoint
        self._connection = WinRmConnection(endpoint, watch or CredentialWatch(endpoint.username))
        self._shell_id = ""
        self._command_id = ""
        self.ended = False
        """The node said that the program has ended."""

    def __enter__(self) -> RemoteProgram:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self, line: str) -> None:
        """Open a shell and start a command line in it.  Raises EndpointError, CredentialRejectedError."""
        self._shell_id = self._ask(envelope.create_shell(), envelope.read_shell_id, "opening a shell")
        request = envelope.start_command(self._shell_id, line)
        self._command_id = self._ask(request, envelope.read_command_id, "starting a program")

    def send(self, content: bytes, *, end: bool = False) -> None:
        """Write to the program's standard input; `end` closes it.  Raises EndpointError."""
        starts = range(0, len(content), _INPUT_CHUNK_BYTES) if content else (0,)
        for start in starts:
            chunk = content[start : start + _INPUT_CHUNK_BYTES]
            last = start + _INPUT_CHUNK_BYTES >= len(content)
            request = envelope.send_input(self._shell_id, self._command_id, chunk, end and last)
            self._ask(request, envelope.read_nothing, "sending input")

    def receive(self) -> envelope.Output | None:
        """What the program wrote since; None when it wrote nothing for the operation timeout.  Raises EndpointError."""
        request = envelope.receive_output(self._shell_id, self._command_id)
        for tries_left in reversed(range(_RETRIES + 1)):
            try:
                output = self._ask(request, envelope.read_output, "receiving output")
            except EndpointError as error:
                if error.trouble is Trouble.OPERATION_TIMEOUT:
                    return None
                if error.trouble not in _RETRYABLE or not tries_left:
                    raise
                continue  # the node keeps what was not taken
            self.ended = output.exit_code is not None
            return output
        raise AssertionError("the last try returns or raises")

    def stop(self) -> None:
        """End the program, whatever it does.  Never raises for a node that is gone."""
        self._connection.drop()
        self._signal()

    def close(self) -> None:
        """End what still runs, close shell and connection.  Never raises for a node that is gone."""
        if self._command_id and self.ended:
            self._signal()
        if self._shell_id:
            with contextlib.suppress(EndpointError):
                self._ask(envelope.delete_shell(self._shell_id), envelope.read_nothing, "closing a shell")
        self._shell_id = self._command_id = ""
        self._connection.drop()

    def _signal(self) -> None:
        """Signal the end of the command: it ends, or the node forgets it."""
        if self._command_id:
            request = envelope.terminate_command(self._shell_id, self._command_id)
            with contextlib.suppress(EndpointError):
                self._ask(request, envelope.read_nothing, "ending a program")
            self._command_id = ""

    def _ask(self, request: envelope.Request, read: Callable[[Element], T], doing: str) -> T:
        return self._connection.exchange(request, read, timeout_s=OPERATION_TIMEOUT_S, doing=doing)
