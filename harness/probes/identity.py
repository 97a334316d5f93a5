"""How a probe is known again: 64 bits in its payload, column and number, behind a mark that only this prober uses.

The 16-bit sequence of ICMP starts anew every 65,536 probes; the payload does not.  The payload also holds the
complement of what changes from round to round, so that the ones'-complement checksum of a packet never changes: a new
round costs two assignments for a whole slot.
"""

from __future__ import annotations

import secrets
from typing import Final

import numpy as np

from harness.probes.schedule import Flags, Ints

PAYLOAD: Final = (("mark", "<u4"), ("column", "<u4"), ("number", "<u4"), ("balance", "<u4"))
PAYLOAD_BYTES: Final = 16


def new_mark() -> int:
    """A mark for a prober's packets, never 0."""
    return secrets.randbelow(0xFFFF_FFFE) + 1


def balance_of(number: int, sequence: int = 0) -> int:
    """The four bytes that make `number`, and a 16-bit `sequence` beside it, add up to nothing in a ones'-complement
    sum."""
    high, low = number >> 16, (number & 0xFFFF) + sequence
    low = (low & 0xFFFF) + (low >> 16)
    return (~high & 0xFFFF) << 16 | (~low & 0xFFFF)


def checksums(packets: np.ndarray, skip: int = 0) -> Ints:
    """Internet checksums (RFC 1071) of packets of one even length, in the byte order in which the packets lie;
    `skip` bytes before each are left out."""
    words = packets.view(np.uint8).reshape(packets.size, packets.dtype.itemsize)[:, skip:]
    total = np.ascontiguousarray(words).view("<u2").sum(axis=1, dtype=np.int64)
    return ~fold(total) & 0xFFFF


def fold(total: Ints) -> Ints:
    """A ones'-complement sum as 16 bits."""
    total = (total & 0xFFFF) + (total >> 16)
    return (total & 0xFFFF) + (total >> 16)


def ours(marks: np.ndarray, columns: Ints, mark: int, size: int) -> Flags:
    """Which packets carry our mark and a column that there is."""
    known: Flags = (marks == mark) & (columns < size)
    return known
