"""What labs left whose owner was killed and that nobody opened again: found and removed."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from harness.clock import DeadlineExpiredError, wait_until
from harness.labs.nested.embedroot import EMBED, is_ours, remove_root, root_of
from harness.labs.nested.namespace import exists, processes_in, remove_namespace
from harness.labs.nested.owner import Owner, never_claimed, owner_of, remove_claimed
from harness.labs.nested.port import DomainState, Hypervisor

MACHINES_NAME: Final = "machines"
"""In a lab host's folder: the folder of its machines."""
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
    """One thing that a dead owner's lab left: `name` is a domain, a process number, a namespace or a path.

    `lab` is empty for the folder of an owner that was killed before it wrote who it is.
    """

    lab: str
    kind: LeftoverKind
    name: str


def machine_folders(labs: Path) -> list[Path]:
    """Folders of machines below `labs`, the folder of all lab hosts: `labs/*/machines`, and `labs/*` with a record."""
    hosts = sorted(path for path in labs.iterdir() if path.is_dir()) if labs.is_dir() else []
    found = []
    for host in hosts:
        found += [host / MACHINES_NAME] if (host / MACHINES_NAME).is_dir() else []
        found += [host] if owner_of(host) is not None else []
    return found


def leftovers(labs: Path, connect: Connect | None = None, *, only: Collection[Path] | None = None) -> list[Leftover]:
    """What is left in the folders of machines below `labs` (or in `only` those of them) whose owner is dead.

    Domains of a daemon are looked at through `connect`, without it not at all.  Those of the driver inside a process
    are files in its folder, and processes.
    """
    return [left for one in _dead(labs, only) for left in one.left(connect)]


def clean(labs: Path, connect: Connect | None = None, *, only: Collection[Path] | None = None) -> list[Leftover]:
    """Remove all that `leftovers` finds, and return it.  Can be called again after being killed itself."""
    return [left for one in _dead(labs, only) for left in one.clean(connect)]


def _dead(labs: Path, only: Collection[Path] | None) -> list[_Dead]:
    owners = {folder: owner_of(folder) for folder in machine_folders(labs)}
    alive = [owner for owner in owners.values() if owner is not None and not owner.holder.proven_dead]
    used = {owner.namespace for owner in alive} | {str(root_of(owner.uri)) for owner in alive}
    dead = []
    for folder, owner in owners.items():
        if only is not None and folder not in only:
            continue
        if owner is None and never_claimed(folder):
            dead.append(_Dead(folder))
        elif owner is not None and owner.holder.proven_dead:
            dead.append(_without_others(folder, owner, used))
    return dead


def _without_others(folder: Path, owner: Owner, used: Collection[str]) -> _Dead:
    """What is of a dead owner: not the namespace or driver's folder that a living one names too (`used`), nor a
    namespace in which machines of another folder run: their owner may be recorded elsewhere."""
    root = root_of(owner.uri)
    outside = root is not None and str(root) not in used and not root.is_relative_to(folder) and is_ours(root)
    one = _Dead(folder, owner, "" if owner.namespace in used else owner.namespace, root if outside else None)
    if one.namespace and any(_machine(pid) and not _belongs(pid, one.marks) for pid in processes_in(one.namespace)):
        return replace(one, namespace="")
    return one


@dataclass(frozen=True, slots=True)
class _Dead:
    """A folder of machines whose owner is dead, and what is outside of it: namespace, and folder of the driver."""

    folder: Path
    owner: Owner | None = None
    namespace: str = ""
    root: Path | None = None

    def left(self, connect: Connect | None) -> list[Leftover]:
        lab = self.owner.lab if self.owner else ""
        found = [(LeftoverKind.PROCESS, str(pid)) for pid in sorted({*self._machines(), *self._inside()})]
        found += [(LeftoverKind.DOMAIN, name) for name in self._domains(connect)]
        if self.namespace and exists(self.namespace):
            found.append((LeftoverKind.NAMESPACE, self.namespace))
        if self.root is not None:
            found.append((LeftoverKind.FOLDER, str(self.root)))
        found.append((LeftoverKind.FOLDER, str(self.folder)))
        return [Leftover(lab, kind, name) for kind, name in found]

    def clean(self, connect: Connect | None) -> list[Leftover]:
        """The folder with the owner's record goes last: killed in between, the rest is found again."""
        found = self.left(connect)
        if self.owner is not None:
            if connect is not None and not _embedded(self.owner):
                _remove_domains(self.owner, connect)
            for pid in self._machines():
                _end(pid, self.marks)
        if self.namespace:
            remove_namespace(self.namespace)
        if self.root is not None:
            remove_root(self.root)
        remove_claimed(self.folder)
        return found

    @property
    def marks(self) -> tuple[str, ...]:
        """Paths that are this lab's alone.  Names and UUIDs of machines are not: a lab of the same name in another
        state folder has the same ones, and may be alive."""
        return tuple(f"{folder}/" for folder in (self.folder, self.root) if folder is not None)

    def _machines(self) -> list[int]:
        return _processes(self.marks) if self.owner else []

    def _inside(self) -> list[int]:
        """Whatever runs in the namespace, machines too."""
        return processes_in(self.namespace) if self.namespace else []

    def _domains(self, connect: Connect | None) -> list[str]:
        if connect is None or self.owner is None or _embedded(self.owner):
            return []
        hypervisor = connect(self.owner.uri)
        try:
            return [name for name in self.owner.domains if hypervisor.state(name) is not DomainState.ABSENT]
        finally:
            hypervisor.close()


def _embedded(owner: Owner) -> bool:
    return owner.uri.startswith(EMBED)


def _remove_domains(owner: Owner, connect: Connect) -> None:
    hypervisor = connect(owner.uri)
    try:
        for name in owner.domains:
            hypervisor.stop(name)
            hypervisor.undefine(name)
    finally:
        hypervisor.close()


def _processes(marks: Collection[str]) -> list[int]:
    """QEMU and swtpm processes of a lab: they name its folder, or that of the driver."""
    numbers = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    return [pid for pid in sorted(numbers) if _belongs(pid, marks)]


def _belongs(pid: int, marks: Collection[str]) -> bool:
    """Whether a process is a machine's and names a path that begins with one of `marks`."""
    words = _machine(pid)
    return any(re.search(rf"(?<![\w/.-]){re.escape(mark)}", word) for word in words for mark in marks)


def _machine(pid: int) -> list[str]:
    """The command line of a process that is a machine's; empty for every other, and for none."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []
    return words if Path(words[0]).name.startswith(_PROGRAMS) else []


def _end(pid: int, marks: Collection[str]) -> None:
    """End a process, which is looked at once more: its number may be somebody else's by now."""
    if _belongs(pid, marks):
        groups = _control_groups(pid)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        wait_until(
            lambda: None if _belongs(pid, marks) else True,
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
