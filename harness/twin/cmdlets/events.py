"""``Get-WinEvent`` and ``Get-EventLog`` over a node's event logs: what the model does, not all that Windows writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.computer import MANAGEMENT
from harness.twin.cmdlets.declaring import Module, classes
from harness.twin.cmdlets.eventlogs import EVENT_LOG, WIN_EVENT, log_entries, win_events
from harness.twin.model.nodeevents import LOGS, log_of
from harness.twin.shell.commands.api import Call

DIAGNOSTICS: Final = Module("Microsoft.PowerShell.Diagnostics", classes("Microsoft.PowerShell.Commands.{}Command"))


@DIAGNOSTICS.cmdlet("Get-WinEvent", *WIN_EVENT, default_set="Log")
def get_win_event(call: Call) -> Iterator[object]:
    """Events of this node, newest first; an error when there is none."""
    yield from win_events(call, log_of(call.host.model, call.host.node), LOGS, all_logs=False)


@MANAGEMENT.cmdlet("Get-EventLog", *EVENT_LOG)
def get_event_log(call: Call) -> Iterator[object]:
    """Entries of a classic log of this node, newest first."""
    yield from log_entries(call, log_of(call.host.model, call.host.node), LOGS)
