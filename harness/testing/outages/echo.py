"""Guests that answer pings and datagrams: one socket for all of them, many packets at a time."""

from __future__ import annotations

import heapq
import itertools
import socket
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from harness.clock import wall_minus_monotonic_ns
from harness.testing.outages import datagrams
from harness.testing.outages.behaviour import Behaviour, Bools, Ints
from harness.testing.outages.datagrams import Batch
from harness.testing.outages.script import Setup
from harness.testing.outages.truth import Ledger

_BATCH: Final = 512
_BUFFER_BYTES: Final = 16 * 2**20
_SOL_RAW: Final = 255
_ICMP_FILTER: Final = 1
_ECHO: Final = 8
_HEADER_BYTES: Final = 20
"""Of an IPv4 packet without options."""
_SO_RCVBUFFORCE: Final = 33
_SO_BINDTODEVICE: Final = 25


class Echo(Protocol):
    """One kind of packet that guests answer."""

    ledger: Ledger

    def fileno(self) -> int:
        """The socket to wait for."""

    def answer(self, begin_ns: int) -> None:
        """Answer what waits there.  `begin_ns` is the beginning of the script on the monotonic clock."""

    def answer_late(self, now_ns: int) -> int | None:
        """Send what was put off and is due; returns when the next is."""

    def close(self) -> None:
        """Close the socket."""


class _Later:
    """Answers that are put off."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, bytes, tuple[str, int], int]] = []
        self._numbers = itertools.count()

    def put(self, due_ns: int, packet: bytes, to: tuple[str, int], source: int) -> None:
        heapq.heappush(self._waiting, (due_ns, next(self._numbers), packet, to, source))

    def due(self, now_ns: int) -> list[tuple[bytes, tuple[str, int], int]]:
        found = []
        while self._waiting and self._waiting[0][0] <= now_ns:
            found.append(heapq.heappop(self._waiting)[2:])
        return found

    def next_ns(self) -> int | None:
        return self._waiting[0][0] if self._waiting else None


class _Guests:
    """Which guest has which address."""

    def __init__(self, setup: Setup) -> None:
        numbers = np.array([datagrams.number(guest.address) for guest in setup.guests], dtype=np.uint32)
        self._order = np.argsort(numbers)
        self._sorted = numbers[self._order]

    def find(self, addresses: NDArray[np.uint32]) -> Ints:
        """Index of the guest of each address, -1 for nobody's."""
        places = np.searchsorted(self._sorted, addresses).clip(max=len(self._sorted) - 1)
        return np.where(self._sorted[places] == addresses, self._order[places], -1).astype(np.int64)


class PingEcho:
    """Answers pings itself.  The kernel must not (`net.ipv4.icmp_echo_ignore_all`); needs raw sockets."""

    def __init__(self, setup: Setup, behaviour: Behaviour) -> None:
        self.ledger = Ledger("ping", behaviour, len(setup.guests))
        self._behaviour, self._late_ns = behaviour, setup.late_ns
        self._guests, self._later, self._batch = _Guests(setup), _Later(), Batch(_BATCH)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self._socket.setsockopt(_SOL_RAW, _ICMP_FILTER, (0xFFFF_FFFF ^ (1 << _ECHO)).to_bytes(4, "little"))
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_HDRINCL, 1)
        _prepare(self._socket)

    def fileno(self) -> int:
        """See Echo."""
        return self._socket.fileno()

    def answer(self, begin_ns: int) -> None:
        """See Echo."""
        batch = self._batch
        count = batch.receive(self.fileno())
        if not count:
            return
        packets = batch.data[:count]
        own = datagrams.destination_addresses(packets)
        guests = self._guests.find(own)
        asked = (guests >= 0) & (packets[:, 0] == 0x45) & (packets[:, _HEADER_BYTES] == _ECHO)
        at_ns = batch.stamps_ns(count) - wall_minus_monotonic_ns() - begin_ns
        now, late = _decide(self._behaviour, guests, at_ns, asked, ping=True)
        _to_replies(packets)
        lengths = batch.lengths(count)
        batch.send(self.fileno(), np.flatnonzero(now), lengths[now], with_source=False)
        self.ledger.take(guests[asked], at_ns[asked], ~now[asked])
        for row in np.flatnonzero(late):
            to = (socket.inet_ntoa(packets[row, 16:20].tobytes()), 0)
            due_ns = begin_ns + int(at_ns[row]) + self._late_ns
            self._later.put(due_ns, packets[row, : lengths[row]].tobytes(), to, 0)

    def answer_late(self, now_ns: int) -> int | None:
        """See Echo."""
        for packet, to, _ in self._later.due(now_ns):
            self._socket.sendto(packet, to)
        return self._later.next_ns()

    def close(self) -> None:
        """See Echo."""
        self._socket.close()


class DatagramEcho:
    """Sends each datagram back as it is, from the address that it came to."""

    def __init__(self, setup: Setup, behaviour: Behaviour, *, loopback: bool) -> None:
        self.ledger = Ledger("datagram", behaviour, len(setup.guests))
        self._behaviour, self._late_ns = behaviour, setup.late_ns
        self._guests, self._later, self._batch = _Guests(setup), _Later(), Batch(_BATCH)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.IPPROTO_IP, datagrams.IP_PKTINFO, 1)
        if loopback:
            keep_on_loopback(self._socket)
        _prepare(self._socket)
        self._socket.bind(("", setup.udp_port))

    def fileno(self) -> int:
        """See Echo."""
        return self._socket.fileno()

    def answer(self, begin_ns: int) -> None:
        """See Echo."""
        batch = self._batch
        count = batch.receive(self.fileno())
        if not count:
            return
        own = batch.local_addresses(count)
        guests = self._guests.find(own)
        at_ns = batch.stamps_ns(count) - wall_minus_monotonic_ns() - begin_ns
        asked = guests >= 0
        now, late = _decide(self._behaviour, guests, at_ns, asked, ping=False)
        batch.set_sources(own)
        lengths = batch.lengths(count)
        batch.send(self.fileno(), np.flatnonzero(now), lengths[now], with_source=True)
        self.ledger.take(guests[asked], at_ns[asked], ~now[asked])
        for row in np.flatnonzero(late):
            name = batch.names[row]
            to = (socket.inet_ntoa(name[4:8].tobytes()), int.from_bytes(name[2:4].tobytes(), "big"))
            due_ns = begin_ns + int(at_ns[row]) + self._late_ns
            self._later.put(due_ns, batch.data[row, : lengths[row]].tobytes(), to, int(own[row]))

    def answer_late(self, now_ns: int) -> int | None:
        """See Echo."""
        for packet, to, source in self._later.due(now_ns):
            pktinfo = bytes(4) + source.to_bytes(4, "big") + bytes(4)
            self._socket.sendmsg([packet], [(socket.IPPROTO_IP, datagrams.IP_PKTINFO, pktinfo)], 0, to)
        return self._later.next_ns()

    def close(self) -> None:
        """See Echo."""
        self._socket.close()


def _decide(behaviour: Behaviour, guests: Ints, at_ns: Ints, asked: Bools, *, ping: bool) -> tuple[Bools, Bools]:
    """Which packets are answered at once, and which late."""
    current = behaviour.current(guests.clip(min=0), at_ns)
    silent, late = behaviour.silent(current, ping=ping), behaviour.late(current)
    return asked & ~silent & ~late, asked & late


def _to_replies(packets: NDArray[np.uint8]) -> None:
    """Echo requests to echo replies, in place: addresses change places, the checksum grows by what the type lost
    (RFC 1624); the kernel sees to that of the IPv4 header."""
    packets[:, 12:20] = packets[:, [16, 17, 18, 19, 12, 13, 14, 15]]
    packets[:, _HEADER_BYTES] = 0
    at = _HEADER_BYTES + 2
    total = packets[:, at].astype(np.uint32) * 256 + packets[:, at + 1] + (_ECHO << 8)
    total = (total & 0xFFFF) + (total >> 16)
    packets[:, at], packets[:, at + 1] = total >> 8, total & 0xFF


def keep_on_loopback(sock: socket.socket) -> None:
    """A socket for all addresses hears the loopback interface only."""
    sock.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, b"lo\0")


def _prepare(sock: socket.socket) -> None:
    sock.setblocking(False)
    datagrams.ask_for_stamps(sock)
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
