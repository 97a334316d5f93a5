"""``Get-WinEvent`` and ``Get-EventLog`` over a guest's event logs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.eventlogs import EVENT_LOG, WIN_EVENT, log_entries, win_events
from harness.twin.cmdlets.guest.modules import DIAGNOSTICS, MANAGEMENT, machine_of
from harness.twin.shell.commands.api import Call

_LOGS: Final = ("System", "Setup", "Application")


@DIAGNOSTICS.cmdlet("Get-WinEvent", *WIN_EVENT, default_set="Log")
def get_win_event(call: Call) -> Iterator[object]:
    """Events, newest first; an error when there is none."""
    yield from win_events(call, machine_of(call).log, _LOGS, all_logs=True)


@MANAGEMENT.cmdlet("Get-EventLog", *EVENT_LOG)
def get_event_log(call: Call) -> Iterator[object]:
    """Entries of a classic log, newest first."""
    yield from log_entries(call, machine_of(call).log, _LOGS)
