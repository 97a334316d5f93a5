"""WinRS text shells: what Create, Command, Send, Receive, Signal, Delete and Get do ([D] MS-WSMV 3.1.4).

Shells belong to the user, not to the connection: they outlive connections, and any connection of the same user may
use them. Everything here runs on the server's loop, only `CommandOutput` is touched by other threads.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import threading
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.sax.saxutils import escape

from harness.twin.wire import faults, soap
from harness.twin.wire.commands import Command, CommandOutput, build_receive_body
from harness.twin.wire.faults import WsManFaultError
from harness.twin.wire.port import Backend, CommandSpec, ProgramNotFoundError, ShellSpec, Waiter
from harness.twin.wire.soap import RSP, RSP_URI, Envelope, ReplyBuilder

_REPLY_MARGIN_BYTES: Final = 3_000
"""Kept free in every reply for the envelope around the streams; measured envelopes take about 1,500."""

_SIGNALS: Final = {"terminate": "terminate", "ctrl_c": "ctrl_c", "crtl_c": "ctrl_c", "ctrl_break": "ctrl_break"}


@dataclass(frozen=True, slots=True)
class Quotas:
    """Limits of the WinRM service; defaults as on Windows Server 2016 to 2025
    ([D] Windows remote management quotas; [C] a captured configuration).

    `max_operations_per_user` counts commands; a text shell gives none back before it is deleted. Requests for a longer
    time than `max_timeout_s` are cut to it ([D] MaxTimeoutms; [INF] that they are cut and not refused).
    """

    max_shells_per_user: int = 30
    max_operations_per_user: int = 1500
    max_envelope_kb: int = 500
    max_timeout_s: float = 60.0
    shell_idle_timeout_s: float = 7200.0
    connection_idle_timeout_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request, from where, and how the node was addressed (`machine` without port).

    `delegated`: the log-on left a credential on the node that reaches other machines.
    """

    user: str
    client_ip: str
    url: str
    machine: str
    delegated: bool = False


@dataclass(slots=True)
class Shell:
    """An open shell; times are seconds of the service's clock."""

    spec: ShellSpec
    owner: str
    client_ip: str
    idle_timeout_s: float
    opened_s: float
    used_s: float
    pending: int = 0
    command_count: int = 0
    commands: dict[str, Command] = field(default_factory=dict)
    input_streams: str = "stdin"
    output_streams: str = "stdout stderr"


class ShellService:
    """The WinRS service of one node.

    `read_s` is the clock of idle time-outs. `creates_open` is the gate a slow node closes: Create waits for it and
    ends with the time-out fault when it stays closed.
    """

    def __init__(
        self,
        backend: Backend,
        waiter: Waiter,
        quotas: Quotas,
        loop: asyncio.AbstractEventLoop,
        new_id: Callable[[], str],
    ) -> None:
        self.quotas = quotas
        self.operations: Counter[str] = Counter()
        self.creates_open = asyncio.Event()
        self.creates_open.set()
        self._backend = backend
        self._waiter = waiter
        self._loop = loop
        self._loop_thread_id = threading.get_ident()
        self._read_s = loop.time
        self._new_id = new_id
        self._replies = ReplyBuilder(new_id)
        self._shells: dict[str, Shell] = {}

    @property
    def shell_ids(self) -> tuple[str, ...]:
        """Ids of the open shells."""
        return tuple(self._shells)

    def handle(self, request: Envelope, caller: Caller) -> bytes | Awaitable[bytes]:
        """Carry out a request: the reply, or what to await for it. Raises WsManFaultError."""
        name = request.action.rsplit("/", 1)[-1]
        self.operations[name] += 1
        if request.resource == soap.CMD_SHELL:
            return self._handle_shell(name, request, caller)
        if request.action == f"{soap.TRANSFER}/Get" and request.resource == RSP_URI:
            return self._get_shell(request, caller)
        if request.action == f"{soap.TRANSFER}/Get" and request.resource == soap.CONFIG:
            return self._get_config(request)
        what = f"twin limitation: {name or 'a request without action'} on '{request.resource}' is not served."
        raise WsManFaultError(faults.RESOURCE_NOT_FOUND, what=what)

    def _handle_shell(self, name: str, request: Envelope, caller: Caller) -> bytes | Awaitable[bytes]:
        transfers = {"Create": self._create, "Delete": self._delete}
        shell_actions = {
            "Command": self._start_command,
            "Send": self._send,
            "Receive": self._receive,
            "Signal": self._signal,
        }
        if request.action == f"{soap.TRANSFER}/{name}" and name in transfers:
            return transfers[name](request, caller)
        if request.action == f"{RSP_URI}/{name}" and name in shell_actions:
            return shell_actions[name](request, caller)
        what = f"twin limitation: {request.action} is not served for text shells."
        raise WsManFaultError(faults.RESOURCE_NOT_FOUND, what=what)

    # -- shells

    def _create(self, request: Envelope, caller: Caller) -> bytes | Awaitable[bytes]:
        if self.creates_open.is_set():
            return self._create_now(request, caller)
        return self._create_later(request, caller)

    async def _create_later(self, request: Envelope, caller: Caller) -> bytes:
        if not await self._waiter.wait(self.creates_open, self._cut_timeout_s(request)):
            raise WsManFaultError(faults.OPERATION_TIMED_OUT)
        return self._create_now(request, caller)

    def _create_now(self, request: Envelope, caller: Caller) -> bytes:
        self._close_idle_shells()
        limit = self.quotas.max_shells_per_user
        if sum(shell.owner == caller.user for shell in self._shells.values()) >= limit:
            raise WsManFaultError(faults.MAX_SHELLS, limit=limit)
        body = request.body
        if body is None or body.tag != f"{RSP}Shell":
            raise WsManFaultError(faults.SCHEMA_VALIDATION)
        now_s = self._read_s()
        spec = ShellSpec(
            shell_id=self._new_id(),
            user=caller.user,
            environment={v.get("Name", ""): v.text or "" for v in body.iterfind(f"{RSP}Environment/{RSP}Variable")},
            working_directory=body.findtext(f"{RSP}WorkingDirectory"),
            codepage=_read_codepage(request.options),
            noprofile=_read_flag(request.options, "WINRS_NOPROFILE", False),
            delegated=caller.delegated,
        )
        shell = Shell(spec, caller.user, caller.client_ip, self._read_idle_timeout_s(body), now_s, now_s)
        shell.input_streams = body.findtext(f"{RSP}InputStreams") or shell.input_streams
        shell.output_streams = body.findtext(f"{RSP}OutputStreams") or shell.output_streams
        self._shells[spec.shell_id] = shell
        created = (
            f"<x:ResourceCreated><a:Address>{escape(caller.url)}</a:Address><a:ReferenceParameters>"
            f"<w:ResourceURI>{soap.CMD_SHELL}</w:ResourceURI><w:SelectorSet>"
            f'<w:Selector Name="ShellId">{spec.shell_id}</w:Selector></w:SelectorSet>'
            "</a:ReferenceParameters></x:ResourceCreated>"
        )
        return self._replies.build(request, created + self._describe(shell, ""))

    def _read_idle_timeout_s(self, body: ElementTree.Element) -> float:
        longest_s = self.quotas.shell_idle_timeout_s
        text = body.findtext(f"{RSP}IdleTimeOut")
        if text is None:
            return longest_s
        try:
            idle_timeout_s = soap.parse_duration_s(text)
        except ValueError as error:
            raise WsManFaultError(faults.SCHEMA_VALIDATION) from error
        return min(max(idle_timeout_s, 1.0), longest_s)

    def _describe(self, shell: Shell, state: str) -> str:
        now_s = self._read_s()
        return (
            f'<rsp:Shell xmlns:rsp="{RSP_URI}"><rsp:ShellId>{shell.spec.shell_id}</rsp:ShellId>'
            f"<rsp:ResourceUri>{soap.CMD_SHELL}</rsp:ResourceUri><rsp:Owner>{escape(shell.owner)}</rsp:Owner>"
            f"<rsp:ClientIP>{escape(shell.client_ip)}</rsp:ClientIP>"
            f"<rsp:IdleTimeOut>PT{shell.idle_timeout_s:.3f}S</rsp:IdleTimeOut>"
            f"<rsp:InputStreams>{escape(shell.input_streams)}</rsp:InputStreams>"
            f"<rsp:OutputStreams>{escape(shell.output_streams)}</rsp:OutputStreams>"
            f"<rsp:ShellRunTime>{_format_age(now_s - shell.opened_s)}</rsp:ShellRunTime>"
            f"<rsp:ShellInactivity>{_format_age(now_s - shell.used_s)}</rsp:ShellInactivity>{state}</rsp:Shell>"
        )

    def _find_shell(self, request: Envelope, caller: Caller) -> Shell:
        shell_id = next((value for name, value in request.selectors.items() if name.lower() == "shellid"), "")
        shell = self._shells.get(shell_id.strip().upper())
        now_s = self._read_s()
        if shell is not None and not shell.pending and now_s - shell.used_s > shell.idle_timeout_s:
            self._close_shell(shell)
            shell = None
        # [INF] Another user's shell looks like no shell at all.
        if shell is None or shell.owner != caller.user:
            raise WsManFaultError(faults.SHELL_NOT_FOUND, shell_id=shell_id)
        shell.used_s = now_s
        return shell

    def _close_idle_shells(self) -> None:
        now_s = self._read_s()
        for shell in tuple(self._shells.values()):
            if not shell.pending and now_s - shell.used_s > shell.idle_timeout_s:
                self._close_shell(shell)

    def _delete(self, request: Envelope, caller: Caller) -> bytes:
        self._close_shell(self._find_shell(request, caller))
        return self._replies.build(request, "")

    def _close_shell(self, shell: Shell) -> None:
        del self._shells[shell.spec.shell_id]
        for command in shell.commands.values():
            if command.process is not None and not command.output.has_ended:
                command.process.signal("terminate")
            command.output.abort(WsManFaultError(faults.OPERATION_ABORTED))
        self._backend.shell_closed(shell.spec.shell_id)

    def forget_shells(self) -> tuple[str, ...]:
        """Drop all shells without a word to their processes (the machine went down); return their ids."""
        forgotten = tuple(self._shells)
        for shell in self._shells.values():
            for command in shell.commands.values():
                command.output.abort(WsManFaultError(faults.OPERATION_ABORTED))
        self._shells.clear()
        return forgotten

    def _get_shell(self, request: Envelope, caller: Caller) -> bytes:
        shell = self._find_shell(request, caller)
        running = sum(not command.output.has_ended for command in shell.commands.values())
        state = f"<rsp:State>Connected</rsp:State><rsp:ChildProcesses>{running}</rsp:ChildProcesses>"
        return self._replies.build(request, self._describe(shell, state))

    def _get_config(self, request: Envelope) -> bytes:
        quotas = self.quotas
        body = (
            f'<cfg:Config xmlns:cfg="{soap.CONFIG}"><cfg:MaxEnvelopeSizekb>{quotas.max_envelope_kb}'
            f"</cfg:MaxEnvelopeSizekb><cfg:MaxTimeoutms>{quotas.max_timeout_s * 1000:.0f}</cfg:MaxTimeoutms>"
            "<cfg:Service><cfg:MaxConcurrentOperationsPerUser>"
            f"{quotas.max_operations_per_user}</cfg:MaxConcurrentOperationsPerUser>"
            f"<cfg:MaxPacketRetrievalTimeSeconds>{quotas.connection_idle_timeout_s:.0f}"
            "</cfg:MaxPacketRetrievalTimeSeconds><cfg:AllowUnencrypted>false</cfg:AllowUnencrypted></cfg:Service>"
            f"<cfg:Winrs><cfg:IdleTimeout>{quotas.shell_idle_timeout_s * 1000:.0f}</cfg:IdleTimeout>"
            f"<cfg:MaxShellsPerUser>{quotas.max_shells_per_user}</cfg:MaxShellsPerUser></cfg:Winrs></cfg:Config>"
        )
        return self._replies.build(request, body)

    # -- commands

    def _start_command(self, request: Envelope, caller: Caller) -> bytes:
        shell = self._find_shell(request, caller)
        limit = self.quotas.max_operations_per_user
        if sum(each.command_count for each in self._shells.values() if each.owner == caller.user) >= limit:
            raise WsManFaultError(faults.MAX_OPERATIONS, limit=limit)
        body = request.body
        program = body.findtext(f"{RSP}Command") if body is not None else None
        if body is None or body.tag != f"{RSP}CommandLine" or program is None:
            raise WsManFaultError(faults.SCHEMA_VALIDATION)
        command_id = (body.get("CommandId") or self._new_id()).upper()
        arguments = [element.text or "" for element in body.iterfind(f"{RSP}Arguments")]
        spec = CommandSpec(
            command_id=command_id,
            command_line=" ".join([program, *arguments]),
            skip_cmd_shell=_read_flag(request.options, "WINRS_SKIP_CMD_SHELL", False),
            console_mode_stdin=_read_flag(request.options, "WINRS_CONSOLEMODE_STDIN", True),
            shell=shell.spec,
        )
        command = Command(spec, CommandOutput(self._loop, self._loop_thread_id))
        shell.command_count += 1
        try:
            command.process = self._backend.start(spec, command.output)
        except ProgramNotFoundError as error:
            raise WsManFaultError(faults.FILE_NOT_FOUND) from error
        shell.commands[command_id] = command
        reply = f"<rsp:CommandResponse><rsp:CommandId>{escape(command_id)}</rsp:CommandId></rsp:CommandResponse>"
        return self._replies.build(request, reply)

    def _find_command(self, shell: Shell, command_id: str | None) -> Command:
        if not command_id:
            raise WsManFaultError(faults.INVALID_PARAMETER)
        command = shell.commands.get(command_id.strip().upper())
        if command is None:
            raise WsManFaultError(faults.COMMAND_NOT_FOUND)
        return command

    def _send(self, request: Envelope, caller: Caller) -> bytes:
        shell = self._find_shell(request, caller)
        streams = request.body.findall(f"{RSP}Stream") if request.body is not None else []
        if not streams:
            raise WsManFaultError(faults.SCHEMA_VALIDATION)
        for stream in streams:
            command = self._find_command(shell, stream.get("CommandId"))
            if command.output.has_ended or command.process is None:
                raise WsManFaultError(faults.COMMAND_NOT_FOUND)
            try:
                data = base64.b64decode(stream.text or "")
            except (binascii.Error, ValueError) as error:
                raise WsManFaultError(faults.SCHEMA_VALIDATION) from error
            command.process.stdin(data, (stream.get("End") or "").strip().lower() in ("true", "1"))
        return self._replies.build(request, "<rsp:SendResponse/>")

    def _receive(self, request: Envelope, caller: Caller) -> bytes | Awaitable[bytes]:
        shell = self._find_shell(request, caller)
        desired = request.body.find(f"{RSP}DesiredStream") if request.body is not None else None
        command = self._find_command(shell, desired.get("CommandId") if desired is not None else None)
        reply = self._deliver(request, command) if self._waiter.settled else None
        return reply or self._deliver_later(request, shell, command)

    def _deliver(self, request: Envelope, command: Command) -> bytes | None:
        """The reply if there is something to deliver. The same request again gets the same delivery again.

        [INF] "The same" means the same message id: a client that repeats a request after a lost reply sends the same
        bytes ([C] clients repeat such a request up to five times), a client that goes on sends a new id.
        """
        repeated = request.message_id and request.message_id == command.last_receive_id
        delivery = command.last_delivery if repeated else None
        if delivery is None:
            if command.output.is_drained:
                raise WsManFaultError(faults.COMMAND_NOT_FOUND)
            limit = min(request.max_envelope_bytes, self.quotas.max_envelope_kb * 1024)
            delivery = command.output.take(max(limit - _REPLY_MARGIN_BYTES, 1024))
            if delivery is None:
                return None
            command.last_receive_id, command.last_delivery = request.message_id, delivery
        return self._replies.build(request, build_receive_body(escape(command.spec.command_id), delivery))

    async def _deliver_later(self, request: Envelope, shell: Shell, command: Command) -> bytes:
        timeout_s = self._cut_timeout_s(request)
        shell.pending += 1
        try:
            while await self._waiter.wait(command.output.ready, timeout_s):
                reply = self._deliver(request, command)
                if reply is not None:
                    return reply
        finally:
            shell.pending -= 1
            shell.used_s = self._read_s()
        raise WsManFaultError(faults.OPERATION_TIMED_OUT)

    def _cut_timeout_s(self, request: Envelope) -> float:
        longest_s = self.quotas.max_timeout_s
        return longest_s if request.timeout_s is None else min(request.timeout_s, longest_s)

    def _signal(self, request: Envelope, caller: Caller) -> bytes:
        shell = self._find_shell(request, caller)
        body = request.body
        if body is None or body.tag != f"{RSP}Signal":
            raise WsManFaultError(faults.SCHEMA_VALIDATION)
        command = self._find_command(shell, body.get("CommandId"))
        code = (body.findtext(f"{RSP}Code") or "").strip().rsplit("/", 1)[-1].lower()
        if code not in _SIGNALS:
            raise WsManFaultError(faults.INVALID_PARAMETER)
        output = command.output
        if command.process is not None and not output.has_ended:
            command.process.signal(_SIGNALS[code])
        # Terminate ends the command's life; so does any signal once there is nothing more to receive.
        if code == "terminate" or output.is_drained:
            del shell.commands[command.spec.command_id]
            output.abort(WsManFaultError(faults.OPERATION_ABORTED))
        return self._replies.build(request, "<rsp:SignalResponse/>")


def _read_codepage(options: Mapping[str, str]) -> int:
    text = options.get("WINRS_CODEPAGE", "437").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        raise WsManFaultError(faults.INVALID_PARAMETER)
    return int(text)


def _read_flag(options: Mapping[str, str], name: str, default: bool) -> bool:
    text = options.get(name)
    return default if text is None else text.strip().lower() in ("true", "1")


def _format_age(age_s: float) -> str:
    minutes = int(age_s) // 60
    return f"P{minutes // 1440}DT{minutes // 60 % 24}H{minutes % 60}M{int(age_s) % 60}S"
