"""Where layers and images are kept: folders below `images` in the state folder that never change once they are there.

A layer is made in a folder of another name, and renamed when it is complete.  One process at a time makes some: a lock
file, held through `flock`, which the kernel gives back when its holder dies.  Whoever holds it may therefore remove
every folder that is still being made.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from harness.clock import DeadlineExpiredError, utc_now, utc_text, wait_until
from harness.errors import LabError
from harness.paths import state_dir

WAIT_FOR_OTHERS_S: Final = 1800.0
"""A builder waits so long for another one; a build takes about a minute."""
UNUSED_AFTER: Final = timedelta(days=14)
"""What nobody asked for during this time is removed by the next build."""

_LOCK: Final = "lock"
_PART: Final = ".part-"
_MANIFEST: Final = "made.json"
_SHOWN_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class Stored:
    """A complete layer: what it is, the hash that it is known by, when it was made (UTC), and where."""

    kind: str
    digest: str
    made: str
    folder: Path

    def touch(self) -> None:
        """Note that it was asked for."""
        os.utime(self.folder)

    @property
    def used(self) -> datetime:
        """When it was asked for last."""
        return datetime.fromtimestamp(self.folder.stat().st_mtime, UTC)


class ImageStore:
    """The layers of this machine."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or state_dir() / "images"

    @property
    def folder(self) -> Path:
        """Where everything is."""
        return self._folder

    def all(self, kind: str) -> list[Stored]:
        """Complete layers of a kind, the newest last."""
        return [stored for folder in self._folders(f"{kind}-*") if (stored := _read(kind, folder)) is not None]

    def find(self, kind: str, digest: str) -> Stored | None:
        """The newest complete layer of this kind and hash."""
        folders = reversed(self._folders(f"{kind}-{digest[:_SHOWN_DIGITS]}-*"))
        found = (_read(kind, folder) for folder in folders)
        return next((stored for stored in found if stored is not None and stored.digest == digest), None)

    def _folders(self, pattern: str) -> list[Path]:
        """Folders of this name, complete or not, by the order in which they were made."""
        return sorted(self._folder.glob(pattern), key=_serial) if self._folder.is_dir() else []

    @contextmanager
    def building(self, say: Callable[[str], None]) -> Iterator[None]:
        """Be the only one that makes layers; what dead ones left is removed first.

        Raises LabError when another builder does not come to an end.
        """
        self._folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        with (self._folder / _LOCK).open("a") as lock:
            self._wait_for(lock.fileno(), say)
            for left in self._folder.glob(f"{_PART}*"):
                shutil.rmtree(left, ignore_errors=True)
            yield

    def _wait_for(self, lock: int, say: Callable[[str], None]) -> None:
        def taken() -> bool | None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return None
            return True

        if taken():
            return
        say("another process builds a node image; waiting for it")
        try:
            wait_until(taken, within_s=WAIT_FOR_OTHERS_S, what=f"the lock '{self._folder / _LOCK}'", poll_s=0.1)
        except DeadlineExpiredError as error:
            raise LabError(
                f"another process has been building a node image for too long: {error}",
                hint=f"'fuser {self._folder / _LOCK}' names it; end it and try again",
            ) from error

    def make(self, kind: str, digest: str, fill: Callable[[Path], None]) -> Stored:
        """Make a layer: `fill` puts its files into the folder it is given.  Only inside `building`.

        Nothing is left of a layer whose `fill` raised, and nothing that counts when this process is killed.
        """
        number = 1 + max(map(_serial, self._folders(f"{kind}-*")), default=0)
        name = f"{kind}-{digest[:_SHOWN_DIGITS]}-{number}"
        part = self._folder / f"{_PART}{name}"
        part.mkdir(mode=0o755)
        try:
            fill(part)
            manifest = {"schema": 1, "kind": kind, "digest": digest, "made": utc_text(utc_now()), "sizes": _sizes(part)}
            (part / _MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
            part.rename(self._folder / name)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        stored = _read(kind, self._folder / name)
        if stored is None:
            raise LabError(f"'{self._folder / name}' is not as it was made", hint="is the disk full or failing?")
        return stored

    def remove_unused(self, kinds: tuple[str, ...]) -> list[Path]:
        """Remove layers that nobody asked for during UNUSED_AFTER.  Only inside `building`.  Returns their folders."""
        oldest = utc_now() - UNUSED_AFTER
        folders = [stored.folder for kind in kinds for stored in self.all(kind) if stored.used < oldest]
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        return folders


def _read(kind: str, folder: Path) -> Stored | None:
    """The layer in a folder; None when it is not complete, as after a crash of the machine."""
    try:
        plain: dict[str, Any] = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        sizes: dict[str, int] = plain["sizes"]
        if any((folder / name).lstat().st_size != size for name, size in sizes.items()) or plain["kind"] != kind:
            return None
        return Stored(kind, plain["digest"], plain["made"], folder)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _sizes(folder: Path) -> dict[str, int]:
    """Size in bytes of each file below a folder; what a link leads to may be on this machine, and is not looked at."""
    files = (file for file in folder.rglob("*") if stat.S_ISREG(file.lstat().st_mode))
    return {file.relative_to(folder).as_posix(): file.lstat().st_size for file in files}


def _serial(folder: Path) -> int:
    """The number at the end of a folder's name, which grows with each one made."""
    number = folder.name.rpartition("-")[2]
    return int(number) if number.isdigit() else 0
