"""`hil report`: sessions by a part of their name, and the order of lists."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import cli
from harness.exits import Exit
from harness.paths import sessions_dir
from tests.unit.cli.conftest import Running

Make = Callable[[str, str], Path]


@pytest.fixture
def make() -> Make:
    """Makes a session: its name and when it started."""

    def made(name: str, started: str) -> Path:
        folder = sessions_dir() / name
        folder.mkdir(parents=True)
        summary = {"started": started, "ended": started, "wall_s": 1.0, "exit_code": 0, "scenarios": []}
        (folder / "summary.json").write_text(json.dumps(summary))
        (folder / "index.html").touch()
        return folder

    return made


def test_part_of_a_sessions_name_opens_the_session(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make("20260101-000000-9a0e", "2026-01-01T00:00:00.000Z")
    run = Running("20260101-000000-9a0e.UPD-001.twin-4node")
    (run.folder / "index.html").touch()
    assert cli.main(["report", "open", "9a0e"]) == Exit.PASS
    assert capsys.readouterr().out.strip() == str(folder / "index.html")
    assert cli.main(["report", "open", "9a0e.UPD"]) == Exit.PASS
    assert capsys.readouterr().out.strip() == str(run.folder / "index.html")


def test_several_sessions_that_match_are_named(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("20260101-000000-9a0e", "20260102-000000-11aa"):
        make(name, "2026-01-01T00:00:00.000Z")
    assert cli.main(["report", "open", "202601"]) == Exit.USAGE
    assert "2 sessions match '202601':\n  20260101-000000-9a0e\n  20260102-000000-11aa\n" in capsys.readouterr().err


def test_the_newest_session_is_listed_last_whatever_its_name(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    make("a-night", "2026-01-02T00:00:00.000Z")
    make("20260101-000000-9a0e", "2026-01-01T00:00:00.000Z")
    assert cli.main(["report", "list"]) == Exit.PASS
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["20260101-000000-9a0e", "a-night"]


@pytest.mark.parametrize("noun", ["run", "plan", "report", "lab", "judge"])
def test_descriptions_of_commands_are_whole_sentences(noun: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([noun, "--help"]) == Exit.PASS
    commands = capsys.readouterr().out.partition("Commands:")[2]
    assert commands
    assert "..." not in commands
