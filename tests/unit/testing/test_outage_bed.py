"""Guests played by a responder, seen through real sockets: on the loopback always, between namespaces as root."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from harness.clock import NS_PER_MS, NS_PER_S, monotonic_ns, pause, wait_until
from harness.errors import ConfigError, LabError
from harness.probes.heartbeat_wire import Heartbeat, guest_id
from harness.testing.outages import beds
from harness.testing.outages.beds import LinkedNamespaces, Loopback, linked_namespaces, why_no_namespaces
from harness.testing.outages.responder import responding
from harness.testing.outages.script import Guest, Kind, Outage, Setup
from harness.testing.outages.silencer import ruleset, switches

WHY_NOT = why_no_namespaces()
needs_namespaces = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "there are namespaces")
needs_nft = pytest.mark.skipif(shutil.which("nft") is None, reason="needs the program nft (package nftables)")
FOREVER = 600 * NS_PER_S


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in sockets]


def asked(sock: socket.socket, guest: Guest, port: int) -> bool:
    """Whether a guest sends a datagram back within half a second."""
    text = os.urandom(16)
    sock.sendto(text, (guest.address, port))
    try:
        answer = sock.recvfrom(100)
    except TimeoutError:
        return False
    assert answer == (text, (guest.address, port))
    return True


@contextmanager
def heard(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind((address, 0))
        sink.settimeout(0.5)
        yield sink


def heartbeats(sink: socket.socket, count: int) -> dict[int, list[Heartbeat]]:
    found: dict[int, list[Heartbeat]] = {}
    for _ in range(count):
        beat = Heartbeat(*struct.unpack("<8xQqqqq", sink.recv(100)))
        found.setdefault(beat.guest, []).append(beat)
    return found


def test_without_root_guests_answer_datagrams_and_push_heartbeats() -> None:
    bed = Loopback()
    guests = bed.guests(3)
    (port,) = free_ports(1)
    with heard(bed.prober_address) as sink, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as prober:
        prober.settimeout(0.5)
        outages = (Outage(guests[0].vm, Kind.ISOLATED, 0, FOREVER), Outage(guests[1].vm, Kind.FILTERED, 0, FOREVER))
        setup = Setup(guests, outages, (bed.prober_address, sink.getsockname()[1]), 20, udp_port=port)
        with responding(bed, setup) as responder:
            assert [asked(prober, guest, port) for guest in guests] == [True, True, True]
            before = heartbeats(sink, 30)
            assert set(before) == {guest_id(guest.vm) for guest in guests}
            for beats in before.values():
                numbers = [beat.number for beat in beats]
                assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
                assert len({beat.boot for beat in beats}) == 1
            responder.begin()
            pause(0.1)
            assert [asked(prober, guest, port) for guest in guests] == [False, True, True]
            truth = responder.truth()
    silence = next(one for one in truth.of("datagram") if one.vm == guests[0].vm)
    assert silence.met == 1
    assert silence.last_answered_ns < silence.start_ns <= silence.first_met_ns == silence.last_met_ns
    assert truth.answered is not None
    assert truth.answered["datagram"] == 5


def test_a_restarted_guest_counts_from_the_start_and_a_frozen_one_goes_on() -> None:
    bed = Loopback()
    guests = bed.guests(3)
    with heard(bed.prober_address) as sink:
        kinds = (Kind.RESTARTED, Kind.FROZEN, Kind.ISOLATED)
        outages = [Outage(guest.vm, kind, 0, 300 * NS_PER_MS) for guest, kind in zip(guests, kinds, strict=True)]
        setup = Setup(guests, tuple(outages), (bed.prober_address, sink.getsockname()[1]), 20)
        with responding(bed, setup) as responder:
            before = heartbeats(sink, 9)
            sink.setblocking(False)
            begin_ns = responder.begin()
            wait_until(lambda: monotonic_ns() > begin_ns + 200 * NS_PER_MS or None, within_s=5, what="the outages")
            while True:  # what was sent before they began
                try:
                    for key, beats in heartbeats(sink, 1).items():
                        before[key] += beats
                except BlockingIOError:
                    break
            sink.settimeout(5)
            after = heartbeats(sink, 12)
    last = [before[guest_id(guest.vm)][-1] for guest in guests]
    first = [after[guest_id(guest.vm)][0] for guest in guests]
    assert first[0].boot != last[0].boot
    assert first[0].number == 0
    assert (first[1].boot, first[1].number) == (last[1].boot, last[1].number + 1)
    assert first[2].boot == last[2].boot
    assert first[2].number > last[2].number + 3
    lost_ns = (first[1].wall_ns - last[1].wall_ns) - (first[1].monotonic_ns - last[1].monotonic_ns)
    assert lost_ns == pytest.approx(300 * NS_PER_MS, abs=NS_PER_MS), "a frozen guest's own clock stands still"


def test_http_of_a_guest_whose_service_is_down_or_whose_connections_broke() -> None:
    bed = Loopback()
    guests = bed.guests(3)
    (port,) = free_ports(1)
    kinds = (Kind.SERVICE_DOWN, Kind.CONNECTIONS_BROKEN)
    outages = [Outage(guest.vm, kind, 0, FOREVER) for guest, kind in zip(guests, kinds, strict=False)]
    with responding(bed, Setup(guests, tuple(outages), http_port=port)) as responder, ExitStack() as stack:
        kept = [stack.enter_context(socket.create_connection((guest.address, port), 5)) for guest in guests]

        def ask(sock: socket.socket) -> str:
            try:
                sock.sendall(b"GET / HTTP/1.1\r\nHost: guest\r\n\r\n")
                return sock.recv(1000).split(b"\r\n")[0].decode()
            except ConnectionResetError:
                return "reset"

        assert [ask(sock) for sock in kept] == ["HTTP/1.1 200 OK"] * 3
        responder.begin()
        pause(0.1)
        assert [ask(sock) for sock in kept] == ["HTTP/1.1 503 Service Unavailable", "reset", "HTTP/1.1 200 OK"]
        with urllib.request.urlopen(f"http://{guests[1].address}:{port}/", timeout=5) as answer:
            assert answer.status == 200
        with pytest.raises(urllib.error.HTTPError, match="503"):
            urllib.request.urlopen(f"http://{guests[0].address}:{port}/", timeout=5)


def test_a_setup_that_cannot_be_played_says_so() -> None:
    guests = Loopback().guests(1)
    (port,) = free_ports(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("", port))
        with pytest.raises(LabError, match="did not start"), responding(Loopback(), Setup(guests, udp_port=port)):
            pass
    with pytest.raises(ConfigError, match="1 to 31500"):
        Loopback().guests(31501)


@needs_namespaces
def test_between_namespaces_a_guest_is_silent_to_pings_of_any_program() -> None:
    with linked_namespaces() as bed:
        guests = bed.guests(3)
        kinds = (Kind.FILTERED, Kind.BROWN)
        outages = [Outage(guest.vm, kind, 0, FOREVER) for guest, kind in zip(guests, kinds, strict=False)]
        setup = Setup(guests, tuple(outages), udp_port=4001, late_ns=50 * NS_PER_MS)
        with (
            responding(bed, setup) as responder,
            bed.on_prober_side(),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as prober,
        ):
            prober.settimeout(0.5)
            assert [pinged(bed, guest) for guest in guests] == [True, True, True]
            responder.begin()
            pause(0.1)
            assert [pinged(bed, guest) for guest in guests] == [False, True, True]
            assert [asked(prober, guest, 4001) for guest in guests] == [True, True, True]
            truth = responder.truth()
    met = {one.vm: one.met for one in truth.of("ping")}
    assert met == {guests[0].vm: 1, guests[1].vm: 1}


PING = """
import os, socket, sys
def checksum(data):
    total = sum(memoryview(data).cast("H"))
    return ~((total >> 16) + (total & 0xffff)) & 0xffff
head, text = b"\\x08\\0\\0\\0\\x12\\x34\\0\\1", os.urandom(16)
with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
    sock.settimeout(0.5)
    sock.sendto(head[:2] + checksum(head + text).to_bytes(2, sys.byteorder) + head[4:] + text, (sys.argv[1], 0))
    packet, peer = sock.recvfrom(200)
assert peer[0] == sys.argv[1] and packet[20] == 0 and packet[28:] == text, packet
assert checksum(packet[20:]) == 0, "the checksum of the answer"
"""


def pinged(bed: LinkedNamespaces, guest: Guest) -> bool:
    command = bed.prober([sys.executable, "-c", PING, guest.address])
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 0 or "timed out" in done.stderr, done.stderr
    return done.returncode == 0


@needs_namespaces
@needs_nft
def test_the_kernel_is_kept_from_answering() -> None:
    with linked_namespaces() as bed:
        guests = bed.guests(3)
        kinds = (Kind.FROZEN, Kind.SERVICE_DOWN)
        outages = [Outage(guest.vm, kind, 0, FOREVER) for guest, kind in zip(guests, kinds, strict=False)]
        setup = Setup(guests, tuple(outages), tcp_port=4002, kernel_answers=True)
        with responding(bed, setup) as responder, bed.on_prober_side():
            assert [connected(guest.address) for guest in guests] == ["yes", "yes", "yes"]
            responder.begin()
            wait_until(lambda: connected(guests[1].address) == "refused" or None, within_s=10, what="the filters")
            assert [connected(guest.address) for guest in guests] == ["no answer", "refused", "yes"]
            assert [pinged(bed, guest) for guest in guests] == [False, True, True]
            truth = responder.truth()
    edges = {one.vm: one for one in truth.of("kernel")}
    assert set(edges) == {guests[0].vm, guests[1].vm}
    assert all(truth.begin_ns <= one.last_answered_ns <= one.start_ns <= one.first_met_ns for one in edges.values())


def connected(address: str) -> str:
    try:
        socket.create_connection((address, 4002), 0.5).close()
    except TimeoutError:
        return "no answer"
    except ConnectionRefusedError:
        return "refused"
    except ConnectionResetError:
        # The kernel had answered before the filter was there, and the acknowledgement met the filter.
        return "reset"
    return "yes"


@needs_namespaces
def test_namespaces_of_a_killed_process_are_removed_by_the_next() -> None:
    code = (
        "from harness.testing.outages.beds import linked_namespaces\n"
        "import os, signal\n"
        "with linked_namespaces() as bed:\n"
        "    print(bed.guest_namespace, bed.prober_namespace, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30)
    left = set(done.stdout.split())
    assert len(left) == 2, done.stderr
    assert left <= namespaces()
    with linked_namespaces() as bed:
        ours = {bed.guest_namespace, bed.prober_namespace}
        assert ours <= namespaces()
        assert not left & namespaces()
        assert beds.remove_leftovers() == [], "those of a living process stay"
    assert not ours & namespaces()


@needs_namespaces
def test_namespaces_are_removed_when_the_block_fails() -> None:
    with pytest.raises(ZeroDivisionError), linked_namespaces() as bed:
        names = {bed.guest_namespace, bed.prober_namespace}
        raise ZeroDivisionError
    assert not names & namespaces()


def namespaces() -> set[str]:
    return {path.name for path in Path("/run/netns").iterdir()}


def test_only_what_the_kernel_answers_is_filtered() -> None:
    guests = Loopback().guests(3)
    kinds = (Kind.FILTERED, Kind.DOWN, Kind.BROWN)
    outages = tuple(Outage(guest.vm, kind, 1, 2) for guest, kind in zip(guests, kinds, strict=True))
    own = Setup(guests, outages, tcp_port=80)
    kernel = Setup(guests, outages, tcp_port=80, kernel_answers=True)
    assert [(one.vm, one.verb, one.addresses) for one in switches(own)] == [(guests[1].vm, "add", "silent")]
    assert {one.addresses for one in switches(kernel)} == {"silent", "unpinged"}
    assert "icmp }" not in ruleset(own)
    assert "{ tcp, icmp }" in ruleset(kernel)


@needs_namespaces
def test_guests_on_processors_of_their_own() -> None:
    with linked_namespaces() as bed:
        steering = bed.responder(["cat", "/sys/class/net/lo/queues/rx-0/rps_cpus"])

        def steered() -> int:
            return int(subprocess.run(steering, capture_output=True, text=True, check=True).stdout.replace(",", ""), 16)

        assert steered() == 0
        with bed.on_own_processors() as apart:
            placed = subprocess.run(
                apart.prober([sys.executable, "-c", "import os; print(os.sched_getaffinity(0))"]),
                capture_output=True,
                text=True,
                check=True,
            )
            own, *others = sorted(os.sched_getaffinity(0))
            assert steered() == sum(1 << processor for processor in others)
            assert not others or placed.stdout.strip() == f"{{{own}}}"
        assert steered() == 0
