"""Driving the real chain from outside: commands as a user types them, processes found by what they wrote."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from harness.clock import pause, wait_until
from harness.paths import root


@dataclass(frozen=True)
class Chain:
    """A private home for one test: state folder and reports."""

    home: Path

    @property
    def env(self) -> dict[str, str]:
        """Environment of every process of this test."""
        return {
            **os.environ,
            "HIL_STATE": str(self.home / "state"),
            "HIL_REPORTS": str(self.home / "reports"),
            "HIL_ROOT": str(root()),
            "PYTHONPATH": os.pathsep.join(filter(None, [str(root()), os.environ.get("PYTHONPATH", "")])),
            "NO_COLOR": "1",
        }

    def hil(self, *words: str, within_s: float = 240) -> subprocess.CompletedProcess[str]:
        """Run a `hil` command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "harness.cli", *words],
            capture_output=True,
            text=True,
            timeout=within_s,
            env=self.env,
            cwd=root(),
            check=False,
        )

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Start a `hil` command in a session of its own and let it run."""
        return subprocess.Popen(
            [sys.executable, "-m", "harness.cli", *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            env=self.env,
            cwd=root(),
            start_new_session=True,
        )

    @property
    def runs(self) -> list[Path]:
        """All run folders, oldest first."""
        folder = self.home / "reports" / "runs"
        return sorted(folder.iterdir(), key=lambda path: path.stat().st_ctime) if folder.is_dir() else []

    def run_of(self, scenario: str) -> Path:
        """The run folder of `scenario`, once it is there."""
        return wait_until(
            lambda: next((path for path in self.runs if f".{scenario}." in path.name), None),
            within_s=60,
            what=f"a run of {scenario}",
        )

    def summary(self) -> dict[str, Any]:
        """The newest session's summary."""
        return dict(json.loads((self.home / "reports" / "last" / "summary.json").read_text()))

    def processes(self) -> list[psutil.Process]:
        """Every process that belongs to this test's home, but for zombies."""
        mine = []
        for process in psutil.process_iter():
            try:
                if (
                    process.status() != psutil.STATUS_ZOMBIE
                    and process.environ().get("HIL_STATE") == self.env["HIL_STATE"]
                ):
                    mine.append(process)
            except psutil.Error:
                continue
        return mine

    def await_silence(self, within_s: float = 60) -> None:
        """Wait until no process of this test is left."""
        wait_until(lambda: True if not self.processes() else None, within_s=within_s, what="all processes to end")

    def end_all(self) -> None:
        """Last resort of a test's clean-up."""
        for process in self.processes():
            process.kill()


def lines(folder: Path) -> list[dict[str, Any]]:
    """Whole lines of a journal."""
    path = folder / "journal.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().rpartition(b"\n")[0].split(b"\n") if line]


def of_kind(folder: Path, what: str) -> list[dict[str, Any]]:
    """Records of one name."""
    return [line for line in lines(folder) if line["data"].get("what") == what]


def await_lines(folder: Path, count: int, *, alive: Callable[[], bool], within_s: float = 120) -> bool:
    """Wait until the journal has `count` lines; False when the run ended before."""
    path = folder / "journal.jsonl"

    def enough() -> bool | None:
        if path.exists() and path.read_bytes().count(b"\n") >= count:
            return True
        return None if alive() else False

    return wait_until(enough, within_s=within_s, what=f"{count} lines in {path}", poll_s=0.005)


def kill(pid: int) -> None:
    """kill -9."""
    os.kill(pid, signal.SIGKILL)
    pause(0.05)
