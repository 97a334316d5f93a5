"""Writing a journal: one owner, append only, durable where it matters."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from harness.clock import monotonic_ns, utc_now, utc_text
from harness.errors import JournalError
from harness.journal.entry import GENESIS, Entry, Kind, line_sha256
from harness.journal.reader import read_journal
from harness.journal.redactor import Redactor

FILE_NAME: Final = "journal.jsonl"


class JournalWriter:
    """Appends lines to `journal.jsonl` of one run folder.

    Only the holder of the lease may construct one; a file lock catches a second writer on the same host.  `lab_time`
    is asked for the lab's clock at every line.  After a failed write the file is cut back to its last whole line and
    the writer refuses everything: no journal line, no effect.
    """

    def __init__(self, folder: Path, redactor: Redactor) -> None:
        """Open or create the journal of the run in `folder`; continues the chain of an existing one.

        Raises JournalError when the file cannot be opened or another process writes to it, BrokenJournalError when the
        existing chain does not hold.
        """
        self.path = folder / FILE_NAME
        self.lab_time: Callable[[], int | None] = lambda: None
        self.redactor = redactor
        self._failed: str | None = None
        try:
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise JournalError(f"cannot open journal '{self.path}': {error.strerror}", hint=_SPACE_HINT) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._fd)
            raise JournalError(
                f"another process writes to '{self.path}'", hint="wait for it, or follow it with: hil run watch"
            ) from error
        try:
            existing = read_journal(self.path)
        except JournalError:
            os.close(self._fd)
            raise
        self.seq = len(existing.entries)
        self.attempt = existing.entries[-1].attempt + 1 if existing.entries else 1
        self._prev = existing.last_sha256 if existing.entries else GENESIS
        self._size = existing.size_bytes - len(existing.torn)
        self.torn_sha256 = line_sha256(existing.torn) if existing.torn else None
        if existing.torn:
            os.ftruncate(self._fd, self._size)

    def append(self, kind: Kind, actor: str, subject: str, data: Mapping[str, Any]) -> Entry:
        """Write one line; when it returns, lines with consequences are on disk.

        Raises JournalError when the line could not be written whole (disk full, lost file); nothing of it remains.
        """
        if self._failed:
            raise JournalError(self._failed, hint=_SPACE_HINT)
        entry = Entry(
            seq=self.seq,
            attempt=self.attempt,
            t_lab_ns=self.lab_time(),
            t_mono_ns=monotonic_ns(),
            t_wall=utc_text(utc_now()),
            actor=actor,
            kind=kind,
            subject=subject,
            data=data,
            prev_sha256=self._prev,
        )
        line = entry.to_line()
        if self.redactor.touches(line.decode()):
            entry = replace(entry, data=self.redactor.value(data))
            line = entry.to_line()
        self._write(line + b"\n", durable=kind.durable)
        self.seq += 1
        self._prev = line_sha256(line)
        return entry

    def _write(self, raw: bytes, *, durable: bool) -> None:
        try:
            written = os.write(self._fd, raw)
            if written != len(raw):
                raise OSError(28, "no space left on device")
            if durable:
                os.fsync(self._fd)
        except OSError as error:
            self._failed = f"cannot write journal '{self.path}': {error.strerror}; nothing was done without its line"
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._size)
            raise JournalError(self._failed, hint=_SPACE_HINT) from error
        self._size += len(raw)

    def close(self) -> None:
        """Flush to disk and give the file back; harmless when already closed."""
        if self._fd >= 0:
            os.fsync(self._fd)
            os.close(self._fd)
            self._fd = -1


_SPACE_HINT = "free space on the disk of the reports folder (or set HIL_REPORTS), then: hil run resume"
