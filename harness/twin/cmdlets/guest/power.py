"""``Restart-Computer`` and ``shutdown.exe`` ([D] PSD 5.1 Restart-Computer; exit codes of shutdown [C])."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import IO, Any, Final

from harness.twin.cmdlets.guest.access import icacls
from harness.twin.cmdlets.guest.modules import MANAGEMENT, machine_of
from harness.twin.cmdlets.guest.servicing import wusa
from harness.twin.model.errors import ModelError
from harness.twin.model.windows.plant import SYSTEM_USER
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.host import Writer

GuestProgram = Callable[[Any, Sequence[str], IO[bytes], Writer, Writer], int]
"""A program of a guest: its machine, its words, standard input, output and error; gives the exit code."""

SHUTDOWN_IN_PROGRESS: Final = 1115
"""ERROR_SHUTDOWN_IN_PROGRESS [C]."""
_DEFAULT_DELAY_S: Final = 30
"""[GK] ``shutdown /r`` without ``/t``."""
_HERE: Final = ("", ".", "localhost")
_WINRM_HOST: Final = "C:\\Windows\\system32\\wsmprovhost.exe"
"""Process behind a WinRM session that restarts the machine [GK]."""


@MANAGEMENT.cmdlet(
    "Restart-Computer",
    Parameter("ComputerName", "string[]", position=0, aliases=("CN", "Server", "IPAddress")),
    Parameter("Force", "switch"),
    should_process=True,
)
def restart_computer(call: Call) -> None:
    """Restarts this guest; others need a second hop, which a plain session does not have [GK]."""
    for name in call.texts("ComputerName") or [""]:
        if name.lower() not in (*_HERE, str(call.host.computer_name).lower()):
            text = f"Failed to restart the computer {name} with the following error message: Access is denied."
            call.write_error(
                text, "RestartcomputerFailed", "OperationStopped", name, "System.InvalidOperationException"
            )
        elif call.should_process(str(call.host.computer_name), "Restart-Computer"):
            try:
                call.host.model.windows.restart(machine_of(call), _WINRM_HOST, shown_user(call.host))
            except ModelError as error:
                call.write_error(
                    f"Failed to restart the computer {call.host.computer_name} with the following error message: "
                    f"{error}.",
                    "RestartcomputerFailed",
                    "OperationStopped",
                    name,
                    "System.InvalidOperationException",
                )


def shutdown(host: Any, words: Sequence[str], stdin: IO[bytes], stdout: Writer, stderr: Writer) -> int:
    """``shutdown.exe``: ``/r`` with ``/t``, ``/f``, ``/c``, ``/d``."""
    del stdin, stdout
    low = [word.lower().replace("-", "/", 1) for word in words[1:]]
    if "/r" not in low:
        stderr(f"twin limitation: shutdown {' '.join(words[1:])} is not simulated; only /r is\r\n".encode())
        return 1
    delay_s = _DEFAULT_DELAY_S
    if "/t" in low:
        text = low[low.index("/t") + 1] if low.index("/t") + 1 < len(low) else ""
        if not text.isdigit():
            stderr(b"The value for /t is not a number of seconds.\r\n")
            return 1
        delay_s = int(text)
    try:
        host.model.windows.restart(host.machine, "C:\\Windows\\system32\\shutdown.exe", shown_user(host), delay_s)
    except ModelError:
        stderr(f"A system shutdown is in progress.({SHUTDOWN_IN_PROGRESS})\r\n".encode())
        return SHUTDOWN_IN_PROGRESS
    return 0


def shown_user(host: Any) -> str:
    """The process' user as event 1074 names it."""
    return SYSTEM_USER if host.environment.get("USERNAME", "").upper() == "SYSTEM" else str(host.user)


PROGRAMS: Final[Mapping[str, GuestProgram]] = MappingProxyType({"icacls": icacls, "shutdown": shutdown, "wusa": wusa})
"""Programs of a guest beside the shell's own."""
