"""UDP echo: the guest sends back what it got.

One socket, connected to nobody: a reply is known by its payload, so that a guest that answers from another address
still counts, and an unreachable port of one guest disturbs no other.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Final

import numpy as np

from harness.probes.identity import PAYLOAD, new_mark, parsed
from harness.probes.mmsg import ReceiveBatch, SendBatch, set_up
from harness.probes.schedule import Ints, Schedule, Segment
from harness.probes.wire import BURST, Replies, Unsent
from harness.values import Signal

PACKET: Final = np.dtype(list(PAYLOAD))
REPLY: Final = np.dtype(
    {"names": ["mark", "column", "number"], "formats": ["<u4"] * 3, "offsets": [0, 4, 8], "itemsize": 64}
)


def numeric(address: str) -> int:
    """An IPv4 address as a number."""
    return int(ipaddress.IPv4Address(address))


class UdpWire:
    """Echo requests to a UDP port of each column."""

    signal = Signal.UDP

    def __init__(self) -> None:
        self._mark = new_mark()
        self._size = 0
        self._sockets = [self._open()]
        """The socket in use, and the one before it, whose last replies may still come."""
        self._replies = ReceiveBatch(REPLY)

    @staticmethod
    def _open() -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        set_up(sock)
        sock.bind(("", 0))
        return sock

    def prepare(self, schedule: Schedule, burst_room: int) -> None:
        """See Wire."""
        self._size = schedule.size
        self._requests = SendBatch(schedule.size, PACKET)
        self._chosen = SendBatch(burst_room, PACKET)
        self._requests.address(
            [numeric(schedule.targets[c.target].address) for c in schedule.columns],
            [c.port for c in schedule.columns],
        )
        self._requests.packets["mark"] = self._mark
        self._requests.packets["column"] = np.arange(schedule.size)

    def begin(self, number: int) -> None:
        """See Wire."""
        self._requests.fields["round"][:] = number

    def sender(self, segment: Segment) -> Callable[[], int]:
        """See Wire."""
        return self._requests.sender(self._sockets[0].fileno(), segment.start, segment.stop)

    def send_rest(self, segment: Segment, done: int) -> Unsent:
        """See Wire."""
        return self._requests.send_rest(self._sockets[0].fileno(), segment.start, segment.stop, done)

    def choose(self, columns: Ints) -> None:
        """See Wire."""
        self._chosen.copy(self._requests, columns)

    def send_chosen(self, start: int, stop: int, number: int) -> Unsent:
        """See Wire."""
        self._chosen.fields["round"][start:stop] = number | BURST
        return self._chosen.send(self._sockets[0].fileno(), start, stop)

    def gather(self) -> int:
        """See Wire."""
        return sum(self._replies.gather(sock.fileno()) for sock in self._sockets)

    def gathered(self) -> Replies | None:
        """See Wire."""
        return parsed(self._replies, self._mark, self._size) if self._replies.gathered else None

    def change_source(self) -> None:
        """Another port."""
        for old in self._sockets[1:]:
            old.close()
        self._sockets = [self._open(), self._sockets[0]]

    def capabilities_lost(self) -> tuple[str, ...]:
        """See Wire."""
        return ()

    def close(self) -> None:
        """See Wire."""
        for sock in self._sockets:
            sock.close()
