"""Who holds something: a process on a host, told apart from every other process that ever had its number."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Holder:
    """Identity of a process: host, boot of that host, process id and start time (clock ticks since boot)."""

    host: str
    boot_id: str
    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Holder:
        """The holder that the live process `pid` of this host is.  Raises ProcessLookupError when there is none."""
        started = start_time(pid)
        if started is None:
            raise ProcessLookupError(f"no process {pid}")
        return cls(socket.gethostname(), _boot_id(), pid, started)

    @classmethod
    def me(cls) -> Holder:
        """This process."""
        return cls.of(os.getpid())

    @property
    def is_local(self) -> bool:
        """Does the holder live (or did it) on this host, whatever the boot?"""
        return self.host == socket.gethostname()

    @property
    def proven_dead(self) -> bool:
        """Certainly gone: on this host, and the host rebooted, or the process ended or is a zombie.

        False for a holder on another host: nothing is proven from here.
        """
        if not self.is_local:
            return False
        return self.boot_id != _boot_id() or start_time(self.pid) != self.started

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def start_time(pid: int) -> int | None:
    """Start time of `pid` in clock ticks since boot (proc(5), field 22), None when it does not run any more."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    state, started = fields[0], int(fields[19])
    return None if state in ("Z", "X") else started
