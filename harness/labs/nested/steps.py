"""What is being done to the machines of a lab: one line before each mutation, one after it.

The file is append-only JSON lines, each on disk (fsync) before the next thing is done.  A step that was begun and not
ended is what a killed process left: the next process completes or removes it (`recovery`).  This is not the run's
journal: it is about the lab's own state, and outlives runs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.clock import utc_now, utc_text
from harness.errors import JournalError


@dataclass(frozen=True, slots=True)
class Step:
    """A step that was begun: its number, what it is (`ensure`, `snapshot`, `fault`, …) and on what."""

    number: int
    what: str
    details: Mapping[str, Any]


class StepJournal:
    """The step journal of one lab folder; one process at a time writes it (`owner`)."""

    def __init__(self, path: Path) -> None:
        """Read what is there; a line torn by a crash is cut off.

        Raises JournalError for a file that is no step journal or cannot be written.
        """
        self._path = path
        self._open: dict[int, Step] = {}
        self._last = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._read()
        except OSError as error:
            raise JournalError(
                f"the step journal {path} cannot be used: {error}", hint="see rights and space"
            ) from error

    @property
    def open_steps(self) -> tuple[Step, ...]:
        """Steps that were begun and not ended, oldest first."""
        return tuple(self._open.values())

    def begin(self, what: str, **details: Any) -> int:
        """Write down what is about to be done and return its number.  No line, no effect: raises JournalError."""
        step = Step(self._last + 1, what, details)
        self._write(
            {"step": step.number, "begin": what, "at": utc_text(utc_now()), **({"on": details} if details else {})}
        )
        self._last = step.number
        self._open[step.number] = step
        return step.number

    def end(self, number: int) -> None:
        """Write down that a step was done, or undone; harmless when it was ended before."""
        if number in self._open:
            self._write({"step": number, "end": self._open[number].what, "at": utc_text(utc_now())})
            del self._open[number]

    @contextmanager
    def step(self, what: str, **details: Any) -> Iterator[None]:
        """A step around a block; one that fails stays open, for `recovery`."""
        number = self.begin(what, **details)
        yield
        self.end(number)

    def _write(self, line: Mapping[str, Any]) -> None:
        try:
            with self._path.open("ab") as file:
                file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise JournalError(
                f"the step journal {self._path} cannot be written: {error}; nothing was done",
                hint="see rights and space",
            ) from error

    def _read(self) -> None:
        if not self._path.exists():
            return
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            os.truncate(self._path, len(whole))
        for at, text in enumerate(whole.splitlines(), 1):
            try:
                line = json.loads(text)
                number = int(line["step"])
                if "begin" in line:
                    self._open[number] = Step(number, str(line["begin"]), line.get("on", {}))
                else:
                    self._open.pop(number, None)
            except (ValueError, KeyError, TypeError) as error:
                raise JournalError(
                    f"line {at} of the step journal {self._path} cannot be read: {error}",
                    hint="remove the lab (its folder) and make it anew",
                ) from error
            self._last = max(self._last, number)
