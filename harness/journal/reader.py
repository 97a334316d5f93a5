"""Reading a journal: verified, tolerant of exactly one thing, a torn last line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.errors import JournalError
from harness.journal.entry import GENESIS, SCHEMA, Entry, line_sha256


class BrokenJournalError(JournalError):
    """A line is missing, changed or out of order.  Verdicts must not be drawn from this file; keep it as evidence."""


@dataclass(frozen=True, slots=True)
class Journal:
    """All whole lines of a journal, and the bytes of a torn last one (empty when there is none)."""

    path: Path
    entries: tuple[Entry, ...]
    torn: bytes
    size_bytes: int
    last_sha256: str

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    @property
    def header(self) -> Entry:
        """The first line.  Raises BrokenJournalError when it is no header of a known schema."""
        if not self.entries or self.entries[0].what != "header":
            raise BrokenJournalError(
                f"'{self.path}' does not begin with a header record",
                hint="the file is no journal of a run, or was cut at its start",
            )
        schema = self.entries[0].data.get("schema")
        if schema != SCHEMA:
            raise BrokenJournalError(
                f"'{self.path}' has journal schema {schema!r}; this version reads {SCHEMA}",
                hint="use the harness version named in the header",
            )
        return self.entries[0]


def read_journal(path: Path) -> Journal:
    """Read and verify the journal at `path`.

    Raises JournalError when the file cannot be read and BrokenJournalError, naming the line, when the chain does not
    hold.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise JournalError(f"cannot read journal '{path}': {error.strerror}", hint="is this a run folder?") from error
    whole, _, torn = content.rpartition(b"\n")
    lines = whole.split(b"\n") if whole else []
    entries: list[Entry] = []
    previous = GENESIS
    for number, line in enumerate(lines, start=1):
        entries.append(_verified(path, number, line, previous))
        previous = line_sha256(line)
    return Journal(path, tuple(entries), torn, len(content), previous)


def _verified(path: Path, number: int, line: bytes, previous: str) -> Entry:
    try:
        entry = Entry.from_line(line)
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise BrokenJournalError(f"{path}:{number}: not a journal line ({error})", hint=_HINT) from error
    if entry.seq != number - 1:
        raise BrokenJournalError(f"{path}:{number}: sequence number {entry.seq}, expected {number - 1}", hint=_HINT)
    if entry.prev_sha256 != previous:
        where = "the header was changed" if number == 1 else f"line {number - 1}, or its hash here, was changed"
        raise BrokenJournalError(f"{path}:{number}: the hash chain does not hold: {where}", hint=_HINT)
    if entry.to_line() != line:
        raise BrokenJournalError(f"{path}:{number}: the line is not in the form in which it was written", hint=_HINT)
    return entry


_HINT = "restore the file from the run's archive; without an intact journal there is no verdict"
