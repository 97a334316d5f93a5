"""Units as factors.  Lab time is in nanoseconds, memory in MiB, everything that flows in bytes."""

from __future__ import annotations

from typing import Final

NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000
NS_PER_DAY: Final = 86_400 * NS_PER_S

BYTES_PER_KIB: Final = 1 << 10
BYTES_PER_MIB: Final = 1 << 20
BYTES_PER_GIB: Final = 1 << 30
KIB_PER_MIB: Final = 1 << 10
