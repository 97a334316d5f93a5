"""Wires on loopback: what is sent is understood by the kernel's own stack, and what comes back by us."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.clock import NS_PER_MS, NS_PER_S, monotonic_ns, pause
from harness.measure.blind import CANARY
from harness.probes.halfopen import HalfOpenWire
from harness.probes.icmp import IDENTIFIERS, REQUEST, IcmpWire
from harness.probes.identity import balanced, checksums
from harness.probes.sampler import Sampler
from harness.probes.schedule import Schedule, build_schedule
from harness.probes.settings import SamplerSettings
from harness.probes.target import ProbeSignal, ProbeTarget
from harness.probes.udp import UdpWire
from harness.probes.wire import BURST, Replies, Wire
from harness.values import Answer, Signal

root = pytest.mark.skipif(os.geteuid() != 0, reason="raw sockets need root")


@contextlib.contextmanager
def udp_echo(address: str) -> Iterator[int]:
    """A guest's echo service on a port of its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((address, 0))
        over = threading.Event()

        def echo() -> None:
            while not over.is_set():
                if select.select([sock], [], [], 0.05)[0]:
                    data, sender = sock.recvfrom(2048)
                    sock.sendto(data, sender)

        thread = threading.Thread(target=echo)
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            over.set()
            thread.join()


@contextlib.contextmanager
def listener(address: str) -> Iterator[int]:
    with socket.create_server((address, 0)) as sock:
        yield sock.getsockname()[1]


def prepared(wire: Wire, targets: list[ProbeTarget]) -> Schedule:
    schedule = build_schedule(targets, SamplerSettings(), {wire.signal})
    wire.prepare(schedule, 16)
    return schedule


def answers(wire: Wire, count: int) -> list[tuple[int, int, bool]]:
    """Column, number and refusal of `count` replies, or of as many as come within a second."""
    found: list[tuple[int, int, bool]] = []
    end_ns = monotonic_ns() + NS_PER_S
    while len(found) < count and monotonic_ns() < end_ns:
        wire.gather()
        replies = wire.gathered()
        if replies is None:
            pause(0.001)
        else:
            found += told(replies)
    return sorted(found)


def told(replies: Replies) -> list[tuple[int, int, bool]]:
    refused = np.zeros(replies.columns.size, np.bool_) if replies.refused is None else replies.refused
    return list(zip(replies.columns.tolist(), replies.numbers.tolist(), refused.tolist(), strict=True))


def ask_all(wire: Wire, schedule: Schedule, number: int) -> None:
    wire.begin(number)
    for segment in schedule.segments:
        assert wire.sender(segment)() == segment.stop - segment.start


def loopback(count: int, signal: Signal = Signal.ICMP, port: int = 0) -> list[ProbeTarget]:
    return [ProbeTarget(f"vm{n}", f"127.0.7.{n + 1}", (ProbeSignal(signal, port),)) for n in range(count)]


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1))
def test_the_checksum_holds_for_every_round(number: int, sequence: int) -> None:
    packets = np.zeros(1, REQUEST)
    packets["type"], packets["identifier"], packets["column"] = 8, 1234, 77
    packets["round"] = balanced(0)
    packets["checksum"] = checksums(packets)
    packets["sequence"], packets["round"] = sequence, balanced(number, sequence)
    # The checksum of a packet with a right checksum is zero (RFC 1071).
    assert checksums(packets).tolist() == [0]


@root
@pytest.mark.parametrize("number", [0, 1, 65_535, 65_536, 1_000_000])
def test_icmp_replies_tell_column_and_round(number: int) -> None:
    with contextlib.closing(IcmpWire()) as wire:
        schedule = prepared(wire, loopback(8))
        ask_all(wire, schedule, number)
        assert answers(wire, 8) == [(column, number, False) for column in range(8)]


@root
def test_icmp_of_other_pingers_is_not_seen() -> None:
    with contextlib.closing(IcmpWire()) as ours, contextlib.closing(IcmpWire()) as other:
        prepared(ours, loopback(2))
        ask_all(other, prepared(other, loopback(2)), 5)
        assert len(answers(other, 2)) == 2
        assert ours.gather() == 0
        assert ours.gathered() is None


@root
def test_icmp_identifier_changes_and_both_are_heard() -> None:
    with contextlib.closing(IcmpWire()) as wire:
        schedule = prepared(wire, loopback(2))
        seen = set()
        for number in range(IDENTIFIERS):
            ask_all(wire, schedule, number)
            seen.add(int(wire._requests.packets["identifier"][0]))
            wire.change_source()
        assert len(seen) == IDENTIFIERS
        assert len(answers(wire, 2 * IDENTIFIERS)) == 2 * IDENTIFIERS


def test_ping_socket_is_the_way_without_privilege() -> None:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP).close()
    except PermissionError:
        pytest.skip("net.ipv4.ping_group_range lets this group have no ping socket")
    with contextlib.closing(IcmpWire(raw=False)) as wire:
        schedule = prepared(wire, loopback(3))
        ask_all(wire, schedule, 70_000)
        assert answers(wire, 3) == [(column, 70_000, False) for column in range(3)]
        assert "CAP_NET_RAW" in wire.capabilities_lost()[0]


def test_udp_echo() -> None:
    with udp_echo("127.0.7.1") as port, contextlib.closing(UdpWire()) as wire:
        schedule = prepared(wire, loopback(1, Signal.UDP, port))
        ask_all(wire, schedule, 9)
        wire.change_source()
        ask_all(wire, schedule, 10)
        wire.choose(np.array([0], np.int64))
        assert wire.send_chosen(0, 1, 3) == ()
        assert answers(wire, 3) == [(0, 9, False), (0, 10, False), (0, 3 | BURST, False)]


def test_udp_of_a_stranger_is_no_reply() -> None:
    with udp_echo("127.0.7.1") as port, contextlib.closing(UdpWire()) as wire:
        schedule = prepared(wire, loopback(1, Signal.UDP, port))
        ours = wire._sockets[0].getsockname()[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(b"x" * 24, ("127.0.0.1", ours))
        ask_all(wire, schedule, 1)
        assert answers(wire, 1) == [(0, 1, False)]


@root
@pytest.mark.parametrize("number", [0, 32_767, 32_768, 65_536, 1_000_000])
def test_half_open_tells_listening_from_closed(number: int) -> None:
    with listener("127.0.7.1") as port, contextlib.closing(HalfOpenWire()) as wire:
        schedule = prepared(wire, loopback(2, Signal.TCP, port))
        names = [schedule.targets[column.target].vm for column in schedule.columns]
        ask_all(wire, schedule, number)
        assert answers(wire, 2) == [(column, number, names[column] == "vm1") for column in range(2)]
        wire.choose(np.array([names.index("vm0")], np.int64))
        wire.send_chosen(0, 1, number)
        assert answers(wire, 1) == [(names.index("vm0"), number | BURST, False)]


@root
def test_half_open_never_reaches_the_application() -> None:
    with listener("127.0.7.1") as port, contextlib.closing(HalfOpenWire()) as wire:
        schedule = prepared(wire, loopback(1, Signal.TCP, port))
        for number in range(40):
            ask_all(wire, schedule, number)
        wire.change_source()
        ask_all(wire, schedule, 40)
        assert len(answers(wire, 41)) == 41
        with socket.create_connection(("127.0.7.1", port), timeout=1) as connection:
            assert connection.getsockname()[1] not in {held.getsockname()[1] for held in wire._held}


@root
def test_all_signals_of_a_guest_together() -> None:
    with udp_echo("127.0.7.1") as udp, listener("127.0.7.1") as tcp:
        asked = (ProbeSignal(Signal.ICMP), ProbeSignal(Signal.UDP, udp), ProbeSignal(Signal.TCP, tcp))
        closed = ProbeTarget("closed", "127.0.7.2", (ProbeSignal(Signal.TCP, tcp),))
        with contextlib.closing(Sampler([ProbeTarget("vm0", "127.0.7.1", asked), closed])) as sampler:
            sampler.run(until_ns=monotonic_ns() + 600 * NS_PER_MS)
            (window,) = sampler.windows()
    by_signal = {
        (run.vm, run.signal): {r.answer for r in window.runs if (r.vm, r.signal) == (run.vm, run.signal)}
        for run in window.runs
    }
    reached = {Answer.OK, Answer.SLOW}
    for signal in (Signal.ICMP, Signal.UDP, Signal.TCP):
        assert by_signal["vm0", signal] <= reached
    assert by_signal["closed", Signal.TCP] == {Answer.REFUSED}
    assert {run.vm for run in window.control.targets} == {CANARY}
