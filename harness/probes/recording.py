"""A recording: what a prober saw, as a file that can be read again years later.

`samples.jsonl` has one JSON document a line.  The first says who was watched and how; each of the others is a window of
samples in the form of the journal's `samples` records.  Times are nanoseconds since the recording's `epoch`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

from harness.clock import utc_text
from harness.errors import ConfigError, HarnessError
from harness.measure.joining import RunJoiner
from harness.measure.ledger import Ledger, build_ledger
from harness.measure.ownership import Ownership
from harness.measure.samples import window_from_record, window_line
from harness.measure.windows import shifted
from harness.values import ControlHealth, SampleRun, SampleWindow

FILE_NAME: Final = "samples.jsonl"
SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class Header:
    """First line: `guests` are rows of name, node, class and signals; `lost` is what the machine did not let the prober
    do, in words.  `origin_ns` is the epoch on the monotonic clock of the prober's machine: what else was stamped there
    can be placed beside the samples."""

    name: str
    epoch: datetime
    interval_ns: int
    guests: tuple[Mapping[str, Any], ...]
    lost: tuple[str, ...] = ()
    origin_ns: int = 0

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "what": "recording",
            "schema": SCHEMA,
            "name": self.name,
            "epoch": utc_text(self.epoch),
            "interval_ns": self.interval_ns,
            "guests": [dict(guest) for guest in self.guests],
            "lost": list(self.lost),
            "origin_ns": self.origin_ns,
        }


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording that was read: its `windows` with what they say of the prober, and the `runs` of all of them, joined
    where they go on.  `torn` says that its last line was cut off, as when the prober was killed."""

    header: Header
    windows: tuple[SampleWindow, ...]
    runs: tuple[SampleRun, ...]
    torn: bool = False

    def ledger(self) -> Ledger:
        """The ledger of the recording; guests belong to the node that the header names."""
        guests = self.header.guests
        begins_ns = min((window.from_ns for window in self.windows), default=0)
        owners = Ownership.of([(guest["name"], begins_ns, guest["node"]) for guest in guests if guest["node"]])
        ends_ns = max((window.to_ns for window in self.windows), default=begins_ns)
        return build_ledger(
            (*self.windows, SampleWindow(begins_ns, ends_ns, self.runs, ControlHealth(0, 0))),
            owners,
            expected=[guest["name"] for guest in guests],
            classes={guest["name"]: guest["class"] for guest in guests},
        )


class Recorder:
    """Writes a recording, window by window, each synced to the disk.

    Raises HarnessError when the file cannot be written.
    """

    def __init__(self, folder: Path, header: Header) -> None:
        """Windows are told on the clock of the header's `origin_ns`."""
        self._header = header
        self._path = folder / FILE_NAME
        try:
            self._file: IO[str] = self._path.open("x", encoding="utf-8")
        except OSError as error:
            raise _unwritable(self._path, error) from error
        self._write([json.dumps(header.plain(), separators=(",", ":"), ensure_ascii=False)])

    def take(self, window: SampleWindow) -> SampleWindow:
        """Write a window; returns it in the recording's own time."""
        own = shifted(window, -self._header.origin_ns)
        self._write(window_line(own, self._header.interval_ns))
        return own

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, pieces: Iterable[str]) -> None:
        """One line."""
        try:
            self._file.writelines(pieces)
            self._file.write("\n")
            self._file.flush()
            os.fdatasync(self._file.fileno())
        except OSError as error:
            raise _unwritable(self._path, error) from error


def _unwritable(path: Path, error: OSError) -> HarnessError:
    return HarnessError(
        f"cannot write '{path}': {error.strerror}", hint="free space on the disk, or choose another folder with --out"
    )


def read_recording(path: Path) -> Recording:
    """The recording at `path`, a folder or its file.  A torn last line is left out.

    Raises ConfigError when there is none, or a line is not of the documented form.
    """
    file = path / FILE_NAME if path.is_dir() else path
    header: Header | None = None
    windows: list[SampleWindow] = []
    joiner, torn = RunJoiner(), False
    try:
        lines = file.open(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"'{path}' is no recording: {error.strerror}", hint="hil probe run makes one; give its folder"
        ) from error
    with lines:
        for number, line in enumerate(lines, 1):
            torn = not line.endswith("\n")
            if torn:
                break
            try:
                document = json.loads(line)
                if header is None:
                    header = _header(document)
                    continue
                window = window_from_record(document)
            except (KeyError, TypeError, ValueError) as error:
                raise ConfigError(
                    f"'{file}', line {number}: {type(error).__name__} {error}",
                    hint="the file is damaged or of another kind",
                ) from error
            for run in window.runs:
                joiner.add(run)
            windows.append(replace(window, runs=()))
    if header is None:
        raise ConfigError(f"'{file}' is empty", hint="hil probe run makes recordings")
    return Recording(header, tuple(windows), joiner.runs(), torn)


def _header(document: Mapping[str, Any]) -> Header:
    if document["what"] != "recording" or document["schema"] != SCHEMA:
        raise ValueError(f"this is no recording of schema {SCHEMA}")
    return Header(
        str(document["name"]),
        datetime.fromisoformat(document["epoch"].replace("Z", "+00:00")),
        int(document["interval_ns"]),
        tuple({key: guest[key] for key in ("name", "node", "class", "signals")} for guest in document["guests"]),
        tuple(document["lost"]),
        int(document["origin_ns"]),
    )
