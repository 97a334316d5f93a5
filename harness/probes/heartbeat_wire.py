"""The datagram that a guest pushes.

48 bytes, little-endian since that is what the guests' processors have and PowerShell's BitConverter writes:

| bytes | field |
|---|---|
| 0-3 | magic `HLHB` |
| 4 | version, 1 |
| 5 | flags: bit 0, an authentication tag follows |
| 6-7 | zero |
| 8-15 | guest: `guest_id` of its name |
| 16-23 | boot: changes with each start of the guest's operating system, never 0 |
| 24-31 | number: counts the sends of one agent process, from 0 |
| 32-39 | the guest's monotonic clock, ns |
| 40-47 | the guest's wall clock, ns since 1970-01-01 UTC |

and with a key 16 bytes more: HMAC-SHA256 of the 48, cut to 16 bytes (RFC 2104 section 5: not below half the hash).

A tag tells that the sender has the key.  It does not keep others from sending the same datagram again: that is counted
as a duplicate.  A number beyond 2^32 is an ordinary one; at 100 Hz 64 bits are enough for ever.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import struct
from dataclasses import dataclass
from typing import Final

MAGIC: Final = b"HLHB"
VERSION: Final = 1
TAGGED: Final = 1
BODY_BYTES: Final = 48
TAG_BYTES: Final = 16
MOST_BYTES: Final = BODY_BYTES + TAG_BYTES
KEY_BYTES: Final = 32

HEAD_FIELDS: Final = {
    "magic": 0,
    "version": 4,
    "flags": 5,
    "zero": 6,
    "guest": 8,
    "boot": 16,
    "number": 24,
    "monotonic_ns": 32,
    "wall_ns": 40,
}
"""Where each field begins."""
_BODY: Final = struct.Struct("<4sBBHQqqqq")
_ID_BITS: Final = 48
"""Ids stay exact in every reader of JSON, which may have doubles only."""


def guest_id(name: str) -> int:
    """The number that stands for a guest in its datagrams, from its name in any case of letters."""
    return _id(f"guest:{name.lower()}")


def boot_number(text: str) -> int:
    """The number of a boot, from what the guest's operating system says about it; never 0."""
    return _id(text)


def _id(text: str) -> int:
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[: _ID_BITS // 8], "little") or 1


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """One datagram: who, which boot, the how-manieth, and when by the guest's two clocks (ns)."""

    guest: int
    boot: int
    number: int
    monotonic_ns: int
    wall_ns: int


class HeartbeatKey:
    """The key with which the guests of one run sign.  Its text is a secret: register it with the redactor."""

    def __init__(self, raw: bytes) -> None:
        """Raises ValueError for a key of the wrong length."""
        if len(raw) != KEY_BYTES:
            raise ValueError(f"a heartbeat key has {KEY_BYTES} bytes, not {len(raw)}")
        self._raw = raw

    @classmethod
    def make(cls) -> HeartbeatKey:
        """A new key, from the operating system's random source."""
        return cls(secrets.token_bytes(KEY_BYTES))

    @classmethod
    def parse(cls, text: str) -> HeartbeatKey:
        """A key from its text.  Raises ValueError, which does not repeat the text."""
        try:
            raw = base64.b64decode(text.strip(), validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueError(f"a heartbeat key is the base64 text of {KEY_BYTES} bytes") from error
        return cls(raw)

    @property
    def text(self) -> str:
        """Base64, as agents read it."""
        return base64.b64encode(self._raw).decode()

    def tag(self, body: bytes) -> bytes:
        """The tag of a datagram's first 48 bytes."""
        return hmac.digest(self._raw, body, "sha256")[:TAG_BYTES]

    def accepts(self, datagram: bytes) -> bool:
        """Does the tag of a whole datagram fit?"""
        return len(datagram) == MOST_BYTES and hmac.compare_digest(
            self.tag(datagram[:BODY_BYTES]), datagram[BODY_BYTES:]
        )

    def __repr__(self) -> str:
        return "HeartbeatKey(***)"


def encode(heartbeat: Heartbeat, key: HeartbeatKey | None = None) -> bytes:
    """The datagram, with a tag where there is a key.  Raises ValueError for a number out of range."""
    fields = (heartbeat.guest, heartbeat.boot, heartbeat.number, heartbeat.monotonic_ns, heartbeat.wall_ns)
    try:
        body = _BODY.pack(MAGIC, VERSION, TAGGED if key else 0, 0, *fields)
    except struct.error as error:
        raise ValueError(f"{heartbeat} does not fit a datagram") from error
    return body + key.tag(body) if key else body
