"""Many heartbeat datagrams at once: their fields as numpy arrays, and which of them are heartbeats at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from harness.probes.heartbeat_wire import BODY_BYTES, MAGIC, MOST_BYTES, TAGGED, VERSION, HeartbeatKey

_MAGIC_NUMBER: Final = int.from_bytes(MAGIC, "little")
_HEAD_MASK: Final = np.uint64((1 << 40) - 1)
_HEAD_WANTED: Final = np.uint64(VERSION << 32 | _MAGIC_NUMBER)
_TAGGED_BIT: Final = np.uint64(TAGGED << 40)


@dataclass(frozen=True, slots=True)
class Columns:
    """Datagrams as numpy reads them, field by field, one an element; not checked."""

    head: npt.NDArray[np.uint64]
    """Magic, version and flags."""
    guest: npt.NDArray[np.uint64]
    boot: npt.NDArray[np.int64]
    number: npt.NDArray[np.int64]
    monotonic_ns: npt.NDArray[np.int64]
    wall_ns: npt.NDArray[np.int64]


def read_columns(rows: npt.NDArray[np.uint8]) -> Columns:
    """The fields of datagrams, one a row in a contiguous array whose rows are a multiple of 8 and at least 48 long."""
    words = rows.view("<u8").T[: BODY_BYTES // 8].copy()
    signed = words.view(np.int64)
    return Columns(words[0], words[1], signed[2], signed[3], signed[4], signed[5])


def well_formed(columns: Columns, lengths: npt.NDArray[np.integer], *, tagged: bool) -> npt.NDArray[np.bool_]:
    """Which datagrams are heartbeats of this version, and with `tagged` carry a tag (not yet checked).

    Without a key a tag is neither asked for nor looked at.
    """
    good = columns.head & _HEAD_MASK == _HEAD_WANTED
    good &= np.minimum(np.minimum(columns.boot - 1, columns.number), columns.monotonic_ns) >= 0
    if tagged:
        return np.asarray(good & (lengths == MOST_BYTES) & (columns.head & _TAGGED_BIT != 0))
    return np.asarray(good & ((lengths == BODY_BYTES) | (lengths == MOST_BYTES)))


def authentic(rows: npt.NDArray[np.uint8], chosen: Sequence[int], key: HeartbeatKey) -> list[int]:
    """Those of the `chosen` rows whose tag fits.  The one place with work for each datagram, about 2 µs."""
    return [row for row in chosen if key.accepts(rows[row, :MOST_BYTES].tobytes())]
