"""Transcripts: what was sent to the nodes and what came back, one JSON line each, without secrets."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from harness.clock import utc_now, utc_text
from harness.journal.redactor import Redactor

TRANSCRIPTS: Final = "transcript*.jsonl"
"""Pattern of the files' names."""


def transcript_of(attempt: int) -> str:
    """Name of the file of one process: a file that a journal names by its hash is never written to again."""
    return "transcript.jsonl" if attempt == 1 else f"transcript-{attempt}.jsonl"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One script and its outcome; `took_ms` in wall ms; without a reply `exit_code` is None, `trouble` set."""

    node: str
    script: str
    took_ms: float
    stdout: str
    stderr: str
    exit_code: int | None
    trouble: str = ""


class Recorder:
    """Appends exchanges to one file of the run's `evidence/` folder.  Thread-safe; all shells of a run share it.

    Redaction happens before the line is formed.  Raises OSError when the file cannot be written.
    """

    def __init__(self, path: Path, redactor: Redactor) -> None:
        self.path = path
        self._redactor = redactor
        self._lock = threading.Lock()
        self._closed = False
        path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, exchange: Exchange) -> None:
        """Append one exchange with the wall time of its end."""
        record = self._redactor.value({"t_wall": utc_text(utc_now()), **asdict(exchange)})
        line = json.dumps(record, ensure_ascii=False) + "\n"
        with self._lock:
            if not self._closed:
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(line)

    def close(self) -> None:
        """Write nothing more: an answer that comes after the end of the run must not change the file."""
        with self._lock:
            self._closed = True
