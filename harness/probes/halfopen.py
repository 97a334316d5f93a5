"""Half-open TCP: a SYN, and whether SYN-ACK or RST comes back.

The kernel of the prober knows nothing of the connection and resets it as soon as the guest agrees, so that the guest's
application never sees it.  Such a probe shows that the guest's network stack and its listening socket live; that the
application answers is for a prober of whole connections to show.

A SYN has no payload.  Its sequence number, which comes back plus one, holds column and number (modulo 2^15), hidden
by a random mask; the source port goes round a reserved range, so that no half-open leftover at the guest meets its
successor.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from typing import Final

import numpy as np

from harness.errors import ConfigError, LabError
from harness.probes.identity import checksums, fold
from harness.probes.mmsg import Instruction, ReceiveBatch, SendBatch, attach_filter, set_up
from harness.probes.schedule import Ints, Schedule, Segment
from harness.probes.udp import numeric
from harness.probes.wire import BURST, Replies, Unsent
from harness.values import Signal

PORTS: Final = 32
"""Source ports in use at a time; one returns after as many rounds."""
PORT_RANGE: Final = (20_000, 32_000)
"""Where reserved ports are sought: below those that Linux gives out by itself. [INF]"""
TRIES: Final = 64
MOST_COLUMNS: Final = 1 << 16
NUMBER_BITS: Final = 15
BURST_BIT: Final = 1 << 31
SYN: Final = 0x02
RST: Final = 0x04
ACK: Final = 0x10
OFFSET: Final = 0x60
"""Header of 24 bytes: 20 and the option below."""
SEGMENT_SIZE: Final = 1460

REQUEST: Final = np.dtype(
    [
        ("version", "u1"),
        ("service", "u1"),
        ("total", ">u2"),
        ("identification", ">u2"),
        ("fragment", ">u2"),
        ("lifetime", "u1"),
        ("protocol", "u1"),
        ("ip_checksum", ">u2"),
        ("source", ">u4"),
        ("destination", ">u4"),
        ("source_port", ">u2"),
        ("port", ">u2"),
        ("sequence", ">u4"),
        ("acknowledged", ">u4"),
        ("offset", "u1"),
        ("flags", "u1"),
        ("window", ">u2"),
        ("checksum", ">u2"),
        ("urgent", ">u2"),
        ("option", ">u2"),
        ("segment_size", ">u2"),
    ]
)
REPLY: Final = np.dtype(
    {
        "names": ["source", "port", "acknowledged", "flags"],
        "formats": [">u4", ">u2", ">u4", "u1"],
        "offsets": [12, 22, 28, 33],
        "itemsize": 64,
    }
)


def only_own(first_port: int) -> list[Instruction]:
    """Accept what comes to one of our ports with SYN and ACK or with RST."""
    return [
        (0x30, 0, 0, 0),  # version and length of the IP header
        (0x15, 0, 8, 0x45),
        (0x28, 0, 0, 22),  # destination port
        (0x35, 0, 6, first_port),
        (0x25, 5, 0, first_port + PORTS - 1),
        (0x30, 0, 0, 33),  # flags
        (0x45, 2, 0, RST),
        (0x54, 0, 0, SYN | ACK),
        (0x15, 0, 1, SYN | ACK),
        (0x06, 0, 0, 0xFFFF_FFFF),
        (0x06, 0, 0, 0),
    ]


def reserve_ports() -> list[socket.socket]:
    """Neighbouring ports, bound so that no connection of this machine takes one; raises LabError when none are free."""
    low, high = PORT_RANGE
    for _ in range(TRIES):
        first = low + secrets.randbelow(high - low - PORTS)
        held: list[socket.socket] = []
        try:
            for port in range(first, first + PORTS):
                held.append(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
                held[-1].bind(("", port))
        except OSError:
            for sock in held:
                sock.close()
        else:
            return held
    raise LabError(
        f"no {PORTS} neighbouring TCP ports are free between {low} and {high}",
        hint="Half-open probes need them as source ports: end what holds them, or probe by another signal.",
    )


def source_towards(address: str) -> str:
    """The address from which this machine reaches `address`; raises LabError when it has no route."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect((address, 9))
        except OSError as error:
            raise LabError(
                f"this machine has no route to probe target {address}: {error.strerror}",
                hint="Connect the prober to the guests' network.",
            ) from error
        return str(sock.getsockname()[0])


class HalfOpenWire:
    """SYNs to a TCP port of each column.  Raises LabError without CAP_NET_RAW."""

    signal = Signal.TCP

    def __init__(self) -> None:
        self._mask = secrets.randbits(32)
        self._held = reserve_ports()
        self._first_port = self._held[0].getsockname()[1]
        self._latest = {False: 0, True: 0}
        """Number of the latest round, and of the latest slot out of turn."""
        try:
            self._sockets = [self._open()]
        except BaseException:
            self._release(self._held)
            raise
        self._former: list[socket.socket] = []
        self._replies = ReceiveBatch(REPLY)

    def _open(self) -> socket.socket:
        try:
            sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
        except PermissionError as error:
            raise LabError(
                "this machine does not let the prober make TCP packets of its own (half-open probes)",
                hint="Give the prober CAP_NET_RAW, or probe by whole connections.",
            ) from error
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_HDRINCL, 1)
        attach_filter(sock, only_own(self._first_port))
        set_up(sock)
        return sock

    def prepare(self, schedule: Schedule, burst_room: int) -> None:
        """See Wire.  Raises ConfigError for more columns than a sequence number can tell apart."""
        if schedule.size > MOST_COLUMNS:
            raise ConfigError(
                f"{schedule.size} probes in one interval are too many for half-open TCP; at most {MOST_COLUMNS}",
                hint="Divide the targets among several probers.",
            )
        self._requests = SendBatch(schedule.size, REQUEST)
        self._chosen = SendBatch(burst_room, REQUEST)
        targets = [schedule.targets[c.target].address for c in schedule.columns]
        addresses = np.array([numeric(address) for address in targets], np.int64)
        mine = np.flatnonzero([c.signal is Signal.TCP for c in schedule.columns])
        self._address = addresses
        self._requests.address(addresses, 0)
        sources = {address: numeric(source_towards(address)) for address in {targets[place] for place in mine}}
        packets = self._requests.packets
        packets["source"] = [sources.get(address, 0) for address in targets]
        packets["destination"] = addresses
        packets["port"] = [c.port for c in schedule.columns]
        packets["version"], packets["total"], packets["lifetime"] = 0x45, REQUEST.itemsize, 64
        packets["fragment"], packets["protocol"] = 0x4000, socket.IPPROTO_TCP
        packets["offset"], packets["flags"], packets["window"] = OFFSET, SYN, 0xFFFF
        packets["option"], packets["segment_size"] = 0x0204, SEGMENT_SIZE
        self._requests_sum = self._sums(packets)
        self._requests_column = np.arange(schedule.size)
        self._chosen_sum = np.zeros(burst_room, np.int64)
        self._chosen_column = np.zeros(burst_room, np.int64)

    @staticmethod
    def _sums(packets: np.ndarray) -> Ints:
        """Ones'-complement sums of TCP header and pseudo header, without what changes, in network order."""
        headers = 0xFFFF - checksums(packets, skip=20).astype("<u2").byteswap().astype(np.int64)
        source, destination = packets["source"].astype(np.int64), packets["destination"].astype(np.int64)
        pseudo = (source & 0xFFFF) + (source >> 16) + (destination & 0xFFFF) + (destination >> 16)
        return fold(headers + pseudo + socket.IPPROTO_TCP + (REQUEST.itemsize - 20))

    def begin(self, number: int) -> None:
        """See Wire."""
        self._latest[False] = number
        self._number(self._requests, self._requests_sum, self._requests_column, slice(None), number)

    def sender(self, segment: Segment) -> Callable[[], int]:
        """See Wire."""
        return self._requests.sender(self._sockets[0].fileno(), segment.start, segment.stop)

    def send_rest(self, segment: Segment, done: int) -> Unsent:
        """See Wire."""
        return self._requests.send_rest(self._sockets[0].fileno(), segment.start, segment.stop, done)

    def choose(self, columns: Ints) -> None:
        """See Wire."""
        self._chosen.copy(self._requests, columns)
        self._chosen_sum[: columns.size] = self._requests_sum[columns]
        self._chosen_column[: columns.size] = columns | BURST_BIT

    def send_chosen(self, start: int, stop: int, number: int) -> Unsent:
        """See Wire."""
        self._latest[True] = number
        self._number(self._chosen, self._chosen_sum, self._chosen_column, slice(start, stop), number)
        return self._chosen.send(self._sockets[0].fileno(), start, stop)

    def _number(self, batch: SendBatch, sums: Ints, columns: Ints, where: slice, number: int) -> None:
        port = self._first_port + number % PORTS
        sequence = (columns[where] | (number % (1 << NUMBER_BITS)) << 16) ^ self._mask
        total = fold(sums[where] + (sequence & 0xFFFF) + (sequence >> 16) + port)
        batch.fields["sequence"][where] = sequence
        batch.fields["source_port"][where] = port
        batch.fields["checksum"][where] = ~total & 0xFFFF

    def gather(self) -> int:
        """See Wire."""
        return sum(self._replies.gather(sock.fileno()) for sock in self._sockets)

    def gathered(self) -> Replies | None:
        """See Wire."""
        return self._parsed() if self._replies.gathered else None

    def _parsed(self) -> Replies:
        fields, count = self._replies.fields, self._replies.gathered
        told = ((fields["acknowledged"][:count].astype(np.int64) - 1) & 0xFFFF_FFFF) ^ self._mask
        columns = told & (MOST_COLUMNS - 1)
        burst = told >= BURST_BIT
        latest = np.where(burst, self._latest[True], self._latest[False])
        numbers = latest - ((latest - (told >> 16)) & ((1 << NUMBER_BITS) - 1))
        refused = (fields["flags"][:count] & RST) != 0
        stamps = self._replies.stamps()
        known = columns < self._address.size
        known &= self._address[np.where(known, columns, 0)] == fields["source"][:count]
        numbers = np.where(burst, numbers | BURST, numbers)
        known &= numbers >= 0
        more = count == self._replies.room
        if known.all():
            return Replies(columns, numbers, stamps, more, refused)
        return Replies(columns[known], numbers[known], stamps[known], more, refused[known])

    def change_source(self) -> None:
        """Another range of ports; the former one is still heard, and held, until the next change."""
        for old in self._sockets[1:]:
            old.close()
        self._release(self._former)
        self._former, self._held = self._held, reserve_ports()
        self._first_port = self._held[0].getsockname()[1]
        self._sockets = [self._open(), self._sockets[0]]

    @staticmethod
    def _release(held: list[socket.socket]) -> None:
        for sock in held:
            sock.close()

    def capabilities_lost(self) -> tuple[str, ...]:
        """See Wire."""
        return ()

    def close(self) -> None:
        """See Wire."""
        self._release([*self._sockets, *self._held, *self._former])
