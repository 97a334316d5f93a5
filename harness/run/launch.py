"""Starting the process that conducts a run, and waiting for it.

The run process has an OS session of its own: it survives the test runner, the terminal and the command line.  Whoever
waits can die; whoever comes later finds it by the pid in the journal.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from harness.clock import DeadlineExpiredError, pause, wait_until
from harness.journal import read_journal
from harness.labs.holder import Holder
from harness.paths import root
from harness.run.job import LOG_NAME

STOP_WITHIN_S: Final = 600.0
"""Wall time a run gets to undo its faults after it was asked to stop."""


class RunProcess:
    """The process that conducts one run."""

    def __init__(self, folder: Path, *, resume: bool = False) -> None:
        """Start it."""
        self._parent = os.getppid()
        verb = ["--resume"] if resume else []
        with (folder / LOG_NAME).open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "harness.cli.conduct", str(folder), *verb],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                cwd=root(),
                env={**os.environ, "HIL_ROOT": str(root())},
            )

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def wait(self) -> int:
        """Wait for the end; an interrupt of the waiting process is passed on, and the end is still awaited.

        Returns the exit code.  Raises KeyboardInterrupt again once the run has undone its faults and ended.  A process
        whose parent died is no operator's any more (a test runner's worker interrupts itself then): the run goes on.
        """
        try:
            return self._process.wait()
        except KeyboardInterrupt:
            if os.getppid() == self._parent:
                self.stop()
            raise

    def stop(self) -> None:
        """Ask the run to undo and end, and wait for it."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()


def live_conductor(folder: Path) -> Holder | None:
    """The living process that conducts the run in `folder`, None when nobody does."""
    journal_path = folder / "journal.jsonl"
    if not journal_path.exists():
        return None
    begun = [entry for entry in read_journal(journal_path) if entry.what == "attempt.begin"]
    if not begun:
        return None
    host = begun[-1].data["host"]
    try:
        holder = Holder.of(int(host["pid"]))
    except ProcessLookupError:
        return None
    return holder if (holder.boot_id, holder.started) == (host["boot_id"], host["started"]) else None


def stop_run(folder: Path, *, within_s: float = STOP_WITHIN_S) -> bool:
    """Ask the living run in `folder` to undo and end, and wait; False when none lives.  Raises DeadlineExpiredError."""
    holder = live_conductor(folder)
    if holder is None:
        return False
    os.kill(holder.pid, signal.SIGINT)
    wait_until(lambda: True if holder.proven_dead else None, within_s=within_s, what=f"run '{folder.name}' to end")
    return True


def await_conductor(folder: Path) -> bool:
    """Wait for the living run in `folder` to end by itself; False when none lives."""
    holder = live_conductor(folder)
    if holder is None:
        return False
    while not holder.proven_dead:
        pause(0.1)
    return True


__all__ = ["DeadlineExpiredError", "RunProcess", "await_conductor", "live_conductor", "stop_run"]
