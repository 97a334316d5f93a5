"""Nested labs as their users have them: by `hil`, in a state folder of the test's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.labs.nested.hosting import place_of, root_for
from harness.netns import NAMESPACES
from harness.paths import root, state_dir

LAB = "nested-2node"


@dataclass(frozen=True)
class Place:
    """State and reports of the commands of one test; node images are those of the machine."""

    folder: Path

    def __post_init__(self) -> None:
        self.state.mkdir()
        images = state_dir() / "images"
        images.mkdir(parents=True, exist_ok=True)
        (self.state / "images").symlink_to(images)

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def environ(self) -> dict[str, str]:
        """What the harness reads; for commands, and for a test that uses the harness itself."""
        return {"HIL_STATE": str(self.state), "HIL_REPORTS": str(self.folder / "reports")}

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """A command of `hil` that goes on; what it says goes to a file."""
        with (self.folder / "said.log").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "harness.cli", *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **self.environ, "PYTHONPATH": _path()},
            )

    def hil(self, *words: str, within_s: float) -> tuple[int, dict[str, Any], str]:
        """A command with `--json`: its exit code, its document and what it said beside that."""
        done = subprocess.run(
            [sys.executable, "-P", "-m", "harness.cli", *words, "--json"],
            capture_output=True,
            text=True,
            check=False,
            timeout=within_s,
            env={**os.environ, **self.environ, "PYTHONPATH": _path()},
        )
        return done.returncode, json.loads(done.stdout or "{}"), done.stderr

    def processes(self) -> list[tuple[int, str]]:
        """Number and command line of every process that works for this place."""
        mark = f"HIL_STATE={self.state}\0"
        ours = {pid for pid, text in _lines("environ") if mark in text}
        return [(pid, line) for pid, line in _lines("cmdline") if pid in ours and line]

    def left(self) -> list[str]:
        """All that labs of this place have on the machine: processes, namespaces, folders."""
        instances = [path for path in (self.state / "labs").glob("*") if path.is_dir()]
        places = {place_of(path) for path in instances}
        found = [f"process {pid}: {line[:200]}" for pid, line in self.processes()]
        found += [f"process {pid}: {line[:200]}" for pid, line in _lines("cmdline") if str(self.state) in line]
        found += [f"namespace {path.name}" for path in NAMESPACES.glob("*") if path.name.rpartition("-")[2] in places]
        found += [str(path) for path in map(root_for, instances) if path.exists()]
        return found + [str(path / "machines") for path in instances if (path / "machines").exists()]


def _path() -> str:
    return os.pathsep.join([str(root()), os.environ.get("PYTHONPATH", "")])


def _lines(name: str) -> Iterator[tuple[int, str]]:
    """A file of every other process of this machine, such as its command line."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            with suppress(OSError):
                yield int(entry.name), (entry / name).read_bytes().decode(errors="replace")
