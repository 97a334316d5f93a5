"""icmplib's multiping, the usual way to ping many hosts from Python.

``python -m harness.bench.peers.icmplib_multiping`` reads what to do as a line of JSON and writes its usage as another.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import icmplib

from harness.bench.peers.usage import Usage, own_cpu_s
from harness.clock import NS_PER_S, monotonic_ns


def measure(asked: dict[str, Any]) -> Usage:
    """All addresses at the same time, so often each; the cost beyond that of one round."""
    return _rounds(asked, asked["rounds"] + 1).beyond(_rounds(asked, 1))


def _rounds(asked: dict[str, Any], rounds: int) -> Usage:
    before_s, started_ns = own_cpu_s(), monotonic_ns()
    hosts = icmplib.multiping(
        asked["addresses"],
        count=rounds,
        interval=asked["interval_ms"] / 1000,
        timeout=1,
        concurrent_tasks=len(asked["addresses"]),
        privileged=False,  # a socket for each host that hears its own answers only: a raw one would hear all of them
    )
    wall_s = (monotonic_ns() - started_ns) / NS_PER_S
    sent, answered = sum(host.packets_sent for host in hosts), sum(host.packets_received for host in hosts)
    return Usage(own_cpu_s() - before_s, sent, answered, wall_s)


def main() -> None:
    """One line in, one line out."""
    usage = measure(json.loads(sys.stdin.readline()))
    print(json.dumps(usage.plain()))  # noqa: T201 - the protocol of this process


if __name__ == "__main__":
    main()
