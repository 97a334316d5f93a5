"""Restarting Windows in a guest, once and only from the start that the caller knows."""

from __future__ import annotations

from typing import Final

from harness.azurelocal.command import Command
from harness.errors import ProductError
from harness.measure.guest_changes import BOOT_DRIFT, moment
from harness.transports.powershell import fill, script_json
from harness.transports.replies import as_text

ORDERED: Final = "ordered"
UNDER_WAY: Final = "under way"
DONE: Final = "done before"
"""Answers: it was ordered now, a shutdown is in progress already, or the guest has another start than the one named."""

_TICKS_PER_S: Final = 10_000_000
_YEAR_ONE: Final = "0001-01-01T00:00:00Z"

_RESTART: Final = """$b=(Get-CimInstance Win32_OperatingSystem).LastBootUpTime.ToUniversalTime().Ticks
if([Math]::Abs($b-<<boot>>) -gt <<drift>>){'done before'}else{
try{Restart-Computer -Force -ErrorAction Stop;'ordered'}catch{
if("$($_.Exception.Message)" -match '1115|shutdown is in progress'){'under way'}else{throw}}}"""


def restart_guest(booted: str) -> Command[str]:
    """Restart the guest if it still runs since `booted`; harmless when it is sent again, whenever that is.

    Raises ValueError for a `booted` that is no moment.
    """
    began, zero = moment(booted), moment(_YEAR_ONE)
    if began is None or zero is None:
        raise ValueError(f"'{booted}' is no moment of a start")
    ticks = (began - zero).days * 86_400 * _TICKS_PER_S
    ticks += (began - zero).seconds * _TICKS_PER_S + (began - zero).microseconds * 10
    drift = round(BOOT_DRIFT.total_seconds() * _TICKS_PER_S)
    return Command("guest-restart", script_json(fill(_RESTART, boot=ticks, drift=drift), depth=1), read_answer)


def read_answer(document: object) -> str:
    """One of the three answers.  Raises ProductError for another one."""
    text = as_text(document)
    if text not in (ORDERED, UNDER_WAY, DONE):
        raise ProductError(f"the guest answered '{text}' to the order to restart", hint="look into its System log")
    return text
