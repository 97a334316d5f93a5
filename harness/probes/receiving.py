"""Receiving many datagrams with one system call: `recvmmsg` through ctypes into numpy arrays, with kernel stamps.

Reading late does no harm: the kernel stamps a datagram when it arrives, and keeps it as long as its buffer has room.
What did not fit it counts, and says so with the next datagram ([D] socket(7), SO_RXQ_OVFL).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from harness.clock import wall_minus_monotonic_ns
from harness.errors import ConfigError, HarnessError
from harness.probes.mmsg import HEADER, SO_RCVBUFFORCE, SO_TIMESTAMPNS, VECTOR, system_calls

_SO_RXQ_OVFL: Final = 40
"""[D] asm-generic/socket.h; Python does not name it."""

_CONTROL: Final = np.dtype(
    [
        ("stamp_bytes", "u8"),
        ("stamp_level", "i4"),
        ("stamp_type", "i4"),
        ("seconds", "i8"),
        ("nanoseconds", "i8"),
        ("drop_bytes", "u8"),
        ("drop_level", "i4"),
        ("drop_type", "i4"),
        ("dropped", "u4"),
        ("", "u4"),
    ]
)
"""The two control messages in the order in which the kernel writes them: the stamp, and the drops if there were any."""
_CONTROL_WITH_DROPS: Final = 56

WANTED_BUFFER_BYTES: Final = 128 << 20
"""[INF] A second of 100,000 datagrams a second: the kernel charges about 800 bytes for a small one."""
BATCH: Final = 1024
MOST_BATCHES: Final = 256
"""Of one call: a flood cannot keep the caller for ever."""
MARGIN_NS: Final = 2_000_000
"""A conversion that puts a stamp so far after the present is taken for one of a clock that was set."""


@dataclass(frozen=True, slots=True)
class Received:
    """Datagrams in order of arrival: bytes (n × room), lengths, and when each arrived (monotonic ns).

    `dropped` counts what the kernel had to drop since the socket was opened.  `drained`: nothing more was waiting.
    """

    rows: npt.NDArray[np.uint8]
    lengths: npt.NDArray[np.uint32]
    stamps_ns: npt.NDArray[np.int64]
    dropped: int = 0
    drained: bool = True


class DatagramReceiver:
    """A bound UDP socket that is only read.  `room` is the length of a row; longer datagrams are cut, their length
    says so."""

    def __init__(
        self,
        address: str,
        port: int,
        room: int,
        *,
        buffer_bytes: int = WANTED_BUFFER_BYTES,
        wall_offset_ns: Callable[[], int] = wall_minus_monotonic_ns,
    ) -> None:
        """Bind.  Raises ConfigError when the address cannot be had."""
        self._room = room
        self._wall_offset_ns = wall_offset_ns
        self._offset_ns = wall_offset_ns()
        self._seen_ns = 0
        self._dropped = 0
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._prepare(buffer_bytes)
            self._socket.bind((address, port))
        except OSError as error:
            self._socket.close()
            raise ConfigError(
                f"heartbeats cannot be received at {address} port {port}: {error.strerror}",
                hint="choose an address of this machine and a free UDP port: ss -ulnp",
            ) from error
        _, self._recvmmsg = system_calls()
        self._lay_out()

    def _prepare(self, buffer_bytes: int) -> None:
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)  # cut to net.core.rmem_max
        with contextlib.suppress(OSError):  # beyond that limit only with CAP_NET_ADMIN
            self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, buffer_bytes)

    def _lay_out(self) -> None:
        """The arrays that the kernel fills, and the headers that point into them."""
        self._rows = np.zeros((BATCH, self._room), np.uint8)
        self._control = np.zeros(BATCH, _CONTROL)
        self._parts = np.zeros(BATCH, VECTOR)
        self._headers = np.zeros(BATCH, HEADER)
        at = np.arange(BATCH, dtype=np.uint64)
        self._parts["base"] = self._rows.ctypes.data + at * np.uint64(self._room)
        self._parts["length"] = self._room
        self._headers["iov"] = self._parts.ctypes.data + at * np.uint64(VECTOR.itemsize)
        self._headers["iovlen"] = 1
        self._headers["control"] = self._control.ctypes.data + at * np.uint64(_CONTROL.itemsize)

    @property
    def port(self) -> int:
        """The port bound."""
        return int(self._socket.getsockname()[1])

    @property
    def buffer_bytes(self) -> int:
        """What the kernel really gives; it counts its own overhead too."""
        return self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)

    def fileno(self) -> int:
        """For a selector."""
        return self._socket.fileno()

    def receive(self, now_ns: int) -> Received:
        """Everything that is there; returns at once.  `now_ns` is the present (monotonic)."""
        rows: list[npt.NDArray[np.uint8]] = []
        lengths: list[npt.NDArray[np.uint32]] = []
        stamps: list[npt.NDArray[np.int64]] = []
        drained = False
        for _ in range(MOST_BATCHES):
            count = self._next_batch()
            if count:
                control = self._control[:count]
                rows.append(self._rows[:count].copy())
                lengths.append(self._headers["length"][:count].copy())
                stamps.append(control["seconds"] * 1_000_000_000 + control["nanoseconds"])
                if self._headers["controllen"][count - 1] >= _CONTROL_WITH_DROPS:
                    self._count_drops(int(control["dropped"][count - 1]))
            if count < BATCH:
                drained = True
                break
        if not rows:
            self._offset_ns = self._wall_offset_ns()
            self._seen_ns = now_ns
            empty = np.zeros((0, self._room), np.uint8)
            return Received(empty, np.zeros(0, np.uint32), np.zeros(0, np.int64), self._dropped, drained)
        arrived = self._to_monotonic(np.concatenate(stamps), now_ns)
        return Received(np.concatenate(rows), np.concatenate(lengths), arrived, self._dropped, drained)

    def _next_batch(self) -> int:
        self._headers["controllen"] = _CONTROL.itemsize
        self._headers["flags"] = 0
        count = int(self._recvmmsg(self._socket.fileno(), self._headers.ctypes.data, BATCH, socket.MSG_DONTWAIT, None))
        if count >= 0:
            return count
        number = ctypes.get_errno()
        if number in (errno.EAGAIN, errno.EINTR, errno.ECONNREFUSED):
            return 0
        raise HarnessError(f"receiving heartbeats failed: {os.strerror(number)}", hint="see dmesg of this machine")

    def _count_drops(self, low_bits: int) -> None:
        """The kernel counts in 32 bits."""
        self._dropped += (low_bits - self._dropped) & 0xFFFFFFFF

    def _to_monotonic(self, wall_ns: npt.NDArray[np.int64], now_ns: int) -> npt.NDArray[np.int64]:
        """Stamps are wall time.  Where the wall clock was set since the last call, the stamps made before that are
        converted by what held before."""
        before, self._offset_ns = self._offset_ns, self._wall_offset_ns()
        since_ns, self._seen_ns = self._seen_ns, now_ns
        arrived = wall_ns - self._offset_ns
        outside = (arrived > now_ns + MARGIN_NS) | (arrived < since_ns - MARGIN_NS)
        if abs(self._offset_ns - before) > MARGIN_NS and outside.any():
            arrived = np.where(outside, wall_ns - before, arrived)
        return arrived

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()
