"""Calls that send many packets: what the kernel does not take is told, and the rest still leaves."""

from __future__ import annotations

import ctypes
import errno
import socket
from collections.abc import Iterator

import numpy as np
import pytest

from harness.clock import monotonic_ns, realtime_ns
from harness.probes.mmsg import ReceiveBatch, SendBatch, set_up

LAYOUT = np.dtype([("number", "<u8")])


def scripted(batch: SendBatch, results: list[int]) -> Iterator[int]:
    """`sendmmsg` as it is scripted: packets taken, or a negative errno."""
    left = iter(results)

    def send(descriptor: int, address: int, count: int, flags: int) -> int:
        result = next(left)
        if result < 0:
            ctypes.set_errno(-result)
            return -1
        assert result <= count
        return result

    batch._send = send
    return left


@pytest.mark.parametrize(
    ("results", "unsent"),
    [
        ([10], []),
        ([4, 6], []),
        ([4, -errno.EINTR, 6], []),
        ([4, -errno.ENETUNREACH, 5], [(4, errno.ENETUNREACH)]),
        ([-errno.EPERM, 3, -errno.EPERM, 5], [(0, errno.EPERM), (4, errno.EPERM)]),
        ([9, -errno.ENETDOWN], [(9, errno.ENETDOWN)]),
        ([7, -errno.ENOBUFS], [(7, errno.ENOBUFS), (8, errno.ENOBUFS), (9, errno.ENOBUFS)]),
        ([-errno.EAGAIN], [(place, errno.EAGAIN) for place in range(10)]),
    ],
)
def test_each_packet_is_sent_or_told(results: list[int], unsent: list[tuple[int, int]]) -> None:
    batch = SendBatch(10, LAYOUT)
    left = scripted(batch, results)
    assert list(batch.send(-1, 0, 10)) == unsent
    assert list(left) == []


def test_packets_and_stamps_arrive() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as to,
    ):
        to.bind(("127.0.0.1", 0))
        set_up(to)
        batch, replies = SendBatch(1500, LAYOUT), ReceiveBatch(np.dtype([("number", "<u8"), ("rest", "V56")]), 2000)
        batch.address(np.full(1500, 0x7F000001), to.getsockname()[1])
        batch.fields["number"][:] = np.arange(1500)
        before = realtime_ns()
        assert list(batch.send(here.fileno(), 0, 1500)) == []
        found: list[int] = []
        end_ns = monotonic_ns() + 2_000_000_000
        while len(found) < 1500 and monotonic_ns() < end_ns:
            count = replies.gather(to.fileno())
            assert replies.gathered == count
            found += replies.fields["number"][:count].tolist()
            stamps = replies.stamps()
            assert ((stamps >= before - 1_000_000) & (stamps <= realtime_ns() + 1_000_000)).all()
        assert found == list(range(1500))
        assert replies.gather(to.fileno()) == 0
