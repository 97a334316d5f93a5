"""fping, the fastest ordinary prober: in C, one system call a packet."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import IO, Final

from harness.bench.peers.usage import Usage, child_cpu_s
from harness.clock import NS_PER_MS, NS_PER_S, monotonic_ns
from harness.errors import HarnessError
from harness.testing.outages.beds import Bed
from harness.testing.outages.responder import become_realtime

INSTALL: Final = "fping is not installed: apt install fping"
SEQUENCE_KEPT_S: Final = 10
"""[D] fping keeps each sequence number of 16 bits for 10 s (seqmap.c) and ends with "not enough sequence numbers" when
it needs more: no process of it can ask more than 6553 times a second for longer than that."""
_TIMEOUT_MS: Final = 1000
"""Late answers count as answers for fping too."""
_SUMMARY: Final = re.compile(r"^(\S+)\s+: xmt/rcv/%loss = (\d+)/(\d+)/", re.MULTILINE)
_LINE: Final = re.compile(
    r"^\[(\d+)\.(\d+)\] (\S+)\s+: \[(\d+)\], (?:\d+ bytes, ([\d.]+) ms|(timed out))", re.MULTILINE
)


def installed() -> bool:
    """Whether there is one."""
    return shutil.which("fping") is not None


class Fping:
    """So many rounds over all addresses, divided among processes that run at the same time."""

    def __init__(
        self,
        bed: Bed,
        addresses: Sequence[str],
        *,
        period_ms: int,
        rounds: int,
        processes: int = 1,
        realtime: bool = False,
    ) -> None:
        command = ["fping", "-q", "-i", "0.01", "-p", f"{period_ms}", "-t", f"{_TIMEOUT_MS}", "-c", f"{rounds}"]
        self._started_ns = monotonic_ns()
        self._running: list[tuple[subprocess.Popen[str], IO[str]]] = []
        for part in range(processes):
            output = tempfile.TemporaryFile("w+")  # noqa: SIM115 - see close
            process = _start(bed, [*command, "-f", "-"], addresses[part::processes], output, realtime=realtime)
            self._running.append((process, output))

    @property
    def pids(self) -> list[int]:
        """Its processes."""
        return [process.pid for process, _ in self._running]

    def usage(self) -> Usage:
        """Wait for the end of all.  Raises HarnessError when one of them ended early."""
        return reduce(add, [_usage(process, output, self._started_ns) for process, output in self._running])

    def close(self) -> None:
        """End what still runs."""
        for process, output in self._running:
            if process.poll() is None:
                process.kill()
                process.wait()
            output.close()


def probe(bed: Bed, addresses: Sequence[str], *, period_ms: int, rounds: int, processes: int = 1) -> Usage:
    """See Fping; from start to end."""
    with closing(Fping(bed, addresses, period_ms=period_ms, rounds=rounds, processes=processes)) as running:
        return running.usage()


def _start(
    bed: Bed, command: Sequence[str], addresses: Sequence[str], output: IO[str], *, realtime: bool = False
) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        bed.prober(command), stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, text=True
    )
    if process.stdin is None:
        raise ValueError("the process has no pipe")
    if realtime:
        become_realtime(process.pid)
    process.stdin.write("\n".join(addresses) + "\n")
    process.stdin.close()
    return process


def _usage(process: subprocess.Popen[str], output: IO[str], started_ns: int) -> Usage:
    cpu_s = child_cpu_s(process)
    wall_s = (monotonic_ns() - started_ns) / NS_PER_S
    output.seek(0)
    text = output.read()
    counts = _SUMMARY.findall(text)
    if not counts or "not enough sequence numbers" in text:
        last = (text.strip().splitlines() or ["no message"])[-1]
        raise HarnessError(f"fping ended with code {process.returncode}: {last}")
    return Usage(cpu_s, sum(int(sent) for _, sent, _ in counts), sum(int(back) for *_, back in counts), wall_s)


@dataclass(frozen=True, slots=True)
class Ping:
    """One probe of fping: when it left (real-time clock) and whether it was answered."""

    address: str
    number: int
    left_ns: int
    answered: bool


class Watch:
    """fping that tells of each probe, in the background; `pings` waits for its end."""

    def __init__(self, bed: Bed, addresses: Sequence[str], *, period_ms: int, rounds: int, folder: Path) -> None:
        self._period_ns = period_ms * NS_PER_MS
        self._output = (folder / "fping.txt").open("w+")
        command = ["fping", "-D", "-i", "0.01", "-p", f"{period_ms}", "-t", f"{_TIMEOUT_MS}", "-c", f"{rounds}"]
        self._process = _start(bed, [*command, "-f", "-"], addresses, self._output, realtime=True)

    def pings(self) -> list[Ping]:
        """All its probes, by address and number."""
        self._process.wait()
        self._output.seek(0)
        found = parse(self._output.read(), self._period_ns)
        self._output.close()
        return found

    def close(self) -> None:
        """End it if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._output.close()


def parse(text: str, period_ns: int) -> list[Ping]:
    """What `fping -D` tells.  A lost probe left whole periods before the next answered one, else after the last."""
    by_address: dict[str, dict[int, int | None]] = {}
    for seconds, fraction, address, number, took_ms, _ in _LINE.findall(text):
        at_ns = int(seconds) * NS_PER_S + int(fraction.ljust(9, "0")[:9])
        left = at_ns - round(float(took_ms) * NS_PER_MS) if took_ms else None
        by_address.setdefault(address, {})[int(number)] = left
    pings = []
    for address, left_ns in by_address.items():
        known = sorted(number for number, at in left_ns.items() if at is not None)
        for number in sorted(left_ns):
            own = left_ns[number]
            if own is None and known:
                near = next((one for one in known if one > number), known[-1])
                own = (left_ns[near] or 0) + (number - near) * period_ns
            if own is not None:
                pings.append(Ping(address, number, own, left_ns[number] is not None))
    return pings
