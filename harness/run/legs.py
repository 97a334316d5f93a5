"""Legs of a campaign: what one leaves to the next, and what the next finds.

A campaign is one update that several scenarios share.  Each leg is a run with a journal of its own.  The last line
that a leg writes about the lab is the `Handover`; the first one of the next leg repeats it, so that each journal can be
judged and resumed alone.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.errors import JournalError
from harness.journal import Entry, read_journal
from harness.journal.writer import FILE_NAME
from harness.run.job import Job


@dataclass(frozen=True, slots=True)
class Handover:
    """Where a leg leaves the update, and from where the next one goes on.

    `run` is the run id of the leg that lets go, `update_run` the product's id of the update's run.  `starts` counts the
    starts of all legs so far, `resumes` those among them that resumed.  Times are lab time in nanoseconds.
    """

    campaign: str
    run: str
    instance: str
    update_run: str
    starts: int
    resumes: int
    first_start_ns: int
    last_event: int
    sampled_to_ns: int

    @classmethod
    def of(cls, entry: Entry) -> Handover:
        """From a record `leg.handed_over` or `leg.taken_over`."""
        return cls(**{name: entry.data[name] for name in cls.__dataclass_fields__})

    def plain(self) -> dict[str, Any]:
        """As a journal record holds it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Spoilt:
    """The leg before left nothing to go on with: why, and the header of its journal (None: it has none)."""

    why: str
    header: Entry | None


def received(job: Job, folder: Path) -> Handover | Spoilt:
    """What the leg before left for `job`; its run lies in `folder`, and nobody conducts it any more."""
    path = folder / FILE_NAME
    if not path.exists():
        return Spoilt(f"leg '{job.previous}' was not begun", None)
    try:
        entries = read_journal(path).entries
    except JournalError as error:
        return Spoilt(f"the journal of leg '{job.previous}' cannot be read: {error}", None)
    handed = next((entry for entry in reversed(entries) if entry.what == "leg.handed_over"), None)
    if handed is not None:
        return Handover.of(handed)
    return Spoilt(f"leg '{job.previous}' handed nothing over: {_ended(entries)}", entries[0])


def _ended(entries: tuple[Entry, ...]) -> str:
    """How a leg without handover ended, in the words of its own findings."""
    said = [str(entry.data["summary"]) for entry in entries if entry.what == "finding"]
    reasons = [str(entry.data["reason"]) for entry in entries if entry.what == "attempt.end"]
    end = f"it ended as '{reasons[-1]}'" if reasons else "its process died"
    return f"{end}; {said[0]}" if said else end


def kept_for(session: str, campaign: str) -> str:
    """The name under which a lab instance is kept for the next leg."""
    return f"campaign {campaign} of session {session}"
