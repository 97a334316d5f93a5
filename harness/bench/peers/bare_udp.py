"""What the kernel takes for datagrams at the sampler's pace: the two system calls, and nothing done with the answers.

``python -m harness.bench.peers.bare_udp`` reads what to do as a line of JSON and writes its usage as another.  No
prober on this machine can cost less.
"""

from __future__ import annotations

import gc
import json
import socket
import sys
from contextlib import closing
from typing import Any

import numpy as np

from harness.bench.peers.usage import Usage, own_cpu_s
from harness.clock import NS_PER_S, monotonic_ns, sleep_until
from harness.probes.identity import PAYLOAD
from harness.probes.mmsg import ReceiveBatch, SendBatch, set_up
from harness.probes.settings import SamplerSettings
from harness.probes.udp import REPLY, numeric


def measure(asked: dict[str, Any]) -> Usage:
    """Ask each address every 100 ms for `seconds`, those of a slot together."""
    settings = SamplerSettings()
    addresses = [numeric(address) for address in asked["addresses"]]
    requests, replies = SendBatch(len(addresses), np.dtype(list(PAYLOAD))), ReceiveBatch(REPLY)
    requests.address(addresses, asked["port"])
    steps = len(settings.turns)
    step_ns = settings.interval_ns // steps
    edges = [len(addresses) * step // steps for step in range(steps + 1)]
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        set_up(sock)
        sock.bind(("", 0))
        gc.freeze()
        sent = answered = 0
        before_s, started_ns = own_cpu_s(), monotonic_ns()
        for turn in range(int(asked["seconds"] * NS_PER_S) // step_ns):
            sleep_until(started_ns + turn * step_ns)
            start, stop = edges[turn % steps], edges[turn % steps + 1]
            sent += stop - start - len(requests.send(sock.fileno(), start, stop))
            if turn % (settings.drain_ns // step_ns) == 0:
                replies.gather(sock.fileno())
                answered += replies.gathered
                replies.stamps()
        return Usage(own_cpu_s() - before_s, sent, answered, (monotonic_ns() - started_ns) / NS_PER_S)


def main() -> None:
    """One line in, one line out."""
    usage = measure(json.loads(sys.stdin.readline()))
    print(json.dumps(usage.plain()))  # noqa: T201 - the protocol of this process


if __name__ == "__main__":
    main()
