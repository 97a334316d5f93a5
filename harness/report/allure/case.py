"""What Allure is told about one scenario, as a plain value.  Both writers render this; neither adds anything."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PASSED: Final = "passed"
FAILED: Final = "failed"
BROKEN: Final = "broken"
SKIPPED: Final = "skipped"

OF_VERDICT: Final = {
    "pass": PASSED,
    "fail": FAILED,
    "stuck": FAILED,
    "guide-gap": FAILED,
    "lab": BROKEN,
    "harness": BROKEN,
    "inconclusive": BROKEN,
    "not-run": SKIPPED,
}
"""Allure's word for each verdict; one that is not known is broken."""

_NAMES: Final = uuid.UUID("6f0c2b5e-7a3d-5b43-9d5e-0d1f3c9a7e21")
"""Name space of the identifiers that are derived from run ids."""


def uuid_of(*parts: str) -> str:
    """An identifier that is the same for the same parts, always and everywhere."""
    return str(uuid.uuid5(_NAMES, "/".join(parts)))


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that the report shows.  None of them belongs to the identity of a case: that is its full name."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Link:
    """A link; `url` is relative to nothing, so only absolute ones are made."""

    name: str
    url: str
    kind: str = "link"


@dataclass(frozen=True, slots=True)
class Step:
    """A phase, a moment of a fault, a finding or a limit.  Times are milliseconds since 1970, UTC of the lab."""

    name: str
    status: str
    start_ms: int
    stop_ms: int
    message: str = ""
    parameters: tuple[Parameter, ...] = ()
    steps: tuple[Step, ...] = ()

    def walk(self) -> Iterator[Step]:
        """This step and all below it."""
        yield self
        for step in self.steps:
            yield from step.walk()


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file beside the case: either its `body`, or the `path` of a file in the run folder."""

    name: str
    media_type: str
    extension: str
    body: bytes | None = None
    path: Path | None = None

    @property
    def content(self) -> bytes:
        """What is in it.  Raises OSError when the file cannot be read."""
        return self.path.read_bytes() if self.path is not None else self.body or b""


@dataclass(frozen=True, slots=True)
class AllureCase:
    """One scenario on one lab.

    `full_name` is the same for each run of a scenario on a lab, so Allure finds its history; `run_id` tells runs apart.
    `start_ms` and `stop_ms` are wall time, milliseconds since 1970 UTC; times of steps are the lab's.  `labels` are
    pairs, in order, a name may come twice.
    """

    run_id: str
    name: str
    full_name: str
    title_path: tuple[str, ...]
    status: str
    message: str
    trace: str
    description: str
    labels: tuple[tuple[str, str], ...]
    parameters: tuple[Parameter, ...]
    links: tuple[Link, ...]
    start_ms: int
    stop_ms: int
    steps: tuple[Step, ...]
    attachments: tuple[Attachment, ...]

    @property
    def uuid(self) -> str:
        """Identifier of this result."""
        return uuid_of(self.run_id)

    @property
    def history_id(self) -> str:
        """What Allure finds earlier results by."""
        return hashlib.sha256(self.full_name.encode()).hexdigest()[:32]

    def attachment_file(self, attachment: Attachment) -> str:
        """Name of an attachment's file in a results folder."""
        return f"{uuid_of(self.run_id, attachment.name)}-attachment.{attachment.extension}"
