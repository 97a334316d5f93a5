"""What labs left whose owner was killed and that nobody opened again: found and removed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from harness.clock import DeadlineExpiredError, wait_until
from harness.labs.nested.files import remove
from harness.labs.nested.namespace import exists, remove_namespace
from harness.labs.nested.owner import OWNER_NAME, Owner, owner_of
from harness.labs.nested.port import DomainState, Hypervisor

_GROUPS: Final = Path("/sys/fs/cgroup")
_GROUP_PLACES: Final = ("machine", "machine.slice", "*/machine", "*/machine.slice")
_GROUP_END: Final = ".libvirt-qemu"
_PROGRAMS: Final = ("qemu-system-", "swtpm")
_ENDS_WITHIN_S: Final = 10.0

Connect = Callable[[str], Hypervisor]
"""Opens a connection to a daemon's hypervisor by its address."""


class LeftoverKind(StrEnum):
    """What was left."""

    DOMAIN = "domain"
    PROCESS = "process"
    NAMESPACE = "namespace"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing that a dead owner's lab left: `name` is a domain, a process number, a namespace or a path."""

    lab: str
    kind: LeftoverKind
    name: str


def leftovers(labs: Path, connect: Connect | None = None) -> list[Leftover]:
    """What is left of labs with a folder below `labs` whose owner is dead.

    Domains of a daemon are looked at through `connect`, without it not at all.  Those of the driver inside a process
    are files in its folder, and processes.
    """
    return [left for folder, owner in _dead(labs) for left in _of(folder, owner, connect)]


def clean(labs: Path, connect: Connect | None = None) -> list[Leftover]:
    """Remove all that `leftovers` finds, and return it.  Can be called again after being killed itself."""
    removed: list[Leftover] = []
    for folder, owner in _dead(labs):
        found = _of(folder, owner, connect)
        if connect is not None and not _embedded(owner):
            _remove_domains(owner, connect)
        for left in found:
            if left.kind is LeftoverKind.PROCESS:
                _end(int(left.name), folder, owner)
        if owner.namespace:
            remove_namespace(owner.namespace)
        _remove_folder(folder)
        removed += found
    return removed


def _dead(labs: Path) -> Iterator[tuple[Path, Owner]]:
    folders = sorted(labs.iterdir()) if labs.is_dir() else []
    for folder in folders:
        owner = owner_of(folder)
        if owner is not None and owner.holder.proven_dead:
            yield folder, owner


def _of(folder: Path, owner: Owner, connect: Connect | None) -> list[Leftover]:
    found = [Leftover(owner.lab, LeftoverKind.PROCESS, str(pid)) for pid in _processes(folder, owner)]
    if connect is not None and not _embedded(owner):
        hypervisor = connect(owner.uri)
        known = [name for name in owner.domains if hypervisor.state(name) is not DomainState.ABSENT]
        hypervisor.close()
        found += [Leftover(owner.lab, LeftoverKind.DOMAIN, name) for name in known]
    if owner.namespace and exists(owner.namespace):
        found.append(Leftover(owner.lab, LeftoverKind.NAMESPACE, owner.namespace))
    return [*found, Leftover(owner.lab, LeftoverKind.FOLDER, str(folder))]


def _embedded(owner: Owner) -> bool:
    return owner.uri.startswith("qemu:///embed")


def _remove_domains(owner: Owner, connect: Connect) -> None:
    hypervisor = connect(owner.uri)
    for name in owner.domains:
        hypervisor.stop(name)
        hypervisor.undefine(name)
    hypervisor.close()


def _processes(folder: Path, owner: Owner) -> list[int]:
    """QEMU and swtpm processes of a lab: they name its folder or the UUID of one of its machines."""
    numbers = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    return [pid for pid in sorted(numbers) if _belongs(pid, folder, owner)]


def _belongs(pid: int, folder: Path, owner: Owner) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False
    if not Path(words[0]).name.startswith(_PROGRAMS):
        return False
    marks = (f"{folder}/", *owner.domains.values())
    return any(mark in word for word in words for mark in marks)


def _end(pid: int, folder: Path, owner: Owner) -> None:
    """End a process, which is looked at once more: its number may be somebody else's by now."""
    if _belongs(pid, folder, owner):
        groups = _control_groups(pid)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        wait_until(
            lambda: None if _belongs(pid, folder, owner) else True,
            within_s=_ENDS_WITHIN_S,
            what=f"process {pid} to end",
        )
        _remove_groups(groups)


def _control_groups(pid: int) -> set[str]:
    """Names of the control groups that libvirt made for a process (`qemu-….libvirt-qemu`; cgroups(7))."""
    with suppress(OSError):
        text = Path(f"/proc/{pid}/cgroup").read_text()
        return {part for part in text.replace("\n", "/").split("/") if part.endswith(_GROUP_END)}
    return set()


def _remove_groups(names: set[str]) -> None:
    """Remove control groups, the inner ones first; a process leaves its groups a little after it has ended."""
    patterns = [f"{place}/{name}" for name in names for place in _GROUP_PLACES]

    def removed() -> bool | None:
        found = [path for pattern in patterns for path in _GROUPS.glob(pattern)]
        for path in found:
            inner = sorted((one for one in path.rglob("*") if one.is_dir()), reverse=True)
            for one in (*inner, path):
                with suppress(OSError):
                    one.rmdir()
        return None if any(path.exists() for path in found) else True

    with suppress(DeadlineExpiredError):  # an empty group harms nobody
        wait_until(removed, within_s=_ENDS_WITHIN_S, what="control groups to be empty")


def _remove_folder(folder: Path) -> None:
    """The owner's record goes last, so that a killed cleaning is found again."""
    for path in folder.iterdir():
        if path.name != OWNER_NAME:
            remove(path)
    remove(folder)
