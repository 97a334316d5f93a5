"""Files and folders that are there whole or not at all: copies beside the place, then put there by a rename."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from harness.labs.nested.command import run
from harness.paths import replace_file

PART: Final = ".part"
"""End of the name of something that is being made."""
_COPY_WITHIN_S: Final = 1800.0


def copy_whole(source: Path, target: Path) -> None:
    """Copy a file or folder over `target`; shares blocks where the file system can (reflink), keeps holes.

    Killed at any point, `target` is the old one, the new one, or (a folder, for an instant) missing.
    """
    part = target.with_name(target.name + PART)
    remove(part)
    target.parent.mkdir(parents=True, exist_ok=True)
    run(["cp", "-a", "--reflink=auto", "--sparse=always", str(source), str(part)], within_s=_COPY_WITHIN_S)
    if target.is_dir():
        remove(target)
    part.replace(target)


def write_whole(path: Path, text: str) -> None:
    """Write a file and see to it that it is on disk before its name is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, text)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def remove(path: Path) -> None:
    """Remove a file or folder with all in it; harmless when there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
