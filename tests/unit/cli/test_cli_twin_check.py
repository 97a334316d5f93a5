"""`hil twin check`: files and Markdown blocks in, findings with their places out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness import cli
from harness.cli.scripttext import Script, fenced, read_text
from harness.errors import ConfigError
from harness.exits import Exit

GUIDE = """# A guide

Some `Get-Nope` text.

```PowerShell
Get-ClusterNode
Get-ClusterNod
```

1. In a list:

   ```powershell
   function Show-It { 'x' }

   Get-VM -Naem x
   ```

```text
Get-Nope
```

~~~~ps1
Show-It
```
if (
~~~~

``` azurepowershell
kubectl vm list
```
"""


def checked(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    code = cli.main(["twin", "check", *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_clean_script_ends_with_nothing_to_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "clean.ps1"
    file.write_text("Get-ClusterNode | ? State -eq Up | ft Name\n& $what\nhostname.exe\n", encoding="utf-8")
    code, found = checked(capsys, str(file))
    empty = {"parse_errors": [], "unknown_commands": [], "unknown_parameters": [], "unsupported": [], "findings": []}
    assert found == {"files": [{"file": str(file), **empty}]}
    assert code == Exit.PASS


def test_names_stand_once_and_findings_each_at_their_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.ps1"
    file.write_text("Get-ClusterNod; Get-ClusterNod\nGet-ClusterNode -Naem x\nworkflow W { 1 }\n", encoding="utf-8")
    code, found = checked(capsys, str(file))
    only = found["files"][0]
    assert code == Exit.USAGE
    assert only["unknown_commands"] == ["Get-ClusterNod"]
    assert only["unknown_parameters"] == ["Get-ClusterNode -Naem"]
    assert only["unsupported"] == ["workflow"]
    places = [(one["kind"], one["line"], one["column"]) for one in only["findings"]]
    assert places == [
        ("unknown-command", 1, 1),
        ("unknown-command", 1, 17),
        ("unknown-parameter", 2, 17),
        ("unsupported", 3, 1),
    ]
    assert [one["suggestion"] for one in only["findings"][1:3]] == ["Get-ClusterNode", "-Name"]


def test_parse_errors_are_those_of_the_parser(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.ps1"
    file.write_text("Get-Nope\nif (\n", encoding="utf-8")
    code, found = checked(capsys, str(file))
    error = found["files"][0]["parse_errors"][0]
    assert (code, error["id"], error["line"]) == (Exit.USAGE, "IfStatementMissingCondition", 2)
    assert error["message"].startswith("Missing condition in if statement")
    assert found["files"][0]["unknown_commands"] == []  # no line of it would run


def test_blocks_of_a_guide_belong_together_and_keep_their_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "guide.md"
    file.write_text(GUIDE, encoding="utf-8")
    code = cli.main(["twin", "check", str(file)])
    lines = capsys.readouterr().out.splitlines()
    assert code == Exit.USAGE
    assert lines[0].startswith(f"{file}:7:1: no simulated machine knows the command 'Get-ClusterNod'")
    assert "(did you mean 'Get-ClusterNode'?)" in lines[0]
    assert lines[1].startswith(f"{file}:15:11: 'Get-VM' has no parameter '-Naem'")
    assert {line.partition(": ")[0] for line in lines[2:-2]} == {f"{file}:25:5"}
    assert lines[-2].startswith(f"{file}:29:1: no simulated machine knows the command 'kubectl'")
    assert lines[-1].startswith(
        "1 file checked, 2 parse errors, 2 unknown commands, 1 unknown parameter, 0 unsupported"
    )


def test_blocks_end_at_their_own_fence() -> None:
    scripts = list(fenced(GUIDE))
    assert [script.first_line for script in scripts] == [6, 13, 23, 29]
    assert scripts[1].text == "function Show-It { 'x' }\n\nGet-VM -Naem x"
    assert scripts[1].place(3, 8) == (15, 11)
    assert scripts[2].text == "Show-It\n```\nif ("
    assert list(fenced("```powershell\n1")) == [Script("1", 2, (0,))]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\xef\xbb\xbf'a'", "'a'"),
        ("'ä'".encode("utf-16"), "'ä'"),
        ("'ä'".encode("utf-16-be"), None),
        ("'ä'".encode(), "'ä'"),
        ("'ä'".encode("cp1252"), "'ä'"),
    ],
)
def test_files_are_read_as_powershell_reads_them(tmp_path: Path, content: bytes, text: str | None) -> None:
    file = tmp_path / "a.ps1"
    file.write_bytes(content)
    if text is None:
        with pytest.raises(ConfigError, match="is no text"):
            read_text(file)
    else:
        assert read_text(file) == text


def test_a_file_that_cannot_be_read_ends_it_before_any_is_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = tmp_path / "a.ps1"
    good.write_text("Get-Nope", encoding="utf-8")
    assert cli.main(["twin", "check", str(good), str(tmp_path / "none.ps1")]) == Exit.USAGE
    said = capsys.readouterr()
    assert said.out == ""
    assert "none.ps1' cannot be read: No such file" in said.err
