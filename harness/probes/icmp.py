"""ICMP echo over a raw socket, or over the kernel's ping socket when that is not allowed.

A raw socket is given every ICMP message of the machine.  ICMP_FILTER and a BPF program let none but the replies to this
prober through, so that other pingers cost nothing.
"""

from __future__ import annotations

import secrets
import socket
import struct
from collections.abc import Callable
from typing import Final

import numpy as np

from harness.errors import LabError
from harness.probes.identity import PAYLOAD, balanced, checksums, new_mark, parsed
from harness.probes.mmsg import Instruction, ReceiveBatch, SendBatch, attach_filter, set_up
from harness.probes.schedule import Ints, Schedule, Segment
from harness.probes.udp import numeric
from harness.probes.wire import BURST, Replies, Unsent
from harness.values import Signal

ECHO_REQUEST: Final = 8
SOL_RAW: Final = 255
ICMP_FILTER: Final = 1
ONLY_REPLIES: Final = 0xFFFF_FFFE
"""ICMP_FILTER has a bit for each type that is not wanted; type 0 is the echo reply."""
IDENTIFIERS: Final = 16
"""Identifiers of one prober: the low four bits change, the filter knows the others."""

REQUEST: Final = np.dtype(
    [("type", "u1"), ("code", "u1"), ("checksum", "<u2"), ("identifier", "<u2"), ("sequence", "<u2"), *PAYLOAD]
)
REPLY_RAW: Final = np.dtype(
    {"names": ["mark", "column", "number"], "formats": ["<u4", "<u4", "<u4"], "offsets": [28, 32, 36], "itemsize": 64}
)
REPLY_PING: Final = np.dtype(
    {"names": ["mark", "column", "number"], "formats": ["<u4", "<u4", "<u4"], "offsets": [8, 12, 16], "itemsize": 64}
)
NO_OPTIONS: Final = 0x45
"""First byte of an IPv4 header of 20 bytes; replies with options in the header are not expected and not read."""


def only_own(identifier: int, mark: int) -> list[Instruction]:
    """Accept echo replies with `identifier` but for its low four bits and with our mark behind the ICMP header."""
    return [
        (0x30, 0, 0, 0),  # version and length of the IP header
        (0x15, 0, 8, NO_OPTIONS),
        (0x30, 0, 0, 20),  # ICMP type
        (0x15, 0, 6, 0),
        (0x28, 0, 0, 24),  # identifier
        (0x54, 0, 0, 0x10000 - IDENTIFIERS),
        (0x15, 0, 3, identifier & (0x10000 - IDENTIFIERS)),
        (0x20, 0, 0, 28),  # mark
        (0x15, 0, 1, struct.unpack(">I", struct.pack("<I", mark))[0]),
        (0x06, 0, 0, 0xFFFF_FFFF),
        (0x06, 0, 0, 0),
    ]


class IcmpWire:
    """Echo requests to all columns.  Raises LabError when the machine allows neither kind of socket."""

    signal = Signal.ICMP

    def __init__(self, *, raw: bool = True) -> None:
        self._mark = new_mark()
        self._identifier = secrets.randbelow(0x10000)
        self._size = 0
        self.raw = raw
        self._socket = self._open()
        self._descriptor = self._socket.fileno()
        self._replies = ReceiveBatch(REPLY_RAW if self.raw else REPLY_PING)

    def _open(self) -> socket.socket:
        if self.raw:
            try:
                sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
            except PermissionError:
                self.raw = False
            else:
                sock.setsockopt(SOL_RAW, ICMP_FILTER, struct.pack("<I", ONLY_REPLIES))
                attach_filter(sock, only_own(self._identifier, self._mark))
                set_up(sock)
                return sock
        try:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
        except PermissionError as error:
            raise LabError(
                "this machine lets the prober send no ICMP: no raw socket, no ping socket",
                hint="Give the prober CAP_NET_RAW, or put its group into the sysctl net.ipv4.ping_group_range.",
            ) from error
        set_up(sock)
        return sock

    def prepare(self, schedule: Schedule, burst_room: int) -> None:
        """See Wire."""
        self._size = schedule.size
        self._requests = SendBatch(schedule.size, REQUEST)
        self._chosen = SendBatch(burst_room, REQUEST)
        self._requests.address([numeric(schedule.targets[c.target].address) for c in schedule.columns], 0)
        packets = self._requests.packets
        packets["type"] = ECHO_REQUEST
        packets["mark"] = self._mark
        packets["column"] = np.arange(schedule.size)
        packets["round"] = balanced(0)
        self._sign()

    def _sign(self) -> None:
        """Identifier and checksum of all requests; the checksum holds for every round."""
        packets = self._requests.packets
        packets["identifier"] = socket.htons(self._identifier)
        packets["checksum"] = 0
        packets["checksum"] = checksums(packets)

    def begin(self, number: int) -> None:
        """See Wire."""
        self._number(self._requests, 0, self._size, number)

    def sender(self, segment: Segment) -> Callable[[], int]:
        """See Wire."""
        return self._requests.sender(self._descriptor, segment.start, segment.stop)

    def send_rest(self, segment: Segment, done: int) -> Unsent:
        """See Wire."""
        return self._requests.send_rest(self._descriptor, segment.start, segment.stop, done)

    def choose(self, columns: Ints) -> None:
        """See Wire."""
        self._chosen.copy(self._requests, columns)

    def send_chosen(self, start: int, stop: int, number: int) -> Unsent:
        """See Wire."""
        self._number(self._chosen, start, stop, number | BURST)
        return self._chosen.send(self._descriptor, start, stop)

    @staticmethod
    def _number(batch: SendBatch, start: int, stop: int, number: int) -> None:
        sequence = socket.htons(number & 0xFFFF)
        batch.fields["sequence"][start:stop] = sequence
        batch.fields["round"][start:stop] = balanced(number, sequence)

    def gather(self) -> int:
        """See Wire."""
        return self._replies.gather(self._descriptor)

    def gathered(self) -> Replies | None:
        """See Wire."""
        return parsed(self._replies, self._mark, self._size) if self._replies.gathered else None

    def change_source(self) -> None:
        """Another identifier of the prober's sixteen.  The kernel chooses that of a ping socket, for its lifetime."""
        if self.raw:
            self._identifier = (self._identifier & ~(IDENTIFIERS - 1)) | ((self._identifier + 1) % IDENTIFIERS)
            self._sign()

    def capabilities_lost(self) -> tuple[str, ...]:
        """See Wire."""
        if self.raw:
            return ()
        return (
            "no raw ICMP socket: the ping socket of the kernel is used, which costs more and keeps one identifier, so"
            " that a firewall session may freeze; give the prober CAP_NET_RAW",
        )

    def close(self) -> None:
        """See Wire."""
        self._socket.close()
