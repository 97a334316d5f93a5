"""What the shell needs from the machine it runs on."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from harness.twin.shell.commands.api import CommandTable


@runtime_checkable
class ShellHost(Protocol):
    """A node or guest of the lab, as the shell sees it."""

    @property
    def computer_name(self) -> str:
        """NetBIOS name of the machine."""

    @property
    def commands(self) -> CommandTable:
        """The commands that exist on this machine."""

    @property
    def environment(self) -> MutableMapping[str, str]:
        """Environment variables; a new process starts with a copy."""

    @property
    def culture(self) -> str:
        """Name of the culture; only ``en-US`` has patterns."""

    def now(self) -> datetime:
        """Lab time, aware, in UTC."""

    def wait(self, seconds: float, ready: Callable[[], bool] | None = None) -> bool:
        """Block the command for lab time, until ``ready`` says so or the time is over; True when ready (or none given).

        Raises ``PipelineStopped`` when the process is being ended.
        """
