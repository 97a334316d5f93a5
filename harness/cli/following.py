"""Following files that other processes write: session and journals, line by line, while they grow.

A follower is a looker-on.  It never verifies the hash chain and skips what it cannot read: the judge is the authority,
and a display must not end because of a line that is still being written.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from harness.journal import Entry


class Tail:
    """The whole lines of a growing file, each once.

    The file may come late.  A last line without its newline is left for the next reading, since its writer may be at
    it; when it was torn by a crash, the next writer cuts it off and goes on behind the last whole line, which is where
    we stand.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0

    def read(self) -> list[bytes]:
        """Lines that became whole since the last call, without their newlines."""
        try:
            with self.path.open("rb") as stream:
                if os.fstat(stream.fileno()).st_size < self._offset:
                    self._offset = 0  # another file now; begin again
                stream.seek(self._offset)
                fresh = stream.read()
        except FileNotFoundError:
            return []
        whole, newline, _ = fresh.rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        return whole.split(b"\n") if newline else []


def read_entries(tail: Tail) -> list[Entry]:
    """The journal lines that came since the last call; what is no journal line is left out."""
    entries = []
    for line in tail.read():
        try:
            entries.append(Entry.from_line(line))
        except (ValueError, KeyError, TypeError):
            continue
    return entries


def read_events(tail: Tail) -> list[dict[str, Any]]:
    """The events of `session.jsonl` that came since the last call."""
    events = []
    for line in tail.read():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and "event" in event:
            events.append(event)
    return events
