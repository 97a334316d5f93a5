"""Starting the process that conducts a run, and waiting for it.

The run process has an OS session of its own: it survives the test runner, the terminal and the command line.  Whoever
waits can die; whoever comes later finds it by the pid in the journal.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from harness.clock import DeadlineExpiredError, pause, wait_until
from harness.journal.writer import FILE_NAME
from harness.labs.holder import Holder
from harness.paths import LOG_NAME, root

_BEGUN: Final = b'"what":"attempt.begin"'

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
    try:
        lines = (folder / FILE_NAME).read_bytes().splitlines()
    except FileNotFoundError:
        return None
    begun = next((line for line in reversed(lines) if _BEGUN in line), None)
    return None if begun is None else living(json.loads(begun)["data"]["host"])


def living(host: Mapping[str, Any] | None) -> Holder | None:
    """The process named by an `attempt.begin` record, None when it is gone or was on another boot of this machine."""
    if not host:
        return None
    try:
        holder = Holder.of(int(host["pid"]))
    except (ProcessLookupError, KeyError, ValueError):
        return None
    same = (holder.boot_id, holder.started) == (host.get("boot_id"), host.get("started"))
    return holder if same else None


def ask_to_stop(holder: Holder) -> None:
    """Ask the process that conducts a run to undo and end, without waiting; harmless when it is gone."""
    if not holder.proven_dead:
        os.kill(holder.pid, signal.SIGINT)


def stop_run(folder: Path, *, within_s: float = STOP_WITHIN_S) -> bool:
    """Ask the living run in `folder` to undo and end, and wait; False when none lives.  Raises DeadlineExpiredError."""
    holder = live_conductor(folder)
    if holder is None:
        return False
    ask_to_stop(holder)
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
