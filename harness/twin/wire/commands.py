"""Running commands of a shell and what they have written ([D] MS-WSMV 3.1.4, Receive)."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import threading
from collections import deque
from dataclasses import dataclass, field

from harness.twin.wire.faults import WsManFaultError
from harness.twin.wire.port import CommandSpec, Process
from harness.twin.wire.soap import RSP_URI

_STREAM_OVERHEAD_BYTES = 110
"""Upper bound of the markup around one piece of output in a reply."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one Receive reply carries: pieces in order of arrival, and the exit code when it is the last one."""

    pieces: tuple[tuple[str, bytes], ...]
    exit_code: int | None


class CommandOutput:
    """Collects what a process writes, from any thread, until Receive requests take it away.

    Implements `port.OutputSink`. `ready` is set on the loop whenever there may be something to deliver.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, loop_thread_id: int) -> None:
        self.ready = asyncio.Event()
        self._loop = loop
        self._loop_thread_id = loop_thread_id
        self._lock = threading.Lock()
        self._pieces: deque[tuple[str, bytearray]] = deque()
        self._exit_code: int | None = None
        self._aborted_by: WsManFaultError | None = None
        self._drained = False
        self._waking = False

    def stdout(self, data: bytes) -> None:
        """Append to stdout."""
        self._append("stdout", data)

    def stderr(self, data: bytes) -> None:
        """Append to stderr."""
        self._append("stderr", data)

    def exit(self, code: int) -> None:
        """End the process with a code; later writes and exits are ignored."""
        with self._lock:
            if self._exit_code is None:
                self._exit_code = code - 2**32 if code >= 2**31 else code
        self._wake()

    def abort(self, fault: WsManFaultError) -> None:
        """Let pending Receive requests end with a fault, unless the process has ended by itself."""
        with self._lock:
            self._aborted_by = self._aborted_by or fault
        self._wake()

    def _append(self, stream: str, data: bytes) -> None:
        if not data:
            return
        with self._lock:
            if self._exit_code is not None:
                return
            if self._pieces and self._pieces[-1][0] == stream:
                self._pieces[-1][1].extend(data)
            else:
                self._pieces.append((stream, bytearray(data)))
        self._wake()

    def _wake(self) -> None:
        if threading.get_ident() == self._loop_thread_id:
            self.ready.set()
            return
        with self._lock:
            if self._waking:
                return
            self._waking = True
        # A process may outlive the server; then nobody is left to read what it writes.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._announce)

    def _announce(self) -> None:
        self._waking = False
        self.ready.set()

    @property
    def has_ended(self) -> bool:
        """Whether the process has exited; its last output may still wait for a Receive."""
        return self._exit_code is not None

    @property
    def is_drained(self) -> bool:
        """Whether the exit code has been handed out: nothing will ever come again."""
        return self._drained

    def take(self, max_reply_bytes: int) -> Delivery | None:
        """Take what fits into a reply, None when there is nothing yet. Raises the fault of an aborted command."""
        with self._lock:
            if not self._pieces and self._exit_code is None:
                self.ready.clear()
                if self._aborted_by is not None:
                    raise self._aborted_by
                return None
            room = max_reply_bytes
            pieces: list[tuple[str, bytes]] = []
            while self._pieces and room > _STREAM_OVERHEAD_BYTES + 4:
                stream, data = self._pieces[0]
                size = min(len(data), (room - _STREAM_OVERHEAD_BYTES) // 4 * 3)
                pieces.append((stream, bytes(data[:size])))
                room -= _STREAM_OVERHEAD_BYTES + (size + 2) // 3 * 4
                if size < len(data):
                    del data[:size]
                    break
                self._pieces.popleft()
            exit_code = None if self._pieces else self._exit_code
            self._drained = exit_code is not None
            return Delivery(tuple(pieces), exit_code)


@dataclass(slots=True)
class Command:
    """A command of a shell. `last_delivery` belongs to the Receive request with the message id `last_receive_id`."""

    spec: CommandSpec
    output: CommandOutput
    process: Process | None = None
    last_receive_id: str = ""
    last_delivery: Delivery | None = field(default=None)


def build_receive_body(command_id: str, delivery: Delivery) -> str:
    """The ReceiveResponse body of a delivery ([D] MS-WSMV 2.2.4, ReceiveResponse)."""
    streams = "".join(
        f'<rsp:Stream Name="{stream}" CommandId="{command_id}">{base64.b64encode(data).decode("ascii")}</rsp:Stream>'
        for stream, data in delivery.pieces
    )
    state = f'<rsp:CommandState CommandId="{command_id}" State="{RSP_URI}/CommandState/'
    if delivery.exit_code is None:
        ending = f'{state}Running"></rsp:CommandState>'
    else:
        ending = (
            f'<rsp:Stream Name="stdout" CommandId="{command_id}" End="true"></rsp:Stream>'
            f'<rsp:Stream Name="stderr" CommandId="{command_id}" End="true"></rsp:Stream>'
            f'{state}Done"><rsp:ExitCode>{delivery.exit_code}</rsp:ExitCode></rsp:CommandState>'
        )
    return f"<rsp:ReceiveResponse>{streams}{ending}</rsp:ReceiveResponse>"
