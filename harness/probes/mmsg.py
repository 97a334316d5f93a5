"""Many datagrams in one system call, from and into buffers that are made once.

`sendmmsg` and `recvmmsg` take arrays of `struct mmsghdr`.  Those arrays, the vectors and addresses they point to and
the packets themselves are numpy arrays here, so that thousands of packets are changed by one assignment and nothing
is allocated while probing.  The layouts are those of 64-bit Linux.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from harness.errors import ConfigError
from harness.probes.schedule import Ints
from harness.probes.wire import NONE_UNSENT, Unsent

HEADER: Final = np.dtype(
    {
        "names": ["name", "namelen", "iov", "iovlen", "control", "controllen", "flags", "length"],
        "formats": ["<u8", "<u4", "<u8", "<u8", "<u8", "<u8", "<i4", "<u4"],
        "offsets": [0, 8, 16, 24, 32, 40, 48, 56],
        "itemsize": 64,
    }
)
"""`struct mmsghdr`."""

VECTOR: Final = np.dtype([("base", "<u8"), ("length", "<u8")])
"""`struct iovec`."""

CONTROL: Final = np.dtype(
    {
        "names": ["length", "level", "type", "seconds", "nanoseconds"],
        "formats": ["<u8", "<i4", "<i4", "<i8", "<i8"],
        "offsets": [0, 8, 12, 16, 24],
        "itemsize": 32,
    }
)
"""A control message with a `struct timespec`."""

SO_TIMESTAMPNS: Final = 35
SO_RCVBUFFORCE: Final = 33
SO_ATTACH_FILTER: Final = 26
IP_MTU_DISCOVER: Final = 10
IP_PMTUDISC_PROBE: Final = 3
"""Packets are small and never in fragments, so none needs an identification, which costs the kernel a hash each."""
RECEIVE_BYTES: Final = 8 << 20
"""Receive buffer: holds the replies of a stop of the prober. [INF]"""
MOST_AT_ONCE: Final = 1024
"""UIO_MAXIOV: the kernel takes no more messages in one call."""
DONTWAIT: Final = int(socket.MSG_DONTWAIT)
RECEIVE_ROOM: Final = 2048
"""Replies that are gathered before anyone looks at them. [INF]"""

NO_ROOM: Final = frozenset({errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM})
"""The kernel has no room now; trying the rest at once would only burn time."""


def system_calls() -> tuple[Any, Any]:
    """`sendmmsg` and `recvmmsg`.  Raises ConfigError on a machine whose layouts are others."""
    if sys.platform != "linux" or ctypes.sizeof(ctypes.c_void_p) != 8 or sys.byteorder != "little":
        raise ConfigError(
            f"the sampler needs 64-bit little-endian Linux, this is {sys.platform}",
            hint="Run the prober on a Linux machine.",
        )
    libc = ctypes.CDLL(None, use_errno=True)
    send, receive = libc.sendmmsg, libc.recvmmsg
    send.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
    receive.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
    return send, receive


class SendBatch:
    """Packets of one size with their destinations, all or any neighbours of which leave in one call."""

    def __init__(self, count: int, layout: np.dtype[np.void]) -> None:
        self._send, _ = system_calls()
        self.packets = np.zeros(count, layout)
        self.fields = {name: self.packets[name] for name in layout.names or ()}
        """The packets' fields, each an array over packets."""
        self._names = np.zeros(count, [("family", "<u2"), ("port", ">u2"), ("address", ">u4"), ("rest", "<u8")])
        self._vectors = np.zeros(count, VECTOR)
        self._headers = np.zeros(count, HEADER)
        self._vectors["base"] = self.packets.ctypes.data + np.arange(count) * layout.itemsize
        self._vectors["length"] = layout.itemsize
        self._names["family"] = socket.AF_INET
        self._headers["name"] = self._names.ctypes.data + np.arange(count) * 16
        self._headers["namelen"] = 16
        self._headers["iov"] = self._vectors.ctypes.data + np.arange(count) * VECTOR.itemsize
        self._headers["iovlen"] = 1
        self._base = self._headers.ctypes.data

    def address(self, addresses: npt.ArrayLike, ports: npt.ArrayLike) -> None:
        """Destinations of all packets: IPv4 addresses as numbers, and ports."""
        self._names["address"] = addresses
        self._names["port"] = ports

    def copy(self, other: SendBatch, places: Ints) -> None:
        """Begin with the packets and destinations that `other` has at `places`."""
        self.packets[: places.size] = other.packets[places]
        self._names[: places.size] = other._names[places]

    def sender(self, descriptor: int, start: int, stop: int) -> Callable[[], int]:
        """A call that sends the packets from `start` up to `stop` (exclusive) and gives how many the kernel took, or
        -1; made of nothing but C, since it is made in every slot."""
        return partial(self._send, descriptor, self._base + start * HEADER.itemsize, stop - start, DONTWAIT)

    def send(self, descriptor: int, start: int, stop: int) -> Unsent:
        """Send the packets from `start` up to `stop` (exclusive); say which of them the kernel did not take."""
        count = stop - start
        done = self._send(descriptor, self._base + start * HEADER.itemsize, count, DONTWAIT)
        return NONE_UNSENT if done == count else self.send_rest(descriptor, start, stop, done)

    def send_rest(self, descriptor: int, start: int, stop: int, done: int) -> Unsent:
        """Go on after a call that took `done` packets, or none (-1); say which the kernel did not take in the end."""
        unsent: list[tuple[int, int]] = []
        at = start
        while True:
            if done > 0:
                at += done
            else:
                number = ctypes.get_errno()
                if number in NO_ROOM:
                    return unsent + [(place - start, number) for place in range(at, stop)]
                if number != errno.EINTR:
                    unsent.append((at - start, number))
                    at += 1
            if at >= stop:
                return unsent
            count = min(stop - at, MOST_AT_ONCE)
            done = self._send(descriptor, self._base + at * HEADER.itemsize, count, DONTWAIT)


class ReceiveBatch:
    """Room for replies and their kernel receive stamps: gathered by one call or by several, then looked at together."""

    def __init__(self, layout: np.dtype[np.void], count: int = RECEIVE_ROOM) -> None:
        _, self._receive = system_calls()
        self.room = count
        self.gathered = 0
        """Replies at the front of the batch that nobody looked at yet."""
        self.packets = np.zeros(count, layout)
        self.fields = {name: self.packets[name] for name in layout.names or ()}
        """The packets' fields, each an array over packets."""
        self._controls = np.zeros(count, CONTROL)
        self._vectors = np.zeros(count, VECTOR)
        self._headers = np.zeros(count, HEADER)
        self._vectors["base"] = self.packets.ctypes.data + np.arange(count) * layout.itemsize
        self._vectors["length"] = layout.itemsize
        self._headers["iov"] = self._vectors.ctypes.data + np.arange(count) * VECTOR.itemsize
        self._headers["iovlen"] = 1
        self._headers["control"] = self._controls.ctypes.data + np.arange(count) * CONTROL.itemsize
        self._headers["controllen"] = CONTROL.itemsize
        self._base = self._headers.ctypes.data
        self._given = self._headers["controllen"]
        self._lengths = self._headers["length"]
        self._seconds = self._controls["seconds"]
        self._nanoseconds = self._controls["nanoseconds"]

    def gather(self, descriptor: int) -> int:
        """Take from the kernel what waits and has room here; gives how many that were."""
        done = 0
        if self.gathered < self.room:
            base = self._base + self.gathered * HEADER.itemsize
            done = max(int(self._receive(descriptor, base, self.room - self.gathered, DONTWAIT, None)), 0)
            self.gathered += done
        return done

    def lengths(self) -> npt.NDArray[np.uint32]:
        """Bytes of each gathered reply."""
        return self._lengths[: self.gathered].copy()

    def stamps(self) -> Ints:
        """Kernel receive times of the gathered replies, CLOCK_REALTIME in ns; makes the batch ready for others."""
        count, self.gathered = self.gathered, 0
        stamps: Ints = self._seconds[:count] * 1_000_000_000
        stamps += self._nanoseconds[:count]
        self._given[:count] = CONTROL.itemsize
        return stamps


def set_up(sock: socket.socket) -> None:
    """Receive buffer, kernel receive stamps and unfragmented packets for a socket of these batches."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BYTES)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE)
    sock.setblocking(False)


Instruction = tuple[int, int, int, int]
"""A classic BPF instruction: code, jump if true, jump if false, constant."""


def attach_filter(sock: socket.socket, program: list[Instruction]) -> None:
    """Have the kernel drop what `program` does not accept, and what came in before."""
    block = b"".join(struct.pack("<HBBI", *instruction) for instruction in program)
    keep = ctypes.create_string_buffer(block)
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("<HxxxxxxQ", len(program), ctypes.addressof(keep)))
