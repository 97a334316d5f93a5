"""Renaming, clearing and looking at files of a node by commands and .NET ([D] PSD 5.1)."""

from __future__ import annotations

from harness.twin.shell.text import to_text
from tests.twin.cmdlets.shell_nodes import ShellNode

_MADE = "1..2 | ForEach-Object { New-Item -Force C:\\Temp\\f$_.txt -Value x | Out-Null }; "


def test_each_file_gets_a_name_of_its_own(node: ShellNode) -> None:
    node.run(f"{_MADE}Get-ChildItem C:\\Temp\\*.txt | Rename-Item -NewName {{ $_.BaseName + '.log' }}")
    assert node.text("(Get-ChildItem C:\\Temp).Name -join ' '") == "f1.log f2.log"


def test_a_missing_file_cannot_be_renamed(node: ShellNode) -> None:
    assert node.error("Rename-Item C:\\none.txt other.txt").error_id == "InvalidOperation"


def test_cleared_files_stay(node: ShellNode) -> None:
    assert node.text(f"{_MADE}Clear-Content C:\\Temp\\f1.txt; (Get-Item C:\\Temp\\f1.txt).Length") == "0"


def test_a_parameter_may_be_a_file(node: ShellNode) -> None:
    script = 'function F([IO.FileInfo] $File) { "$($File.Name) $($File.Exists)" }; F C:\\Temp\\f1.txt; F C:\\none.txt'
    assert node.text(_MADE + script) == "f1.txt True\nnone.txt False"


def test_a_temporary_file_is_a_file(node: ShellNode) -> None:
    node.node.files.make_folder("C:\\Windows\\Temp")
    assert node.text("(New-TemporaryFile).Length; (Get-ChildItem C:\\Windows\\Temp\\*.tmp).Count") == "0\n1"


def test_a_search_below_a_missing_folder_says_so(node: ShellNode) -> None:
    assert node.error("Get-ChildItem C:\\none\\*.log -Recurse").error_id == "PathNotFound"
    assert node.error("Get-ChildItem X:\\*.log").error_id == "DriveNotFound"


def test_one_object_counts_as_one(node: ShellNode) -> None:
    assert node.text("(Get-Item C:\\Windows).Count; (Get-Service wuauserv).Length") == "1\n1"
    assert node.text("$null -eq ([pscustomobject]@{ A = 1 }).Count") == "True"
    assert node.text("$null -eq (Get-CimInstance Win32_OperatingSystem).Count") == "True"


_TWO = "New-Item -Force C:\\m\\a.txt -Value one | Out-Null; New-Item -Force C:\\m\\sub\\b.txt | Out-Null; "


def test_files_and_folders_have_their_methods(node: ShellNode) -> None:
    folder = f"{_TWO}$d = Get-Item C:\\m; "
    assert node.text(folder + "$d.GetFiles('*.txt').Name; $d.GetDirectories().Name") == "a.txt\nsub"
    assert node.text(folder + "$d.CreateSubdirectory('n').Name; $d.Delete($true); Test-Path C:\\m") == "n\nFalse"
    file = f"{_TWO}$f = Get-Item C:\\m\\a.txt; "
    assert node.text(file + "$f.CopyTo('C:\\m\\c.txt').Length; $f.OpenText().ReadToEnd()") == "3\none"
    assert node.text(file + "$f.MoveTo('C:\\m\\e.txt'); Test-Path C:\\m\\e.txt; $f.Name") == "True\na.txt"
    assert node.error(f"{file}$f.CopyTo('C:\\m\\sub\\b.txt')").error_id == "IOException"


def test_net_knows_times_folders_and_drives(node: ShellNode) -> None:
    assert node.text(f"{_TWO}[IO.File]::GetLastWriteTime('C:\\m\\a.txt').Year") == "2025"
    assert node.text(f"{_TWO}[IO.Directory]::Delete('C:\\m', $true); Test-Path C:\\m") == "False"
    assert node.error(f"{_TWO}[IO.Directory]::Delete('C:\\m')").error_id == "IOException"
    assert node.text("([IO.DriveInfo]'C').AvailableFreeSpace -eq (Get-PSDrive C).Free; [TimeZoneInfo]::Local.Id") == (
        "True\nUTC"
    )


def test_attributes_and_ages_of_files(node: ShellNode) -> None:
    node.run(_TWO)
    assert (
        node.text("@(Get-ChildItem C:\\m -Hidden).Count; (Get-ChildItem C:\\m -Attributes !Directory).Name")
        == "0\na.txt"
    )
    assert node.text("(Get-ChildItem C:\\m -Attributes d).Name") == "sub"
    assert (
        node.text("Test-Path C:\\m -NewerThan '2030-01-01'; Test-Path C:\\m -OlderThan '2030-01-01'") == "False\nTrue"
    )


def test_nothing_is_waited_for_in_a_file(node: ShellNode) -> None:
    out, errors, _ = node.run(f"{_TWO}Get-Content C:\\m\\a.txt -Wait -Tail 1")
    assert ([to_text(line) for line in out], [error.error_id for error in errors]) == (["one"], ["TwinLimitation"])
