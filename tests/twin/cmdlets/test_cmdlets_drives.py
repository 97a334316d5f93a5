"""Drives that a session makes, and those that it has ([D] PSD 5.1 about_Providers)."""

from __future__ import annotations

from tests.twin.cmdlets.shell_nodes import ShellNode

_MADE = "New-Item -Force C:\\a\\b\\c.txt -Value hi | Out-Null; New-PSDrive W FileSystem C:\\a | Out-Null; "


def test_a_drive_stands_for_a_folder(node: ShellNode) -> None:
    assert (
        node.text(f"{_MADE}Get-Content W:\\b\\c.txt; Copy-Item W:\\b\\c.txt W:\\d.txt; Test-Path C:\\a\\d.txt")
        == "hi\nTrue"
    )
    assert node.text(f"{_MADE}(Get-PSDrive W).Root; Remove-PSDrive W; Test-Path W:\\b") == "C:\\a\nFalse"


def test_a_drive_stands_for_a_registry_key(node: ShellNode) -> None:
    key = "HKLM:\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
    script = f"New-PSDrive -Name Ver -PSProvider Registry -Root '{key}' | Out-Null; "
    assert node.text(script + "(Get-ItemProperty Ver:\\).InstallationType") == "Server Core"


def test_what_a_drive_cannot_stand_for(node: ShellNode) -> None:
    assert node.error("New-PSDrive X FileSystem C:\\none").error_id == "DriveRootError"
    assert node.error("New-PSDrive C FileSystem C:\\Windows").error_id == "DriveAlreadyExists"
    assert node.error("New-PSDrive X Nope C:\\").error_id == "ProviderNotFound"
    assert node.error("New-PSDrive X FileSystem \\\\srv\\share").error_id == "TwinLimitation"
    assert node.error("Remove-PSDrive X").error_id == "DriveNotFound"


def test_certificate_stores_are_said_to_be_unknown(node: ShellNode) -> None:
    assert "certificate store" in node.error("Get-ChildItem Cert:\\LocalMachine\\My").message


def test_a_date_minus_nothing_could_be_two_things(node: ShellNode) -> None:
    assert node.error("(Get-Date) - $null").error_id == "MethodCountCouldNotFindBest"


def test_the_engine_resolves_a_path_that_is_not_there(node: ShellNode) -> None:
    state = "$ExecutionContext.SessionState"
    assert node.text(f"{state}.LanguageMode; {state}.Path.GetUnresolvedProviderPathFromPSPath('.\\x\\..\\y')") == (
        "FullLanguage\nC:\\Users\\hil\\y"
    )
