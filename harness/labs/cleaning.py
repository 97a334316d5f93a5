"""Bringing a machine to order after lab hosts were killed: what they left is removed under the lease of the instance.

Only nested labs leave anything outside of the process that hosts them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import HarnessError, LabError, LeaseError
from harness.labs.control import SOCKET_NAME
from harness.labs.host import READY_NAME, STARTING_NAME
from harness.labs.hosting import find_host, folder_of, labs_folder
from harness.labs.lease import LeaseStore
from harness.labs.nested.hypervisor import Connection
from harness.labs.nested.leftovers import Leftover, clean, leftovers, machine_folders

PURPOSE: Final = "lab clean"


@dataclass(frozen=True, slots=True)
class Remains:
    """What the killed lab host of one instance left; `trouble` says why it was not removed."""

    instance: str
    left: tuple[Leftover, ...]
    trouble: HarnessError | None = None


def find_remains() -> list[Remains]:
    """What killed lab hosts left on this machine, by instance.  Instances with a living lab host have none.

    Where a hypervisor cannot be asked, `trouble` says so, and its domains are not among what is left.
    """
    return [found for instance in _instances() if (found := _remains_of(instance)).left]


def remove_remains() -> Iterator[Remains]:
    """Remove what `find_remains` finds, one instance after the other, each under its lease; an instance that cannot
    be leased is left as it is."""
    for remains in find_remains():
        instance = remains.instance
        leases = LeaseStore()
        try:
            lease = leases.acquire(instance, purpose=PURPOSE)
        except LeaseError as error:
            yield Remains(instance, remains.left, error)
            continue
        try:
            removed = Remains(instance, tuple(clean_instance(instance)))
        except HarnessError as error:
            removed = Remains(instance, remains.left, error)
        finally:
            leases.release(lease)
        yield removed


def clean_instance(instance: str) -> list[Leftover]:
    """Remove what the killed lab host of an instance left, and return it; nothing where its lab host lives.

    Only for whoever holds the lease.  Raises LabError when something cannot be removed: what is left is found again.
    """
    if find_host(instance).alive:
        return []
    removed = clean(labs_folder(), Connection, only=_folders(instance))
    if removed:
        for name in (READY_NAME, STARTING_NAME, SOCKET_NAME):  # the log stays: it may say why the host died
            (folder_of(instance) / name).unlink(missing_ok=True)
    return removed


def _instances() -> list[str]:
    return sorted({folder.relative_to(labs_folder()).parts[0] for folder in machine_folders(labs_folder())})


def _folders(instance: str) -> list[Path]:
    host = folder_of(instance)
    return [folder for folder in machine_folders(labs_folder()) if folder == host or folder.parent == host]


def _remains_of(instance: str) -> Remains:
    if find_host(instance).alive:
        return Remains(instance, ())
    folders = _folders(instance)
    try:
        return Remains(instance, tuple(leftovers(labs_folder(), Connection, only=folders)))
    except LabError as error:
        return Remains(instance, tuple(leftovers(labs_folder(), only=folders)), error)
