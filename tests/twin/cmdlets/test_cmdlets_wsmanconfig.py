"""Settings of WinRM on a node ([D] PSD Microsoft.WSMan.Management)."""

from __future__ import annotations

from tests.twin.cmdlets.shell_nodes import ShellNode

_HOSTS = "WSMan:\\localhost\\Client\\TrustedHosts"


def test_trusted_hosts_are_kept_and_added_to(node: ShellNode) -> None:
    node.run(f"Set-Item {_HOSTS} -Value a -Force; Set-Item {_HOSTS} -Value b -Concatenate -Force")
    assert node.text(f"(Get-Item {_HOSTS}).Value") == "a,b"


def test_a_change_that_is_not_forced_would_ask(node: ShellNode) -> None:
    assert node.error(f"Set-Item {_HOSTS} -Value a").error_id == "InvalidOperation"
    assert node.text("Set-Item WSMan:\\localhost\\Shell\\IdleTimeout 9; 'set'") == "set"


def test_settings_are_listed(node: ShellNode) -> None:
    assert node.text("(Get-ChildItem WSMan:\\localhost\\Shell).Count; Test-Path WSMan:\\localhost\\Nope") == "7\nFalse"
    assert node.error("Get-Item WSMan:\\localhost\\Nope").error_id == "PathNotFound"
    assert node.error("Get-Item WSMan:\\other\\Client").error_id == "TwinLimitation"


def test_credssp_is_what_the_registry_says(node: ShellNode) -> None:
    shown = node.one("Enable-WSManCredSSP -Role Client -DelegateComputer '*.lab' -Force")
    assert shown.get("CredSSP") == "true"
    value = "(Get-ItemProperty HKLM:\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WSMAN\\Client).auth_credssp"
    assert node.text(value) == "1"
    assert "wsman/*.lab" in node.text("Get-WSManCredSSP")
    assert "is not configured to allow" in node.text("Disable-WSManCredSSP -Role Client; Get-WSManCredSSP")


def test_paths_are_shown_without_dots(node: ShellNode) -> None:
    assert node.error("Get-Item .\\none.txt").message == (
        "Cannot find path 'C:\\Users\\hil\\none.txt' because it does not exist."
    )
    assert node.text("cd C:\\Windows\\System32; cd ..; (Get-Location).Path") == "C:\\Windows"
