"""Two probers of datagrams for asyncio, on uvloop, its fastest event loop.

``python -m harness.bench.peers.uvloop_udp`` reads what to do as a line of JSON and writes its usage as another.  The
key ``style`` chooses: ``timers`` is a prober as one writes it, with a timer for each guest's next turn and one that
ends the time of each answer.  ``batches`` is the least that asyncio can do: one loop sends for all guests, one callback
notes what comes back, and nobody notices what does not.
"""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import struct
import sys
from abc import ABC, abstractmethod
from typing import Any, Final

import uvloop

from harness.bench.peers.usage import Usage, own_cpu_s
from harness.clock import NS_PER_MS, NS_PER_S, monotonic_ns

_PROBE: Final = struct.Struct("<IIQ")
"""Target, number, when it left: as much as it takes to tell answers apart."""
_SLOT_NS: Final = 2 * NS_PER_MS
_MOST_AT_ONCE: Final = 32
"""[D] libuv reads as many datagrams in one turn of its loop (unix/udp.c): sending more would leave answers unread."""
_SO_RCVBUFFORCE: Final = 33
_LATE_S: Final = 0.5
_BUFFER_BYTES: Final = 16 * 2**20


class Prober(asyncio.DatagramProtocol, ABC):
    """Asks each target every interval, the targets spread evenly."""

    def __init__(self, addresses: list[str], port: int, interval_ns: int) -> None:
        self._targets = [(address, port) for address in addresses]
        self._interval_ns = interval_ns
        self.sent = 0
        self.answered = 0
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._transport = transport

    @abstractmethod
    async def run(self, seconds: float) -> None:
        """Ask for so long."""


class TimerProber(Prober):
    """A timer for each target's next turn, and one for each answer's time."""

    def __init__(self, addresses: list[str], port: int, interval_ns: int) -> None:
        super().__init__(addresses, port, interval_ns)
        self._loop = asyncio.get_running_loop()
        self._numbers = [0] * len(addresses)
        self._awaited: dict[tuple[int, int], asyncio.TimerHandle] = {}
        self._took_ns = [0] * len(addresses)
        self._end_ns = 0
        self.lost = 0

    def datagram_received(self, data: bytes, addr: object) -> None:
        """One answer in time: which target's, and how long it took."""
        target, number, left_ns = _PROBE.unpack(data)
        timer = self._awaited.pop((target, number), None)
        if timer is not None:
            timer.cancel()
            self._took_ns[target] = monotonic_ns() - left_ns
            self.answered += 1

    async def run(self, seconds: float) -> None:
        """See Prober."""
        now_ns = monotonic_ns()
        self._end_ns = now_ns + int(seconds * NS_PER_S)
        for target in range(len(self._targets)):
            after_ns = target * self._interval_ns // len(self._targets)
            self._loop.call_later(after_ns / NS_PER_S, self._ask, target, now_ns + after_ns)
        await asyncio.sleep(seconds)

    def _ask(self, target: int, due_ns: int) -> None:
        """Turns that are over before their timer runs are left out."""
        now_ns = monotonic_ns()
        if now_ns >= self._end_ns:
            return
        number = self._numbers[target] = self._numbers[target] + 1
        self._awaited[target, number] = self._loop.call_later(_LATE_S, self._miss, target, number)
        self._transport.sendto(_PROBE.pack(target, number, now_ns), self._targets[target])
        self.sent += 1
        next_ns = due_ns + self._interval_ns * (1 + max(0, now_ns - due_ns) // self._interval_ns)
        self._loop.call_later((next_ns - now_ns) / NS_PER_S, self._ask, target, next_ns)

    def _miss(self, target: int, number: int) -> None:
        del self._awaited[target, number]
        self.lost += 1


class BatchProber(Prober):
    """All of a slot together."""

    def __init__(self, addresses: list[str], port: int, interval_ns: int) -> None:
        super().__init__(addresses, port, interval_ns)
        self._took_ns = [0] * len(addresses)

    def datagram_received(self, data: bytes, addr: object) -> None:
        """One answer: which target's, and how long it took."""
        target, _, left_ns = _PROBE.unpack(data)
        self._took_ns[target] = monotonic_ns() - left_ns
        self.answered += 1

    async def run(self, seconds: float) -> None:
        """See Prober; one that is starved asks less, not longer than twice that."""
        started_ns = monotonic_ns()
        count, done = len(self._targets), 0
        send, pack, targets = self._transport.sendto, _PROBE.pack, self._targets
        total = int(seconds * NS_PER_S) * count // self._interval_ns
        while done < total:
            now_ns = monotonic_ns()
            if now_ns - started_ns > 2 * seconds * NS_PER_S:
                return
            due = min(total, done + _MOST_AT_ONCE, (now_ns - started_ns) * count // self._interval_ns + 1)
            for at in range(done, due):
                number, target = divmod(at, count)
                send(pack(target, number, now_ns), targets[target])
            self.sent += due - done
            done = due
            next_ns = started_ns + done * self._interval_ns // count + _SLOT_NS
            await asyncio.sleep(max(0, next_ns - monotonic_ns()) / NS_PER_S)


_STYLES: Final[dict[str, type[Prober]]] = {"timers": TimerProber, "batches": BatchProber}


async def measure(asked: dict[str, Any]) -> Usage:
    """Ask for the given time; the cost without that of starting."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
        sock.bind(("", 0))
        _, prober = await loop.create_datagram_endpoint(
            lambda: _STYLES[asked["style"]](asked["addresses"], asked["port"], asked["interval_ms"] * NS_PER_MS),
            sock=sock,
        )
        return await _measure(prober, asked)


async def _measure(prober: Prober, asked: dict[str, Any]) -> Usage:
    await prober.run(asked["warm_s"])
    await asyncio.sleep(_LATE_S)
    before = Usage(own_cpu_s(), prober.sent, prober.answered, 0)
    started_ns = monotonic_ns()
    await prober.run(asked["seconds"])
    wall_s = (monotonic_ns() - started_ns) / NS_PER_S
    await asyncio.sleep(_LATE_S)
    after = Usage(own_cpu_s(), prober.sent, prober.answered, wall_s)
    return after.beyond(before)


def main() -> None:
    """One line in, one line out."""
    asked = json.loads(sys.stdin.readline())
    gc.freeze()
    usage = uvloop.run(measure(asked))
    print(json.dumps(usage.plain()))  # noqa: T201 - the protocol of this process


if __name__ == "__main__":
    main()
