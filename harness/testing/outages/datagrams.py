"""Many datagrams with one system call (`recvmmsg(2)`, `sendmmsg(2)`), their headers as numpy arrays.

Layouts are those of Linux on 64-bit machines (`struct mmsghdr`, `struct cmsghdr`).  The prober has code of its own
for this: what judges it must not share its mistakes.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from harness.clock import NS_PER_S

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

_MESSAGE: Final = np.dtype(
    [
        ("name", "u8"),
        ("name_bytes", "u4"),
        ("_1", "u4"),
        ("vector", "u8"),
        ("vectors", "u8"),
        ("control", "u8"),
        ("control_bytes", "u8"),
        ("flags", "i4"),
        ("_2", "u4"),
        ("bytes", "u4"),
        ("_3", "u4"),
    ]
)
_VECTOR: Final = np.dtype([("base", "u8"), ("bytes", "u8")])
_SO_TIMESTAMPNS: Final = 35
IP_PKTINFO: Final = 8
"""[D] linux/in.h and asm-generic/socket.h; Python names neither."""
_CONTROL_BYTES: Final = 64
_STAMP_AT: Final = 16
"""Where the time stamp lies in the control data: after its header, and it comes first."""
PKTINFO_AT: Final = 32
"""Where `IP_PKTINFO` lies: after the stamp (16 + 16 bytes)."""
_PKTINFO_BYTES: Final = 32
_INTERFACE_AT: Final = PKTINFO_AT + 16
_LOCAL_AT: Final = PKTINFO_AT + 20
NAME_BYTES: Final = 16
"""Of `struct sockaddr_in`."""


class Batch:
    """Room for `size` datagrams of at most `most_bytes`, with their peers' addresses and control data.

    What was received can be changed in `data` and sent back to whom it came from.
    """

    def __init__(self, size: int, most_bytes: int = 512) -> None:
        self.size = size
        self.most_bytes = most_bytes
        self.data: Bytes = np.zeros((size, most_bytes), dtype=np.uint8)
        self.names: Bytes = np.zeros((size, NAME_BYTES), dtype=np.uint8)
        self.control: Bytes = np.zeros((size, _CONTROL_BYTES), dtype=np.uint8)
        self._vectors = np.zeros(size, dtype=_VECTOR)
        self._controls_at = _addresses(self.control)
        self._vectors["base"] = _addresses(self.data)
        self._messages = np.zeros(size, dtype=_MESSAGE)
        self._messages["name"] = _addresses(self.names)
        self._messages["vector"] = _addresses(self._vectors)
        self._messages["vectors"] = 1
        self._libc = ctypes.CDLL(None, use_errno=True)

    def receive(self, descriptor: int) -> int:
        """Take what waits at a socket, at most `size` datagrams; returns how many there were.  Never blocks."""
        self._vectors["bytes"] = self.most_bytes
        self._messages["name_bytes"] = NAME_BYTES
        self._messages["control"] = self._controls_at
        self._messages["control_bytes"] = _CONTROL_BYTES
        return self._call(self._libc.recvmmsg, descriptor, self._messages, self.size, socket.MSG_DONTWAIT, None)

    def lengths(self, count: int) -> Ints:
        """Bytes of each of the first `count` datagrams received."""
        return self._messages["bytes"][:count].astype(np.int64)

    def stamps_ns(self, count: int) -> Ints:
        """When the kernel got each of them, in nanoseconds of its real-time clock."""
        stamps = self.control[:count, _STAMP_AT : _STAMP_AT + 16].copy().view(np.int64)
        result: Ints = stamps[:, 0] * NS_PER_S + stamps[:, 1]
        return result

    def local_addresses(self, count: int) -> NDArray[np.uint32]:
        """To which of this machine's addresses each was sent (`IP_PKTINFO`), as numbers."""
        return _numbers(self.control[:count, _LOCAL_AT + 4 : _LOCAL_AT + 8])

    def set_sources(self, addresses: NDArray[np.uint32]) -> None:
        """From which addresses the first datagrams are sent; for sockets that need it (`IP_PKTINFO`)."""
        count = len(addresses)
        header = np.array([28, 0, socket.IPPROTO_IP, IP_PKTINFO], dtype=np.uint32)
        self.control[:count, PKTINFO_AT : PKTINFO_AT + 16] = header.view(np.uint8)
        self.control[:count, _INTERFACE_AT : _INTERFACE_AT + 4] = 0
        self.control[:count, _LOCAL_AT : _LOCAL_AT + 4] = _octets(addresses)

    def send(self, descriptor: int, rows: Ints, lengths: Ints, *, with_source: bool) -> int:
        """Send these rows of `data` to the addresses in `names`; returns how many the kernel took.

        `with_source` sends each from the address that `set_sources` gave it.
        """
        if not len(rows):
            return 0
        messages = self._messages[rows]
        self._vectors["bytes"][rows] = lengths
        messages["name_bytes"] = NAME_BYTES
        messages["control"] = self._controls_at[rows] + PKTINFO_AT if with_source else 0
        messages["control_bytes"] = _PKTINFO_BYTES if with_source else 0
        sent = 0
        while sent < len(messages):
            took = self._call(self._libc.sendmmsg, descriptor, messages[sent:], len(messages) - sent, 0)
            if not took:
                break
            sent += took
        return sent

    def _call(self, function: Any, descriptor: int, messages: NDArray[Any], count: int, *rest: object) -> int:
        done = function(descriptor, ctypes.c_void_p(messages.ctypes.data), count, *rest)
        if done >= 0:
            return int(done)
        code = ctypes.get_errno()
        if code in (errno.EAGAIN, errno.EINTR, errno.ENOBUFS, errno.ECONNREFUSED):
            return 0
        raise OSError(code, os.strerror(code))


def peer_names(addresses: NDArray[np.uint32], port: int) -> Bytes:
    """`struct sockaddr_in` of each address with a port."""
    names: Bytes = np.zeros((len(addresses), NAME_BYTES), dtype=np.uint8)
    names[:, :2] = np.frombuffer(np.array([socket.AF_INET], dtype=np.uint16).tobytes(), dtype=np.uint8)
    names[:, 2:4] = np.frombuffer(port.to_bytes(2, "big"), dtype=np.uint8)
    names[:, 4:8] = _octets(addresses)
    return names


def number(address: str) -> int:
    """An IPv4 address as a number."""
    return int.from_bytes(socket.inet_aton(address), "big")


def ask_for_stamps(sock: socket.socket) -> None:
    """Have the kernel stamp each datagram that arrives."""
    sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def _numbers(octets: Bytes) -> NDArray[np.uint32]:
    return np.ascontiguousarray(octets).view(">u4").astype(np.uint32)[:, 0]


def destination_addresses(packets: Bytes) -> NDArray[np.uint32]:
    """Destination addresses of IPv4 packets."""
    return _numbers(packets[:, 16:20])


def _octets(addresses: NDArray[np.uint32]) -> Bytes:
    return addresses.astype(">u4").view(np.uint8).reshape(-1, 4)


def _addresses(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """Where each row of an array lies in memory."""
    return (rows.ctypes.data + np.arange(len(rows)) * rows.strides[0]).astype(np.uint64)
