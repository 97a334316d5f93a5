"""Named random streams: value = H(seed, stream name, draw number).

An extra draw from one stream changes no value of any other, so adding a fault or a guest leaves the rest of a run as
it was.  Nothing here depends on the order in which streams are used.
"""

from __future__ import annotations

from hashlib import blake2b
from uuid import UUID

_SCALE = 1 << 64


class Streams:
    """All random values of one model run."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._drawn: dict[str, int] = {}

    def bits(self, stream: str, number: int) -> int:
        """64 bits: draw *number* of *stream*, without side effects."""
        text = f"{self.seed}\x1f{stream}\x1f{number}".encode()
        return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")

    def next_bits(self, stream: str) -> int:
        """64 bits: the next draw of *stream*."""
        number = self._drawn.get(stream, 0)
        self._drawn[stream] = number + 1
        return self.bits(stream, number)

    def below(self, stream: str, limit: int) -> int:
        """The next draw of *stream* as an integer in [0, limit)."""
        return self.next_bits(stream) * limit // _SCALE

    def around(self, stream: str, centre: int, spread: float) -> int:
        """The next draw of *stream*, even in [centre·(1−spread), centre·(1+spread)]; no draw if *spread* is 0."""
        half = round(centre * spread)
        return centre if half == 0 else centre - half + self.below(stream, 2 * half + 1)

    def uuid(self, stream: str) -> str:
        """The next draw of *stream* as a version 4 UUID in lower case."""
        value = (self.next_bits(stream) << 64) | self.next_bits(stream)
        return str(UUID(int=value, version=4))
