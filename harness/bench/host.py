"""The other end of a benchmark: simulated labs in a process of their own, until its standard input ends.

``python -m harness.bench.host NODES…`` serves one lab for each number, says on its first line how the nodes are
reached, and answers each line of input with the process's resident memory in KiB.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, Final

from harness.bench.memory import resident_kib
from harness.labs.twin import TwinHosting
from harness.transports.channel import WinRmEndpoint

_LAB: Final = {
    "schema": 1,
    "lab": "bench",
    "title": "Simulated nodes under measurement",
    "kind": "twin",
    "instances": 1,
    "clock": "virtual",
    "epoch": "2025-11-11T22:00:00Z",
    "witness": "cloud",
    "versions": {"solution": "12.2509.1001.22"},
    "capabilities": ["events", "guest_probes"],
    "credentials": {"node": {"username": "HIL\\bench", "secret": "secret://generated"}},
    "poll": {"budget": "60s"},
    "winrm": {"port": 5985, "transport": "ntlm"},
    "twin": {"seed": 1},
}
GUESTS_PER_NODE: Final = 10


@dataclass(frozen=True, slots=True)
class ServedLabs:
    """Labs that another process serves."""

    endpoints: tuple[WinRmEndpoint, ...]
    _commands: IO[str]
    _answers: IO[str]

    def memory_mib(self) -> float:
        """Resident memory of that process."""
        self._commands.write("memory\n")
        self._commands.flush()
        return float(self._answers.readline()) / 1024


@contextmanager
def serve_labs(*nodes: int) -> Iterator[ServedLabs]:
    """Labs of so many nodes each, for the length of a block."""
    command = [sys.executable, "-m", "harness.bench.host", *map(str, nodes)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        commands, answers = process.stdin, process.stdout
        if commands is None or answers is None:
            raise ValueError("the process has no pipes")
        try:
            endpoints = tuple(WinRmEndpoint(**one) for one in json.loads(answers.readline()))
            yield ServedLabs(endpoints, commands, answers)
        finally:
            commands.close()


def _endpoints(lab: TwinHosting, nodes: Sequence[str]) -> Iterator[dict[str, Any]]:
    for node in nodes:
        found = lab.call("endpoint", {"name": node, "kind": "winrm-http"})
        yield {
            "name": node,
            "address": found["address"],
            "port": found["port"],
            "username": found["username"],
            "password": found["secret"],
        }


def main(counts: Sequence[str]) -> None:
    """Serve labs of so many nodes each."""
    labs: list[TwinHosting] = []
    try:
        endpoints: list[dict[str, Any]] = []
        for count in map(int, counts):
            labs.append(TwinHosting("bench", {**_LAB, "nodes": count, "guests": count * GUESTS_PER_NODE}))
            endpoints += _endpoints(labs[-1], labs[-1].call("describe", {})["nodes"])
        print(json.dumps(endpoints), flush=True)  # noqa: T201 - the protocol of this process
        for _ in sys.stdin:
            print(resident_kib(), flush=True)  # noqa: T201
    finally:
        for lab in labs:
            lab.close()


if __name__ == "__main__":
    main(sys.argv[1:])
