"""Receiving from a real socket: order, lengths, kernel stamps, drops."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import numpy as np
import pytest

from harness.clock import monotonic_ns, wall_minus_monotonic_ns
from harness.errors import HarnessError
from harness.probes.heartbeat import open_sink
from harness.probes.heartbeat_wire import Heartbeat, encode, guest_id
from harness.probes.receiving import BATCH, DatagramReceiver

S = 1_000_000_000


@pytest.fixture
def sender() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        yield made


@pytest.fixture
def receiver(sender: socket.socket) -> Iterator[DatagramReceiver]:
    made = DatagramReceiver("127.0.0.1", 0, 72)
    sender.connect(("127.0.0.1", made.port))
    yield made
    made.close()


def test_datagrams_come_in_order_with_their_lengths_and_stamps(
    receiver: DatagramReceiver, sender: socket.socket
) -> None:
    before_ns = monotonic_ns()
    contents = [bytes([number % 251]) * (number % 90) for number in range(200)]
    for content in contents:
        sender.send(content)
    after_ns = monotonic_ns()
    came = receiver.receive(after_ns)
    assert came.drained
    assert came.lengths.tolist() == [min(len(content), 72) for content in contents]
    assert [bytes(row[:length]) for row, length in zip(came.rows, came.lengths, strict=True)] == [
        content[:72] for content in contents
    ]
    assert (np.diff(came.stamps_ns) >= 0).all()
    assert before_ns - S < came.stamps_ns[0] <= came.stamps_ns[-1] < after_ns + S
    assert len(receiver.receive(monotonic_ns()).rows) == 0


def test_reading_late_changes_no_stamp(receiver: DatagramReceiver, sender: socket.socket) -> None:
    sender.send(b"early")
    sent_ns = monotonic_ns()
    came = receiver.receive(sent_ns + 3600 * S)
    assert abs(int(came.stamps_ns[0]) - sent_ns) < 10 * S


def test_more_than_a_batch_comes_in_one_call(sender: socket.socket) -> None:
    receiver = DatagramReceiver("127.0.0.1", 0, 72)
    try:
        if receiver.buffer_bytes < 8 << 20:
            pytest.skip("the kernel gives an ordinary user too small a buffer: net.core.rmem_max")
        sender.connect(("127.0.0.1", receiver.port))
        for number in range(BATCH + 10):
            sender.send(number.to_bytes(4, "little"))
        came = receiver.receive(monotonic_ns())
        numbers = came.rows[:, :4].copy().view("<u4")[:, 0]
        assert numbers.tolist() == list(range(BATCH + 10))
        assert came.dropped == 0
    finally:
        receiver.close()


def test_the_kernel_tells_what_it_dropped(sender: socket.socket) -> None:
    receiver = DatagramReceiver("127.0.0.1", 0, 72, buffer_bytes=4096)
    try:
        sender.connect(("127.0.0.1", receiver.port))
        sent = 500
        for _ in range(sent):
            sender.send(b"x" * 48)
        kept = len(receiver.receive(monotonic_ns()).rows)
        assert kept < sent
        sender.send(b"after")
        came = receiver.receive(monotonic_ns())
        assert came.dropped == sent - kept
    finally:
        receiver.close()


def test_a_wall_clock_that_is_set_moves_no_arrival(sender: socket.socket) -> None:
    """Stamps are wall time: one made before the clock was set is converted as it was."""
    offsets = [wall_minus_monotonic_ns()]
    receiver = DatagramReceiver("127.0.0.1", 0, 72, wall_offset_ns=lambda: offsets[-1])
    try:
        sender.connect(("127.0.0.1", receiver.port))
        start_ns = monotonic_ns()
        receiver.receive(start_ns)
        sender.send(b"stamped by the old clock")
        offsets.append(offsets[0] + 300 * S)
        now_ns = monotonic_ns()
        (stamp,) = receiver.receive(now_ns).stamps_ns.tolist()
        assert start_ns - S < stamp < now_ns + S
    finally:
        receiver.close()


def test_an_address_that_cannot_be_had_is_named() -> None:
    with pytest.raises(HarnessError, match=r"192\.0\.2\.1 port 9"):
        DatagramReceiver("192.0.2.1", 9, 72)


def test_a_sink_hears_guests_over_a_socket(sender: socket.socket) -> None:
    sink = open_sink("127.0.0.1", 0, {"vm001": 20_000_000})
    try:
        sender.connect(("127.0.0.1", sink.port))
        for number in range(5):
            now_ns = monotonic_ns()
            sender.send(encode(Heartbeat(guest_id("vm001"), 9, number, now_ns, now_ns + wall_minus_monotonic_ns())))
        now_ns = monotonic_ns()
        sink.step(now_ns)
        runs = sink.runs(now_ns + S)
        assert sum(run.count for run in runs) == 5
        assert (runs[0].boot_id, runs[-1].heartbeat_last) == (9, 4)
        (offset,) = sink.clock_offsets(close=True)
        assert abs(offset.offset_ns) < S
    finally:
        sink.close()
