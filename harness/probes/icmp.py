"""ICMP echo over a raw socket, or over the kernel's ping socket when that is not allowed.

A raw socket is given every ICMP message of the machine.  ICMP_FILTER and a BPF program let none but the replies to this
prober through, so that other pingers cost nothing.
"""

from __future__ import annotations

import secrets
import socket
import struct
from typing import Final

import numpy as np

from harness.errors import LabError
from harness.probes.identity import PAYLOAD, balance_of, checksums, new_mark, ours
from harness.probes.mmsg import Instruction, ReceiveBatch, SendBatch, attach_filter, enlarge_buffer
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
    {
        "names": ["version", "mark", "column", "number"],
        "formats": ["u1", "<u4", "<u4", "<u4"],
        "offsets": [0, 28, 32, 36],
        "itemsize": 64,
    }
)
REPLY_PING: Final = np.dtype(
    {"names": ["mark", "column", "number"], "formats": ["<u4", "<u4", "<u4"], "offsets": [8, 12, 16], "itemsize": 64}
)
NO_OPTIONS: Final = 0x45
"""First byte of an IPv4 header of 20 bytes."""


def only_own(identifier: int, mark: int) -> list[Instruction]:
    """Accept echo replies with `identifier` but for its low four bits and with our mark behind the ICMP header."""
    return [
        (0xB1, 0, 0, 0),  # x = length of the IP header
        (0x50, 0, 0, 0),  # ICMP type
        (0x15, 0, 6, 0),
        (0x48, 0, 0, 4),  # identifier
        (0x54, 0, 0, 0x10000 - IDENTIFIERS),
        (0x15, 0, 3, identifier & (0x10000 - IDENTIFIERS)),
        (0x40, 0, 0, 8),
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
                enlarge_buffer(sock)
                return sock
        try:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
        except PermissionError as error:
            raise LabError(
                "this machine lets the prober send no ICMP: no raw socket, no ping socket",
                hint="Give the prober CAP_NET_RAW, or put its group into the sysctl net.ipv4.ping_group_range.",
            ) from error
        enlarge_buffer(sock)
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
        self._sign()

    def _sign(self) -> None:
        """Identifier and checksum of all requests; the checksum holds for every round."""
        packets = self._requests.packets
        packets["identifier"] = socket.htons(self._identifier)
        packets["checksum"] = packets["sequence"] = packets["number"] = 0
        packets["balance"] = balance_of(0)
        packets["checksum"] = checksums(packets)

    def send(self, segment: Segment, number: int) -> Unsent:
        """See Wire."""
        return self._send(self._requests, segment.start, segment.stop, number)

    def choose(self, columns: Ints) -> None:
        """See Wire."""
        self._chosen.copy(self._requests, columns)

    def send_chosen(self, start: int, stop: int, number: int) -> Unsent:
        """See Wire."""
        return self._send(self._chosen, start, stop, number | BURST)

    def _send(self, batch: SendBatch, start: int, stop: int, number: int) -> Unsent:
        sequence = socket.htons(number & 0xFFFF)
        packets = batch.packets[start:stop]
        packets["sequence"] = sequence
        packets["number"] = number
        packets["balance"] = balance_of(number, sequence)
        return batch.send(self._socket.fileno(), start, stop)

    def receive(self) -> Replies | None:
        """See Wire."""
        count = self._replies.receive(self._socket.fileno())
        if not count:
            return None
        packets = self._replies.packets[:count]
        stamps = self._replies.stamps(count)
        columns = packets["column"].astype(np.int64)
        known = ours(packets["mark"], columns, self._mark, self._size)
        if self.raw:
            known &= packets["version"] == NO_OPTIONS
        numbers = packets["number"].astype(np.int64)
        if known.all():
            return Replies(columns, numbers, stamps)
        return Replies(columns[known], numbers[known], stamps[known])

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
            "no raw ICMP socket: the ping socket of the kernel is used, which costs more and keeps one identifier, so that"
            " a firewall session may freeze; give the prober CAP_NET_RAW",
        )

    def close(self) -> None:
        """See Wire."""
        self._socket.close()
