"""What a prober cost and what came of it."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from harness.errors import HarnessError


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor time of all its processes (user and system), and the probes that it was spent on."""

    cpu_s: float
    sent: int
    answered: int
    wall_s: float

    @property
    def cpu_per_million_s(self) -> float:
        """Processor seconds for a million probes sent."""
        return self.cpu_s / self.sent * 1e6 if self.sent else float("inf")

    @property
    def rate_hz(self) -> float:
        """Probes sent a second."""
        return self.sent / self.wall_s

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    def __add__(self, other: Self) -> Usage:
        """Both at the same time."""
        return Usage(
            self.cpu_s + other.cpu_s,
            self.sent + other.sent,
            self.answered + other.answered,
            max(self.wall_s, other.wall_s),
        )

    def beyond(self, first: Usage) -> Usage:
        """What it did more than a shorter run of the same: without what starting and ending cost."""
        return Usage(
            self.cpu_s - first.cpu_s,
            self.sent - first.sent,
            self.answered - first.answered,
            self.wall_s - first.wall_s,
        )


def own_cpu_s() -> float:
    """Processor time of this process so far, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def module_usage(command: Sequence[str], asked: dict[str, Any]) -> Usage:
    """What a peer of ours says that runs as a program: one line of JSON in, one out.

    Raises HarnessError when it ends without an answer.
    """
    done = subprocess.run(
        list(command), input=json.dumps(asked) + "\n", capture_output=True, text=True, check=False, timeout=120
    )
    if done.returncode or not done.stdout:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise HarnessError(f"{' '.join(command)} ended with code {done.returncode}: {last}")
    return Usage(**json.loads(done.stdout.splitlines()[-1]))


def own_module(name: str) -> list[str]:
    """The command that runs a module of this package."""
    return [sys.executable, "-m", f"harness.bench.peers.{name}"]


def child_cpu_s(process: subprocess.Popen[str]) -> float:
    """Wait for a process that has closed its output; the processor time that it used."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime
