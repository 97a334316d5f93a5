"""Numbers and characters that Python has no type for: a value with the width that .NET gives it."""

from __future__ import annotations

import math
import struct


class Int64(int):
    """``[long]``."""

    __slots__ = ()


class Int16(int):
    """``[int16]``."""

    __slots__ = ()


class SByte(int):
    """``[sbyte]``."""

    __slots__ = ()


class Byte(int):
    """``[byte]``."""

    __slots__ = ()


class UInt16(int):
    """``[uint16]``."""

    __slots__ = ()


class UInt32(int):
    """``[uint32]``."""

    __slots__ = ()


class UInt64(int):
    """``[uint64]``."""

    __slots__ = ()


class BigInteger(int):
    """``[bigint]``: a whole number of any size."""

    __slots__ = ()


class Single(float):
    """``[single]``: a value of 32 bits, kept as the double that it is."""

    __slots__ = ()

    def __new__(cls, value: float | str = 0.0) -> Single:
        """The nearest value of 32 bits; beyond them infinity."""
        wide = float(value)
        try:
            return super().__new__(cls, struct.unpack("<f", struct.pack("<f", wide))[0])
        except OverflowError:
            return super().__new__(cls, math.copysign(math.inf, wide))


class Char(str):
    """``[char]``."""

    __slots__ = ()
