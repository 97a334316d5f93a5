"""One line of the journal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

SCHEMA: Final = 1
"""Version of the line layout and of the records; stands in the header record."""

GENESIS: Final = "0" * 64
"""`prev_sha256` of the first line."""


_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class Kind(StrEnum):
    """What sort of statement a line makes."""

    INTENT = "intent"
    EFFECT = "effect"
    UNDO = "undo"
    OBSERVATION = "observation"
    SAMPLES = "samples"
    FINDING = "finding"
    NOTE = "note"

    @property
    def durable(self) -> bool:
        """Must the line be on disk before the harness goes on?"""
        return self in (Kind.INTENT, Kind.EFFECT, Kind.UNDO)


@dataclass(frozen=True, slots=True)
class Entry:
    """A journal line as a value.

    `t_lab_ns` is lab time (None while no lab is attached), `t_mono_ns` and `t_wall` the harness' own clocks, `actor`
    who said it (`conductor`, `lab`, `judge`, `node/NODE01`), `subject` what it is about (`run`, `update`,
    `fault/<id>`, …).
    """

    seq: int
    attempt: int
    t_lab_ns: int | None
    t_mono_ns: int
    t_wall: str
    actor: str
    kind: Kind
    subject: str
    data: Mapping[str, Any]
    prev_sha256: str

    @property
    def what(self) -> str:
        """Name of the record."""
        return str(self.data.get("what", ""))

    def to_line(self) -> bytes:
        """The raw line without its newline."""
        document = {
            "seq": self.seq,
            "attempt": self.attempt,
            "t_lab_ns": self.t_lab_ns,
            "t_mono_ns": self.t_mono_ns,
            "t_wall": self.t_wall,
            "actor": self.actor,
            "kind": self.kind.value,
            "subject": self.subject,
            "data": self.data,
            "prev_sha256": self.prev_sha256,
        }
        text = _ENCODER.encode(document)
        # Half a surrogate pair, which a product may print, has no UTF-8; its JSON escape has.
        return text.encode(errors="backslashreplace")

    @classmethod
    def from_line(cls, line: bytes) -> Entry:
        """Parse a raw line.  Raises ValueError, KeyError or TypeError when it is none."""
        document = json.loads(line)
        return cls(
            seq=int(document["seq"]),
            attempt=int(document["attempt"]),
            t_lab_ns=document["t_lab_ns"],
            t_mono_ns=int(document["t_mono_ns"]),
            t_wall=str(document["t_wall"]),
            actor=str(document["actor"]),
            kind=Kind(document["kind"]),
            subject=str(document["subject"]),
            data=dict(document["data"]),
            prev_sha256=str(document["prev_sha256"]),
        )


def line_sha256(line: bytes) -> str:
    """Hash of a raw line, as the next line carries it."""
    return hashlib.sha256(line).hexdigest()
