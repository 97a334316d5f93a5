"""How a probe is known again: 64 bits in its payload, column and number, behind a mark that only this prober uses.

The 16-bit sequence of ICMP starts anew every 65,536 probes; the payload does not.  The payload also holds the
complement of what changes from round to round, so that the ones'-complement checksum of a packet never changes: a new
round costs two assignments for a whole slot.
"""

from __future__ import annotations

import secrets
from typing import Final

import numpy as np

from harness.probes.mmsg import ReceiveBatch
from harness.probes.schedule import Ints
from harness.probes.wire import Replies

PAYLOAD: Final = (("mark", "<u4"), ("column", "<u4"), ("round", "<u8"))
"""`round` holds the number in its low half, and its balance in the high one."""


def new_mark() -> int:
    """A mark for a prober's packets, never 0."""
    return secrets.randbelow(0xFFFF_FFFE) + 1


def balanced(number: int, sequence: int = 0) -> int:
    """The field `round`: `number`, and the four bytes that make it, and a 16-bit `sequence` beside it, add up to
    nothing in a ones'-complement sum."""
    high, low = number >> 16, (number & 0xFFFF) + sequence
    low = (low & 0xFFFF) + (low >> 16)
    return (~high & 0xFFFF) << 48 | (~low & 0xFFFF) << 32 | number


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


def parsed(batch: ReceiveBatch, mark: int, size: int) -> Replies:
    """Those packets gathered in `batch` that carry our mark and one of `size` columns, as replies."""
    count = batch.gathered
    fields = batch.fields
    columns = fields["column"][:count].astype(np.int64)
    numbers = fields["number"][:count].astype(np.int64)
    stamps = batch.stamps()
    known = fields["mark"][:count] == mark
    more = count == batch.room
    if known.all() and int(columns.max()) < size:
        return Replies(columns, numbers, stamps, more)
    known &= columns < size
    return Replies(columns[known], numbers[known], stamps[known], more)
