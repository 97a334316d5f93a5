"""Starting, finding and ending lab hosts.  A host's folder is `labs/<instance>` in the state folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.clock import DeadlineExpiredError, wait_until
from harness.errors import LabError
from harness.labs.control import LabHostGoneError
from harness.labs.holder import Holder
from harness.labs.host import READY_NAME, STARTING_NAME
from harness.labs.lease import Lease
from harness.labs.remote import RemoteLab
from harness.paths import root, state_dir

START_WITHIN_S: Final = 60.0
LONGER_STARTS_S: Final[Mapping[str, float]] = {"nested": 600.0}
"""Wall seconds for kinds of labs that take longer: a nested one may build an image, and boots machines."""
END_WITHIN_S: Final = 30.0
"""Wall seconds until a lab host that was asked to end is killed: a nested one removes its machines first."""
JOB_NAME: Final = "lab.json"
LOG_NAME: Final = "host.log"
FAILED_NAME: Final = "failed.json"
_TAIL: Final = 4096
"""Bytes at the end of a log in which its last line is looked for."""


@dataclass(frozen=True, slots=True)
class RunningHost:
    """A lab host that was started, or is coming up: is its process alive?"""

    instance: str
    folder: Path
    holder: Holder | None

    @property
    def alive(self) -> bool:
        """Does the process run?"""
        return self.holder is not None and not self.holder.proven_dead


def labs_folder() -> Path:
    """The folder of all lab hosts."""
    return state_dir() / "labs"


def folder_of(instance: str) -> Path:
    """The folder of a lab host."""
    return labs_folder() / instance


def find_host(instance: str) -> RunningHost:
    """What is known about the host of `instance`."""
    folder = folder_of(instance)
    return RunningHost(instance, folder, _holder(folder / READY_NAME) or _holder(folder / STARTING_NAME))


def _holder(path: Path) -> Holder | None:
    try:
        return Holder(**json.loads(path.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def all_hosts() -> list[RunningHost]:
    """Every lab host that left a folder, by instance."""
    folder = labs_folder()
    return [find_host(entry.name) for entry in sorted(folder.iterdir())] if folder.is_dir() else []


class LastLine:
    """The last line that a lab host said, handed on each time it is another."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self._path, self._say, self._size, self._said = folder / LOG_NAME, say, 0, ""

    def look(self) -> None:
        """Read what is new; harmless when there is no log yet.  A line counts once it is whole."""
        try:
            size = self._path.stat().st_size
            if size == self._size:
                return
            with self._path.open("rb") as log:
                log.seek(max(0, size - _TAIL))
                lines = log.read().decode(errors="replace").rpartition("\n")[0].split("\n")
        except OSError:
            return
        self._size = size
        line = lines[-1].strip()
        if line and line != self._said:
            self._said = line
            self._say(line)


def start_host(instance: str, job: dict[str, Any], say: Callable[[str], None] | None = None) -> Path:
    """Start the host of `instance` in an OS session of its own and wait until it can be reached; return its folder.

    A living host of an earlier lease is ended first: a new lease begins at a baseline.  `job` is the lab file as
    plain data; `say` is told the last line of the host's log whenever it is another.  A host that does not come up in
    time, or whose starter is interrupted, is ended.  Raises LabError with the host's own reason when it does not come
    up.
    """
    end_host(instance)
    folder = folder_of(instance)
    folder.mkdir(parents=True, exist_ok=True)
    for left in (FAILED_NAME, READY_NAME, STARTING_NAME):  # a host that was killed could not clean up
        (folder / left).unlink(missing_ok=True)
    (folder / JOB_NAME).write_text(json.dumps({"instance": instance, "lab": job}))
    process = _begin(folder)
    try:
        came_up = _await_ready(process, folder, job, say)
    except DeadlineExpiredError as error:
        _end_child(process)
        raise LabError(str(error), hint=f"see {folder / LOG_NAME}") from error
    except BaseException:
        _end_child(process)
        raise
    if not came_up:
        raise LabError(
            f"the lab host of '{instance}' did not start: {_reason(folder)}", hint=f"more is in {folder / LOG_NAME}"
        )
    return folder


def _begin(folder: Path) -> subprocess.Popen[bytes]:
    with (folder / LOG_NAME).open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "harness.labs.start", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=root(),
            env={**os.environ, "HIL_ROOT": str(root())},
        )


def _await_ready(
    process: subprocess.Popen[bytes], folder: Path, job: dict[str, Any], say: Callable[[str], None] | None
) -> bool:
    """Wait until the host can be reached (True) or its process has ended (False)."""
    last_line = LastLine(folder, say) if say else None

    def ready() -> bool | None:
        if last_line:
            last_line.look()
        if (folder / READY_NAME).exists():
            return True
        return False if process.poll() is not None else None

    within_s = LONGER_STARTS_S.get(str(job.get("kind")), START_WITHIN_S)
    return wait_until(ready, within_s=within_s, what=f"the lab host of '{folder.name}'", poll_s=0.05)


def _end_child(process: subprocess.Popen[bytes]) -> None:
    """End a host that is coming up: kindly, so that it can take back what it has made so far."""
    process.terminate()
    try:
        process.wait(END_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(END_WITHIN_S)


def _reason(folder: Path) -> str:
    try:
        return str(json.loads((folder / FAILED_NAME).read_text())["message"])
    except (FileNotFoundError, ValueError, KeyError):
        lines = (folder / LOG_NAME).read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def end_host(instance: str, *, within_s: float = END_WITHIN_S) -> bool:
    """End the process of a lab host, kindly, then firmly; True when there was one."""
    holder = find_host(instance).holder
    if holder is None or holder.proven_dead:
        return False
    pid = holder.pid
    with suppress(ProcessLookupError):  # it may end by itself at this very moment
        os.kill(pid, signal.SIGTERM)
    try:
        wait_until(lambda: True if holder.proven_dead else None, within_s=within_s, what=f"process {pid} to end")
    except DeadlineExpiredError:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: True if holder.proven_dead else None, within_s=within_s, what=f"process {pid} to die")
    return True


def attach(lease: Lease) -> RemoteLab:
    """The leased lab, through its running host.  Raises LabHostGoneError when the host died."""
    host = find_host(lease.instance)
    if not host.alive:
        raise LabHostGoneError(
            f"the lab host of '{lease.instance}' died",
            hint=f"its last words are in {host.folder / LOG_NAME}; start the run again",
        )
    return RemoteLab(host.folder, lease)
