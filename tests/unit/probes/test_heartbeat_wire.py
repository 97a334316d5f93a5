"""The heartbeat datagram: bytes as documented, tags, ids."""

from __future__ import annotations

import hashlib
import hmac
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.probes.heartbeat_columns import read_columns, well_formed
from harness.probes.heartbeat_wire import (
    BODY_BYTES,
    MOST_BYTES,
    Heartbeat,
    HeartbeatKey,
    boot_number,
    encode,
    guest_id,
)

WORDS = st.integers(0, 2**63 - 1)


def rows_of(*datagrams: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Datagrams as a receiver lays them out."""
    rows = np.zeros((len(datagrams), 72), np.uint8)
    for row, datagram in zip(rows, datagrams, strict=True):
        row[: len(datagram)] = np.frombuffer(datagram, np.uint8)
    return rows, np.array([len(datagram) for datagram in datagrams], np.uint32)


def test_the_bytes_are_the_documented_ones() -> None:
    datagram = encode(Heartbeat(guest=1, boot=2, number=2**32 + 3, monotonic_ns=4, wall_ns=-5))
    assert datagram == b"HLHB\x01\x00\x00\x00" + struct.pack("<QQQQq", 1, 2, 2**32 + 3, 4, -5)
    assert len(datagram) == BODY_BYTES


@given(st.integers(0, 2**64 - 1), st.integers(1, 2**63 - 1), WORDS, WORDS, st.integers(-(2**63), 2**63 - 1))
def test_what_is_written_is_read(guest: int, boot: int, number: int, monotonic_ns: int, wall_ns: int) -> None:
    rows, lengths = rows_of(encode(Heartbeat(guest, boot, number, monotonic_ns, wall_ns)))
    columns = read_columns(rows)
    fields = (columns.guest, columns.boot, columns.number, columns.monotonic_ns, columns.wall_ns)
    assert [int(field[0]) for field in fields] == [guest, boot, number, monotonic_ns, wall_ns]
    assert well_formed(columns, lengths, tagged=False).all()
    assert not well_formed(columns, lengths, tagged=True).any()


@given(st.binary(max_size=MOST_BYTES))
def test_other_bytes_are_no_heartbeat(content: bytes) -> None:
    rows, lengths = rows_of(content)
    assert not well_formed(read_columns(rows), lengths, tagged=False).any()


def test_a_tag_is_the_documented_one_and_covers_every_byte() -> None:
    key = HeartbeatKey(bytes(range(32)))
    datagram = encode(Heartbeat(1, 2, 3, 4, 5), key)
    body, tag = datagram[:BODY_BYTES], datagram[BODY_BYTES:]
    assert tag == hmac.new(bytes(range(32)), body, hashlib.sha256).digest()[:16]
    assert body[5] == 1
    assert key.accepts(datagram)
    for at in range(MOST_BYTES):
        changed = bytearray(datagram)
        changed[at] ^= 1
        assert not key.accepts(bytes(changed))
    assert not key.accepts(body)


def test_a_key_travels_as_text() -> None:
    key = HeartbeatKey.make()
    datagram = encode(Heartbeat(1, 2, 3, 4, 5), key)
    assert HeartbeatKey.parse(f"{key.text}\n").accepts(datagram)
    assert not HeartbeatKey.make().accepts(datagram)


@pytest.mark.parametrize("text", ["", "no base64!", "c2hvcnQ="])
def test_what_is_no_key_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="32 bytes") as refused:
        HeartbeatKey.parse(text)
    assert not text or text not in str(refused.value)


def test_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        encode(Heartbeat(1, 2, 2**63, 4, 5))


def test_ids_are_stable_and_exact_in_any_reader() -> None:
    """Agents that are installed compute and keep them: they must not change."""
    assert guest_id("VM001") == guest_id("vm001") == 223998208808684
    assert 0 < guest_id("vm001") < 2**53
    assert boot_number("a") != boot_number("b")
