"""What stands behind and beside the WinRM endpoint: the ports its owner implements.

The endpoint knows shells, commands and bytes. What a command line *does* is the business of a `Backend`; how long a
pending request may wait is the business of a `Waiter`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class ProgramNotFoundError(Exception):
    """Raise from `Backend.start` when a command started without cmd.exe names no program.

    The client gets fault 2147942402 (0x80070002), as seen with WINRS_SKIP_CMD_SHELL and a wrong executable
    [C]. With cmd.exe in between there is no fault: write cmd's message to stderr and exit with 1.
    """


@dataclass(frozen=True, slots=True)
class ShellSpec:
    """A WinRS text shell as its Create request asked for it ([D] MS-WSMV 2.2.4, Shell).

    `user` is the account as `DOMAIN\\name`, or just `name` for an account of the machine. `codepage` is the console
    code page that decides the bytes of stdout and stderr (437 when the client did not say). `delegated` tells whether
    the log-on that created it left a credential on the node: then its commands can go on to other machines (the second
    hop), else these refuse them.
    """

    shell_id: str
    user: str
    environment: Mapping[str, str]
    working_directory: str | None
    codepage: int
    noprofile: bool
    delegated: bool = False


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """One command of a shell; `command_line` is command and arguments joined by blanks ([D] MS-WSMV 2.2.4,
    CommandLine).

    The limit of cmd.exe (8191 characters [D]) is not applied here: it is cmd.exe that complains, on stdout.
    """

    command_id: str
    command_line: str
    skip_cmd_shell: bool
    console_mode_stdin: bool
    shell: ShellSpec


class OutputSink(Protocol):
    """Where a process writes. Every method is thread-safe and may be called from any thread, never blocks."""

    def stdout(self, data: bytes) -> None:
        """Append bytes in the shell's code page. Ignored after `exit`."""

    def stderr(self, data: bytes) -> None:
        """Append bytes in the shell's code page. Ignored after `exit`."""

    def exit(self, code: int) -> None:
        """End the process; only the first call counts. Codes of 2**31 and more are sent as signed 32-bit numbers."""


class Process(Protocol):
    """A started command."""

    def stdin(self, data: bytes, end: bool) -> None:
        """Take input bytes; `end` closes the pipe. Called on the server's loop: must not block."""

    def signal(self, code: str) -> None:
        """Take "terminate", "ctrl_c" or "ctrl_break". Called on the server's loop: must not block.

        Also called with "terminate" for a process still running when its shell is deleted.
        """


class Backend(Protocol):
    """What runs behind the shells of one node."""

    def start(self, command: CommandSpec, sink: OutputSink) -> Process:
        """Start a command; may write to the sink before returning. Called on the server's loop: must not block.

        Raises `ProgramNotFoundError` when there is no such program and no cmd.exe in between.
        """

    def shell_closed(self, shell_id: str) -> None:
        """Hear that a shell is gone: deleted, idle for too long, or forgotten at a reboot."""


class Waiter(Protocol):
    """How a request that has nothing to answer yet waits: wall clock by default, the lab's own on a virtual clock."""

    @property
    def settled(self) -> bool:
        """Whether what there is to deliver now is all of this instant: nobody who may add to it computes."""

    async def wait(self, ready: asyncio.Event, timeout_s: float) -> bool:
        """Return True when `ready` is set, False when the request's time is up."""


class WallWaiter:
    """Waits on the wall clock: the default of every endpoint."""

    @property
    def settled(self) -> bool:
        """On the wall clock every moment is an instant of its own."""
        return True

    async def wait(self, ready: asyncio.Event, timeout_s: float) -> bool:
        """Return True as soon as `ready` is set, False after `timeout_s` wall seconds."""
        try:
            async with asyncio.timeout(timeout_s):
                await ready.wait()
        except TimeoutError:
            return False
        return True
