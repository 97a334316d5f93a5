"""What differs between two looks at a guest: the arithmetic of "was it restarted, was anything touched".

Used while a run goes on and by the judge.  Which signs prove that a guest was not restarted is [INF]; the signs are [D]
Win32_OperatingSystem, event ids of the System log, registry keys of a pending restart.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from harness.values import GuestEvent, GuestInventory, GuestService

BOOT_DRIFT: Final = timedelta(seconds=1)
"""[INF] Windows computes the time of its start from the present time: a time synchronisation may move it by so much."""

RUNNING: Final = "Running"

RESTLESS: Final = frozenset(
    {
        "BITS",
        "CDPSvc",
        "DoSvc",
        "edgeupdate",
        "MapsBroker",
        "msiserver",
        "RemoteRegistry",
        "sppsvc",
        "tiledatamodelsvc",
        "TrustedInstaller",
        "UsoSvc",
        "WaaSMedicSvc",
        "wuauserv",
    }
)
"""Automatic services that an installation, or Windows itself, starts and stops at any time [GK]: they prove nothing."""

RESTART_EVENTS: Final[dict[str, frozenset[int]]] = {
    "Microsoft-Windows-Kernel-General": frozenset({12, 13}),
    "EventLog": frozenset({6005, 6006, 6008, 6009}),
    "User32": frozenset({1074}),
    "Microsoft-Windows-Kernel-Power": frozenset({41}),
}
"""Provider → ids of the System log that tell of a start, a stop or a crash ([D] event ids)."""

BOOT_EVENT: Final = ("EventLog", 6005)
"""Written once at each start."""


def moment(text: str) -> datetime | None:
    """A UTC text as time; None where it is empty or none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def same_moment(one: str, other: str) -> bool:
    """Do both texts name the same moment, less the drift of a guest's clock?  Unknown moments are the same as none."""
    first, second = moment(one), moment(other)
    return first is not None and second is not None and abs(first - second) <= BOOT_DRIFT


def same_boot(before: GuestInventory, after: GuestInventory) -> bool:
    """Is it still the same start of the operating system?"""
    return same_moment(before.booted, after.booted)


def new_events(before: GuestInventory, after: GuestInventory) -> tuple[GuestEvent, ...]:
    """Events that tell of a restart and were not there before, oldest first."""
    newest = max((event.record for event in before.events), default=0)
    return tuple(
        sorted(
            (event for event in after.events if event.record > newest and tells_of_restart(event)),
            key=lambda event: event.record,
        )
    )


def tells_of_restart(event: GuestEvent) -> bool:
    """Is it one of a start, a stop or a crash?"""
    return event.id in RESTART_EVENTS.get(event.provider, ())


def boots_between(before: GuestInventory, after: GuestInventory) -> int:
    """How often the guest started in between: starts in its log, and at least one when its boot is another."""
    starts = sum((event.provider, event.id) == BOOT_EVENT for event in new_events(before, after))
    return max(starts, 0 if same_boot(before, after) else 1)


def new_pending(before: GuestInventory, after: GuestInventory) -> tuple[str, ...]:
    """Signs of a pending restart that were not there before: hard ones always count, soft ones by comparison."""
    return tuple(sorted({*after.pending} - {*before.pending}) + sorted({*after.pending_soft} - {*before.pending_soft}))


def disturbed_services(before: GuestInventory, after: GuestInventory) -> tuple[str, ...]:
    """Services that ran before and now run in another process, or not at all; restless ones aside."""
    now = {service.name: service for service in after.services}
    return tuple(
        service.name
        for service in before.services
        if service.state == RUNNING
        and service.name not in RESTLESS
        and not _same_process(service, now.get(service.name))
    )


def _same_process(before: GuestService, after: GuestService | None) -> bool:
    """Same id and same start: ids alone are used again."""
    if after is None or after.state != RUNNING or after.pid != before.pid:
        return False
    return not (before.started and after.started) or same_moment(before.started, after.started)


def missing_services(before: GuestInventory, after: GuestInventory) -> tuple[str, ...]:
    """Services that ran before and do not run now, in whatever process."""
    running = {service.name for service in after.services if service.state == RUNNING}
    return tuple(
        service.name
        for service in before.services
        if service.state == RUNNING and service.name not in RESTLESS and service.name not in running
    )


def differences(before: GuestInventory, after: GuestInventory) -> tuple[str, ...]:
    """Everything in which a guest that should have been left alone differs, in words."""
    found = []
    if before.shown_build != after.shown_build:
        found.append(f"build {before.shown_build} → {after.shown_build}")
    added, gone = sorted({*after.kbs} - {*before.kbs}), sorted({*before.kbs} - {*after.kbs})
    found += [f"{kb} was added" for kb in added] + [f"{kb} is gone" for kb in gone]
    if not same_boot(before, after):
        found.append(f"it restarted: started {before.booted} → {after.booted}")
    found += [f"restart pending: {name}" for name in new_pending(before, after)]
    if same_boot(before, after):
        found += [f"service {name} was restarted or stopped" for name in disturbed_services(before, after)]
    return tuple(found)
