"""`hil twin conformance` and `hil twin docs`: figures of a folder, and the pages made from the twin."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness import cli, paths
from harness.cli import twinpages
from harness.cli.twinpages import Reasons, Wanted
from harness.exits import Exit
from harness.labs.twin import CommandRow

CASES = [
    {"id": "a.good", "script": "1", "output": ["<I32>1</I32>"], "text": "1\n"},
    {"id": "a.text", "script": "1", "output": ["<I32>1</I32>"], "text": "2\n"},
    {"id": "a.parse", "script": "if (", "output": []},
    {"id": "a.known", "script": "1", "differs51": "it is 2", "output": ["<I32>3</I32>"], "text": "1\n"},
    {"id": "a.unknown", "script": "1", "differs51": "it is something else"},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One area of five cases, and what is known of 5.1."""
    lines = "".join(json.dumps(case) + "\n" for case in CASES)
    (tmp_path / "some.expected.jsonl").write_text(lines, encoding="utf-8")
    known = {"id": "a.known", "because": "it is 1", "output": ["<I32>1</I32>"]}
    (tmp_path / "windows-powershell-5.1.jsonl").write_text(json.dumps(known) + "\n", encoding="utf-8")
    return tmp_path


def test_figures_of_a_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["twin", "conformance", str(folder), "--json"]) == Exit.PASS
    found = json.loads(capsys.readouterr().out)
    counts = {"cases": 4, "parse": 3, "output": 3, "text": 2, "errors": 3, "streams": 3, "all": 2}
    names = {"failing": ["a.text", "a.parse"], "not_counted": ["a.unknown"]}
    assert found == {"areas": [{"area": "some", **counts, **names}], "process": None}


def test_differences_are_shown_and_what_is_not_counted_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["twin", "conformance", str(folder), "--show", "1"]) == Exit.PASS
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["some", "4", "3", "3", "2", "3", "3", "2", "50.0", "%"]
    assert lines[2] == "  a.text: text: line 1 of 2: want '2' have '1'"
    assert lines[3] == "  … and 1 more of some"
    assert lines[4].endswith("1 case (a.unknown)")


def test_a_folder_without_cases_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["twin", "conformance", str(tmp_path)]) == Exit.USAGE
    assert "there is no '*.expected.jsonl'" in capsys.readouterr().err
    assert cli.main(["twin", "conformance", str(tmp_path / "none")]) == Exit.USAGE


def test_the_committed_pages_are_current() -> None:
    """After a change of commands, of the shell or of the recordings: `hil twin docs`."""
    for name, text in twinpages.pages().items():
        assert (paths.reference_dir() / name).read_text(encoding="utf-8") == text, f"{name}: run hil twin docs"


def test_every_wanted_command_that_is_missing_has_its_reason() -> None:
    wants = twinpages.read_wanted(paths.fixtures_dir() / "catalogs" / twinpages.WANTED)
    assert min(each.blocks for each in wants.guides) >= 3
    missing = twinpages.missing_commands([*wants.guides, *wants.reference])
    forgotten = [each.name for each in missing if not each.because]
    assert not forgotten, f"say in {twinpages.WANTED} why these are not there"


def test_stale_pages_are_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(paths, "reference_dir", lambda: folder)
    monkeypatch.setattr(twinpages, "pages", lambda: {"a.md": "new\n"})
    assert cli.main(["twin", "docs", "--check"]) == Exit.USAGE
    assert "a.md' is not current" in capsys.readouterr().err
    assert cli.main(["twin", "docs"]) == Exit.PASS
    assert (folder / "a.md").read_text(encoding="utf-8") == "new\n"
    assert cli.main(["twin", "docs", "--check"]) == Exit.PASS


def test_the_page_of_commands_tells_where_and_what_is_missing() -> None:
    rows = [
        CommandRow("Get-It", "A", ("Name",), "nodes, guests"),
        CommandRow("Set-It", "A", (), "guests"),
        CommandRow("tool", "program", (), "nodes"),
    ]
    wanted = [Wanted("Get-ClusterNode", 9, ""), Wanted("Get-Nope", 5, "nobody needs it"), Wanted("Get-No", 3, "")]
    reference = [Wanted("Get-ClusterNode", 0, ""), Wanted("Get-Else", 0, "it is not installed", elsewhere=True)]
    page = twinpages.cmdlets_page(rows, twinpages.Wants(wanted, reference))
    assert "Nodes know 2 commands and programs, managed guests 2." in page
    assert "| `Get-It` | nodes, guests | `-Name` |\n| `Set-It` | guests | - |" in page
    assert "## Programs" in page
    assert "| `Get-Nope` | 5 | yes | nobody needs it |\n| `Get-No` | 3 | yes | - |" in page
    assert "| `Get-Else` | no | it is not installed |" in page
    text = " ".join(page.split())
    assert "1 of them are known (50.0 %), these 1 are not. A real node does not have 1 of those either" in text
    assert "of the others 100.0 % are known" in text
    assert "Get-ClusterNode` | 9" not in page


def test_the_first_reason_that_fits_counts() -> None:
    reasons = Reasons([{"because": "one", "cases": ["a.b"]}, {"because": "two", "cases": ["a.*"]}])
    assert (reasons.of("a.b"), reasons.of("a.c"), reasons.of("b")) == ("one", "two", "")


def test_a_reason_names_a_command_that_is_wanted_and_missing() -> None:
    path = paths.fixtures_dir() / "catalogs" / twinpages.WANTED
    wants = twinpages.read_wanted(path)
    missing = {each.name for each in twinpages.missing_commands([*wants.guides, *wants.reference])}
    named = {name for group in twinpages.read_yaml(path)["missing"] for name in group["commands"]}
    assert named - missing == set(), f"take these out of the reasons in {twinpages.WANTED}"
