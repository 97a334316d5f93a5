"""What operators type, against what Windows PowerShell 5.1 and the product would answer; the README there says more."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.twin.shell.console import Console
from harness.twin.shell.errors import ErrorRecord, ExitSignal, PSError
from harness.twin.shell.formatting import render
from harness.twin.shell.host import ShellHost
from harness.twin.shell.parsefailure import parse_record
from harness.twin.shell.shell import parse, run_tree
from harness.twin.shell.text import to_text
from tests.twin.cmdlets.snippet_worlds import WORLDS, make_place

SNIPPETS = Path(__file__).resolve().parents[2] / "data" / "operator-snippets"
FILES = sorted(SNIPPETS.glob("*.yaml"))
KEYS = {"id", "script", "at", "given", "text", "lines", "error", "errors", "error_text", "inferred"}
WIDTH = 120


@dataclass
class Answer:
    """What a console showed, and the objects and errors behind it."""

    text: str = ""
    objects: list[object] = field(default_factory=list)
    errors: list[ErrorRecord] = field(default_factory=list)
    error_text: str = ""

    @property
    def lines(self) -> list[str]:
        """Each object as text, as `-join` takes it."""
        return [to_text(item) for item in self.objects]


def type_in(host: ShellHost, script: str) -> Answer:
    """Run a script as one that is typed in a console of 120 columns."""
    answer, shown = Answer(), io.BytesIO()

    def take(item: object) -> None:
        answer.objects.append(item)
        console.feed(item)

    def show(data: bytes) -> None:
        shown.write(data)

    console = Console(host, show, show, WIDTH, clixml=False, output_xml=False)
    console.runspace.streams.error = answer.errors.append  # type: ignore[assignment]
    result = parse(script)
    if result.errors:
        answer.errors.append(parse_record(result))
    try:
        if not result.errors:
            run_tree(console.runspace, result, take)
    except ExitSignal:
        pass
    except PSError as error:
        answer.errors.append(error.record)
    console.close()
    answer.error_text = plain(render(console.runspace, answer.errors, WIDTH - 1))
    answer.text = plain(shown.getvalue().decode())
    return answer


def plain(text: str) -> str:
    """Without blanks at the ends of lines and empty lines at the end."""
    return "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").split("\n")).rstrip("\n")


def entries(path: Path) -> list[dict[str, Any]]:
    """The snippets of a file."""
    found: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


ALL = [(path.stem, entry) for path in FILES for entry in entries(path)]


@pytest.mark.parametrize(("theme", "entry"), ALL, ids=[f"{theme}-{entry['id']}" for theme, entry in ALL])
def test_snippet(theme: str, entry: dict[str, Any]) -> None:
    answers: list[Answer] = []
    with make_place(entry.get("at", "NODE01"), entry.get("given", "fresh")) as place:
        place.call(lambda: answers.append(type_in(place.host, entry["script"])))
    check(entry, answers[0])


def check(entry: dict[str, Any], answer: Answer) -> None:
    """Compare everything that the entry says; an error that it does not name is wrong."""
    wanted = entry.get("errors") or ([entry["error"]] if "error" in entry else [])
    seen = [f"{error.full_id}: {error.message}" for error in answer.errors]
    assert [error.full_id for error in answer.errors] == [want["id"] for want in wanted], "\n".join(seen)
    for want, error in zip(wanted, answer.errors, strict=True):
        if "message" in want:
            assert error.message == want["message"]
    if "lines" in entry:
        assert answer.lines == [str(line) for line in entry["lines"]]
    if "text" in entry:
        assert answer.text == plain(entry["text"])
    if "error_text" in entry:
        assert answer.error_text == plain(entry["error_text"])


def test_the_snippets_are_whole() -> None:
    """Every entry says what must come out; ids are unique; every named state is used."""
    assert len(ALL) >= 320
    names = [f"{theme}-{entry['id']}" for theme, entry in ALL]
    assert len(set(names)) == len(names)
    for _, entry in ALL:
        assert set(entry) <= KEYS
        assert {"text", "lines", "error", "errors", "error_text"} & set(entry), entry["id"]
    assert {entry.get("given", "fresh") for _, entry in ALL} == set(WORLDS)
