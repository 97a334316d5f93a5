"""Transcripts: what was sent to the nodes and what came back, one JSON line each, without secrets."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.clock import utc_now, utc_text
from harness.journal.redactor import Redactor


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
        path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, exchange: Exchange) -> None:
        """Append one exchange with the wall time of its end."""
        record = self._redactor.value({"t_wall": utc_text(utc_now()), **asdict(exchange)})
        line = json.dumps(record, ensure_ascii=False) + "\n"
        with self._lock, self.path.open("a", encoding="utf-8") as file:
            file.write(line)


def read_transcript(path: Path) -> list[dict[str, object]]:
    """The records of a transcript, in order.  Raises OSError or ValueError."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
