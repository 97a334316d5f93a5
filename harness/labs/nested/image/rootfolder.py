"""The root of the image as a folder of this machine, while a layer is made.

Its files are hard links to those of the layer below, so that a copy costs no writing: files may be added here, but
never changed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.labs.nested.image.programs import Runner

SITE: Final = "opt/hil/site"
"""Where packages of others are in the image."""
CODE: Final = "opt/hil/code"
"""Where the harness' own files are."""


@dataclass(frozen=True, slots=True)
class RootFolder:
    """A root to which files are added, and whose own programs can be run in it."""

    path: Path
    runner: Runner

    def inside(self, *command: str, what: str) -> None:
        """Run a program of the image in it."""
        self.runner.run(["chroot", str(self.path), *command], what=what)

    def compile(self, folder: str) -> None:
        """Compile the modules below `folder` with the image's own Python, so that a node loses no time with it.

        The results are taken without a look at the sources: nothing changes them later.
        """
        options = ("-q", "-j", "1", "--invalidation-mode", "unchecked-hash")
        self.inside("/usr/bin/python3", "-m", "compileall", *options, f"/{folder}", what=f"'{folder}' is no Python")


def link_tree(source: Path, target: Path, runner: Runner) -> None:
    """Make `target`, whose files are those of `source`, with owners and modes.  Raises LabError."""
    runner.run(
        ["cp", "--archive", "--link", "--no-target-directory", str(source), str(target)], what="no copy was made"
    )


@contextmanager
def copied(source: Path, into: Path, runner: Runner) -> Iterator[RootFolder]:
    """A root like `source`, in a new folder of `into`, for the length of a block."""
    folder = into / "root"
    try:
        link_tree(source, folder, runner)
        yield RootFolder(folder, runner)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
