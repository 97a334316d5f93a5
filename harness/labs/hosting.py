"""Starting, finding and ending lab hosts.  A host's folder is `labs/<instance>` in the state folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.clock import DeadlineExpiredError, wait_until
from harness.errors import LabError
from harness.labs.control import LabHostGoneError
from harness.labs.holder import Holder
from harness.labs.host import READY_NAME
from harness.labs.lease import Lease
from harness.labs.remote import RemoteLab
from harness.paths import root, state_dir

START_WITHIN_S: Final = 60.0
JOB_NAME: Final = "lab.json"
LOG_NAME: Final = "host.log"
FAILED_NAME: Final = "failed.json"


@dataclass(frozen=True, slots=True)
class RunningHost:
    """A lab host that was started: is its process alive?"""

    instance: str
    folder: Path
    holder: Holder | None

    @property
    def alive(self) -> bool:
        """Does the process run?"""
        return self.holder is not None and not self.holder.proven_dead


def folder_of(instance: str) -> Path:
    """The folder of a lab host."""
    return state_dir() / "labs" / instance


def find_host(instance: str) -> RunningHost:
    """What is known about the host of `instance`."""
    folder = folder_of(instance)
    try:
        holder = Holder(**json.loads((folder / READY_NAME).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        holder = None
    return RunningHost(instance, folder, holder)


def all_hosts() -> list[RunningHost]:
    """Every lab host that left a folder, by instance."""
    folder = state_dir() / "labs"
    return [find_host(entry.name) for entry in sorted(folder.iterdir())] if folder.is_dir() else []


def start_host(instance: str, job: dict[str, Any]) -> Path:
    """Start the host of `instance` in an OS session of its own and wait until it can be reached; return its folder.

    A living host of an earlier lease is ended first: a new lease begins at a baseline.  `job` is the lab file as
    plain data. Raises LabError with the host's own reason when it does not come up.
    """
    end_host(instance)
    folder = folder_of(instance)
    folder.mkdir(parents=True, exist_ok=True)
    for left in (FAILED_NAME, READY_NAME):  # a host that was killed could not clean up
        (folder / left).unlink(missing_ok=True)
    (folder / JOB_NAME).write_text(json.dumps({"instance": instance, "lab": job}))
    with (folder / LOG_NAME).open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "harness.labs.start", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=root(),
            env={**os.environ, "HIL_ROOT": str(root())},
        )

    def ready() -> bool | None:
        if (folder / READY_NAME).exists():
            return True
        return False if process.poll() is not None else None

    try:
        came_up = wait_until(ready, within_s=START_WITHIN_S, what=f"the lab host of '{instance}'", poll_s=0.05)
    except DeadlineExpiredError as error:
        process.kill()
        raise LabError(str(error), hint=f"see {folder / LOG_NAME}") from error
    if not came_up:
        raise LabError(
            f"the lab host of '{instance}' did not start: {_reason(folder)}", hint=f"more is in {folder / LOG_NAME}"
        )
    return folder


def _reason(folder: Path) -> str:
    try:
        return str(json.loads((folder / FAILED_NAME).read_text())["message"])
    except (FileNotFoundError, ValueError, KeyError):
        lines = (folder / LOG_NAME).read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def end_host(instance: str, *, within_s: float = 10.0) -> bool:
    """End the process of a lab host, kindly, then firmly; True when there was one."""
    holder = find_host(instance).holder
    if holder is None or holder.proven_dead:
        return False
    pid = holder.pid
    os.kill(pid, signal.SIGTERM)
    try:
        wait_until(lambda: True if holder.proven_dead else None, within_s=within_s, what=f"process {pid} to end")
    except DeadlineExpiredError:
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
