"""Runs a script as the recordings were made: a fresh session, core commands only, a fixed moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import IO, Any

from harness.twin.shell.errors import ErrorRecord, ExitSignal, PSError
from harness.twin.shell.frame import Sink, Streams
from harness.twin.shell.host import Program, Writer
from harness.twin.shell.records import InformationRecord, MessageRecord
from harness.twin.shell.shell import CORE, Runspace, parse, run_tree
from harness.twin.shell.text import to_text


def run_sh(words: Sequence[str], _stdin: IO[bytes], _stdout: Writer, _stderr: Writer) -> int:
    """``sh -c "exit N"``, which the recorded cases use for an exit code."""
    return int(words[2].split()[1])


class CaseHost:
    """A machine for recorded cases (a ``ShellHost``)."""

    computer_name = "NODE01"
    os_version = "10.0.26100.1"
    culture = "en-US"
    commands = CORE
    location = "/"
    delegated = True

    def __init__(self) -> None:
        self.environment: MutableMapping[str, str] = {"COMPUTERNAME": "NODE01", "USERNAME": "Administrator"}
        self.waited_s = 0.0
        self.programs: Mapping[str, Program] = {"sh": run_sh}

    def now(self) -> datetime:
        """The moment at which all cases begin, later by what the case has waited."""
        return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC) + timedelta(seconds=self.waited_s)

    def charge(self, command: str) -> None:
        """Nothing costs time here."""

    def breathe(self) -> None:
        """Nobody else computes here."""

    def wait(self, seconds: float, ready: Callable[[], bool] | None = None) -> bool:
        """Time passes at once."""
        del ready
        self.waited_s += seconds
        return True


@dataclass
class Outcome:
    """What the shell did with a script; `streams` holds the texts of warnings, verbose, debug and information."""

    runspace: Runspace
    output: list[object] = field(default_factory=list)
    errors: list[ErrorRecord] = field(default_factory=list)
    streams: dict[str, list[str]] = field(default_factory=dict)
    terminating: ErrorRecord | None = None


def run_script(script: str) -> Outcome:
    """Run a script that parses."""
    errors: list[ErrorRecord] = []
    texts: dict[str, list[str]] = {}

    def on_error(record: object) -> None:
        if isinstance(record, ErrorRecord):
            errors.append(record)

    streams = Streams(
        on_error,
        _collector(texts, "warnings"),
        _collector(texts, "verbose"),
        _collector(texts, "debug"),
        _collector(texts, "information"),
        lambda _record: None,
    )
    rs = Runspace(CaseHost(), streams)
    rs.dropped = lambda stream, record: getattr(streams, stream)(record)
    found = Outcome(rs, errors=errors, streams=texts)
    try:
        run_tree(rs, parse(script), found.output.append)
    except PSError as error:
        found.terminating = error.record
        rs.remember(error.record)
    except ExitSignal:
        pass
    return found


def _collector(texts: dict[str, list[str]], name: str) -> Sink:
    def sink(record: Any) -> None:
        if isinstance(record, MessageRecord):
            texts.setdefault(name, []).append(record.message)
        elif isinstance(record, InformationRecord):
            texts.setdefault(name, []).append(to_text(record.data))

    return sink
