"""The few DER shapes that log-on tokens are made of ([D] X.690); anything else is a malformed token."""

from __future__ import annotations

from typing import Final

from harness.twin.wire.ntlm import MalformedTokenError

INTEGER: Final = 0x02
OCTETS: Final = 0x04
SEQUENCE: Final = 0x30
FIELD: Final = 0xA0
"""Tag of field 0 of a sequence; field N has this plus N."""


def read_element(data: bytes, position: int) -> tuple[int, bytes, int]:
    """Read one DER element: (tag, content, position after it). Raises MalformedTokenError."""
    if position + 2 > len(data):
        raise MalformedTokenError("the token ends inside an element")
    tag, length = data[position], data[position + 1]
    position += 2
    if length & 0x80:
        size = length & 0x7F
        if not 1 <= size <= 4 or position + size > len(data):
            raise MalformedTokenError("the token holds an unreadable length")
        length = int.from_bytes(data[position : position + size], "big")
        position += size
    if position + length > len(data):
        raise MalformedTokenError("the token ends inside an element")
    return tag, data[position : position + length], position + length


def pack_element(tag: int, content: bytes) -> bytes:
    """Pack one DER element."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def unwrap(data: bytes, tag: int) -> bytes:
    """Return the content of the element at the start of `data`.  Raises MalformedTokenError when its tag is another."""
    found, content, _ = read_element(data, 0)
    if found != tag:
        raise MalformedTokenError(f"the token holds tag {found:#04x} where {tag:#04x} belongs")
    return content


def read_fields(sequence: bytes) -> dict[int, bytes]:
    """Return the content of each numbered field of a sequence, by its number.  Raises MalformedTokenError."""
    fields: dict[int, bytes] = {}
    position = 0
    while position < len(sequence):
        tag, content, position = read_element(sequence, position)
        fields[tag & 0x1F] = content
    return fields
