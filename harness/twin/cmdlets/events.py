"""``Get-WinEvent`` and ``Get-EventLog`` over a node's event logs: what the model does, not all that Windows writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.computer import MANAGEMENT
from harness.twin.cmdlets.declaring import Module, classes
from harness.twin.cmdlets.eventlogs import EVENT_LOG, WIN_EVENT, log_entries, win_events
from harness.twin.cmdlets.othermachines import COMPUTER, COMPUTERS, EVENT_LOGS, WIN_EVENTS, on_computers
from harness.twin.model.nodeevents import LOGS, log_of
from harness.twin.shell.commands.api import Call

DIAGNOSTICS: Final = Module("Microsoft.PowerShell.Diagnostics", classes("Microsoft.PowerShell.Commands.{}Command"))


@DIAGNOSTICS.cmdlet("Get-WinEvent", *WIN_EVENT, COMPUTER, default_set="Log")
def get_win_event(call: Call) -> Iterator[object]:
    """Events of this node or another, newest first; an error when there is none."""
    yield from on_computers(
        call,
        lambda there: win_events(there, log_of(there.host.model, there.host.node), LOGS, all_logs=False),
        WIN_EVENTS,
    )


@MANAGEMENT.cmdlet("Get-EventLog", *EVENT_LOG, COMPUTERS)
def get_event_log(call: Call) -> Iterator[object]:
    """Entries of a classic log of this node or others, newest first."""
    yield from on_computers(
        call, lambda there: log_entries(there, log_of(there.host.model, there.host.node), LOGS), EVENT_LOGS
    )
