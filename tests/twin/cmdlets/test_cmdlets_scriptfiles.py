"""Script files, jobs, transcripts and archives on a node ([D] PSD 5.1)."""

from __future__ import annotations

import io

import pytest

from harness.twin.shell.program import ConsoleProgram
from tests.twin.cmdlets.shell_nodes import ShellNode

_SCRIPT = """param([string] $Name = 'none', [string] $Below = "$PSScriptRoot\\x", [switch] $Leave)
"$Name $Below"; $MyInvocation.MyCommand.Path
if ($Leave) { exit 3 }
function Where-Am { $PSScriptRoot }
'end'"""


@pytest.fixture
def scripted(node: ShellNode) -> ShellNode:
    """A node with two script files."""
    node.node.files.make_folder("C:\\Tools")
    node.node.files.write("C:\\Tools\\a.ps1", _SCRIPT.encode())
    node.node.files.write("C:\\Tools\\lib.ps1", b"function Lib { 'lib' }; $shared = 5")
    return node


def test_a_script_knows_its_place_and_takes_parameters(scripted: ShellNode) -> None:
    assert scripted.text("& C:\\Tools\\a.ps1 -Name n") == "n C:\\Tools\\x\nC:\\Tools\\a.ps1\nend"
    assert scripted.text("cd C:\\Tools; .\\a 7").startswith("7 ")


def test_exit_ends_the_script_alone(scripted: ShellNode) -> None:
    assert scripted.text("$null = C:\\Tools\\a.ps1 -Leave; $LASTEXITCODE") == "3"


def test_a_dotted_script_leaves_what_it_defines(scripted: ShellNode) -> None:
    assert scripted.text('. C:\\Tools\\lib.ps1; Lib; $shared; "[$PSScriptRoot]"') == "lib\n5\n[]"


def test_the_bare_name_of_a_script_is_no_command(scripted: ShellNode) -> None:
    assert scripted.error("cd C:\\Tools; a.ps1").error_id == "CommandNotFoundException"


def test_an_error_names_the_file(scripted: ShellNode) -> None:
    scripted.node.files.write("C:\\Tools\\bad.ps1", b"if (")
    assert scripted.error("C:\\Tools\\bad.ps1").error_id == "IfStatementMissingCondition"
    assert scripted.text("& C:\\Tools\\a.ps1 -Leave; 'on'").endswith("on")


def test_powershell_runs_a_file_with_arguments(scripted: ShellNode) -> None:
    out = io.BytesIO()
    line = 'powershell.exe -NoProfile -File C:\\Tools\\a.ps1 -Name "a b" -Leave'
    code = ConsoleProgram(scripted).run(line, io.BytesIO(), out.write, out.write)  # type: ignore[arg-type]
    assert code == 3
    assert out.getvalue().decode().splitlines()[0] == "a b C:\\Tools\\x"


def test_lines_of_a_file_in_a_switch(scripted: ShellNode) -> None:
    scripted.node.files.write("C:\\Tools\\in.txt", b"a\r\nb1\r\n")
    assert scripted.text("switch -Regex -File C:\\Tools\\in.txt { '\\d' { $_ } }") == "b1"


def test_a_job_gives_what_it_wrote_once(node: ShellNode) -> None:
    script = "$v = 2; $j = Start-Job { param($a) $a + $using:v } -ArgumentList 5; $j.State; "
    assert node.text(script + "$j | Wait-Job | Receive-Job; @(Receive-Job $j).Count") == "Completed\n7\n0"


def test_a_job_that_fails_says_so_when_it_is_read(node: ShellNode) -> None:
    out, errors, _ = node.run("$j = Start-Job { 'a'; throw 'bad' }; $j.State; Receive-Job $j")
    assert out[0] == "Failed"
    assert [error.message for error in errors] == ["bad"]


def test_jobs_are_found_by_number_and_name(node: ShellNode) -> None:
    assert (
        node.text("$null = Start-Job -Name N { }; (Get-Job N).Id; Get-Job 1 | Remove-Job; @(Get-Job).Count") == "1\n0"
    )
    assert node.error("Get-Job -Id 9").error_id == "JobWithSpecifiedSessionNotFound"


def test_a_job_changes_nothing_of_its_caller(node: ShellNode) -> None:
    node.environment["HERE"] = "1"
    assert node.text("$null = Start-Job { $env:HERE = 2; $env:HERE }; $env:HERE") == "1"


def test_an_archive_holds_folders(node: ShellNode) -> None:
    made = "New-Item -Force C:\\a\\b\\c.txt -Value hello | Out-Null; Compress-Archive C:\\a\\* C:\\z; "
    assert node.text(f"{made}Expand-Archive C:\\z.zip C:\\out; Get-Content C:\\out\\b\\c.txt") == "hello"
    assert node.error("Compress-Archive C:\\a C:\\z.zip").error_id == "ArchiveFileExists"
    assert node.error("Expand-Archive C:\\none.zip").error_id == "ArchiveCmdletPathNotFound"


def test_a_transcript_holds_what_the_console_shows(node: ShellNode) -> None:
    out = io.BytesIO()
    script = "Start-Transcript C:\\logs\\t.txt; Write-Host hello; Get-Item C:\\none; Stop-Transcript"
    ConsoleProgram(node).run(f'powershell -Command "{script}"', io.BytesIO(), out.write, out.write)  # type: ignore[arg-type]
    text = node.text("Get-Content C:\\logs\\t.txt -Raw")
    assert "Start time: 20251020060000" in text
    assert "\r\nhello\r\n" in text
    assert "Cannot find path" in text
    assert "Transcript stopped" in out.getvalue().decode()


def test_no_transcript_can_be_stopped(node: ShellNode) -> None:
    assert node.error("Stop-Transcript").error_id == "InvalidOperation"
