"""The journal: one append-only file that is the truth about a run.

Why not a database, a log, or results at the end?  A harness that powers off servers must survive its own death at any
instant, and a release manager must be able to ask years later why a run was called green.  So:

- everything that happens becomes one line of JSON, in the order in which the conductor learned of it;
- each line carries the sha256 of the raw line before it, so that a changed byte is found;
- lines with consequences (`intent`, `effect`, `undo`) are on disk before the next thing is done: *no line, no effect*;
- one writer, the holder of the lease epoch; every process that wrote is an *attempt* with its own number;
- a line torn by a crash is tolerated at the end, cut by the next attempt, and its hash is noted;
- secrets are masked at the door, before the line is hashed;
- verdict, report and plots are pure functions of the lines.

Layout of a line, keys in this order: `seq, attempt, t_lab_ns, t_mono_ns, t_wall, actor, kind, subject, data,
prev_sha256`. `data.what` names the record; docs/reference/journal.md lists them all.
"""

from harness.journal.entry import SCHEMA, Entry, Kind
from harness.journal.reader import BrokenJournalError, Journal, read_journal
from harness.journal.redactor import Redactor
from harness.journal.writer import JournalWriter

__all__ = ["SCHEMA", "BrokenJournalError", "Entry", "Journal", "JournalWriter", "Kind", "Redactor", "read_journal"]
