"""Snapshot sets: copies of everything that all machines of a lab remember, taken while they are off.

libvirt cannot revert external snapshots (9.0: "not supported yet"), and internal ones do not go with UEFI variables, so
they are made here, of files.  A set is a folder; it counts only when its manifest is in place, which is written last.
What is there without a manifest was being made when a process died, and is removed at next sight.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from harness.errors import ConfigError, LabError
from harness.labs.nested.files import copy_whole, remove, write_whole

MANIFEST: Final = "manifest.json"
PRISTINE: Final = "pristine"
"""The set that always exists: machines as made from their base images, with empty data disks."""
_NEW: Final = ".new"
_SCHEMA: Final = 1
_NAMES: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}")


class SnapshotSets:
    """The sets below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> tuple[str, ...]:
        """Names of the whole sets, sorted.  Partly made ones are removed, whole replacements put in place."""
        if not self._folder.is_dir():
            return ()
        for path in sorted(self._folder.glob(f"*{_NEW}")):
            if _is_whole(path):
                self._put_in_place(path)
            else:
                remove(path)
        for path in self._folder.iterdir():
            if not _is_whole(path):
                remove(path)
        return tuple(sorted(path.name for path in self._folder.iterdir()))

    def make(self, name: str, sources: Mapping[str, Path]) -> None:
        """Make a set of files and folders, or replace the one of this name, all at once.

        `sources` are the originals by a name that is unique in the set.  Raises ConfigError for a name that cannot be
        used, LabError when a source is missing.
        """
        check_name(name)
        if missing := [str(path) for path in sources.values() if not path.exists()]:
            raise LabError(f"snapshot set '{name}': {missing[0]} is not there", hint="make the machines first (ensure)")
        new = self._folder / f"{name}{_NEW}"
        remove(new)
        new.mkdir(parents=True)
        for label, path in sorted(sources.items()):
            copy_whole(path, new / label)
        members = {label: _size(new / label) for label in sorted(sources)}
        write_whole(new / MANIFEST, json.dumps({"schema": _SCHEMA, "members": members}, indent=1) + "\n")
        self._put_in_place(new)

    def members(self, name: str) -> tuple[str, ...]:
        """Names of what is in a set.  Raises LabError when there is no such set or a part of it was damaged."""
        if name not in self.names():
            known = ", ".join((PRISTINE, *self.names()))
            raise LabError(f"there is no snapshot set '{name}'", hint=f"sets: {known}")
        folder = self._folder / name
        members: dict[str, int] = json.loads((folder / MANIFEST).read_text())["members"]
        for label, size in members.items():
            if not (folder / label).exists() or _size(folder / label) != size:
                raise LabError(
                    f"snapshot set '{name}' is damaged: {label} is missing or has another size than its manifest says",
                    hint="remove the set and make it anew",
                )
        return tuple(members)

    def restore(self, name: str, targets: Mapping[str, Path]) -> None:
        """Copy the members of a set over `targets`; a target that the set has not is removed.

        Killed at any point, it can be done again.  Raises LabError as `members` does, before anything is touched, and
        for a set with a member of which the target is unknown.
        """
        members = self.members(name)
        if unknown := [label for label in members if label not in targets]:
            raise LabError(
                f"snapshot set '{name}' has '{unknown[0]}', which no machine of the lab has now",
                hint="it was made for another lab file; make the set anew",
            )
        for label, path in sorted(targets.items()):
            if label in members:
                copy_whole(self._folder / name / label, path)
            else:
                remove(path)

    def remove(self, name: str) -> None:
        """Remove a set; harmless when there is none."""
        folder = self._folder / name
        (folder / MANIFEST).unlink(missing_ok=True)  # first: without it the rest does not count
        remove(folder)

    def _put_in_place(self, new: Path) -> None:
        name = new.name.removesuffix(_NEW)
        self.remove(name)
        new.rename(self._folder / name)


def check_name(name: str) -> None:
    """Raises ConfigError for a name that a set made by us cannot have."""
    if name == PRISTINE or not _NAMES.fullmatch(name):
        raise ConfigError(
            f"'{name}' cannot be the name of a snapshot set",
            hint=f"letters, digits, hyphens and underscores; '{PRISTINE}' is always there",
        )


def _is_whole(folder: Path) -> bool:
    return (folder / MANIFEST).is_file()


def _size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size
