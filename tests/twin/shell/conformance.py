"""Runs recorded cases on the twin's shell and compares: values and types, errors, streams, text."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.twin.shell.clixml import Serializer
from harness.twin.shell.errors import ErrorRecord, ExitSignal, PSError
from harness.twin.shell.errortext import category_text
from harness.twin.shell.formatting import render
from harness.twin.shell.formatting.renderer import Packet
from harness.twin.shell.frame import Streams
from harness.twin.shell.program import ConsoleProgram
from harness.twin.shell.records import InformationRecord, MessageRecord
from harness.twin.shell.shell import CORE, Runspace, parse, run_tree
from harness.twin.shell.text import to_text

FIXTURES = Path(__file__).parents[3] / "fixtures" / "pwsh"


def run_sh(words: Sequence[str], *_streams: object) -> int:
    """``sh -c "exit N"``, which the recorded cases use for an exit code."""
    return int(words[2].split()[1])


class CaseHost:
    """A machine for recorded cases: core commands only, a fixed moment."""

    computer_name = "NODE01"
    os_version = "10.0.26100.1"
    culture = "en-US"
    commands = CORE
    location = "/"

    def __init__(self) -> None:
        self.environment: dict[str, str] = {"COMPUTERNAME": "NODE01", "USERNAME": "Administrator"}
        self.waited_s = 0.0
        self.programs = {"sh": run_sh}

    def now(self) -> datetime:
        return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def charge(self, command: str) -> None:
        return None

    def breathe(self) -> None:
        return None

    def wait(self, seconds: float, ready: Any = None) -> bool:
        self.waited_s += seconds
        return True


@dataclass
class Outcome:
    """What the shell did with a script."""

    output: list[object] = field(default_factory=list)
    errors: list[ErrorRecord] = field(default_factory=list)
    streams: dict[str, list[str]] = field(default_factory=dict)
    terminating: ErrorRecord | None = None
    runspace: Runspace | None = None


def run_script(script: str) -> Outcome:
    """A script in a fresh session."""
    found = Outcome()

    def collect(name: str) -> Any:
        def sink(record: object) -> None:
            if isinstance(record, MessageRecord):
                found.streams.setdefault(name, []).append(record.message)
            elif isinstance(record, InformationRecord):
                found.streams.setdefault(name, []).append(to_text(record.data))

        return sink

    def on_error(record: object) -> None:
        if isinstance(record, ErrorRecord):
            found.errors.append(record)

    streams = Streams(
        on_error,
        collect("warnings"),
        collect("verbose"),
        collect("debug"),
        collect("information"),
        lambda _record: None,
    )
    rs = Runspace(CaseHost(), streams)
    found.runspace = rs
    try:
        run_tree(rs, parse(script), found.output.append)
    except PSError as error:
        found.terminating = error.record
        rs.remember(error.record)
    except ExitSignal:
        pass
    return found


_NUMBER = re.compile(r' RefId="\d+"')
_ASSEMBLY = re.compile(r"\[\[([\w.]+), [^\]]*\](?:,\[([\w.]+), [^\]]*\])?\]")


def _normal(clixml: str) -> str:
    plain = _NUMBER.sub("", clixml).replace("_x000D_", "")
    plain = re.sub(r"<TNRef />|<TN>.*?</TN>", "", plain)
    return _ASSEMBLY.sub(lambda m: f"[{m[1]},{m[2]}]" if m[2] else f"[{m[1]}]", plain)


def written(rs: Runspace, value: object) -> str:
    """The CLIXML of an output object, as the recordings hold it."""
    return "<Layout/>" if isinstance(value, Packet) else Serializer(rs, 2).write(value)


def _fact(record: ErrorRecord) -> dict[str, str]:
    return {
        "id": record.full_id,
        "category": record.category,
        "info": category_text(record),
        "message": record.message,
        "type": record.exception.type_name,
    }


def compare(case: dict[str, Any], outcome: Outcome) -> list[str]:
    """The aspects in which the shell differs from the recording; none when it agrees."""
    rs = outcome.runspace
    assert rs is not None
    wrong = []
    want = [_normal(one) for one in case.get("output", [])]
    have = [_normal(written(rs, one)) for one in outcome.output]
    if want != have:
        wrong.append(f"output: want {want} have {have}")
    text = render(rs, outcome.output, 120)
    if case.get("text", "").replace("\r\n", "\n") != text:
        wrong.append(f"text: want {case.get('text', '')!r} have {text!r}")
    for name, records in (
        ("errors", outcome.errors),
        ("terminating", [outcome.terminating] if outcome.terminating else []),
    ):
        expected = case.get(name, [])
        expected = expected if isinstance(expected, list) else [expected]
        mine = [_fact(one) for one in records]
        wanted = [(one["id"], one["category"]) for one in expected]
        found = [(one["id"], one["category"]) for one in mine]
        if wanted != found:
            wrong.append(f"{name}: want {wanted} have {found} ({[one['message'] for one in mine]})")
    for name in ("warnings", "verbose", "debug", "information"):
        lines = [one.replace("\r\n", "\n") for one in outcome.streams.get(name, [])]
        if case.get(name, []) != lines:
            wrong.append(f"{name}: want {case.get(name)} have {lines}")
    return wrong


def check_case(case: dict[str, Any]) -> list[str]:
    """Run and compare one recorded case."""
    if case.get("parse_errors"):
        have = [(one.id, one.line, one.column) for one in parse(case["script"]).errors]
        want = [(one["id"], one["line"], one["column"]) for one in case["parse_errors"]]
        return [] if have == want else [f"parse: want {want} have {have}"]
    if parse(case["script"]).errors:
        return [f"parse: unexpected {[one.id for one in parse(case['script']).errors]}"]
    try:
        return compare(case, run_script(case["script"]))
    except RecursionError as fault:
        return [f"crash: {fault}"]
    except Exception as fault:  # noqa: BLE001 - a crash of the shell is a failed case with its reason
        return [f"crash: {type(fault).__name__}: {fault}"]


def load(area: str) -> list[dict[str, Any]]:
    """The recorded cases of an area."""
    path = FIXTURES / f"{area}.expected.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def run_process(row: dict[str, Any]) -> tuple[int, str, str]:
    """One start of the console program: exit code, stdout, stderr, line ends as LF."""
    words = []
    for argument in row["args"]:
        if argument.startswith("<base64 of> "):
            argument = base64.b64encode(argument.removeprefix("<base64 of> ").encode("utf-16-le")).decode()
        escaped = re.sub(r'(\\*)"', r'\1\1\\"', argument)
        words.append(f'"{escaped}"')
    out, err = io.BytesIO(), io.BytesIO()
    stdin = io.BytesIO((row["stdin"] or "").encode())
    program = ConsoleProgram(CaseHost())
    code = program.run(
        "powershell.exe -NoProfile " + " ".join(words),
        stdin,
        lambda data: _void(out.write(data)),
        lambda data: _void(err.write(data)),
    )
    return (
        code,
        out.getvalue().decode().replace("\r\n", "\n"),
        err.getvalue().decode().replace("\r\n", "\n").replace("_x000D_", ""),
    )


def _void(_count: int) -> None:
    """For writers that count."""


def load_processes() -> list[dict[str, Any]]:
    """The recorded starts of the console program."""
    text = (FIXTURES / "process.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def process_differences(row: dict[str, Any]) -> list[str]:
    """How a start differs from its recording; the recording machine kept only eight bits of the exit code."""
    code, out, err = run_process(row)
    wrong = []
    if code & 0xFF != row["rc"]:
        wrong.append(f"rc: want {row['rc']} have {code}")
    if out != row["stdout"]:
        wrong.append(f"stdout: want {row['stdout']!r} have {out!r}")
    if err != row["stderr"].replace("_x000D_", ""):
        wrong.append(f"stderr: want {row['stderr']!r} have {err!r}")
    return wrong
