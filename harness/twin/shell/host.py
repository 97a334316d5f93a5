"""What the shell needs from the machine it runs on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from datetime import datetime
from typing import IO, TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from harness.twin.shell.commands.api import CommandTable


Writer = Callable[[bytes], None]
"""Takes a program's output."""

Program = Callable[[Sequence[str], IO[bytes], Writer, Writer], int]
"""A program of a machine: its words, standard input, output and error; gives the exit code."""


class ShellHost(Protocol):
    """A node or guest of the lab, as the shell sees it."""

    @property
    def computer_name(self) -> str:
        """NetBIOS name of the machine."""

    @property
    def os_version(self) -> str:
        """Windows' version in its four-field form, ``10.0.26100.6899``."""

    @property
    def location(self) -> str:
        """Working directory of a new process."""

    @property
    def programs(self) -> Mapping[str, Program]:
        """Programs beside the shell's own (``hostname``, ``cmd``, ``powershell``), by name in lower case."""

    @property
    def commands(self) -> CommandTable:
        """The commands that exist on this machine."""

    @property
    def environment(self) -> MutableMapping[str, str]:
        """Environment variables of the process that the shell runs in."""

    @property
    def delegated(self) -> bool:
        """Does the user's log-on hold a credential that other machines accept: at the console, or left there by
        CredSSP?"""

    @property
    def culture(self) -> str:
        """Name of the culture; only ``en-US`` has patterns."""

    def now(self) -> datetime:
        """Lab time, aware, in UTC."""

    def charge(self, command: str) -> None:
        """A domain command or a program costs its lab time."""

    def breathe(self) -> None:
        """Let other programs compute for a moment: called now and then by long loops."""

    def wait(self, seconds: float, ready: Callable[[], bool] | None = None) -> bool:
        """Block the command for lab time, until ``ready`` says so or the time is over; True when ready (or none given).

        Raises ``PipelineStopped`` when the process is being ended.
        """
